"""What is exported: items in the order of a key, read page by page without a transaction in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import sqlalchemy as sa

from muniment.databases.database import behind
from muniment.errors import UsageError
from muniment.exports.columns import columns_of, converters
from muniment.exports.format import FileFormat
from muniment.registry import own_tables

PAGE_ROWS = 2_000
"""Rows read at a time: enough to make little of a query, few enough to stay flat with long texts."""

Key = Any
"""Where an item stands in the order: an id, or the values of a table's key."""


class Dataset(Protocol):
    """Items that go into files of one kind. Plain data, so that any process may have it.

    Attributes:
        name: how the names of its files begin.
        format: what its files are.
        optional: whether no file is written where there are no items.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  # told above
    @property
    def format(self) -> FileFormat: ...  # noqa: D102  # told above
    @property
    def optional(self) -> bool: ...  # noqa: D102  # told above

    def description(self) -> str:
        """What is chosen, in words that are the same for the same choice."""
        ...

    def cuts(self, connection: sa.Connection, size: int) -> Iterator[tuple[Key, int]]:
        """The last key of each `size` successive items, and how many they are; the last may be fewer."""
        ...

    def pages(
        self, connection: sa.Connection, after: Key | None, last: Key | None
    ) -> Iterator[Sequence[Any]]:
        """The items behind the key `after` up to `last`, in their order."""
        ...


@dataclass(frozen=True)
class TableRows:
    """The rows of a table, in the order of its primary key; see `Dataset`."""

    table: sa.Table
    format: FileFormat
    where: tuple[tuple[str, Any], ...] = ()
    optional: bool = False

    @property
    def name(self) -> str:
        """The table's."""
        return self.table.name

    def description(self) -> str:
        """See `Dataset`."""
        return f"table {self.name} {self.where}"

    @cached_property
    def _key(self) -> list[sa.Column[Any]]:
        return list(self.table.primary_key.columns)

    def cuts(self, connection: sa.Connection, size: int) -> Iterator[tuple[Key, int]]:
        """See `Dataset`; without a key there is one cut."""
        if not self._key:
            total = connection.scalar(self._chosen(sa.func.count()).select_from(self.table))
            if total:
                yield None, total
            return
        query = self._chosen(*self._key).order_by(*self._key)
        count, last = 0, None
        for page in self._pages(connection, query, None, None):
            for key in page:
                count, last = count + 1, tuple(key)
                if count == size:
                    yield last, count
                    count = 0
        if count:
            yield last, count

    def pages(
        self, connection: sa.Connection, after: Key | None, last: Key | None
    ) -> Iterator[Sequence[Any]]:
        """See `Dataset`."""
        todo = converters(columns_of(self.table))
        query = self._chosen(*self.table.columns)
        if self._key:
            pages = self._pages(connection, query.order_by(*self._key), after, last)
        else:
            pages = _at_once(connection, query)
        for page in pages:
            yield [_converted(row, todo) for row in page]

    def _chosen(self, *columns: Any) -> sa.Select[Any]:
        return sa.select(*columns).where(*(self.table.c[name] == value for name, value in self.where))

    def _pages(
        self, connection: sa.Connection, query: sa.Select[Any], after: Key | None, last: Key | None
    ) -> Iterator[Sequence[sa.Row[Any]]]:
        names = [column.name for column in self._key]
        bounded = query.where(_not_behind(self._key, last)) if last is not None else query
        bounded = bounded.limit(PAGE_ROWS)
        while True:
            chosen = bounded.where(behind(self._key, after)) if after is not None else bounded
            page = connection.execute(chosen).all()
            connection.rollback()  # nothing stays open while a page is written
            if page:
                yield page
                after = tuple(page[-1]._mapping[name] for name in names)
            if len(page) < PAGE_ROWS:
                return


def _at_once(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    """All rows by one statement, page by page."""
    with connection.execute(query.execution_options(yield_per=PAGE_ROWS)) as found:
        yield from found.partitions()


def _not_behind(key: Sequence[sa.Column[Any]], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The opposite of `behind`."""
    first, *others = key
    within: sa.ColumnElement[bool] = first <= values[0]
    if not others:
        return within
    further = sa.or_(first < values[0], _not_behind(others, values[1:]))
    return sa.and_(within, further)


def _converted(row: sa.Row[Any], todo: Sequence[tuple[int, Any]]) -> Sequence[Any]:
    cells = list(row)
    for index, convert in todo:
        if cells[index] is not None:
            cells[index] = convert(cells[index])
    return cells


def table_named(connection: sa.Connection, name: str) -> sa.Table:
    """A table of the database; raises `UsageError` where there is none."""
    if not sa.inspect(connection).has_table(name):
        names = ", ".join(sa.inspect(connection).get_table_names())
        raise UsageError(f"there is no table {name!r} in this database", hint=f"There are {names}")
    known = own_tables().get(name)
    if known is not None:
        return known
    return sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
