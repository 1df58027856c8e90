"""The quarantine's entries: looking at them, dismissing them, opening them again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from muniment.config import operator
from muniment.databases.database import Database, Transaction, rows_in, where_in
from muniment.errors import UsageError
from muniment.ledger import now, reading, run_table
from muniment.positions import Positions
from muniment.quarantine import PURGED, quarantine_table
from muniment.records import Problem
from muniment.run_parts import positions_of
from muniment.sources.heading import unique

ENTRIES_AT_ONCE = 500
"""Entries fetched by one query, without their bytes: a list of any length takes the memory of one page."""

CONTENTS_AT_ONCE = 20
"""Entries fetched by one query with their bytes and cells, which may take some MiB each."""

STATES = ("open", "waiting", "closed", "dismissed", "resubmitted")
"""`waiting` are those open entries that need nothing but a key of another table. `resubmitted` are
attempts whose correction is an entry of its own."""

WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that could not be stored.

    Attributes:
        id: its number in the quarantine.
        run, source: the run that first rejected it, and the source of that run.
        state: one of `STATES`.
        record, line, byte_offset, byte_length: where it stands in that source.
        place: the same as a person would say it, of a workbook the cell with the first problem.
        key: what identifies it, where that could be read.
        problems: all that is wrong with it.
        times_seen, last_run: how often it was rejected, and by which load last.
        corrects: the first attempt, where this is a correction of one.
        closed_by_run, closed_by_record: the run and the record that mended it.
        since, by, reason: when it came into its state; who dismissed or reopened it, and why.
    """

    id: int
    run: int
    source: str
    scope: str
    state: str
    record: int
    line: int
    byte_offset: int
    byte_length: int
    key: str | None
    problems: tuple[Problem, ...]
    times_seen: int
    last_run: int
    corrects: int | None
    closed_by_run: int | None
    closed_by_record: int | None
    since: datetime
    by: str | None
    reason: str | None
    place: str

    @property
    def purged(self) -> bool:
        """Whether what the record held was removed, and with it what the problems quote."""
        return bool(self.problems) and all(problem.message == PURGED for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Content:
    """What a rejected record consists of.

    Attributes:
        entry: its entry.
        raw: its bytes as they stand in the source; of a very long record, their beginning; b"" once purged.
        columns: the names of the source's columns.
        cells: its cells as they were read, undecodable bytes as lone surrogates; None of a very long record,
            or of one that was purged.
            Where it is malformed they may be more or fewer than the columns.
        attempts: all entries of the same record: the first attempt and its corrections.
    """

    entry: Entry
    raw: bytes
    columns: tuple[str, ...]
    cells: tuple[str, ...] | None
    attempts: tuple[int, ...]

    @property
    def without_cells(self) -> Problem:
        """Why there are no cells."""
        if self.entry.purged:
            message = "the record's bytes and cells were purged, so that it cannot be corrected here"
            return Problem("purged", message, "Load its export again, with --again")
        message = "the record is too long to be corrected here"
        return Problem("too-long", message, "Correct it in the collection system, and export it again")

    @property
    def cells_by_column(self) -> dict[str, str]:
        """The cells, each with its column; those beyond the last column as `surplus 1` and so on."""
        cells = self.cells or ()
        surplus = (f"surplus {number}" for number in range(1, len(cells) - len(self.columns) + 1))
        return dict(zip((*self.columns, *surplus), cells, strict=False))


def entries(
    database: Database,
    run: int | None = None,
    state: str | None = "open",
    code: str | None = None,
    limit: int | None = None,
) -> Iterator[Entry]:
    """The entries of the quarantine in the order in which they came, fetched page by page.

    Args:
        database: whose quarantine.
        run: only what this run rejected.
        state: one of `STATES`, or None for all.
        code: only those with such a problem, such as `missing`.
        limit: at most so many.

    Raises:
        UsageError: there is no such state, or nothing was ever loaded.
    """
    condition = chosen(run, state, code)
    last = 0
    while limit is None or limit > 0:
        page = ENTRIES_AT_ONCE if limit is None else min(limit, ENTRIES_AT_ONCE)
        query = entry_query().where(condition, quarantine_table.c.quarantine_id > last).limit(page)
        with reading(database) as connection:
            found = entries_in(connection, connection.execute(query).all())
        yield from found
        if len(found) < page:
            return
        last = found[-1].id
        limit = None if limit is None else limit - page


def entry(database: Database, entry_id: int) -> Content:
    """One entry with its bytes and cells; raises `UsageError` where there is none of this number."""
    with reading(database) as connection:
        row = connection.execute(content_query().where(quarantine_table.c.quarantine_id == entry_id)).first()
        if row is None:
            raise _no_such([entry_id])
        c = quarantine_table.c
        first = row.corrects_id or row.quarantine_id
        family = sa.select(c.quarantine_id).where(sa.or_(c.quarantine_id == first, c.corrects_id == first))
        attempts = tuple(connection.scalars(family.order_by(c.quarantine_id)))
        return replace(contents_in(connection, [row])[0], attempts=attempts)


def dismiss(database: Database, ids: Sequence[int], reason: str) -> int:
    """Dismiss entries, with all other attempts at the same records; returns how many entries that are.

    A dismissed record counts as skipped, not as quarantined, when a later load meets it again.

    Raises:
        UsageError: no reason is given, an entry does not exist, or it is closed already.
    """
    if not reason.strip():
        raise UsageError("dismissing needs a reason", hint="Whoever asks later will want to know why")
    values = {"state": "dismissed", "reason": reason.strip(), "state_since": now(), "state_by": operator()}
    with reading(database), database.transaction() as transaction:
        family = _attempts(transaction, ids)
        _refuse_closed(family, ids)
        dismissed = [row.quarantine_id for row in family if row.state in ("open", "resubmitted")]
        _set(transaction, dismissed, values)
    return len(dismissed)


def reopen(database: Database, ids: Sequence[int]) -> int:
    """Open dismissed entries again; returns how many records are open again.

    Raises:
        UsageError: an entry does not exist, or is not dismissed.
    """
    values = {"reason": None, "state_since": now(), "state_by": operator()}
    with reading(database), database.transaction() as transaction:
        family = _attempts(transaction, ids)
        others = [
            row.quarantine_id for row in family if row.quarantine_id in ids and row.state != "dismissed"
        ]
        if others:
            raise UsageError(f"these entries are not dismissed: {', '.join(map(str, others))}")
        newest = {row.corrects_id or row.quarantine_id: row.quarantine_id for row in family}
        dismissed = [row.quarantine_id for row in family if row.state == "dismissed"]
        _set(transaction, dismissed, values | {"state": "resubmitted"})
        _set(transaction, list(newest.values()), values | {"state": "open"})
    return len(newest)


def _attempts(transaction: Transaction, ids: Sequence[int]) -> list[sa.Row[Any]]:
    """The entries with these numbers and all other attempts at their records, the oldest first."""
    c = quarantine_table.c
    query = sa.select(c.quarantine_id, c.corrects_id, c.state, c.closed_by_run_id)
    found: dict[int, sa.Row[Any]] = {}
    for row in rows_in(transaction.execute, query, c.quarantine_id, sorted(set(ids))):
        found[row.quarantine_id] = row
    if missing := set(ids) - found.keys():
        raise _no_such(sorted(missing))
    first = sorted({row.corrects_id or row.quarantine_id for row in found.values()})
    for column in (c.quarantine_id, c.corrects_id):
        for row in rows_in(transaction.execute, query, column, first):
            found[row.quarantine_id] = row
    return [found[number] for number in sorted(found)]


def _refuse_closed(family: Sequence[sa.Row[Any]], ids: Sequence[int]) -> None:
    asked = [row for row in family if row.state == "closed" and row.quarantine_id in ids]
    if asked:
        told = ", ".join(f"{row.quarantine_id} (by run {row.closed_by_run_id})" for row in asked)
        raise UsageError(f"these entries are closed already: {told}", hint="Nothing was dismissed")


def _set(transaction: Transaction, ids: Sequence[int], values: dict[str, Any]) -> None:
    update = quarantine_table.update().values(values)
    for _ in where_in(transaction.execute, update, quarantine_table.c.quarantine_id, ids):
        pass


def _no_such(ids: Sequence[int]) -> UsageError:
    told = ", ".join(map(str, ids))
    return UsageError(
        f"the quarantine has no entry {told}", hint="`muniment quarantine list` shows their numbers"
    )


def chosen(run: int | None, state: str | None, code: str | None = None) -> sa.ColumnElement[bool]:
    """The condition that chooses entries; raises `UsageError` for a state that there is not."""
    c = quarantine_table.c
    conditions: list[sa.ColumnElement[bool]] = []
    if run is not None:
        conditions.append(sa.or_(c.run_id == run, c.last_run_id == run))
    if state is not None:
        if state not in STATES:
            raise UsageError(f"there is no state {state!r}", hint=f"The states are {', '.join(STATES)}")
        waits = [c.waits_for.is_not(None)] if state == WAITING else []
        conditions += [c.state == ("open" if waits else state), *waits]
    if code is not None:
        conditions.append(c.problems.contains(f'"code": {json.dumps(code)}', autoescape=True))
    return sa.and_(sa.true(), *conditions)


def entry_query() -> sa.Select[Any]:
    """Selects entries, without their bytes, with what is needed of their run; the oldest first."""
    large = {"raw", "cells"}
    columns = [column for column in quarantine_table.columns if column.name not in large]
    joined = quarantine_table.join(run_table, quarantine_table.c.run_id == run_table.c.run_id)
    query = sa.select(*columns, run_table.c.name, run_table.c.header).select_from(joined)
    return query.order_by(quarantine_table.c.quarantine_id)


def content_query() -> sa.Select[Any]:
    """As `entry_query`, with bytes and cells."""
    return entry_query().add_columns(quarantine_table.c.raw, quarantine_table.c.cells)


def entries_in(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[Entry]:
    """The entries in rows of `entry_query`."""
    positions = positions_of(connection, [row.run_id for row in rows])
    return [_entry_of(row, positions[row.run_id]) for row in rows]


def contents_in(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[Content]:
    """The contents in rows of `content_query`, without their attempts."""
    contents = []
    for found, row in zip(entries_in(connection, rows), rows, strict=True):
        cells = None if row.cells is None else tuple(json.loads(row.cells))
        contents.append(Content(found, bytes(row.raw), unique(json.loads(row.header)), cells, ()))
    return contents


def _entry_of(row: sa.Row[Any], positions: Positions) -> Entry:
    problems = tuple(Problem(**problem) for problem in json.loads(row.problems))
    concerned = next((problem.column for problem in problems if problem.column), "")
    names = unique(json.loads(row.header)) if positions.parts else ()
    return Entry(
        id=row.quarantine_id,
        run=row.run_id,
        source=row.name,
        scope=row.scope,
        state=WAITING if row.state == "open" and row.waits_for else row.state,
        record=row.record_number,
        line=row.line,
        byte_offset=row.byte_offset,
        byte_length=row.byte_length,
        key=row.record_key,
        problems=problems,
        times_seen=row.times_seen,
        last_run=row.last_run_id,
        corrects=row.corrects_id,
        closed_by_run=row.closed_by_run_id,
        closed_by_record=row.closed_by_record,
        since=row.state_since,
        by=row.state_by,
        reason=row.reason,
        place=positions.among(row.record_number, row.line, names, concerned),
    )
