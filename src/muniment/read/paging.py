"""Pages: all rows of a statement in the order of a key, page by page, nothing held in between.

Each page is a query of its own, which begins behind the last row of the page before: by an index this takes
the same time for every page. OFFSET would read and throw away all rows before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Generic, TypeVar, overload

import sqlalchemy as sa
import stamina
from sqlalchemy.orm import InstrumentedAttribute

from muniment.databases import Database
from muniment.databases.patience import untold_by_stamina
from muniment.errors import DatabaseUnavailable, UsageError
from muniment.read.cursors import Selectable, statement_of
from muniment.read.keys import must_be_exact, must_identify, token_of, values_of
from muniment.read.rows import BatchFactory, Columns, Row, tuples
from muniment.read.sources import connected, engine_of

B = TypeVar("B")
T = TypeVar("T")

PAGE_ROWS = 5_000
"""Rows of a page: a query for each costs little beside so many rows."""

ATTEMPTS, PATIENCE_SECONDS = 20, 30.0
"""How often, and for how long at the most, a page is asked for: a server restarts in less."""

KeyColumn = str | sa.Column[Any] | InstrumentedAttribute[Any]
Key = KeyColumn | Sequence[KeyColumn]
"""Columns, attributes of mapped classes, or names of columns that the statement selects."""


@dataclass(frozen=True, slots=True)
class Page(Generic[B]):
    """Some rows that follow each other.

    Attributes:
        rows: the rows, as their factory makes them; never empty.
        first, last: tokens of its first and last row: `after=page.last` goes on behind it, and
            `after=page.first` with the other direction goes back.
        more: whether there were rows behind it when it was read.
    """

    rows: B
    first: str
    last: str
    more: bool


@overload
def pages(
    source: str | Database | sa.Engine,
    what: Selectable,
    key: Key,
    *,
    page_rows: int = ...,
    after: str | None = ...,
    descending: bool = ...,
) -> Iterator[Page[list[Row]]]: ...
@overload
def pages(
    source: str | Database | sa.Engine,
    what: Selectable,
    key: Key,
    *,
    rows: BatchFactory[B],
    page_rows: int = ...,
    after: str | None = ...,
    descending: bool = ...,
) -> Iterator[Page[B]]: ...
def pages(
    source: str | Database | sa.Engine,
    what: Selectable,
    key: Key,
    *,
    rows: BatchFactory[Any] = tuples,
    page_rows: int = PAGE_ROWS,
    after: str | None = None,
    descending: bool = False,
) -> Iterator[Page[Any]]:
    """The rows of a table or SELECT in the order of a key, in pages, each a query of its own.

    Between pages neither connection nor transaction is held. So rows that others add or delete meanwhile
    are seen or not, depending on which side of the last key they are; each row that stays is given once.
    Where the server cannot answer just now, the page is asked for again for up to 30 seconds; by a token one
    can go on later still.

    Args:
        source: a URL, an engine, or a database.
        what: a table, a mapped class, or a SELECT without ORDER BY, LIMIT, GROUP BY, DISTINCT, outer joins.
        key: the column or columns that identify a row, in the order wanted. The database must enforce that
            they are unique and NOT NULL.
        rows: what a page's rows become; see `batches`.
        page_rows: how many a page has, except the last one.
        after: the `first` or `last` of a page, to begin behind that row.
        descending: from the largest key to the smallest.

    Raises:
        UsageError: the key does not identify rows, the token is of another key, or the statement has parts
            that pages cannot respect.
        DatabaseError: as for `stream`.
    """
    if isinstance(source, sa.Connection):
        raise UsageError(
            "pages hold no transaction, and a connection is one",
            hint="Give the engine, or read with muniment.read.batches",
        )
    if page_rows < 1:
        raise UsageError(f"{page_rows} rows make no page", hint="Give page_rows of 1 or more")
    query = _Query.of(statement_of(what), key, page_rows, descending)
    begin = values_of(after, query.names) if after is not None else None
    return _pages(source, query, begin, rows)


def _pages(
    source: str | Database | sa.Engine, query: _Query, begin: list[Any] | None, rows: BatchFactory[B]
) -> Iterator[Page[B]]:
    with engine_of(source) as engine:
        _persistently(partial(_must_suit, engine, query))
        make: Callable[[Sequence[Row]], B] | None = None
        more = True
        while more:
            columns, fetched = _persistently(partial(query.fetch, engine, begin))
            make = make or rows(columns)
            keys = [row[len(columns.names) :] for row in fetched]
            query.must_rise(keys)
            more = len(fetched) > query.page_rows
            if fetched:
                kept = [row[: len(columns.names)] for row in fetched[: query.page_rows]]
                begin = list(keys[len(kept) - 1])
                first, last = (token_of(query.names, found) for found in (keys[0], begin))
                yield Page(make(kept), first, last, more)


def _persistently(ask: Callable[[], T]) -> T:
    """What `ask` returns; it takes no arguments, for stamina tells them, and keys are values of rows."""
    with untold_by_stamina():
        return stamina.RetryingCaller(ATTEMPTS, PATIENCE_SECONDS)(DatabaseUnavailable, ask)


def _must_suit(engine: sa.Engine, query: _Query) -> None:
    with connected(engine) as connection:
        must_identify(connection, query.key, not_null=True)


@dataclass(frozen=True, slots=True)
class _Query:
    statement: sa.Select[Any]
    key: list[sa.Column[Any]]
    page_rows: int
    descending: bool

    @classmethod
    def of(cls, statement: Any, key: Key, page_rows: int, descending: bool) -> _Query:
        _must_be_plain(statement)
        wanted = list(key) if isinstance(key, list | tuple) else [key]
        columns = [_column(statement, name) for name in wanted]
        if not columns:
            raise UsageError("a key has at least one column", hint="Name the primary key")
        must_be_exact(columns)
        return cls(statement, columns, page_rows, descending)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.key]

    def fetch(self, engine: sa.Engine, begin: Sequence[Any] | None) -> tuple[Columns, list[Row]]:
        """The rows behind a key, and one more that tells whether there are others; their keys stand last."""
        order = [column.desc() if self.descending else column.asc() for column in self.key]
        query = self.statement.add_columns(*(c.label(f"page_key_{i}") for i, c in enumerate(self.key)))
        if begin is not None:
            query = query.where(self._behind(begin, engine.dialect.name))
        with connected(engine) as connection:
            result = connection.execute(query.order_by(*order).limit(self.page_rows + 1))
            names = tuple(result.keys())[: -len(self.key)]
            types = tuple(column.type for column in query.selected_columns)[: len(names)]
            return Columns(names, types), [tuple(row) for row in result]

    def _behind(self, begin: Sequence[Any], dialect: str) -> sa.ColumnElement[bool]:
        values = [sa.literal(value, column.type) for column, value in zip(self.key, begin, strict=True)]
        if dialect != "mysql":
            left, right = sa.tuple_(*self.key), sa.tuple_(*values)
            return left < right if self.descending else left > right
        # These servers do not use an index for a comparison of rows, but for one of the first column.
        first = self.key[0] <= values[0] if self.descending else self.key[0] >= values[0]
        return sa.and_(first, self._beyond(values, 0))

    def _beyond(self, values: Sequence[Any], place: int) -> sa.ColumnElement[bool]:
        column, value = self.key[place], values[place]
        further: sa.ColumnElement[bool] = column < value if self.descending else column > value
        if place == len(values) - 1:
            return further
        return sa.or_(further, sa.and_(column == value, self._beyond(values, place + 1)))

    def must_rise(self, keys: Sequence[Row]) -> None:
        """Raise where two rows have the same key: a page that ended between them would lose one."""
        for before, behind in pairwise(keys):
            if before == behind:
                raise UsageError(
                    f"more than one row of this statement has the key {before}: a join multiplies them",
                    hint="Add the key of the joined table to the key",
                )


def _column(statement: sa.Select[Any], wanted: Any) -> sa.Column[Any]:
    if isinstance(wanted, str):
        named = [column for column in statement.selected_columns if column.key == wanted]
        if not named:
            hint = "Give the column itself, or select it"
            raise UsageError(f"the statement does not select {wanted}", hint=hint)
        column = named[0]
    else:
        column = wanted.__clause_element__() if hasattr(wanted, "__clause_element__") else wanted
    if not isinstance(column, sa.Column):
        raise UsageError(f"{column} is no column of a table", hint="A key is made of columns of one table")
    return column


def _must_be_plain(statement: Any) -> None:
    """Raise where a statement is none that pages of it are simply parts of."""
    if not isinstance(statement, sa.Select):
        raise UsageError("pages take a SELECT", hint="Wrap it: sqlalchemy.select(statement.subquery())")
    parts = {
        "LIMIT": statement._limit_clause is not None,
        "OFFSET": statement._offset_clause is not None,
        "ORDER BY": bool(statement._order_by_clauses),
        "GROUP BY": bool(statement._group_by_clauses),
        "DISTINCT": statement._distinct,
        "an outer join": any(map(_is_outer, statement.get_final_froms())),
    }
    found = [name for name, there in parts.items() if there]
    if found:
        raise UsageError(
            f"pages of a statement with {', '.join(found)} cannot be told",
            hint="Leave it out; the order is that of the key",
        )


def _is_outer(part: Any) -> bool:
    return isinstance(part, sa.Join) and (
        part.isouter or part.full or _is_outer(part.left) or _is_outer(part.right)
    )
