"""What each role may do with the tables, as SQL: those who migrate, those who load, those who read.

What may never change, no loader may change: the `info` of tables and columns says which that is
(`muniment.databases.types`), and on MySQL and PostgreSQL a right can be given for single columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.sql.compiler import IdentifierPreparer

from muniment.databases.database import Database
from muniment.errors import UsageError
from muniment.ledger import run_table
from muniment.migrations import VERSION_TABLE
from muniment.registry import staged_beside, tables_of_all_profiles


class Role(StrEnum):
    """Who may do what."""

    MIGRATOR = "migrator"
    LOADER = "loader"
    READER = "reader"


MIGRATING_POSTGRESQL = "USAGE, CREATE ON SCHEMA public"

MIGRATING_MYSQL = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW ON {schema}.*"
)
"""`DROP` is for the small table that marks an upgrade in progress."""


def grants(database: Database, role: Role, user: str, tables: Sequence[str] = ()) -> list[str]:
    """The statements that give a user what a role needs, and nothing more.

    Args:
        database: with the tables; for those who load or read, they must be there.
        role: which.
        user: who; on MySQL and MariaDB `name` or `name@host`.
        tables: tables of models, beside Muniment's own.

    Raises:
        UsageError: the database has no users, or a table is not there.
    """
    with database.engine.connect() as connection:
        dialect = connection.dialect
        if dialect.name == "sqlite":
            raise UsageError(
                "SQLite knows no users: who may write the file may do everything",
                where=database.label,
                hint="Its triggers refuse to change what is only inserted into",
            )
        present = _present(connection)
        whole = _whom(dialect, user)
        if role is Role.MIGRATOR:
            return [f"GRANT {_migrating(connection)} TO {whole}"]
        if not {run_table.name, *tables} <= present.keys():
            missing = ", ".join(sorted({run_table.name, *tables} - present.keys()))
            raise UsageError(
                f"there is no table {missing} yet",
                where=database.label,
                hint="`muniment migrate` makes the tables; the rights are given after it",
            )
        opening = ["GRANT USAGE ON SCHEMA public"] if dialect.name == "postgresql" else []
        if role is Role.LOADER and dialect.name == "postgresql":
            opening.append("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public")
        rights = _rights(connection, role, present, tables)
        return [f"{statement} TO {whole}" for statement in (*opening, *rights)]


def _present(connection: sa.Connection) -> dict[str, bool]:
    """The names of all tables and views there are, with whether they are tables."""
    inspector = sa.inspect(connection)
    return dict.fromkeys(inspector.get_view_names(), False) | dict.fromkeys(inspector.get_table_names(), True)


def _whom(dialect: sa.Dialect, user: str) -> str:
    if dialect.name == "postgresql":
        return dialect.identifier_preparer.quote_identifier(user)
    name, _, host = user.partition("@")
    return "@".join("'" + part.replace("\\", "\\\\").replace("'", "''") + "'" for part in (name, host or "%"))


def _migrating(connection: sa.Connection) -> str:
    if connection.dialect.name == "postgresql":
        return MIGRATING_POSTGRESQL
    schema = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
    return MIGRATING_MYSQL.format(schema=connection.dialect.identifier_preparer.quote_identifier(schema))


def _rights(
    connection: sa.Connection, role: Role, present: dict[str, bool], of_models: Sequence[str]
) -> Iterator[str]:
    """A statement without its user for each table and view that this role has to do with."""
    preparer = connection.dialect.identifier_preparer
    known = {table.name: table for table in tables_of_all_profiles()}
    staged = {*map(staged_beside, of_models)} if role is Role.LOADER else set()
    for name, is_table in sorted(present.items()):
        if is_table and name not in known.keys() | {VERSION_TABLE, *of_models} | staged:
            continue
        rights = "SELECT"
        if role is Role.LOADER and is_table and name != VERSION_TABLE:
            replaced = staged_beside(name) in present or name in staged
            rights += _writing(known.get(name), preparer, replaced=replaced)
        yield f"GRANT {rights} ON {preparer.quote_identifier(name)}"


def _writing(table: sa.Table | None, preparer: IdentifierPreparer, *, replaced: bool) -> str:
    """What a loader may do with a table besides reading; None stands for that of a model."""
    if table is None:
        return ", INSERT, UPDATE, DELETE" if replaced else ", INSERT, UPDATE"
    if table.info.get("insert_only"):
        return ", INSERT"
    updated = [preparer.quote_identifier(c.name) for c in table.columns if c.info.get("updated")]
    return f", INSERT, UPDATE ({', '.join(updated)})" if updated else ", INSERT, UPDATE, DELETE"
