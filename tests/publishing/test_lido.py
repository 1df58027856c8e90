"""LIDO says what the object says, is valid, and keeps stricter rules than its schema."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from muniment.museum.publishing import xml
from muniment.museum.publishing.days import iso_day, life_span
from muniment.museum.publishing.identifiers import Identifiers
from muniment.museum.publishing.lido import Lido
from muniment.museum.publishing.objects import Actor, MuseumObject, Place, Term, TimeSpan, Title
from tests.publishing.lido_reading import faults, read_back, records, schema
from tests.publishing.making import LOCAL, OBJECTS, TOWN

TAG = re.compile("[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
GROUP = "http://www.cidoc-crm.org/cidoc-crm/E74_Group"
PERSON = "http://terminology.lido-schema.org/lido00163"


def document(*items: MuseumObject, identifiers: Identifiers = TOWN) -> bytes:
    lido = Lido(identifiers)
    return b"".join([lido.opening(), *map(lido.record, items), lido.closing()])


def held(value: Any) -> Any:
    """A value as XML can hold it."""
    if isinstance(value, str):
        return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f￾￿]", "�", value)
    if isinstance(value, (list, tuple)):
        return type(value)(held(part) for part in value) if type(value) in (list, tuple) else value
    return {key: held(part) for key, part in value.items()} if isinstance(value, dict) else value


def tag(language: str | None) -> str | None:
    return language if language and TAG.fullmatch(language) else None


def term(given: Term) -> tuple[Any, ...]:
    return given.vocabulary, given.label, given.uri, tag(given.language)


def span(date: TimeSpan | None) -> tuple[Any, ...] | None:
    return date and (date.display, *(iso_day(bound) if bound else None for bound in date[1:]))


def place(given: Place | None) -> tuple[Any, ...] | None:
    return given and (given.name, given.uri)


def body(given: Actor) -> tuple[Any, ...]:
    return given.name, given.uri


def actor(given: Actor) -> dict[str, Any]:
    birth, death = (life_span(text) if text else None for text in (given.birth, given.death))
    kinds = {"Person": PERSON, "Organization": GROUP, "Collaboration": GROUP, "institution": GROUP}
    return {
        "name": given.name,
        "uri": given.uri,
        "id": given.key.partition("/id/")[2] or None,
        "nationality": given.nationality,
        "lived": (birth and iso_day(birth[0]), death and iso_day(death[1])),
        "kind": kinds.get(given.kind or ""),
    }


def told(item: MuseumObject) -> dict[str, Any]:
    """What the record of an object must say."""
    production = item.production
    notes = [t for t in item.texts if t.type not in ("inscription", "credit line")]
    return {
        "accession": item.accession,
        "identifiers": list(map(tuple, item.identifiers)),
        "institution": item.institution.name,
        "location": place(item.location),
        "keepers": list(map(body, item.keepers)),
        "category": item.category,
        "titles": [
            (t.title, t.type, tag(t.language), "00169" if t.preferred else "00170") for t in item.titles
        ],
        "object_types": list(map(term, item.object_types)),
        "materials": list(map(term, item.materials)),
        "subjects": list(map(term, item.subjects)),
        "dimensions": [(d.type, d.value, d.unit or "not stated", *d[3:]) for d in item.dimensions],
        "inscriptions": [(t.text, tag(t.language)) for t in item.texts if t.type == "inscription"],
        "credit_lines": [(t.text, tag(t.language)) for t in item.texts if t.type == "credit line"],
        "notes": [
            (
                t.type,
                t.text,
                tag(t.language),
                [t.engine] * (t.engine is not None)
                + [f"confidence {t.confidence}"] * (t.confidence is not None),
            )
            for t in notes
        ],
        "productions": [
            (
                span(production.date),
                place(production.place),
                [(actor(a), r, q) for a, r, q in production.actors],
            )
        ]
        if any(production)
        else [],
        "provenance": [
            (
                {"acquisition": "lido00001", "custody": "lido00005"}[e.type],
                e.method,
                *([actor(party)] if party else [] for party in (e.giver, e.receiver)),
                span(e.date),
                e.text,
            )
            for e in item.provenance
        ],
        "record_key": item.record_key,
        "record_type": (item.record_type, item.record_type_uri),
        "record_source": item.record_source,
        "web_page": item.web_page,
        "department": item.department,
        "owners": list(map(body, item.owners)),
        "rights": [item.rights] if item.rights else [],
        "representations": [
            ({"manifest": "IIIF manifest", "image": "digital image"}[r.kind], r.url, r.rights)
            for r in item.representations
        ],
    }


@cache
def lido_schema(reference: Path) -> etree.XMLSchema:
    return schema(reference)


def must_be_valid(written: bytes, reference: Path) -> None:
    checked = lido_schema(reference)
    assert checked.validate(etree.fromstring(written)), checked.error_log


@settings(max_examples=80, deadline=None)
@given(item=OBJECTS)
def test_what_is_read_back_is_what_the_object_says(item: MuseumObject) -> None:
    (record,) = records(document(item))
    assert read_back(record) == held(told(item))


@settings(max_examples=80, deadline=None)
@given(items=st.lists(OBJECTS, min_size=1, max_size=3))
def test_any_objects_make_a_file_that_is_valid_and_keeps_the_stricter_rules(
    reference: Path, items: list[MuseumObject]
) -> None:
    written = document(*items)
    must_be_valid(written, reference)
    assert [fault for record in records(written) for fault in faults(record)] == []


@given(st.text(st.characters(exclude_characters="\0")))
def test_any_text_is_read_back_from_content_and_attributes_but_for_what_xml_cannot_hold(value: str) -> None:
    root = etree.fromstring(f'<a b="{xml.attribute(value)}">{xml.text(value)}</a>')
    expected = re.sub("[\ud800-\udfff]", "�", held(value))
    assert (root.text or "", root.get("b")) == (expected, expected)


def test_characters_that_xml_cannot_hold_are_replaced_and_counted() -> None:
    item = plain(titles="Vase \x01\x02 of \uffff �", department="Prints\x0b")
    lido = Lido(TOWN)
    written = lido.record(item).decode()
    assert "Vase �� of � �" in written
    assert lido.replaced == 4


def plain(titles: str = "Vase", **fields: Any) -> MuseumObject:
    known: dict[str, Any] = {
        "object_id": 1,
        "institution": Actor("town", "Town Museum", "institution"),
        "record_key": "O1",
        "accession": "1999.1",
        "record_source": "Town Museum",
        "record_type": "item-level record",
        "titles": (Title(titles, None, "en", 1),),
        "object_types": (Term("kinds", "vessel", "vessel", None, "en"),),
    }
    return MuseumObject(**known | fields)


def test_a_record_without_a_base_uri_publishes_no_identifier() -> None:
    assert b"objectPublishedID" not in document(plain(), identifiers=LOCAL)
    assert b">https://town.example/id/object/O1<" in document(plain())


def test_metadata_are_in_the_language_of_the_records() -> None:
    assert b'<lido:descriptiveMetadata xml:lang="de">' in document(plain(), identifiers=LOCAL)
    assert b'<lido:administrativeMetadata xml:lang="und">' in document(plain(), identifiers=Identifiers())


@pytest.mark.parametrize(
    ("historical", "iso"),
    [
        ("1883-12-31", "1883-12-31"),
        ("-0206-01-01", "-0205-01-01"),
        ("-0001-06-01", "0000-06-01"),
        ("0001-01-01", "0001-01-01"),
        ("1500-02-29", "1500-02-28"),
        ("-0005-02-29", "-0004-02-29"),
        ("1834", "1834"),
    ],
)
def test_historical_days_become_days_of_iso_8601(historical: str, iso: str) -> None:
    assert iso_day(historical) == iso
