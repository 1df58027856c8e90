"""Elements of LIDO that come again and again: concepts, actors, places, rights; each remembered.

URIs of LIDO's own terminology (http://terminology.lido-schema.org) are named for what they mean.
"""

from __future__ import annotations

from functools import lru_cache

from muniment.museum.publishing.days import iso_day, life_span
from muniment.museum.publishing.kinds import kind_of
from muniment.museum.publishing.objects import Actor, Involvement, Place, Term
from muniment.museum.publishing.resources import media_type
from muniment.museum.publishing.xml import REPLACEMENT, attribute, language, text

REMEMBERED_ELEMENTS = 8_192
"""Elements of one kind that are remembered: a few hundred bytes each. Tate has 3,400 terms."""

REPLACED = REPLACEMENT.encode()
NO_UNIT = "not stated"
"""LIDO asks for the unit of every measurement: where none is known it says so."""

_LIDO = "http://terminology.lido-schema.org/lido"


def _type(number: str) -> str:
    return f' lido:type="{_LIDO}{number}"'


URI = _type("00099")
LOCAL_IDENTIFIER = _type("00100")
INVENTORY_NUMBER = _type("00113")
MATERIAL = _type("00132")
CURRENT_REPOSITORY = _type("00475")
RECORD_LINK = _type("00916")
PERSON = _type("00163")
GROUP = ' lido:type="http://www.cidoc-crm.org/cidoc-crm/E74_Group"'
KEEPER = ' lido:type="http://www.cidoc-crm.org/cidoc-crm/P50_has_current_keeper"'
TITLE_PREFERRED = f' lido:pref="{_LIDO}00169"'
TITLE_ALTERNATIVE = f' lido:pref="{_LIDO}00170"'
PARTIES = {"acquisition": ("former owner", "new owner"), "custody": ("former keeper", "new keeper")}
"""What the two sides of a transfer are called, by the type of `provenance_event`: giver and receiver."""


def element(name: str, content: str, attributes: str = "") -> str:
    """An element; content and attributes are escaped."""
    return f"<lido:{name}{attributes}>{content}</lido:{name}>"


def _english(name: str, uri: str, label: str) -> str:
    """A concept of LIDO's or of the CRM's own."""
    told = element("conceptID", uri, URI) + element("term", label, ' xml:lang="en"')
    return element(name, told)


ITEM = _english("category", "http://www.cidoc-crm.org/cidoc-crm/E22_Human-Made_Object", "Human-Made Object")
PRODUCTION = _english("eventType", f"{_LIDO}00007", "Production")
TRANSFERS = {
    "acquisition": _english("eventType", f"{_LIDO}00001", "Change of legal title"),
    "custody": _english("eventType", f"{_LIDO}00005", "Change of physical control"),
}
"""Types of event, by the type of `provenance_event`."""

OWNERSHIP = _english("rightsType", "http://vocab.getty.edu/aat/300055603", "ownership")


@lru_cache(REMEMBERED_ELEMENTS)
def concept(name: str, term: Term, kind: str = "") -> str:
    """An element that names a concept of a vocabulary."""
    identified = ""
    if term.uri:
        source = f' lido:source="{attribute(term.vocabulary)}"'
        identified = element("conceptID", text(term.uri), f"{URI}{source}")
        label = element("term", text(term.label), language(term.language))
    else:
        source = f' lido:label="{attribute(term.vocabulary)}"'
        label = element("term", text(term.label), f"{language(term.language)}{source}")
    return element(name, identified + label, kind)


@lru_cache(REMEMBERED_ELEMENTS)
def word(name: str, label: str) -> str:
    """An element that holds a word of the export."""
    return element(name, element("term", text(label)))


@lru_cache(REMEMBERED_ELEMENTS)
def place(name: str, given: Place) -> str:
    """A place by its name, and its URI where it has one."""
    identified = element("placeID", text(given.uri), URI) if given.uri else ""
    named = element("namePlaceSet", element("appellationValue", text(given.name)))
    return element(name, identified + named)


@lru_cache(REMEMBERED_ELEMENTS)
def legal_body(name: str, given: Actor) -> str:
    """An actor who keeps or owns; the institution by its id as well."""
    identified = element("legalBodyID", text(given.uri), URI) if given.uri else ""
    if given.key == given.institution:
        identified += element("legalBodyID", text(given.key), LOCAL_IDENTIFIER)
    named = element("legalBodyName", element("appellationValue", text(given.name)))
    return element(name, identified + named)


@lru_cache(REMEMBERED_ELEMENTS)
def _actor(given: Actor) -> str:
    kind = {"person": PERSON, "group": GROUP}.get(kind_of(given) or "", "")
    identified = element("actorID", text(given.uri), URI) if given.uri else ""
    _, by_id, own = given.key.partition("/id/")
    if by_id:
        identified += element("actorID", text(own), LOCAL_IDENTIFIER)
    named = element("nameActorSet", element("appellationValue", text(given.name)))
    nationality = word("nationalityActor", given.nationality) if given.nationality else ""
    return element("actor", identified + named + nationality + _vital_dates(given), kind)


def _vital_dates(given: Actor) -> str:
    first = life_span(given.birth) if given.birth else None
    last = life_span(given.death) if given.death else None
    dates = element("earliestDate", iso_day(first[0])) if first else ""
    dates += element("latestDate", iso_day(last[1])) if last else ""
    return element("vitalDatesActor", dates) if dates else ""


@lru_cache(REMEMBERED_ELEMENTS)
def involvement(given: Involvement) -> str:
    """An actor of a production, as displayed and in its parts."""
    actor, role, qualifier = given
    told = (word("roleActor", role) if role else "") + (
        word("attributionQualifierActor", qualifier) if qualifier else ""
    )
    shown = element("displayActorInRole", text(displayed(given)))
    return element("eventActor", shown + element("actorInRole", _actor(actor) + told))


def displayed(given: Involvement) -> str:
    """An actor as a caption has it: `after Hogarth, William (British, 1697-1764), printmaker`."""
    actor = given.actor
    dates = f"{actor.birth or ''}-{actor.death or ''}" if actor.birth or actor.death else ""
    life = ", ".join(filter(None, (actor.nationality, dates)))
    named = f"{actor.name} ({life})" if life else actor.name
    qualified = f"{given.qualifier} {named}" if given.qualifier else named
    return f"{qualified}, {given.role}" if given.role else qualified


@lru_cache(REMEMBERED_ELEMENTS)
def party(given: Actor, role: str) -> str:
    """One side of a transfer, in one of the roles of `PARTIES`."""
    told = element("roleActor", element("term", role, ' xml:lang="en"'))
    return element("eventActor", element("actorInRole", _actor(given) + told))


@lru_cache(REMEMBERED_ELEMENTS)
def rights(statement: str) -> str:
    """What may be done, as the export says it; a URI as an identifier besides."""
    is_uri = statement.startswith(("http://", "https://")) and not any(map(str.isspace, statement))
    identified = element("conceptID", text(statement), URI) if is_uri else ""
    return element("rightsType", identified + element("term", text(statement)))


@lru_cache(REMEMBERED_ELEMENTS)
def record_type(label: str, uri: str | None) -> str:
    """What kind of record it is."""
    identified = element("conceptID", text(uri), URI) if uri else ""
    return element("recordType", identified + element("term", text(label)))


@lru_cache(REMEMBERED_ELEMENTS)
def record_source(source: str, institution: Actor) -> str:
    """Whose record it is."""
    identified = element("legalBodyID", text(institution.key), LOCAL_IDENTIFIER)
    named = element("legalBodyName", element("appellationValue", text(source)))
    return element("recordSource", identified + named)


def page(url: str) -> str:
    """The object's page on the web."""
    return element("recordInfoSet", element("recordInfoLink", text(url)), RECORD_LINK)


@lru_cache(REMEMBERED_ELEMENTS)
def collection(department: str) -> str:
    """The collection of a department."""
    named = element("objectName", element("appellationValue", text(department)))
    return element("collection", element("object", named))


_RESOURCE_TYPES = {
    "manifest": element("resourceType", element("term", "IIIF manifest", ' xml:lang="en"')),
    "image": element("resourceType", element("term", "digital image", ' xml:lang="en"')),
}
_MANIFEST = ' lido:formatResource="application/ld+json"'


def resource_kind(kind: str, url: str) -> tuple[str, str]:
    """What a representation is, and the format that its URL tells."""
    media = media_type(url)
    form = _MANIFEST if kind == "manifest" else f' lido:formatResource="{media}"' if media else ""
    return _RESOURCE_TYPES[kind], form


def number(value: float) -> str:
    """A number without an exponent where it is of human size, and without `.0`."""
    return str(int(value)) if value.is_integer() and abs(value) < MAX_PLAIN else repr(value)


MAX_PLAIN = 1e15
"""Whole numbers below this are exact as doubles."""
