"""The values that travel through a load: places, chunks, records, verdicts, accounts.

All are immutable and know no file, clock, network or database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from muniment.columns import ColumnarRows, chosen
from muniment.errors import OutOfBalance
from muniment.positions import LINES, Positions

Integers = npt.NDArray[np.int64]

HUGE_BYTES = 8 * 1024 * 1024
"""Bytes of a chunk that holds a few huge records rather than many: twice as many as chunks have unasked."""

VALUE_CHARACTERS = 200
"""How much of an offending value a problem quotes: enough to recognise it, too little to flood a log."""

LISTED_COLUMNS = 100
"""How many columns a message lists: those of any museum's export, not those of a file that is none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading stands in a source: before the record `number`.

    Attributes:
        offset: bytes before it in the (decompressed) source.
        number: number of the next record; the first after the header is 1.
        line: physical line on which it begins; the first line of the file is 1.
    """

    offset: int
    number: int
    line: int


@dataclass(frozen=True, slots=True)
class Progress:
    """What of a run is known to be committed: all before `reached`, and the chunks that begin at `beyond`."""

    reached: Place
    beyond: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Position:
    """Where one record stands in its source (see `Place`); `length` is in bytes, line end excluded."""

    number: int
    line: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a source.

    Attributes:
        names: a unique name for each column. A name that repeats gets `#2`, `#3`; an empty one is
            called `column 7` after its position.
        given: the names as the source has them.
    """

    names: tuple[str, ...]
    given: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __str__(self) -> str:
        more = len(self) - LISTED_COLUMNS
        told = ", ".join(map(shortened, self.names[:LISTED_COLUMNS]))
        return f"{told} and {more:,} more" if more > 0 else told


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the records of a chunk stand, found when it was cut: parallel arrays, as in `Position`.

    Attributes:
        lines, offsets, lengths: one per record.
        faults: by index, the code of what makes a record unreadable as such: `quote`,
            `quote-unclosed`, `too-long` or `incomplete`.
        blank_lines: lines with nothing at all on them, which are not records.
        regular: it is known that every quote opens a cell, closes one, or is doubled within one.
        findings: as in `Records`.
    """

    lines: Integers
    offsets: Integers
    lengths: Integers
    faults: Mapping[int, str] = field(default_factory=dict)
    blank_lines: int = 0
    regular: bool = False
    findings: Mapping[int, tuple[Problem, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """A range of whole records: the unit of work, memory, commit, retry and distribution.

    Attributes:
        start, end: the places before its first and after its last record.
        data: its bytes, as they stand in the (decompressed) source. A record that is too long to be
            held stands in a chunk of its own, which covers the record's whole range, while `data` is
            only its beginning.
        last: nothing follows it in the source.
        layout: where its records stand, for the source's own `records`.
    """

    start: Place
    end: Place
    data: bytes
    last: bool
    layout: Layout | None = None

    @cached_property
    def sha256(self) -> bytes:
        """The hash of `data`."""
        return hashlib.sha256(self.data).digest()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with, or remarkable about, a record, told to a registrar.

    Attributes:
        code: stable, for machines: `missing`, `ragged`, `undecodable`, `date-not-understood` ...
        message: what is wrong: "title is missing".
        hint: what to do about it.
        field: the field of the record model, where one is concerned.
        column: the source's column or columns, where they are concerned.
        value: the offending text, cut to `VALUE_CHARACTERS`.
        severity: `note` on a rejected record where this alone would not have rejected it; else "".
    """

    code: str
    message: str
    hint: str = ""
    field: str = ""
    column: str = ""
    value: str = ""
    severity: str = ""

    def as_dict(self) -> dict[str, str]:
        """The attributes that say something, as plain data."""
        return {name: text for name in _PROBLEM_FIELDS if (text := getattr(self, name))}


_PROBLEM_FIELDS = tuple(one.name for one in fields(Problem))


def reasons(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Those problems of a rejected record for which it was rejected."""
    return tuple(problem for problem in problems if problem.severity != "note")


def shortened(value: str) -> str:
    """`value`, cut to `VALUE_CHARACTERS`, with an ellipsis where it was cut."""
    return value if len(value) <= VALUE_CHARACTERS else value[: VALUE_CHARACTERS - 1] + "…"


@dataclass(frozen=True, slots=True)
class Origin:
    """The first attempt at a record that a resubmitted one corrects, and the last load that rejected it.

    When it did so tells what is older than the correction. The numbers of runs do not: a run that is taken
    up again comes after those that began in between. `is_retried` where nobody corrected anything: the record
    had to wait, and is tried again.
    """

    quarantine_id: int
    run_id: int
    rejected_at: datetime
    is_retried: bool = False


@dataclass(frozen=True)
class Records:
    """The records of one chunk in source order, with their positions.

    Attributes:
        header: the columns of the source.
        start: the place before the first record.
        data: the bytes of the chunk.
        lines, offsets, lengths: one per record, as in `Position`.
        rows: the cells of each record. Of an unreadable record: the cells as far as they can be
            told, undecodable bytes as lone surrogates.
        unreadable: by index, why a record is not well formed. Rows that are not mentioned have
            exactly as many cells as the header has names, and are text without NUL or surrogates.
        blank_lines: physical lines of the chunk with nothing on them, which are no records.
        origins: by index, what a resubmitted record corrects; empty in an ordinary load.
        columns: the same cells by column, where they were read so; those of unreadable rows mean nothing.
        findings: by index, what the reader of a file found in cells beside their text.
        positions: how positions in the source are told.
    """

    header: Header
    start: Place
    data: bytes
    lines: Integers
    offsets: Integers
    lengths: Integers
    rows: Sequence[Sequence[str]]
    unreadable: Mapping[int, Problem] = field(default_factory=dict)
    blank_lines: int = 0
    origins: Mapping[int, Origin] = field(default_factory=dict)
    columns: ColumnarRows | None = None
    findings: Mapping[int, tuple[Problem, ...]] = field(default_factory=dict)
    positions: Positions = LINES

    def __len__(self) -> int:
        return len(self.lines)

    def told(self, index: int, column: str = "") -> str:
        """Where a record stands, as a person would say it; of a sheet, the cell in the named column."""
        number, line = self.start.number + index, int(self.lines[index])
        return self.positions.among(number, line, self.header.names, column)

    def position(self, index: int) -> Position:
        """The position of the record with this index in the chunk."""
        return Position(
            self.start.number + index,
            int(self.lines[index]),
            int(self.offsets[index]),
            int(self.lengths[index]),
        )

    def raw(self, index: int) -> bytes:
        """The bytes of the record, without its line end; of a `too-long` one, its beginning."""
        first = int(self.offsets[index]) - self.start.offset
        return self.data[first : first + int(self.lengths[index])]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be stored, with all its problems; `key` where it could be read.

    `waits_for` is the table that lacks what it waits for, where nothing else is wrong with it.
    """

    index: int
    problems: tuple[Problem, ...]
    key: str | None = None
    waits_for: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A record that is stored, though something about it is remarkable."""

    index: int
    problem: Problem
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Records that may be stored: parallel sequences, which can be halved.

    Attributes:
        indexes: of each record in its chunk, ascending.
        keys: what identifies each record from one export to the next ("" where a profile has no keys).
        values: what the profile made of each.
        encoded: what the writer made of all of them ahead, for itself; None where it did not, or of a part.
    """

    indexes: Sequence[int]
    keys: Sequence[str]
    values: Sequence[Any]
    encoded: object = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return len(self.indexes)

    def part(self, start: int, stop: int) -> Accepted:
        """The records from `start` up to but not including `stop`."""
        if start == 0 and stop >= len(self):
            return self
        return Accepted(self.indexes[start:stop], self.keys[start:stop], self.values[start:stop])

    def at(self, places: Sequence[int]) -> Accepted:
        """The records at these places."""
        return Accepted(*(chosen(values, places) for values in (self.indexes, self.keys, self.values)))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a profile says of the records of a chunk; every record is in exactly one of three.

    Attributes:
        accepted, rejections: see there.
        skipped: indexes of the records that a filter leaves out.
        notes: on accepted records.
    """

    accepted: Accepted
    rejections: Sequence[Rejection] = ()
    skipped: Sequence[int] = ()
    notes: Sequence[Note] = ()


@dataclass(frozen=True, slots=True)
class Account:
    """What became of the records read: `read` equals the sum of the five that follow it."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    quarantined: int = 0
    skipped: int = 0
    notes: int = 0
    blank_lines: int = 0

    def __add__(self, other: Account) -> Account:
        return Account(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def must_balance(self) -> None:
        """Raise `OutOfBalance` unless every record read is accounted for."""
        told = self.inserted + self.updated + self.unchanged + self.quarantined + self.skipped
        if self.read != told:
            raise OutOfBalance(
                f"{self.read} records were read, but {told} are accounted for ({self})",
                hint="Nothing of this chunk was stored. This is a fault in Muniment or in a profile",
            )
