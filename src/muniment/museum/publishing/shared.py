"""Reading shared rows, terms, actors and places: by their ids for objects, page by page for themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from muniment.databases.database import rows_in
from muniment.museum import tables
from muniment.museum.publishing.objects import Actor, Department, Place, Shared, Term

Row = TypeVar("Row")

REMEMBERED_ROWS = 20_000
"""Rows of each table that are remembered between pages: about 10 MB, and more than most collections have."""

PAGE_ROWS = 1_000
"""Shared rows of one page."""

_ACTOR = tables.actor.c
_ACTORS = sa.select(
    _ACTOR.actor_id,
    _ACTOR.actor_key,
    _ACTOR.name,
    _ACTOR.kind,
    _ACTOR.nationality,
    _ACTOR.birth,
    _ACTOR.death,
    _ACTOR.uri,
)
_PLACE = tables.place.c
_PLACES = sa.select(_PLACE.place_id, _PLACE.place_key, _PLACE.name, _PLACE.uri)
_TERMS = sa.select(
    tables.term.c.term_id,
    tables.vocabulary.c.vocabulary_key,
    tables.term.c.term_key,
    tables.term.c.label,
    tables.term.c.uri,
    tables.term.c.language,
).join_from(tables.term, tables.vocabulary)


class Remembered(Generic[Row]):
    """The rows of one shared table by id, as many as are remembered; the others are read in sets."""

    def __init__(self, query: sa.Select[Any], make: Callable[[Sequence[Any]], Row]) -> None:
        self._query = query
        self._id = next(iter(query.selected_columns))
        self._make = make
        self._known: dict[int, Row] = {}

    def rows(self, connection: sa.Connection, ids: Iterable[int | None]) -> dict[int, Row]:
        """The rows with these ids; it may hold others besides."""
        missing = sorted({i for i in ids if i is not None and i not in self._known})
        surplus = len(self._known) + len(missing) - REMEMBERED_ROWS
        found = self._known
        if surplus > 0:
            # The page goes on with all that it knew; what is remembered for the next one is cut.
            found = dict(self._known)
            for oldest in list(islice(self._known, surplus)):
                del self._known[oldest]
        for row in rows_in(connection.execute, self._query, self._id, missing):
            found[row[0]] = self._known[row[0]] = self._make(row[1:])
        return found


class SharedRows:
    """The shared rows of one database, read by one reader."""

    def __init__(self) -> None:
        self.actors = Remembered(_ACTORS, Actor._make)
        self.places = Remembered(_PLACES, Place._make)
        self.terms = Remembered(_TERMS, Term._make)


def shared(connection: sa.Connection, where: sa.ColumnElement[bool] | None = None) -> Iterator[list[Shared]]:
    """Pages of all that the objects refer to: actors, places, terms and departments, each of them once.

    Args:
        connection: reads; nothing is held open between pages.
        where: a condition on `object`: only what these objects refer to.
    """
    for query, references, make in (
        (_ACTORS, _ACTOR_REFERENCES, Actor._make),
        (_PLACES, _PLACE_REFERENCES, Place._make),
        (_TERMS, _TERM_REFERENCES, Term._make),
    ):
        key = next(iter(query.selected_columns))
        yield from _pages(connection, query.where(_used(key, references, where)), make)
    departments = [Department._make(row) for row in connection.execute(_departments(where))]
    if departments:
        yield list(departments)


_ACTOR_REFERENCES = (
    tables.object_.c.institution_id,
    tables.production_actor.c.actor_id,
    tables.provenance_event.c.from_id,
    tables.provenance_event.c.to_id,
    tables.object_owner.c.actor_id,
    tables.object_keeper.c.actor_id,
)
_PLACE_REFERENCES = (tables.object_.c.location_id, tables.production.c.place_id)
_TERM_REFERENCES = tuple(
    table.c.term_id for table in (tables.object_type, tables.object_material, tables.object_subject)
)


def _used(
    key: sa.ColumnElement[int],
    references: Sequence[sa.Column[Any]],
    where: sa.ColumnElement[bool] | None,
) -> sa.ColumnElement[bool]:
    """That some selected object refers to the row with this key."""
    found = []
    for reference in references:
        table = reference.table
        query = sa.select(reference).select_from(table).where(reference.is_not(None))
        if where is not None:
            if table is not tables.object_:
                query = query.join(tables.object_, tables.object_.c.object_id == table.c.object_id)
            query = query.where(where)
        found.append(query)
    return key.in_(sa.union(*found))


def _departments(where: sa.ColumnElement[bool] | None) -> sa.Select[Any]:
    o = tables.object_.c
    query = (
        sa.select(_ACTOR.actor_key, o.department)
        .join_from(tables.object_, tables.actor, o.institution_id == _ACTOR.actor_id)
        .where(o.department.is_not(None))
        .distinct()
        .order_by(_ACTOR.actor_key, o.department)
    )
    return query if where is None else query.where(where)


def _pages(
    connection: sa.Connection, query: sa.Select[Any], make: Callable[[Sequence[Any]], Shared]
) -> Iterator[list[Shared]]:
    key = next(iter(query.selected_columns))
    after = 0
    while True:
        rows = connection.execute(query.where(key > after).order_by(key).limit(PAGE_ROWS)).all()
        if not rows:
            return
        after = rows[-1][0]
        yield [make(row[1:]) for row in rows]
