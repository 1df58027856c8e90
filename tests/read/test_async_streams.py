"""Streams in async programs, over each async driver and a real database of each kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from muniment import read
from muniment.databases import Database, connect
from muniment.databases.async_engines import async_engine
from muniment.errors import DatabaseError, DatabaseUnavailable, SourceError, UsageError
from tests.read.conftest import fill, works
from tests.read.test_streams import EACH_WITH_EACH, LONG_ROWS, MANY, Titled, cut, in_every_mode

IN_ORDER = sa.select(works).order_by(works.c.id)
SHORT = sa.select(works.c.id, works.c.title).order_by(works.c.id)

SERVERS = [("postgresql", "postgresql"), ("postgresql", "postgresql+psycopg"), ("mariadb", "mariadb")]
"""A kind of database, and how URLs begin that mean one of its async drivers."""

with_every_driver = pytest.mark.parametrize(
    ("database_url", "scheme"), [("sqlite", "sqlite"), *SERVERS], indirect=["database_url"]
)
with_every_server = pytest.mark.parametrize(("database_url", "scheme"), SERVERS, indirect=["database_url"])


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = connect(database_url)
    yield opened
    opened.close()


@pytest.fixture
def async_url(database_url: str, scheme: str) -> str:
    return scheme + database_url[database_url.index(":") :]


@asynccontextmanager
async def engine_at(url: str) -> AsyncIterator[AsyncEngine]:
    engine = async_engine(url)
    yield engine
    await engine.dispose()


def checked_out(engine: AsyncEngine) -> int:
    pool: Any = engine.pool
    return int(pool.checkedout())


async def usable(engine: AsyncEngine) -> bool:
    """Whether the engine's next connection does as it is told, on the same or another session."""
    async with engine.connect() as connection:
        return await connection.scalar(sa.select(sa.literal(1))) == 1


@with_every_driver
@pytest.mark.parametrize("batch_rows", [1, 60, 100, 1_000])
def test_an_async_stream_gives_every_row_as_it_was_stored(
    database: Database, async_url: str, batch_rows: int
) -> None:
    rows = fill(database, 100)

    async def work() -> None:
        async with engine_at(async_url) as engine:
            found = [row async for row in read.stream_async(engine, IN_ORDER, batch_rows=batch_rows)]
            assert found == rows
            batches = [batch async for batch in read.batches_async(engine, IN_ORDER, batch_rows=batch_rows)]
            assert [row for batch in batches for row in batch] == rows
            assert all(len(batch) == batch_rows for batch in batches[:-1])
            assert checked_out(engine) == 0

    asyncio.run(work())


@with_every_driver
def test_a_url_and_a_connection_are_read_too_and_every_factory_serves(
    database: Database, async_url: str
) -> None:
    rows = fill(database, 20)

    async def work() -> None:
        assert [row async for row in read.stream_async(async_url, IN_ORDER)] == rows
        found = [row async for row in read.stream_async(async_url, SHORT, rows=read.mappings)]
        assert found == [{"id": row[0], "title": row[2]} for row in rows]
        async with engine_at(async_url) as engine, engine.connect() as connection:
            await connection.execute(works.delete().where(works.c.id > 5))
            assert [row async for row in read.stream_async(connection, IN_ORDER)] == rows[:5]
            batches = [b async for b in read.batches_async(connection, SHORT, rows=read.arrow())]
            assert [batch.num_rows for batch in batches] == [5]

    asyncio.run(work())


@with_every_driver
def test_no_row_is_no_batch(database: Database, async_url: str) -> None:
    fill(database, 0)

    async def work() -> None:
        assert [batch async for batch in read.batches_async(async_url, works)] == []

    asyncio.run(work())


@in_every_mode
@with_every_driver
def test_batches_that_are_closed_early_give_their_connection_back_in_every_mode(
    database: Database, async_url: str, factory: Any
) -> None:
    fill(database, 1_000)

    async def work() -> None:
        async with engine_at(async_url) as engine:
            async with read.batches_async(engine, LONG_ROWS, rows=factory, batch_rows=10) as found:
                await anext(found)
                assert checked_out(engine) == 1
            assert checked_out(engine) == 0
            assert await usable(engine)

    asyncio.run(work())


@with_every_driver
def test_a_stream_that_is_closed_early_gives_its_connection_back_at_once(
    database: Database, async_url: str
) -> None:
    fill(database, MANY)

    async def work() -> None:
        async with engine_at(async_url) as engine:
            async with read.stream_async(engine, EACH_WITH_EACH, batch_rows=10) as rows:
                await anext(rows)
                assert checked_out(engine) == 1
            assert checked_out(engine) == 0
            assert [row async for row in rows] == []
            assert await usable(engine)

    asyncio.run(work())


@with_every_driver
def test_who_takes_the_only_row_and_asks_for_no_more_waits_for_nothing(async_url: str) -> None:
    async def work() -> None:
        async with asyncio.timeout(60), engine_at(async_url) as engine:
            async with read.stream_async(engine, sa.text("SELECT 1")) as rows:
                assert tuple(await anext(rows)) == (1,)
            assert await usable(engine)

    asyncio.run(work())


LONG = sa.text("SELECT a.id FROM works a CROSS JOIN works b")

SLOW = {
    "sqlite": LONG,
    "postgresql": sa.text("SELECT pg_sleep(60)"),
    "mysql": sa.text("SELECT SLEEP(3)"),  # which goes on: these servers notice when they have rows to send
}


@with_every_driver
def test_a_task_that_is_cancelled_while_it_fetches_leaves_no_connection_behind(
    database: Database, async_url: str
) -> None:
    fill(database, 2_000)
    slow = SLOW[database.engine.dialect.name]

    async def work() -> None:
        async with engine_at(async_url) as engine:
            begun = asyncio.Event()

            async def read_it() -> None:
                async with engine.connect():
                    begun.set()
                async for _ in read.stream_async(engine, slow, batch_rows=9):
                    pass

            task = asyncio.create_task(read_it())
            await begun.wait()
            while checked_out(engine) == 0:
                await asyncio.sleep(0)
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert checked_out(engine) == 0
            assert await usable(engine)
            assert len([row async for row in read.stream_async(engine, works)]) == 2_000

    asyncio.run(work())


@in_every_mode
@with_every_driver
def test_a_task_that_is_cancelled_between_two_batches_leaves_no_connection_behind(
    database: Database, async_url: str, factory: Any
) -> None:
    fill(database, 1_000)

    async def work() -> None:
        async with engine_at(async_url) as engine:
            reading = asyncio.Event()

            async def read_it() -> None:
                async with read.batches_async(engine, LONG_ROWS, rows=factory, batch_rows=10) as found:
                    async for _ in found:
                        reading.set()

            task = asyncio.create_task(read_it())
            await reading.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert checked_out(engine) == 0
            assert len([row async for row in read.stream_async(engine, works)]) == 1_000

    asyncio.run(work())


@with_every_driver
def test_a_task_that_is_cancelled_between_two_rows_leaves_no_connection_behind(
    database: Database, async_url: str
) -> None:
    fill(database, 2_000)

    async def work() -> None:
        async with engine_at(async_url) as engine:
            reading = asyncio.Event()

            async def read_it() -> None:
                async with read.stream_async(engine, LONG, batch_rows=100) as rows:
                    async for _ in rows:
                        reading.set()
                        await asyncio.sleep(0)

            task = asyncio.create_task(read_it())
            await reading.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert checked_out(engine) == 0
            assert len([row async for row in read.stream_async(engine, works)]) == 2_000

    asyncio.run(work())


@in_every_mode
@with_every_server
def test_an_async_stream_that_the_server_cuts_raises_and_never_ends_short(
    database: Database, async_url: str, factory: Any
) -> None:
    fill(database, 1_000)
    how = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}

    async def work() -> None:
        async with engine_at(async_url) as engine:
            found = read.batches_async(engine, LONG_ROWS, rows=factory, batch_rows=100)
            await anext(found)
            cut(database, how[database.engine.dialect.name])
            with pytest.raises(DatabaseUnavailable):
                async for _ in found:
                    pass
            assert checked_out(engine) == 0
            assert await usable(engine)

    asyncio.run(work())


@with_every_driver
def test_a_statement_that_the_database_refuses_is_a_database_error(
    database: Database, async_url: str
) -> None:
    fill(database, 1)

    async def work() -> None:
        with pytest.raises(DatabaseError, match="nowhere"):
            await anext(read.stream_async(async_url, sa.text("SELECT * FROM nowhere")))

    asyncio.run(work())


@with_every_driver
def test_errors_that_are_not_the_databases_stay_what_they_are(database: Database, async_url: str) -> None:
    fill(database, 9)

    async def work() -> None:
        async with engine_at(async_url) as engine:
            with pytest.raises(SourceError, match="row 5 of"):
                async for _ in read.stream_async(engine, SHORT, rows=read.models(Titled), batch_rows=2):
                    pass
            with pytest.raises(UsageError, match="not a list of rows"):
                await anext(read.stream_async(engine, SHORT, rows=read.arrow()))  # type: ignore[arg-type]  # what is tested
            assert checked_out(engine) == 0

    asyncio.run(work())


def test_what_cannot_be_read_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read.stream_async("sqlite://", works.insert())  # type: ignore[call-overload]  # what is tested
    with pytest.raises(UsageError, match="0 rows make no batch"):
        read.batches_async("sqlite://", works, batch_rows=0)
