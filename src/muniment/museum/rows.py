"""From a valid record to the rows of its tables; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from muniment.databases.database import Value
from muniment.museum import tables
from muniment.museum.record import Actor, LidoRecord, Term, TimeSpan
from muniment.museum.shared import Attributes
from muniment.validation.keys import bounded_key

Row = tuple[Value, ...]
Rows = defaultdict[sa.Table, list[Row]]

NO_DATE: Row = (None, None, None, None, None)


@dataclass
class Wanted:
    """The shared rows that some records need, by business key."""

    terms: dict[str, dict[str, Attributes]] = field(default_factory=dict)
    """By vocabulary and key: label, URI, language."""
    actors: dict[str, Attributes] = field(default_factory=dict)
    """By key: name, kind, nationality, birth, death, URI."""
    places: dict[str, Attributes] = field(default_factory=dict)
    """By key: name, URI."""


@dataclass
class Ids:
    """The ids of the shared rows, by the keys of `Wanted`."""

    institution: int
    terms: Mapping[str, Mapping[str, int]]
    actors: Mapping[str, int]
    places: Mapping[str, int]


class Keys:
    """The business keys of shared rows; names and ids are told apart by the institution that gives them."""

    def __init__(self, institution: str) -> None:
        self._institution = institution

    def actor(self, actor: Actor) -> str:
        """An actor's key: by id where the export has one, else by name."""
        kind, value = actor.identity
        return bounded_key(f"{self._institution}/{kind}/{value}")

    def place(self, name: str) -> str:
        """A place's key."""
        return bounded_key(f"{self._institution}/{name}")

    def term(self, term: Term) -> str:
        """A term's key in its vocabulary: its URI where it has one, else its label."""
        return bounded_key(term.identity[1])


def wanted_by(records: Iterable[LidoRecord], keys: Keys) -> Wanted:
    """The shared rows that these records need; the first naming of one counts, later ones fill its gaps."""
    wanted = Wanted()
    for record in records:
        for term in (*record.object_types, *record.materials, *record.subjects):
            terms = wanted.terms.setdefault(term.vocabulary, {})
            _fill(terms, keys.term(term), (term.label, term.uri, term.language))
        for actor in _actors_of(record):
            attributes = (actor.name, actor.kind, actor.nationality, actor.birth, actor.death, actor.uri)
            _fill(wanted.actors, keys.actor(actor), attributes)
        for place in (record.location, record.production.place):
            if place is not None:
                wanted.places.setdefault(keys.place(place), (place, None))
    return wanted


def _fill(known: dict[str, Attributes], key: str, attributes: Attributes) -> None:
    """Add attributes, or fill the gaps of those that are there: as when they come in another chunk."""
    before = known.get(key, attributes)
    known[key] = tuple(a if a is not None else b for a, b in zip(before, attributes, strict=True))


def _actors_of(record: LidoRecord) -> Iterable[Actor]:
    yield from (involvement.actor for involvement in record.production.actors)
    yield from record.owners
    yield from record.keepers
    if record.acquisition and record.acquisition.source:
        yield Actor(name=record.acquisition.source)


OBJECT_CONTENT = (
    "accession",
    "unique_accession",
    "category",
    "department",
    "location_id",
    "record_source",
    "record_type",
    "record_type_uri",
    "web_page",
    "rights",
)
"""The columns of `object` that come from the record, in the order of `object_content`."""


def object_content(record: LidoRecord, ids: Ids, keys: Keys, *, accession_repeats: bool) -> Row:
    """The values of `OBJECT_CONTENT`."""
    return (
        record.accession,
        None if accession_repeats else record.accession,
        record.category,
        record.department,
        ids.places[keys.place(record.location)] if record.location else None,
        record.record_source,
        record.record_type,
        record.record_type_uri,
        record.web_page,
        record.rights,
    )


def add_parts(rows: Rows, object_id: int, record: LidoRecord, ids: Ids, keys: Keys) -> None:
    """Add the rows of all tables but `object` that belong to this record."""
    for position, title in enumerate(record.titles, 1):
        preferred = 1 if position == 1 else None
        rows[tables.object_title].append(
            (object_id, position, title.title, title.type, title.language, preferred)
        )
    for position, number in enumerate(record.identifiers, 1):
        rows[tables.object_identifier].append((object_id, position, number.identifier, number.type))
    for table, terms in (
        (tables.object_type, record.object_types),
        (tables.object_material, record.materials),
        (tables.object_subject, record.subjects),
    ):
        found = [ids.terms[term.vocabulary][keys.term(term)] for term in terms]
        rows[table] += [(object_id, term_id, position) for position, term_id in enumerate(found, 1)]
    _add_production(rows, object_id, record, ids, keys)
    for position, d in enumerate(record.dimensions, 1):
        rows[tables.dimension].append((object_id, position, d.type, d.value, d.unit, d.extent, d.display))
    _add_acquisition(rows, object_id, record, ids, keys)
    for table, actors in ((tables.object_owner, record.owners), (tables.object_keeper, record.keepers)):
        rows[table] += [(object_id, ids.actors[keys.actor(actor)]) for actor in actors]
    for position, r in enumerate(record.resources, 1):
        rows[tables.representation].append((object_id, position, r.kind, r.url, r.rights, r.finding))
    for position, t in enumerate(record.texts, 1):
        rows[tables.object_text].append(
            (object_id, position, t.type, t.text, t.language, t.engine, t.confidence)
        )


def _add_production(rows: Rows, object_id: int, record: LidoRecord, ids: Ids, keys: Keys) -> None:
    production = record.production
    place_id = ids.places[keys.place(production.place)] if production.place else None
    rows[tables.production].append((object_id, *_dates(production.date), place_id))
    for position, part in enumerate(production.actors, 1):
        actor_id = ids.actors[keys.actor(part.actor)]
        rows[tables.production_actor].append((object_id, position, actor_id, part.role, part.qualifier))


def _add_acquisition(rows: Rows, object_id: int, record: LidoRecord, ids: Ids, keys: Keys) -> None:
    acquisition = record.acquisition
    if acquisition is None:
        return
    source_id = ids.actors[keys.actor(Actor(name=acquisition.source))] if acquisition.source else None
    rows[tables.provenance_event].append(
        (
            object_id,
            1,
            "acquisition",
            acquisition.method,
            source_id,
            ids.institution,
            *_dates(acquisition.date),
            acquisition.text,
        )
    )


def _dates(span: TimeSpan | None) -> Row:
    if span is None:
        return NO_DATE
    return (span.display, span.earliest, span.latest, span.earliest_year, span.latest_year)
