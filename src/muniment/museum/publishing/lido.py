"""Objects as LIDO 1.1 (http://www.lido-schema.org): pure, one object at a time.

Elements are put together as text: escaped where they are made, remembered where they come again.
What a field becomes stands in `docs/explanation/field-travel.md`, and is tested.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

from muniment.museum.publishing import lido_parts as parts
from muniment.museum.publishing.days import iso_day
from muniment.museum.publishing.identifiers import Identifiers
from muniment.museum.publishing.lido_parts import (
    CURRENT_REPOSITORY,
    INVENTORY_NUMBER,
    ITEM,
    KEEPER,
    LOCAL_IDENTIFIER,
    MATERIAL,
    PRODUCTION,
    TITLE_ALTERNATIVE,
    TITLE_PREFERRED,
    TRANSFERS,
    URI,
    concept,
    element,
    legal_body,
    word,
)
from muniment.museum.publishing.objects import (
    Dimension,
    MuseumObject,
    ObjectText,
    ProvenanceEvent,
    Representation,
    TimeSpan,
    Title,
)
from muniment.museum.publishing.xml import UNHELD, attribute, language, text

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "http://www.lido-schema.org"

INSCRIPTION = "inscription"
CREDIT_LINE = "credit line"
"""Types of texts that have elements of their own in LIDO; all others are descriptive notes."""


class Lido:
    """The format `lido`: see `muniment.exports.format.ExportFormat`.

    Attributes:
        replaced: characters that XML cannot hold, for which U+FFFD was written.
    """

    name = "lido"
    suffix = ".xml"

    def __init__(self, identifiers: Identifiers) -> None:
        self._identifiers = identifiers
        self.replaced = 0

    def opening(self) -> bytes:
        """The declaration, and the wrapper's beginning."""
        return f'{DECLARATION}<lido:lidoWrap xmlns:lido="{NAMESPACE}">\n'.encode()

    def record(self, item: MuseumObject) -> bytes:
        """The object's record, on lines of its own."""
        told = self._record(item).encode()
        if parts.REPLACED in told:
            self.replaced += sum(len(UNHELD.findall(value)) for value in texts_of(item))
        return told

    def closing(self) -> bytes:
        """The wrapper's end."""
        return b"</lido:lidoWrap>\n"

    def _record(self, item: MuseumObject) -> str:
        institution = item.institution.key
        tag = language(self._identifiers.language(institution))
        key = text(f"{institution}/{item.record_key}")
        minted = (
            element("objectPublishedID", text(self._identifiers.of_object(item)), URI)
            if self._identifiers.published(institution)
            else ""
        )
        return (
            f"<lido:lido><lido:lidoRecID{LOCAL_IDENTIFIER}>{key}</lido:lidoRecID>{minted}{ITEM}"
            f"<lido:descriptiveMetadata{tag}>{_classification(item)}{_identification(item)}"
            f"{_events(item)}{_subjects(item)}</lido:descriptiveMetadata>"
            f"<lido:administrativeMetadata{tag}>{_rights(item)}{_record_information(item)}"
            f"{_resources(item)}</lido:administrativeMetadata></lido:lido>\n"
        )


def texts_of(value: object) -> Iterable[str]:
    """All text in a value and its parts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from texts_of(part)
    elif isinstance(value, MuseumObject):
        for name in value.__slots__:
            yield from texts_of(getattr(value, name))


def wrapped(name: str, content: str) -> str:
    """An element around content, and nothing around nothing."""
    return f"<lido:{name}>{content}</lido:{name}>" if content else ""


# --- descriptive metadata -------------------------------------------------------------------------


def _classification(item: MuseumObject) -> str:
    types = "".join([concept("objectWorkType", term) for term in item.object_types])
    category = word("classification", item.category) if item.category else ""
    return (
        f"<lido:objectClassificationWrap><lido:objectWorkTypeWrap>{types}</lido:objectWorkTypeWrap>"
        f"{wrapped('classificationWrap', category)}</lido:objectClassificationWrap>"
    )


def _identification(item: MuseumObject) -> str:
    inscriptions = [t for t in item.texts if t.type == INSCRIPTION]
    notes = [t for t in item.texts if t.type not in (INSCRIPTION, CREDIT_LINE)]
    materials = "".join([concept("termMaterialsTech", term, MATERIAL) for term in item.materials])
    return wrapped(
        "objectIdentificationWrap",
        wrapped("titleWrap", "".join(map(_title, item.titles)))
        + wrapped("inscriptionsWrap", "".join(map(_inscription, inscriptions)))
        + _repository(item)
        + wrapped("objectDescriptionWrap", "".join(map(_note, notes)))
        + wrapped("objectMeasurementsWrap", _measurements(item.dimensions))
        + wrapped(
            "objectMaterialsTechWrap",
            wrapped("objectMaterialsTechSet", wrapped("materialsTech", materials)),
        ),
    )


def _title(title: Title) -> str:
    kind = f' lido:type="{attribute(title.type)}"' if title.type else ""
    rank = TITLE_PREFERRED if title.preferred else TITLE_ALTERNATIVE
    told = f"<lido:appellationValue{rank}{language(title.language)}>{text(title.title)}"
    return f"<lido:titleSet{kind}>{told}</lido:appellationValue></lido:titleSet>"


def _inscription(given: ObjectText) -> str:
    told = f"<lido:inscriptionTranscription{language(given.language)}>{text(given.text)}"
    return f"<lido:inscriptions>{told}</lido:inscriptionTranscription></lido:inscriptions>"


def _repository(item: MuseumObject) -> str:
    place = parts.place("repositoryLocation", item.location) if item.location else ""
    numbers = "".join(
        [
            element(
                "workID",
                text(number.identifier),
                f' lido:type="{attribute(number.type)}"' if number.type else "",
            )
            for number in item.identifiers
        ]
    )
    keepers = "".join(
        [
            f"<lido:repositorySet{KEEPER}>{legal_body('repositoryName', keeper)}</lido:repositorySet>"
            for keeper in item.keepers
        ]
    )
    return (
        f"<lido:repositoryWrap><lido:repositorySet{CURRENT_REPOSITORY}>"
        f"{legal_body('repositoryName', item.institution)}"
        f"<lido:workID{INVENTORY_NUMBER}>{text(item.accession)}</lido:workID>{numbers}{place}"
        f"</lido:repositorySet>{keepers}</lido:repositoryWrap>"
    )


def _note(given: ObjectText) -> str:
    value = f"<lido:descriptiveNoteValue{language(given.language)}>{text(given.text)}"
    source = wrapped("sourceDescriptiveNote", text(given.engine or ""))
    if given.confidence is not None:
        source += wrapped("sourceDescriptiveNote", f"confidence {given.confidence}")
    return (
        f'<lido:objectDescriptionSet lido:type="{attribute(given.type)}">{value}'
        f"</lido:descriptiveNoteValue>{source}</lido:objectDescriptionSet>"
    )


def _measurements(dimensions: tuple[Dimension, ...]) -> str:
    sets = []
    for (display, extent), group in groupby(dimensions, key=lambda d: (d.display, d.extent)):
        measured = "".join([_measured(d.type, d.value, d.unit) for d in group])
        part = word("extentMeasurements", extent) if extent else ""
        shown = wrapped("displayObjectMeasurements", text(display or ""))
        sets.append(
            f"<lido:objectMeasurementsSet>{shown}<lido:objectMeasurements>{measured}{part}"
            "</lido:objectMeasurements></lido:objectMeasurementsSet>"
        )
    return "".join(sets)


@lru_cache(parts.REMEMBERED_ELEMENTS)
def _measured(kind: str, value: float, unit: str | None) -> str:
    return (
        f"<lido:measurementsSet>{word('measurementType', kind)}"
        f"{word('measurementUnit', unit or parts.NO_UNIT)}"
        f"<lido:measurementValue>{parts.number(value)}</lido:measurementValue></lido:measurementsSet>"
    )


def _events(item: MuseumObject) -> str:
    made = _production(item)
    changed = "".join([_provenance(event) for event in item.provenance])
    return wrapped("eventWrap", made + changed)


def _production(item: MuseumObject) -> str:
    date, place, actors = item.production
    told = (
        "".join([parts.involvement(part) for part in actors])
        + (_date(date) if date else "")
        + (wrapped("eventPlace", parts.place("place", place)) if place else "")
    )
    return f"<lido:eventSet><lido:event>{PRODUCTION}{told}</lido:event></lido:eventSet>" if told else ""


def _provenance(event: ProvenanceEvent) -> str:
    actors = "".join(
        [
            parts.party(actor, role)
            for actor, role in zip((event.giver, event.receiver), parts.PARTIES[event.type], strict=True)
            if actor
        ]
    )
    date = _date(event.date) if event.date else ""
    method = word("eventMethod", event.method) if event.method else ""
    shown = wrapped("displayEvent", text(event.text or ""))
    return (
        f"<lido:eventSet>{shown}<lido:event>{TRANSFERS[event.type]}{actors}{date}{method}"
        "</lido:event></lido:eventSet>"
    )


@lru_cache(parts.REMEMBERED_ELEMENTS)
def _date(span: TimeSpan) -> str:
    bounds = wrapped("earliestDate", iso_day(span.earliest or "")) + wrapped(
        "latestDate", iso_day(span.latest or "")
    )
    return wrapped("eventDate", wrapped("displayDate", text(span.display or "")) + wrapped("date", bounds))


def _subjects(item: MuseumObject) -> str:
    sets = [wrapped("subjectSet", wrapped("subject", concept("subjectConcept", t))) for t in item.subjects]
    return wrapped("objectRelationWrap", wrapped("subjectWrap", "".join(sets)))


# --- administrative metadata ----------------------------------------------------------------------


def _rights(item: MuseumObject) -> str:
    sets = [wrapped("rightsWorkSet", parts.rights(item.rights))] if item.rights else []
    sets += [
        f"<lido:rightsWorkSet>{parts.OWNERSHIP}{legal_body('rightsHolder', owner)}</lido:rightsWorkSet>"
        for owner in item.owners
    ]
    sets += [
        f"<lido:rightsWorkSet><lido:creditLine{language(t.language)}>{text(t.text)}"
        "</lido:creditLine></lido:rightsWorkSet>"
        for t in item.texts
        if t.type == CREDIT_LINE
    ]
    return wrapped("rightsWorkWrap", "".join(sets))


def _record_information(item: MuseumObject) -> str:
    link = parts.page(item.web_page) if item.web_page else ""
    return (
        f"<lido:recordWrap><lido:recordID{LOCAL_IDENTIFIER}>{text(item.record_key)}</lido:recordID>"
        f"{parts.record_type(item.record_type, item.record_type_uri)}"
        f"{parts.record_source(item.record_source, item.institution)}{link}"
        f"{parts.collection(item.department) if item.department else ''}</lido:recordWrap>"
    )


def _resources(item: MuseumObject) -> str:
    return wrapped("resourceWrap", "".join(map(_resource, item.representations)))


def _resource(given: Representation) -> str:
    kind, form = parts.resource_kind(given.kind, given.url)
    link = f"<lido:linkResource{form}>{text(given.url)}</lido:linkResource>"
    rights = wrapped("rightsResource", parts.rights(given.rights)) if given.rights else ""
    return (
        f"<lido:resourceSet><lido:resourceRepresentation>{link}</lido:resourceRepresentation>"
        f"{kind}{rights}</lido:resourceSet>"
    )
