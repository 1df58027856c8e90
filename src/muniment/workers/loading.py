"""The loop over chunks with several workers: hands out, has stored what may be, and takes note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import replace
from functools import partial

from muniment import ledger
from muniment.chunk_load import Committed, Job, resume_place
from muniment.config import Settings
from muniment.databases.patience import persistently
from muniment.errors import MunimentError, SourceIncomplete
from muniment.events import AttemptFailed, Observer, telling_failures
from muniment.records import HUGE_BYTES, Account, Chunk, Place
from muniment.sitting import (
    GO_ON,
    Sitting,
    account_so_far,
    ended,
    goes_on,
    must_have_reached,
    over_budget,
    tell,
)
from muniment.sources.source import Source
from muniment.stopping import StopRequest
from muniment.workers.crew import Crew, Lost, Report
from muniment.workers.order import Judged, Order
from muniment.workers.task import Stored

LOSSES_OF_A_CHUNK = 3
"""Workers that may die over one chunk: the third did not die by chance."""

WINDOW = 4
"""Chunks in work, or settled before their turn, for each worker: no more than that is remembered where one
takes long."""


class WorkersLoad:
    """One sitting of a run with workers.

    Args:
        crew: who has begun, and stores.
        job, source, settings, observer, stop: as in `muniment.sitting.load_in_order`.
    """

    def __init__(
        self, crew: Crew, job: Job, source: Source, settings: Settings, observer: Observer, stop: StopRequest
    ) -> None:
        self._crew = crew
        self._job = job
        self._source = source
        self._settings = settings
        self._observer = observer
        self._stop = stop
        self._patiently = partial(
            persistently, settings=settings, stop=stop, failed=telling_failures(observer, job.run_id)
        )
        place, self._committed = self._patiently(self._progress)
        self._before = self._patiently(partial(account_so_far, job))
        self._order = Order(place, self._before, partial(goes_on, settings=settings))
        self._chunks = source.chunks(place)
        self._losses: Counter[int] = Counter()
        self._peaks: dict[str, int] = {}
        self._interrupted = self._ending = False
        self._upcoming: Chunk | None = None
        self._error: BaseException | None = None

    def load(self) -> Sitting:
        """Load what is not yet committed.

        Raises:
            MunimentError: what stopped a worker, or the reading of the source; what was being stored
                meanwhile is committed.
        """
        while True:
            self._hand_out()
            for start in self._order.may_be_stored() if self._fine else ():
                self._order.store(start)
                self._crew.store(self._order.chunk(start), self._order.progress)
            if not (self._order.unsettled if self._fine else self._order.storing):
                break
            for report in self._crew.reports():
                self._take(report)
            self._look_for_an_end()
        return replace(self._ended(), workers_peak_rss=sum(self._peaks.values()))

    @property
    def _fine(self) -> bool:
        """Nothing went wrong, or only that the source ends too early."""
        return self._error is None or isinstance(self._error, SourceIncomplete)

    def _progress(self) -> tuple[Place, Set[int]]:
        """Where the first chunk begins that is not committed, and which later ones are."""
        with self._job.database.transaction() as transaction:
            place = resume_place(transaction, self._job)
            later = ledger.committed_chunks(transaction, self._job.run_id, place.offset)
            return place, {start for start, _ in later}

    def _cut(self) -> None:
        """Cut the next chunk, unless that is done."""
        try:
            self._upcoming = self._upcoming or next(self._chunks, None)
        except MunimentError as error:
            self._error = error

    def _hand_out(self) -> None:
        while not self._ending and self._is_wanted:
            self._cut()
            if self._upcoming is None or self._crowds(self._upcoming):
                return
            chunk, start = self._upcoming, self._upcoming.start.offset
            self._upcoming = None
            self._order.hand_out(chunk)
            if start in self._committed:
                self._settle(start, Committed(Account()))
            else:
                self._crew.judge(chunk)
        if not self._ending and not self._crew.shares_memory:
            self._cut()  # so that it lies ready when a worker wants one

    @property
    def _is_wanted(self) -> bool:
        """Whether a worker could take a chunk; none beside a huge one, where they share memory."""
        size, unsettled = self._crew.size, self._order.unsettled
        if self._crew.shares_memory and any(map(_is_huge, unsettled)):
            return False
        return len(unsettled) < size and len(self._order) < WINDOW * size

    def _crowds(self, chunk: Chunk) -> bool:
        """Whether a chunk is huge, and would share memory with another."""
        return self._crew.shares_memory and _is_huge(chunk) and bool(self._order.unsettled)

    @property
    def read(self) -> int:
        """Records so far of what it has settled."""
        return self._order.total.read - self._before.read

    def _take(self, report: Report) -> None:
        start, what = report.start, report.what
        if isinstance(what, AttemptFailed):
            self._observer(what)
        elif not self._order.waits_for(start):
            self._crew.forget(start)  # the run ends before it
        elif isinstance(what, Judged):
            self._order.judge(start, what)
        elif isinstance(what, Stored):
            self._peaks[what.worker] = what.peak_rss
            if what.committed is None:
                self._order.put_back(start)
            else:
                self._crew.forget(start)
                self._settle(start, what.committed, again=what.again)
        elif isinstance(what, Lost):
            self._make_up_for(start, what)
        elif isinstance(what, BaseException):
            self._order.lose(start)
            self._error = what if self._fine else self._error

    def _settle(self, start: int, committed: Committed, *, again: bool = False) -> None:
        chunk = self._order.chunk(start)
        self._order.settle(start, committed.account)
        told = Committed(Account()) if again else committed
        tell(self._job.run_id, self._source, chunk, told, self._observer)

    def _make_up_for(self, start: int, lost: Lost) -> None:
        """Give the chunk of a worker that is gone to another; it may be committed all the same."""
        self._losses[start] += 1
        chunk = self._order.chunk(start)
        self._order.lose(start)
        self._observer(AttemptFailed.of(self._job.run_id, chunk, self._losses[start], lost.error))
        if self._losses[start] >= LOSSES_OF_A_CHUNK:
            self._error = lost.error
        else:
            self._crew.judge(chunk)

    def _look_for_an_end(self) -> None:
        """Where there is a reason, hand out nothing more, and have finished what is being stored."""
        if self._stop.requested and not self._interrupted:
            self._interrupted = True
            self._crew.interrupt()
        if not self._ending and (self._interrupted or self._order.over_budget is not None or not self._fine):
            self._ending = True
            self._order.finish()

    def _ended(self) -> Sitting:
        if not self._fine and self._error:
            raise self._error
        order, read = self._order, self.read
        if self._interrupted and order.over_budget is None:
            return Sitting("interrupted", read, (GO_ON,))
        self._patiently(partial(must_have_reached, self._job, order.reached))
        if order.over_budget is not None:
            said = over_budget(order.over_budget, self._settings)
            return Sitting("stopped", read, (said,), end=order.reached)
        if self._error:
            return Sitting("incomplete", read, (str(self._error),), end=order.reached)
        if self._upcoming is not None or next(self._chunks, None) is not None:
            raise AssertionError("nothing went wrong, and yet the source was not read to its end")
        return ended(order.total, self._before, order.reached, self._settings)


def _is_huge(chunk: Chunk) -> bool:
    return len(chunk.data) > HUGE_BYTES
