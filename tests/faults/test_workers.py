"""What happens to the processes of a load with several."""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel, field_validator

import muniment
from muniment.config import Settings
from muniment.databases.kinds import modules_of
from muniment.errors import WorkerLost
from muniment.events import AttemptFailed, ChunkCommitted
from muniment.stopping import SIGNALS
from muniment.workers.processes import PRELOADED, Processes
from tests.acceptance.loading import MAPPING, load, query
from tests.acceptance.program import PATIENCE_SECONDS, program_in
from tests.faults.catalogue import fault
from tests.faults.conftest import ROWS
from tests.faults.loading import SETTINGS, must_be_whole


def workers_of(process_id: int) -> set[psutil.Process]:
    """The workers of a loader: all that the process has forked which is started for that."""
    found = set()
    with suppress(psutil.Error):  # the loader, or a worker, has ended meanwhile
        for child in psutil.Process(process_id).children():
            with suppress(psutil.Error):
                if "multiprocessing.forkserver" in " ".join(child.cmdline()):
                    found.update(child.children())
    return found


def kill_workers() -> None:
    """Kill all workers of this process; what they do stays undone."""
    for worker in workers_of(os.getpid()):
        worker.kill()


SMALL_CHUNKS = Settings(chunk_rows=3)


class Killing:
    """An observer that kills the workers after each chunk until one had another in work; or always."""

    def __init__(self, *, always: bool = False) -> None:
        self.failed: list[AttemptFailed] = []
        self._always = always

    def __call__(self, event: object) -> None:
        if isinstance(event, AttemptFailed):
            self.failed.append(event)
        strikes = self._always or not self.failed
        if strikes and isinstance(event, ChunkCommitted | AttemptFailed):
            kill_workers()


@fault(2)
def test_a_worker_that_is_killed_is_named_by_its_signal_and_another_loads_its_chunk(
    export: Path, database_url: str
) -> None:
    killing = Killing()
    run = load(export, database_url, settings=SMALL_CHUNKS, workers=2, observer=killing)
    assert (run.status, run.account.read) == ("done", 60)
    assert killing.failed
    for failed in killing.failed:
        assert "was killed by SIGKILL" in failed.message
        assert "memory" in failed.hint
        assert failed.first_record
    must_be_whole(export, database_url, ROWS // SMALL_CHUNKS.chunk_rows)


@fault(2)
def test_a_chunk_that_kills_every_worker_ends_the_load_which_can_be_taken_up(
    export: Path, database_url: str
) -> None:
    with pytest.raises(WorkerLost, match="was killed by SIGKILL"):
        load(export, database_url, settings=SMALL_CHUNKS, workers=2, observer=Killing(always=True))
    assert query(database_url, "SELECT status FROM run") == [("failed",)]
    assert load(export, database_url, settings=SMALL_CHUNKS).status == "done"
    must_be_whole(export, database_url, ROWS // SMALL_CHUNKS.chunk_rows)


LOADER = """
import os, signal, sys, muniment
from muniment.events import ChunkCommitted

signals = [int(sys.argv[4])]

def observe(event):
    if isinstance(event, ChunkCommitted) and signals:
        os.kill(os.getpid(), signals.pop())

if __name__ == "__main__":
    settings = muniment.Settings(chunk_rows=20)
    how = dict(mapping=sys.argv[2], to=sys.argv[3], settings=settings, observer=observe, workers=2)
    print(muniment.load(sys.argv[1], **how).status)
"""


def loader_that_sends_itself(
    number: signal.Signals, export: Path, url: str, text: str = LOADER
) -> subprocess.Popen[str]:
    """A loader with two workers that gets a signal once a chunk is committed."""
    script, mapping = export.with_name("loader.py"), export.with_name("mapping.toml")
    script.write_text(text)
    mapping.write_text(MAPPING)
    return subprocess.Popen(
        [sys.executable, script, export, mapping, url, str(int(number))],
        env=program_in(export.parent).environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@fault(1)
def test_workers_end_with_the_loader_and_what_is_missing_between_their_chunks_is_made_up_for(
    export: Path, database_url: str
) -> None:
    with loader_that_sends_itself(signal.SIGKILL, export, database_url) as loader:
        workers: set[psutil.Process] = set()
        while loader.poll() is None:
            workers |= workers_of(loader.pid)
            time.sleep(0.02)
    assert loader.returncode == -signal.SIGKILL
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE_SECONDS)
    assert not alive
    assert query(database_url, "SELECT count(*) FROM chunk_result") != [(0,)]
    assert load(export, database_url, settings=SETTINGS).status == "done"
    must_be_whole(export, database_url)


def test_what_workers_are_forked_from_lets_no_signal_in_and_imports_what_they_need() -> None:
    for module in (
        PRELOADED,
        *(name for kind in ("sqlite", "postgresql", "mysql") for name in modules_of(kind)),
    ):
        importlib.import_module(module)
    with closing(Processes(1, None)):
        (server,) = [
            child
            for child in psutil.Process().children()
            if "multiprocessing.forkserver" in " ".join(child.cmdline())
        ]
        status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
        blocked = int(re.search(r"SigBlk:\s*([0-9a-f]+)", status)[1], 16)  # type: ignore[index]  # it is there
        assert all(blocked & 1 << number - 1 for number in SIGNALS)


@fault(4)
def test_a_signal_lets_workers_finish_what_they_store(export: Path, database_url: str) -> None:
    with loader_that_sends_itself(signal.SIGTERM, export, database_url) as loader:
        out, _ = loader.communicate(timeout=PATIENCE_SECONDS)
    assert out.split() in (["interrupted"], ["done"])
    assert query(database_url, "SELECT status FROM run") == [(out.strip(),)]
    committed = query(database_url, "SELECT start_offset, end_offset FROM chunk ORDER BY start_offset")
    assert all(before[1] == after[0] for before, after in pairwise(committed))
    load(export, database_url, settings=SETTINGS, workers=2)
    must_be_whole(export, database_url)


def test_a_script_without_a_guard_is_told_what_it_lacks(export: Path) -> None:
    url, unguarded = (
        f"sqlite:///{export.with_suffix('.db')}",
        LOADER.replace('__name__ == "__main__"', "True"),
    )
    with loader_that_sends_itself(signal.SIGTERM, export, url, unguarded) as loader:
        _, err = loader.communicate(timeout=PATIENCE_SECONDS)
    assert loader.returncode == 1
    assert "a worker (process " in err
    assert "if __name__ == '__main__'" in err


class Named(BaseModel):
    """A row whose title says where it was checked."""

    id: str
    title: str

    @field_validator("title")
    @classmethod
    def _of_the_environment(cls, title: str) -> str:
        return f"{title} {os.environ['MUNIMENT_TEST_NAME']}"


def test_workers_see_the_environment_of_their_load_not_that_of_the_first_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("id,title\n1,a\n")
    for name in ("first", "second"):
        monkeypatch.setenv("MUNIMENT_TEST_NAME", name)
        url = f"sqlite:///{tmp_path / name}.db"
        muniment.load(tmp_path / "a.csv", model=Named, to=url, workers=2)
        assert query(url, "SELECT title FROM named") == [(f"a {name}",)]


def test_modules_in_the_current_folder_are_not_run_by_what_workers_are_forked_from(
    export: Path, database_url: str
) -> None:
    (export.parent / "secrets.py").write_text("raise RuntimeError('of the museum')\n")
    described, script = export.parent / "mapping.toml", export.parent / "elsewhere" / "loader.py"
    described.write_text(MAPPING)
    script.parent.mkdir()
    script.write_text(LOADER)
    ended = subprocess.run(
        [sys.executable, script, export, described, database_url, str(int(signal.SIGWINCH))],
        cwd=export.parent,
        env=program_in(export.parent).environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout.strip()) == (0, "done"), ended.stderr
