"""The ledger: which source was loaded by which run, chunk by chunk, in the target database itself.

The claim on a chunk is the first statement of the chunk's transaction and its result the last. Claims
and results are only ever inserted: a second claim on the same chunk is refused by the primary key, which
is how a lost reply to COMMIT, a zombie worker and a task run twice are all settled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from muniment.canonical import hashed
from muniment.databases.database import Database, Transaction
from muniment.databases.errors import LOST_IN_A_CRASH, wrapping
from muniment.databases.types import (
    INSERT_ONLY,
    UPDATED,
    Document,
    Hash,
    Id,
    Integer,
    Key,
    Moment,
    Real,
    Text,
    metadata,
)
from muniment.errors import DatabaseError, DuplicateKey, RowRefused, UsageError
from muniment.records import Account, Chunk, Place
from muniment.sources.source import Fingerprint

source_table = sa.Table(
    "source",
    metadata,
    sa.Column("source_id", Id, primary_key=True, autoincrement=True),
    sa.Column("sha256", Hash, nullable=False, comment="of the file as it lies there"),
    sa.Column("size", Id, nullable=False, comment="bytes of the file as it lies there"),
    sa.Column("name", Text, nullable=False, comment="what it was called when it was first loaded"),
    sa.Column("first_seen", Moment, nullable=False),
    sa.UniqueConstraint("sha256", "size", name="source_fingerprint"),
    comment="A file that was loaded (E31 Document), known by its hash whatever it is called",
    info=INSERT_ONLY,
)

run_table = sa.Table(
    "run",
    metadata,
    sa.Column("run_id", Id, primary_key=True, autoincrement=True),
    sa.Column("source_id", Id, sa.ForeignKey("source.source_id", name="run_source"), nullable=False),
    sa.Column("mapping_version", Hash, nullable=False, comment="hash of all that decides what is loaded"),
    sa.Column("pass", Integer, nullable=False, comment="1, and one more for each time it is loaded again"),
    sa.Column("profile", Key, nullable=False),
    sa.Column("scope", Key, nullable=False, comment="whose records these are"),
    sa.Column("name", Text, nullable=False, comment="absolute path or name of the source in this run"),
    sa.Column("header", Document, nullable=False, comment="the source's columns"),
    sa.Column("mapping", Text, nullable=False, comment="the text of the mapping or model"),
    sa.Column("settings", Document, nullable=False),
    sa.Column("operator", Key, nullable=False),
    sa.Column("program", Key, nullable=False, comment="the version of Muniment"),
    sa.Column("status", Key, nullable=False, info=UPDATED),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment, info=UPDATED),
    sa.CheckConstraint(
        "status IN ('running', 'done', 'stopped', 'incomplete', 'failed', 'interrupted', 'abandoned')",
        name="run_status",
    ),
    sa.UniqueConstraint("source_id", "mapping_version", "pass", name="run_identity"),
    comment="One loading of one source by one mapping (E7 Activity)",
)

chunk_table = sa.Table(
    "chunk",
    metadata,
    sa.Column(
        "run_id", Id, sa.ForeignKey("run.run_id", name="chunk_run"), primary_key=True, autoincrement=False
    ),
    sa.Column("start_offset", Id, primary_key=True, autoincrement=False, comment="bytes before the chunk"),
    sa.Column("end_offset", Id, nullable=False),
    sa.Column("first_record", Id, nullable=False),
    sa.Column("end_record", Id, nullable=False, comment="number of the record after the last"),
    sa.Column("first_line", Id, nullable=False),
    sa.Column("end_line", Id, nullable=False),
    sa.Column("sha256", Hash, nullable=False, comment="of the bytes of the chunk"),
    sa.Column("claimed_at", Moment, nullable=False),
    comment="Claims: inserted first in a chunk's transaction; never changed",
    info=INSERT_ONLY,
)

chunk_result_table = sa.Table(
    "chunk_result",
    metadata,
    sa.Column("run_id", Id, primary_key=True, autoincrement=False),
    sa.Column("start_offset", Id, primary_key=True, autoincrement=False),
    sa.Column("read", Integer, nullable=False),
    sa.Column("inserted", Integer, nullable=False),
    sa.Column("updated", Integer, nullable=False),
    sa.Column("unchanged", Integer, nullable=False),
    sa.Column("quarantined", Integer, nullable=False),
    sa.Column("skipped", Integer, nullable=False),
    sa.Column("notes", Integer, nullable=False),
    sa.Column("blank_lines", Integer, nullable=False),
    sa.Column("seconds_validating", Real, nullable=False),
    sa.Column("seconds_writing", Real, nullable=False),
    sa.Column("committed_at", Moment, nullable=False),
    sa.Column("changes_sha256", Hash, comment="of the rows of `change` of the chunk's records"),
    sa.Column("notes_sha256", Hash, comment="of the rows of `note` of the chunk's records"),
    sa.Column("entries_sha256", Hash, comment="of the entries that `quarantine` got of the chunk's records"),
    sa.Column("sha256", Hash, comment="of the claim, and of this row, as it is sealed"),
    sa.ForeignKeyConstraint(
        ["run_id", "start_offset"], ["chunk.run_id", "chunk.start_offset"], name="chunk_result_chunk"
    ),
    sa.CheckConstraint(
        sa.column("read")
        == sa.column("inserted")
        + sa.column("updated")
        + sa.column("unchanged")
        + sa.column("quarantined")
        + sa.column("skipped"),
        name="chunk_result_balance",
    ),
    comment="Results: inserted last in a chunk's transaction; never changed",
    info=INSERT_ONLY,
)

change_table = sa.Table(
    "change",
    metadata,
    sa.Column(
        "run_id", Id, sa.ForeignKey("run.run_id", name="change_run"), primary_key=True, autoincrement=False
    ),
    sa.Column("record_number", Id, primary_key=True, autoincrement=False),
    sa.Column("record_key", Key, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    sa.Column(
        "before", Document, nullable=False, comment="the record's rows in every table before the update"
    ),
    sa.Index("change_record", "record_key"),
    comment="Before-images of updated records; never changed",
    info=INSERT_ONLY,
)


CLAIM = (
    "run_id",
    "start_offset",
    "end_offset",
    "first_record",
    "end_record",
    "first_line",
    "end_line",
    "sha256",
    "claimed_at",
)
"""The columns of a claim that are sealed."""

RESULT = (
    *Account.__dataclass_fields__,
    "committed_at",
    "changes_sha256",
    "notes_sha256",
    "entries_sha256",
)
"""The columns of a result that are sealed. How many seconds something took is no evidence of anything."""

CHUNKS_FROM = (
    sa.select(*(chunk_table.c[name] for name in ("start_offset", "end_offset", "end_record", "end_line")))
    .where(chunk_table.c.run_id == sa.bindparam("run"), chunk_table.c.start_offset >= sa.bindparam("start"))
    .order_by(chunk_table.c.start_offset)
)
"""The chunks of a run from a place on; made once, since each chunk asks for it."""

Row = Mapping[str, Any]
"""A row of a table, by column."""


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One loading of one source by one mapping; `created` is False where it is taken up again."""

    run_id: int
    status: str
    created: bool


@dataclass(frozen=True, slots=True)
class RunRequest:
    """All that identifies and describes a run before it has a number."""

    fingerprint: Fingerprint
    source_name: str
    location: str
    """Absolute path of the source, or its name where it has none."""
    profile: str
    scope: str
    mapping_version: bytes
    mapping_text: str
    header: tuple[str, ...]
    settings: dict[str, Any]
    operator: str
    program: str


class ChunkAlreadyCommitted(Exception):
    """The claim on a chunk is taken: its work is in the database."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


@contextmanager
def reading(database: Database) -> Iterator[sa.Connection]:
    """A connection for those who only read what was loaded.

    Raises:
        UsageError: nothing was ever loaded into this database.
        DatabaseError: it cannot be read.
    """
    with wrapping(database.label), database.engine.connect() as connection:
        if not sa.inspect(connection).has_table(run_table.name):
            raise UsageError(
                "nothing was ever loaded into this database",
                where=database.label,
                hint="`muniment load` loads an export; --db names another database",
            )
        connection.rollback()  # else the transaction in which this was asked would stay open
        yield connection


def open_source_row(transaction: Transaction, fingerprint: Fingerprint, name: str) -> int:
    """The id of the source with this fingerprint, which is added where it is new."""
    row = {"sha256": fingerprint.sha256, "size": fingerprint.size, "name": name, "first_seen": now()}
    same = sa.and_(source_table.c.sha256 == fingerprint.sha256, source_table.c.size == fingerprint.size)
    query = sa.select(source_table.c.source_id).where(same)
    return _found_or_added(transaction, query, source_table, row)


def _found_or_added(
    transaction: Transaction, query: sa.Select[tuple[int]], table: sa.Table, row: dict[str, Any]
) -> int:
    found = transaction.execute(query).scalar()
    if found is not None:
        return int(found)
    try:
        with transaction.savepoint():
            transaction.execute(table.insert(), row)
    except DuplicateKey:
        pass  # another loader added it in between; the query now finds theirs
    return int(transaction.execute(query).scalar_one())


def open_run(transaction: Transaction, request: RunRequest, *, again: bool) -> RunEntry:
    """The run for this source and mapping: the last one, or a new one.

    A new one is made where there is none, or where the last is done and `again` asks for one more.
    """
    source_id = open_source_row(transaction, request.fingerprint, request.source_name)
    last = transaction.execute(
        sa.select(run_table.c.run_id, run_table.c["pass"].label("pass_number"), run_table.c.status)
        .where(run_table.c.source_id == source_id, run_table.c.mapping_version == request.mapping_version)
        .order_by(run_table.c["pass"].desc())
        .limit(1)
    ).first()
    if last is not None and not (again and last.status == "done"):
        return RunEntry(last.run_id, last.status, created=False)
    pass_number = 1 if last is None else last.pass_number + 1
    identity = {"source_id": source_id, "mapping_version": request.mapping_version, "pass": pass_number}
    query = sa.select(run_table.c.run_id).where(
        *(run_table.c[name] == value for name, value in identity.items())
    )
    run_id = _found_or_added(transaction, query, run_table, identity | _run_columns(request))
    return RunEntry(run_id, "running", created=True)


def _run_columns(request: RunRequest) -> dict[str, Any]:
    return {
        "profile": request.profile,
        "scope": request.scope,
        "name": request.location,
        "header": json.dumps(request.header, ensure_ascii=False),
        "mapping": request.mapping_text,
        "settings": json.dumps(request.settings),
        "operator": request.operator,
        "program": request.program,
        "status": "running",
        "started_at": now(),
    }


def interrupted_run_of(transaction: Transaction, location: str, mapping_version: bytes) -> sa.Row[Any] | None:
    """The newest run of this mapping on a source at this location, where it was not finished."""
    return transaction.execute(
        sa.select(run_table.c.run_id, source_table.c.sha256, source_table.c.size)
        .join_from(run_table, source_table)
        .where(run_table.c.name == location, run_table.c.mapping_version == mapping_version)
        .where(run_table.c.status.in_(["running", "interrupted", "failed"]))
        .order_by(run_table.c.run_id.desc())
        .limit(1)
    ).first()


def settings_of(transaction: Transaction, run_id: int) -> dict[str, Any]:
    """The settings that a run was begun with and cannot change."""
    query = sa.select(run_table.c.settings).where(run_table.c.run_id == run_id)
    settings: dict[str, Any] = json.loads(transaction.execute(query).scalar_one())
    return settings


def set_status(transaction: Transaction, run_id: int, status: str) -> None:
    """Note how a run stands; an end is noted with its time."""
    ended = None if status == "running" else now()
    transaction.execute(
        run_table.update().where(run_table.c.run_id == run_id).values(status=status, ended_at=ended)
    )


def claim(transaction: Transaction, run_id: int, chunk: Chunk) -> Row:
    """Claim a chunk; returns the claim as it is entered.

    Raises:
        ChunkAlreadyCommitted: it has been claimed and committed.
        DatabaseError: the database has lost the run that it belongs to.
    """
    row = {
        "run_id": run_id,
        "start_offset": chunk.start.offset,
        "end_offset": chunk.end.offset,
        "first_record": chunk.start.number,
        "end_record": chunk.end.number,
        "first_line": chunk.start.line,
        "end_line": chunk.end.line,
        "sha256": chunk.sha256,
        "claimed_at": now(),
    }
    try:
        transaction.execute(chunk_table.insert(), row)
    except DuplicateKey as taken:
        raise ChunkAlreadyCommitted from taken
    except RowRefused as refused:
        raise DatabaseError(f"the database has lost run {run_id}", hint=LOST_IN_A_CRASH) from refused
    return row


def record_result(
    transaction: Transaction,
    claimed: Row,
    account: Account,
    evidence: Row,
    *,
    validating: float,
    writing: float,
) -> None:
    """Enter what became of a chunk's records.

    Args:
        transaction: in which the chunk was claimed.
        claimed: the claim.
        account: which must balance.
        evidence: the hashes of what was kept of the records, by column.
        validating: seconds that it took.
        writing: seconds that it took.
    """
    account.must_balance()
    row: dict[str, Any] = {"run_id": claimed["run_id"], "start_offset": claimed["start_offset"]}
    row |= asdict(account) | {"committed_at": now()} | dict(evidence)
    row |= {"seconds_validating": validating, "seconds_writing": writing}
    transaction.execute(chunk_result_table.insert(), row | {"sha256": chunk_hash(claimed, row)})


def chunk_hash(claimed: Row, result: Row) -> bytes:
    """The hash that stands for a chunk in its run's seal."""
    return hashed("chunk", ([claimed[name] for name in CLAIM], [result[name] for name in RESULT]))


def committed_chunks(transaction: Transaction, run_id: int, start: int = 0) -> Iterator[tuple[int, Place]]:
    """Of each committed chunk that begins at `start` or later, in source order: its start, and its end."""
    for row in transaction.execute(CHUNKS_FROM, {"run": run_id, "start": start}):
        yield row.start_offset, Place(row.end_offset, row.end_record, row.end_line)


def committed_at(run_id: sa.ColumnElement[int], record: sa.ColumnElement[int]) -> sa.ScalarSelect[datetime]:
    """When the chunk was committed that holds a record, given by two columns of an enclosing query.

    Each record that was stored or rejected is in such a chunk. The moment is by the clock of the machine
    that loaded it.
    """
    chunk, result = chunk_table.c, chunk_result_table.c
    same = sa.and_(result.run_id == chunk.run_id, result.start_offset == chunk.start_offset)
    return (
        sa.select(result.committed_at)
        .join_from(chunk_table, chunk_result_table, same)
        .where(chunk.run_id == run_id, chunk.first_record <= record, chunk.end_record > record)
        .scalar_subquery()
    )


def account_of(transaction: Transaction, run_id: int, start: int | None = None) -> tuple[Account, int]:
    """The account of a run as committed so far, or of its chunk with this start; and how many chunks."""
    c = chunk_result_table.c
    names = list(Account.__dataclass_fields__)
    sums = [sa.func.coalesce(sa.func.sum(c[name]), 0) for name in names]
    query = sa.select(*sums, sa.func.count()).where(c.run_id == run_id)
    row = transaction.execute(query if start is None else query.where(c.start_offset == start)).one()
    *counts, chunks = (int(value) for value in tuple(row))
    return Account(*counts), chunks
