"""Text for XML 1.0: escaped, and without what XML cannot hold."""

from __future__ import annotations

import re

UNHELD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no XML 1.0 document may hold, not even as a reference (section 2.2, Char)."""

REPLACEMENT = "�"
"""U+FFFD stands for a character that could not be told: it can be seen, and searched for."""

_SPECIAL = re.compile('[&<>"\r\n\t\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
_IN_TEXT = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\r": "&#13;",
    "\n": "&#10;",
    "\t": "&#9;",
}
"""A carriage return would be read as a line feed, and white space in an attribute as spaces."""

_LANGUAGE = re.compile("[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


def text(value: str) -> str:
    """Character data."""
    return _IN_TEXT.sub(_reference, value) if _IN_TEXT.search(value) else value


def attribute(value: str) -> str:
    """The value of an attribute in double quotes."""
    return _SPECIAL.sub(_reference, value) if _SPECIAL.search(value) else value


def language(tag: str | None) -> str:
    """The attribute `xml:lang`, with a space before it; nothing for what is no tag (XML Schema: language)."""
    return f' xml:lang="{tag}"' if tag and _LANGUAGE.fullmatch(tag) else ""


def _reference(match: re.Match[str]) -> str:
    return _REFERENCES.get(match[0], REPLACEMENT)
