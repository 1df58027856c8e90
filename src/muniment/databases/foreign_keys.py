"""Foreign keys that are built after the rows: taken away from empty tables, and made when they are full.

What is missing is told by comparing the schema with the tables' definitions: nothing else need be remembered,
and a load that died in between left nothing that could be out of date. Only PostgreSQL does so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.schema import AddConstraint, DropConstraint

from muniment.databases.database import Database, Transaction
from muniment.errors import DatabaseError, RowRefused

BUILDING_MEMORY = "256MB"
"""`maintenance_work_mem` while a foreign key is checked: the ids of some millions of parents."""

PATIENCE = "2s"
"""How long to wait for others to leave a table whose keys are to be taken away, which is no necessity."""

NAMED_ROWS = 5
"""Rows that an error names: enough to see what they have in common."""

_PRESENT = sa.text(
    "SELECT conname FROM pg_constraint WHERE contype = 'f' AND convalidated"
    " AND connamespace = current_schema()::regnamespace"
)

_OWNED = sa.text(
    "SELECT count(*) FILTER (WHERE pg_has_role(relowner, 'USAGE')), count(*) FROM pg_class"
    " WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace AND relname IN :names"
).bindparams(sa.bindparam("names", expanding=True))

Key = sa.ForeignKeyConstraint


def keys_of(tables: Iterable[sa.Table]) -> list[Key]:
    """All foreign keys of some tables, in a fixed order."""
    return [
        key for table in tables for key in sorted(table.foreign_key_constraints, key=lambda k: str(k.name))
    ]


def missing(connection: sa.Connection, tables: Sequence[sa.Table]) -> list[Key]:
    """Those foreign keys of tables which the database should have and has not."""
    if connection.dialect.name != "postgresql":
        return []
    there = set(sa.inspect(connection).get_table_names())
    present = set(connection.scalars(_PRESENT))
    return [key for key in keys_of(tables) if key.table.name in there and str(key.name) not in present]


def may_be_taken_away(transaction: Transaction, tables: Sequence[sa.Table]) -> bool:
    """Whether the user of a transaction owns these tables, and those that they refer to."""
    names = {table.name for table in tables} | {key.referred_table.name for key in keys_of(tables)}
    counts: tuple[int, ...] = tuple(transaction.execute(_OWNED, {"names": sorted(names)}).one())
    return set(counts) == {len(names)}


def are_empty(transaction: Transaction, tables: Iterable[sa.Table]) -> bool:
    """Whether there is no row in any of these tables."""
    return not any(
        transaction.execute(sa.select(sa.exists(sa.select(sa.literal(1)).select_from(table)))).scalar()
        for table in tables
    )


def take_away(transaction: Transaction, keys: Iterable[Key]) -> None:
    """Remove foreign keys; raises `DatabaseError` where others are in the way too long."""
    transaction.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
    for key in keys:
        transaction.execute(DropConstraint(key))


def build(database: Database, key: Key) -> None:
    """Add a foreign key that is missing, which reads its table as a whole.

    Raises:
        DatabaseError: some rows refer to what is not there; it names them.
    """
    try:
        with database.schema_lock() as transaction:
            transaction.execute(sa.text("SET LOCAL statement_timeout = 0"))
            transaction.execute(sa.text(f"SET LOCAL maintenance_work_mem = '{BUILDING_MEMORY}'"))
            if key in missing(transaction.connection, [key.table]):
                transaction.execute(AddConstraint(key))
    except RowRefused as refused:
        raise _unbuildable(database, key) from refused


def _unbuildable(database: Database, key: Key) -> DatabaseError:
    """What to say of a foreign key that its rows do not fulfil."""
    child, parent = key.table, key.referred_table.alias()
    element = next(iter(key.elements))  # all of ours have one column
    column = element.parent
    found = sa.select(*child.primary_key.columns, column).where(
        column.is_not(None), ~sa.exists().where(parent.c[element.column.name] == column)
    )
    with database.transaction() as transaction:
        rows = [dict(row._mapping) for row in transaction.execute(found.limit(NAMED_ROWS + 1))]
    named = "; ".join(
        ", ".join(f"{name} {value}" for name, value in row.items()) for row in rows[:NAMED_ROWS]
    )
    more = " and more" if len(rows) > NAMED_ROWS else ""
    return DatabaseError(
        f"the foreign key {key.name} cannot be built: rows of {child.name} refer to what is not in"
        f" {key.referred_table.name}: {named}{more}",
        hint="Remove these rows, or add what they refer to, and run the same load again",
        where=database.label,
    )
