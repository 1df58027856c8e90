"""Loading a chunk: one transaction with its account.

`load_chunk` is the map of it all.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from operator import attrgetter

from muniment import evidence, ledger, quarantine
from muniment.databases.database import Database, Transaction
from muniment.databases.errors import LOST_IN_A_CRASH
from muniment.errors import CommitsLost, DatabaseError, DuplicateKey, RowRefused, StatementTimeout
from muniment.profile import Applied, Judge, Writer
from muniment.records import (
    HUGE_BYTES,
    Accepted,
    Account,
    Chunk,
    Place,
    Problem,
    Progress,
    Records,
    Rejection,
    Verdicts,
)
from muniment.sources.source import Reader

SEEN = "muniment_committed"
"""What a connection has seen committed for a writer: where the last chunk begins before which is no gap."""

FINE_SHARE = 0.7
"""Size of the next part in records for each that is refused on average: half of such parts are fine, which is
when an attempt tells most (group testing: R. Dorfman, Annals of Mathematical Statistics 14, 1943)."""


@dataclass(frozen=True, slots=True)
class Job:
    """All that loading a chunk needs.

    `mends` tells whether earlier runs left entries to be mended.
    """

    source: Reader
    judge: Judge
    database: Database
    writer: Writer
    run_id: int
    scope: str
    mends: bool


class OutOfTurn(Exception):
    """What becomes of a chunk depends on what is before it, which is not all committed yet."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A chunk, read and judged."""

    chunk: Chunk
    records: Records
    verdicts: Verdicts
    seconds: float


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that was quarantined: where it stands, why, and where each problem is, for people."""

    record: int
    line: int
    key: str | None
    problems: tuple[Problem, ...]
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """A chunk whose work is in the database, with the records that it quarantined."""

    account: Account
    quarantined: tuple[Quarantined, ...] = ()
    seconds_validating: float = 0.0
    seconds_writing: float = 0.0


def prepare_chunk(chunk: Chunk, source: Reader, judge: Judge) -> Prepared:
    """Read a chunk's records and judge them; pure."""
    began = time.perf_counter()
    records = source.records(chunk, by_column=judge.judges_columns)
    verdicts = judge.judge(records)
    return Prepared(chunk, records, verdicts, time.perf_counter() - began)


def encode_chunk(prepared: Prepared, job: Job) -> Prepared:
    """Do ahead what need not wait for the chunk's transaction: its hash, and its rows as they are sent."""
    began = time.perf_counter()
    _ = prepared.chunk.sha256  # which remembers it
    verdicts = prepared.verdicts
    encoded = job.writer.encode(job.database, prepared.records, verdicts.accepted)
    ready = replace(verdicts, accepted=replace(verdicts.accepted, encoded=encoded))
    return replace(prepared, verdicts=ready, seconds=prepared.seconds + time.perf_counter() - began)


def load_chunk(prepared: Prepared, job: Job, progress: Progress | None = None) -> Committed:
    """Put a chunk into the database: its claim, rows, rejections, notes and result, in one transaction.

    Args:
        prepared: the chunk.
        job: what it takes.
        progress: what is committed already; else everything before the chunk is.

    Raises:
        ChunkAlreadyCommitted: an earlier attempt, or another loader, has committed it.
        OutOfTurn: it has to wait until everything before it is committed; nothing of it was.
        CommitsLost: the database has lost some of that.
        OutOfBalance: a record is not accounted for; nothing was committed.
    """
    records, verdicts = prepared.records, prepared.verdicts
    start = prepared.chunk.start
    progress = progress or Progress(start)
    began = time.perf_counter()
    committed = False
    try:
        with job.database.unhurried_transaction() as transaction:
            must_follow(transaction, job, progress)
            claimed = ledger.claim(transaction, job.run_id, prepared.chunk)
            applied = apply(transaction, job, records, verdicts.accepted)
            if applied.in_turn and progress.reached.offset < start.offset:
                raise OutOfTurn
            rejections = sorted((*verdicts.rejections, *applied.rejections), key=attrgetter("index"))
            stored = quarantine.store_rejections(transaction, job.run_id, job.scope, records, rejections)
            written = {*applied.inserted, *applied.updated}
            notes = [note for note in (*verdicts.notes, *applied.notes) if note.index in written]
            quarantine.store_notes(transaction, job.run_id, records, notes)
            if job.mends:
                _close_mended(transaction, job, records, verdicts.accepted, applied)
            account = Account(
                read=len(records),
                inserted=len(applied.inserted),
                updated=len(applied.updated),
                unchanged=len(applied.unchanged),
                quarantined=len(stored.quarantined),
                skipped=len(verdicts.skipped) + stored.skipped,
                notes=len(notes),
                blank_lines=records.blank_lines,
            )
            hashes = evidence.of_chunk(transaction.execute, claimed, account)
            writing = time.perf_counter() - began
            ledger.record_result(
                transaction, claimed, account, hashes, validating=prepared.seconds, writing=writing
            )
        committed = True
    finally:
        job.writer.settle(committed=committed)
    quarantined = tuple(_placed(records, rejection) for rejection in stored.quarantined)
    return Committed(account, quarantined, prepared.seconds, time.perf_counter() - began)


def _placed(records: Records, rejection: Rejection) -> Quarantined:
    position = records.position(rejection.index)
    places = tuple(records.told(rejection.index, problem.column) for problem in rejection.problems)
    return Quarantined(position.number, position.line, rejection.key, rejection.problems, places)


def must_follow(transaction: Transaction, job: Job, progress: Progress) -> None:
    """Raise `CommitsLost` unless all that is known to be committed is.

    A server that does not wait for its disk may lose in a crash what it has committed. If another chunk
    were stored all the same, it might refer to shared rows that are gone with it. No connection outlives a
    crash: what one has seen it need not look for again, but for the last chunk, lest somebody between here
    and the server has connected anew.
    """
    info = transaction.connection.info
    writer, seen = info.get(SEEN, (None, job.source.first))
    last = place = seen if writer is job.writer else job.source.first
    beyond: set[int] = set()
    for start, end in ledger.committed_chunks(transaction, job.run_id, place.offset):
        if start == place.offset:
            last, place = place, end
        else:
            beyond.add(start)
    missing = {start for start in progress.beyond if start >= place.offset} - beyond
    if missing or place.offset < progress.reached.offset:
        raise _lost(job)
    info[SEEN] = job.writer, last


def must_reach(transaction: Transaction, job: Job, place: Place) -> None:
    """Raise `CommitsLost` unless everything before a place is committed, the first chunk to the last."""
    if resume_place(transaction, job).offset < place.offset:
        raise _lost(job)


def _lost(job: Job) -> CommitsLost:
    return CommitsLost(
        f"the database has lost records that it had committed for run {job.run_id}",
        hint=LOST_IN_A_CRASH,
        where=job.database.label,
    )


def apply(transaction: Transaction, job: Job, records: Records, accepted: Accepted) -> Applied:
    """Store accepted records; where the database refuses some, find those and store their neighbours.

    Among n records about log n attempts find one that is refused, k log n find a few. Where many are
    refused, the parts that are tried shrink to single records: some n attempts and no more.
    """
    parts: list[Applied] = []
    done = refused = 0
    size = suspect = most = len(accepted)
    while done < len(accepted):
        part = accepted.part(done, done + size)
        outcome = _attempt(transaction, job, records, part)
        if isinstance(outcome, DatabaseError) and len(part) > 1:
            suspect = done + len(part)
            most = len(part) // 2 if isinstance(outcome, StatementTimeout) else most
        else:
            if isinstance(outcome, DatabaseError):
                # Why the database refuses it, only the database knows: it may be for what is before it.
                outcome = Applied(rejections=[_refused(part, outcome)], in_turn=True)
                refused, suspect = refused + 1, done
            parts.append(outcome)
            done += len(part)
        size = min(most, _next_size(done, refused, suspect))
    return Applied.together(parts)


def _next_size(done: int, refused: int, suspect: int) -> int:
    """How many records to try at once after the first `done`, among which so many were refused.

    Those before `suspect` were refused together, and one of them is to be found: by halving. Where
    nothing is known of what follows, a part that is more likely fine than not tells most.
    """
    if suspect > done:
        return (suspect - done + 1) // 2
    return int(FINE_SHARE * done / max(refused, 1)) or 1


def _attempt(
    transaction: Transaction, job: Job, records: Records, accepted: Accepted
) -> Applied | RowRefused | StatementTimeout:
    """Store accepted records, or say why not even one of them was.

    A key that is taken may have been taken by another loader in between, which is no fault of the record:
    the second attempt finds it there. Nor is it one that what was made ahead is overtaken, such as a key that
    was found and is deleted now; of several records parts are tried, of which nothing was made ahead.
    """
    for attempt in (1, 2):
        try:
            with transaction.savepoint():
                return job.writer.apply(transaction, records, accepted)
        except (RowRefused, StatementTimeout) as refused:
            job.writer.settle(committed=False)
            if isinstance(refused, StatementTimeout) and len(accepted) == 1:
                raise
            made_ahead = len(accepted) == 1 and accepted.encoded is not None
            if attempt == 2 or not (isinstance(refused, DuplicateKey) or made_ahead):
                return refused
            accepted = replace(accepted, encoded=None)
    raise AssertionError("the second attempt returns")


def _refused(accepted: Accepted, refused: DatabaseError) -> Rejection:
    problem = Problem("database", f"the database refuses it: {refused.message}", refused.hint)
    return Rejection(accepted.indexes[0], (problem,), accepted.keys[0] or None)


def _close_mended(
    transaction: Transaction, job: Job, records: Records, accepted: Accepted, applied: Applied
) -> None:
    refused = {rejection.index for rejection in applied.rejections}
    mended = [(i, key) for i, key in zip(accepted.indexes, accepted.keys, strict=True) if i not in refused]
    if mended:
        indexes, keys = zip(*mended, strict=True)
        quarantine.close_mended(transaction, job.run_id, job.scope, records, indexes, keys)


def resume_place(transaction: Transaction, job: Job) -> Place:
    """Where the first chunk without a result begins."""
    place = job.source.first
    for start, end in ledger.committed_chunks(transaction, job.run_id):
        if start != place.offset:
            break
        place = end
    return place


def prepare_ahead(job: Job, chunks: Iterator[Chunk]) -> Generator[Prepared]:
    """Each chunk, ready to be written; while one is, and is not large, the next one is made so."""

    def prepare_next() -> Prepared | None:
        chunk = next(chunks, None)
        return encode_chunk(prepare_chunk(chunk, job.source, job.judge), job) if chunk else None

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="muniment-prepare") as ahead:
        coming = ahead.submit(prepare_next)
        while (prepared := coming.result()) is not None:
            fits_beside = len(prepared.chunk.data) <= HUGE_BYTES
            if fits_beside:
                coming = ahead.submit(prepare_next)
            yield prepared
            del prepared  # and with it all that a chunk holds
            if not fits_beside:
                coming = ahead.submit(prepare_next)
