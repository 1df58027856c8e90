"""The same streams for async programs: over asyncpg, psycopg, asyncmy or aiosqlite.

What reads is the same cursor as in a program that is not async; SQLAlchemy runs each step of it as a
coroutine. A task that is cancelled in the middle of a fetch leaves a connection of which nobody knows what it
will say next: it is closed, not given to somebody else.
"""

from __future__ import annotations

import asyncio
import sqlite3
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, overload

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from muniment.cancellation import surely
from muniment.databases.async_engines import async_engine
from muniment.databases.errors import CHECK_TLS, forget_values, mysql_error, postgresql_error, wrapped
from muniment.databases.url import ASYNC_DRIVERS, label, must_be_there, parsed
from muniment.errors import DatabaseError, DatabaseUnavailable, MunimentError
from muniment.read.cursors import ALL_ROWS, Selectable, ServerCursor, Statement, statement_of
from muniment.read.rows import BATCH_ROWS, BatchFactory, Row, RowFactory, bounded, must_be_rows, tuples
from muniment.records import shortened

T = TypeVar("T")
B = TypeVar("B")

AsyncSource = str | AsyncEngine | AsyncConnection
"""A URL is connected to while the reading lasts. On a connection, reading is part of its transaction."""


class AsyncStream(AsyncIterator[T], AbstractAsyncContextManager["AsyncStream[T]"], Generic[T]):
    """Rows or batches while they are read; as `Stream`, and to be closed with `aclose` or `async with`."""

    def __init__(self, items: AsyncGenerator[T]) -> None:
        self._items = items

    async def __anext__(self) -> T:
        return await anext(self._items)

    async def aclose(self) -> None:
        """Give back cursor and connection; there is nothing more to read then."""
        await self._items.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


@overload
def stream_async(source: AsyncSource, what: Selectable, *, batch_rows: int = ...) -> AsyncStream[Row]: ...
@overload
def stream_async(
    source: AsyncSource, what: Selectable, *, rows: RowFactory[T], batch_rows: int = ...
) -> AsyncStream[T]: ...
def stream_async(
    source: AsyncSource, what: Selectable, *, rows: RowFactory[Any] = tuples, batch_rows: int = BATCH_ROWS
) -> AsyncStream[Any]:
    """As `muniment.read.stream`, for `async for`.

    Args:
        source: a URL, an async engine, or an async connection.
        what: as for `stream`.
        rows: as for `stream`.
        batch_rows: as for `stream`.

    Raises:
        UsageError: as `stream`; or the async driver is not installed.
        DatabaseError: as `stream`.
    """
    return AsyncStream(_each(fetched_batches(source, statement_of(what), rows, bounded(batch_rows))))


@overload
def batches_async(
    source: AsyncSource, what: Selectable, *, batch_rows: int = ...
) -> AsyncStream[list[Row]]: ...
@overload
def batches_async(
    source: AsyncSource, what: Selectable, *, rows: BatchFactory[B], batch_rows: int = ...
) -> AsyncStream[B]: ...
def batches_async(
    source: AsyncSource, what: Selectable, *, rows: BatchFactory[Any] = tuples, batch_rows: int = BATCH_ROWS
) -> AsyncStream[Any]:
    """As `muniment.read.batches`, for `async for`; see `stream_async`."""
    return AsyncStream(fetched_batches(source, statement_of(what), rows, bounded(batch_rows)))


async def fetched_batches(
    source: AsyncSource, statement: Statement, rows: BatchFactory[B], batch_rows: int
) -> AsyncGenerator[B]:
    """The batches of a statement, one at a time."""
    async with _connected(source) as connection, _opened(connection, statement) as cursor:
        make = rows(cursor.columns)
        async with _receiving_what_is_asked_for(connection) as receiving:
            while True:
                async with receiving():
                    fetched = await connection.run_sync(lambda _: cursor.fetch(batch_rows))
                if not fetched:
                    return
                yield make(fetched)


@asynccontextmanager
async def _receiving_what_is_asked_for(
    connection: AsyncConnection,
) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[Any]]]:
    """A block for each fetch, outside of which asyncmy receives nothing; else it stores all that arrives."""
    if connection.dialect.driver != "asyncmy":
        yield nullcontext
        return
    raw: Any = (await connection.get_raw_connection()).driver_connection
    transport = raw._transport
    # Its own deadline lets the event loop go round, and store more, several times for each wait.
    seconds, raw._read_timeout = raw._read_timeout, None

    @asynccontextmanager
    async def receiving() -> AsyncIterator[None]:
        transport.resume_reading()
        async with asyncio.timeout(seconds):
            yield
        transport.pause_reading()

    transport.pause_reading()
    try:
        yield receiving
    finally:
        # Whoever stops before the end leaves a connection that has yet to be given back, or closed.
        transport.resume_reading()
        raw._read_timeout = seconds


async def _each(made: AsyncGenerator[Any]) -> AsyncGenerator[Any]:
    try:
        async for batch in made:
            for item in must_be_rows(batch):
                yield item
    finally:
        await made.aclose()


@asynccontextmanager
async def _connected(source: AsyncSource) -> AsyncIterator[AsyncConnection]:
    if isinstance(source, AsyncConnection):
        async with _wrapping(label(source.engine.url)):
            yield source
        return
    if isinstance(source, str):
        must_be_there(parsed(source, ASYNC_DRIVERS))
    engine = async_engine(source) if isinstance(source, str) else source
    try:
        async with _wrapping(label(engine.url)):
            connection = await engine.connect()
            try:
                if engine.dialect.name == "postgresql":
                    await connection.exec_driver_sql(ALL_ROWS)
                yield connection
            finally:
                await surely(connection.close())
    finally:
        if isinstance(source, str):
            await surely(engine.dispose())


@asynccontextmanager
async def _opened(connection: AsyncConnection, statement: Statement) -> AsyncIterator[ServerCursor]:
    cursor = None
    try:
        cursor = await connection.run_sync(ServerCursor, statement)
        yield cursor
    except BaseException as error:
        # A reader who has had enough stops between two fetches; any other end may have come amidst one.
        await surely(_close(connection, cursor, in_order=isinstance(error, GeneratorExit)))
        raise
    await _close(connection, cursor, in_order=True)


async def _close(connection: AsyncConnection, cursor: ServerCursor | None, *, in_order: bool) -> None:
    usable = in_order
    if cursor is not None:
        try:
            usable &= await connection.run_sync(lambda _: cursor.close())
        except Exception:  # noqa: BLE001 - the error that led here is the one to tell
            usable = False
    # SQLite has no connection that could be lost, and a database in memory that must not be.
    if not usable and connection.dialect.name != "sqlite":
        await connection.invalidate()


@asynccontextmanager
async def _wrapping(where: str) -> AsyncIterator[None]:
    """Let what async drivers raise leave as an error of `muniment.errors`."""
    try:
        yield
    except Exception as error:
        known = _known(error, where)
        if known is None:
            raise
        forget_values(error, known.message)
        raise known from error


def _known(error: Exception, where: str) -> MunimentError | None:
    cause: BaseException = error
    if isinstance(error, sa.exc.StatementError) and error.orig is not None:
        cause = error.orig
    cause = cause.__cause__ if isinstance(cause.__cause__, Exception) and hasattr(cause, "pgcode") else cause
    if isinstance(cause, MunimentError):
        return None
    driver = type(cause).__module__.partition(".")[0]
    if driver == "psycopg" or isinstance(cause, sqlite3.Error):
        return wrapped(cause, where)
    if driver == "asyncmy" and len(cause.args) > 1:
        return mysql_error(int(cause.args[0]), str(cause.args[1]), where)
    if driver == "asyncpg":
        return _of_asyncpg(cause, where)
    if isinstance(cause, ssl.SSLCertVerificationError) or "rejected SSL" in str(cause):
        return DatabaseError(str(cause), hint=CHECK_TLS, where=where)
    if isinstance(cause, ConnectionError | TimeoutError):
        return DatabaseUnavailable(str(cause) or "the server does not answer", where=where)
    return wrapped(error, where) if isinstance(error, sa.exc.SQLAlchemyError) else None


def _of_asyncpg(cause: BaseException, where: str) -> DatabaseError:
    # What the driver itself says, such as that the connection is closed, has no SQLSTATE.
    state = getattr(cause, "sqlstate", None)
    if state is None:
        return DatabaseUnavailable(shortened(str(cause).strip().partition("\n")[0]), where=where)
    return postgresql_error(str(state), cause, where)
