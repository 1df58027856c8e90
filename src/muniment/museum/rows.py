"""From records by column to the rows of their tables, by column too; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from muniment.columns import Column, ColumnarRows, Encoded
from muniment.databases.database import Database
from muniment.museum import tables
from muniment.museum.record_columns import FORMS, VALUE, Item, PartColumns, RecordColumns, repeated
from muniment.museum.shared import Attributes
from muniment.records import Integers
from muniment.validation.keys import bounded_key

PLAIN: Mapping[sa.Table, str] = {
    tables.object_title: "titles",
    tables.object_identifier: "identifiers",
    tables.dimension: "dimensions",
    tables.representation: "resources",
    tables.object_text: "texts",
}
"""Parts that refer to no shared rows, by their tables."""

TERMS: Mapping[sa.Table, str] = {
    tables.object_type: "object_types",
    tables.object_material: "materials",
    tables.object_subject: "subjects",
}
ACTORS: Mapping[sa.Table, str] = {tables.object_owner: "owners", tables.object_keeper: "keepers"}
INVOLVED = "production.actors"
SOURCE = "acquisition.source"
PLACES = ("location", "production.place")
ACQUIRED = ("acquisition.method", SOURCE, "acquisition.date", "acquisition.text")

DATES = ("display", "earliest", "latest", "earliest_year", "latest_year")
"""The columns of a date, in the order of `tables`."""

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
    """The ids of shared rows, by the keys of `Wanted`: of all, or of those that are remembered.

    An institution that is not remembered is 0.
    """

    institution: int
    terms: Mapping[str, Mapping[str, int]]
    actors: Mapping[str, int]
    places: Mapping[str, int]

    @property
    def known_institution(self) -> int:
        """The institution's id; raises `_IdLacking` where it is not remembered."""
        return int(_known(np.array([self.institution]))[0])

    def include(self, some: Ids) -> bool:
        """Whether all of these are among them, as they are."""
        return (
            some.institution in (0, self.institution)
            and all(self.terms.get(name, {}).items() >= ids.items() for name, ids in some.terms.items())
            and self.actors.items() >= some.actors.items()
            and self.places.items() >= some.places.items()
        )


class _IdLacking(Exception):
    """Rows refer to a shared row whose id is not known."""


class Keys:
    """The business keys of shared rows; names and ids are told apart by the institution that gives them."""

    def __init__(self, institution: str) -> None:
        self._institution = institution

    def actor(self, name: str, number: str | None) -> str:
        """An actor's key: by id where the export has one, else by name."""
        kind, value = ("id", number) if number else ("name", name)
        return bounded_key(f"{self._institution}/{kind}/{value}")

    def place(self, name: str) -> str:
        """A place's key."""
        return bounded_key(f"{self._institution}/{name}")

    def term(self, label: str, uri: str | None) -> str:
        """A term's key in its vocabulary: its URI where it has one, else its label."""
        return bounded_key(uri or label)


class Written:
    """The records of a chunk that are to be written, each as an object with an id.

    Args:
        records: of a chunk.
        places: of those that are written.
        object_ids: theirs.
        keys: of shared rows.
    """

    def __init__(
        self, records: RecordColumns, places: Sequence[int], object_ids: Sequence[int], keys: Keys
    ) -> None:
        self.places = places
        self.object_ids = object_ids
        self._constants = records.constants
        self._keys = keys
        self.numbers = records.numbers[np.array(places, np.int64)]
        count = max(int(part.owners.max(initial=-1)) + 1 for part in records.parts.values())
        self._ids = np.zeros(count, np.int64)
        self._ids[self.numbers] = object_ids
        written = np.zeros(count, np.bool_)
        written[self.numbers] = True
        self.parts = {path: part.only(written) for path, part in records.parts.items()}
        self._made: dict[sa.Table, ColumnarRows | Encoded] = {}
        self._used: Ids | None = None

    @cached_property
    def wanted(self) -> Wanted:
        """The shared rows that they need; the first naming of one counts, later ones fill its gaps."""
        wanted = Wanted()
        for vocabulary, key, attributes in self.terms_named():
            _fill(wanted.terms.setdefault(vocabulary, {}), key, attributes)
        for key, attributes in self.actors_named():
            _fill(wanted.actors, key, attributes)
        for _, (name,) in self._named(PLACES):
            wanted.places.setdefault(self._keys.place(name), (name, None))
        return wanted

    def terms_named(self) -> Iterator[tuple[str, str, Attributes]]:
        """Each distinct naming of a term: its vocabulary, its key there, its attributes."""
        for _, (label, vocabulary, uri, language) in self._named(TERMS.values()):
            yield vocabulary, self._keys.term(label, uri), (label, uri, language)

    def actors_named(self) -> Iterator[tuple[str, Attributes]]:
        """Each distinct naming of an actor: its key, its attributes."""
        for _, item in self._named((INVOLVED, *ACTORS.values(), SOURCE)):
            name, number, uri, *about = (*item, *(None,) * 6)[:7]
            yield self._keys.actor(name, number), (name, *about, uri)

    def _named(self, paths: Iterable[str]) -> Iterator[tuple[str, Item]]:
        """The distinct items of some parts, in the order in which the records name them first."""
        found: list[tuple[int, int, int, str, Item]] = []
        for order, path in enumerate(paths):
            part = self.parts[path]
            items, firsts = np.unique(part.items, return_index=True)
            columns = [column.take(pa.array(items)).to_pylist() for column in part.fields.values()]
            owners = part.owners[firsts].tolist()
            said = zip(*columns, strict=True)
            found += [
                (owner, order, first, path, item)
                for owner, first, item in zip(owners, firsts.tolist(), said, strict=True)
            ]
        found.sort(key=lambda one: one[:3])
        return ((path, item) for _, _, _, path, item in found)

    def object_content(self, ids: Ids, *, accession_repeats: bool) -> list[Column]:
        """The values of `OBJECT_CONTENT`, of each that is written."""
        count = len(self.numbers)
        accession = self._single("accession")
        text = pa.string()
        return [
            accession,
            pa.nulls(count, text) if accession_repeats else accession,
            self._single("category"),
            self._single("department"),
            self._place_ids("location", ids),
            *(repeated(pa.scalar(self._constants[name], text), count) for name in OBJECT_CONTENT[5:8]),
            self._single("web_page"),
            self._single("rights"),
        ]

    def _single(self, path: str, name: str = VALUE) -> Column:
        return self.parts[path].by_record(name, self.numbers)

    def rows(self, ids: Ids) -> Iterator[tuple[sa.Table, ColumnarRows | Encoded]]:
        """The rows of all tables but `object`, in the order of `tables.PARTS_OF_OBJECT`."""
        for table in tables.PARTS_OF_OBJECT:
            made = self.made(table)
            rows = ColumnarRows(self._columns_of(table, ids)) if made is None else made
            if len(rows):
                yield table, rows

    def encode(self, database: Database, remembered: Ids) -> None:
        """Make ahead the rows for which the ids that are remembered suffice."""
        self._used = remembered
        for table in tables.PARTS_OF_OBJECT:
            columns = [column.name for column in table.columns]
            self.make(database, table, columns, partial(self._columns_of, table, remembered))

    def make(
        self, database: Database, table: sa.Table, columns: Sequence[str], make: Callable[[], list[Column]]
    ) -> None:
        """Make ahead the rows of a table, unless an id is lacking for them."""
        with suppress(_IdLacking):
            rows = ColumnarRows(make())
            self._made[table] = (database.encode(table, columns, rows) if rows else None) or rows

    def made(self, table: sa.Table) -> ColumnarRows | Encoded | None:
        """What was made ahead of a table's rows."""
        return self._made.get(table)

    def confirm(self, ids: Ids) -> None:
        """Drop what was made ahead with other ids than these."""
        if self._used is not None and not ids.include(self._used):
            self._made = {}

    def _columns_of(self, table: sa.Table, ids: Ids) -> list[Column]:
        """The rows of a table; raises `_IdLacking` where that is so."""
        if table in PLAIN:
            return self._titles() if table is tables.object_title else self._numbered(PLAIN[table])
        if table in TERMS:
            return self._terms(TERMS[table], ids)
        if table in ACTORS:
            return self._actors(ACTORS[table], ids)
        others = {
            tables.production: self._productions,
            tables.production_actor: self._involved,
            tables.provenance_event: self._acquisitions,
        }
        return others[table](ids)

    def _object_ids(self, part: PartColumns) -> Column:
        return pa.array(self._ids[part.owners])

    def _numbered(self, path: str) -> list[Column]:
        """Rows of an object, a position and all that the part says."""
        part = self.parts[path]
        said = [part.said(name) for name in FORMS[path].fields]
        return [self._object_ids(part), pa.array(_positions(part.owners)), *said]

    def _titles(self) -> list[Column]:
        columns = self._numbered("titles")
        positions = columns[1].to_numpy()
        return [*columns, pa.array(np.ones(len(positions), np.int64), mask=positions != 1)]

    def _terms(self, path: str, ids: Ids) -> list[Column]:
        part = self.parts[path]
        said = zip(*(part.fields[name].to_pylist() for name in ("label", "vocabulary", "uri")), strict=True)
        by_item = [
            ids.terms.get(vocabulary, {}).get(self._keys.term(label, uri), 0)
            for label, vocabulary, uri in said
        ]
        term_ids = _known(np.array(by_item, np.int64)[part.items])
        return [self._object_ids(part), pa.array(term_ids), pa.array(_positions(part.owners))]

    def _actor_ids(self, path: str, ids: Ids) -> Integers:
        """Of each of a part's owners, the id of whom the part names."""
        part = self.parts[path]
        columns = list(part.fields.values())[:2]
        names = columns[0].to_pylist()
        numbers = columns[1].to_pylist() if len(columns) > 1 else [None] * len(names)
        keys = map(self._keys.actor, names, numbers)
        return _known(np.array([ids.actors.get(key, 0) for key in keys], np.int64)[part.items])

    def _actors(self, path: str, ids: Ids) -> list[Column]:
        return [self._object_ids(self.parts[path]), pa.array(self._actor_ids(path, ids))]

    def _involved(self, ids: Ids) -> list[Column]:
        part = self.parts[INVOLVED]
        actor_ids = pa.array(self._actor_ids(INVOLVED, ids))
        positions = pa.array(_positions(part.owners))
        return [self._object_ids(part), positions, actor_ids, part.said("role"), part.said("qualifier")]

    def _place_ids(self, path: str, ids: Ids) -> Column:
        part = self.parts[path]
        by_item = [ids.places.get(self._keys.place(name), 0) for name in part.fields[VALUE].to_pylist()]
        _known(np.array(by_item, np.int64)[part.items])
        known = PartColumns(part.owners, part.items, {VALUE: pa.array(by_item, pa.int64())})
        return known.by_record(VALUE, self.numbers)

    def _productions(self, ids: Ids) -> list[Column]:
        dates = [self._single("production.date", name) for name in DATES]
        return [pa.array(self._ids[self.numbers]), *dates, self._place_ids("production.place", ids)]

    def _acquisitions(self, ids: Ids) -> list[Column]:
        owners = np.unique(np.concatenate([self.parts[path].owners for path in ACQUIRED]))
        count = len(owners)
        source = self.parts[SOURCE]
        given_by = PartColumns(
            source.owners, np.arange(len(source.owners)), {VALUE: pa.array(self._actor_ids(SOURCE, ids))}
        )
        return [
            pa.array(self._ids[owners]),
            repeated(1, count),
            repeated("acquisition", count),
            self.parts["acquisition.method"].by_record(VALUE, owners),
            given_by.by_record(VALUE, owners),
            repeated(ids.known_institution, count),
            *(self.parts["acquisition.date"].by_record(name, owners) for name in DATES),
            self.parts["acquisition.text"].by_record(VALUE, owners),
        ]


def _known(ids: Integers) -> Integers:
    """These ids; raises `_IdLacking` where one of them is not known, which 0 stands for."""
    if not ids.all():
        raise _IdLacking
    return ids


def _fill(known: dict[str, Attributes], key: str, attributes: Attributes) -> None:
    """Add attributes, or fill the gaps of those that are there: as when they come in another chunk."""
    before = known.setdefault(key, attributes)
    if before != attributes:
        known[key] = tuple(a if a is not None else b for a, b in zip(before, attributes, strict=True))


def _positions(owners: Integers) -> Integers:
    """The place of each among those of its owner, from 1."""
    places = np.arange(len(owners))
    first = np.concatenate([[True], owners[1:] != owners[:-1]]) if len(owners) else np.zeros(0, np.bool_)
    positions: Integers = places - np.maximum.accumulate(np.where(first, places, 0)) + 1
    return positions
