"""The JSON Schemas of Linked Art 1.0, compiled; and rules stricter than they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

Document = dict[str, Any]

SCHEMAS = {
    "HumanMadeObject": "object",
    "Activity": "provenance",
    "Person": "person",
    "Group": "group",
    "Place": "place",
    "Set": "set",
    "VisualItem": "image",
    "Type": "concept",
    "Material": "concept",
}
"""The schema of each kind of record."""

DATE_TIME = re.compile(r"-?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
URI = re.compile(r"https?://(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+|urn:\S+")


def validators(reference: Path) -> Mapping[str, jsonschema_rs.Validator]:
    """A validator for each kind of record; nothing is fetched."""
    folder = reference / "standards" / "linked-art" / "schema"

    def read(name: str) -> Any:
        text = (folder / f"{name}.json").read_text(encoding="utf-8")
        # Two references of the published schemas lead nowhere: one lacks its "#", one has another name.
        text = text.replace('"/definitions/', '"#/definitions/')
        return json.loads(text.replace("#/definitions/LegalRight", "#/definitions/Right"))

    def retrieve(uri: str) -> Any:
        return read(uri.rpartition("/")[2].removesuffix(".json"))

    return {
        kind: jsonschema_rs.validator_for(read(name), retriever=retrieve) for kind, name in SCHEMAS.items()
    }


def faults(document: Document) -> Iterator[str]:
    """What is wrong with a document that its schema may let pass."""
    if document["@context"] != "https://linked.art/ns/v1/linked-art.json":
        yield "another context"
    if not document["_label"]:
        yield "no label"
    for part in parts(document):
        yield from _faults_of(part)


def parts(value: Any) -> Iterator[Document]:
    """The document and all objects in it."""
    if isinstance(value, dict):
        yield value
        for below in value.values():
            yield from parts(below)
    elif isinstance(value, list):
        for below in value:
            yield from parts(below)


def _faults_of(part: Document) -> Iterator[str]:
    if "type" not in part:
        yield f"no type: {part}"
    if "id" in part and not URI.fullmatch(part["id"]):
        yield f"no URI: {part['id']}"
    if "id" in part and "_label" not in part and part["type"] != "DigitalObject":
        yield f"a reference without a label: {part}"
    for value in part.values():
        if value in (None, "", [], {}):
            yield f"something empty: {part}"
    bounds = [part[name] for name in ("begin_of_the_begin", "end_of_the_end") if name in part]
    if not all(map(DATE_TIME.fullmatch, bounds)):
        yield f"no date-time: {bounds}"
    elif bounds != sorted(bounds, key=_moment):
        yield f"ends before it begins: {bounds}"


def _moment(text: str) -> tuple[int, str]:
    year, rest = text[:-16], text[-16:]
    return int(year), rest
