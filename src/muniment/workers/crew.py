"""Workers as the loop over chunks sees them, be they processes of this machine or tasks on a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from muniment.chunk_load import Prepared
from muniment.errors import MunimentError
from muniment.events import AttemptFailed
from muniment.records import Chunk, Progress
from muniment.workers.order import Judged
from muniment.workers.task import Stored, Task


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker is gone, and with it what it held of a chunk."""

    error: MunimentError


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of a chunk, which is called by its first byte."""

    start: int
    what: Judged | Prepared | Stored | AttemptFailed | Lost | BaseException


class Crew(Protocol):
    """Some workers: each chunk is first judged by one, and then, by the same if it can be, stored."""

    @property
    def stores(self) -> bool:
        """Whether they store what they have judged; else they hand it back, as they do for SQLite."""
        ...

    @property
    def shares_memory(self) -> bool:
        """Whether they are of one process, so that nothing may be held beside a huge chunk."""
        ...

    @property
    def size(self) -> int:
        """How many chunks they work on at once; it may change."""
        ...

    def begin(self, task: Task) -> None:
        """Tell all workers, also those to come, what is loaded; told again, all begin anew."""
        ...

    def judge(self, chunk: Chunk) -> None:
        """Have a chunk read and judged; at most `size` are unsettled at any time."""
        ...

    def store(self, chunk: Chunk, progress: Progress) -> None:
        """Have a chunk stored that was judged, where all of this progress is committed."""
        ...

    def reports(self) -> Iterable[Report]:
        """What came of it; waits for some, but not for long."""
        ...

    def forget(self, start: int) -> None:
        """A chunk is not wanted any more, be it that it is stored."""
        ...

    def interrupt(self) -> None:
        """Somebody asked for the end: pauses between attempts end."""
        ...

    def close(self) -> None:
        """End all workers, whatever they do."""
        ...
