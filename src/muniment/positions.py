"""Where a record stands in its source, as a person would say it: `line 24`, `row 7`, `Objects!C1042`."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Unit = Literal["line", "row"]

LETTERS = 26

_PLAIN_NAME = re.compile(r"[^\W\d][\w.]*")


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a source's records that stand together: a sheet of a workbook.

    Attributes:
        name: the sheet's; "" where the source is one table.
        first_record: the number of its first record.
        first_column: the number of the sheet's column, from 0, that is the first of the records.
        file: what the file is called, where it is not the one that the source is called after.
        unit: what its records' lines count, where that is not what those of the source do.
    """

    name: str
    first_record: int
    first_column: int = 0
    file: str = ""
    unit: Unit | None = None

    @property
    def quoted_name(self) -> str:
        """The name as it stands in references."""
        plain = _PLAIN_NAME.fullmatch(self.name)
        return self.name if plain else "'" + self.name.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Positions:
    """How positions in one source are told.

    Attributes:
        unit: what a record's `line` counts.
        parts: in the order of their records; none where nothing but `unit` tells a position.
    """

    unit: Unit = "line"
    parts: tuple[Part, ...] = ()

    def part_of(self, number: int) -> Part | None:
        """The part in which the record with this number stands."""
        place = bisect_right(self.parts, number, key=lambda part: part.first_record)
        return self.parts[max(0, place - 1)] if self.parts else None

    def told(self, number: int, line: int, column: int = 0) -> str:
        """Where the record with this number stands, or of a sheet its cell in a column, counted from 0."""
        part = self.part_of(number)
        if part is None or not part.name:
            told = f"{(part and part.unit) or self.unit} {line:,}"
            return f"{part.file}, {told}" if part and part.file else told
        return f"{part.quoted_name}!{letters(part.first_column + column)}{line}"

    def among(self, number: int, line: int, names: Sequence[str], column: str) -> str:
        """As `told`, of the column with this name; of the first one where there is no such name."""
        return self.told(number, line, names.index(column) if column in names else 0)


LINES = Positions()
"""How positions in a text are told."""


def at(told: str) -> str:
    """A position within a sentence: `on line 24`, `at Objects!C1042`."""
    return f"on {told}" if told.startswith(get_args(Unit)) else f"at {told}"


def by_unit(places: Sequence[str]) -> tuple[str, list[str]]:
    """What heads a column of positions, and what stands in it: `line`, and numbers; else all of each."""
    for unit in get_args(Unit):
        if all(place.startswith(f"{unit} ") for place in places):
            return unit, [place.removeprefix(f"{unit} ") for place in places]
    return "place", list(places)


def letters(column: int) -> str:
    """What a spreadsheet calls its column: `A` is 0, `Z` 25, `AA` 26."""
    told = ""
    column += 1
    while column:
        column, place = divmod(column - 1, LETTERS)
        told = chr(ord("A") + place) + told
    return told


def column_number(name: str) -> int:
    """The column that a spreadsheet calls so, from 0; -1 for what is no name of one."""
    number = 0
    for letter in name:
        number = number * LETTERS + ord(letter) - ord("A") + 1
    return number - 1
