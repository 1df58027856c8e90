"""`LidoRecord`: one museum object as the tables hold it, with LIDO's words for its parts."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from muniment.databases.types import KEY_CHARACTERS

URI_CHARACTERS = 2_000
"""The longest URI: what browsers and servers agree on."""

Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=KEY_CHARACTERS, pattern=r"^[^\x00]*$"),
]
"""A short text: a number, a name of a kind, a label."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, pattern=r"^[^\x00]*$")]
"""A text of any length, without NUL."""

Uri = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=URI_CHARACTERS,
        pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00<>\x22{}|\\^`]+$",
    ),
]
"""A URI as RFC 3986 has it, with the letters that IRIs (RFC 3987) add."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Title(_Part):
    """A title (CRM P102, E35; LIDO titleSet)."""

    title: Text
    type: Line | None = None
    language: Line | None = None


class Identifier(_Part):
    """A former or other number (CRM P1, E42; LIDO workID)."""

    identifier: Line
    type: Line | None = None


class Term(_Part):
    """A concept (CRM E55, E57): its label in the export's words, and its URI where one is known."""

    label: Text
    vocabulary: Line
    uri: Uri | None = None
    language: Line | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """What two namings of one term have in common: the vocabulary, and in it the URI, else the label."""
        return self.vocabulary, self.uri or self.label


class Actor(_Part):
    """A person or group (CRM E39; LIDO actor)."""

    name: Text
    id: Line | None = None
    uri: Uri | None = None
    kind: Line | None = None
    nationality: Line | None = None
    birth: Line | None = None
    death: Line | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """What two namings of one actor have in common: the id where the export has one, else the name."""
        return ("id", self.id) if self.id else ("name", self.name)


Shared = TypeVar("Shared", Term, Actor)


class Involvement(_Part):
    """An actor's part in the making (CRM P14; LIDO actorInRole)."""

    actor: Actor
    role: Line | None = None
    qualifier: Line | None = None


class TimeSpan(_Part):
    """A date as displayed, with its bounds (CRM P4, E52; LIDO eventDate).

    Bounds are ISO-like text of whole days with signed historical years: `-0206-01-01` lies in 206 BCE,
    and there is no year 0.
    """

    display: Text | None = None
    earliest: Line | None = None
    latest: Line | None = None
    earliest_year: int | None = None
    latest_year: int | None = None


class Production(_Part):
    """The making (CRM P108, E12; LIDO event lido00007)."""

    date: TimeSpan | None = None
    place: Line | None = None
    actors: tuple[Involvement, ...] = ()


class Dimension(_Part):
    """A measurement (CRM P43, E54; LIDO measurementsSet)."""

    type: Line
    value: Annotated[float, Field(allow_inf_nan=False)]
    unit: Line | None = None
    extent: Line | None = None
    display: Text | None = None


class Acquisition(_Part):
    """How the object came to the institution (CRM P24, E8; LIDO event lido00001)."""

    method: Line | None = None
    source: Text | None = None
    date: TimeSpan | None = None
    text: Text | None = None


class Resource(_Part):
    """An image or an IIIF manifest (CRM P138, E36; LIDO resourceSet)."""

    kind: Line
    url: Text
    rights: Text | None = None
    finding: Line | None = None


class ObjectText(_Part):
    """A text about the object or on it (CRM E33): provenance, description, credit line, OCR ..."""

    type: Line
    text: Text
    language: Line | None = None
    engine: Line | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None


class LidoRecord(_Part):
    """One object record, valid: what the tables of the museum profile hold of it.

    Mandatory are the key, the accession number, a title, an object type, the record source and the
    record type, as in LIDO 1.1. A term or an owner that is named twice is there once: later namings
    fill the gaps of the first. Owners and keepers have no order of their own.
    """

    key: Line
    accession: Line
    titles: Annotated[tuple[Title, ...], Field(min_length=1)]
    object_types: Annotated[tuple[Term, ...], Field(min_length=1)]
    record_source: Line
    record_type: Line
    record_type_uri: Uri | None = None
    identifiers: tuple[Identifier, ...] = ()
    category: Line | None = None
    department: Line | None = None
    location: Line | None = None
    materials: tuple[Term, ...] = ()
    subjects: tuple[Term, ...] = ()
    production: Production = Production()
    dimensions: tuple[Dimension, ...] = ()
    acquisition: Acquisition | None = None
    texts: tuple[ObjectText, ...] = ()
    owners: tuple[Actor, ...] = ()
    keepers: tuple[Actor, ...] = ()
    resources: tuple[Resource, ...] = ()
    web_page: Uri | None = None
    rights: Text | None = None

    @field_validator("object_types", "materials", "subjects")
    @classmethod
    def _terms_once(cls, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        return terms_once(terms)

    @field_validator("owners", "keepers")
    @classmethod
    def _actors_once(cls, actors: tuple[Actor, ...]) -> tuple[Actor, ...]:
        return actors_once(actors)


def terms_once(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Each term where it is named first; later namings fill its gaps."""
    return _once(terms)


def actors_once(actors: tuple[Actor, ...]) -> tuple[Actor, ...]:
    """Each actor once, in the order of what identifies them."""
    return tuple(sorted(_once(actors), key=lambda actor: actor.identity))


def _once(named: tuple[Shared, ...]) -> tuple[Shared, ...]:
    if len(named) < 2:
        return named
    found: dict[tuple[str, str], Shared] = {}
    for each in named:
        found[each.identity] = _filled(found.get(each.identity, each), each)
    return tuple(found.values())


def _filled(first: Shared, later: Shared) -> Shared:
    gaps = {name: value for name, value in later if getattr(first, name) is None and value is not None}
    return first.model_copy(update=gaps) if gaps else first
