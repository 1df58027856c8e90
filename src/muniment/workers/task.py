"""What a worker does: read and judge chunks that it is handed, and store them when it is told to.

The same in a process of this machine and on a cluster. What a worker has judged it keeps until it is told to
store it; should it not have it any more, it reads and judges the chunk again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from muniment import ledger, quarantine
from muniment.chunk_load import Committed, Job, OutOfTurn, Prepared, encode_chunk, load_chunk, prepare_chunk
from muniment.config import Settings
from muniment.databases import Database
from muniment.databases.patience import persistently
from muniment.events import AttemptFailed
from muniment.footprint import Footprint, footprint
from muniment.memory import peak_rss
from muniment.profile import Profile, RunContext, Writer
from muniment.records import Account, Progress
from muniment.sources.ranges import Handed, Ranges
from muniment.sources.source import Reader
from muniment.stopping import StopRequest
from muniment.workers.order import Judged


@dataclass(frozen=True, slots=True)
class Task:
    """All that a worker must know before the first chunk.

    Attributes:
        profile: by which is loaded.
        reader: of the source's chunks.
        ranges: where workers read their bytes; None where they are handed them.
        settings, run_id, mends: as in `muniment.chunk_load.Job`.
        repeats: whether earlier runs left entries in the quarantine that records of this one may repeat.
    """

    profile: Profile
    reader: Reader
    ranges: Ranges | None
    settings: Settings
    run_id: int
    mends: bool
    repeats: bool

    def job(self, database: Database) -> Job:
        """The job of a worker with this database of its own."""
        judge = self.profile.bind(self.reader.header)
        return Job(self.reader, judge, database, self.writer(), self.run_id, self.profile.scope, self.mends)

    def writer(self) -> Writer:
        """A writer that remembers nothing yet."""
        return self.profile.writer(RunContext(self.run_id))


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of storing a chunk.

    Attributes:
        committed: None where the chunk must wait for its turn.
        again: an attempt before this one, or another loader, had committed it.
        worker: which one did it.
        peak_rss: the largest size of that worker so far, in bytes.
    """

    committed: Committed | None
    again: bool = False
    worker: str = ""
    peak_rss: int = 0


class Worker:
    """A worker with its connection.

    Args:
        task: what is loaded.
        job: the same with the worker's own database.
        name: of the worker.
    """

    def __init__(self, task: Task, job: Job, name: str) -> None:
        self._task = task
        self._job = job
        self._name = name
        self._kept: dict[int, Prepared] = {}
        self._committed: frozenset[int] = frozenset()
        """The start of the last chunk that it committed: all that the writer remembers was there before. On a
        cluster the next chunk may be under way before the report of this one is."""

    def judge(self, handed: Handed) -> Judged:
        """Read and judge a chunk, and keep it until it is stored or forgotten."""
        chunk = handed.taken(self._task.ranges)
        prepared = prepare_chunk(chunk, self._job.source, self._job.judge)
        self._kept[chunk.start.offset] = prepared
        rejected = len(prepared.verdicts.rejections)
        account = Account(read=len(prepared.records), quarantined=rejected)
        return Judged(footprint_of(prepared, self._job, repeats=self._task.repeats), account)

    def encode(self, start: int) -> None:
        """Make ready what needs no transaction, of a chunk that it keeps and was not told to store yet."""
        self._kept[start] = encode_chunk(self._kept[start], self._job)

    def holds(self, start: int) -> bool:
        """Whether it keeps the chunk that begins there."""
        return start in self._kept

    def forget(self, start: int) -> None:
        """A chunk is not wanted any more."""
        self._kept.pop(start, None)

    def store(
        self, start: int, progress: Progress, stop: StopRequest, failed: Callable[[AttemptFailed], None]
    ) -> Stored:
        """Store a chunk that it keeps, where all of this progress is committed; persistently.

        A request to stop ends the pauses between them.
        """
        chunk, run_id = self._kept[start].chunk, self._task.run_id
        return persistently(
            partial(self.store_once, start, progress),
            settings=self._task.settings,
            stop=stop,
            failed=lambda attempt, error: failed(AttemptFailed.of(run_id, chunk, attempt, error)),
        )

    def store_once(self, start: int, progress: Progress) -> Stored:
        """The same, without another attempt."""
        progress = replace(progress, beyond=progress.beyond | self._committed)
        stored = self._stored(self._kept[start], progress)
        if stored.committed is not None:
            if not stored.again:
                self._committed = frozenset({start})
            self.forget(start)
        return replace(stored, worker=self._name, peak_rss=peak_rss())

    def close(self) -> None:
        """Give back the connection."""
        self._job.database.close()

    def _stored(self, prepared: Prepared, progress: Progress) -> Stored:
        try:
            return Stored(load_chunk(prepared, self._job, progress))
        except OutOfTurn:
            return Stored(None)
        except ledger.ChunkAlreadyCommitted:
            start = prepared.chunk.start.offset
            with self._job.database.transaction() as transaction:
                account, _ = ledger.account_of(transaction, self._task.run_id, start)
            return Stored(Committed(account), again=True)


def footprint_of(prepared: Prepared, job: Job, *, repeats: bool) -> Footprint:
    """The footprint of a chunk; with `repeats`, also that of its rejections in the quarantine."""
    found = job.writer.footprint(prepared.verdicts.accepted)
    rejections = prepared.verdicts.rejections
    if not repeats or not rejections:
        return found
    entries = [quarantine.hash_of(prepared.records, rejection).hex() for rejection in rejections]
    keys = [rejection.key for rejection in rejections if rejection.key]
    return found.together(footprint([*entries, *keys]))
