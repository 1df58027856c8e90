"""Objects put together from their tables, page by page, in flat memory.

One query reads the objects of a page, one more each table of their parts, and what they share (terms,
actors, places) is looked up in sets and remembered up to a bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import rows_in
from muniment.museum import tables
from muniment.museum.publishing.objects import (
    NO_PRODUCTION,
    Actor,
    Dimension,
    Identifier,
    Involvement,
    MuseumObject,
    ObjectText,
    Place,
    Production,
    ProvenanceEvent,
    Representation,
    TimeSpan,
    Title,
)
from muniment.museum.publishing.shared import SharedRows
from muniment.museum.selection import Selection

PAGE_OBJECTS = 1_000
"""Objects of one page: enough to make little of the fourteen queries, and a few megabytes at most, but for
texts that are long themselves."""

SPARSE = 3
"""Ids to the object up to which a whole range is read, and what is not wanted passed over: that is quicker
than to name each object."""

EVERYTHING = Selection(withdrawn=None)

_O = tables.object_.c
_OBJECT_FIELDS = {
    "object_id": _O.object_id,
    "record_key": _O.record_key,
    "accession": _O.accession,
    "record_source": _O.record_source,
    "record_type": _O.record_type,
    "record_type_uri": _O.record_type_uri,
    "category": _O.category,
    "department": _O.department,
    "web_page": _O.web_page,
    "rights": _O.rights,
    "withdrawn_run": _O.withdrawn_run_id,
    "run": _O.run_id,
}
"""The fields of `MuseumObject` that are columns of `object`."""

_DATES = ("display_date", "earliest", "latest")

Row = sa.Row[Any]
Grouped = dict[int, list[Any]]
Make = Callable[[Any], Any]
_Read = dict[sa.Table, Sequence[Row]]


def objects(
    connection: sa.Connection,
    selection: Selection = EVERYTHING,
    *,
    after: int | None = None,
    page: int = PAGE_OBJECTS,
) -> Iterator[list[MuseumObject]]:
    """Pages of objects, in the order of their ids.

    No cursor and no row is held between pages: whoever goes on later gives the last id as `after`. The
    caller may end the connection's transaction between two pages.

    Args:
        connection: reads; for a view of one moment, the caller begins a transaction that has one.
        selection: which objects, and the last of them.
        after: only objects with a greater id.
        page: objects of one page.
    """
    reader = _Reader(connection)
    while ids := selection.page(connection, after, page):
        after = ids[-1]
        yield reader.assembled(ids)


class _Reader:
    """Reads the parts of pages of objects."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._shared = SharedRows()

    def _rows(self, query: sa.Select[Any], key: sa.ColumnElement[int], ids: Sequence[int]) -> Sequence[Row]:
        """The rows of these objects, and of no others."""
        first, last = ids[0], ids[-1]
        if last - first < SPARSE * len(ids):
            wanted = set(ids)
            rows = self._connection.execute(query.where(key.between(first, last))).all()
            return rows if last - first < len(ids) else [row for row in rows if row.object_id in wanted]
        return list(rows_in(self._connection.execute, query, key, ids))

    def _part(self, table: sa.Table, ids: Sequence[int]) -> Sequence[Row]:
        return self._rows(_QUERIES[table], table.c.object_id, ids)

    def assembled(self, ids: Sequence[int]) -> list[MuseumObject]:
        """The objects with these ids, which ascend."""
        rows = self._rows(_OBJECTS, _O.object_id, ids)
        read = {table: self._part(table, ids) for table in _QUERIES}
        actors, places = self._actors(rows, read), self._places(rows, read)
        parts = self._parts(read, actors)
        makers = _grouped(read[tables.production_actor], lambda row: Involvement(actors[row[0]], *row[1:]))
        productions = {
            row.object_id: Production(
                _span((row.display_date, row.earliest, row.latest)),
                places.get(row.place_id),
                tuple(makers.get(row.object_id, ())),
            )
            for row in read[tables.production]
        }
        made = []
        for row in rows:
            fields: dict[str, Any] = dict(zip(_OBJECT_FIELDS, tuple(row)[2:], strict=True))
            for name, found in parts.items():
                if own := found.get(row.object_id):
                    fields[name] = tuple(own)
            fields["institution"] = actors[row.institution_id]
            fields["location"] = places.get(row.location_id)
            fields["production"] = productions.get(row.object_id, NO_PRODUCTION)
            made.append(MuseumObject(**fields))
        return made

    def _parts(self, read: _Read, actors: dict[int, Actor]) -> dict[str, Grouped]:
        """By field of `MuseumObject`, what the objects have of it.

        Rows become named tuples as they are: their `_make` would take as long again for each.
        """
        made: dict[str, tuple[sa.Table, Make]] = {
            "titles": (tables.object_title, partial(tuple.__new__, Title)),
            "identifiers": (tables.object_identifier, partial(tuple.__new__, Identifier)),
            "dimensions": (tables.dimension, partial(tuple.__new__, Dimension)),
            "representations": (tables.representation, partial(tuple.__new__, Representation)),
            "texts": (tables.object_text, partial(tuple.__new__, ObjectText)),
            "provenance": (tables.provenance_event, lambda row: _event(row, actors)),
        }
        parts = {name: _grouped(read[table], make) for name, (table, make) in made.items()}
        parts["owners"] = _referred(read[tables.object_owner], actors)
        parts["keepers"] = _referred(read[tables.object_keeper], actors)
        for name, table in _TERMS.items():
            terms = self._shared.terms.rows(self._connection, {row.term_id for row in read[table]})
            parts[name] = _referred(read[table], terms)
        return parts

    def _actors(self, rows: Sequence[Row], read: _Read) -> dict[int, Actor]:
        wanted = {row.institution_id for row in rows}
        for table in (tables.production_actor, tables.object_owner, tables.object_keeper):
            wanted.update(row.actor_id for row in read[table])
        for row in read[tables.provenance_event]:
            wanted |= {row.from_id, row.to_id}
        return self._shared.actors.rows(self._connection, wanted)

    def _places(self, rows: Sequence[Row], read: _Read) -> dict[int, Place]:
        wanted = {row.location_id for row in rows} | {row.place_id for row in read[tables.production]}
        return self._shared.places.rows(self._connection, wanted)


_TERMS = {
    "object_types": tables.object_type,
    "materials": tables.object_material,
    "subjects": tables.object_subject,
}

_PARTS: dict[sa.Table, tuple[str, ...]] = {
    tables.object_title: ("title", "type", "language", "preferred"),
    tables.object_identifier: ("identifier", "type"),
    **dict.fromkeys(_TERMS.values(), ("term_id",)),
    tables.production: (*_DATES, "place_id"),
    tables.production_actor: ("actor_id", "role", "qualifier"),
    tables.dimension: ("type", "value", "unit", "extent", "display"),
    tables.provenance_event: ("type", "method", "from_id", "to_id", *_DATES, "text"),
    tables.object_owner: ("actor_id",),
    tables.object_keeper: ("actor_id",),
    tables.representation: ("kind", "url", "rights", "finding"),
    tables.object_text: ("type", "text", "language", "engine", "confidence"),
}
"""The columns that are read of each table of parts, after the object's id."""


def _query(table: sa.Table) -> sa.Select[Any]:
    columns = (table.c.object_id, *(table.c[name] for name in _PARTS[table]))
    order = table.c.position if "position" in table.c else list(table.primary_key.columns)[-1]
    return sa.select(*columns).order_by(table.c.object_id, order)


_OBJECTS = sa.select(_O.institution_id, _O.location_id, *_OBJECT_FIELDS.values()).order_by(_O.object_id)
_QUERIES = {table: _query(table) for table in _PARTS}


def _grouped(rows: Sequence[Row], make: Make) -> Grouped:
    """What is made of the rows of each object, without the object's id, in the order of the rows."""
    found: Grouped = defaultdict(list)
    for row in rows:
        found[row[0]].append(make(row[1:]))
    return found


def _referred(rows: Sequence[Row], known: Mapping[int, Any]) -> Grouped:
    """The shared rows to which the rows of each object refer."""
    return _grouped(rows, lambda row: known[row[0]])


def _event(row: Sequence[Any], actors: dict[int, Actor]) -> ProvenanceEvent:
    kind, method, giver, receiver, display, earliest, latest, text = row
    date = _span((display, earliest, latest))
    return ProvenanceEvent(kind, method, actors.get(giver), actors.get(receiver), date, text)


def _span(dates: Sequence[str | None]) -> TimeSpan | None:
    span = TimeSpan._make(dates)
    return span if any(span) else None
