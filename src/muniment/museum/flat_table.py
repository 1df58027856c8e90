"""One row an object: which columns that takes, and what stands in them; pure.

What an object has several of goes into one cell, with a separator that none of the values contains. Values of
different kinds (titles in two languages, terms of two vocabularies) go into columns of their own, in an order
in which every object's values keep theirs. So all columns are known only when every object has been seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from muniment.errors import MunimentError
from muniment.museum.publishing.objects import Actor, Involvement, MuseumObject, Term, TimeSpan

SEPARATORS = "|¦‖␞␟⁞⁝⁜"
"""What may stand between the values of one cell: the first that no value of the column contains."""

_SEPARATOR = re.compile(f"[{SEPARATORS}]")

SINGLE = (
    "institution",
    "record_source",
    "record_type",
    "record_type_uri",
    "record_key",
    "accession",
    "category",
    "department",
    "location",
    "web_page",
    "rights",
    "date",
    "date_earliest",
    "date_latest",
    "place",
    "acquisition_method",
    "acquired_from",
    "acquisition_date",
    "acquisition_earliest",
    "acquisition_latest",
    "acquisition_text",
)
"""The columns of what an object has once at the most; the first ones say whose record it is."""

PARTS: dict[str, tuple[str, ...]] = {
    "title": ("",),
    "identifier": ("",),
    "object_type": ("", "uri"),
    "material": ("", "uri"),
    "subject": ("", "uri"),
    "creator": ("", "id", "uri", "role", "qualifier", "kind", "nationality", "birth", "death"),
    "owner": ("", "id", "uri", "kind", "nationality", "birth", "death"),
    "keeper": ("", "id", "uri", "kind", "nationality", "birth", "death"),
    "dimension": ("", "type", "unit", "extent", "display"),
    "text": ("",),
    "ocr": ("", "engine", "confidence"),
    "representation": ("", "rights"),
}
"""What an object may have several of, each with its columns: that of the values, and those parallel to it."""

SHARED = "rights"
"""The column that has one value for all values beside it: others begin another column."""

Shape = tuple[str | None, ...]
"""What all values of a column have in common: the type and language of titles, a term's vocabulary ..."""

Values = list[tuple[Any, ...]]


@dataclass
class Group:
    """A column, or parallel ones, for values of one shape.

    Attributes:
        part: a key of `PARTS`.
        shape: what its values have in common.
        names: of the columns, in the order of `PARTS`; given at the end of a survey.
        several: whether some object has more than one value.
        found: the separators that occur in values.
    """

    part: str
    shape: Shape
    names: tuple[str, ...] = ()
    several: bool = False
    found: set[str] = field(default_factory=set)

    @property
    def separator(self) -> str:
        """What stands between values; "" where there is never more than one."""
        if not self.several:
            return ""
        for separator in SEPARATORS:
            if separator not in self.found:
                return separator
        raise MunimentError(
            f"no separator is left for the values of {self.part}: all of {SEPARATORS} occur in them",
            hint="Export with --tables, which needs none",
        )

    def observe(self, values: Values) -> None:
        """Take note of the values that an object has here."""
        self.several = self.several or len(values) > 1
        for value in values:
            for cell in value:
                if cell is not None and _SEPARATOR.search(cell):
                    self.found.update(_SEPARATOR.findall(cell))

    def cells(self, values: Values) -> Iterator[str]:
        """The cells for an object's values, in the order of `names`."""
        for name, column in zip(PARTS[self.part], zip(*values, strict=True), strict=True):
            if name == SHARED:
                yield column[0] or ""
            else:
                filled = any(cell is not None for cell in column)
                yield self.separator.join(cell or "" for cell in column) if filled else ""


class FlatTable:
    """The columns of a table with one row an object: `observe` all objects, then `settle`, then ask for rows.

    Attributes:
        scopes: whose records there are: institution, record source, type of record and its URI.
        groups: by part, its groups in the order of their columns.
    """

    def __init__(self) -> None:
        self.scopes: dict[tuple[Actor, str, str, str | None], None] = {}
        self.groups: dict[str, list[Group]] = {part: [] for part in PARTS}
        self.columns: tuple[str, ...] = ()

    def observe(self, item: MuseumObject) -> None:
        """Make room for what an object has."""
        self.scopes[item.institution, item.record_source, item.record_type, item.record_type_uri] = None
        for part, values in _parts(item):
            place = -1
            for kind, run in groupby(values, key=itemgetter(0)):
                place = self._place(part, _shape(part, kind), place)
                self.groups[part][place].observe([value for _, value in run])

    def _place(self, part: str, shape: Shape, before: int) -> int:
        """The place of the first group of this shape behind another, which is made where there is none."""
        groups = self.groups[part]
        place = _next(groups, shape, before)
        if place is None:
            place = before + 1
            groups.insert(place, Group(part, shape))
        return place

    def settle(self) -> None:
        """Name the columns."""
        taken = set(SINGLE)
        for group in self._all():
            stem = _stem(group)
            number, names = 1, _names(group.part, stem)
            while taken.intersection(names):
                number += 1
                names = _names(group.part, f"{stem}_{number}")
            group.names = names
            taken.update(names)
        self.columns = (*SINGLE, *(name for group in self._all() for name in group.names))

    def _all(self) -> Iterator[Group]:
        for groups in self.groups.values():
            yield from groups

    def row(self, item: MuseumObject) -> list[str | None]:
        """The cells of an object, in the order of `columns`; None where there is nothing."""
        cells = dict(zip(SINGLE, _single(item), strict=True))
        for part, values in _parts(item):
            place = -1
            for kind, run in groupby(values, key=itemgetter(0)):
                found = _next(self.groups[part], _shape(part, kind), place)
                if found is None:
                    raise MunimentError(
                        "the database changed while it was exported", hint="Run the same command again"
                    )
                place, group = found, self.groups[part][found]
                cells.update(zip(group.names, group.cells([value for _, value in run]), strict=True))
        return [cells.get(name) or None for name in self.columns]


def _next(groups: Sequence[Group], shape: Shape, before: int) -> int | None:
    return next((i for i in range(before + 1, len(groups)) if groups[i].shape == shape), None)


def _shape(part: str, kind: Shape) -> Shape:
    """What of a kind of values belongs to the column: its shared value may differ from object to object."""
    return kind[:1] if SHARED in PARTS[part] else kind


def _stem(group: Group) -> str:
    """The name of a group's first column: its part and what tells it from others, in plain letters."""
    part, shape = group.part, group.shape
    if part == "text":
        return _plain(shape[0]) or "text"
    if part == "representation":
        return _plain(shape[0])
    if part in ("title", "identifier") and shape[0]:
        return f"{part}_{_plain(shape[0])}".rstrip("_")
    return part


STEM_CHARACTERS = 40
"""How much of a kind's name a column is called after."""


def _plain(text: str | None) -> str:
    return re.sub(r"[^a-z0-9]+", "_", (text or "").lower())[:STEM_CHARACTERS].strip("_")


def _names(part: str, stem: str) -> tuple[str, ...]:
    return tuple(f"{stem}_{name}" if name else stem for name in PARTS[part])


def _single(item: MuseumObject) -> tuple[str | None, ...]:
    production = item.production
    event = item.provenance[0] if item.provenance else None
    return (
        item.institution.key,
        item.record_source,
        item.record_type,
        item.record_type_uri,
        item.record_key,
        item.accession,
        item.category,
        item.department,
        item.location and item.location.name,
        item.web_page,
        item.rights,
        *_dates(production.date),
        production.place and production.place.name,
        event and event.method,
        event and event.giver and event.giver.name,
        *_dates(event and event.date),
        event and event.text,
    )


def _dates(span: TimeSpan | None) -> tuple[str | None, ...]:
    return (span.display, span.earliest, span.latest) if span else (None, None, None)


def _parts(item: MuseumObject) -> Iterator[tuple[str, list[tuple[Shape, tuple[Any, ...]]]]]:
    """Each part of an object: its values with their shapes, in their order."""
    yield "title", [((t.type, t.language), (t.title,)) for t in item.titles]
    yield "identifier", [((i.type,), (i.identifier,)) for i in item.identifiers]
    yield "object_type", _terms(item.object_types)
    yield "material", _terms(item.materials)
    yield "subject", _terms(item.subjects)
    yield "creator", [((), _involvement(i)) for i in item.production.actors]
    yield "owner", [((), _actor(a)) for a in item.owners]
    yield "keeper", [((), _actor(a)) for a in item.keepers]
    yield "dimension", [((), (number(d.value), d.type, d.unit, d.extent, d.display)) for d in item.dimensions]
    yield "text", [((t.type, t.language), (t.text,)) for t in item.texts if t.type != "ocr"]
    yield (
        "ocr",
        [
            ((t.language,), (t.text, t.engine, None if t.confidence is None else number(t.confidence)))
            for t in item.texts
            if t.type == "ocr"
        ],
    )
    yield "representation", [((r.kind, r.rights), (r.url, r.rights)) for r in item.representations]


def _terms(terms: Sequence[Term]) -> list[tuple[Shape, tuple[Any, ...]]]:
    return [((t.vocabulary, t.language), (t.label, t.uri)) for t in terms]


def _involvement(part: Involvement) -> tuple[str | None, ...]:
    name, key, uri, *about = _actor(part.actor)
    return (name, key, uri, part.role, part.qualifier, *about)


def _actor(actor: Actor) -> tuple[str | None, ...]:
    return (
        actor.name,
        own_id(actor.key),
        actor.uri,
        actor.kind,
        actor.nationality,
        actor.birth,
        actor.death,
    )


def own_id(key: str) -> str | None:
    """The export's own id of an actor, as its key has it; None where the name identifies it."""
    _, kind, own = (*key.split("/", 2), "", "")[:3]
    return own if kind == "id" else None


def number(value: float) -> str:
    """A number in plain digits, so that reading it gives the same number again."""
    return str(np.format_float_positional(value, trim="-"))
