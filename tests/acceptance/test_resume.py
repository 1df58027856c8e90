"""Interrupted runs: they go on where they were, and come to what an undisturbed load comes to."""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment import RejectBudget, Settings
from muniment.errors import DatabaseError, SourceChanged, UsageError
from muniment.events import AttemptFailed, ChunkCommitted, RunStarted
from muniment.museum.tables import PARTS_OF_OBJECT
from tests.acceptance.loading import (
    MAPPING,
    Rejections,
    allow_changes,
    content_of,
    counts,
    execute,
    load,
    mapping,
    opened,
    query,
    vase,
    write,
)
from tests.faults.catalogue import fault

KILLS = 6
"""How often a loader is killed: each at another point of its work."""

LOADER = """
import sys, muniment
from muniment import Settings
muniment.load(sys.argv[1], mapping=sys.argv[2], to=sys.argv[3], settings=Settings(chunk_rows=25))
"""


def export_of(folder: Path, rows: int = 300) -> Path:
    """Good and bad records, duplicates across chunks, makers that many chunks share."""
    records = [
        vase(
            n,
            title="" if n % 60 == 0 else f"Vase {n}",
            made="when the mill stood" if n % 30 == 1 else "c. 1850",
            id=f"O{n - 40}" if n % 100 == 77 else f"O{n}",
        )
        for n in range(1, rows + 1)
    ]
    return write(folder / "export.csv", records)


def undisturbed(export: Path, folder: Path, chunk_rows: int) -> object:
    url = f"sqlite:///{folder / 'undisturbed.db'}"
    assert load(export, url, chunk_rows=chunk_rows).status == "done"
    return content_of(url)


def failing_after(chunks: int) -> Callable[[object], None]:
    """An observer that raises once so many chunks are committed."""
    left = iter(range(chunks - 1, -1, -1))

    def observe(event: object) -> None:
        if isinstance(event, ChunkCommitted) and next(left) == 0:
            raise ConnectionResetError

    return observe


def test_a_run_that_fails_between_chunks_goes_on_there(tmp_path: Path, database_url: str) -> None:
    export = export_of(tmp_path)
    for chunks in (1, 3, 1):
        with pytest.raises(ConnectionResetError):
            load(export, database_url, chunk_rows=25, observer=failing_after(chunks))
        assert query(database_url, "SELECT status FROM run") == [("failed",)]
    stored, before = dict(query(database_url, "SELECT start_offset, end_offset FROM chunk")), 0
    place = export.read_bytes().index(b"\n") + 1
    while place in stored:
        place, before = stored[place], before + 1
    # Over two connections one may be committed untold as the run fails, and be told of by the next.
    assert len(stored) == 5 if not database_url.startswith("postgresql") else len(stored) >= 3
    events: list[object] = []
    seen = Rejections()

    def observe(event: object) -> None:
        events.append(event)
        seen(event)

    run = load(export, database_url, chunk_rows=25, observer=observe)
    assert isinstance(events[0], RunStarted)
    assert events[0].resumed
    assert sum(isinstance(event, ChunkCommitted) for event in events) == 12 - before
    assert (run.run, run.status, run.chunks, run.account.read) == (1, "done", 12, 300)
    assert min(rejected.record for rejected in seen) > 25 * before
    assert content_of(database_url) == undisturbed(export, tmp_path, 25)


@fault(1)
def test_a_loader_killed_at_any_point_leaves_nothing_twice_and_nothing_out(
    tmp_path: Path, database_url: str
) -> None:
    export = export_of(tmp_path)
    (tmp_path / "m.toml").write_text(MAPPING)
    command = [sys.executable, "-c", LOADER, str(export), str(tmp_path / "m.toml"), database_url]
    chance = random.Random(7)
    load(write(tmp_path / "first.csv", [vase(1)]), database_url)  # the schema, which takes longest, is there
    killed = 0
    for _ in range(KILLS):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            # From 0.5 s on: before, Python is still importing.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5 + chance.random() * 0.7)
            killed += process.poll() is None
            process.kill()
    assert killed
    time.sleep(0.1)  # a server may still be rolling the last one back
    run = load(export, database_url, chunk_rows=25)
    assert (run.chunks, run.account.read) == (12, 300)
    url = f"sqlite:///{tmp_path / 'undisturbed.db'}"
    load(tmp_path / "first.csv", url)
    load(export, url, chunk_rows=25)
    assert content_of(database_url) == content_of(url)


CUT = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist"
    " WHERE db = DATABASE() AND id <> connection_id()",
}


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_connections_that_are_cut_between_chunks_are_made_anew(tmp_path: Path, database_url: str) -> None:
    cuts = []

    def cut(event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record in (26, 101):
            with opened(database_url) as database, database.engine.connect() as connection:
                for (told,) in connection.execute(sa.text(CUT[database.engine.dialect.name])).all():
                    cuts.append(told)
                    if database.engine.dialect.name == "mysql":
                        connection.exec_driver_sql(told)

    export = export_of(tmp_path)
    run = load(export, database_url, chunk_rows=25, observer=cut)
    assert len(cuts) >= 2
    assert (run.status, run.chunks) == ("done", 12)
    assert content_of(database_url) == undisturbed(export, tmp_path, 25)


def lose(url: str, first: int, last: int) -> None:
    """Undo what was committed for these records, as the crash of a server that did not wait for its disk."""
    records = f"run_id = 1 AND record_number BETWEEN {first} AND {last}"
    objects = f"SELECT object_id FROM object WHERE {records}"
    chunk = f"first_record >= {first} AND end_record <= {last + 1}"
    allow_changes(url)
    execute(
        url,
        *(f"DELETE FROM {table.name} WHERE object_id IN ({objects})" for table in PARTS_OF_OBJECT),
        *(f"DELETE FROM {table} WHERE {records}" for table in ("object", "note", "quarantine")),
        f"DELETE FROM chunk_result WHERE start_offset IN (SELECT start_offset FROM chunk WHERE {chunk})",
        f"DELETE FROM chunk WHERE {chunk}",
    )


@fault(11)
@pytest.mark.parametrize("first", [51, 276])
def test_work_that_the_database_loses_after_committing_it_is_missed_and_loaded_again(
    tmp_path: Path, database_url: str, first: int
) -> None:
    export, told = export_of(tmp_path), list[object]()

    def observe(event: object) -> None:
        told.append(event)
        stored = [one for one in told if isinstance(one, ChunkCommitted) and one.start_record == first]
        if len(stored) == 1 and event is stored[0]:
            lose(database_url, first, first + 24)

    run = load(export, database_url, chunk_rows=25, observer=observe)
    assert (run.status, run.chunks, run.account.read) == ("done", 12, 300)
    failed = [event for event in told if isinstance(event, AttemptFailed)]
    assert 1 <= len(failed) <= 2  # each of two connections may miss it
    assert all("has lost records" in event.message for event in failed)
    assert content_of(database_url) == undisturbed(export, tmp_path, 25)


@fault(11)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_what_a_crash_takes_back_from_two_connections_no_ids_are_remembered(
    tmp_path: Path, database_url: str
) -> None:
    rows = [vase(n, maker="Early" if n <= 25 else "Late") for n in range(1, 301)]
    export, crashes = write(tmp_path / "export.csv", rows), list[object]()

    def crash(event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record == 26 and not crashes:
            crashes.append(event)
            execute(database_url, CUT["postgresql"])
            lose(database_url, 26, 300)
            execute(database_url, "DELETE FROM actor WHERE actor_key LIKE '%Late%'")

    run = load(export, database_url, chunk_rows=25, observer=crash)
    assert crashes
    assert counts(run) == {"read": 300, "inserted": 300}
    assert content_of(database_url) == undisturbed(export, tmp_path, 25)


@fault(11)
@pytest.mark.parametrize("first", [51, 276])
def test_work_that_the_database_loses_is_loaded_again_by_several_workers_too(
    tmp_path: Path, database_url: str, first: int
) -> None:
    export, lost = export_of(tmp_path), list[int]()

    def observe(event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record == first and not lost:
            lost.append(first)
            lose(database_url, first, first + 24)

    run = load(export, database_url, chunk_rows=25, observer=observe, workers=2)
    assert lost
    assert (run.status, run.chunks, run.account.read) == ("done", 12, 300)
    assert content_of(database_url) == undisturbed(export, tmp_path, 25)


@fault(11)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_lost_of_a_source_that_is_cut_off_is_loaded_again_before_it_is_sealed(
    tmp_path: Path, database_url: str, workers: int
) -> None:
    export, told = export_of(tmp_path), list[object]()
    export.write_bytes(export.read_bytes() + b'"cut off')

    def observe(event: object) -> None:
        told.append(event)
        if [type(one) for one in told].count(ChunkCommitted) == 13 and isinstance(event, ChunkCommitted):
            lose(database_url, 301, 301)

    run = load(export, database_url, chunk_rows=25, observer=observe, workers=workers)
    assert (run.status, run.chunks, run.account.read) == ("incomplete", 13, 301)


@fault(11)
def test_a_database_that_loses_its_work_again_and_again_ends_the_sitting(
    tmp_path: Path, database_url: str
) -> None:
    export, first = export_of(tmp_path), 51

    def observe(event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record == first:
            lose(database_url, first, first + 24)

    with pytest.raises(DatabaseError, match=r"has lost records .*Run the same command again"):
        load(export, database_url, chunk_rows=25, observer=observe)
    assert query(database_url, "SELECT status FROM run") == [("failed",)]
    run = load(export, database_url, chunk_rows=25)
    assert (run.status, run.chunks, run.account.read) == ("done", 12, 300)
    assert content_of(database_url) == undisturbed(export, tmp_path, 25)


@fault(4, "sqlite")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_chunk_finish_and_the_run_go_on_later(tmp_path: Path, number: int) -> None:
    export, url = export_of(tmp_path), f"sqlite:///{tmp_path / 'a.db'}"

    def observe(event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record == 51:
            os.kill(os.getpid(), number)

    run = load(export, url, chunk_rows=25, observer=observe)
    assert (run.status, run.exit_code, run.chunks) == ("interrupted", 130, 3)
    assert query(url, "SELECT status FROM run") == [("interrupted",)]
    assert load(export, url, chunk_rows=25).status == "done"
    assert content_of(url) == undisturbed(export, tmp_path, 25)


@fault(38)
def test_a_source_that_changed_in_between_is_refused_until_the_run_is_given_up(
    tmp_path: Path, database_url: str
) -> None:
    export = export_of(tmp_path)
    former = export.read_bytes()
    with pytest.raises(ConnectionResetError):
        load(export, database_url, chunk_rows=25, observer=failing_after(2))
    export.write_bytes(former + former.splitlines(keepends=True)[5].replace(b"O5,1999.5", b"O999,1999.999"))
    before = content_of(database_url)
    with pytest.raises(SourceChanged, match=r"run 1 .*--abandon"):
        load(export, database_url, chunk_rows=25)
    assert content_of(database_url) == before
    # Under another name it is another source, and by another mapping another run.
    other = mapping(MAPPING.replace('id = "town"', 'id = "county"'))
    assert load(export, database_url, mapping=other).status == "done"
    run = load(export, database_url, chunk_rows=30, abandon=True)
    assert (run.status, run.account.read) == ("done", 301)
    assert run.account.unchanged > 0
    statuses = query(database_url, "SELECT run_id, status FROM run ORDER BY run_id")
    assert statuses == [(1, "abandoned"), (2, "done"), (3, "done")]
    assert load(export, database_url).status == "already loaded"
    export.write_bytes(former)
    finished = load(export, database_url, chunk_rows=25)
    assert (finished.run, finished.status, finished.chunks) == (1, "done", 12)


def test_a_run_keeps_the_chunk_settings_that_it_began_with(tmp_path: Path) -> None:
    export, url = export_of(tmp_path), f"sqlite:///{tmp_path / 'a.db'}"
    with pytest.raises(ConnectionResetError):
        load(export, url, chunk_rows=25, observer=failing_after(2))
    with pytest.raises(UsageError, match=r"run 1 began with chunk_rows = 25"):
        load(export, url, chunk_rows=50)
    with pytest.raises(UsageError, match=r"began with chunk_bytes"):
        load(export, url, settings=Settings(chunk_rows=25, chunk_bytes=2_048))
    assert query(url, "SELECT status FROM run") == [("failed",)]
    other = Settings(chunk_rows=25, max_rejects=RejectBudget(count=300), max_record_bytes=100_000)
    assert load(export, url, settings=other).status == "done"


def test_whatever_the_chunks_the_content_is_the_same(tmp_path: Path) -> None:
    export = export_of(tmp_path)
    expected = undisturbed(export, tmp_path, 300)
    for chunk_rows in (1, 7, 100):
        url = f"sqlite:///{tmp_path / f'{chunk_rows}.db'}"
        run = load(export, url, chunk_rows=chunk_rows)
        assert run.chunks == -(-300 // chunk_rows)
        assert content_of(url) == expected
    by_bytes = f"sqlite:///{tmp_path / 'bytes.db'}"
    run = load(export, by_bytes, settings=Settings(chunk_bytes=1_024))
    assert run.chunks > 10
    assert counts(run)["read"] == 300
    assert content_of(by_bytes) == expected


CHANGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "grown": (
        lambda old: old + b"more,lines\n",
        "it has grown by 11 bytes: its first [0-9,]+ are the former",
    ),
    "cut after what was committed": (
        lambda old: old[:-10],
        "10 bytes shorter; the 50 records that were committed are the same, it was cut short, or changed",
    ),
    "cut within it": (
        lambda old: b"".join(old.splitlines(keepends=True)[:41]),
        "bytes shorter; its first 25 records are the same, the next ones were changed",
    ),
    "edited after it": (
        lambda old: old[:-10] + b"9" + old[-9:],
        "of the same size; the 50 records that were committed are the same, it was changed after them",
    ),
    "replaced": (
        lambda old: old.replace(b"O", b"P"),
        "of the same size, and not even its first records are the same: it was replaced",
    ),
}


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("how", CHANGED)
def test_a_changed_source_is_told_by_how_it_changed(tmp_path: Path, how: str, compressed: bool) -> None:
    url = f"sqlite:///{tmp_path / 'changed.db'}"
    export = export_of(tmp_path)
    whole = export.read_bytes()
    change, told = CHANGED[how]
    written = gzip.compress if compressed else bytes
    export.write_bytes(written(whole))
    with pytest.raises(ConnectionResetError):
        load(export, url, chunk_rows=25, observer=failing_after(2))
    export.write_bytes(written(change(whole)))
    if compressed:
        told = told.replace(
            "it has grown by 11 bytes: its first [0-9,]+ are the former", "50 records .* the same"
        )
        told = told.removeprefix("10 bytes ").removeprefix("of the same size")
    with pytest.raises(SourceChanged, match=told):
        load(export, url, chunk_rows=25)


def test_a_ledger_that_does_not_fit_the_source_is_not_gone_on_with(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    export = export_of(tmp_path)
    with pytest.raises(ConnectionResetError):
        load(export, url, chunk_rows=25, observer=failing_after(2))
    allow_changes(url)
    execute(url, "UPDATE chunk SET sha256 = zeroblob(32) WHERE first_record = 26")
    with pytest.raises(SourceChanged, match=r"after record 25 .* run 1 .*audit verify"):
        load(export, url, chunk_rows=25)


def test_what_is_committed_of_a_record_too_long_to_be_held_agrees(tmp_path: Path, database_url: str) -> None:
    rows = [vase(n, title="x" * 300_000 if n == 3 else f"Vase {n}") for n in range(1, 9)]
    export = write(tmp_path / "long.csv", rows)
    settings = Settings(chunk_rows=2, max_record_bytes=100_000, max_rejects=RejectBudget())
    with pytest.raises(ConnectionResetError):
        load(export, database_url, settings=settings, observer=failing_after(3))
    run = load(export, database_url, settings=settings)
    assert (run.status, run.account.quarantined, run.account.read) == ("done", 1, 8)


def test_of_a_file_that_grows_meanwhile_only_what_was_there_is_loaded(
    tmp_path: Path, database_url: str
) -> None:
    export = write(tmp_path / "growing.csv", [vase(n) for n in range(1, 101)])
    size = export.stat().st_size

    def append(event: object) -> None:
        if isinstance(event, ChunkCommitted):
            with export.open("ab") as file:
                file.write(b"O999,1999.999,Late,vessel,,1900,\n")

    run = load(export, database_url, chunk_rows=25, observer=append)
    assert (run.status, run.account.read, run.account.inserted) == ("done", 100, 100)
    assert query(database_url, "SELECT size FROM source") == [(size,)]
    (message,) = run.messages
    assert message == f"132 bytes were appended to {export} meanwhile, and not read"
    later = load(export, database_url, chunk_rows=25)
    assert (later.run, later.account.read) == (2, 104)
