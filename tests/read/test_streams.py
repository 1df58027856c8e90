"""Streams and batches, on a real database of each kind."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.orm import DeclarativeBase

from muniment import read
from muniment.databases import Database, connect
from muniment.errors import DatabaseError, DatabaseUnavailable, SourceError, UsageError
from tests.faults.catalogue import fault
from tests.read.conftest import fill, works

only_on_servers = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
only_on_mariadb = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)

IN_ORDER = sa.select(works).order_by(works.c.id)
SHORT = sa.select(works.c.id, works.c.title).order_by(works.c.id)


def checked_out(database: Database) -> int:
    pool: Any = database.engine.pool
    return int(pool.checkedout())


@pytest.mark.parametrize("batch_rows", [1, 2, 99, 100, 101])
def test_a_stream_gives_every_row_as_it_was_stored(database: Database, batch_rows: int) -> None:
    rows = fill(database, 100)
    assert list(read.stream(database, IN_ORDER, batch_rows=batch_rows)) == rows


@pytest.mark.parametrize(("batch_rows", "sizes"), [(1, [1] * 10), (4, [4, 4, 2]), (5, [5, 5]), (11, [10])])
def test_batches_are_full_but_for_the_last_one(database: Database, batch_rows: int, sizes: list[int]) -> None:
    rows = fill(database, 10)
    found = list(read.batches(database, IN_ORDER, batch_rows=batch_rows))
    assert [len(batch) for batch in found] == sizes
    assert [row for batch in found for row in batch] == rows


def test_an_empty_table_gives_no_row_and_no_batch(database: Database) -> None:
    fill(database, 0)
    assert list(read.stream(database, works)) == []
    assert list(read.batches(database, works)) == []
    assert checked_out(database) == 0


def test_a_batch_of_no_rows_is_refused_before_anything_is_read(database: Database) -> None:
    with pytest.raises(UsageError, match="0 rows make no batch"):
        read.stream(database, works, batch_rows=0)


# --- what can be read, and from where -----------------------------------------------------------


class Base(DeclarativeBase):
    pass


class Work(Base):
    __table__ = works


@pytest.mark.parametrize("what", [works, Work, sa.select(Work), works.alias(), IN_ORDER.subquery()])
def test_a_table_a_class_and_a_statement_are_read_alike(database: Database, what: Any) -> None:
    rows = fill(database, 20)
    assert sorted(read.stream(database, what)) == rows


def test_plain_sql_is_read_and_takes_parameters(database: Database) -> None:
    rows = fill(database, 20)
    query = sa.text("SELECT id, title FROM works WHERE id <= :last ORDER BY id").bindparams(last=9)
    assert list(read.stream(database, query)) == [(row[0], row[2]) for row in rows[:9]]


def test_plain_sql_whose_types_are_told_gives_these_types(database: Database) -> None:
    rows = fill(database, 3)
    columns = (works.c.seen, works.c.on_view)
    query = sa.text("SELECT on_view, seen FROM works ORDER BY id").columns(*columns[::-1])
    assert list(read.stream(database, query)) == [(row[4], row[5]) for row in rows]


def test_the_same_column_may_be_read_twice_as_tuples_only(database: Database) -> None:
    fill(database, 2)
    query = sa.select(works.c.id, works.c.title.label("id")).order_by(works.c.id)
    assert [row[0] for row in read.stream(database, query)] == [1, 2]
    with pytest.raises(UsageError, match="more than one column is called id"):
        next(read.stream(database, query, rows=read.mappings))


def test_union_is_read_with_its_types(database: Database) -> None:
    rows = fill(database, 2)
    seen = sa.select(works.c.id, works.c.seen)
    query = sa.union_all(seen.where(works.c.id == 1), seen.where(works.c.id == 2))
    assert sorted(read.stream(database, query)) == [(row[0], row[5]) for row in rows]


def test_sources_are_urls_databases_engines_and_connections(database: Database, database_url: str) -> None:
    rows = fill(database, 5)
    with database.engine.connect() as connection:
        for source in (database_url, database, database.engine, connection):
            assert list(read.stream(source, IN_ORDER)) == rows


def test_on_a_connection_its_own_uncommitted_rows_are_seen(database: Database) -> None:
    fill(database, 3)
    with database.engine.connect() as connection:
        connection.execute(works.delete().where(works.c.id == 2))
        assert [row[0] for row in read.stream(connection, SHORT)] == [1, 3]
        connection.rollback()
        assert [row[0] for row in read.stream(connection, SHORT)] == [1, 2, 3]


@pytest.mark.parametrize("what", [works.insert(), "works", 5])
def test_what_cannot_be_read_is_refused_with_advice(database: Database, what: Any) -> None:
    with pytest.raises(UsageError, match=r"cannot be read.*sqlalchemy\.text"):
        read.stream(database, what)


def test_sql_that_returns_no_rows_is_refused_and_undone(database: Database) -> None:
    rows = fill(database, 3)
    with pytest.raises((UsageError, DatabaseError)):
        next(read.stream(database, sa.text("DELETE FROM works")))
    assert list(read.stream(database, IN_ORDER)) == rows


def test_a_statement_that_the_server_refuses_is_a_database_error_that_names_it(database: Database) -> None:
    with pytest.raises(DatabaseError) as raised:
        next(read.stream(database, sa.text("SELECT * FROM nowhere")))
    assert "nowhere" in raised.value.message
    assert raised.value.where == database.label
    assert checked_out(database) == 0


# --- what rows become ---------------------------------------------------------------------------


@dataclasses.dataclass
class Short:
    id: int
    title: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Turned:
    title: str | None
    id: int
    note: str = "none"


@dataclasses.dataclass(kw_only=True)
class Named:
    id: int
    title: str | None
    length: int = dataclasses.field(init=False, default=3)


@pytest.mark.parametrize(
    ("factory", "made"),
    [
        (read.tuples, lambda number, title: (number, title)),
        (read.mappings, lambda number, title: {"id": number, "title": title}),
        (read.instances(Short), Short),
        (read.instances(Turned), lambda number, title: Turned(title, number)),
        (read.instances(Named), lambda number, title: Named(id=number, title=title)),
        (read.instances(dict), lambda number, title: {"id": number, "title": title}),
    ],
)
def test_rows_become_what_the_factory_makes_of_them(
    database: Database, factory: Any, made: Callable[[int, Any], Any]
) -> None:
    rows = fill(database, 10)
    expected = [made(row[0], row[2]) for row in rows]
    assert list(read.stream(database, SHORT, rows=factory, batch_rows=3)) == expected
    found = list(read.batches(database, SHORT, rows=factory, batch_rows=3))
    assert [item for batch in found for item in batch] == expected


@dataclasses.dataclass
class Elsewhere:
    id: int
    place: str


def test_a_dataclass_that_does_not_fit_says_what_is_missing_and_what_is_too_much(database: Database) -> None:
    fill(database, 1)
    with pytest.raises(UsageError, match="Elsewhere has no field for title and needs place"):
        next(read.stream(database, SHORT, rows=read.instances(Elsewhere)))
    assert checked_out(database) == 0


class Seen(BaseModel):
    id: int
    seen: datetime | None


class Titled(BaseModel):
    id: int
    title: str = Field(min_length=1)


def test_rows_become_validated_models(database: Database) -> None:
    rows = fill(database, 9)
    query = sa.select(works.c.id, works.c.seen).order_by(works.c.id)
    expected = [Seen(id=row[0], seen=row[5]) for row in rows]
    assert list(read.stream(database, query, rows=read.models(Seen), batch_rows=2)) == expected


def test_a_row_that_does_not_fit_the_model_is_told_by_its_number_and_field(database: Database) -> None:
    fill(database, 9)
    found = read.stream(database, SHORT, rows=read.models(Titled), batch_rows=2)
    assert [next(found).id for _ in range(4)] == [1, 2, 3, 4]
    with pytest.raises(SourceError, match="row 5 of the result does not fit Titled: title: "):
        next(found)
    assert checked_out(database) == 0


def test_a_factory_serves_several_streams_each_with_its_own_count(database: Database) -> None:
    fill(database, 9)
    factory = read.models(Titled)
    for _ in range(2):
        with pytest.raises(SourceError, match="row 5 of"):
            list(read.stream(database, SHORT, rows=factory, batch_rows=4))


# --- ending early -------------------------------------------------------------------------------


MANY = 20_000


class LongRow(BaseModel):
    id: int
    long_row: str


LONG_ROW: list[tuple[str, pa.DataType]] = [("id", pa.int64()), ("long_row", pa.string())]

in_every_mode = pytest.mark.parametrize(
    "factory",
    [read.tuples, read.mappings, read.instances(dict), read.models(LongRow), read.arrow(pa.schema(LONG_ROW))],
    ids=["tuples", "mappings", "instances", "models", "arrow"],
)

LONG_ROWS = sa.text(f"SELECT a.id, '{'x' * 1000}' AS long_row FROM works a CROSS JOIN works b ORDER BY a.id")
"""A million rows of a kilobyte: more than any buffer between server and reader holds."""

PATIENCE_SECONDS = 60
"""For a server to notice, on a busy machine, that nobody listens any more."""

EACH_WITH_EACH = sa.text("SELECT * FROM works CROSS JOIN works b")
"""Far more rows than anybody reads to the end."""


def test_a_stream_that_is_closed_early_gives_its_connection_back(database: Database) -> None:
    fill(database, MANY)
    with read.stream(database, works, batch_rows=10) as rows:
        next(rows)
        assert checked_out(database) == 1
    assert checked_out(database) == 0
    assert list(rows) == []
    abandoned = read.batches(database, works, batch_rows=10)
    next(abandoned)
    del abandoned
    assert checked_out(database) == 0
    with database.transaction() as transaction:
        transaction.execute(sa.text("DROP TABLE works"))


@in_every_mode
def test_batches_that_are_closed_early_give_their_connection_back_in_every_mode(
    database: Database, database_url: str, factory: Any
) -> None:
    fill(database, 1_000)
    with read.batches(database, LONG_ROWS, rows=factory, batch_rows=10) as found:
        next(found)
        assert checked_out(database) == 1
    assert checked_out(database) == 0
    with read.batches(database_url, LONG_ROWS, rows=factory, batch_rows=10) as found:
        next(found)
    with database.transaction() as transaction:
        transaction.execute(sa.text("DROP TABLE works"))


def test_an_error_of_the_readers_own_closes_the_stream(database: Database) -> None:
    fill(database, 100)

    def fail() -> None:
        with read.stream(database, works, batch_rows=10) as rows:
            next(rows)
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fail()
    assert checked_out(database) == 0


def test_a_stream_that_is_never_begun_takes_no_connection(database: Database) -> None:
    with read.stream(database, works):
        assert checked_out(database) == 0


@only_on_servers
def test_the_query_of_a_closed_stream_no_longer_runs_on_the_server(database: Database) -> None:
    fill(database, MANY)
    running = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND query LIKE '%works%'"
        " AND pid <> pg_backend_pid() AND datname = current_database()",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%works%'"
        " AND db = DATABASE() AND id <> CONNECTION_ID()",
    }[database.engine.dialect.name]
    with read.stream(database, EACH_WITH_EACH, batch_rows=10) as rows:
        next(rows)
    with database.engine.connect() as connection:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while connection.scalar(sa.text(running)):
            assert time.monotonic() < deadline
            connection.rollback()
            time.sleep(0.05)


@pytest.mark.parametrize("database_url", ["postgresql", "sqlite"], indirect=True)
def test_a_stream_on_a_connection_closed_early_leaves_postgresql_and_sqlite_transactions_whole(
    database: Database,
) -> None:
    fill(database, MANY)
    with database.engine.begin() as connection:
        connection.execute(works.update().where(works.c.id == 1).values(title="new"))
        with read.stream(connection, works, batch_rows=10) as rows:
            next(rows)
    assert next(read.stream(database, SHORT))[1] == "new"


# --- cut by the server --------------------------------------------------------------------------


SESSION_OF = {
    "postgresql": "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND state = 'idle in transaction'",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    " AND info LIKE '%long_row%'",
}


def cut(database: Database, how: str) -> None:
    dialect = database.engine.dialect.name
    with database.engine.connect() as connection:
        number = connection.scalars(sa.text(SESSION_OF[dialect])).first()
        assert number is not None
        connection.exec_driver_sql(how.format(number))


def read_on(rows: Iterator[Any]) -> None:
    for _ in rows:
        pass


@in_every_mode
@only_on_servers
def test_a_stream_whose_session_is_ended_raises_and_never_ends_short(
    database: Database, database_url: str, factory: Any
) -> None:
    fill(database, 1_000)
    how = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}
    for source in (database, database_url):
        with read.batches(source, LONG_ROWS, rows=factory, batch_rows=100) as found:
            next(found)
            cut(database, how[database.engine.dialect.name])
            with pytest.raises(DatabaseUnavailable):
                read_on(found)
            assert checked_out(database) == 0
        assert len(list(read.stream(database, works))) == 1_000


@only_on_mariadb
def test_a_stream_whose_query_is_ended_raises_and_never_ends_short(
    database: Database, database_url: str
) -> None:
    fill(database, 1_000)
    for source in (database, database_url):
        with read.stream(source, LONG_ROWS, batch_rows=100) as rows:
            next(rows)
            cut(database, "KILL QUERY {}")
            with pytest.raises(DatabaseError, match="interrupted"):
                read_on(rows)
            assert checked_out(database) == 0
    assert len(list(read.stream(database, works))) == 1_000


def test_a_row_on_which_the_query_fails_raises_after_the_rows_before_it(database: Database) -> None:
    fill(database, 500)
    if database.engine.dialect.name == "mysql":
        failing = "CASE WHEN id = 400 THEN (SELECT w.id FROM works w) ELSE id END"
    elif database.engine.dialect.name == "sqlite":
        failing = "CASE WHEN id = 400 THEN json('{') ELSE id END"
    else:
        failing = "1 / (400 - id)"
    query = sa.text(f"SELECT id, {failing} FROM (SELECT id FROM works ORDER BY id LIMIT 500) AS ordered")
    found: list[int] = []
    with pytest.raises(DatabaseError):
        found.extend(row[0] for row in read.stream(database, query, batch_rows=100))
    assert found == list(range(1, len(found) + 1))
    assert 100 <= len(found) < 400
    assert checked_out(database) == 0


@fault(18, "mariadb")
@only_on_mariadb
def test_a_reader_too_slow_for_the_servers_patience_is_told_so(database: Database) -> None:
    fill(database, 1_000)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION net_write_timeout = 1")
        rows = read.stream(connection, LONG_ROWS, batch_rows=100)
        next(rows)
        with database.engine.connect() as other:  # until the server has given up
            while other.scalars(sa.text(SESSION_OF["mysql"])).first() is not None:
                other.exec_driver_sql("SELECT SLEEP(0.1)")
        with pytest.raises(DatabaseUnavailable):
            read_on(rows)


def test_a_sqlite_file_that_is_damaged_further_on_raises(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'damaged.db'}"
    database = connect(url)
    fill(database, 5_000)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    path = tmp_path / "damaged.db"
    half = path.stat().st_size // 2
    with path.open("r+b") as file:
        file.seek(half)
        file.write(b"\xff" * half)
    with pytest.raises(DatabaseError):
        list(read.stream(url, works))


# --- by URL, with the fastest driver ------------------------------------------------------------


@only_on_mariadb
def test_a_url_of_mariadb_is_read_by_the_faster_driver_to_the_same_rows(
    database: Database, database_url: str
) -> None:
    rows = fill(database, 1_000)
    drivers = []
    for source in (database_url, database):
        with read.stream(source, IN_ORDER, batch_rows=100) as found:
            first = next(found)
            drivers.append(
                [thread.name for thread in threading.enumerate() if "muniment-read" in thread.name]
            )
            assert [first, *found] == rows
    assert len(drivers[0]) == 1
    assert drivers[1] == []


@only_on_mariadb
def test_inside_a_running_event_loop_a_url_is_read_too(database: Database, database_url: str) -> None:
    rows = fill(database, 10)

    async def work() -> list[Any]:
        return list(read.stream(database_url, IN_ORDER))

    assert asyncio.run(work()) == rows


def test_a_url_that_is_closed_early_leaves_nothing_behind(database: Database, database_url: str) -> None:
    fill(database, MANY)
    before = threading.active_count()
    with read.stream(database_url, works, batch_rows=10) as rows:
        next(rows)
    assert threading.active_count() == before
    with database.transaction() as transaction:
        transaction.execute(sa.text("DROP TABLE works"))


@pytest.mark.parametrize("reading", [read.stream, read.batches, read.pages, read.stream_async])
def test_reading_a_sqlite_file_that_is_not_there_makes_none(tmp_path: Path, reading: Any) -> None:
    path = tmp_path / "nothing.db"
    key = ("id",) if reading is read.pages else ()

    async def first() -> None:
        await anext(reading(f"sqlite:///{path}", works))

    with pytest.raises(UsageError, match=rf"there is no database at {path}"):
        asyncio.run(first()) if reading is read.stream_async else next(
            reading(f"sqlite:///{path}", works, *key)
        )
    assert not path.exists()
