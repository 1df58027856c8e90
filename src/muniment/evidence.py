"""Evidence that cannot be changed without a trace: what each chunk left behind, and the chain of seals.

    a chunk's result   the hash of its rows in `change`, `note` and `quarantine`, and, over these, the claim
                       and the account, the hash that stands for the chunk
    a run's seal       when it ends: the hashes of its chunks in the order of the source, one upon the other,
                       beginning with what the run is; and the hash of the seal before

So workers may commit chunks in any order, and whoever has written down one seal's hash can tell whether
anything of what came before it was changed. `muniment.audit.verify` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from muniment.canonical import Digest, hashed
from muniment.databases.database import Database, Transaction
from muniment.databases.types import INSERT_ONLY, Hash, Id, Integer, Key, Moment, Text, metadata
from muniment.errors import DatabaseUnavailable, DuplicateKey
from muniment.ledger import (
    Row,
    change_table,
    chunk_hash,
    chunk_result_table,
    chunk_table,
    now,
    run_table,
    source_table,
)
from muniment.quarantine import note_table, quarantine_table
from muniment.records import Account

ROWS_AT_ONCE = 500
"""Rows that a driver hands over at a time: before-images may be long, and a chunk may have many."""

SEALED = ("done", "stopped", "incomplete")
"""The ends of a run that are sealed. After an interruption or a failure it goes on, and is sealed later."""

SEAL_ATTEMPTS = 1_000
"""Each that fails is one at which another run was sealed: so many runs do not end at once."""

BEFORE_THE_FIRST = bytes(32)
"""Stands for the seal before the first one."""

seal_table = sa.Table(
    "seal",
    metadata,
    sa.Column("number", Id, primary_key=True, autoincrement=False, comment="1, 2, 3, without a gap"),
    sa.Column("run_id", Id, sa.ForeignKey("run.run_id", name="seal_run"), nullable=False),
    sa.Column("status", Key, nullable=False, comment="how the run ended"),
    sa.Column("chunks", Integer, nullable=False, comment="how many of its chunks are sealed"),
    sa.Column("end_offset", Id, nullable=False, comment="where the last of them ends; 0 where there is none"),
    sa.Column("identity", Hash, nullable=False, comment="of the run and its source"),
    sa.Column("root", Hash, nullable=False, comment="of the identity and the chunks, in their order"),
    sa.Column("previous", Hash, nullable=False, comment="hash of the seal before; zeros for the first"),
    sa.Column("sealed_at", Moment, nullable=False),
    sa.Column("sha256", Hash, nullable=False, comment="of all this"),
    sa.UniqueConstraint("previous", name="seal_previous"),
    sa.Index("seal_of_run", "run_id"),
    comment="Seals over runs, each linked to the one before; never changed",
    info=INSERT_ONLY,
)

source_copy_table = sa.Table(
    "source_copy",
    metadata,
    sa.Column("copy_id", Id, primary_key=True, autoincrement=True),
    sa.Column("source_id", Id, sa.ForeignKey("source.source_id", name="source_copy_source"), nullable=False),
    sa.Column("place", Text, nullable=False, comment="path or URL"),
    sa.Column("kept_at", Moment, nullable=False),
    comment="Where a copy of a source is kept, compressed and named by the source's hash; never changed",
    info=INSERT_ONLY,
)

SOURCE = ("source_id", "sha256", "size", "name", "first_seen")
"""The columns of a source that are sealed."""

RUN = (
    "run_id",
    "source_id",
    "mapping_version",
    "pass",
    "profile",
    "scope",
    "name",
    "header",
    "mapping",
    "settings",
    "operator",
    "program",
    "started_at",
)
"""The columns of a run that are sealed: all but its status, which changes, and the time of that."""

Execute = Callable[[sa.Executable], sa.Result[Any]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A table that keeps something of a chunk's records.

    Attributes:
        table: which one.
        evidence: the column of `chunk_result` with the hash of a chunk's rows.
        counted: the number of an account that says how many there are at most.
        order: the columns in the order of which the rows are hashed.
        columns: those that are sealed.
    """

    table: sa.Table
    evidence: str
    counted: str
    order: tuple[str, ...]
    columns: tuple[str, ...]


KEPT = (
    Kept(
        change_table,
        "changes_sha256",
        "updated",
        ("record_number",),
        ("run_id", "record_number", "record_key", "changed_at", "before"),
    ),
    Kept(
        note_table,
        "notes_sha256",
        "notes",
        ("record_number", "position"),
        (
            *("run_id", "record_number", "position", "record_key", "line", "code"),
            *("field", "column", "message", "hint", "value"),
        ),
    ),
    # Not what retention removes one day: the record's hash, which covers it, stays.
    Kept(
        quarantine_table,
        "entries_sha256",
        "quarantined",
        ("record_number", "quarantine_id"),
        ("run_id", "record_number", "line", "byte_offset", "byte_length", "row_hash", "corrects_id"),
    ),
)
"""All that a chunk leaves behind besides its claim, its result and the records themselves."""


def of_chunk(execute: Execute, claimed: Row, account: Account) -> dict[str, bytes]:
    """The hashes of what was kept of a chunk's records, by column of its result."""
    return {
        kept.evidence: rows_hash(execute if getattr(account, kept.counted) else None, kept, claimed)[0]
        for kept in KEPT
    }


def rows_hash(execute: Execute | None, kept: Kept, claimed: Row) -> tuple[bytes, int]:
    """The hash of the rows that a table keeps of a chunk's records, and how many there are.

    Args:
        execute: of a transaction or connection; None where there are no rows.
        kept: the table.
        claimed: the chunk's claim.
    """
    digest, count = Digest(kept.table.name), 0
    if execute:
        c = kept.table.c
        query = sa.select(*(c[name] for name in kept.columns)).where(
            c.run_id == claimed["run_id"],
            c.record_number >= claimed["first_record"],
            c.record_number < claimed["end_record"],
        )
        ordered = query.order_by(*(c[name] for name in kept.order))
        with execute(ordered.execution_options(yield_per=ROWS_AT_ONCE)) as rows:
            for row in rows:
                digest.add(tuple(row))
                count += 1
    return digest.value(), count


@dataclass(frozen=True, slots=True)
class Seal:
    """A row of `seal`."""

    number: int
    run_id: int
    status: str
    chunks: int
    end_offset: int
    identity: bytes
    root: bytes
    previous: bytes
    sealed_at: datetime
    sha256: bytes = b""

    def hash(self) -> bytes:
        """What `sha256` must be."""
        *told, _ = astuple(self)
        return hashed("seal", [told])


def seals(
    execute: Execute, *conditions: sa.ColumnElement[bool], newest: bool = False, limit: int | None = None
) -> Iterator[Seal]:
    """The seals for which the conditions hold, the oldest first, or the newest one alone."""
    query = sa.select(*(seal_table.c[name] for name in Seal.__dataclass_fields__)).where(*conditions)
    number = seal_table.c.number
    ordered = query.order_by(number.desc() if newest else number).limit(1 if newest else limit)
    with execute(ordered) as rows:
        for row in rows:
            yield Seal(**row._mapping)


def seal_of(execute: Execute, run_id: int) -> Seal | None:
    """The newest seal of a run."""
    return next(seals(execute, seal_table.c.run_id == run_id, newest=True), None)


def identity(execute: Execute, run_id: int) -> bytes:
    """The hash of what a run is: its source, its mapping, who began it and when."""
    columns = [source_table.c[name] for name in SOURCE] + [run_table.c[name] for name in RUN]
    query = sa.select(*columns).select_from(run_table.join(source_table)).where(run_table.c.run_id == run_id)
    row: Sequence[Any] = execute(query).first() or ()
    return hashed("run", (row[: len(SOURCE)], row[len(SOURCE) :]))


def linked(root: bytes, chunk: bytes) -> bytes:
    """The root of a run up to and including a chunk, from the root up to it and the chunk's hash."""
    return hashed("chunk upon chunk", [(root, chunk)])


def chunks_of(execute: Execute, run_id: int) -> Iterator[tuple[Row, Row]]:
    """The claims of a run with their results, in the order of the source; each names its own columns.

    A result is empty where there is none, which only somebody else's changes can bring about.
    """
    claims, results = list(chunk_table.columns), list(chunk_result_table.columns)
    joined = chunk_table.outerjoin(chunk_result_table)
    query = sa.select(*claims, *results).select_from(joined).where(chunk_table.c.run_id == run_id)
    query, start = query.order_by(chunk_table.c.start_offset).limit(ROWS_AT_ONCE), chunk_table.c.start_offset
    last = -1
    while page := execute(query.where(start > last)).all():
        for row in page:
            told: Sequence[Any] = tuple(row)
            claimed, result = _named(claims, told[: len(claims)]), _named(results, told[len(claims) :])
            yield claimed, {} if result["run_id"] is None else result
            last = claimed["start_offset"]


def claims_of(database: Database, run_id: int) -> Iterator[Row]:
    """The claims of a run, in the order of the source; nothing is open while the caller uses one."""

    def execute(statement: sa.Executable) -> sa.Result[Any]:
        with database.transaction() as transaction:
            return transaction.execute(statement).freeze()()

    return (claimed for claimed, _ in chunks_of(execute, run_id))


def _named(columns: Sequence[sa.Column[Any]], values: Sequence[Any]) -> Mapping[str, Any]:
    return dict(zip((column.name for column in columns), values, strict=True))


def sealable(claimed: Row, result: Row) -> bytes:
    """The hash that stands for a chunk: the one that was entered with it, or, of old, one made now."""
    return bytes(result["sha256"]) if result["sha256"] is not None else chunk_hash(claimed, result)


def seal_run(transaction: Transaction, run_id: int, status: str) -> Seal:
    """Seal a run as far as its chunks follow each other; the seal that is there, where nothing is new."""
    root = whole = identity(transaction.execute, run_id)
    chunks = end = 0
    for claimed, result in chunks_of(transaction.execute, run_id):
        if chunks and claimed["start_offset"] != end:
            break
        root, end, chunks = linked(root, sealable(claimed, result)), claimed["end_offset"], chunks + 1
    last = seal_of(transaction.execute, run_id)
    if last is not None and (last.root, last.status) == (root, status):
        return last
    for _ in range(SEAL_ATTEMPTS):
        head = next(seals(transaction.execute, newest=True), None)
        number, previous = (head.number + 1, head.sha256) if head else (1, BEFORE_THE_FIRST)
        seal = Seal(number, run_id, status, chunks, end, whole, root, previous, now())
        seal = replace(seal, sha256=seal.hash())
        try:
            with transaction.savepoint():
                transaction.execute(seal_table.insert(), asdict(seal))
        except DuplicateKey:
            continue  # another run was sealed meanwhile: this one follows it
        return seal
    raise DatabaseUnavailable("other runs are sealed all the time", hint="Run the same command again")
