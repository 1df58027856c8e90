"""Reading LIDO back: what a record says, in the words of `MuseumObject`; and rules stricter than the schema.

Both know nothing of the writer: they go by element names alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

NAMESPACES = {"l": "http://www.lido-schema.org"}
TYPE = "{http://www.lido-schema.org}type"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
TERMINOLOGY = "http://terminology.lido-schema.org/"
ISO_DATE = re.compile(r"(-?\d{4})(?:-(\d\d)(?:-(\d\d))?)?")

Element = Any  # lxml's stubs name its classes with an underscore


def schema(reference: Path) -> etree.XMLSchema:
    """The schema of LIDO 1.1, with all that it imports."""
    return etree.XMLSchema(etree.parse(reference / "standards" / "lido" / "lido-v1.1.xsd"))


def records(document: bytes) -> list[Element]:
    """The records of a file."""
    root = etree.fromstring(document, etree.XMLParser(huge_tree=True))
    return list(root.findall("l:lido", NAMESPACES))


def found(element: Element, path: str) -> list[Element]:
    """The elements on a path of names, such as `titleWrap/titleSet`."""
    return list(element.findall("/".join(f"l:{name}" for name in path.split("/")), NAMESPACES))


def texts(element: Element, path: str) -> list[str]:
    """Their texts."""
    return [part.text for part in found(element, path)]


def one(element: Element, path: str) -> str | None:
    """The text of the one element on a path; `None` where there is none."""
    values = texts(element, path)
    assert len(values) <= 1, (path, values)
    return values[0] if values else None


def identified(element: Element, path: str, kind: str = "lido00099") -> str | None:
    """The identifier of a kind; a URI unless another is asked for."""
    values = [part.text for part in found(element, path) if part.get(TYPE) == TERMINOLOGY + kind]
    assert len(values) <= 1, values
    return values[0] if values else None


# --- reading back -----------------------------------------------------------------------------------


def term(element: Element) -> tuple[Any, ...]:
    """Vocabulary, label, URI and language."""
    (label,) = found(element, "term")
    identifiers = found(element, "conceptID")
    named = identifiers[0].get("{http://www.lido-schema.org}source") if identifiers else None
    vocabulary = named or label.get("{http://www.lido-schema.org}label")
    return vocabulary, label.text, identified(element, "conceptID"), label.get(LANGUAGE)


def span(element: Element | None) -> tuple[str | None, ...] | None:
    """Display, earliest, latest."""
    if element is None:
        return None
    return (
        one(element, "displayDate"),
        one(element, "date/earliestDate"),
        one(element, "date/latestDate"),
    )


def place(element: Element | None) -> tuple[str | None, ...] | None:
    """Name and URI."""
    return (
        None
        if element is None
        else (one(element, "namePlaceSet/appellationValue"), identified(element, "placeID"))
    )


def first(element: Element, path: str) -> Element | None:
    """The first element on a path."""
    return next(iter(found(element, path)), None)


def actor(element: Element) -> dict[str, Any]:
    """A person or group."""
    return {
        "name": one(element, "nameActorSet/appellationValue"),
        "uri": identified(element, "actorID"),
        "id": identified(element, "actorID", "lido00100"),
        "nationality": one(element, "nationalityActor/term"),
        "lived": (one(element, "vitalDatesActor/earliestDate"), one(element, "vitalDatesActor/latestDate")),
        "kind": element.get(TYPE),
    }


def parties(event: Element, role: str) -> list[dict[str, Any]]:
    """The actors of a transfer in a role."""
    return [
        actor(part[0])
        for part in found(event, "eventActor/actorInRole")
        if one(part, "roleActor/term") == role
    ]


def events(record: Element, *types: str) -> Iterator[tuple[str, Element, str | None]]:
    """Events of these types: type, the event, and how it is displayed."""
    for one_set in found(record, "descriptiveMetadata/eventWrap/eventSet"):
        (event,) = found(one_set, "event")
        kind = (identified(event, "eventType/conceptID") or "").removeprefix(TERMINOLOGY)
        if kind in types:
            yield kind, event, one(one_set, "displayEvent")


def read_back(record: Element) -> dict[str, Any]:
    """What a record says."""
    (descriptive,), (administrative,) = (
        found(record, name) for name in ("descriptiveMetadata", "administrativeMetadata")
    )
    return _of_description(descriptive) | _of_events(record) | _of_administration(administrative)


def _of_description(given: Element) -> dict[str, Any]:
    whole = "objectIdentificationWrap"
    repositories = found(given, f"{whole}/repositoryWrap/repositorySet")
    own = next(r for r in repositories if r.get(TYPE) == f"{TERMINOLOGY}lido00475")
    accession, *others = found(own, "workID")
    work = "objectClassificationWrap/objectWorkTypeWrap/objectWorkType"
    stuff = f"{whole}/objectMaterialsTechWrap/objectMaterialsTechSet/materialsTech/termMaterialsTech"
    subject = "objectRelationWrap/subjectWrap/subjectSet/subject/subjectConcept"
    return {
        "accession": accession.text,
        "identifiers": [(number.text, number.get(TYPE)) for number in others],
        "institution": one(own, "repositoryName/legalBodyName/appellationValue"),
        "location": place(first(own, "repositoryLocation")),
        "keepers": [body(r[0]) for r in repositories if r is not own],
        "category": one(given, "objectClassificationWrap/classificationWrap/classification/term"),
        "titles": [
            (t[0].text, t.get(TYPE), t[0].get(LANGUAGE), t[0].get("{http://www.lido-schema.org}pref")[-5:])
            for t in found(given, f"{whole}/titleWrap/titleSet")
        ],
        "object_types": list(map(term, found(given, work))),
        "materials": list(map(term, found(given, stuff))),
        "subjects": list(map(term, found(given, subject))),
        "dimensions": [
            d
            for s in found(given, f"{whole}/objectMeasurementsWrap/objectMeasurementsSet")
            for d in measured(s)
        ],
        "inscriptions": [
            (t.text, t.get(LANGUAGE))
            for t in found(given, f"{whole}/inscriptionsWrap/inscriptions/inscriptionTranscription")
        ],
        "notes": [
            (n.get(TYPE), n[0].text, n[0].get(LANGUAGE), texts(n, "sourceDescriptiveNote"))
            for n in found(given, f"{whole}/objectDescriptionWrap/objectDescriptionSet")
        ],
    }


def measured(given: Element) -> Iterator[tuple[Any, ...]]:
    """The measurements of one set: type, value, unit, extent, display."""
    extent = one(given, "objectMeasurements/extentMeasurements/term")
    for m in found(given, "objectMeasurements/measurementsSet"):
        value = float(one(m, "measurementValue") or "")
        unit = one(m, "measurementUnit/term")
        yield one(m, "measurementType/term"), value, unit, extent, one(given, "displayObjectMeasurements")


def body(given: Element) -> tuple[str | None, str | None]:
    """Name and URI of a keeper or owner."""
    return one(given, "legalBodyName/appellationValue"), identified(given, "legalBodyID")


def _of_events(record: Element) -> dict[str, Any]:
    made = [event for _, event, _ in events(record, "lido00007")]
    roles = {"lido00001": ("former owner", "new owner"), "lido00005": ("former keeper", "new keeper")}
    return {
        "productions": [
            (
                span(first(event, "eventDate")),
                place(first(event, "eventPlace/place")),
                [
                    (actor(a[0]), one(a, "roleActor/term"), one(a, "attributionQualifierActor/term"))
                    for a in found(event, "eventActor/actorInRole")
                ],
            )
            for event in made
        ],
        "provenance": [
            (
                kind,
                one(event, "eventMethod/term"),
                *(parties(event, role) for role in roles[kind]),
                span(first(event, "eventDate")),
                shown,
            )
            for kind, event, shown in events(record, *roles)
        ],
    }


def _of_administration(given: Element) -> dict[str, Any]:
    sets = found(given, "rightsWorkWrap/rightsWorkSet")
    (info,) = found(given, "recordWrap")
    owners = [holder for s in sets for holder in found(s, "rightsHolder")]
    rights = [one(s, "rightsType/term") for s in sets if first(s, "rightsType") is not None]
    return {
        "record_key": one(info, "recordID"),
        "record_type": (one(info, "recordType/term"), identified(info, "recordType/conceptID")),
        "record_source": one(info, "recordSource/legalBodyName/appellationValue"),
        "web_page": one(info, "recordInfoSet/recordInfoLink"),
        "department": one(info, "collection/object/objectName/appellationValue"),
        "owners": list(map(body, owners)),
        "rights": rights[: len(rights) - len(owners)],
        "credit_lines": [(c.text, c.get(LANGUAGE)) for s in sets for c in found(s, "creditLine")],
        "representations": [
            (
                one(r, "resourceType/term"),
                one(r, "resourceRepresentation/linkResource"),
                one(r, "rightsResource/rightsType/term"),
            )
            for r in found(given, "resourceWrap/resourceSet")
        ],
    }


# --- rules stricter than the schema -----------------------------------------------------------------

CONCEPTS = frozenset(
    (
        "objectWorkType", "classification", "termMaterialsTech", "subjectConcept", "roleActor", "eventType",
        "eventMethod", "recordType", "rightsType", "measurementType", "measurementUnit", "extentMeasurements",
        "attributionQualifierActor", "nationalityActor", "resourceType", "category",
    )
)  # fmt: skip


def faults(record: Element) -> Iterator[str]:
    """What is wrong with a record that the schema may let pass."""
    for element in record.iter():
        name = etree.QName(element).localname
        if not len(element) and not (element.text or "").strip(" \t\r\n"):
            yield f"{name} is empty"
        if name in CONCEPTS and not texts(element, "term"):
            yield f"{name} has no term"
        if len(element) and (element.text or "").strip():
            yield f"{name} has text beside elements"
        if name.endswith("ID") and name != "workID" and not element.get(TYPE, "").startswith(TERMINOLOGY):
            yield f"{name} does not say what kind of identifier it is"
        if name.endswith("ID") and element.get(TYPE) == f"{TERMINOLOGY}lido00099" and ":" not in element.text:
            yield f"{name} is no URI: {element.text}"
    yield from _faults_of_dates(record)
    yield from _faults_of_obligations(record)


def _faults_of_dates(record: Element) -> Iterator[str]:
    for date in record.iterfind(".//l:date", NAMESPACES):
        bounds = [moment(text) for text in (one(date, "earliestDate"), one(date, "latestDate")) if text]
        if None in bounds or not bounds:
            yield "a date is not in ISO 8601"
        elif bounds != sorted(filter(None, bounds)):
            yield "a date ends before it begins"
    for life in record.iterfind(".//l:vitalDatesActor/*", NAMESPACES):
        if moment(life.text) is None:
            yield f"a date of birth or death is not in ISO 8601: {life.text}"


def moment(text: str) -> tuple[int, int, int] | None:
    """A date as numbers that compare; `None` where it is not in ISO 8601."""
    match = ISO_DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    longest = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    real = 1 <= month <= 12 and 1 <= day <= longest[month - 1]
    return (year, month, day) if real else None


def _faults_of_obligations(record: Element) -> Iterator[str]:
    for name in ("descriptiveMetadata", "administrativeMetadata"):
        if [part.get(LANGUAGE) for part in found(record, name)] in ([None], [""], []):
            yield f"{name} is not there once, with its language"
    wrap = "administrativeMetadata/recordWrap"
    for path in (
        "lidoRecID",
        "category/conceptID",
        "descriptiveMetadata/objectClassificationWrap/objectWorkTypeWrap/objectWorkType/term",
        "descriptiveMetadata/objectIdentificationWrap/titleWrap/titleSet/appellationValue",
        f"{wrap}/recordID",
        f"{wrap}/recordType/term",
        f"{wrap}/recordSource/legalBodyName/appellationValue",
    ):
        if not found(record, path):
            yield f"there is no {path}"
    for rights in record.iterfind(".//l:rightsWorkSet", NAMESPACES):
        if len(found(rights, "rightsType")) > 1:
            yield "a set of rights has several types that do not say which is which"
    for collection in record.iterfind(".//l:collection", NAMESPACES):
        if not found(collection, "object/objectName"):
            yield "a collection has no name"
