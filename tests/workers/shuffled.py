"""Workers without processes, who do at random what could be next: the worst that chance can bring about."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator
from random import Random

from muniment.databases import connect
from muniment.errors import WorkerLost
from muniment.records import Chunk, Progress
from muniment.sources.ranges import Handed
from muniment.stopping import StopRequest
from muniment.workers.crew import Lost, Report
from muniment.workers.loading import LOSSES_OF_A_CHUNK
from muniment.workers.task import Task, Worker


class Shuffled:
    """A crew (see `muniment.workers.crew.Crew`) in this process, on one connection after the other.

    Args:
        size: chunks in work at once.
        database: the URL.
        seed: decides on what is done when.
        losing: the share of deeds at which a worker is lost, before or after it has committed; over no
            chunk more often than chance may bring about.
        backwards: rather do what is last in the source.
    """

    stores = True
    shares_memory = False

    def __init__(
        self, size: int, database: str, seed: int, *, losing: float = 0.0, backwards: bool = False
    ) -> None:
        self.size = size
        self.committed: list[int] = []
        self._database = database
        self._chance = Random(seed)
        self._losing = losing
        self._backwards = backwards
        self._pending: dict[int, Chunk | Progress] = {}
        self._workers: dict[int, Worker] = {}
        self._lost: Counter[int] = Counter()

    def begin(self, task: Task) -> None:
        self.close()
        self._pending, self._workers = {}, {}
        self._task = pickle.loads(pickle.dumps(task))  # noqa: S301 - as other processes get it

    def judge(self, chunk: Chunk) -> None:
        start = chunk.start.offset
        if start not in self._workers:
            self._workers[start] = Worker(self._task, self._task.job(connect(self._database)), "shuffled")
        self._pending[start] = chunk

    def store(self, chunk: Chunk, progress: Progress) -> None:
        self._pending[chunk.start.offset] = progress

    def reports(self) -> Iterator[Report]:
        judging = [start for start, what in self._pending.items() if isinstance(what, Chunk)]
        if judging:  # as much as can be is in work at once
            start = self._chance.choice(judging)
        else:
            start = max(self._pending) if self._backwards else self._chance.choice(list(self._pending))
        what, worker = self._pending.pop(start), self._workers[start]
        if self._loses(start):
            yield self._lose(start)
            return
        if isinstance(what, Chunk):
            yield Report(start, worker.judge(Handed.of(what, self._task.ranges)))
            return
        stored = worker.store(start, what, StopRequest(), lambda _event: None)
        if stored.committed is not None:
            self.committed.append(start)
        if self._loses(start):
            yield self._lose(start)
        else:
            yield Report(start, stored)

    def forget(self, start: int) -> None:
        self._workers.pop(start).close()

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        for worker in self._workers.values():
            worker.close()

    def _loses(self, start: int) -> bool:
        return self._lost[start] < LOSSES_OF_A_CHUNK - 1 and self._chance.random() < self._losing / 2

    def _lose(self, start: int) -> Report:
        self._lost[start] += 1
        self._workers.pop(start).close()
        return Report(start, Lost(WorkerLost("a worker was killed by SIGKILL")))
