"""Workers that only read and judge: for SQLite, which has one writer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from functools import partial

from muniment.chunk_load import Job, Prepared
from muniment.events import AttemptFailed, Observer
from muniment.records import Chunk
from muniment.sitting import Ahead
from muniment.workers.crew import Crew, Lost, Report
from muniment.workers.loading import LOSSES_OF_A_CHUNK


def judged_by(crew: Crew, observer: Observer) -> Ahead:
    """What has chunks judged by workers, and gives them in the order of the source."""
    return partial(_judged, crew, observer)


def _judged(crew: Crew, observer: Observer, job: Job, chunks: Iterator[Chunk]) -> Generator[Prepared]:
    judging = _Judging(crew, observer, job.run_id)
    while judging.hand_out(chunks):
        yield judging.next()
    if judging.error is not None:
        raise judging.error


class _Judging:
    """The chunks that are being judged, and those that wait for their turn."""

    def __init__(self, crew: Crew, observer: Observer, run_id: int) -> None:
        self._crew = crew
        self._observer = observer
        self._run_id = run_id
        self._chunks: dict[int, Chunk] = {}
        self._ready: dict[int, Prepared] = {}
        self._losses: Counter[int] = Counter()
        self.error: Exception | None = None

    def hand_out(self, chunks: Iterator[Chunk]) -> bool:
        """Hand out as many as there are workers; False where there is none any more."""
        while self.error is None and len(self._chunks) < self._crew.size:
            try:
                chunk = next(chunks, None)
            except Exception as error:  # noqa: BLE001 - raised as soon as what comes before it is given
                self.error, chunk = error, None
            if chunk is None:
                break
            self._chunks[chunk.start.offset] = chunk
            self._crew.judge(chunk)
        return bool(self._chunks)

    def next(self) -> Prepared:
        """The first chunk that was not given yet, as soon as it is judged."""
        first = next(iter(self._chunks))
        while first not in self._ready:
            for report in self._crew.reports():
                self._take(report)
        del self._chunks[first]
        return self._ready.pop(first)

    def _take(self, report: Report) -> None:
        start, what = report.start, report.what
        if isinstance(what, Prepared):
            self._ready[start] = what
            self._crew.forget(start)
        elif isinstance(what, Lost):
            self._losses[start] += 1
            chunk, losses = self._chunks[start], self._losses[start]
            self._observer(AttemptFailed.of(self._run_id, chunk, losses, what.error))
            if losses >= LOSSES_OF_A_CHUNK:
                raise what.error
            self._crew.judge(chunk)
        elif isinstance(what, Exception):
            raise what
