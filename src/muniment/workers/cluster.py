"""Workers that are tasks on a Dask cluster: the same judging and storing, wherever there is room.

What goes over the network: with each chunk what is loaded, its range and where its records stand; back come
hashes, counts, and of what was quarantined the reasons, as JSON. Rows never travel. A task may run
twice and a worker may vanish: what was committed is fenced by the ledger, the rest is done again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from queue import Empty, Queue
from typing import Any
from uuid import uuid4

import numpy as np

from muniment import errors
from muniment.chunk_load import Committed, Quarantined
from muniment.databases import connect
from muniment.errors import MunimentError, UsageError, WorkerLost
from muniment.events import AttemptFailed
from muniment.extras import needed
from muniment.footprint import Footprint
from muniment.records import Account, Chunk, Problem, Progress
from muniment.sources.ranges import Handed
from muniment.stopping import StopRequest
from muniment.workers.crew import Lost, Report
from muniment.workers.order import Judged
from muniment.workers.task import Stored, Task, Worker

POLL_SECONDS = 0.2
"""How long to wait for a report before looking whether somebody asked for the end."""

CONNECT_SECONDS = 30
"""How long the scheduler may take to answer."""

CHUNKS_A_WORKER = 2
"""Chunks in work for each worker: one being done and one that waits, which tells an adaptive cluster that
there is more to do."""


@dataclass(frozen=True)
class Plan:
    """What is loaded, and where to: shown by its run's number alone, wherever Dask shows arguments.

    Each `sitting` of a run has another: what workers remember from one does not hold in the next.
    """

    task: Task
    database: str
    sitting: str

    def __repr__(self) -> str:
        return f"<plan of run {self.task.run_id}>"


class Cluster:
    """See `muniment.workers.crew.Crew`.

    Args:
        scheduler: its address, such as `tcp://scheduler:8786`.
        database: the URL, as the workers reach it.

    Raises:
        UsageError: no scheduler answers there, or Dask is not installed.
    """

    stores = True
    shares_memory = False

    def __init__(self, scheduler: str, database: str) -> None:
        distributed = needed("distributed", "dask", "loading on a cluster")
        try:
            self._client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise UsageError(
                "no Dask scheduler can be reached there", hint=str(error), where=scheduler
            ) from error
        self._database = database
        self._told: Queue[tuple[int, Any]] = Queue()
        self._futures: dict[int, Any] = {}
        self._places: dict[int, str] = {}
        self._tries = 0

    @property
    def size(self) -> int:
        """As in `Crew`."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return CHUNKS_A_WORKER * max(1, len(workers))

    def begin(self, task: Task) -> None:
        """As in `Crew`.

        Raises:
            UsageError: workers elsewhere cannot read this source.
        """
        if task.ranges is None:
            raise UsageError(
                "workers on a cluster read byte ranges, which a compressed or piped source does not have",
                where=task.reader.name,
                hint="Unpack it to where all of them reach it, or load it with --workers",
            )
        self._task = task
        self._give_up()
        # With each task: what is scattered dies with its worker.
        self._plan = Plan(task, self._database, uuid4().hex)

    def judge(self, chunk: Chunk) -> None:
        """As in `Crew`."""
        handed = Handed.of(chunk, self._task.ranges)
        self._submit(chunk.start.offset, "judge", judge_on_cluster, handed)

    def store(self, chunk: Chunk, progress: Progress) -> None:
        """As in `Crew`."""
        start = chunk.start.offset
        near = {"workers": [self._places[start]], "allow_other_workers": True}
        handed = Handed.of(chunk, self._task.ranges)
        self._submit(start, "store", store_on_cluster, handed, progress, **near)

    def _submit(self, start: int, what: str, function: Any, *arguments: Any, **where: Any) -> None:
        self._tries += 1
        key = f"muniment-{what}-{self._task.run_id}-{start}-{self._tries}"
        future = self._client.submit(function, self._plan, *arguments, key=key, pure=False, **where)
        self._futures[start] = future
        future.add_done_callback(lambda done: self._told.put((start, done)))

    def reports(self) -> Iterator[Report]:
        """As in `Crew`."""
        try:
            start, future = self._told.get(timeout=POLL_SECONDS)
        except Empty:
            return
        if start not in self._futures or self._futures[start] is not future:
            return
        if future.status != "finished":
            yield Report(
                start, Lost(WorkerLost("workers of the cluster died over a chunk, one after the other"))
            )
            return
        told = future.result()
        for failed in told.get("failed", ()):
            yield Report(start, AttemptFailed(**failed))
        if "error" in told:
            yield Report(start, _error_of(told["error"]))
        elif "names" in told:
            self._places[start] = told["worker"]
            yield Report(start, _judged_of(told))
        else:
            yield Report(start, _stored_of(told))

    def forget(self, start: int) -> None:
        """As in `Crew`."""
        self._futures.pop(start, None)
        self._places.pop(start, None)

    def interrupt(self) -> None:
        """As in `Crew`."""
        self._client.run(interrupt_on_cluster, self._plan.sitting, wait=False)

    def close(self) -> None:
        """As in `Crew`; a task that runs ends by itself, committed or rolled back."""
        self._give_up()
        self._client.close()

    def _give_up(self) -> None:
        """Want nothing more of what is in work."""
        self._client.cancel(list(self._futures.values()))
        self._futures.clear()
        self._places.clear()


class _Bench:
    """What one worker process of the cluster keeps from task to task: one chunk at a time is in work."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stop = StopRequest()
        self.sitting = ""
        self.worker: Worker | None = None

    def worker_for(self, plan: Plan, name: str) -> Worker:
        """The worker for a plan; that for another is ended."""
        if self.worker is None or self.sitting != plan.sitting:
            if self.worker is not None:
                self.worker.close()
            self.stop = StopRequest()
            self.worker = Worker(plan.task, plan.task.job(connect(plan.database)), name)
            self.sitting = plan.sitting
        return self.worker


_BENCH = _Bench()


def judge_on_cluster(plan: Plan, handed: Handed) -> dict[str, Any]:
    """A task: read and judge a chunk. Returns plain data."""
    address = needed("distributed", "dask", "a worker").get_worker().address
    with _BENCH.lock:
        try:
            judged = _BENCH.worker_for(plan, address).judge(handed)
        except Exception as error:  # noqa: BLE001 - Dask's own log of it would show arguments
            return {"error": _told_of(error)}
    footprint = judged.footprint
    return {
        "worker": address,
        "names": footprint.names.tobytes(),
        "ways": footprint.ways.tobytes(),
        "account": asdict(judged.account),
    }


def store_on_cluster(plan: Plan, handed: Handed, progress: Progress) -> dict[str, Any]:
    """A task: store a chunk, read and judged again if this worker does not have it. Returns plain data."""
    address = needed("distributed", "dask", "a worker").get_worker().address
    failed: list[AttemptFailed] = []
    start = handed.chunk.start.offset
    with _BENCH.lock:
        try:
            worker = _BENCH.worker_for(plan, address)
            if not worker.holds(start):
                worker.judge(handed)
            stored = worker.store(start, progress, _BENCH.stop, failed.append)
        except Exception as error:  # noqa: BLE001 - as above
            return {"error": _told_of(error), "failed": [asdict(each) for each in failed]}
    return {
        "failed": [asdict(each) for each in failed],
        "again": stored.again,
        "worker": stored.worker,
        "peak_rss": stored.peak_rss,
        "committed": json.dumps(asdict(stored.committed)).encode() if stored.committed else b"",
    }


def interrupt_on_cluster(sitting: str) -> None:
    """On each worker: somebody asked for the end of a run."""
    if _BENCH.sitting == sitting:
        _BENCH.stop.requested = True


def _told_of(error: Exception) -> dict[str, str]:
    """An error as plain data; of one that is not Muniment's its type, for its text may quote anything."""
    if not isinstance(error, MunimentError):
        return {"kind": "MunimentError", "message": f"a worker failed: {errors.trace(error)}"}
    told = {"message": error.message, "hint": error.hint, "where": error.where}
    return told | {"kind": type(error).__name__}


def _error_of(told: dict[str, str]) -> MunimentError:
    kind = getattr(errors, told["kind"], MunimentError)
    error: MunimentError = kind(told["message"], hint=told.get("hint", ""), where=told.get("where", ""))
    return error


def _judged_of(told: dict[str, Any]) -> Judged:
    names, ways = (np.frombuffer(told[name], np.int64) for name in ("names", "ways"))
    return Judged(Footprint(names, ways), Account(**told["account"]))


def _stored_of(told: dict[str, Any]) -> Stored:
    committed = None
    if told["committed"]:
        plain = json.loads(told["committed"])
        quarantined = tuple(
            Quarantined(**each | {"problems": tuple(Problem(**problem) for problem in each["problems"])})
            for each in plain.pop("quarantined")
        )
        account = Account(**plain.pop("account"))
        committed = Committed(account, quarantined, **plain)
    return Stored(committed, told["again"], told["worker"], told["peak_rss"])
