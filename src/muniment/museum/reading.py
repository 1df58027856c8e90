"""From a row to a `LidoRecord`'s parts: the mapping applied, with everything remarkable reported."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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
from muniment.records import Problem, shortened

Reader = Callable[[Row, Findings], Any]

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
    """A mapping bound to a header: makes of a row what `LidoRecord` validates."""

    def __init__(self, mapping: Mapping, columns: Columns) -> None:
        self._mapping = mapping
        self._columns = columns
        self._constant = {
            "record_source": mapping.record_source,
            "record_type": mapping.record.type,
            "record_type_uri": mapping.record.type_uri,
        }
        self._parts: dict[str, list[Reader]] = {}
        self._single: dict[str, Reader] = {}
        self.columns_by_field: dict[str, tuple[str, ...]] = {}
        self._bind()

    def read(self, row: Row) -> tuple[Part, Findings]:
        """The parts of a record, and what was remarkable about them."""
        findings = Findings()
        part: Part = dict(self._constant)
        for name, reader in self._single.items():
            value = reader(row, findings)
            if value:
                part[name] = value
        for name, readers in self._parts.items():
            values = [value for reader in readers for value in reader(row, findings)]
            if values:
                part[name] = values
        if self._mapping.record.key is None and "accession" in part:
            part["key"] = part["accession"]
        part.setdefault("titles", [])
        part.setdefault("object_types", [])
        self._production(part)
        self._look_for_control_characters(row, findings)
        return part, findings

    def _bind(self) -> None:
        fields = self._mapping.fields
        for name in ("accession", "category", "department", "location", "place", "web_page", "rights"):
            self._bind_single(name, getattr(fields, name))
        self._bind_single("key", self._mapping.record.key)
        for part, name, make in (
            ("titles", "title", self._title),
            ("identifiers", "identifier", self._identifier),
            ("object_types", "object_type", self._terms),
            ("materials", "material", self._terms),
            ("subjects", "subject", self._terms),
            ("creators", "creator", self._involvements),
            ("dimensions", "dimension", self._dimensions),
            ("owners", "owner", self._actors),
            ("keepers", "keeper", self._actors),
        ):
            self._bind_parts(part, name, getattr(fields, name), make)
        for kind in ("provenance", "description", "credit_line", "text"):
            self._bind_parts("texts", kind, getattr(fields, kind), self._texts)
        measured = [TextField(column=source.text) for source in fields.dimension if source.text]
        self._bind_parts("texts", "dimensions", measured, self._texts)
        for kind in ("manifest", "image"):
            self._bind_parts("resources", kind, getattr(fields, kind), self._resources)
        if fields.ocr:
            self._bind_parts("texts", "ocr", (fields.ocr,), self._ocr)
        if fields.date:
            self._bind_one("date", fields.date, self._date(fields.date, "date"))
        if fields.acquisition:
            self._bind_one("acquisition", fields.acquisition, self._acquisition(fields.acquisition))

    def _bind_single(self, name: str, cells: Cells | None) -> None:
        if cells is not None:
            self._bind_one(name, cells, self._values(cells, name).value)

    def _bind_one(self, part: str, source: Any, reader: Reader) -> None:
        self._single[part] = reader
        self.columns_by_field[part] = source.sources()

    def _bind_parts(self, part: str, name: str, sources: Sequence[Any], make: Callable[..., Reader]) -> None:
        for source in sources:
            self._parts.setdefault(part, []).append(make(source, name))
            self.columns_by_field[name] = (*self.columns_by_field.get(name, ()), *source.sources())

    def _values(self, source: Cells, name: str) -> ValuesReader:
        return ValuesReader(source, name, self._columns, self._mapping.rules.pattern)

    def _title(self, source: TextField, name: str) -> Reader:
        values = self._values(source, name)
        language = source.language or self._mapping.institution.language
        return lambda row, findings: [
            told({"title": value, "type": source.type, "language": language})
            for value in values.values(row, findings)
        ]

    def _identifier(self, source: TextField, name: str) -> Reader:
        values = self._values(source, name)
        return lambda row, findings: [
            told({"identifier": value, "type": source.type}) for value in values.values(row, findings)
        ]

    def _texts(self, source: TextField, name: str) -> Reader:
        values = self._values(source, name)
        kind = source.type or name.replace("_", " ")
        language = source.language or self._mapping.institution.language
        return lambda row, findings: [
            {"type": kind, "text": value, "language": language} for value in values.values(row, findings)
        ]

    def _terms(self, source: TermField, name: str) -> Reader:
        return TermReader(source, name, self._mapping, self._columns).read

    def _resources(self, source: ResourceField, name: str) -> Reader:
        return ResourceReader(source, name, self._mapping, self._columns).read

    def _dimensions(self, source: DimensionField, _name: str) -> Reader:
        return DimensionReader(source, self._mapping, self._columns).read

    def _actors(self, source: ActorField, name: str) -> Reader:
        reader = ActorReader(source, name, self._mapping, self._columns)
        return lambda row, findings: [part["actor"] for part in reader.read(row, findings)]

    def _involvements(self, source: ActorField, name: str) -> Reader:
        return ActorReader(source, name, self._mapping, self._columns).read

    def _ocr(self, source: OcrField, name: str) -> Reader:
        values = self._values(source, name)
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

    def _acquisition(self, source: AcquisitionField) -> Reader:
        readers: dict[str, Reader] = {}
        for name in ("method", "source", "text"):
            if (cells := getattr(source, name)) is not None:
                readers[name] = self._values(cells, "acquisition").value
        if source.date:
            readers["date"] = self._date(source.date, "acquisition")

        def read(row: Row, findings: Findings) -> Part:
            return told({name: reader(row, findings) for name, reader in readers.items()})

        return read

    @staticmethod
    def _production(part: Part) -> None:
        """Gather who, when and where into the one production."""
        parts = {
            "actors": part.pop("creators", None),
            "date": part.pop("date", None),
            "place": part.pop("place", None),
        }
        if production := told(parts):
            part["production"] = production

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
