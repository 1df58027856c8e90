"""N-Triples (https://www.w3.org/TR/n-triples): a graph as lines, in the classes of the CIDOC CRM 7.1.3."""

from __future__ import annotations

import re

CRM = "http://www.cidoc-crm.org/cidoc-crm/"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"
XSD = "http://www.w3.org/2001/XMLSchema#"

_SPECIAL = re.compile('["\\\\\x00-\x1f\x7f]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_LANGUAGE = re.compile("[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")


def literal(value: str, language: str | None = None, datatype: str = "") -> str:
    """A literal; what is no language tag is left out."""
    escaped = _SPECIAL.sub(_escape, value) if _SPECIAL.search(value) else value
    if datatype:
        return f'"{escaped}"^^<{XSD}{datatype}>'
    return f'"{escaped}"@{language}' if language and _LANGUAGE.fullmatch(language) else f'"{escaped}"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}"


def resource(uri: str) -> str:
    """A resource by its URI, which is valid."""
    return f"<{uri}>"


class Graph:
    """Statements, in the order in which they are made; `lines` are N-Triples without their line ends."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def node(self, uri: str, kind: str, label: str = "") -> str:
        """A resource of a class, with what people call it."""
        told = resource(uri)
        self.lines.append(f"{told} {TYPE} <{CRM}{kind}> .")
        if label:
            self.lines.append(f"{told} {LABEL} {literal(label)} .")
        return told

    def link(self, subject: str, relation: str, target: str) -> None:
        """That two resources stand in a relation."""
        self.lines.append(f"{subject} <{CRM}{relation}> {target} .")

    def tell(
        self, subject: str, relation: str, value: str | None, language: str | None = None, datatype: str = ""
    ) -> None:
        """What a resource is told by in words or numbers, where there is any."""
        if value:
            self.lines.append(f"{subject} <{CRM}{relation}> {literal(value, language, datatype)} .")
