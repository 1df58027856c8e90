"""Objects put together from their tables, page by page, in flat memory.

A page is a range of object ids: one query reads its objects, one more each table of their parts, and what
they share (terms, actors, places) is looked up in sets and remembered up to a bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

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

PAGE_OBJECTS = 1_000
"""Objects of one page: enough to make little of the fourteen queries, and a few megabytes at most, but for
texts that are long themselves."""

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
    where: sa.ColumnElement[bool] | None = None,
    *,
    after: int = 0,
    until: int | None = None,
    page: int = PAGE_OBJECTS,
) -> Iterator[list[MuseumObject]]:
    """Pages of objects, in the order of their ids.

    No cursor and no row is held between pages: whoever goes on later gives the last id as `after`.

    Args:
        connection: reads; for a view of one moment, the caller begins a transaction that has one.
        where: a condition on columns of `object`; else all objects.
        after: only objects with a greater id.
        until: only objects up to this id.
        page: objects of one page.
    """
    reader = _Reader(connection, where)
    columns = (_O.institution_id, _O.location_id, *_OBJECT_FIELDS.values())
    query = sa.select(*columns).order_by(_O.object_id).limit(page)
    if where is not None:
        query = query.where(where)
    if until is not None:
        query = query.where(_O.object_id <= until)
    while rows := connection.execute(query.where(_O.object_id > after)).all():
        after = rows[-1].object_id
        yield reader.assembled(rows)


class _Reader:
    """Reads the parts of pages of objects."""

    def __init__(self, connection: sa.Connection, where: sa.ColumnElement[bool] | None) -> None:
        self._connection = connection
        self._shared = SharedRows()
        self._queries = {table: self._query(table, columns, where) for table, columns in _PARTS.items()}

    @staticmethod
    def _query(
        table: sa.Table, columns: Sequence[str], where: sa.ColumnElement[bool] | None
    ) -> sa.Select[Any]:
        key = table.c.object_id
        query = sa.select(key, *(table.c[name] for name in columns))
        query = query.where(key.between(sa.bindparam("first"), sa.bindparam("last")))
        if where is not None:
            # Between the ends of the page there may be objects that are not wanted.
            query = query.where(key.in_(sa.select(_O.object_id).where(where)))
        order = table.c.position if "position" in table.c else list(table.primary_key.columns)[-1]
        return query.order_by(key, order)

    def assembled(self, rows: Sequence[Row]) -> list[MuseumObject]:
        """The objects of these rows of `object`."""
        span = {"first": rows[0].object_id, "last": rows[-1].object_id}
        read = {table: self._connection.execute(query, span).all() for table, query in self._queries.items()}
        actors, places = self._actors(rows, read), self._places(rows, read)
        parts = self._parts(read, actors)
        makers = _grouped(
            read[tables.production_actor], lambda row: Involvement(actors[row[0]], row[1], row[2])
        )
        productions = {
            row[0]: Production(_span(row[1:4]), places.get(row[4]), tuple(makers.get(row[0], ())))
            for row in read[tables.production]
        }
        made = []
        for row in rows:
            fields: dict[str, Any] = dict(zip(_OBJECT_FIELDS, row[2:], strict=True))
            fields |= {name: tuple(found.get(row.object_id, ())) for name, found in parts.items()}
            fields["institution"] = actors[row.institution_id]
            fields["location"] = places.get(row.location_id)
            fields["production"] = productions.get(row.object_id, NO_PRODUCTION)
            made.append(MuseumObject(**fields))
        return made

    def _parts(self, read: _Read, actors: dict[int, Actor]) -> dict[str, Grouped]:
        """By field of `MuseumObject`, what the objects have of it."""
        made: dict[str, tuple[sa.Table, Make]] = {
            "titles": (tables.object_title, Title._make),
            "identifiers": (tables.object_identifier, Identifier._make),
            "dimensions": (tables.dimension, Dimension._make),
            "representations": (tables.representation, Representation._make),
            "texts": (tables.object_text, ObjectText._make),
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
