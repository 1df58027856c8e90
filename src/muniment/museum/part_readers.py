"""Readers of the parts of a record that take more than a cell: terms, resources, dimensions, actors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from muniment.museum.attribution import Attribution, qualified_name, qualifier, split_parallel
from muniment.museum.cells import CellReader, Columns, Findings, Row, ValuesReader
from muniment.museum.dimensions import parse_dimensions
from muniment.museum.fields import ActorField, DimensionField, ResourceField, TermField
from muniment.museum.mapping import Mapping
from muniment.museum.patterns import Expression
from muniment.records import Problem, shortened

Part = dict[str, Any]

_WEB_URL = re.compile(r"(?i)https?://[^\s/]\S*")


_URI = re.compile(r"(?i)[a-z][a-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


_NUMBER = re.compile(r"[+-]?[0-9]{1,15}([.][0-9]{1,30}|,([0-9]{1,2}|[0-9]{4,15}))?")

_DIMENSION_PROBLEMS = {
    "dimensions-not-understood": (
        "the dimensions are not wholly understood; their text is kept in this note",
        "Write them as 10 x 18 cm",
    ),
    "dimensions-disagree": (
        "the metric and the imperial dimensions disagree; the metric ones are kept",
        "Correct one of them at the source",
    ),
}


def told(fields: Part) -> Part:
    """The parts that say something."""
    return {name: value for name, value in fields.items() if value not in ("", None, [], ())}


def plain_number(text: str) -> float | None:
    """A plain decimal number, `12.5` or `12,5`; None for anything else, `nan`, `inf` and `1_000` included.

    So is `1,234`: nobody can say whether it is one thousand or little more than one.
    """
    return float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


class TermReader:
    """Reads the terms of one part of the mapping."""

    def __init__(self, source: TermField, name: str, mapping: Mapping, columns: Columns) -> None:
        self._source = source
        self._name = name
        self._rules = mapping.rules
        self._values = ValuesReader(source, name, columns, mapping.rules.pattern)
        self._uris = columns.cell(source.uri_column)
        self._vocabulary = source.vocabulary or f"{mapping.institution.id} {name.replace('_', ' ')}"
        self._language = source.language or mapping.institution.language
        self._allowed = frozenset(source.allowed)

    def read(self, row: Row, findings: Findings) -> list[Part]:
        """The terms of a row."""
        matches = self._values.matches(row, findings)
        uris = self._parallel_uris(row, len(matches), findings)
        terms = []
        for (label, groups), uri in zip(matches, uris, strict=True):
            made = bool(self._source.uri) and (groups is not None or not self._source.pattern)
            meant = self._source.uri.format_map(_groups(label, groups)) if made else uri
            self._check(label, meant, findings)
            about = {"uri": meant if _URI.fullmatch(meant) else "", "language": self._language}
            terms.append({"label": label, "vocabulary": self._vocabulary} | told(about))
        return terms

    def _parallel_uris(self, row: Row, count: int, findings: Findings) -> list[str]:
        text = self._uris(row)
        if not text:
            return [""] * count
        uris = [uri.strip() for uri in text.split(self._source.split)] if self._source.split else [text]
        if len(uris) != count:
            message = f"{len(uris)} URIs stand beside {count} terms; the URIs are left out"
            findings.report(self._rules.parallel, self._problem("parallel-lists-unequal", message, text))
            return [""] * count
        return uris

    def _check(self, label: str, uri: str, findings: Findings) -> None:
        words = self._name.replace("_", " ")
        if uri and not _URI.fullmatch(uri):
            findings.report(self._rules.uri, self._problem("uri", f"the URI of {words} is not a URI", uri))
        elif uri and self._source.uri_prefix and not uri.startswith(self._source.uri_prefix):
            message = f"the URI of {words} is not of the vocabulary {self._vocabulary}"
            findings.report(self._rules.uri, self._problem("uri", message, uri))
        if self._allowed and label not in self._allowed:
            message = f"{words} is not in the list of {self._vocabulary}"
            findings.report(self._rules.term, self._problem("term", message, label))

    def _problem(self, code: str, message: str, value: str) -> Problem:
        hint = {
            "uri": "A URI begins with http:// or https:// and holds no spaces",
            "term": "Correct the term, or add it to `allowed` in the mapping",
        }.get(code, "Give both columns as many values")
        column = self._source.uri_column if code == "uri" and self._source.uri_column else self._values.column
        return Problem(code, message, hint, field=self._name, column=column, value=shortened(value))


def _groups(value: str, named: dict[str, str] | None) -> dict[str, str]:
    """What a template may name: the value, and the groups of its match; one that found nothing is empty."""
    return {"value": value} | (named or {})


class ResourceReader:
    """Reads URLs of manifests or images."""

    def __init__(self, source: ResourceField, kind: str, mapping: Mapping, columns: Columns) -> None:
        self._kind = kind
        self._values = ValuesReader(source, kind, columns, mapping.rules.pattern)
        self._rights = columns.cell(source.rights)
        self._split = source.split
        self._severity = mapping.rules.manifest if kind == "manifest" else mapping.rules.image
        self._manifest = Expression(mapping.rules.manifest_pattern)

    def read(self, row: Row, findings: Findings) -> list[Part]:
        """The images or manifests of a row."""
        resources = []
        urls = self._values.values(row, findings)
        for url, rights in zip(urls, self._parallel_rights(row, len(urls)), strict=True):
            fault = self._fault(url)
            if fault:
                code, message, hint = fault
                column = self._values.column
                problem = Problem(code, message, hint, field=self._kind, column=column, value=shortened(url))
                findings.report(self._severity, problem)
            about = {"rights": rights, "finding": fault[0] if fault else ""}
            resources.append({"kind": self._kind, "url": url} | told(about))
        return resources

    def _parallel_rights(self, row: Row, count: int) -> list[str]:
        """The rights of each resource: in a list as long as theirs its own, else those of all."""
        text = self._rights(row)
        listed = [rights.strip() for rights in text.split(self._split)] if self._split else [text]
        return listed if len(listed) == count else ["; ".join(dict.fromkeys(filter(None, listed)))] * count

    def _fault(self, url: str) -> tuple[str, str, str] | None:
        if not _WEB_URL.fullmatch(url):
            words = "IIIF manifest" if self._kind == "manifest" else "image"
            return (
                f"{self._kind}-url",
                f"the URL of the {words} is not an http or https URL",
                "It begins with https://",
            )
        if self._kind == "manifest" and not self._manifest.search(url):
            hint = "Say in the mapping, under [rules], with `manifest_pattern` what manifests look like here"
            return "manifest-url", "the URL is not that of an IIIF manifest", hint
        return None


class DimensionReader:
    """Reads measurements from text or from a column with a number."""

    def __init__(self, source: DimensionField, mapping: Mapping, columns: Columns) -> None:
        self._source = source
        self._severity = mapping.rules.dimension
        self._decimal_comma = columns.decimal_comma
        self._text = columns.cell(source.text)
        self._unit = columns.cell(source.unit_column)
        self._parts = {part: columns.cell(column) for part, column in source.columns_by_part().items()}

    def read(self, row: Row, findings: Findings) -> list[Part]:
        """The measurements of a row."""
        if self._source.text:
            return list(self._of_text(row, self._unit(row) or self._source.unit, findings))
        return [part for numbers in self._lists(row, findings) for part in self._of_number(numbers, findings)]

    def _lists(self, row: Row, findings: Findings) -> Sequence[dict[str, str]]:
        """For each number of a row, what its columns say."""
        cells = {part: cell(row) for part, cell in self._parts.items()}
        if not cells["value"]:
            return []
        lists = split_parallel(cells, self._source.split)
        for code in lists.problems:
            message = "the lists of numbers and of what they measure have not the same length"
            hint = "Give each column as many values, or leave it empty"
            self._report(code, message, hint, self._source.column, cells["value"], findings)
        return lists.items

    def _of_text(self, row: Row, unit: str, findings: Findings) -> Iterator[Part]:
        text = self._text(row)
        measured = parse_dimensions(text, unit, decimal_comma=self._decimal_comma) if text else None
        for code in measured.problems if measured else ():
            message, hint = _DIMENSION_PROBLEMS[code]
            self._report(code, message, hint, self._source.text, text, findings)
        for d in measured.dimensions if measured else ():
            about = told({"unit": d.unit, "extent": self._source.extent or d.extent, "display": d.display})
            yield {"type": d.type, "value": float(d.value)} | about

    def _of_number(self, said: dict[str, str], findings: Findings) -> Iterator[Part]:
        text = said["value"]
        value = plain_number(text)
        kind, unit = said.get("type") or self._source.type, said.get("unit") or self._source.unit
        if value is None or value < 0:
            message = f"the {kind or 'measurement'} is not a number"
            self._report(
                "number", message, "Leave it empty where it is not known", self._source.column, text, findings
            )
        elif value or not self._source.zero_is_unknown:
            display = f"{text} {unit}".strip() if "display" not in self._parts else said["display"]
            about = {"unit": unit, "extent": said.get("extent") or self._source.extent, "display": display}
            yield {"type": kind, "value": value} | told(about)

    def _report(self, code: str, message: str, hint: str, column: str, text: str, findings: Findings) -> None:
        problem = Problem(code, message, hint, field="dimension", column=column, value=shortened(text))
        findings.report(self._severity, problem)


class ActorReader:
    """Reads people and groups, with their roles, from parallel columns."""

    def __init__(self, source: ActorField, name: str, mapping: Mapping, columns: Columns) -> None:
        self._source = source
        self._field = name
        self._rules = mapping.rules
        self._cells: dict[str, CellReader] = {
            part: columns.cell(column) for part, column in source.columns_by_part().items()
        }
        self._null = columns.null
        self._pattern = Expression(source.pattern) if source.pattern else None

    def read(self, row: Row, findings: Findings) -> list[Part]:
        """The people and groups of a row, each with its part in the making."""
        if self._source.constant:
            return [{"actor": {"name": self._source.constant}} | told({"role": self._source.default_role})]
        cells = {part: cell(row) for part, cell in self._cells.items()}
        if not cells["name"]:
            return []
        lists = split_parallel(cells, self._source.split)
        for code in lists.problems:
            column = self._source.name
            message = f"the lists of {self._field} names and their particulars have not the same length"
            hint = "Give each column as many values, or leave it empty"
            problem = Problem(
                code, message, hint, field=self._field, column=column, value=shortened(cells["name"])
            )
            findings.report(self._rules.parallel, problem)
        return [
            self._involvement(values, findings)
            for values in lists.items
            if values.get("name", "") not in self._null
        ]

    def _involvement(self, values: dict[str, str], findings: Findings) -> Part:
        said = self._said(values.pop("role", ""))
        name = values["name"].strip()
        uri = values.get("uri", "").strip()
        if uri and not _URI.fullmatch(uri):
            problem = Problem(
                "uri",
                f"the URI of {self._field} is not a URI",
                field=self._field,
                column=self._source.uri,
                value=shortened(uri),
            )
            findings.report(self._rules.uri, problem)
            uri = ""
        about = {
            part: values.get(part, "").strip() for part in ("id", "kind", "nationality", "birth", "death")
        }
        about = {part: value for part, value in about.items() if value not in self._null} | {"uri": uri}
        if self._pattern and (match := self._pattern.search(name)):
            name = match[self._pattern.names.get("name", 0)] or ""
        given = values.get("qualifier", "").strip() or said.qualifier
        if not (about.get("id") or self._source.verbatim):
            # Without an id the name identifies: "attributed to X" must be the same actor as X.
            parted = qualified_name(name)
            name, given = parted.name, given or parted.qualifier
        role = said.role or self._source.default_role
        return {"actor": {"name": name} | told(about)} | told({"role": role, "qualifier": given})

    def _said(self, role: str) -> Attribution:
        return Attribution(role.strip()) if self._source.verbatim else qualifier(role)
