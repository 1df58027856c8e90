"""What the tables hold of one object, put together again: what the writers are given.

The words are those of the tables (`museum/tables.py`). The parts are named tuples: a page holds ten
thousands of them, and they are made from rows as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Term(NamedTuple):
    """A concept (CRM E55): its label in the export's words, and its URI where one is known."""

    vocabulary: str
    key: str
    label: str
    uri: str | None = None
    language: str | None = None


class Actor(NamedTuple):
    """A person or group (CRM E39). The key begins with the id of the institution that names it."""

    key: str
    name: str
    kind: str | None = None
    nationality: str | None = None
    birth: str | None = None
    death: str | None = None
    uri: str | None = None

    @property
    def institution(self) -> str:
        """The id of the institution that names it."""
        return self.key.partition("/")[0]


class Place(NamedTuple):
    """A place (CRM E53). The key begins with the id of the institution that names it."""

    key: str
    name: str
    uri: str | None = None

    @property
    def institution(self) -> str:
        """The id of the institution that names it."""
        return self.key.partition("/")[0]


class Department(NamedTuple):
    """A part of an institution that keeps objects (CRM E78)."""

    institution: str
    name: str


class Title(NamedTuple):
    """A title (CRM E35); one of an object's titles is preferred."""

    title: str
    type: str | None = None
    language: str | None = None
    preferred: int | None = None


class Identifier(NamedTuple):
    """A former or other number (CRM E42)."""

    identifier: str
    type: str | None = None


class TimeSpan(NamedTuple):
    """A date as displayed, with its bounds (CRM E52): days as ISO-like text, signed historical years."""

    display: str | None = None
    earliest: str | None = None
    latest: str | None = None


class Involvement(NamedTuple):
    """An actor's part in the making (CRM P14)."""

    actor: Actor
    role: str | None = None
    qualifier: str | None = None


class Production(NamedTuple):
    """The making (CRM E12)."""

    date: TimeSpan | None = None
    place: Place | None = None
    actors: tuple[Involvement, ...] = ()


NO_PRODUCTION = Production()
"""Of a making about which nothing is known."""


class Dimension(NamedTuple):
    """A measurement (CRM E54)."""

    type: str
    value: float
    unit: str | None = None
    extent: str | None = None
    display: str | None = None


class ProvenanceEvent(NamedTuple):
    """A change of title (`acquisition`, CRM E8) or of custody (`custody`, CRM E10)."""

    type: str
    method: str | None = None
    giver: Actor | None = None
    receiver: Actor | None = None
    date: TimeSpan | None = None
    text: str | None = None


class Representation(NamedTuple):
    """An IIIF `manifest` or an `image` (CRM E36); `finding` is what is wrong with its URL."""

    kind: str
    url: str
    rights: str | None = None
    finding: str | None = None


class ObjectText(NamedTuple):
    """A text about the object or on it (CRM E33)."""

    type: str
    text: str
    language: str | None = None
    engine: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class MuseumObject:
    """One object (CRM E22): all that the tables hold of it but the lineage of its record.

    Attributes:
        object_id: its surrogate key, which ascends from page to page.
        institution: whose record it is.
        record_key: what identifies it between exports, unique within the institution.
        withdrawn_run: the full run whose export no longer had it; `None` where it is still there.
        run: the run that wrote it.
    """

    object_id: int
    institution: Actor
    record_key: str
    accession: str
    record_source: str
    record_type: str
    record_type_uri: str | None = None
    category: str | None = None
    department: str | None = None
    location: Place | None = None
    web_page: str | None = None
    rights: str | None = None
    withdrawn_run: int | None = None
    run: int = 0
    titles: tuple[Title, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    object_types: tuple[Term, ...] = ()
    materials: tuple[Term, ...] = ()
    subjects: tuple[Term, ...] = ()
    production: Production = NO_PRODUCTION
    dimensions: tuple[Dimension, ...] = ()
    provenance: tuple[ProvenanceEvent, ...] = ()
    owners: tuple[Actor, ...] = ()
    keepers: tuple[Actor, ...] = ()
    representations: tuple[Representation, ...] = ()
    texts: tuple[ObjectText, ...] = ()

    @property
    def label(self) -> str:
        """What people call it: its first title."""
        return self.titles[0].title if self.titles else self.accession


Shared = Actor | Place | Term | Department
"""What many objects refer to: with a record of its own in formats that link records."""
