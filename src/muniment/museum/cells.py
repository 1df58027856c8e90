"""From a row's cells to values: null strings, joining, splitting, patterns. A mapping bound to a header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from muniment.museum.decimal_marks import has_decimal_comma
from muniment.museum.fields import Cells
from muniment.museum.mapping import Mapping, Severity
from muniment.museum.patterns import PATTERN_CHARACTERS, Expression
from muniment.records import Header, Problem, shortened
from muniment.sources.guard import unguarded
from muniment.validation.headers import must_have

Row = Sequence[str]

CONTROL_CHARACTERS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""C0 without tab and line ends, and C1: the traces of text in another encoding, or of a word processor."""


@dataclass(slots=True)
class Findings:
    """What is found wrong with one record; `hard` quarantines it."""

    hard: list[Problem] = field(default_factory=list)
    soft: list[Problem] = field(default_factory=list)

    def report(self, severity: Severity, problem: Problem) -> None:
        """Add a problem with the severity that the mapping gives it."""
        (self.hard if severity == "reject" else self.soft).append(problem)


class Columns:
    """A header under a mapping: where each named column stands, and what in it means nothing.

    Attributes:
        null: cells that mean nothing is known.
        guarded: whether cells are guarded against spreadsheet programs.
        decimal_comma: whether the decimal mark is the comma in the language of the records.
        manifests: a regular expression that finds something in the URLs of manifests.
        header: the source's.
    """

    def __init__(self, mapping: Mapping, header: Header) -> None:
        self.null = frozenset(mapping.source.null) | {""}
        self.guarded = mapping.source.formula_guard
        self.decimal_comma = has_decimal_comma(mapping.institution.language)
        self.manifests = mapping.rules.manifest_pattern
        self.header = header
        must_have(header, mapping.sources())

    def index(self, name: str) -> int:
        """The position of a column."""
        return self.header.names.index(name)

    def cell(self, name: str) -> CellReader:
        """A reader of one column, which gives "" for what means nothing and for a column not named."""
        return CellReader(self.index(name) if name else None, self.null, self.guarded)


@dataclass(frozen=True, slots=True)
class CellReader:
    """Reads one column."""

    position: int | None
    null: frozenset[str]
    guarded: bool = False

    def __call__(self, row: Row) -> str:
        """The cell, trimmed; "" where it means that nothing is known."""
        if self.position is None:
            return ""
        value = row[self.position].strip()
        if self.guarded:
            value = unguarded(value)
        return "" if value in self.null else value


class ValuesReader:
    """Reads the values of one part of a mapping: none, one, or where it splits, several."""

    def __init__(self, cells: Cells, field_name: str, columns: Columns, severity: Severity) -> None:
        self._cells = cells
        self._field = field_name
        self._severity = severity
        null = columns.null | frozenset(cells.null)
        names = (cells.column,) if cells.column else cells.columns
        self.column = ", ".join(names)
        self._readers = [CellReader(columns.index(name), null, columns.guarded) for name in names]
        self._null = null
        self._pattern = Expression(cells.pattern) if cells.pattern else None
        self._value = _value_group(self._pattern) if self._pattern else 0

    def text(self, row: Row) -> str:
        """The cells of the part as they stand, joined; "" where they say nothing."""
        if len(self._readers) == 1:
            return self._readers[0](row)
        if not self._readers:
            return self._cells.constant
        return self._cells.join.join(filter(None, (reader(row) for reader in self._readers)))

    def pieces(self, row: Row) -> list[str]:
        """The text, split where the mapping says so; null values and empty ones left out."""
        text = self.text(row)
        if not text:
            return []
        if not self._cells.split:
            return [text]
        stripped = (piece.strip() for piece in text.split(self._cells.split))
        return [piece for piece in stripped if piece not in self._null]

    def matches(self, row: Row, findings: Findings) -> list[tuple[str, dict[str, str] | None]]:
        """Each value with the named groups of the pattern that found it.

        A piece that the pattern does not find anything in, or that is too long to be searched, is kept as
        it is, and reported.
        """
        if self._pattern is None:
            return [(piece, None) for piece in self.pieces(row)]
        found: list[tuple[str, dict[str, str] | None]] = []
        for piece in self.pieces(row):
            matches = self._pattern.matches(piece)
            found += [((match[self._value] or "").strip(), self._pattern.named(match)) for match in matches]
            if not matches:
                findings.report(self._severity, self._unlike(piece))
                found.append((piece, None))
        return [(value, groups) for value, groups in found if value]

    def values(self, row: Row, findings: Findings) -> list[str]:
        """The values, as the pattern finds them."""
        if self._pattern is None:
            return self.pieces(row)
        return [value for value, _ in self.matches(row, findings)]

    def value(self, row: Row, findings: Findings) -> str:
        """The first value, or ""."""
        values = self.values(row, findings)
        return values[0] if values else ""

    def _unlike(self, piece: str) -> Problem:
        fault = "does not have the form that the mapping asks for"
        if len(piece) > PATTERN_CHARACTERS:
            fault = f"is longer than the {PATTERN_CHARACTERS:,} characters in which a pattern is looked for"
        return Problem(
            "pattern",
            f"{self._field.replace('_', ' ')} {fault}",
            f"The pattern is {self._cells.pattern}",
            field=self._field,
            column=self.column,
            value=shortened(piece),
        )


def _value_group(pattern: Expression) -> int:
    """The group that holds the value: `value`, `label`, else the first if none has a name, else all."""
    for name in ("value", "label"):
        if name in pattern.names:
            return pattern.names[name]
    return 1 if pattern.groups and not pattern.names else 0
