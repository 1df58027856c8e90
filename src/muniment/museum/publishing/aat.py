"""Concepts of Getty's Art & Architecture Thesaurus that Linked Art recommends (https://linked.art/model).

Made available by the J. Paul Getty Trust under the ODC Attribution License 1.0. The choice follows the
vocabulary of the `cromulent` library.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

AAT = "http://vocab.getty.edu/aat/"


def aat(number: str, label: str, kind: str = "Type", *classes: dict[str, Any]) -> dict[str, Any]:
    """A reference to a concept, classified itself where Linked Art asks for it."""
    reference = {"id": AAT + number, "type": kind, "_label": label}
    return reference | ({"classified_as": list(classes)} if classes else {})


BRIEF_TEXT = aat("300418049", "Brief Text")


def _statement(number: str, label: str) -> dict[str, Any]:
    return aat(number, label, "Type", BRIEF_TEXT)


PRIMARY_NAME = aat("300404670", "Primary Name")
ACCESSION_NUMBER = aat("300312355", "Accession Number")
SYSTEM_NUMBER = aat("300435704", "System-Assigned Number")
NATIONALITY = aat("300379842", "Nationality")
TYPE_OF_WORK = aat("300435443", "Type of Work")
COLLECTION = aat("300025976", "Collection")
PROVENANCE_ACTIVITY = aat("300055863", "Provenance Activity")
DIGITAL_IMAGE = aat("300215302", "Digital Image")
WEB_PAGE = aat("300264578", "Web Page")
ACQUISITION_STATEMENT = _statement("300435439", "Acquisition Statement")
RIGHTS_STATEMENT = _statement("300435434", "Copyright/License Statement")
SOURCE_STATEMENT = _statement("300404764", "Source Statement")

STATEMENTS = {
    "provenance": _statement("300435438", "Provenance Statement"),
    "description": _statement("300435416", "Description"),
    "credit line": _statement("300026687", "Credit Statement"),
    "inscription": _statement("300435414", "Inscription"),
    "note": _statement("300027200", "Note"),
    "dimensions": _statement("300435430", "Dimension Statement"),
}
"""By the type of `object_text`; other types are told in the export's words."""

DIMENSIONS = {
    "height": aat("300055644", "Height"),
    "width": aat("300055647", "Width"),
    "depth": aat("300072633", "Depth"),
    "diameter": aat("300055624", "Diameter"),
    "length": aat("300055645", "Length"),
    "thickness": aat("300055646", "Thickness"),
    "weight": aat("300056240", "Weight"),
}

UNITS = {
    unit: aat(number, label, "MeasurementUnit")
    for unit, number, label in (
        ("mm", "300379097", "millimeters"),
        ("cm", "300379098", "centimeters"),
        ("m", "300379099", "meters"),
        ("in", "300379100", "inches"),
        ("ft", "300379101", "feet"),
        ("g", "300379225", "grams"),
        ("kg", "300379226", "kilograms"),
        ("oz", "300379229", "ounces"),
        ("lb", "300379254", "pounds"),
        ("s", "300379239", "seconds"),
        ("min", "300379240", "minutes"),
        ("h", "300379241", "hours"),
    )
}

LANGUAGES = {
    tag: aat(number, label, "Language")
    for tag, number, label in (
        ("ar", "300387843", "Arabic"),
        ("cs", "300388191", "Czech"),
        ("da", "300388204", "Danish"),
        ("de", "300388344", "German"),
        ("el", "300388361", "Greek"),
        ("en", "300388277", "English"),
        ("es", "300389311", "Spanish"),
        ("fi", "300388299", "Finnish"),
        ("fr", "300388306", "French"),
        ("he", "300388401", "Hebrew"),
        ("it", "300388474", "Italian"),
        ("ja", "300388486", "Japanese"),
        ("ko", "300388633", "Korean"),
        ("la", "300388693", "Latin"),
        ("nl", "300388256", "Dutch"),
        ("no", "300388992", "Norwegian"),
        ("pl", "300389109", "Polish"),
        ("pt", "300389115", "Portuguese"),
        ("ru", "300389168", "Russian"),
        ("sv", "300389336", "Swedish"),
        ("tr", "300389470", "Turkish"),
        ("zh", "300388113", "Chinese"),
    )
}

REMEMBERED_LANGUAGES = 1_024
"""Tags whose language is remembered: more than any collection has, but a cell may hold anything."""

_LOC = {2: "http://id.loc.gov/vocabulary/iso639-1/", 3: "http://id.loc.gov/vocabulary/iso639-2/"}
"""The Library of Congress has every language of ISO 639, by its code of two or of three letters."""


@lru_cache(REMEMBERED_LANGUAGES)
def language_of(tag: str | None) -> dict[str, Any] | None:
    """A reference to the language of a BCP 47 tag; `None` for what is no tag."""
    code = (tag or "").partition("-")[0].lower()
    if not (code.isascii() and code.isalpha() and len(code) in _LOC) or code == "und":
        return None
    return LANGUAGES.get(code) or {"id": _LOC[len(code)] + code, "type": "Language", "_label": code}
