"""Servers that speak another language than English: what is known by its words alone is known there too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from muniment.databases import connect
from muniment.databases.errors import TIMED_OUT_IN
from muniment.errors import DatabaseError, DatabaseUnavailable, DuplicateKey, StatementTimeout
from muniment.read import stream_async
from tests import servers
from tests.acceptance.loading import opened
from tests.databases.test_engines import with_options
from tests.faults.loading import administer
from tests.faults.test_sessions import until_ended

SLEEP = "SELECT pg_sleep(60)"

CANCEL = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    " AND state = 'active' AND clock_timestamp() - query_start > interval '1 second'"
)
"""Whatever takes longer than a second: of a stream that is a FETCH, without the words of its statement."""


@pytest.fixture(scope="module")
def german() -> Iterator[str]:
    """The URL of a PostgreSQL that speaks German, where its translations are installed."""
    with servers.own_postgresql(options=("lc_messages=C.UTF-8",), language="de") as server:
        yield with_options(server.url, "statement_seconds=1")


@pytest.fixture(autouse=True)
def _no_language_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even English, so that it does not matter whether the translations are there."""
    for described in list(TIMED_OUT_IN):
        monkeypatch.delitem(TIMED_OUT_IN, described)


def by_psycopg(url: str) -> None:
    with opened(url) as database, database.transaction() as transaction:
        transaction.execute(sa.text(SLEEP))


def by_asyncpg(url: str) -> None:
    async def ask() -> None:
        async with stream_async(url, sa.text(SLEEP)) as rows:
            assert [row async for row in rows] == []

    asyncio.run(ask())


def by_async_psycopg(url: str) -> None:
    by_asyncpg(url.replace("postgresql:", "postgresql+psycopg:"))


every_driver = pytest.mark.parametrize("sleep", [by_psycopg, by_asyncpg, by_async_psycopg])
Sleep = Callable[[str], None]


@every_driver
def test_a_limit_on_time_is_known_in_any_language(german: str, sleep: Sleep) -> None:
    with pytest.raises(StatementTimeout):
        sleep(german)
    assert len(TIMED_OUT_IN) == 1


@every_driver
def test_an_operator_who_cancels_is_known_in_any_language(german: str, sleep: Sleep) -> None:
    cancelling = until_ended(lambda: administer(german.partition("?")[0], CANCEL))
    try:
        with pytest.raises(DatabaseError, match="cancelled it") as raised:
            sleep(with_options(german, "statement_seconds=50"))
    finally:
        cancelling()
    assert not isinstance(raised.value, DatabaseUnavailable)


def test_mariadb_is_asked_for_english_in_which_it_names_the_key_that_is_taken() -> None:
    with servers.own_mariadb(options=("--lc-messages=de_DE",)) as server:
        database = connect(server.url)
        administer(
            server.url, "CREATE DATABASE shop", "CREATE TABLE shop.x (n INTEGER, UNIQUE KEY taken (n))"
        )
        with pytest.raises(DuplicateKey) as refused, database.transaction() as transaction:
            transaction.execute(sa.text("INSERT INTO shop.x VALUES (1), (1)"))
        database.close()
    assert refused.value.constraint == "taken"
