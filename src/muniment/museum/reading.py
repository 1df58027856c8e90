"""From a row to a `LidoRecord`'s parts: the mapping applied, with everything remarkable reported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from muniment.museum.cells import CONTROL_CHARACTERS, Columns, Findings, Row, ValuesReader
from muniment.museum.dates import (
    BOUND_NOT_UNDERSTOOD,
    INVERTED,
    NOT_UNDERSTOOD,
    SEVERAL_EVENTS,
    Dates,
    bounded,
    given_bounds,
)
from muniment.museum.fields import (
    AcquisitionField,
    ActorField,
    Cells,
    DateField,
    DimensionField,
    OcrField,
    ResourceField,
    TermField,
    TextField,
)
from muniment.museum.mapping import Mapping
from muniment.museum.part_readers import (
    ActorReader,
    DimensionReader,
    Part,
    ResourceReader,
    TermReader,
    plain_number,
    told,
)
from muniment.museum.record_columns import FORMS
from muniment.records import Problem, shortened

Reader = Callable[[Row, Findings], Any]


@dataclass(frozen=True, slots=True)
class Bound:
    """One source of one part of a record, bound to a header.

    Attributes:
        path: the part, one of `record_columns.FORMS`.
        field: what the mapping calls it.
        source: where the mapping says that it comes from.
        read: gives the part, or where a record may have several, all that the source says.
        said: what is the same in all that it gives.
    """

    path: str
    field: str
    source: Any
    read: Reader
    said: Part = dataclass_field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        names: tuple[str, ...] = self.source.sources()
        return names


_DATE_PROBLEMS = {
    NOT_UNDERSTOOD: (
        "the date is not understood; its text is kept",
        "Write it as c. 1850, 1850-1860 or 1850-05-31",
    ),
    SEVERAL_EVENTS: ("several dated events; the bounds span them all", ""),
    INVERTED: (
        "the earliest date is later than the latest; no bounds are kept",
        "Correct the dates at the source",
    ),
    BOUND_NOT_UNDERSTOOD: ("a bound of the date is not understood", "Write it as 1850 or 1850-05-31"),
}


class RecordReader:
    """A mapping bound to a header: makes of a row what `LidoRecord` validates.

    Attributes:
        constants: the fields that are the same in all records.
        sources: of the parts, in the order in which they are read.
        columns_by_field: the columns that are read, by what the mapping calls the field.
    """

    def __init__(self, mapping: Mapping, columns: Columns) -> None:
        self._mapping = mapping
        self._columns = columns
        self.constants = {
            "record_source": mapping.record_source,
            "record_type": mapping.record.type,
            "record_type_uri": mapping.record.type_uri,
        }
        self.sources = tuple(self._bound())
        self.columns_by_field: dict[str, tuple[str, ...]] = {}
        for bound in self.sources:
            known = self.columns_by_field.get(bound.field, ())
            self.columns_by_field[bound.field] = (*known, *bound.columns)

    def read(self, row: Row) -> tuple[Part, Findings]:
        """The parts of a record, and what was remarkable about them."""
        findings = Findings()
        part: Part = dict(self.constants)
        for bound in self.sources:
            value = bound.read(row, findings)
            if value:
                holder, _, name = bound.path.rpartition(".")
                held = part.setdefault(holder, {}) if holder else part
                if FORMS[bound.path].several:
                    held.setdefault(name, []).extend(value)
                else:
                    held[name] = value
        if self._mapping.record.key is None and "accession" in part:
            part["key"] = part["accession"]
        part.setdefault("titles", [])
        part.setdefault("object_types", [])
        self._look_for_control_characters(row, findings)
        return part, findings

    def _bound(self) -> Iterator[Bound]:
        fields = self._mapping.fields
        for name in ("accession", "category", "department", "location", "place", "web_page", "rights"):
            path = "production.place" if name == "place" else name
            yield from self._single(path, name, getattr(fields, name))
        yield from self._single("key", "key", self._mapping.record.key)
        if fields.date:
            yield Bound("production.date", "date", fields.date, self._date(fields.date, "date"))
        if fields.acquisition:
            yield from self._acquisition(fields.acquisition)
        for path, name, make in (
            ("titles", "title", self._title),
            ("identifiers", "identifier", self._identifier),
            ("object_types", "object_type", self._terms),
            ("materials", "material", self._terms),
            ("subjects", "subject", self._terms),
            ("production.actors", "creator", self._involvements),
            ("dimensions", "dimension", self._dimensions),
            ("owners", "owner", self._actors),
            ("keepers", "keeper", self._actors),
            ("texts", "provenance", self._texts),
            ("texts", "description", self._texts),
            ("texts", "credit_line", self._texts),
            ("texts", "text", self._texts),
        ):
            yield from (make(path, name, source) for source in getattr(fields, name))
        measured = [TextField(column=source.text) for source in fields.dimension if source.text]
        yield from (self._texts("texts", "dimensions", source) for source in measured)
        if fields.ocr:
            yield Bound("texts", "ocr", fields.ocr, self._ocr(fields.ocr))
        for kind in ("manifest", "image"):
            yield from (self._resources("resources", kind, source) for source in getattr(fields, kind))

    def _single(self, path: str, name: str, cells: Cells | None) -> Iterator[Bound]:
        if cells is not None:
            yield Bound(path, name, cells, self._values(cells, name).value)

    def _values(self, source: Cells, name: str) -> ValuesReader:
        return ValuesReader(source, name, self._columns, self._mapping.rules.pattern)

    def _of_texts(self, path: str, name: str, source: TextField, field: str, said: Part) -> Bound:
        """Each value of the source as the `field` of a part that says the same besides."""
        values, always = self._values(source, name), told(said)

        def read(row: Row, findings: Findings) -> list[Part]:
            return [{field: value} | always for value in values.values(row, findings)]

        return Bound(path, name, source, read, always)

    def _title(self, path: str, name: str, source: TextField) -> Bound:
        said = {"type": source.type, "language": self._language(source)}
        return self._of_texts(path, name, source, "title", said)

    def _identifier(self, path: str, name: str, source: TextField) -> Bound:
        return self._of_texts(path, name, source, "identifier", {"type": source.type})

    def _texts(self, path: str, name: str, source: TextField) -> Bound:
        said = {"type": source.type or name.replace("_", " "), "language": self._language(source)}
        return self._of_texts(path, name, source, "text", said)

    def _language(self, source: TextField) -> str:
        return source.language or self._mapping.institution.language

    def _terms(self, path: str, name: str, source: TermField) -> Bound:
        return Bound(path, name, source, TermReader(source, name, self._mapping, self._columns).read)

    def _resources(self, path: str, name: str, source: ResourceField) -> Bound:
        read = ResourceReader(source, name, self._mapping, self._columns).read
        return Bound(path, name, source, read, {"kind": name})

    def _dimensions(self, path: str, name: str, source: DimensionField) -> Bound:
        return Bound(path, name, source, DimensionReader(source, self._mapping, self._columns).read)

    def _involvements(self, path: str, name: str, source: ActorField) -> Bound:
        return Bound(path, name, source, ActorReader(source, name, self._mapping, self._columns).read)

    def _actors(self, path: str, name: str, source: ActorField) -> Bound:
        involvements = ActorReader(source, name, self._mapping, self._columns)

        def read(row: Row, findings: Findings) -> list[Part]:
            return [part["actor"] for part in involvements.read(row, findings)]

        return Bound(path, name, source, read)

    def _ocr(self, source: OcrField) -> Reader:
        values = self._values(source, "ocr")
        engine, confidence = self._columns.cell(source.engine), self._columns.cell(source.confidence)

        def read(row: Row, findings: Findings) -> list[Part]:
            text = values.value(row, findings)
            if not text:
                return []
            certainty = self._confidence(confidence(row), source.confidence, findings)
            about = {"engine": engine(row), "confidence": certainty, "language": source.language}
            return [{"type": "ocr", "text": text} | told(about)]

        return read

    def _confidence(self, text: str, column: str, findings: Findings) -> float | None:
        if not text:
            return None
        value = plain_number(text.removesuffix("%").strip())
        if value is not None and (text.endswith("%") or value > 1):
            value /= 100
        if value is None or not 0 <= value <= 1:
            findings.report(
                self._mapping.rules.number,
                Problem(
                    "number",
                    "the confidence of the OCR is no number from 0 to 1",
                    field="ocr",
                    column=column,
                    value=shortened(text),
                ),
            )
            return None
        return value

    def _date(self, source: DateField, name: str) -> Reader:
        display = self._values(source, name) if source.column or source.columns or source.constant else None
        earliest, latest = self._columns.cell(source.earliest), self._columns.cell(source.latest)
        column = ", ".join(source.sources())

        def read(row: Row, findings: Findings) -> Part | None:
            text = display.value(row, findings) if display else ""
            first, last = earliest(row), latest(row)
            if not (text or first or last):
                return None
            dates = given_bounds(text, first, last) if source.verbatim else bounded(text, first, last)
            for code in dates.problems:
                message, hint = _DATE_PROBLEMS[code]
                value = shortened(text or f"{first} - {last}")
                problem = Problem(code, message, hint, field=name, column=column, value=value)
                findings.report(self._mapping.rules.date, problem)
            return _time_span(dates, text)

        return read

    def _acquisition(self, source: AcquisitionField) -> Iterator[Bound]:
        for name in ("method", "source", "text"):
            yield from self._single(f"acquisition.{name}", "acquisition", getattr(source, name))
        if source.date:
            yield Bound(
                "acquisition.date", "acquisition", source.date, self._date(source.date, "acquisition")
            )

    def _look_for_control_characters(self, row: Row, findings: Findings) -> None:
        if not CONTROL_CHARACTERS.search("".join(row)):
            return
        for field, names in self.columns_by_field.items():
            for name in dict.fromkeys(names):
                cell = row[self._columns.index(name)]
                if found := CONTROL_CHARACTERS.search(cell):
                    findings.report(
                        self._mapping.rules.control_characters, _control_character(field, name, cell, found)
                    )


def _control_character(field: str, column: str, cell: str, found: re.Match[str]) -> Problem:
    code = ord(found.group())
    meant = ""
    if code >= 0x80:
        windows = bytes([code]).decode("cp1252", "ignore")
        meant = f"; in Windows-1252 it would be {windows}" if windows else ""
    return Problem(
        "control-characters",
        f"{field.replace('_', ' ')} holds the control character \\x{code:02x}{meant}",
        "The text is kept as it is; the export may have mixed two encodings",
        field=field,
        column=column,
        value=shortened(cell[max(found.start() - 20, 0) :]),
    )


def _time_span(dates: Dates, display: str) -> Part:
    span: Part = {"display": display} if display else {}
    for name, day in (("earliest", dates.earliest), ("latest", dates.latest)):
        if day is not None:
            span |= {name: day.iso, f"{name}_year": day.year}
    return span
