"""Reading shared rows, terms, actors and places: by their ids for objects, page by page for themselves."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from muniment.databases.database import rows_in
from muniment.museum import tables
from muniment.museum.publishing.objects import Actor, Department, Place, Shared, Term
from muniment.museum.selection import Selection

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


@dataclass(frozen=True)
class Kind:
    """A kind of shared rows, in the order of their ids.

    Attributes:
        query: their ids and what is told of them.
        references: the columns by which objects refer to them.
        make: of what is told, without the id.
    """

    query: sa.Select[Any]
    references: tuple[sa.Column[Any], ...]
    make: Callable[[Sequence[Any]], Shared]

    def ids(
        self, connection: sa.Connection, chosen: Selection, after: int = 0, last: int | None = None
    ) -> array[int]:
        """The ids of those that the chosen objects refer to, behind `after` up to `last`, ascending.

        All at once, in eight bytes each: what is referred to is found by reading whole tables, which nobody
        wants to do again for every page.
        """
        key = next(iter(self.query.selected_columns))
        query = self.query.with_only_columns(key, maintain_column_froms=True).order_by(key)
        query = query.where(key > after)
        if last is not None:
            query = query.where(key <= last)
        objects = chosen.query()
        if objects is not None:
            return array("q", connection.scalars(query.where(key.in_(_named(self.references, objects)))))
        named: set[int] = set()
        for page in chosen.pages(connection):
            for column in self.references:
                rows = rows_in(connection.execute, sa.select(column), column.table.c.object_id, page)
                named.update(row[0] for row in rows if row[0] is not None)
        return array("q", (row[0] for row in rows_in(connection.execute, query, key, sorted(named))))

    def pages(
        self, connection: sa.Connection, chosen: Selection, after: int | None = None, last: int | None = None
    ) -> Iterator[list[Shared]]:
        """Pages of those that the chosen objects refer to, behind the id `after` up to `last`."""
        key = next(iter(self.query.selected_columns))
        ids = self.ids(connection, chosen, after or 0, last)
        for start in range(0, len(ids), PAGE_ROWS):
            rows = rows_in(connection.execute, self.query.order_by(key), key, ids[start : start + PAGE_ROWS])
            yield [self.make(row[1:]) for row in rows]


_o = tables.object_.c
_TERM_REFERENCES = tuple(
    table.c.term_id for table in (tables.object_type, tables.object_material, tables.object_subject)
)
KINDS: Mapping[str, Kind] = {
    "actors": Kind(
        _ACTORS,
        (
            _o.institution_id,
            tables.production_actor.c.actor_id,
            tables.provenance_event.c.from_id,
            tables.provenance_event.c.to_id,
            tables.object_owner.c.actor_id,
            tables.object_keeper.c.actor_id,
        ),
        Actor._make,
    ),
    "places": Kind(_PLACES, (_o.location_id, tables.production.c.place_id), Place._make),
    "concepts": Kind(_TERMS, _TERM_REFERENCES, Term._make),
    "own concepts": Kind(_TERMS.where(tables.term.c.uri.is_(None)), _TERM_REFERENCES, Term._make),
}
"""What objects share, by name; own concepts are those that nobody else has given a URI."""


def departments(connection: sa.Connection, chosen: Selection) -> list[Department]:
    """The departments of the chosen objects."""
    query = (
        sa.select(_ACTOR.actor_key, _o.department)
        .join_from(tables.object_, tables.actor, _o.institution_id == _ACTOR.actor_id)
        .where(_o.department.is_not(None))
        .distinct()
    )
    objects = chosen.query()
    if objects is not None:
        rows: Iterable[sa.Row[Any]] = connection.execute(query.where(_o.object_id.in_(objects)))
    else:
        pages = chosen.pages(connection)
        rows = (row for page in pages for row in rows_in(connection.execute, query, _o.object_id, page))
    return [Department._make(row) for row in sorted({tuple(row) for row in rows})]


def shared(connection: sa.Connection, chosen: Selection) -> Iterator[list[Shared]]:
    """Pages of all that the objects refer to: actors, places, terms and departments, each of them once.

    Nothing is held open between pages.
    """
    for name in ("actors", "places", "concepts"):
        yield from KINDS[name].pages(connection, chosen)
    yield [*departments(connection, chosen)]


def _named(references: Sequence[sa.Column[Any]], chosen: sa.Select[tuple[int]]) -> sa.CompoundSelect[Any]:
    """What the chosen objects refer to by these columns."""
    return sa.union(
        *(
            sa.select(column).where(column.is_not(None), column.table.c.object_id.in_(chosen))
            for column in references
        )
    )
