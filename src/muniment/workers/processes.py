"""Workers that are processes of this machine, each with one connection.

They are never forked from this process, whose threads and connections they would share, but from one that is
started for that and has imported what they need; where there is no such thing, each is started by itself.

A pipe leads to each. What goes through it is pickled; it comes from nobody but these processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any

from muniment.chunk_load import prepare_chunk
from muniment.databases import connect
from muniment.databases.patience import GO_ON_LATER, persistently
from muniment.errors import Interrupted, WorkerLost
from muniment.events import AttemptFailed
from muniment.memory import economise, rare_collections
from muniment.records import Chunk, Progress
from muniment.sources.ranges import Handed
from muniment.stopping import SIGNALS, StopRequest
from muniment.workers.crew import Lost, Report
from muniment.workers.task import Task, Worker

POLL_SECONDS = 0.2
"""How long to wait for a report before looking whether somebody asked for the end."""

END_SECONDS = 5.0
"""How long an idle worker may take to end when it is told to: far longer than closing a connection takes."""

METHOD = "forkserver" if sys.platform == "linux" else "spawn"
"""How processes start: elsewhere the system's own libraries may not outlive a fork."""

PRELOADED = "muniment.workers.preloaded"
"""What the process imports that workers are forked from, before the modules of a load."""

SAFE_PATH = "PYTHONSAFEPATH"
"""The variable by which Python leaves out the folder of its script, or the current one."""

UNKNOWN_CODE = 255
"""The exit code of a worker, where the process is gone that it was forked from and that would know."""

TOO_MUCH_MEMORY = (
    "A system that runs out of memory kills what takes most of it (its log tells): try fewer --workers, or "
    "smaller chunks"
)

DIED_AT_ONCE = (
    "A script that loads with workers needs `if __name__ == '__main__':` before what it does, and a model "
    "that can be imported"
)


@dataclass
class _Hand:
    """One process; `chunk` is what it holds, and `heard` whether it has ever told anything."""

    process: Any
    pipe: Connection
    chunk: Chunk | None = None
    heard: bool = False


class Processes:
    """See `muniment.workers.crew.Crew`; what they need is being imported at once.

    Args:
        count: how many.
        database: the URL; None where they only read and judge, and the caller stores.
        modules: what they will need: those of the profile and the database.
    """

    shares_memory = False

    def __init__(self, count: int, database: str | None, modules: Sequence[str] = ()) -> None:
        self.size = count
        self.stores = database is not None
        self._database = database
        self._task: Task | None = None
        self._hands: list[_Hand] = []
        self._method = _ready([PRELOADED, *modules])

    def begin(self, task: Task) -> None:
        """As in `Crew`."""
        self.close()
        self._task = task
        for _ in range(self.size):
            self._hands.append(_started(self._method))
            _send(self._hands[-1], (task, self._database))

    def judge(self, chunk: Chunk) -> None:
        """As in `Crew`."""
        hand = next(hand for hand in self._hands if hand.chunk is None)
        hand.chunk = chunk
        ranges = self._task.ranges if self._task else None
        _send(hand, Handed.of(chunk, ranges))

    def store(self, chunk: Chunk, progress: Progress) -> None:
        """As in `Crew`."""
        _send(self._holder(chunk.start.offset), progress)

    def reports(self) -> Iterator[Report]:
        """As in `Crew`."""
        by_pipe = {hand.pipe: hand for hand in self._hands}
        for pipe in wait(list(by_pipe), POLL_SECONDS):
            hand = by_pipe[pipe]  # type: ignore[index]  # only connections were given to `wait`
            try:
                report: Report = hand.pipe.recv()
            except (EOFError, OSError):
                yield from self._replace(hand)
                continue
            hand.heard = True
            yield report

    def forget(self, start: int) -> None:
        """As in `Crew`."""
        self._holder(start).chunk = None

    def interrupt(self) -> None:
        """As in `Crew`."""
        for hand in self._hands:
            hand.process.terminate()

    def close(self) -> None:
        """As in `Crew`."""
        for hand in self._hands:
            hand.pipe.close()  # at which an idle one ends by itself
            if hand.chunk is not None:
                hand.process.kill()
        for hand in self._hands:
            hand.process.join(END_SECONDS)
            hand.process.kill()
            hand.process.join()
            hand.process.close()
        self._hands = []

    def _holder(self, start: int) -> _Hand:
        return next(hand for hand in self._hands if hand.chunk and hand.chunk.start.offset == start)

    def _replace(self, lost: _Hand) -> Iterator[Report]:
        """Start another process for one that has ended, and tell of the chunk that it held."""
        lost.pipe.close()
        lost.process.join()
        error, by_itself = _lost(lost.process), 0 <= lost.process.exitcode != UNKNOWN_CODE
        lost.process.close()
        self._hands.remove(lost)
        if by_itself and not lost.heard:
            raise error  # the next one would fare no better
        hand = _started(self._method)
        self._hands.append(hand)
        if self._task is not None:
            _send(hand, (self._task, self._database))
        if lost.chunk is not None:
            yield Report(lost.chunk.start.offset, Lost(error))


def _ready(modules: list[str]) -> str:
    """How workers are to be started; begins to start what they are forked from, which serves later loads too.

    A program that forks from it too, for itself, has these modules there instead of those that it set.
    """
    if METHOD != "forkserver":
        return METHOD
    multiprocessing.set_forkserver_preload(modules)
    resource_tracker.ensure_running()  # else started below, and the signals would be let in again
    try:
        with _signals_blocked(), _without_current_folder():
            forkserver.ensure_running()
    except ChildProcessError:
        return "spawn"  # this process was forked itself, and that other one is no child of it
    return METHOD


@contextmanager
def _without_current_folder() -> Iterator[None]:
    """Have a Python that is started now import no modules from the folder that it happens to stand in."""
    former = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if former is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = former


def _started(method: str) -> _Hand:
    context: Any = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_work, args=(theirs, dict(os.environ)), name="muniment-worker", daemon=True
    )
    try:
        with _signals_blocked():  # until the process knows what to make of them
            process.start()
    except (EOFError, OSError) as error:
        raise WorkerLost(f"no worker can be started: {error}", hint=GO_ON_LATER) from error
    theirs.close()  # else its end would not be noticed
    return _Hand(process, ours)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    former = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _send(hand: _Hand, message: object) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # `reports` will find out
        hand.pipe.send(message)


def _lost(process: Any) -> WorkerLost:
    """The error that the end of a process amounts to."""
    code = process.exitcode
    if code == UNKNOWN_CODE:
        return WorkerLost(
            f"a worker (process {process.pid}) ended, and what it was forked from is gone", hint=GO_ON_LATER
        )
    if code is None or code >= 0:
        return WorkerLost(f"a worker (process {process.pid}) ended with exit code {code}", hint=DIED_AT_ONCE)
    name = signal.Signals(-code).name
    hint = TOO_MUCH_MEMORY if -code == signal.SIGKILL else ""
    return WorkerLost(f"a worker (process {process.pid}) was killed by {name}", hint=hint)


class _Told(StopRequest):
    """In a worker: it is the parent who counts signals; here each ends a pause, and nothing else."""

    def __enter__(self) -> _Told:
        super().__enter__()
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return self

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        if self.idle:
            raise KeyboardInterrupt


def _work(pipe: Connection, environment: dict[str, str]) -> None:
    """What a worker's process does, until the pipe is closed at the other end."""
    os.environ.clear()  # it is that of the process they are forked from, which may be an older one
    os.environ.update(environment)
    if hasattr(time, "tzset"):
        time.tzset()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with _Told() as stop, suppress(EOFError, ConnectionError), rare_collections():
        task: Task
        task, database = pipe.recv()
        economise()  # once the model is imported, which may use what it does without
        if database is None:
            _judge_all(pipe, task)
            return
        handed: Handed = pipe.recv()
        with _reporting(pipe, handed.chunk):
            failed = partial(_tell_failure, pipe, task, handed.chunk)
            connecting = partial(connect, database)
            reached = persistently(connecting, settings=task.settings, stop=stop, failed=failed)
            with closing(Worker(task, task.job(reached), f"process {os.getpid()}")) as worker:
                _serve(pipe, handed, worker, stop)


def _judge_all(pipe: Connection, task: Task) -> None:
    judge = task.profile.bind(task.reader.header)
    while True:
        handed: Handed = pipe.recv()
        with _reporting(pipe, handed.chunk):
            prepared = prepare_chunk(handed.taken(task.ranges), task.reader, judge)
            pipe.send(Report(handed.chunk.start.offset, prepared))


def _serve(pipe: Connection, handed: Handed, worker: Worker, stop: StopRequest) -> None:
    """Judge each chunk, and store it when the parent says so."""
    message: Handed | Progress = handed
    chunk = handed.chunk
    while True:
        with _reporting(pipe, chunk):
            start = chunk.start.offset
            if isinstance(message, Handed):
                pipe.send(Report(start, worker.judge(message)))
                worker.encode(start)  # while the parent looks whether it may be stored
            else:
                pipe.send(Report(start, worker.store(start, message, stop, partial(_tell, pipe, start))))
        message = pipe.recv()
        if isinstance(message, Handed):
            worker.forget(chunk.start.offset)
            chunk = message.chunk


def _tell(pipe: Connection, start: int, event: AttemptFailed) -> None:
    pipe.send(Report(start, event))


def _tell_failure(pipe: Connection, task: Task, chunk: Chunk, attempt: int, error: Exception) -> None:
    _tell(pipe, chunk.start.offset, AttemptFailed.of(task.run_id, None, attempt, error))


@contextmanager
def _reporting(pipe: Connection, chunk: Chunk) -> Iterator[None]:
    """Tell the parent of whatever goes wrong with a chunk, so that it can raise it."""
    try:
        yield
    except (EOFError, ConnectionError):
        raise  # the parent does not listen any more
    except KeyboardInterrupt:
        error: Exception = Interrupted("interrupted", hint=GO_ON_LATER)
    except Exception as raised:  # noqa: BLE001 - whatever it is, the parent raises it
        error = raised
        error.add_note(traceback.format_exc())
    else:
        return
    pipe.send(Report(chunk.start.offset, error))


def _end_with_parent() -> None:
    """End at once when the parent is gone: the server rolls back what is open."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
