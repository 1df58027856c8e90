"""Two connections of one process, for a server that takes longer over a chunk than making it ready does.

Each has a thread, which makes a chunk ready and has it written, while the other is at its own. They share the
judge, and one of them at a time reads and judges: that is Python's work, of which two at once do no more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from queue import Empty, SimpleQueue

from muniment.chunk_load import Job
from muniment.databases import Database
from muniment.errors import CommitsLost, DatabaseError
from muniment.events import AttemptFailed, Observer
from muniment.records import Chunk, Progress
from muniment.sitting import GO_ON, Sitting, load_in_order
from muniment.sources.ranges import Handed
from muniment.sources.source import Source
from muniment.stopping import StopRequest
from muniment.workers.crew import Report
from muniment.workers.loading import WorkersLoad
from muniment.workers.order import Judged
from muniment.workers.task import Stored, Task, Worker

POLL_SECONDS = 0.2
"""How long to wait for a report before looking whether somebody asked for the end."""

BREAK_SECONDS = 0.1
"""How long to wait for a thread whose connection was broken off, before that is done once more: it may have
been about to begin a transaction."""

NAME = "muniment-write"
"""What the threads are called."""


def over_two_connections(
    job: Job, task: Task, source: Source, observer: Observer, stop: StopRequest
) -> Sitting:
    """Load what is not yet committed over two connections; where the database fails, in order from then on.

    Raises:
        CommitsLost: the database has lost some of what it had committed.
        MunimentError: as `muniment.workers.loading.WorkersLoad.load`, but for what the database fails in.
    """
    with closing(Threads(job)) as threads:
        threads.begin(task)
        load = WorkersLoad(threads, job, source, task.settings, observer, stop)
        try:
            return load.load()
        except CommitsLost:
            raise
        except DatabaseError:
            if not threads.failed:
                raise  # which was waited for already
    read = load.read
    del load  # and with it the chunks that its error holds
    if stop.requested:
        return Sitting("interrupted", read, (GO_ON,))
    sitting = load_in_order(job, source, task.settings, observer, stop)
    return replace(sitting, read=read + sitting.read)


class Threads:
    """See `muniment.workers.crew.Crew`. What goes wrong ends them: to try again is for a load in order.

    Args:
        job: what is loaded, with the first of the connections. Its writer is not used: of what was committed
            it shall remember nothing, should a crash of the server take that back.

    Attributes:
        failed: whether something went wrong with one of them.
    """

    stores = True
    shares_memory = True
    size = 2

    def __init__(self, job: Job) -> None:
        self.failed = False
        self._job = job
        self._hands: list[_Hand] = []
        self._reports: SimpleQueue[Report] = SimpleQueue()

    def begin(self, task: Task) -> None:
        """As in `Crew`."""
        self.close()
        preparing = threading.Lock()
        self._hands = [
            _Hand(task, self._job, preparing, self._reports, is_first=number == 0)
            for number in range(self.size)
        ]

    def judge(self, chunk: Chunk) -> None:
        """As in `Crew`."""
        next(hand for hand in self._hands if hand.chunk is None).take(chunk)

    def store(self, chunk: Chunk, progress: Progress) -> None:
        """As in `Crew`."""
        next(hand for hand in self._hands if hand.holds(chunk.start.offset)).messages.put(progress)

    def reports(self) -> Iterator[Report]:
        """As in `Crew`."""
        with suppress(Empty):
            report = self._reports.get(timeout=POLL_SECONDS)
            self.failed |= isinstance(report.what, BaseException)
            yield report

    def forget(self, start: int) -> None:
        """As in `Crew`."""
        for hand in self._hands:
            if hand.holds(start):
                hand.chunk = None

    def interrupt(self) -> None:
        """As in `Crew`; there are no pauses."""

    def close(self) -> None:
        """As in `Crew`."""
        for hand in self._hands:
            hand.dismiss()
        for hand in self._hands:
            hand.wait()
        self._hands = []


class _Hand:
    """One thread; `chunk` is what it holds. The first has the job's own connection, the other a new one."""

    def __init__(
        self, task: Task, job: Job, preparing: threading.Lock, reports: SimpleQueue[Report], *, is_first: bool
    ) -> None:
        self.chunk: Chunk | None = None
        self.messages: SimpleQueue[Handed | Progress | None] = SimpleQueue()
        self._task = task
        self._job = job
        self._is_first = is_first
        self._preparing = preparing
        self._reports = reports
        self._ending = False
        self._database: Database | None = None
        self._thread: threading.Thread | None = None

    def take(self, chunk: Chunk) -> None:
        """Have a chunk read and judged; with the first one the thread begins, and its connection."""
        self.chunk = chunk
        self.messages.put(Handed.of(chunk, None))
        if self._thread is None:
            # Should somebody break off even the wait for its end, the process ends without it.
            self._thread = threading.Thread(target=self._work, name=NAME, daemon=True)
            self._thread.start()

    def holds(self, start: int) -> bool:
        """Whether it has the chunk that begins there."""
        return self.chunk is not None and self.chunk.start.offset == start

    def dismiss(self) -> None:
        """Have the thread end; what it has begun with a chunk is broken off."""
        self._ending = True
        self.messages.put(None)
        if self.chunk is not None and self._database is not None:
            self._database.break_off()

    def wait(self) -> None:
        """Return when the thread has ended."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(BREAK_SECONDS)
            self.dismiss()

    def _work(self) -> None:
        try:
            database = self._job.database if self._is_first else self._job.database.beside()
            with nullcontext() if self._is_first else closing(database):
                self._database = database
                self._serve(replace(self._job, database=database, writer=self._task.writer()))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the loop over chunks raises it
            self._fail(error)

    def _serve(self, job: Job) -> None:
        """Judge each chunk, and store it when that may be."""
        worker, start = Worker(self._task, job, NAME), -1
        while (message := self.messages.get()) is not None and not self._ending:
            if isinstance(message, Handed):
                start = message.chunk.start.offset
                with self._preparing:
                    self._tell(start, worker.judge(message))
                    del message
                    worker.encode(start)  # while the other thread looks whether it may be stored
            else:
                self._tell(start, replace(worker.store_once(start, message), peak_rss=0))

    def _tell(self, start: int, what: Judged | Stored | AttemptFailed | BaseException) -> None:
        self._reports.put(Report(start, what))

    def _fail(self, error: BaseException) -> None:
        chunk = self.chunk
        if chunk is None:  # it had ended, but for its connection
            return
        if isinstance(error, Exception):
            self._tell(chunk.start.offset, AttemptFailed.of(self._task.run_id, chunk, 1, error))
        self._tell(chunk.start.offset, error)
