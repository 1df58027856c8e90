"""Objects, and what they refer to, as Linked Art 1.0 (https://linked.art/api/1.0): one document a line.

An object becomes its own record, one for each change of title or custody, and, where it has subjects, one
for what it shows. Actors, places, concepts and departments (`shared.py`) become records of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from muniment.museum.publishing import aat
from muniment.museum.publishing.identifiers import Identifiers
from muniment.museum.publishing.linked_art_parts import (
    Part,
    References,
    actor_record,
    department_record,
    identifier,
    name,
    place_record,
    statement,
    term_record,
    time_span,
    told,
)
from muniment.museum.publishing.objects import (
    Actor,
    Department,
    Dimension,
    Involvement,
    MuseumObject,
    ObjectText,
    Place,
    Production,
    ProvenanceEvent,
    Representation,
    Shared,
    Term,
)
from muniment.museum.publishing.resources import media_type, web_address

CONTEXT = "https://linked.art/ns/v1/linked-art.json"
"""Named, never fetched."""

WHOLE = 2**53
"""Up to which whole numbers are written without a point: where floats tell each from the next."""

_IIIF = {"id": "http://iiif.io/api/presentation", "type": "InformationObject", "_label": "IIIF Presentation"}
_MANIFEST_FORMAT = "application/ld+json;profile='http://iiif.io/api/presentation/3/context.json'"


class LinkedArt:
    """The format `linked-art`: see `muniment.exports.format.ExportFormat`.

    Its items are objects and what they share.
    """

    name = "linked-art"
    suffix = ".jsonl"
    replaced = 0

    def __init__(self, identifiers: Identifiers) -> None:
        self._refer = References(identifiers)

    def __reduce__(self) -> tuple[type[LinkedArt], tuple[Identifiers]]:
        """Another process gets the identifiers, and remembers for itself."""
        return LinkedArt, (self._refer.identifiers,)

    def opening(self) -> bytes:
        """Nothing: every line stands by itself."""
        return b""

    def record(self, item: MuseumObject | Shared) -> bytes:
        """The documents of an item, each on its line."""
        return b"".join([encoded(document) + b"\n" for document in self.documents(item)])

    def closing(self) -> bytes:
        """Nothing."""
        return b""

    def documents(self, item: MuseumObject | Shared) -> Iterator[Part]:
        """The documents of an item, as plain data."""
        records = object_records(item, self._refer) if isinstance(item, MuseumObject) else self._shared(item)
        for record in records:
            yield {"@context": CONTEXT} | record

    def _shared(self, item: Shared) -> Iterator[Part]:
        match item:
            case Actor():
                yield actor_record(item, self._refer)
            case Place():
                yield place_record(item, self._refer)
            case Department():
                yield department_record(item, self._refer)
            case Term() if not item.uri:  # one with a URI is told by whoever minted it
                yield term_record(item, self._refer)


def encoded(document: Part) -> bytes:
    """A document as JSON on one line, safe within HTML: a `</script>` in it ends nothing."""
    return orjson.dumps(document).replace(b"<", b"\\u003c")


def object_records(item: MuseumObject, refer: References) -> Iterator[Part]:
    """The records of an object."""
    reference = {
        "id": refer.identifiers.of_object(item),
        "type": "HumanMadeObject",
        "_label": item.label,
    }
    shown = {
        "id": f"{reference['id']}/visual",
        "type": "VisualItem",
        "_label": f"Visual content of {item.label}",
    }
    manifests = [r for r in item.representations if r.kind == "manifest"]
    images = [r for r in item.representations if r.kind != "manifest"]
    pages = [_page(item.web_page)] if item.web_page else []
    yield reference | told(
        identified_by=list(_identified(item, refer)),
        classified_as=list(_classified(item, refer)),
        referred_to_by=list(_statements(item, refer)),
        produced_by=_production(item.production, refer),
        attributed_by=[_attribution(part, refer) for part in item.production.actors if part.qualifier],
        made_of=[refer.term(term, "Material") for term in item.materials],
        dimension=[_dimension(d, refer) for d in item.dimensions],
        current_owner=[refer.actor(owner) for owner in item.owners],
        current_custodian=[refer.actor(keeper) for keeper in item.keepers],
        current_location=refer.place(item.location) if item.location else None,
        member_of=[refer.department(Department(item.institution.key, item.department))]
        if item.department
        else None,
        shows=[shown] if item.subjects else None,
        representation=[_image(image) for image in images],
        subject_of=[_manifest(manifest) for manifest in manifests] + pages,
    )
    for position, event in enumerate(item.provenance, 1):
        yield _provenance(position, event, reference, refer)
    if item.subjects:
        yield shown | {"about": [refer.term(term) for term in item.subjects]}


def _identified(item: MuseumObject, refer: References) -> Iterator[Part]:
    for title in item.titles:
        classes = [aat.PRIMARY_NAME] if title.preferred else []
        if title.type:
            classes.append(refer.word("title", title.type))
        yield name(title.title, title.language, *classes)
    yield identifier(item.accession, aat.ACCESSION_NUMBER)
    yield identifier(item.record_key, aat.SYSTEM_NUMBER)
    for number in item.identifiers:
        yield identifier(number.identifier, *([refer.word("number", number.type)] if number.type else []))


def _classified(item: MuseumObject, refer: References) -> Iterator[Part]:
    for term in item.object_types:
        yield refer.term(term) | {"classified_as": [aat.TYPE_OF_WORK]}
    if item.category:
        yield refer.word("category", item.category)


def _statements(item: MuseumObject, refer: References) -> Iterator[Part]:
    for given in item.texts:
        yield _text(given, refer)
    if item.rights:
        yield statement(item.rights, aat.RIGHTS_STATEMENT)
    yield statement(item.record_source, aat.SOURCE_STATEMENT)


def _text(given: ObjectText, refer: References) -> Part:
    known = aat.STATEMENTS.get(given.type)
    kind = known or refer.word("text", given.type) | {"classified_as": [aat.BRIEF_TEXT]}
    made = statement(given.text, kind, given.language)
    if given.engine:
        made["referred_to_by"] = [statement(_reading(given), aat.STATEMENTS["note"])]
    return made


def _reading(given: ObjectText) -> str:
    sure = "" if given.confidence is None else f", confidence {given.confidence}"
    return f"read by {given.engine}{sure}"


def _production(given: Production, refer: References) -> Part | None:
    """The making. An actor whose part is qualified is attributed, not asserted: see `_attribution`."""
    parts = [_part(part, refer) for part in given.actors if not part.qualifier]
    made = told(
        timespan=time_span(given.date) if given.date else None,
        took_place_at=[refer.place(given.place)] if given.place else None,
    )
    if len(parts) == 1:
        made |= parts[0]
    elif parts:
        made["part"] = parts
    return {"type": "Production"} | made if made else None


def _part(given: Involvement, refer: References) -> Part:
    role = [refer.word("role", given.role)] if given.role else None
    made: Part = {"type": "Production", "carried_out_by": [refer.actor(given.actor)]}
    if role:
        made["classified_as"] = role
    return made


def _attribution(given: Involvement, refer: References) -> Part:
    return {
        "type": "AttributeAssignment",
        "_label": given.qualifier,
        "classified_as": [refer.word("qualifier", given.qualifier or "")],
        "assigned_property": "produced_by",
        "assigned": [_part(given, refer)],
    }


def _dimension(given: Dimension, refer: References) -> Part:
    kind = aat.DIMENSIONS.get(given.type) or refer.word("dimension", given.type)
    classes = [kind, refer.word("extent", given.extent)] if given.extent else [kind]
    made: Part = {
        "type": "Dimension",
        "value": int(given.value) if given.value.is_integer() and abs(given.value) < WHOLE else given.value,
        "unit": refer.unit(given.unit),
        "classified_as": classes,
    }
    if given.display:
        made["identified_by"] = [name(given.display)]
    return made


def _digital(url: str, rights: str | None, **parts: object) -> Part:
    """A digital object; what is not a URL is kept as its identifier."""
    address = web_address(url)
    where = (
        {"access_point": [{"id": address, "type": "DigitalObject"}]}
        if address
        else {"identified_by": [identifier(url)]}
    )
    permitted = [statement(rights, aat.RIGHTS_STATEMENT)] if rights else None
    return {"type": "DigitalObject"} | told(referred_to_by=permitted, **parts) | where


def _image(given: Representation) -> Part:
    digital = _digital(
        given.url, given.rights, classified_as=[aat.DIGITAL_IMAGE], format=media_type(given.url)
    )
    return {"type": "VisualItem", "digitally_shown_by": [digital]}


def _manifest(given: Representation) -> Part:
    digital = _digital(given.url, given.rights, format=_MANIFEST_FORMAT, conforms_to=[_IIIF])
    return {"type": "LinguisticObject", "digitally_carried_by": [digital]}


def _page(url: str) -> Part:
    digital = _digital(url, None, classified_as=[aat.WEB_PAGE], format="text/html")
    return {"type": "LinguisticObject", "digitally_carried_by": [digital]}


def _provenance(position: int, event: ProvenanceEvent, of: Part, refer: References) -> Part:
    """A change of title or custody: a Provenance Activity with one part."""
    kind, verb = _TRANSFERS[event.type]
    label = f"{kind} of {of['_label']}"
    transfer: Part = {"type": kind}
    if event.method:
        transfer["classified_as"] = [refer.word("method", event.method)]
    if event.giver:
        transfer[f"{verb}_from"] = [refer.actor(event.giver)]
    if event.receiver:
        transfer[f"{verb}_to"] = [refer.actor(event.receiver)]
    transfer[f"{verb}_of"] = [of]
    return {
        "id": f"{of['id']}/provenance/{position}",
        "type": "Activity",
        "_label": label,
        "classified_as": [aat.PROVENANCE_ACTIVITY],
    } | told(
        timespan=time_span(event.date) if event.date else None,
        referred_to_by=[statement(event.text, aat.ACQUISITION_STATEMENT)] if event.text else None,
        part=[transfer],
    )


_TRANSFERS = {
    "acquisition": ("Acquisition", "transferred_title"),
    "custody": ("TransferOfCustody", "transferred_custody"),
}
"""The class of a transfer, and how its properties begin, by the type of `provenance_event`."""
