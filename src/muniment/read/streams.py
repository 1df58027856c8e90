"""Streams: all rows of a statement, in one pass, of which only one batch is in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

from muniment.read.arrow import Arrow
from muniment.read.asynchronous import fetched_batches
from muniment.read.background import has_faster_driver, in_background
from muniment.read.cursors import Selectable, Statement, statement_of
from muniment.read.rows import BATCH_ROWS, BatchFactory, Row, RowFactory, bounded, must_be_rows, tuples
from muniment.read.sources import Source, connected_to, opened

T = TypeVar("T")
B = TypeVar("B")


class Stream(Iterator[T], AbstractContextManager["Stream[T]"], Generic[T]):
    """Rows or batches while they are read.

    The query runs when the first one is asked for. At the end, or at an error, the stream closes itself; who
    stops earlier closes it, or uses it in a `with` block: cursor and connection are given back at once.
    """

    def __init__(self, items: Generator[T]) -> None:
        self._items = items

    def __next__(self) -> T:
        return next(self._items)

    def close(self) -> None:
        """Give back cursor and connection; there is nothing more to read then."""
        self._items.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@overload
def stream(source: Source, what: Selectable, *, batch_rows: int = ...) -> Stream[Row]: ...
@overload
def stream(source: Source, what: Selectable, *, rows: RowFactory[T], batch_rows: int = ...) -> Stream[T]: ...
def stream(
    source: Source, what: Selectable, *, rows: RowFactory[Any] = tuples, batch_rows: int = BATCH_ROWS
) -> Stream[Any]:
    """The rows of a statement or table, one by one, in flat memory.

    They are those of one moment: what others write meanwhile is not seen. For as long, a transaction is open.

    Args:
        source: a URL, which is read by the fastest driver that is installed; or an engine, a connection, or a
            database, read by its own.
        what: a table, a mapped class, or a statement that returns rows.
        rows: what a row becomes: `tuples`, `mappings`, `instances(...)` or `models(...)`.
        batch_rows: how many are fetched at a time, and held.

    Raises:
        UsageError: there is no such file, nothing to read in `what`, or its columns do not suit `rows`.
        DatabaseError: the statement is refused, or the server cuts it short: a stream that ends without an
            error has given every row.
    """
    return Stream(_each(_batches(source, statement_of(what), rows, bounded(batch_rows))))


@overload
def batches(source: Source, what: Selectable, *, batch_rows: int = ...) -> Stream[list[Row]]: ...
@overload
def batches(
    source: Source, what: Selectable, *, rows: BatchFactory[B], batch_rows: int = ...
) -> Stream[B]: ...
def batches(
    source: Source, what: Selectable, *, rows: BatchFactory[Any] = tuples, batch_rows: int = BATCH_ROWS
) -> Stream[Any]:
    """The rows of a statement or table, in batches; see `stream`.

    Args:
        source: as for `stream`.
        what: as for `stream`.
        rows: what a batch becomes: a list of what `stream` gives, or with `arrow` a record batch.
        batch_rows: rows of each batch; the last one may have fewer, and no batch is empty.
    """
    return Stream(_batches(source, statement_of(what), rows, bounded(batch_rows)))


def _batches(source: Source, statement: Statement, rows: BatchFactory[B], batch_rows: int) -> Generator[B]:
    if isinstance(source, str) and has_faster_driver(source):
        yield from in_background(fetched_batches(source, statement, rows, batch_rows))
        return
    if isinstance(source, str):
        with closing(connected_to(source)) as database:
            yield from _batches(database, statement, rows, batch_rows)
        return
    if isinstance(rows, Arrow):
        from muniment.read.adbc import batches_from

        direct: Any = batches_from(source, statement, rows, batch_rows)
        if (yield from direct):
            return
    with opened(source, statement) as cursor:
        make: Callable[..., B] = rows(cursor.columns)
        while fetched := cursor.fetch(batch_rows):
            yield make(fetched)


def _each(made: Generator[Any]) -> Generator[Any]:
    try:
        for batch in made:
            yield from must_be_rows(batch)
    finally:
        made.close()
