"""One sitting of a run: chunk after chunk, from the first that is not committed, to an end of some kind."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from muniment import ledger
from muniment.chunk_load import Committed, Job, Prepared, load_chunk, must_reach, prepare_ahead, resume_place
from muniment.config import REJECTS_JUDGED_FROM, Settings
from muniment.databases.patience import persistently
from muniment.errors import SourceIncomplete
from muniment.events import ChunkCommitted, Observer, RecordRejected, telling_failures
from muniment.records import Account, Chunk, Place
from muniment.sources.source import Source
from muniment.stopping import StopRequest

GO_ON = "interrupted; run the same command again to go on"

Ahead = Callable[[Job, Iterator[Chunk]], Generator[Prepared]]
"""Reads and judges chunks before their turn comes to be stored."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """How one sitting of a run ended, the records that it read, and what there is to say.

    `end` is the place up to which everything must be committed, where it is known; `workers_peak_rss` is
    what its workers have used of memory, all together.
    """

    status: str
    read: int = 0
    messages: tuple[str, ...] = ()
    withdrawn: int = 0
    end: Place | None = None
    workers_peak_rss: int = 0


def load_in_order(
    job: Job,
    source: Source,
    settings: Settings,
    observer: Observer,
    stop: StopRequest,
    ahead: Ahead = prepare_ahead,
) -> Sitting:
    """Load what is not yet committed, one chunk after the other.

    Raises:
        CommitsLost: a crash of the server took back what it had committed.
    """
    patiently = partial(persistently, settings=settings, stop=stop)
    ledger_failed = telling_failures(observer, job.run_id)
    place = patiently(partial(resumed_at, job), failed=ledger_failed)
    total = before = patiently(partial(account_so_far, job), failed=ledger_failed)

    def store(prepared: Prepared) -> tuple[Place, Committed | None]:
        failed = telling_failures(observer, job.run_id, prepared.chunk)
        committed = patiently(partial(_load_once, prepared, job), failed=failed)
        tell(job.run_id, source, prepared.chunk, committed or Committed(Account()), observer)
        return prepared.chunk.end, committed

    try:
        with closing(ahead(job, source.chunks(place))) as coming:
            # By `map`, which holds no chunk while it waits for the next: it may be large.
            for place, committed in map(store, coming):  # noqa: B007 - how far it came
                if committed is None:
                    total = patiently(partial(account_so_far, job), failed=ledger_failed)
                    continue
                total += committed.account
                if not goes_on(total, settings):
                    break
                if stop.requested:
                    return Sitting("interrupted", total.read - before.read, (GO_ON,))
    except SourceIncomplete as incomplete:
        patiently(partial(must_have_reached, job, place), failed=ledger_failed)
        return Sitting("incomplete", total.read - before.read, (str(incomplete),), end=place)
    patiently(partial(must_have_reached, job, place), failed=ledger_failed)
    return ended(total, before, place, settings)


def _load_once(prepared: Prepared, job: Job) -> Committed | None:
    """Load a chunk; None where that was done before, be it by an attempt whose reply to COMMIT was lost."""
    try:
        return load_chunk(prepared, job)
    except ledger.ChunkAlreadyCommitted:
        return None


def resumed_at(job: Job) -> Place:
    """Where the first chunk begins that is not committed."""
    with job.database.transaction() as transaction:
        return resume_place(transaction, job)


def must_have_reached(job: Job, place: Place) -> None:
    """Raise `CommitsLost` unless everything before a place is committed."""
    with job.database.transaction() as transaction:
        must_reach(transaction, job, place)


def account_so_far(job: Job) -> Account:
    """The account of all that is committed of the run."""
    with job.database.transaction() as transaction:
        return ledger.account_of(transaction, job.run_id)[0]


def within_budget(total: Account, settings: Settings) -> bool:
    """Whether so many records may be quarantined."""
    return settings.max_rejects.allows(total.quarantined, total.read)


def goes_on(total: Account, settings: Settings) -> bool:
    """Whether the reject budget lets a run go on after so many records: few say little about a file."""
    return total.read < REJECTS_JUDGED_FROM or within_budget(total, settings)


def ended(total: Account, before: Account, place: Place, settings: Settings) -> Sitting:
    """The end of a sitting that has come as far as the source goes, or the reject budget."""
    read = total.read - before.read
    if not within_budget(total, settings):
        return Sitting("stopped", read, (over_budget(total, settings),), end=place)
    return Sitting("done", read, end=place)


def tell(run_id: int, source: Source, chunk: Chunk, committed: Committed, observer: Observer) -> None:
    """Tell that a chunk is committed, and what of it was quarantined."""
    for one in committed.quarantined:
        observer(RecordRejected(run_id, source.name, one.record, one.line, one.key, one.problems, one.places))
    stored = source.stored_position(chunk.end) / max(source.fingerprint.size, 1)
    observer(
        ChunkCommitted(
            run_id,
            chunk.start.number,
            committed.account,
            chunk.end.offset,
            1.0 if chunk.last else min(stored, 1.0),
            committed.seconds_validating,
            committed.seconds_writing,
        )
    )


def over_budget(total: Account, settings: Settings) -> str:
    """What there is to say of a run that ends since so much was quarantined."""
    return (
        f"{total.quarantined:,} of {total.read:,} records were quarantined, more than the budget of "
        f"{settings.max_rejects}. What was committed stays; `muniment quarantine list` shows why. Run again "
        "with a larger --max-rejects to go on"
    )
