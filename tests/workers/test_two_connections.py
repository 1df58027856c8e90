"""Museum records go into tables in use over two connections of one process."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment import RejectBudget, Settings, first_load
from muniment.databases.postgresql import PostgresDatabase
from muniment.errors import DatabaseError, Interrupted
from muniment.events import AttemptFailed, ChunkCommitted, RunStarted
from muniment.records import Chunk
from muniment.workers import loading
from muniment.workers.threads import NAME, Threads
from tests.acceptance.loading import content_of, execute, load, opened, query, vase, write
from tests.acceptance.program import PATIENCE_SECONDS
from tests.content import differences

ROWS, CHUNK_ROWS = 120, 10

SOON_SECONDS = 10.0
"""A load that is ended at once takes no longer; the lock that it waits for is held for longer."""

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write(tmp_path / "export.csv", [vase(n, maker=f"Maker {n % 17}") for n in range(1, ROWS + 1)])


def calm(export: Path) -> str:
    """Another database, into which the same is loaded in order."""
    url = f"sqlite:///{export.with_name('calm.db')}"
    load(export, url, chunk_rows=CHUNK_ROWS)
    return url


def must_be_whole(url: str, export: Path) -> None:
    assert query(url, "SELECT count(*) FROM chunk") == [(ROWS // CHUNK_ROWS,)]
    assert not list(differences(content_of(calm(export)), content_of(url)))


def writing() -> int:
    """How many threads write."""
    return sum(thread.name == NAME for thread in threading.enumerate())


def seeing(seen: list[int]) -> Callable[[object], None]:
    """An observer that notes how many threads write."""
    return lambda event: seen.append(writing()) if isinstance(event, ChunkCommitted) else None


def test_two_write_where_keys_are_checked_and_end_with_the_load(database_url: str, export: Path) -> None:
    seen: list[int] = []
    load(export, database_url, chunk_rows=CHUNK_ROWS, observer=seeing(seen))
    assert max(seen) == 2
    assert writing() == 0
    must_be_whole(database_url, export)


def test_a_first_load_whose_keys_are_built_after_it_goes_in_order(
    database_url: str, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_load, "WORTH_IT_BYTES", 0)
    seen: list[int] = []
    load(export, database_url, chunk_rows=CHUNK_ROWS, observer=seeing(seen))
    assert max(seen) == 0
    must_be_whole(database_url, export)


def test_a_second_connection_is_made_for_a_second_chunk_only(database_url: str, export: Path) -> None:
    seen: list[int] = []
    load(export, database_url, chunk_rows=ROWS, observer=seeing(seen))
    assert seen == [1]


def test_where_the_server_allows_no_second_connection_a_load_goes_in_order(
    database_url: str, export: Path
) -> None:
    load(write(export.with_name("none.csv"), []), database_url)
    made = sa.make_url(database_url)
    execute(
        database_url,
        "CREATE ROLE alone LOGIN PASSWORD 'alone' CONNECTION LIMIT 4",
        f'GRANT ALL ON DATABASE "{made.database}" TO alone',
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO alone",
        "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO alone",
    )
    alone = made.set(username="alone", password="alone").render_as_string(hide_password=False)
    failed: list[AttemptFailed] = []
    others = sa.create_engine(sa.make_url(alone).set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
    taken: list[sa.Connection] = []

    def observe(event: object) -> None:
        if isinstance(event, AttemptFailed):
            failed.append(event)
        while isinstance(event, RunStarted):
            try:
                taken.append(others.connect())
            except sa.exc.OperationalError:
                break

    try:
        run = load(export, alone, chunk_rows=CHUNK_ROWS, observer=observe)
        assert (run.status, run.account.inserted) == ("done", ROWS)
        assert run.rows_per_second > 0
        assert len(failed) == 1
        assert "too many connections" in failed[0].message
        assert taken
    finally:
        for connection in taken:
            connection.close()
        execute(database_url, "DROP OWNED BY alone", "DROP ROLE alone")


def test_a_second_signal_breaks_off_both_though_they_wait_for_a_lock(database_url: str, export: Path) -> None:
    load(export, database_url, chunk_rows=ROWS)
    changed = write(export, [vase(n, title=f"Changed {n}") for n in range(1, ROWS + 1)])
    with opened(database_url) as other, other.transaction() as holding:
        holding.execute(sa.text("SELECT object_id FROM object FOR UPDATE"))
        signals = threading.Thread(target=_interrupt_twice, args=(other.engine,))
        signals.start()
        began = time.monotonic()
        with pytest.raises(Interrupted):
            load(changed, database_url, chunk_rows=CHUNK_ROWS)
        signals.join()
        while waiting_for_locks(other.engine) and time.monotonic() - began < SOON_SECONDS:
            time.sleep(0.02)
        assert time.monotonic() - began < SOON_SECONDS
        assert writing() == 0
        assert query(database_url, "SELECT count(*) FROM chunk WHERE run_id = 2") == [(0,)]
    assert load(changed, database_url, chunk_rows=CHUNK_ROWS).account.updated == ROWS


def waiting_for_locks(engine: sa.Engine) -> int:
    """How many sessions in this database do."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with engine.connect() as connection:
        return int(connection.execute(waiting).scalar_one())


def _interrupt_twice(engine: sa.Engine) -> None:
    """Ctrl-C, twice, once two of this database wait for locks."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while waiting_for_locks(engine) != 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)


def test_nothing_is_held_beside_a_huge_chunk(
    database_url: str, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "HUGE_BYTES", 1_000)
    rows = [vase(n, title="long " * (400 if n in (41, 55, 61) else 1)) for n in range(1, ROWS + 1)]
    held: list[Chunk] = []
    crowds: list[set[bool]] = []
    judge, forget = Threads.judge, Threads.forget

    def judging(threads: Threads, chunk: Chunk) -> None:
        held.append(chunk)
        crowds.append({len(each.data) > 1_000 for each in held} if len(held) > 1 else set())
        judge(threads, chunk)

    def forgetting(threads: Threads, start: int) -> None:
        held[:] = [chunk for chunk in held if chunk.start.offset != start]
        forget(threads, start)

    monkeypatch.setattr(Threads, "judge", judging)
    monkeypatch.setattr(Threads, "forget", forgetting)
    load(write(export, rows), database_url, chunk_rows=CHUNK_ROWS)
    assert {False} in crowds
    assert not any(True in crowd for crowd in crowds)
    must_be_whole(database_url, export)


def test_a_budget_that_duplicates_use_up_stops_the_load_however_good_the_next_chunk_is(
    database_url: str, export: Path
) -> None:
    rows = [vase(n) for n in range(1, 1_001)]
    rows += [vase(n, title=f"Again {n}") for n in range(1, 59)]  # only the database knows them for duplicates
    rows += [vase(n) for n in range(2_001, 4_043)]
    settings = Settings(chunk_rows=100, max_rejects=RejectBudget.parse("5%"))
    run = load(write(export, rows), database_url, settings=settings)
    assert run.status == "stopped"
    assert "58 of 1,100 records were quarantined" in run.messages[0]
    in_work = loading.WINDOW * Threads.size  # at the most, the chunk with the duplicates and those behind it
    assert run.account.read <= 1_000 + 100 * in_work
    again = load(export, database_url, chunk_rows=100)
    assert (again.status, again.account.read) == ("done", len(rows))


def test_a_second_connection_that_is_refused_for_any_reason_leaves_the_load_to_the_first(
    database_url: str, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(database: PostgresDatabase) -> PostgresDatabase:
        raise DatabaseError("query_wait_timeout", where=database.label)

    monkeypatch.setattr(PostgresDatabase, "beside", refuse)
    failed: list[AttemptFailed] = []

    def observe(event: object) -> None:
        if isinstance(event, AttemptFailed):
            failed.append(event)

    assert load(export, database_url, chunk_rows=CHUNK_ROWS, observer=observe).status == "done"
    assert [event.message for event in failed] == ["query_wait_timeout"]
    must_be_whole(database_url, export)
