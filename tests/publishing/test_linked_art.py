"""Linked Art says what the object says, is valid, and ends no script."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from hypothesis import given, settings

from muniment.museum.publishing.linked_art import LinkedArt
from muniment.museum.publishing.objects import (
    Actor,
    Department,
    Dimension,
    Identifier,
    Involvement,
    MuseumObject,
    ObjectText,
    Place,
    Production,
    ProvenanceEvent,
    Representation,
    Term,
    TimeSpan,
    Title,
)
from tests.publishing.linked_art_reading import faults, validators
from tests.publishing.making import ACTORS, LOCAL, OBJECTS, PLACES, TERMS, TOWN
from tests.publishing.test_lido import plain

Document = dict[str, Any]


@cache
def schemas(reference: Path) -> Any:
    return validators(reference)


def documents(item: Any, identifiers: Any = TOWN) -> list[Document]:
    return [json.loads(line) for line in LinkedArt(identifiers).record(item).decode().split("\n")[:-1]]


def must_be_good(found: list[Document], reference: Path) -> None:
    for document in found:
        schema: jsonschema_rs.Validator = schemas(reference)[document["type"]]
        assert [error.message for error in schema.iter_errors(document)] == []
        assert list(faults(document)) == []


@settings(max_examples=80, deadline=None)
@given(item=OBJECTS)
def test_the_documents_of_any_object_are_valid(reference: Path, item: MuseumObject) -> None:
    must_be_good(documents(item), reference)
    assert b"<" not in LinkedArt(LOCAL).record(item)


@settings(max_examples=60, deadline=None)
@given(item=ACTORS | PLACES | TERMS)
def test_the_document_of_anything_shared_is_valid(reference: Path, item: Any) -> None:
    found = documents(item)
    must_be_good(found, reference)
    assert len(found) == (0 if isinstance(item, Term) and item.uri else 1)


@settings(max_examples=80, deadline=None)
@given(item=OBJECTS)
def test_titles_numbers_texts_and_measurements_are_read_back(item: MuseumObject) -> None:
    whole, *others = documents(item)
    names = [part["content"] for part in whole["identified_by"]]
    numbers = [item.accession, item.record_key, *(number.identifier for number in item.identifiers)]
    assert names == [*(title.title for title in item.titles), *numbers]
    told = [part["content"] for part in whole["referred_to_by"]]
    assert told == [
        *(t.text for t in item.texts),
        *([item.rights] if item.rights else []),
        item.record_source,
    ]
    measured = [
        (d["value"], d.get("identified_by", [{}])[0].get("content")) for d in whole.get("dimension", [])
    ]
    assert measured == [(d.value, d.display) for d in item.dimensions]
    assert [d["_label"] for d in whole.get("made_of", [])] == [term.label for term in item.materials]
    changes = [other for other in others if other["type"] == "Activity"]
    assert [c.get("referred_to_by", [{}])[0].get("content") for c in changes] == [
        event.text for event in item.provenance
    ]
    shown = [term["_label"] for other in others if other["type"] == "VisualItem" for term in other["about"]]
    assert shown == [term.label for term in item.subjects]


ARTIST = Actor(
    "town/id/P-7", "Ann Smith", "Person", "British", "1834", "c. 1900", "http://vocab.getty.edu/ulan/500"
)
WORKSHOP = Actor("town/name/Smith & Co", "Smith & Co", "Workshop")


def test_an_actor_has_a_record_of_its_own_to_which_objects_refer() -> None:
    item = plain(production=Production(None, None, (Involvement(ARTIST, "painter"),)))
    (whole,) = documents(item)
    (record,) = documents(ARTIST)
    made = whole["produced_by"]
    assert made["carried_out_by"] == [
        {"id": "https://town.example/id/actor/id/P-7", "type": "Person", "_label": "Ann Smith"}
    ]
    assert made["classified_as"][0]["_label"] == "painter"
    assert record["id"] == made["carried_out_by"][0]["id"]
    assert record["born"]["timespan"]["begin_of_the_begin"] == "1834-01-01T00:00:00Z"
    assert record["died"]["timespan"]["identified_by"][0]["content"] == "c. 1900"
    assert record["equivalent"][0]["id"] == "http://vocab.getty.edu/ulan/500"
    assert {c["_label"] for c in record["classified_as"]} == {"Person", "British"}


def test_a_qualified_actor_is_attributed_and_not_asserted() -> None:
    item = plain(production=Production(None, None, (Involvement(WORKSHOP, "maker", "attributed to"),)))
    (whole,) = documents(item)
    assert "produced_by" not in whole
    (attribution,) = whole["attributed_by"]
    assert attribution["_label"] == "attributed to"
    assert attribution["assigned"][0]["carried_out_by"][0]["type"] == "Group"


def test_several_makers_have_each_a_part_in_the_making() -> None:
    makers = (Involvement(ARTIST, "designer"), Involvement(WORKSHOP, "maker"))
    (whole,) = documents(
        plain(production=Production(TimeSpan("1850", "1850-01-01", "1850-12-31"), None, makers))
    )
    parts = whole["produced_by"]["part"]
    assert [(p["carried_out_by"][0]["_label"], p["classified_as"][0]["_label"]) for p in parts] == [
        ("Ann Smith", "designer"),
        ("Smith & Co", "maker"),
    ]


def test_a_change_of_title_is_a_provenance_activity_of_its_own() -> None:
    event = ProvenanceEvent(
        "acquisition", "gift", ARTIST, WORKSHOP, TimeSpan("206 BCE", "-0206-01-01"), "Given"
    )
    whole, activity = documents(plain(provenance=(event,)))
    assert activity["id"] == f"{whole['id']}/provenance/1"
    assert activity["timespan"]["begin_of_the_begin"] == "-0205-01-01T00:00:00Z"
    (part,) = activity["part"]
    assert part["type"] == "Acquisition"
    assert part["transferred_title_of"][0]["id"] == whole["id"]
    assert part["transferred_title_from"][0]["_label"] == "Ann Smith"
    assert part["transferred_title_to"][0]["_label"] == "Smith & Co"


def test_what_is_no_url_is_kept_as_an_identifier() -> None:
    images = (Representation("image", "pictures/7.jpg"), Representation("manifest", "https://i.example/m"))
    (whole,) = documents(plain(representations=images))
    (image,) = whole["representation"][0]["digitally_shown_by"]
    assert image["identified_by"][0]["content"] == "pictures/7.jpg"
    (manifest,) = whole["subject_of"][0]["digitally_carried_by"]
    assert manifest["access_point"][0]["id"] == "https://i.example/m"


def test_no_text_can_end_the_script_that_a_document_is_put_into() -> None:
    evil = "</script><script>alert(1)</script><!--"
    item = plain(titles=evil, texts=(ObjectText("note", evil),), identifiers=(Identifier(evil, evil),))
    written = LinkedArt(TOWN).record(item)
    assert b"<" not in written
    assert json.loads(written)["_label"] == evil


def test_a_document_is_one_line_whatever_its_texts_are() -> None:
    item = plain(titles="a\r\nb\u2028c", dimensions=(Dimension("height", 10.0, "cm"),))
    written = LinkedArt(TOWN).record(item)
    assert written.count(b"\n") == 1
    assert documents(item)[0]["dimension"][0]["value"] == 10


def test_everything_that_an_object_refers_to_has_a_label_and_places_and_departments_have_records() -> None:
    room = Place("town/Room 1", "Room 1")
    item = plain(location=room, department="Prints", titles="x")
    (whole,) = documents(item)
    assert documents(room)[0]["id"] == whole["current_location"]["id"]
    assert documents(Department("town", "Prints"))[0]["id"] == whole["member_of"][0]["id"]
    assert isinstance(item.titles[0], Title)
