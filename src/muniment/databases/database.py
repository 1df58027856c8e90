"""What the engine asks of a database: transactions, bulk writes, savepoints, a lock for the schema.

SQLAlchemy Core owns the schema, the dialects and all small statements; the raw driver owns the bulk
path. Whatever a driver raises leaves here as one of the errors of `muniment.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal

from muniment.columns import Encoded

KEYS_A_QUERY = 2_000
"""Values in one IN list: those of a chunk of common size, and below every driver's limit on parameters."""


_SOME: sa.BindParameter[Any] = sa.bindparam("some_values", expanding=True)


class Among(sa.ColumnElement[bool]):
    """Whether a column holds one of `some_values`, which PostgreSQL takes as a single array.

    Of a list, SQLAlchemy and psycopg write out each value: that costs more than the query does.
    """

    inherit_cache = True
    type = sa.Boolean()
    _traverse_internals = (  # type: ignore[assignment]  # it is only iterated over
        ("column", InternalTraversal.dp_clauseelement),
    )

    def __init__(self, column: sa.Column[Any]) -> None:
        self.column = column

    def self_group(self, against: object = None) -> Among:  # noqa: ARG002 - SQLAlchemy's
        """Itself. SQLAlchemy would make `… IN (…) = 1` of it, which no index of SQLite or MariaDB serves."""
        return self


@compiles(Among)
def _in_list(element: Among, compiler: SQLCompiler, **how: Any) -> str:
    return compiler.process(element.column.in_(_SOME), **how)


@compiles(Among, "postgresql")
def _in_array(element: Among, compiler: SQLCompiler, **how: Any) -> str:
    values: Any = sa.bindparam("some_values", type_=sa.ARRAY(element.column.type))
    return compiler.process(element.column == sa.any_(values), **how)


Restrictable = sa.Select[Any] | sa.Update | sa.Delete


def where_in(
    execute: Callable[[sa.Executable, dict[str, Any]], sa.CursorResult[Any]],
    statement: Restrictable,
    column: sa.ColumnElement[Any],
    values: Sequence[Any],
) -> Iterator[sa.CursorResult[Any]]:
    """Execute a statement on the rows whose `column` is among `values`, in as many parts as that takes.

    The values are bound when it is executed. Bound within the statement they would be part of a reference
    cycle, and all keys of a chunk would wait for Python's cycle collector.

    Args:
        execute: of a transaction or connection.
        statement: without the condition.
        column: one column, or a tuple of some.
        values: what it may hold.
    """
    restricted = statement.where(Among(column) if isinstance(column, sa.Column) else column.in_(_SOME))
    for start in range(0, len(values), KEYS_A_QUERY):
        yield execute(restricted, {"some_values": list(values[start : start + KEYS_A_QUERY])})


def behind(key: Sequence[sa.Column[Any]], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The condition that a row stands behind one with these values of the key.

    Spelled out, with a bound on the first column by itself: not every database uses an index for
    `(a, b) > (1, 2)`.
    """
    first, *others = key
    further: sa.ColumnElement[bool] = first > values[0]
    if not others:
        return further
    return sa.and_(first >= values[0], sa.or_(further, behind(others, values[1:])))


def rows_in(
    execute: Callable[[sa.Executable, dict[str, Any]], sa.CursorResult[Any]],
    query: sa.Select[Any],
    column: sa.ColumnElement[Any],
    values: Sequence[Any],
) -> Iterator[sa.Row[Any]]:
    """The rows of a query whose `column` is among `values`; see `where_in`."""
    for result in where_in(execute, query, column, values):
        yield from result


Value = str | int | float | bool | bytes | datetime | None
"""What a cell of a bulk write may be. Text is valid Unicode without NUL, a datetime has its time zone."""

Rows = Sequence[Sequence[Value]]
"""Rows of a bulk write, each with a cell for every column named beside them; at best `ColumnarRows`."""


class Transaction(Protocol):
    """An open transaction on one connection.

    Attributes:
        connection: for Core statements. What they raise is wrapped when it leaves `transaction()` or
            `savepoint()`.
    """

    connection: sa.Connection

    def execute(
        self,
        statement: sa.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sa.CursorResult[Any]:
        """Execute a Core statement, its errors wrapped."""
        ...

    def insert(self, table: sa.Table, columns: Sequence[str], rows: Rows | Encoded) -> None:
        """Insert rows by the database's bulk path; all of them, or an error.

        After an error some may be there until the savepoint or transaction is rolled back.

        Raises:
            RowRefused, DuplicateKey: the database refuses at least one of the rows.
        """
        ...

    def insert_missing(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
        """Insert those rows whose primary or unique key is not there yet, leaving the others alone.

        Safe against other writers doing the same; the caller sorts the rows, so that two writers
        cannot deadlock.
        """
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """A savepoint: rolled back to when its block raises, released otherwise."""
        ...


class Database(Protocol):
    """One database.

    Attributes:
        label: the URL without its password, for people.
        engine: for readers; loading goes through `transaction`.
    """

    label: str
    engine: sa.Engine

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction: committed when its block ends, rolled back when it raises."""
        ...

    def unhurried_transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction whose commit need not wait for the disk: the next of another kind that writes does.

        A crash of the server may take back the last of these, whole, and none but the last.
        """
        ...

    def durable_transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction after whose commit it, and all before it, is on the disk, as far as one may ask so.

        `is_durable` tells whether the database does as it is asked.
        """
        ...

    def is_durable(self) -> bool:
        """Whether what a durable transaction has committed outlasts a crash of the server and its machine."""
        ...

    def encode(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> Encoded | None:
        """Rows as `insert` sends them, where that is known before the transaction; from any thread."""
        ...

    def schema_lock(self) -> AbstractContextManager[Transaction]:
        """A transaction under which no one else creates or upgrades the schema."""
        ...

    def beside(self) -> Database:
        """The same database once more, over connections of its own."""
        ...

    def break_off(self) -> None:
        """Have fail, soon, what other threads do in transactions; the server rolls it back."""
        ...

    def close(self) -> None:
        """Give back all connections."""
        ...
