"""What objects share, in the classes of the CIDOC CRM: actors, places, concepts, departments, words."""

from __future__ import annotations

from collections.abc import Mapping

from muniment.museum.publishing.days import first_moment, last_moment, life_span
from muniment.museum.publishing.identifiers import Identifiers, valid_uri
from muniment.museum.publishing.kinds import kind_of
from muniment.museum.publishing.objects import Actor, Department, Place, Shared, Term, TimeSpan
from muniment.museum.publishing.triples import Graph, resource

_CLASSES = {"person": "E21_Person", "group": "E74_Group", None: "E39_Actor"}
_BEGINNINGS = {
    "person": ("P98i_was_born", "E67_Birth"),
    "group": ("P95i_was_formed_by", "E66_Formation"),
    None: ("P92i_was_brought_into_existence_by", "E63_Beginning_of_Existence"),
}
_ENDS = {
    "person": ("P100i_died_in", "E69_Death"),
    "group": ("P99i_was_dissolved_by", "E68_Dissolution"),
    None: ("P93i_was_taken_out_of_existence_by", "E64_End_of_Existence"),
}


class Naming:
    """Names what a graph refers to; each with its class and label, once in the graph."""

    def __init__(self, graph: Graph, identifiers: Identifiers) -> None:
        self.identifiers = identifiers
        self._graph = graph
        self._named: set[tuple[str, str]] = set()

    def _node(self, uri: str, kind: str, label: str) -> str:
        if (uri, kind) in self._named:
            return resource(uri)
        self._named.add((uri, kind))
        return self._graph.node(uri, kind, label)

    def actor(self, actor: Actor) -> str:
        """A person, a group, or an actor of whom it is not known."""
        return self._node(self.identifiers.of_actor(actor), _CLASSES[kind_of(actor)], actor.name)

    def place(self, place: Place) -> str:
        """A place."""
        return self._node(self.identifiers.of_place(place), "E53_Place", place.name)

    def term(self, term: Term, kind: str = "E55_Type") -> str:
        """A concept; a material is one of a narrower class."""
        return self._node(self.identifiers.of_term(term), kind, term.label)

    def department(self, department: Department) -> str:
        """What a department keeps."""
        return self._node(self.identifiers.of_department(department), "E78_Curated_Holding", department.name)

    def word(self, use: str, word: str, kind: str = "E55_Type") -> str:
        """A word of the export that is in no vocabulary."""
        return self._node(self.identifiers.of_word(use, word), kind, word)

    def known(self, concept: Mapping[str, str], kind: str = "E55_Type") -> str:
        """A concept of the AAT."""
        return self._node(concept["id"], kind, concept["_label"])

    def record_type(self, label: str, uri: str | None) -> str:
        """What kind of record it is."""
        return self._node(valid_uri(uri), "E55_Type", label) if uri else self.word("record", label)


def tell_span(graph: Graph, event: str, uri: str, span: TimeSpan | None) -> None:
    """The time of an event."""
    if span is None:
        return
    time = graph.node(f"{uri}/time", "E52_Time-Span")
    graph.link(event, "P4_has_time-span", time)
    graph.tell(
        time, "P82a_begin_of_the_begin", span.earliest and first_moment(span.earliest), None, "dateTime"
    )
    graph.tell(time, "P82b_end_of_the_end", span.latest and last_moment(span.latest), None, "dateTime")
    _tell_name(graph, time, f"{uri}/time", span.display)


def _tell_name(graph: Graph, subject: str, uri: str, name: str | None, language: str | None = None) -> None:
    if name:
        told = graph.node(f"{uri}/name", "E41_Appellation")
        graph.link(subject, "P1_is_identified_by", told)
        graph.tell(told, "P190_has_symbolic_content", name, language)


def tell_shared(graph: Graph, naming: Naming, item: Shared) -> None:
    """All that there is to tell of an actor, place, concept or department."""
    match item:
        case Actor():
            _tell_actor(graph, naming, item)
        case Place():
            uri = naming.identifiers.of_place(item)
            told = naming.place(item)
            _tell_name(graph, told, f"{uri}#place", item.name)
            _tell_uri(graph, told, uri, item.uri)
        case Term():
            _tell_term(graph, naming, item)
        case Department():
            naming.department(item)


def _tell_actor(graph: Graph, naming: Naming, item: Actor) -> None:
    uri, told, kind = naming.identifiers.of_actor(item), naming.actor(item), kind_of(item)
    _tell_name(graph, told, f"{uri}#actor", item.name)
    _tell_uri(graph, told, uri, item.uri)
    for use, word in (("kind", item.kind), ("nationality", item.nationality)):
        if word:
            graph.link(told, "P2_has_type", naming.word(use, word))
    for name, date, (relation, event) in (
        ("beginning", item.birth, _BEGINNINGS[kind]),
        ("end", item.death, _ENDS[kind]),
    ):
        if date:
            happened = graph.node(f"{uri}#{name}", event)
            graph.link(told, relation, happened)
            bounds = life_span(date) or (None, None)
            tell_span(graph, happened, f"{uri}#{name}", TimeSpan(date, *bounds))


def _tell_term(graph: Graph, naming: Naming, item: Term) -> None:
    """A concept, by its label, and the vocabulary that lists it; URIs of others get no fragments."""
    told = naming.term(item)
    own = naming.identifiers.of_term(item._replace(uri=None))
    _tell_name(graph, told, f"{own}#concept", item.label, item.language)
    listed = naming.identifiers.of_word("vocabulary", item.vocabulary)
    vocabulary = graph.node(listed, "E32_Authority_Document", item.vocabulary)
    graph.link(told, "P71i_is_listed_in", vocabulary)


def _tell_uri(graph: Graph, subject: str, own: str, uri: str | None) -> None:
    if uri:
        number = graph.node(f"{own}#uri", "E42_Identifier")
        graph.link(subject, "P1_is_identified_by", number)
        graph.tell(number, "P190_has_symbolic_content", uri)
