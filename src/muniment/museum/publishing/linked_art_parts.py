"""Parts of Linked Art documents that come again and again: references, names, dates, statements.

What is remembered is shared between documents, and changed by none.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from muniment.museum.publishing import aat
from muniment.museum.publishing.days import first_moment, last_moment, life_span
from muniment.museum.publishing.identifiers import Identifiers, valid_uri
from muniment.museum.publishing.kinds import kind_of
from muniment.museum.publishing.objects import Actor, Department, Place, Term, TimeSpan

Part = dict[str, Any]

REMEMBERED_PARTS = 8_192
"""Parts of one kind that are remembered: a few hundred bytes each."""

NO_UNIT = "not stated"
"""Linked Art asks for the unit of every dimension: where none is known it says so."""


def told(**parts: Any) -> Part:
    """Those of the parts that there are."""
    return {name: value for name, value in parts.items() if value}


def name(content: str, language: str | None = None, *classes: Part) -> Part:
    """A name."""
    made: Part = {"type": "Name", "content": content}
    if classes:
        made["classified_as"] = list(classes)
    if spoken := aat.language_of(language):
        made["language"] = [spoken]
    return made


def identifier(content: str, *classes: Part) -> Part:
    """A number, or another identifier."""
    made: Part = {"type": "Identifier", "content": content}
    if classes:
        made["classified_as"] = list(classes)
    return made


def statement(content: str, kind: Part, language: str | None = None) -> Part:
    """A text about something."""
    made: Part = {"type": "LinguisticObject", "content": content, "classified_as": [kind]}
    if spoken := aat.language_of(language):
        made["language"] = [spoken]
    return made


@lru_cache(REMEMBERED_PARTS)
def time_span(span: TimeSpan) -> Part:
    """A date as displayed, with its bounds."""
    return {"type": "TimeSpan"} | told(
        identified_by=[name(span.display)] if span.display else None,
        begin_of_the_begin=first_moment(span.earliest) if span.earliest else None,
        end_of_the_end=last_moment(span.latest) if span.latest else None,
    )


def life_event(kind: str, date: str) -> Part:
    """Birth or death, formation or dissolution."""
    bounds = life_span(date) or (None, None)
    return {"type": kind, "timespan": time_span(TimeSpan(date, *bounds))}


class References:
    """References to what has a record of its own, by minted identifiers."""

    def __init__(self, identifiers: Identifiers) -> None:
        self.identifiers = identifiers
        self.actor = lru_cache(REMEMBERED_PARTS)(self._actor)
        self.place = lru_cache(REMEMBERED_PARTS)(self._place)
        self.term = lru_cache(REMEMBERED_PARTS)(self._term)
        self.word = lru_cache(REMEMBERED_PARTS)(self._word)
        self.department = lru_cache(REMEMBERED_PARTS)(self._department)

    def unit(self, unit: str | None) -> Part:
        """A unit of measurement."""
        return aat.UNITS.get(unit or "") or self.word("unit", unit or NO_UNIT, "MeasurementUnit")

    def _actor(self, actor: Actor) -> Part:
        return {"id": self.identifiers.of_actor(actor), "type": class_of(actor), "_label": actor.name}

    def _place(self, place: Place) -> Part:
        return {"id": self.identifiers.of_place(place), "type": "Place", "_label": place.name}

    def _term(self, term: Term, kind: str = "Type") -> Part:
        return {"id": self.identifiers.of_term(term), "type": kind, "_label": term.label}

    def _word(self, use: str, word: str, kind: str = "Type") -> Part:
        return {"id": self.identifiers.of_word(use, word), "type": kind, "_label": word}

    def _department(self, department: Department) -> Part:
        return {"id": self.identifiers.of_department(department), "type": "Set", "_label": department.name}


def class_of(actor: Actor) -> str:
    """`Person` or `Group`. Linked Art has no other: those of whom it is not known are persons here."""
    return "Group" if kind_of(actor) == "group" else "Person"


# --- records of shared rows -----------------------------------------------------------------------


def actor_record(actor: Actor, refer: References) -> Part:
    """What is told of a person or group."""
    group = class_of(actor) == "Group"
    begin, end = ("formed_by", "dissolved_by") if group else ("born", "died")
    first, last = ("Formation", "Dissolution") if group else ("Birth", "Death")
    own_id = actor.key.partition("/id/")[2]
    classes = []
    if actor.kind:
        classes.append(refer.word("kind", actor.kind))
    if actor.nationality:
        nationality = refer.word("nationality", actor.nationality)
        classes.append(nationality | {"classified_as": [aat.NATIONALITY]})
    numbers = [identifier(own_id, aat.SYSTEM_NUMBER)] if own_id else []
    reference = refer.actor(actor)
    told_parts = told(
        identified_by=[name(actor.name, None, aat.PRIMARY_NAME), *numbers],
        classified_as=classes,
        equivalent=_equivalent(actor.uri, reference),
    )
    if actor.birth:
        told_parts[begin] = life_event(first, actor.birth)
    if actor.death:
        told_parts[end] = life_event(last, actor.death)
    return reference | told_parts


def place_record(place: Place, refer: References) -> Part:
    """What is told of a place."""
    reference = refer.place(place)
    named = [name(place.name, None, aat.PRIMARY_NAME)]
    return reference | told(identified_by=named, equivalent=_equivalent(place.uri, reference))


def term_record(term: Term, refer: References) -> Part:
    """What is told of a concept: its label, and the vocabulary that lists it."""
    listed = statement(term.vocabulary, aat.SOURCE_STATEMENT)
    named = [name(term.label, term.language, aat.PRIMARY_NAME)]
    return refer.term(term) | {"identified_by": named, "referred_to_by": [listed]}


def department_record(department: Department, refer: References) -> Part:
    """What is told of a department's collection."""
    named = [name(department.name, None, aat.PRIMARY_NAME)]
    return refer.department(department) | {"identified_by": named, "classified_as": [aat.COLLECTION]}


def _equivalent(uri: str | None, reference: Part) -> list[Part]:
    return [reference | {"id": valid_uri(uri)}] if uri else []
