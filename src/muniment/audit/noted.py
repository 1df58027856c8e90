"""Notes: what was remarkable about records that were stored all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import Database, behind
from muniment.ledger import reading, run_table
from muniment.quarantine import note_table
from muniment.records import Problem
from muniment.run_parts import positions_of
from muniment.sources.heading import unique

NOTES_AT_ONCE = 500
"""Notes fetched by one query: a list of any length takes the memory of one page."""


@dataclass(frozen=True, slots=True)
class StoredNote:
    """Something remarkable about a record that was stored.

    Attributes:
        run, source: the run that stored it, and that run's source.
        record, line: where it stands in that source.
        place: the same as a person would say it, of a workbook the cell.
        key: what identifies the record.
        problem: what is remarkable, with the value as it stood there.
    """

    run: int
    source: str
    record: int
    line: int
    place: str
    key: str | None
    problem: Problem


@dataclass(frozen=True, slots=True)
class NoteKind:
    """How many notes of one kind there are about one column.

    Attributes:
        code, field, column: see `muniment.records.Problem`; "" where they concern no field or column.
        count: how many.
    """

    code: str
    field: str
    column: str
    count: int


def notes(
    database: Database, run: int | None = None, code: str | None = None, limit: int | None = None
) -> Iterator[StoredNote]:
    """The notes in the order of runs and records, fetched page by page.

    Args:
        database: whose notes.
        run: only those of this run.
        code: only those of this kind, such as `date-not-understood`.
        limit: at most so many.

    Raises:
        UsageError: nothing was ever loaded.
    """
    c = note_table.c
    places = (c.run_id, c.record_number, c.position)
    query = sa.select(note_table, run_table.c.name, run_table.c.header).join(run_table)
    query = query.where(_chosen(run, code)).order_by(*places)
    after: sa.ColumnElement[bool] = sa.true()
    while limit is None or limit > 0:
        size = NOTES_AT_ONCE if limit is None else min(limit, NOTES_AT_ONCE)
        with reading(database) as connection:
            rows = connection.execute(query.where(after).limit(size)).all()
            found = _notes_in(connection, rows)
        yield from found
        if len(rows) < size:
            return
        last = rows[-1]
        after = behind(places, (last.run_id, last.record_number, last.position))
        limit = None if limit is None else limit - size


def note_kinds(database: Database, run: int | None = None, code: str | None = None) -> list[NoteKind]:
    """How many notes there are of each kind and column, the commonest first.

    Args:
        database: whose notes.
        run: only notes of this run.
        code: only notes of this kind.

    Raises:
        UsageError: nothing was ever loaded.
    """
    c = note_table.c
    kind = (c.code, c.field, c.column)
    count = sa.func.count().label("count")
    query = sa.select(*kind, count).where(_chosen(run, code)).group_by(*kind).order_by(count.desc(), *kind)
    with reading(database) as connection:
        return [NoteKind(*row) for row in connection.execute(query)]


def _chosen(run: int | None, code: str | None) -> sa.ColumnElement[bool]:
    c = note_table.c
    conditions = [column == value for column, value in ((c.run_id, run), (c.code, code)) if value is not None]
    return sa.and_(sa.true(), *conditions)


def _notes_in(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[StoredNote]:
    positions = positions_of(connection, [row.run_id for row in rows])
    found = []
    for row in rows:
        told = positions[row.run_id]
        names = unique(json.loads(row.header)) if told.parts else ()
        found.append(
            StoredNote(
                run=row.run_id,
                source=row.name,
                record=row.record_number,
                line=row.line,
                place=told.among(row.record_number, row.line, names, row.column),
                key=row.record_key,
                problem=Problem(row.code, row.message, row.hint, row.field, row.column, row.value),
            )
        )
    return found
