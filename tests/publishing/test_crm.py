"""The graph is well formed, and in classes and properties that the CIDOC CRM has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import RDF, RDFS, Graph, Literal, URIRef

from muniment.museum.publishing.assembly import EVERYTHING, objects
from muniment.museum.publishing.crm import Crm
from muniment.museum.publishing.identifiers import identifiers
from muniment.museum.publishing.objects import (
    Actor,
    Involvement,
    MuseumObject,
    Production,
    ProvenanceEvent,
    TimeSpan,
)
from muniment.museum.publishing.shared import shared
from muniment.museum.publishing.triples import literal
from tests.publishing.making import ACTORS, OBJECTS, PLACES, TERMS, TOWN
from tests.publishing.museum import load_sample, reading
from tests.publishing.test_lido import plain

CRM = "http://www.cidoc-crm.org/cidoc-crm/"
Closure = dict[URIRef, set[URIRef]]


class Schema:
    """The classes and properties of the CRM's own RDFS."""

    def __init__(self, reference: Path) -> None:
        rdfs = Graph().parse(reference / "standards" / "cidoc-crm" / "CIDOC_CRM_v7.1.3.rdf", format="xml")
        classes = set(rdfs.subjects(RDF.type, RDFS.Class))
        self.above = {c: set(rdfs.transitive_objects(c, RDFS.subClassOf)) for c in classes}
        self.domains = dict(rdfs.subject_objects(RDFS.domain))
        self.ranges = dict(rdfs.subject_objects(RDFS.range))

    def faults(self, graph: Graph) -> Iterator[str]:
        """What the schema does not allow."""
        for subject, relation, target in graph:
            if relation == RDF.type:
                if target not in self.above:
                    yield f"{target} is no class"
            elif str(relation).startswith(CRM):
                yield from self._faults_of(graph, subject, relation, target)
            elif relation != RDFS.label:
                yield f"{relation} is no property of the CRM"

    def _faults_of(self, graph: Graph, subject: Any, relation: Any, target: Any) -> Iterator[str]:
        if relation not in self.domains:
            yield f"{relation} is no property of the CRM"
            return
        if self.domains[relation] not in self._classes(graph, subject):
            yield f"{subject} is not of the domain of {relation}"
        if self.ranges[relation] == RDFS.Literal:
            if not isinstance(target, Literal):
                yield f"{relation} needs words or numbers"
        elif self.ranges[relation] not in self._classes(graph, target):
            yield f"{target} is not of the range of {relation}"

    def _classes(self, graph: Graph, node: Any) -> set[Any]:
        return {above for kind in graph.objects(node, RDF.type) for above in self.above.get(kind, set())}


@cache
def schema(reference: Path) -> Schema:
    return Schema(reference)


def parsed(*items: Any) -> Graph:
    crm = Crm(TOWN)
    return Graph().parse(data=b"".join(map(crm.record, items)), format="nt")


def words(graph: Graph, relation: str) -> set[str]:
    return {str(value) for value in graph.objects(None, URIRef(CRM + relation))}


@settings(max_examples=40, deadline=None)
@given(item=OBJECTS)
def test_the_graph_of_any_object_keeps_domains_and_ranges(reference: Path, item: MuseumObject) -> None:
    assert list(schema(reference).faults(parsed(item))) == []


@settings(max_examples=40, deadline=None)
@given(item=ACTORS | PLACES | TERMS)
def test_the_graph_of_anything_shared_keeps_domains_and_ranges(reference: Path, item: Any) -> None:
    assert list(schema(reference).faults(parsed(item))) == []


def test_the_sample_export_is_one_graph_in_which_everything_has_a_class(
    reference: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'sample.db'}"
    load_sample(url)
    with reading(url) as connection:
        crm = Crm(identifiers(connection))
        some = next(objects(connection, page=150))
        rows = [row for page in shared(connection, EVERYTHING) for row in page]
    graph = Graph().parse(data=b"".join(map(crm.record, [*some, *rows])), format="nt")
    assert list(schema(reference).faults(graph)) == []
    assert len(set(graph.subjects(RDF.type, URIRef(f"{CRM}E22_Human-Made_Object")))) == 150


@settings(max_examples=40, deadline=None)
@given(item=OBJECTS)
def test_every_text_of_an_object_is_read_back_as_it_is(item: MuseumObject) -> None:
    graph = parsed(item)
    told = words(graph, "P190_has_symbolic_content") | words(graph, "P3_has_note")
    texts = {title.title for title in item.titles} | {text.text for text in item.texts}
    texts |= {d.display for d in item.dimensions if d.display} | {e.text for e in item.provenance if e.text}
    texts |= {item.accession, item.record_key, *([item.rights] if item.rights else [])}
    assert texts <= told
    numbers = {float(str(value)) for value in graph.objects(None, URIRef(f"{CRM}P90_has_value"))}
    assert numbers == {d.value for d in item.dimensions}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_is_read_back_from_a_literal(value: str) -> None:
    graph = Graph().parse(data=f"<a:b> <a:c> {literal(value)} .\n", format="nt")
    assert [str(target) for target in graph.objects()] == [value]


ARTIST = Actor("town/id/1", "Ann", "Person", birth="c. 1750")


def test_a_qualified_actor_is_attributed_and_not_asserted() -> None:
    made = Production(None, None, (Involvement(ARTIST, "painter", "studio of"),))
    graph = parsed(plain(production=made))
    assert not set(graph.subject_objects(URIRef(f"{CRM}P14_carried_out_by")))
    (assignment,) = graph.subjects(RDF.type, URIRef(f"{CRM}E13_Attribute_Assignment"))
    assert (assignment, URIRef(f"{CRM}P141_assigned"), URIRef("https://town.example/id/actor/id/1")) in graph


@pytest.mark.parametrize(
    ("kind", "relation"),
    [
        ("acquisition", "P24i_changed_ownership_through"),
        ("custody", "P30i_custody_transferred_through"),
    ],
)
def test_a_transfer_stands_between_giver_and_receiver(kind: str, relation: str) -> None:
    event = ProvenanceEvent(kind, "gift", ARTIST, None, TimeSpan("206 BCE", "-0206-01-01", "-0206-12-31"))
    graph = parsed(plain(provenance=(event,)))
    (transfer,) = graph.objects(URIRef("https://town.example/id/object/O1"), URIRef(CRM + relation))
    assert (transfer, None, URIRef("https://town.example/id/actor/id/1")) in graph
    assert words(graph, "P82a_begin_of_the_begin") == {"-0205-01-01T00:00:00Z"}


def test_birth_is_that_of_a_person_and_foundation_that_of_a_group() -> None:
    assert words(parsed(ARTIST), "P98i_was_born") == {"https://town.example/id/actor/id/1#beginning"}
    group = Actor("town/id/2", "Works", "Company", birth="1850")
    assert words(parsed(group), "P95i_was_formed_by") == {"https://town.example/id/actor/id/2#beginning"}
