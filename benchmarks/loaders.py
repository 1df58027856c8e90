"""Loaders to be killed: processes that load, forked from one that has imported everything beforehand.

Each tells through a pipe which phase it comes to. A pipe outlives its writer, so that the last phase told is
the one in which the loader died.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import sqlalchemy as sa
import stamina.instrumentation
from pydantic import BaseModel, Field

import muniment
from muniment import RejectBudget, Settings
from muniment.chunk_load import prepare_chunk
from muniment.databases import connect
from muniment.errors import DatabaseUnavailable
from muniment.events import ChunkCommitted, RunStarted
from muniment.profile import RunContext
from muniment.records import Place
from muniment.sources import open_source
from muniment.table import TableProfile

MAPPING = Path(__file__).resolve().parent.parent / "examples" / "sample" / "mapping.toml"

CHUNK_ROWS = 5
"""So few that a load has hundreds of commits, and a kill seldom falls between the same two statements."""

PATIENCE_SECONDS = 180
"""How long a loader may say nothing: several times what it retries for. Beyond, it hangs."""

UNAVAILABLE = os.EX_TEMPFAIL
"""The exit code of a loader that gave up because the database could not be had."""

PHASES = {"b": "in a transaction", "c": "in COMMIT", "r": "between transactions"}
"""By what a loader tells."""

RUN_BEGUN = "l"
"""Told once the run is entered in the ledger and its chunks begin."""

STARTING = "starting"
"""The phase before `RUN_BEGUN`."""


class Artwork(BaseModel):
    """A row without a key: nothing but the ledger keeps it from being stored twice."""

    object_id: str
    title: Annotated[str, Field(min_length=1)]
    object_type: str | None = None
    department: str | None = None
    creators: str | None = None
    date_display: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class Work:
    """What a loader does: load a file by one of the two profiles into a database.

    Attributes:
        checkpoint: load without the ledger, and after each commit note in this file how far it has come.
        workers: processes of the loader's that load at once.
    """

    source: Path
    url: str
    profile: str
    checkpoint: Path | None = None
    workers: int = 1

    def do(self, observer: Callable[[object], None]) -> None:
        """Load, or go on with it."""
        if self.checkpoint is not None:
            _load_by_checkpoint(self, self.checkpoint, observer)
            return
        settings = Settings(chunk_rows=CHUNK_ROWS, max_rejects=RejectBudget(percent=100))
        how: dict[str, Any] = {"model": Artwork} if self.profile == "table" else {"mapping": MAPPING}
        how |= {"settings": settings, "observer": observer, "workers": self.workers}
        run = muniment.load(self.source, to=self.url, **how)
        if run.status not in ("done", "already loaded"):
            raise RuntimeError(f"the load ended otherwise than done: {run}")


def _load_by_checkpoint(work: Work, checkpoint: Path, observer: Callable[[object], None]) -> None:
    """The usual way: COMMIT first, then note in a file how far it is. In between lies the duplicate."""
    profile = TableProfile(Artwork)
    settings = Settings(chunk_rows=CHUNK_ROWS)
    with closing(open_source(work.source, profile.source, settings)) as source:
        place = Place(**json.loads(checkpoint.read_text())) if checkpoint.exists() else source.first
        judge, writer = profile.bind(source.header), profile.writer(RunContext(run_id=0))
        with closing(connect(work.url)) as database:
            with database.schema_lock() as transaction:
                profile.table.create(transaction.connection, checkfirst=True)
            observer(RunStarted(0, source.name, source.fingerprint.size, resumed=checkpoint.exists()))
            for chunk in source.chunks(place):
                prepared = prepare_chunk(chunk, source, judge)
                with database.transaction() as transaction:
                    writer.apply(transaction, prepared.records, prepared.verdicts.accepted)
                written = checkpoint.with_suffix(".new")
                written.write_text(json.dumps(asdict(chunk.end)))
                written.replace(checkpoint)


class Loader:
    """A process at its work."""

    def __init__(self, work: Work) -> None:
        self.told = ""
        self._exit_code: int | None = None
        self._pipe, telling = os.pipe()
        self.process_id = os.fork()
        if not self.process_id:
            _work(work, telling)
        os.close(telling)

    @property
    def phase(self) -> str:
        """The phase that it told last."""
        known = [mark for mark in self.told if mark in PHASES]
        return PHASES[known[-1]] if RUN_BEGUN in self.told and known else STARTING

    def goes_on(self, marks: int, until: str = "") -> bool:
        """Wait until it has told so many more marks, and then this one; False where it has ended before."""
        if self._exit_code is not None:
            return False
        wanted = len(self.told) + marks
        while len(self.told) < wanted or (until and self.told[wanted:].find(until) < 0):
            if not self._listen():
                return False
        return True

    def kill(self) -> bool:
        """End it with SIGKILL; False where it had ended by itself."""
        if self._exit_code is None:  # else its number may be another process's by now
            os.kill(self.process_id, signal.SIGKILL)
        return self.ended() == -signal.SIGKILL

    def ended(self) -> int:
        """Wait for its end; the exit code, negative where a signal ended it."""
        while self._listen():
            pass
        if self._exit_code is None:
            self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self.process_id, 0)[1])
            os.close(self._pipe)
        return self._exit_code

    def _listen(self) -> bool:
        """Hear what it tells next; False at its end."""
        if self._exit_code is not None:
            return False
        if not select.select([self._pipe], [], [], PATIENCE_SECONDS)[0]:
            os.kill(self.process_id, signal.SIGKILL)
            raise RuntimeError(f"a loader has hung for {PATIENCE_SECONDS} s, {self.phase}")
        # One at a time, so that a moment is not over before it is seen.
        told = os.read(self._pipe, 1).decode()
        self.told += told
        return bool(told)


def _work(work: Work, telling: int) -> NoReturn:
    """What the forked process does; nothing of its parent's clearing up may happen in it as well."""
    code = os.EX_SOFTWARE
    logging.disable(logging.ERROR)  # of connections that were cut
    stamina.instrumentation.set_on_retry_hooks(())  # structlog would print to stdout, where the result goes
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:

        def observe(event: object) -> None:
            if isinstance(event, RunStarted):
                os.write(telling, RUN_BEGUN.encode())
            if isinstance(event, ChunkCommitted) and work.workers > 1:
                os.write(telling, b"r")  # its workers have no part in the pipe

        sa.event.listen(sa.Engine, "begin", lambda _connection: os.write(telling, b"b"))
        sa.event.listen(sa.Engine, "commit", lambda _connection: os.write(telling, b"c"))
        sa.event.listen(sa.pool.Pool, "checkin", lambda _connection, _record: os.write(telling, b"r"))
        work.do(observe)
        code = os.EX_OK
    except DatabaseUnavailable:
        code = UNAVAILABLE
    except BaseException:  # noqa: BLE001 - whatever it is: shown here, and told by the exit code
        traceback.print_exc()
    finally:
        os._exit(code)
