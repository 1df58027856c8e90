"""The quarantine: records that could not be stored, with their bytes and all their problems; and notes.

Rejections commit in the same transaction as the rows of their chunk. A rejection that was seen before
(the same bytes, the same problems, in the same scope) is counted again but listed once.

A record that corrects an entry (`Records.origins`) is linked to the first attempt of all. Where it is
now good, that attempt and all later ones are closed; where it is not, its own entry takes their place.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import Transaction, rows_in
from muniment.databases.types import (
    INSERT_ONLY,
    UPDATED,
    Blob,
    Document,
    Hash,
    Id,
    Integer,
    Key,
    Moment,
    Text,
    metadata,
)
from muniment.ledger import now
from muniment.records import Note, Problem, Records, Rejection, shortened

MAX_RAW_BYTES = 1024 * 1024
"""How much of a rejected record is kept: all of any record that a person could mend. The byte range
of a longer one is in the ledger, and `trace` and the source lead back to the rest."""

NOT_APPLIED = "not-applied"
"""The code of a corrected record that changes nothing, or cannot be read: the entry that it names stays as
it is and needs no second one."""

PURGED = "what was wrong was purged with the record's bytes"
"""The message of a problem whose entry was purged."""

LEFT_OUT = "left-out"
"""The code of a corrected record whose entry is settled already: it counts as skipped."""

quarantine_table = sa.Table(
    "quarantine",
    metadata,
    sa.Column("quarantine_id", Id, primary_key=True, autoincrement=True),
    sa.Column("run_id", Id, sa.ForeignKey("run.run_id", name="quarantine_run"), nullable=False),
    sa.Column("scope", Key, nullable=False, comment="whose record it is"),
    sa.Column("record_number", Id, nullable=False),
    sa.Column("line", Id, nullable=False),
    sa.Column("byte_offset", Id, nullable=False),
    sa.Column("byte_length", Id, nullable=False),
    sa.Column("record_key", Key, comment="where it could be read"),
    sa.Column("row_hash", Hash, nullable=False, comment="of the record's bytes and its problems"),
    sa.Column("raw", Blob, nullable=False, comment="the record's bytes"),
    sa.Column(
        "cells", Document, comment="the record's cells as they were read; nothing where it is too long"
    ),
    sa.Column("problems", Document, nullable=False),
    sa.Column("state", Key, nullable=False, info=UPDATED),
    sa.Column("times_seen", Integer, nullable=False, info=UPDATED),
    sa.Column(
        "last_run_id",
        Id,
        sa.ForeignKey("run.run_id", name="quarantine_last_run"),
        nullable=False,
        info=UPDATED,
    ),
    sa.Column("last_record_number", Id, nullable=False, info=UPDATED),
    sa.Column("corrects_id", Id, comment="the first attempt, which this one tried to correct"),
    sa.Column("closed_by_run_id", Id, sa.ForeignKey("run.run_id", name="quarantine_closed_by"), info=UPDATED),
    sa.Column("closed_by_record", Id, comment="the record of that run which is now good", info=UPDATED),
    sa.Column("state_since", Moment, nullable=False, info=UPDATED),
    sa.Column("state_by", Key, comment="who dismissed it, or opened it again", info=UPDATED),
    sa.Column("reason", Text, comment="why it was dismissed", info=UPDATED),
    sa.Column("waits_for", Key, comment="an open entry's table that lacks a key; else nothing"),
    sa.CheckConstraint("state IN ('open', 'closed', 'dismissed', 'resubmitted')", name="quarantine_state"),
    sa.Index("quarantine_record", "scope", "record_key"),
    sa.Index("quarantine_row", "row_hash"),
    sa.Index("quarantine_position", "run_id", "record_number"),
    comment="Records that could not be stored, and why",
)

note_table = sa.Table(
    "note",
    metadata,
    sa.Column(
        "run_id", Id, sa.ForeignKey("run.run_id", name="note_run"), primary_key=True, autoincrement=False
    ),
    sa.Column("record_number", Id, primary_key=True, autoincrement=False),
    sa.Column("position", Integer, primary_key=True, autoincrement=False),
    sa.Column("record_key", Key),
    sa.Column("line", Id, nullable=False),
    sa.Column("code", Key, nullable=False),
    sa.Column("field", Key, nullable=False),
    sa.Column("column", Text, nullable=False),
    sa.Column("message", Text, nullable=False),
    sa.Column("hint", Text, nullable=False),
    sa.Column("value", Text, nullable=False),
    comment="Things accepted but remarkable",
    info=INSERT_ONLY,
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing rejections came to.

    Attributes:
        quarantined: the rejections that count as such.
        skipped: how many do not: their entries were dismissed, or are settled already.
    """

    quarantined: tuple[Rejection, ...]
    skipped: int


def store_rejections(
    transaction: Transaction, run_id: int, scope: str, records: Records, rejections: Sequence[Rejection]
) -> Stored:
    """Enter the rejections of a chunk, or count them on entries that they repeat."""
    listed = [rejection for rejection in rejections if _needs_entry(records, rejection)]
    hashes = [hash_of(records, rejection) for rejection in listed]
    known = _entries_with(transaction, run_id, scope, hashes) if listed else defaultdict(deque)
    fresh: list[tuple[Rejection, bytes]] = []
    repeated: list[dict[str, Any]] = []
    skipped = {rejection.index for rejection in rejections if _code(rejection) == LEFT_OUT}
    for rejection, row_hash in zip(listed, hashes, strict=True):
        if known[row_hash]:
            entry_id, state = known[row_hash].popleft()
            if state == "dismissed":
                skipped.add(rejection.index)
            number = records.position(rejection.index).number
            repeated.append(
                {"entry": entry_id, "number": number, "corrected": rejection.index in records.origins}
            )
        else:
            fresh.append((rejection, row_hash))
    if fresh:
        _mark_resubmitted(transaction, records, [rejection for rejection, _ in fresh])
        entries = [_entry(run_id, scope, records, rejection, row_hash) for rejection, row_hash in fresh]
        transaction.insert(quarantine_table, list(entries[0]), [tuple(entry.values()) for entry in entries])
    _count_again(transaction, run_id, repeated)
    quarantined = tuple(rejection for rejection in rejections if rejection.index not in skipped)
    return Stored(quarantined, len(skipped))


def _code(rejection: Rejection) -> str:
    return rejection.problems[0].code


def _needs_entry(records: Records, rejection: Rejection) -> bool:
    """Whether a rejection is one to be listed: not left out, and not of an entry that stands as it is."""
    still = (
        rejection.waits_for is not None
        and (origin := records.origins.get(rejection.index)) is not None
        and origin.is_retried
    )
    stands = still or (_code(rejection) == NOT_APPLIED and rejection.index in records.origins)
    return not stands and _code(rejection) != LEFT_OUT


def hash_of(records: Records, rejection: Rejection) -> bytes:
    """What makes a rejection the same as an earlier one: its bytes, and what is wrong with them.

    Of a corrected record its cells: its bytes in the corrected file are not all that it consists of.
    """
    index = rejection.index
    content = json.dumps(records.rows[index]).encode() if index in records.origins else records.raw(index)
    codes = sorted({f"{problem.field}:{problem.code}" for problem in rejection.problems})
    return hashlib.sha256(content + b"\0" + "\n".join(codes).encode()).digest()


def _entries_with(
    transaction: Transaction, run_id: int, scope: str, hashes: Sequence[bytes]
) -> defaultdict[bytes, deque[tuple[int, str]]]:
    """The entries of earlier runs that rejections of this run may repeat, oldest first.

    One that was purged, unless it is dismissed, is not among them: nobody could mend the record by it.
    """
    found: defaultdict[bytes, deque[tuple[int, str]]] = defaultdict(deque)
    c = quarantine_table.c
    mendable = sa.or_(c.state == "dismissed", c.byte_length == 0, sa.func.length(c.raw) > 0)
    query = (
        sa.select(c.quarantine_id, c.row_hash, c.state)
        .where(c.scope == scope, c.last_run_id != run_id, mendable)
        .order_by(c.quarantine_id)
    )
    for row in rows_in(transaction.execute, query, c.row_hash, sorted(set(hashes))):
        found[bytes(row.row_hash)].append((row.quarantine_id, row.state))
    return found


def _entry(
    run_id: int, scope: str, records: Records, rejection: Rejection, row_hash: bytes
) -> dict[str, Any]:
    position = records.position(rejection.index)
    origin = records.origins.get(rejection.index)
    raw = records.raw(rejection.index)
    whole = position.length <= min(len(raw), MAX_RAW_BYTES)
    return {
        "run_id": run_id,
        "scope": scope,
        "record_number": position.number,
        "line": position.line,
        "byte_offset": position.offset,
        "byte_length": position.length,
        "record_key": rejection.key,
        "row_hash": row_hash,
        "raw": raw[:MAX_RAW_BYTES],
        "cells": cells_as_json(records.rows[rejection.index]) if whole else None,
        "problems": json.dumps([_told(problem) for problem in rejection.problems], ensure_ascii=False),
        "state": "open",
        "times_seen": 1,
        "last_run_id": run_id,
        "last_record_number": position.number,
        "corrects_id": origin.quarantine_id if origin else None,
        "state_since": now(),
        "waits_for": rejection.waits_for,
    }


def cells_as_json(cells: Sequence[str]) -> str:
    """Cells as text that every database can hold: JSON writes NULs and lone surrogates as escapes."""
    return json.dumps(list(cells), ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")


def _told(problem: Problem) -> dict[str, str]:
    """A problem as plain data that every database can hold: no NUL, no lone surrogate, no long value."""
    return {name: storable(text) for name, text in problem.as_dict().items()}


def storable(text: str) -> str:
    """`text` cut to a bound, with what no database stores written as an escape."""
    short = shortened(text)
    if short.isprintable():
        return short
    escaped = short.replace("\0", "\\x00")
    return escaped.encode("utf-8", "backslashreplace").decode("utf-8")


def _count_again(transaction: Transaction, run_id: int, repeated: Sequence[dict[str, Any]]) -> None:
    """Count rejections on the entries that they repeat.

    A corrected record is no newer than the export that it corrects: it leaves the entry's last run alone.
    """
    c = quarantine_table.c
    closed = c.state == "closed"
    counted = quarantine_table.update().where(c.quarantine_id == sa.bindparam("entry"))
    # MySQL computes each assignment from those before it: the state comes last.
    again: list[tuple[sa.Column[Any], Any]] = [
        (c.times_seen, c.times_seen + 1),
        (c.last_run_id, run_id),
        (c.last_record_number, sa.bindparam("number")),
        (c.closed_by_run_id, sa.case((closed, None), else_=c.closed_by_run_id)),
        (c.closed_by_record, sa.case((closed, None), else_=c.closed_by_record)),
        (c.state_since, sa.case((closed, sa.literal(now(), Moment())), else_=c.state_since)),
        (c.state, sa.case((closed, "open"), else_=c.state)),
    ]
    exported = [{"entry": r["entry"], "number": r["number"]} for r in repeated if not r["corrected"]]
    corrected = [{"entry": r["entry"]} for r in repeated if r["corrected"]]
    if exported:
        transaction.execute(counted.ordered_values(*again), exported)
    if corrected:
        transaction.execute(counted.values(times_seen=c.times_seen + 1), corrected)


def _mark_resubmitted(transaction: Transaction, records: Records, rejections: Sequence[Rejection]) -> None:
    """Attempts whose correction was rejected in turn give way to the entry of the correction."""
    corrected = [
        {"first": records.origins[r.index].quarantine_id} for r in rejections if r.index in records.origins
    ]
    c = quarantine_table.c
    if corrected:
        transaction.execute(
            quarantine_table.update()
            .where(sa.or_(c.quarantine_id == sa.bindparam("first"), c.corrects_id == sa.bindparam("first")))
            .where(c.state == "open")
            .values(state="resubmitted", state_since=now()),
            corrected,
        )


def _waiting(run_id: int, scope: str) -> sa.ColumnElement[bool]:
    """The condition that an entry of an earlier run is still to be mended."""
    c = quarantine_table.c
    return sa.and_(c.scope == scope, c.state.in_(["open", "resubmitted"]), c.last_run_id != run_id)


def has_waiting(transaction: Transaction, run_id: int, scope: str) -> bool:
    """Whether earlier runs left entries that this one may mend."""
    return bool(transaction.execute(sa.select(sa.exists().where(_waiting(run_id, scope)))).scalar())


def has_earlier(transaction: Transaction, run_id: int, scope: str) -> bool:
    """Whether earlier runs left entries, in whatever state, that rejections of this one may repeat."""
    c = quarantine_table.c
    earlier = sa.exists().where(c.scope == scope, c.last_run_id != run_id)
    return bool(transaction.execute(sa.select(earlier)).scalar())


def close_mended(
    transaction: Transaction,
    run_id: int,
    scope: str,
    records: Records,
    indexes: Sequence[int],
    keys: Sequence[str],
) -> None:
    """Close the open entries of earlier runs whose record is now stored, by its key or by its origin.

    Where two records bear one key, the one that is stored does not mend the other: what this run rejects once
    more stays open, and so does what was made of it.
    """
    c, first = quarantine_table.c, quarantine_table.alias("first")
    rejected_again = sa.exists().where(first.c.quarantine_id == c.corrects_id, first.c.last_run_id == run_id)
    waiting = sa.and_(_waiting(run_id, scope), sa.not_(rejected_again))
    by_key = {key: index for index, key in zip(indexes, keys, strict=True) if key}
    by_origin = {records.origins[index].quarantine_id: index for index in indexes if index in records.origins}
    mended: dict[int, int] = {}
    for column, wanted in ((c.record_key, by_key), (c.quarantine_id, by_origin), (c.corrects_id, by_origin)):
        values: dict[Any, int] = dict(wanted)
        query = sa.select(c.quarantine_id, column).where(waiting)
        for entry, value in map(tuple, rows_in(transaction.execute, query, column, sorted(values))):
            mended[entry] = records.position(values[value]).number
    if mended:
        transaction.execute(
            quarantine_table.update()
            .where(c.quarantine_id == sa.bindparam("entry"))
            .values(
                state="closed",
                closed_by_run_id=run_id,
                closed_by_record=sa.bindparam("number"),
                state_since=now(),
            ),
            [{"entry": entry, "number": number} for entry, number in sorted(mended.items())],
        )


def store_notes(transaction: Transaction, run_id: int, records: Records, notes: Sequence[Note]) -> None:
    """Enter the notes of a chunk."""
    counts: defaultdict[int, int] = defaultdict(int)
    rows: list[Sequence[Any]] = []
    for note in notes:
        counts[note.index] += 1
        position, problem = records.position(note.index), note.problem
        rows.append(
            (
                *(run_id, position.number, counts[note.index], note.key, position.line),
                *(problem.code, problem.field),
                *map(storable, (problem.column, problem.message, problem.hint, problem.value)),
            )
        )
    if rows:
        transaction.insert(note_table, [column.name for column in note_table.columns], rows)


def count_without_key(transaction: Transaction, run_id: int) -> int:
    """How many of the records that a run quarantined have no readable key."""
    c = quarantine_table.c
    query = sa.select(sa.func.count()).where(
        c.last_run_id == run_id, c.record_key.is_(None), c.state != "dismissed"
    )
    return int(transaction.execute(query).scalar_one())


def keys_seen(run_id: int) -> sa.Select[tuple[str]]:
    """Selects the keys of the records that a run quarantined."""
    c = quarantine_table.c
    return sa.select(c.record_key).where(c.last_run_id == run_id, c.record_key.is_not(None))
