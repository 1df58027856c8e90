"""What a load tells while it goes on: frozen events, handed to an observer, which is any callable.

The log, the progress bar and whatever else watches a load see the same events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from muniment.errors import DatabaseExhausted, DatabaseUnavailable, MunimentError, trace
from muniment.records import Account, Chunk, Problem


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins, or goes on where it was interrupted."""

    run: int
    source: str
    total_bytes: int
    """Bytes of the file as it lies there."""
    resumed: bool


@dataclass(frozen=True, slots=True)
class SourceRemark:
    """Something about a source as a whole: columns that no mapping mentions, names that repeat."""

    source: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class RecordRejected:
    """A record goes to quarantine (told once its chunk is committed)."""

    run: int
    source: str
    record: int
    line: int
    key: str | None
    problems: tuple[Problem, ...]
    places: tuple[str, ...]
    """Where each problem stands, as a person would say it: `line 24`, `Objects!C1042`."""


@dataclass(frozen=True, slots=True)
class ChunkCommitted:
    """A chunk is in the database, its account balanced; empty where somebody else had committed it before."""

    run: int
    start_record: int
    account: Account
    bytes_done: int
    """Bytes of the decompressed source up to the end of this chunk."""
    fraction_done: float
    """The share of the source read so far, 0 to 1; of a compressed source, judged by compressed bytes."""
    seconds_validating: float
    seconds_writing: float


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """The database could not do something; unless an error follows, it is tried again."""

    run: int | None
    """None before the run has a number."""
    chunk: int | None
    """The chunk's first byte; None, like the records, where no chunk is concerned."""
    first_record: int | None
    last_record: int | None
    attempt: int
    message: str
    hint: str
    waiting: bool
    """The database has no room, or takes no writes: the load waits until somebody has helped."""
    trace: str
    """Where it arose, without any value of a row or URL (`muniment.errors.trace`)."""

    @classmethod
    def of(cls, run: int | None, chunk: Chunk | None, attempt: int, error: Exception) -> AttemptFailed:
        """The event of an error; of one that is not Muniment's, its type stands for its text."""
        known = error if isinstance(error, MunimentError) else None
        return cls(
            run,
            chunk.start.offset if chunk else None,
            chunk.start.number if chunk else None,
            chunk.end.number - 1 if chunk else None,
            attempt,
            known.message if known else type(error).__name__,
            known.hint if known else "",
            isinstance(error, DatabaseExhausted),
            trace(error),
        )


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run came to its end: `done`, `stopped`, `incomplete`, `interrupted` or, by an error, `failed`.

    The account is that of all its sittings; it is empty where the database does not tell it any more.
    """

    run: int
    status: str
    account: Account
    seconds: float


Event = RunStarted | SourceRemark | RecordRejected | ChunkCommitted | AttemptFailed | RunEnded
Observer = Callable[[Event], None]


def unobserved(event: Event) -> None:
    """The observer of those who do not watch."""


def telling_failures(
    observer: Observer, run: int | None = None, chunk: Chunk | None = None
) -> Callable[[int, Exception], None]:
    """What tells an observer of each attempt that failed, given its number and its error.

    Before there is a run, only of those that are made again: an error that ends it tells enough by itself.
    """

    def tell(attempt: int, error: Exception) -> None:
        if run is not None or isinstance(error, DatabaseUnavailable | DatabaseExhausted):
            observer(AttemptFailed.of(run, chunk, attempt, error))

    return tell
