"""What a database holds, whatever numbers its rows happen to bear: for comparing one load with another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import Database
from muniment.ledger import change_table, chunk_result_table, chunk_table, run_table, source_table
from muniment.museum import tables
from muniment.museum.tables import PARTS_OF_OBJECT
from muniment.quarantine import note_table, quarantine_table

Content = dict[str, list[tuple[str, ...]]]

NUMBERED = frozenset(
    (
        "object_id",
        "actor_id",
        "place_id",
        "location_id",
        "institution_id",
        "term_id",
        "vocabulary_id",
        "from_id",
        "to_id",
        "broader_id",
        "quarantine_id",
        "run_id",
        "last_run_id",
        "closed_by_run_id",
        "withdrawn_run_id",
        "corrects_id",
        "state_since",
    )
)
"""Columns of surrogate keys, runs and times: they may differ between two loads of the same content."""


LEDGER = {
    source_table: frozenset(("first_seen",)),
    run_table: frozenset(("started_at", "ended_at")),
    chunk_table: frozenset(("claimed_at",)),
    chunk_result_table: frozenset(
        (
            *("seconds_validating", "seconds_writing", "committed_at"),
            *("changes_sha256", "notes_sha256", "entries_sha256", "sha256"),
        )
    ),
    change_table: frozenset(("before", "changed_at")),
}
"""Tables of the ledger, each with the columns of times, and of text in which there are surrogate keys."""


def content(database: Database) -> Content:
    """By table, its rows as text, sorted, with business keys in place of surrogate keys."""
    with database.engine.connect() as connection:
        names = _business_keys(connection)
        told = {
            table.name: _rows(connection, table, names)
            for table in (tables.actor, tables.place, tables.term, tables.object_, *PARTS_OF_OBJECT)
        }
        for table in (note_table, quarantine_table):
            told[table.name] = _rows(connection, table, names)
        return told


def ledger_content(database: Database) -> Content:
    """Of the ledger: what was read by which chunk, what became of it, and how the runs stand."""
    told: Content = {}
    with database.engine.connect() as connection:
        # A transaction that was rolled back may have used up a number.
        numbers = {
            column.name: _ranks(connection.scalars(sa.select(column)))
            for column in (run_table.c.run_id, source_table.c.source_id)
        }
        for table, left_out in LEDGER.items():
            columns = [column for column in table.columns if column.name not in left_out]
            told[table.name] = sorted(
                tuple(
                    _told(value, numbers.get(column.name)) for column, value in zip(columns, row, strict=True)
                )
                for row in connection.execute(sa.select(*columns))
            )
    return told


def _ranks(numbers: Iterable[int]) -> dict[int, str]:
    return {number: str(rank) for rank, number in enumerate(sorted(numbers), 1)}


def _business_keys(connection: sa.Connection) -> dict[str, dict[int, str]]:
    vocabularies = _pairs(
        connection, sa.select(tables.vocabulary.c.vocabulary_id, tables.vocabulary.c.vocabulary_key)
    )
    terms = {
        term_id: f"{vocabularies[vocabulary_id]}/{key}"
        for term_id, vocabulary_id, key in connection.execute(
            sa.select(tables.term.c.term_id, tables.term.c.vocabulary_id, tables.term.c.term_key)
        )
    }
    actors = _pairs(connection, sa.select(tables.actor.c.actor_id, tables.actor.c.actor_key))
    places = _pairs(connection, sa.select(tables.place.c.place_id, tables.place.c.place_key))
    objects = _pairs(connection, sa.select(tables.object_.c.object_id, tables.object_.c.record_key))
    by_column = {"vocabulary_id": vocabularies, "term_id": terms, "object_id": objects}
    by_column |= dict.fromkeys(("actor_id", "institution_id", "from_id", "to_id"), actors)
    return by_column | dict.fromkeys(("place_id", "location_id"), places)


def _pairs(connection: sa.Connection, query: sa.Select[Any]) -> dict[int, str]:
    return {row[0]: row[1] for row in connection.execute(query)}


def _rows(
    connection: sa.Connection, table: sa.Table, names: dict[str, dict[int, str]]
) -> list[tuple[str, ...]]:
    own = (
        {column.name for column in table.primary_key.columns}
        if table.name in ("actor", "place", "term")
        else set()
    )
    columns = [
        column
        for column in table.columns
        if column.name not in own and (column.name in names or column.name not in NUMBERED)
    ]
    return sorted(
        tuple(_told(value, names.get(column.name)) for column, value in zip(columns, row, strict=True))
        for row in connection.execute(sa.select(*columns))
    )


def _told(value: Any, names: dict[int, str] | None) -> str:
    if value is not None and names is not None:
        return names[value]
    return value.hex() if isinstance(value, bytes) else repr(value)


def differences(left: Content, right: Content) -> Iterable[str]:
    """In what tables two contents differ, with the first rows that one has and the other lacks."""
    for table in left.keys() | right.keys():
        only_left = sorted(set(left[table]) - set(right[table]))
        only_right = sorted(set(right[table]) - set(left[table]))
        if left[table] != right[table]:
            counts = f"{len(left[table])} and {len(right[table])} rows"
            yield f"{table}: {counts}; {only_left[:2]} against {only_right[:2]}"
