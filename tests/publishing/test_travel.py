"""Each field is found in every place to which it is said to travel."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from lxml import etree
from rdflib import RDFS, Graph, URIRef

import muniment
from muniment.databases.types import metadata
from muniment.museum.fields import Fields
from muniment.museum.publishing.assembly import EVERYTHING, objects
from muniment.museum.publishing.crm import Crm
from muniment.museum.publishing.identifiers import identifiers
from muniment.museum.publishing.lido import Lido
from muniment.museum.publishing.linked_art import LinkedArt
from muniment.museum.publishing.shared import shared
from tests.publishing.museum import accepted, reading
from tests.publishing.travel import TRAVELS, Travel

MAPPING = """
[institution]
name = "Museum of Travels"
id = "travels"
base_uri = "https://travels.example/"
[record]
key = "key"
source = "Source of travels"
type = "collection-level record"
[fields]
accession = "accession"
title = { column = "title", type = "kind of title" }
object_type = "object_type"
identifier = { column = "identifier", type = "kind of number" }
category = "category"
department = "department"
location = "location"
place = "place"
material = "material"
subject = "subject"
date = { column = "date", earliest = "date.earliest", latest = "date.latest" }
owner = "owner"
keeper = "keeper"
provenance = "provenance"
description = "description"
credit_line = "credit_line"
text = { column = "text", type = "kind of text" }
manifest = "manifest"
image = { column = "image", rights = "image.rights" }
web_page = "web_page"
rights = "rights"
ocr = { column = "ocr", engine = "ocr.engine" }
acquisition.method = "acquisition.method"
acquisition.source = "acquisition.source"
acquisition.date = { column = "acquisition.date" }
acquisition.text = "acquisition.text"
[[fields.dimension]]
column = "dimension.column"
type = "kind of size"
unit_column = "dimension.unit"
extent = "kind of part"
[[fields.dimension]]
text = "dimension.text"
[[fields.creator]]
name = "creator.name"
id = "creator.id"
uri = "creator.uri"
role = "creator.role"
kind = "creator.kind"
nationality = "creator.nationality"
birth = "creator.birth"
death = "creator.death"
[[fields.creator]]
name = "another"
qualifier = "creator.qualifier"
"""

PARTICULAR = {
    "institution.name": "Museum of Travels",
    "record.source": "Source of travels",
    "record.type": "collection-level record",
    "title.type": "kind of title",
    "identifier.type": "kind of number",
    "text.type": "kind of text",
    "dimension.type": "kind of size",
    "dimension.extent": "kind of part",
    "dimension.unit": "span",
    "dimension.column": "12.25",
    "dimension.text": "7 x 8 cm",
    "date": "about the year 1805",
    "date.earliest": "1801-02-03",
    "date.latest": "1809-04-05",
    "acquisition.date": "1911",
    "creator.kind": "Person",
    "creator.uri": "http://vocab.getty.edu/ulan/500012345",
    "creator.birth": "1770-06-07",
    "creator.death": "1830-08-09",
    "creator.qualifier": "attributed to",
    "manifest": "https://iiif.example/travels/manifest.json",
    "image": "https://iiif.example/travels.jpg",
    "web_page": "https://travels.example/page",
}
"""Values of fields that cannot be any words."""


def value(field: str) -> str:
    """The value of a field, which no other has."""
    return PARTICULAR.get(field, f"the {field} of it")


class Written(NamedTuple):
    """One object in every form."""

    record: Any
    connection: sa.Connection
    graph: Graph
    lido: Any
    documents: list[dict[str, Any]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    folder = tmp_path_factory.mktemp("travels")
    mapping, export = folder / "mapping.toml", folder / "export.csv"
    mapping.write_text(MAPPING, encoding="utf-8")
    row = {travel.field.removeprefix("record."): value(travel.field) for travel in TRAVELS}
    row["another"] = "Another maker"
    with export.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    url = f"sqlite:///{folder / 'travels.db'}"
    run = muniment.load(export, mapping=mapping, to=url)
    assert run.account.inserted == 1
    (record,) = accepted(export, mapping)
    with reading(url) as connection:
        ((item,),) = objects(connection)
        items = [item, *(row for page in shared(connection, EVERYTHING) for row in page)]
        minted = identifiers(connection)
        lido, linked_art, crm = Lido(minted), LinkedArt(minted), Crm(minted)
        graph = Graph().parse(data=b"".join(map(crm.record, items)), format="nt")
        documents = [json.loads(d) for i in items for d in linked_art.record(i).splitlines()]
        whole = b"".join((lido.opening(), lido.record(item), lido.closing()))
        yield Written(record, connection, graph, etree.fromstring(whole), documents)


def walked(start: Any, path: str) -> list[Any]:
    """What stands at the end of a path of names, lists passed through."""
    found = [start]
    for name in path.split("."):
        found = [part for one in found for part in (one if isinstance(one, (list, tuple)) else [one])]
        found = [one.get(name) if isinstance(one, dict) else getattr(one, name) for one in found if one]
    return [part for one in found for part in (one if isinstance(one, (list, tuple)) else [one])]


def in_graph(graph: Graph, path: str) -> list[str]:
    found: list[Any] = [URIRef(f"https://travels.example/object/{value('record.key').replace(' ', '%20')}")]
    for name in path.split(" / "):
        relation = RDFS.label if name == "label" else URIRef(f"http://www.cidoc-crm.org/cidoc-crm/{name}")
        found = [target for node in found for target in graph.objects(node, relation)]
    return [str(node) for node in found]


def in_lido(record: Any, path: str) -> list[str]:
    elements, _, attribute = path.partition("@")
    steps = "/".join(f"{{http://www.lido-schema.org}}{name}" for name in elements.split("/"))
    found = record.findall(f".//{steps}")
    return [e.get(f"{{http://www.lido-schema.org}}{attribute}") if attribute else e.text for e in found]


def in_documents(documents: list[dict[str, Any]], place: str) -> list[str]:
    kind, _, path = place.partition(": ")
    return [str(found) for d in documents if d["type"] == kind for found in walked(d, path)]


def holds(found: list[Any], field: str) -> bool:
    """Whether a place holds the field's value, or a text or moment that begins or ends with it."""
    wanted = value(field)
    return any(
        str(one) == wanted
        or (field in MOMENTS and str(one).startswith(wanted))
        or (field in WITHIN and wanted in str(one))
        for one in found
    )


MOMENTS = ("date.earliest", "date.latest")
WITHIN = ("creator.id", "ocr.engine")
"""Fields whose value stands in a longer text in some places: a key, a remark."""


@pytest.mark.parametrize("travel", TRAVELS, ids=lambda travel: str(travel.field))
def test_a_field_is_found_wherever_it_is_said_to_travel(travel: Travel, written: Written) -> None:
    table, column = travel.column.split(".")
    stored = written.connection.scalars(sa.select(metadata.tables[table].c[column])).all()
    places = {
        "column": list(stored),
        "record": walked(written.record, travel.record) if travel.record else None,
        "crm": in_graph(written.graph, travel.crm) if travel.crm else None,
        "lido": in_lido(written.lido, travel.lido) if travel.lido else None,
        "linked_art": in_documents(written.documents, travel.linked_art) if travel.linked_art else None,
    }
    missing = {
        name: found for name, found in places.items() if found is not None and not holds(found, travel.field)
    }
    assert missing == {}


def test_every_field_of_a_mapping_has_its_travels() -> None:
    told = {travel.field.partition(".")[0] for travel in TRAVELS}
    assert Fields.model_fields.keys() <= told


def test_a_field_is_not_found_where_it_does_not_travel(written: Written) -> None:
    title = next(travel for travel in TRAVELS if travel.field == "title")
    assert not holds(in_lido(written.lido, title.lido), "accession")
    assert not holds(in_graph(written.graph, title.crm), "accession")
    assert not holds(in_documents(written.documents, "Person: identified_by.content"), "title")


def test_no_two_fields_have_the_same_value() -> None:
    values = [value(travel.field) for travel in TRAVELS]
    assert len(values) == len(set(values))
