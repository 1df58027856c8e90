"""Objects, and what they refer to, as a graph of the CIDOC CRM 7.1.3: N-Triples, in its RDFS classes.

Whatever has no identifier of its own is named by that of its object: `{object}#title/1`. A graph has no
blank nodes, so that files can be put together in any way.
"""

from __future__ import annotations

from muniment.museum.publishing import aat
from muniment.museum.publishing.crm_shared import Naming, tell_shared, tell_span
from muniment.museum.publishing.identifiers import Identifiers
from muniment.museum.publishing.objects import (
    Department,
    Involvement,
    MuseumObject,
    ObjectText,
    Production,
    ProvenanceEvent,
    Representation,
    Shared,
)
from muniment.museum.publishing.resources import web_address
from muniment.museum.publishing.triples import CRM, Graph


class Crm:
    """The format `crm`: see `muniment.exports.format.ExportFormat`. Its items are objects and `Shared`."""

    name = "crm"
    suffix = ".nt"
    replaced = 0

    def __init__(self, identifiers: Identifiers) -> None:
        self._identifiers = identifiers

    def opening(self) -> bytes:
        """Nothing: every line stands by itself."""
        return b""

    def record(self, item: MuseumObject | Shared) -> bytes:
        """The statements about an item, each on its line."""
        graph = Graph()
        naming = Naming(graph, self._identifiers)
        if isinstance(item, MuseumObject):
            _Teller(graph, naming, item).tell()
        else:
            tell_shared(graph, naming, item)
        return "".join([f"{line}\n" for line in graph.lines]).encode()

    def closing(self) -> bytes:
        """Nothing."""
        return b""


class _Teller:
    """Tells of one object."""

    def __init__(self, graph: Graph, naming: Naming, item: MuseumObject) -> None:
        self._graph = graph
        self._naming = naming
        self._item = item
        self._uri = naming.identifiers.of_object(item)
        self._thing = graph.node(self._uri, "E22_Human-Made_Object", item.label)

    def tell(self) -> None:
        """All that there is to tell."""
        self._names()
        self._classes()
        self._production(self._item.production)
        self._dimensions()
        for position, event in enumerate(self._item.provenance, 1):
            self._transfer(position, event)
        self._holders()
        for position, text in enumerate(self._item.texts, 1):
            self._text(position, text)
        for position, given in enumerate(self._item.representations, 1):
            self._representation(position, given)
        self._document()

    def _part(self, name: str, kind: str, relation: str, *, of: str = "") -> str:
        """A part of what is told of the object: a resource to which the object, or `of`, has a relation."""
        part = self._graph.node(f"{self._uri}#{name}", kind)
        self._graph.link(of or self._thing, relation, part)
        return part

    def _word(self, subject: str, use: str, word: str | None, relation: str = "P2_has_type") -> None:
        if word:
            self._graph.link(subject, relation, self._naming.word(use, word))

    def _names(self) -> None:
        item, graph = self._item, self._graph
        for position, title in enumerate(item.titles, 1):
            part = self._part(f"title/{position}", "E35_Title", "P102_has_title")
            graph.tell(part, "P190_has_symbolic_content", title.title, title.language)
            self._word(part, "title", title.type)
            self._language(part, title.language)
            if title.preferred:
                graph.link(part, "P2_has_type", self._naming.known(aat.PRIMARY_NAME))
        key = self._part("key", "E42_Identifier", "P48_has_preferred_identifier")
        graph.tell(key, "P190_has_symbolic_content", item.record_key)
        number = self._part("accession", "E42_Identifier", "P1_is_identified_by")
        graph.tell(number, "P190_has_symbolic_content", item.accession)
        graph.link(number, "P2_has_type", self._naming.known(aat.ACCESSION_NUMBER))
        for position, other in enumerate(item.identifiers, 1):
            part = self._part(f"number/{position}", "E42_Identifier", "P1_is_identified_by")
            graph.tell(part, "P190_has_symbolic_content", other.identifier)
            self._word(part, "number", other.type)

    def _language(self, subject: str, tag: str | None) -> None:
        spoken = aat.language_of(tag)
        if spoken:
            self._graph.link(subject, "P72_has_language", self._naming.known(spoken, "E56_Language"))

    def _classes(self) -> None:
        item, link, term = self._item, self._graph.link, self._naming.term
        for kind in item.object_types:
            link(self._thing, "P2_has_type", term(kind))
        for material in item.materials:
            link(self._thing, "P45_consists_of", term(material, "E57_Material"))
        for subject in item.subjects:
            link(self._thing, "P62_depicts", term(subject))
        self._word(self._thing, "category", item.category)

    def _production(self, given: Production) -> None:
        if not any(given):
            return
        made = self._part("production", "E12_Production", "P108i_was_produced_by")
        tell_span(self._graph, made, f"{self._uri}#production", given.date)
        if given.place:
            self._graph.link(made, "P7_took_place_at", self._naming.place(given.place))
        for position, part in enumerate(given.actors, 1):
            if part.qualifier:
                self._attribution(made, position, part)
            else:
                told = self._part(f"production/{position}", "E12_Production", "P9_consists_of", of=made)
                self._graph.link(told, "P14_carried_out_by", self._naming.actor(part.actor))
                self._word(told, "role", part.role)

    def _attribution(self, made: str, position: int, part: Involvement) -> None:
        """An actor whose part is qualified is attributed, not asserted."""
        graph = self._graph
        kind = "E13_Attribute_Assignment"
        told = self._part(f"production/{position}", kind, "P140i_was_attributed_by", of=made)
        graph.link(told, "P141_assigned", self._naming.actor(part.actor))
        carried_out = graph.node(f"{CRM}P14_carried_out_by", "E55_Type")
        graph.link(told, "P177_assigned_property_of_type", carried_out)
        self._word(told, "qualifier", part.qualifier)
        self._word(told, "role", part.role)

    def _dimensions(self) -> None:
        for position, given in enumerate(self._item.dimensions, 1):
            part = self._part(f"dimension/{position}", "E54_Dimension", "P43_has_dimension")
            known = aat.DIMENSIONS.get(given.type)
            if known:
                self._graph.link(part, "P2_has_type", self._naming.known(known))
            else:
                self._word(part, "dimension", given.type)
            self._graph.tell(part, "P90_has_value", repr(given.value), datatype="double")
            unit = aat.UNITS.get(given.unit or "")
            if unit:
                self._graph.link(part, "P91_has_unit", self._naming.known(unit, "E58_Measurement_Unit"))
            elif given.unit:
                told = self._naming.word("unit", given.unit, "E58_Measurement_Unit")
                self._graph.link(part, "P91_has_unit", told)
            self._word(part, "extent", given.extent)
            self._graph.tell(part, "P3_has_note", given.display)

    def _transfer(self, position: int, event: ProvenanceEvent) -> None:
        kind, relation, giver, receiver = _TRANSFERS[event.type]
        part = self._part(f"provenance/{position}", kind, relation)
        for actor, role in ((event.giver, giver), (event.receiver, receiver)):
            if actor:
                self._graph.link(part, role, self._naming.actor(actor))
        tell_span(self._graph, part, f"{self._uri}#provenance/{position}", event.date)
        self._word(part, "method", event.method)
        self._graph.tell(part, "P3_has_note", event.text)

    def _holders(self) -> None:
        item, link = self._item, self._graph.link
        for owner in item.owners:
            link(self._thing, "P52_has_current_owner", self._naming.actor(owner))
        for keeper in item.keepers:
            link(self._thing, "P50_has_current_keeper", self._naming.actor(keeper))
        if item.location:
            link(self._thing, "P55_has_current_location", self._naming.place(item.location))
        if item.department:
            department = Department(item.institution.key, item.department)
            link(self._thing, "P46i_forms_part_of", self._naming.department(department))
        if item.rights:
            self._rights(self._thing, "rights", item.rights)

    def _rights(self, subject: str, name: str, statement: str) -> None:
        right = self._part(name, "E30_Right", "P104_is_subject_to", of=subject)
        self._graph.tell(right, "P3_has_note", statement)

    def _text(self, position: int, given: ObjectText) -> None:
        carried = given.type in ("inscription", "ocr")
        kind = "E34_Inscription" if carried else "E33_Linguistic_Object"
        relation = "P128_carries" if carried else "P129i_is_subject_of"
        part = self._part(f"text/{position}", kind, relation)
        self._graph.tell(part, "P190_has_symbolic_content", given.text, given.language)
        self._language(part, given.language)
        known = aat.STATEMENTS.get(given.type)
        if known:
            self._graph.link(part, "P2_has_type", self._naming.known(known))
        else:
            self._word(part, "text", given.type)
        reading = [given.engine] if given.engine else []
        reading += [] if given.confidence is None else [f"confidence {given.confidence}"]
        self._graph.tell(part, "P3_has_note", ", ".join(reading))

    def _representation(self, position: int, given: Representation) -> None:
        address = web_address(given.url)
        shown = self._graph.node(address or f"{self._uri}#image/{position}", "E36_Visual_Item")
        self._graph.link(self._thing, "P138i_has_representation", shown)
        if not address:
            number = self._part(f"image/{position}/url", "E42_Identifier", "P1_is_identified_by", of=shown)
            self._graph.tell(number, "P190_has_symbolic_content", given.url)
        self._word(shown, "representation", given.kind)
        if given.rights:
            self._rights(shown, f"image/{position}/rights", given.rights)

    def _document(self) -> None:
        """The record, and its page on the web."""
        item, graph = self._item, self._graph
        record = self._part("record", "E31_Document", "P70i_is_documented_in")
        source = self._part("record/source", "E41_Appellation", "P1_is_identified_by", of=record)
        graph.tell(source, "P190_has_symbolic_content", item.record_source)
        graph.link(record, "P2_has_type", self._naming.record_type(item.record_type, item.record_type_uri))
        address = web_address(item.web_page or "")
        if address:
            page = graph.node(address, "E73_Information_Object")
            graph.link(self._thing, "P129i_is_subject_of", page)


_TRANSFERS = {
    "acquisition": (
        "E8_Acquisition",
        "P24i_changed_ownership_through",
        "P23_transferred_title_from",
        "P22_transferred_title_to",
    ),
    "custody": (
        "E10_Transfer_of_Custody",
        "P30i_custody_transferred_through",
        "P28_custody_surrendered_by",
        "P29_custody_received_by",
    ),
}
"""By the type of `provenance_event`: its class, and its relations to the object, giver and receiver."""
