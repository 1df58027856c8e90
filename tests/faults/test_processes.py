"""What happens to the loading process itself."""

from __future__ import annotations

import ast
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from muniment.cli.output import reporting
from muniment.databases.database import Transaction
from muniment.databases.foreign_keys import missing
from muniment.events import unobserved
from muniment.museum import tables
from muniment.museum.profile import MuseumProfile
from muniment.profile import Applied, RunContext, Writer
from muniment.records import Accepted, Records
from muniment.run import run_load
from muniment.sources import open_source
from muniment.sources.format import Format
from muniment.stopping import StopRequest
from muniment.workers.processes import METHOD
from tests.acceptance.loading import MAPPING, load, mapping, opened, query
from tests.acceptance.program import PATIENCE_SECONDS, SOURCE_FOLDER, program_in
from tests.faults.catalogue import fault
from tests.faults.loading import SETTINGS, must_be_whole
from tests.test_architecture import modules

LOADER = """
import os, signal, sys, muniment
from muniment import first_load
from muniment.events import ChunkCommitted

def observe(event):
    if isinstance(event, ChunkCommitted) and event.start_record == 1:
        os.kill(os.getpid(), signal.SIGSTOP)

first_load.checks_row_by_row = lambda *_: False  # else it stops amid another chunk too, and holds its locks
settings = muniment.Settings(chunk_rows=20)
run = muniment.load(sys.argv[1], mapping=sys.argv[2], to=sys.argv[3], settings=settings, observer=observe)
print(run.status, run.account.read)
"""


def loader_that_stops(export: Path, url: str) -> subprocess.Popen[str]:
    described = export.parent / "m.toml"
    described.write_text(MAPPING)
    program = program_in(export.parent)
    return subprocess.Popen(
        [sys.executable, "-c", LOADER, str(export), str(described), url],
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def killing(process: subprocess.Popen[str]) -> Iterator[None]:
    """Where the test fails, it does not wait for a process that is stopped."""
    try:
        yield
    finally:
        process.kill()


@fault(5)
def test_a_loader_that_was_stopped_does_nothing_twice_when_it_goes_on(
    export: Path, database_url: str
) -> None:
    with loader_that_stops(export, database_url) as stopped, killing(stopped):
        process, deadline = psutil.Process(stopped.pid), time.monotonic() + PATIENCE_SECONDS
        while process.status() != psutil.STATUS_STOPPED and time.monotonic() < deadline:
            time.sleep(0.02)
        run = load(export, database_url, settings=SETTINGS)
        assert (run.status, run.account.read) == ("done", 60)
        process.resume()
        out, err = stopped.communicate(timeout=PATIENCE_SECONDS)
    assert out.split() == ["done", "60"], err
    must_be_whole(export, database_url)


KILLED = """
import os, signal, sys, muniment
from muniment import first_load
from muniment.databases import foreign_keys
from muniment.events import ChunkCommitted

def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def observe(event):
    if isinstance(event, ChunkCommitted) and sys.argv[4] == "rows" and event.start_record > 1:
        end()

def check(checks, key, whole=foreign_keys._Checks.check):
    whole(checks, key)
    if sys.argv[4] == "keys":
        end()

first_load.WORTH_IT_BYTES, foreign_keys._Checks.check = 0, check
settings = muniment.Settings(chunk_rows=20)
muniment.load(sys.argv[1], mapping=sys.argv[2], to=sys.argv[3], settings=settings, observer=observe)
"""


def kill_first_load(export: Path, url: str, amid: str) -> None:
    """A first load that is killed after its second chunk, or after the first of its keys is built."""
    described = export.parent / "m.toml"
    described.write_text(MAPPING)
    command = [sys.executable, "-c", KILLED, str(export), str(described), url, amid]
    environment = program_in(export.parent).environment
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL


@fault(1)
def test_a_first_load_that_was_killed_amid_its_rows_is_whole_once_it_is_taken_up(
    export: Path, database_url: str
) -> None:
    kill_first_load(export, database_url, "rows")
    assert load(export, database_url, settings=SETTINGS).status == "done"
    must_be_whole(export, database_url)


@fault(1, "postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("amid", ["rows", "keys"])
def test_a_first_load_that_was_killed_has_all_its_foreign_keys_once_it_is_taken_up(
    export: Path, database_url: str, amid: str
) -> None:
    kill_first_load(export, database_url, amid)
    with opened(database_url) as database, database.engine.connect() as connection:
        assert missing(connection, tables.ALL)
        connection.rollback()
        assert load(export, database_url, settings=SETTINGS).status == "done"
        assert missing(connection, tables.ALL) == []
    must_be_whole(export, database_url)


class Hungry:
    """A writer that gets no more memory once it has written the second chunk."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.encode = writer.encode
        self.settle = writer.settle
        self.complete = writer.complete
        self.footprint = writer.footprint
        self.withdraw_unseen = writer.withdraw_unseen

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        applied = self._writer.apply(transaction, records, accepted)
        if records.start.number > 1:
            raise MemoryError
        return applied


class HungryProfile(MuseumProfile):
    def writer(self, run: RunContext) -> Hungry:  # type: ignore[override]  # as good as the real one
        return Hungry(super().writer(run))


@fault(3)
def test_a_load_that_gets_no_more_memory_keeps_nothing_of_the_chunk_and_can_be_taken_up(
    export: Path, database_url: str
) -> None:
    source = open_source(export, Format(), SETTINGS)
    with opened(database_url) as database, StopRequest() as stop, pytest.raises(MemoryError):
        run_load(
            source, HungryProfile(mapping()), database, settings=SETTINGS, observer=unobserved, stop=stop
        )
    source.close()
    assert query(database_url, "SELECT status FROM run") == [("failed",)]
    assert query(database_url, "SELECT count(*) FROM object") == [(20,)]
    assert load(export, database_url, settings=SETTINGS).status == "done"
    must_be_whole(export, database_url)


@fault(3)
def test_the_program_says_so_when_it_gets_no_more_memory(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BaseException, match="1"), reporting(json=False, debug=False):  # typer.Exit(1)
        raise MemoryError
    assert "may not take more memory" in capsys.readouterr().err


def called() -> Iterator[str]:
    """Every dotted name that the program mentions."""
    for path in (SOURCE_FOLDER / "muniment").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield f"{node.value.id}.{node.attr}"


@fault(41)
def test_no_duration_is_measured_by_a_clock_that_may_jump() -> None:
    assert {"time.perf_counter", "time.monotonic"} <= set(called())
    assert "time.time" not in set(called())


@fault(42)
def test_no_process_that_may_have_connections_forks() -> None:
    assert METHOD in ("forkserver", "spawn")
    assert not {"os.fork", "os.forkpty", "multiprocessing.Process", "multiprocessing.Pool"} & set(called())
    told = [
        node.value for tree in modules().values() for node in ast.walk(tree) if isinstance(node, ast.Constant)
    ]
    assert "spawn" in told
    assert "fork" not in told
