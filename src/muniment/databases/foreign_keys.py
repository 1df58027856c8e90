"""Foreign keys that are built after the rows: taken away from empty tables, and made when they are full.

What is missing is told by comparing the schema with the tables' definitions: nothing else need be remembered,
and a load that died in between left nothing that could be out of date. Only PostgreSQL does so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import AddConstraint, DropConstraint

from muniment.databases.database import Database, Transaction
from muniment.databases.errors import driver_errors
from muniment.errors import DatabaseError, RowRefused

BUILDING_MEMORY = "256MB"
"""`maintenance_work_mem` while a foreign key is checked: the ids of some millions of parents."""

BUILDERS = 2
"""Tables whose keys are checked at once: half the time on two cores, and twice `BUILDING_MEMORY`."""

CANCEL_SECONDS = 0.1
"""How long to wait for a cancelled check to end before it is cancelled again."""

PATIENCE = "2s"
"""How long to wait for others to leave a table whose keys are to be taken away, which is no necessity."""

NAMED_ROWS = 5
"""Rows that an error names: enough to see what they have in common."""

_PRESENT = sa.text(
    "SELECT conname, convalidated FROM pg_constraint WHERE contype = 'f'"
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
    """Those foreign keys of tables which the database should have and has not, or not for all rows."""
    if connection.dialect.name != "postgresql":
        return []
    there = set(sa.inspect(connection).get_table_names())
    valid = {name for name, is_valid in _present(connection).items() if is_valid}
    return [key for key in keys_of(tables) if key.table.name in there and key.name not in valid]


def _present(connection: sa.Connection) -> dict[str, bool]:
    """By name of each foreign key, whether it is known to hold for all rows."""
    return {name: is_valid for name, is_valid in connection.execute(_PRESENT)}  # noqa: C416 - as rows, untyped


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
    """Remove those foreign keys that are there; raises `DatabaseError` where others are in the way."""
    present = _present(transaction.connection)
    transaction.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
    for key in keys:
        if key.name in present:
            transaction.execute(DropConstraint(key))


def build(database: Database, keys: Iterable[Key]) -> None:
    """Add foreign keys that are missing, several at once; that reads their tables as a whole.

    Each is declared first, for rows to come, which takes no time and needs the table for itself. Then it is
    checked against those that are there, while others may write.

    Raises:
        DatabaseError: some rows refer to what is not there; it names them.
    """
    tables = [list(of_one) for _, of_one in groupby(keys, key=lambda key: key.table.name)]
    for of_one in tables:
        _declare(database, of_one)  # all before any is checked: that locks out who declares one more
    checks = _Checks(database)
    with ThreadPoolExecutor(BUILDERS, thread_name_prefix="muniment-build") as builders:
        try:
            # One table's keys are checked one after the other: to check one locks out the check of another.
            list(builders.map(checks.of_a_table, tables))
        except BaseException:
            checks.end()  # else this thread would wait for them, and a check may take hours
            raise


def _declare(database: Database, keys: Sequence[Key]) -> None:
    with database.schema_lock() as transaction:
        present = _present(transaction.connection)
        for key in keys:
            if key.name not in present:
                added = AddConstraint(key).compile(dialect=transaction.connection.dialect)
                transaction.execute(sa.text(f"{added} NOT VALID"))


class _Checks:
    """Checks of foreign keys, by several threads, which another can end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._running: set[Any] = set()
        self._ended = False

    def of_a_table(self, keys: Sequence[Key]) -> None:
        """Check the keys of one table against all its rows."""
        for key in keys:
            if not self._ended:
                self.check(key)

    def check(self, key: Key) -> None:
        """Check a key; raises `DatabaseError` where rows do not fulfil it."""
        try:
            with self._database.transaction() as transaction, self._among_running(transaction):
                write = transaction.connection.dialect.identifier_preparer
                table, name = write.format_table(key.table), write.format_constraint(key)
                transaction.execute(sa.text("SET LOCAL statement_timeout = 0"))
                transaction.execute(sa.text(f"SET LOCAL maintenance_work_mem = '{BUILDING_MEMORY}'"))
                transaction.execute(sa.text(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"))
        except RowRefused as refused:
            raise _unbuildable(self._database, key) from refused

    def end(self) -> None:
        """Cancel what runs, and begin nothing more. A cancellation between two statements has no effect."""
        self._ended = True
        while self._running:
            for connection in list(self._running):
                with suppress(*driver_errors()):  # closed meanwhile
                    connection.cancel()
            time.sleep(CANCEL_SECONDS)

    @contextmanager
    def _among_running(self, transaction: Transaction) -> Iterator[None]:
        connection = transaction.connection.connection.driver_connection
        self._running.add(connection)
        try:
            yield
        finally:
            self._running.discard(connection)


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
