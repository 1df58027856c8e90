"""A statement's rows, fetched from the database in batches: the one place where reading meets drivers.

SQLAlchemy compiles and executes the statement; the driver's own cursor is then read directly, and only those
columns are converted whose type asks for it. SQLAlchemy's own rows cost twice what the fastest driver does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.processors import to_float

from muniment.errors import UsageError
from muniment.read.rows import Columns, Row

Statement = sa.Select[Any] | sa.CompoundSelect[Any] | sa.TextClause | sa.TextualSelect
Selectable = Statement | sa.FromClause | type[Any]
"""A statement that returns rows; or a table, alias, subquery or mapped class: all of its columns."""

MYSQL = ("mysql", "mariadb")
"""SQLAlchemy's names of these dialects."""

MYSQL_FLOATS = (4, 5)
"""FLOAT and DOUBLE, as the protocol of these servers numbers types: columns of which drivers give floats. To
make these floats again takes longer than to read them."""

Processor = Callable[[Any], Any]

SERVER_SIDE = {"stream_results": True, "max_row_buffer": 1}
"""Rows stay on the server until they are fetched. SQLAlchemy itself takes one, to learn the columns."""

ALL_ROWS = "SET LOCAL cursor_tuple_fraction = 1"
"""Else PostgreSQL plans for a tenth of the rows, and may take a way that is slower for all of them."""


def statement_of(what: Selectable) -> Statement:
    """The statement that reads `what`."""
    if isinstance(what, sa.FromClause | type):
        return sa.select(what)
    if isinstance(what, sa.Select | sa.CompoundSelect | sa.TextClause | sa.TextualSelect):
        return what
    raise UsageError(
        f"a {type(what).__name__} cannot be read",
        hint="Give a table, sqlalchemy.select(...), or SQL as sqlalchemy.text(...)",
    )


class ServerCursor:
    """The rows of a statement that was executed, of which those not fetched yet are left on the server.

    What drivers raise leaves here as it is: the caller wraps it.

    Attributes:
        columns: their names and types.
    """

    def __init__(self, connection: sa.Connection, statement: Statement) -> None:
        self._result = connection.execute(statement, execution_options=SERVER_SIDE)
        if not self._result.returns_rows or self._result.cursor is None:
            raise UsageError("this statement returns no rows", hint="Reading takes SELECT and its like")
        self._driver: Any = self._result.cursor
        described = self._driver.description
        names = tuple(self._result.keys())
        self.columns = Columns(names, _types(statement, names))
        self._processors = _processors(connection.dialect, self.columns.types, described)
        self._first: list[Row] = [tuple(row) for row in self._result.fetchmany(1)]
        self._ended = not self._first
        self._sends_all = connection.dialect.name in MYSQL

    def fetch(self, count: int) -> Sequence[Row]:
        """The next rows, at most `count` of them; none at the end."""
        rows, self._first = self._first, []
        if self._ended or len(rows) >= count:
            return rows
        fetched = self._driver.fetchmany(count - len(rows))
        self._ended = not fetched
        return [*rows, *self._processed(fetched)] if rows else self._processed(fetched)

    def close(self) -> bool:
        """Close it, and say whether its connection can be used again.

        MySQL and MariaDB cannot be told to stop sending: their connection is given up, not read to the end.
        """
        if self._ended or not self._sends_all:
            self._result.close()
            return True
        unread: Any = getattr(self._driver, "_result", None)
        if hasattr(unread, "unbuffered_active"):
            # Else PyMySQL reads on when it is thrown away, from a connection that is closed.
            unread.unbuffered_active = False
        return False

    def _processed(self, rows: Sequence[Row]) -> Sequence[Row]:
        if not self._processors or not rows:
            return rows
        columns: list[Any] = list(zip(*rows, strict=True))
        for place, process in self._processors.items():
            columns[place] = map(process, columns[place])
        return list(zip(*columns, strict=True))


def _types(statement: Statement, names: Sequence[str]) -> tuple[sa.types.TypeEngine[Any], ...]:
    selected = [] if isinstance(statement, sa.TextClause) else list(statement.selected_columns)
    if len(selected) == len(names) and not isinstance(statement, sa.TextualSelect):
        return tuple(column.type for column in selected)
    # Plain SQL, or columns written as such: known are those whose types were told, by their names.
    told = {column.key: column.type for column in selected}
    return tuple(told.get(name, sa.types.NullType()) for name in names)


def _processors(
    dialect: sa.Dialect, types: Sequence[sa.types.TypeEngine[Any]], described: Sequence[Sequence[Any]]
) -> dict[int, Processor]:
    """By place, what turns the driver's value into the type's, where there is anything to do."""
    found: dict[int, Processor] = {}
    for place, (kind, column) in enumerate(zip(types, described, strict=True)):
        process = kind.dialect_impl(dialect).result_processor(dialect, column[1])
        is_float = process is to_float and dialect.name in MYSQL and column[1] in MYSQL_FLOATS
        if process is not None and not is_float:
            found[place] = process
    return found
