"""Identifiers for the world: http(s) URIs, minted from the base URI of an institution.

    {base}object/{record key}    {base}actor/{key}    {base}place/{key}    {base}concept/{vocabulary}/{key}

They are made of business keys, so that every export, and every database, mints the same. Where no mapping
gives a base URI, they begin with `LOCAL_BASE`, which nobody can take for a real address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

import sqlalchemy as sa

from muniment.ledger import run_table
from muniment.museum import tables
from muniment.museum.publishing.objects import Actor, Department, MuseumObject, Place, Term
from muniment.museum.tracing import stored_mapping

LOCAL_BASE = "https://muniment.invalid/"
"""No name below `.invalid` will ever exist (RFC 6761): such an identifier marks itself as local."""

_PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_.~:@!$&'()*+,;=-]*")
_PLAIN_URI = re.compile(r"[A-Za-z0-9_.~:@!$&'()*+,;=/?#-]*")
"""What percent-encoding would leave as it is: most keys and URLs, and to see so is quicker than to do it."""

UNKNOWN_LANGUAGE = "und"
"""BCP 47 for a language that nobody has told."""

REMEMBERED_KEYS = 8_192
"""Keys whose identifier is remembered: actors and terms come again and again. At most 2 MB."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """How an institution publishes: the base of its identifiers, and the language of its records."""

    base_uri: str = ""
    language: str = UNKNOWN_LANGUAGE


@dataclass(frozen=True)
class Identifiers:
    """Mints identifiers; publishers are by the id of the institution."""

    publishers: Mapping[str, Publisher] = field(default_factory=dict)

    def language(self, institution: str) -> str:
        """The language of an institution's records."""
        return self.publishers.get(institution, Publisher()).language

    def published(self, institution: str) -> bool:
        """Whether an institution's identifiers are real, not local."""
        return bool(self.publishers.get(institution, Publisher()).base_uri)

    def base(self, institution: str) -> str:
        """What an institution's identifiers begin with; it ends with `/`."""
        base = valid_uri(self.publishers.get(institution, Publisher()).base_uri)
        if not base:
            return f"{LOCAL_BASE}{institution}/"
        return base if base.endswith(("/", "=")) else f"{base}/"

    @property
    def common_base(self) -> str:
        """What the identifiers of concepts begin with: several institutions share them."""
        institutions = list(self.publishers)
        return self.base(institutions[0]) if len(institutions) == 1 else LOCAL_BASE

    def of_object(self, item: MuseumObject) -> str:
        """The identifier of an object."""
        return f"{self.base(item.institution.key)}object/{segment(item.record_key)}"

    def of_actor(self, actor: Actor) -> str:
        """The identifier of an actor; that of the institution is its base with `institution`."""
        institution, _, key = actor.key.partition("/")
        return f"{self.base(institution)}{f'actor/{segments(key)}' if key else 'institution'}"

    def of_place(self, place: Place) -> str:
        """The identifier of a place."""
        institution, _, key = place.key.partition("/")
        return f"{self.base(institution)}place/{segment(key)}"

    def of_department(self, department: Department) -> str:
        """The identifier of a department, and of what it keeps."""
        return f"{self.base(department.institution)}department/{segment(department.name)}"

    def of_term(self, term: Term) -> str:
        """The identifier of a concept: its own URI where it has one."""
        if term.uri:
            return valid_uri(term.uri)
        return f"{self.common_base}concept/{segment(term.vocabulary)}/{segment(term.key)}"

    def of_word(self, kind: str, word: str) -> str:
        """The identifier of a word that is in no vocabulary, such as a role: `{base}word/role/printer`."""
        return f"{self.common_base}word/{kind}/{segment(word)}"


@lru_cache(REMEMBERED_KEYS)
def segment(key: str) -> str:
    """A key as one segment of a path (RFC 3986)."""
    return key if _PLAIN_SEGMENT.fullmatch(key) else quote(key, safe=":@!$&'()*+,;=~")


@lru_cache(REMEMBERED_KEYS)
def segments(key: str) -> str:
    """An actor's key, `id/...` or `name/...`, as two segments of a path."""
    kind, _, value = key.partition("/")
    return f"{kind}/{segment(value)}"


_BARE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")


@lru_cache(REMEMBERED_KEYS)
def valid_uri(text: str) -> str:
    """An IRI as a URI: what RFC 3986 does not allow is percent-encoded, what is encoded stays so."""
    if _PLAIN_URI.fullmatch(text):
        return text
    return quote(_BARE_PERCENT.sub("%25", text), safe=":/?#@!$&'()*+,;=%~")


def identifiers(connection: sa.Connection) -> Identifiers:
    """How the institutions of a database publish: as the mapping of each one's newest run says."""
    r = run_table.c
    newest = sa.select(sa.func.max(r.run_id)).where(r.profile == "museum").group_by(r.scope)
    mappings = connection.scalars(sa.select(r.mapping).where(r.run_id.in_(newest)).order_by(r.run_id))
    publishers = {}
    for text in mappings:
        institution = stored_mapping(text).institution
        publishers[institution.id] = Publisher(institution.base_uri, institution.language)
    keys = sa.select(tables.actor.c.actor_key).where(
        tables.actor.c.actor_id.in_(sa.select(tables.object_.c.institution_id))
    )
    known = set(connection.scalars(keys))
    return Identifiers({key: publisher for key, publisher in publishers.items() if key in known})
