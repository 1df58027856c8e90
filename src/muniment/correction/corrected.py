"""A corrected worksheet as a source: the rejected records again, with what was changed in them.

Positions, bytes and fingerprint are those of the worksheet; the columns are those of the export that the
records came from, so that the mapping of that export reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from muniment.correction.entries import Content
from muniment.correction.worksheet import ID, LEADING, SURPLUS, Reformatted, merge, shown, taken
from muniment.errors import UsageError
from muniment.quarantine import LEFT_OUT, NOT_APPLIED
from muniment.records import Chunk, Header, Origin, Place, Problem, Records, reasons, shortened
from muniment.sources.source import Fingerprint, Source

REMEMBERED_EXAMPLES = 5
"""Examples that are told of what was done to a worksheet; the others are counted."""

_NUMBER = re.compile(r"([0-9]{1,18})(?:[.,]0*)?")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An entry that a worksheet corrects.

    Attributes:
        content: the entry with its cells.
        origin: the first attempt at the same record, and the last load that met it.
        fits: it was rejected under the same mapping and columns as the worksheet's other entries.
    """

    content: Content
    origin: Origin
    fits: bool


@dataclass(slots=True)
class Tally:
    """How often something was done, with the first examples in words."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, line: int, words: str) -> None:
        """Count one more, on this line of the worksheet."""
        self.count += 1
        if len(self.examples) < REMEMBERED_EXAMPLES:
            self.examples.append(f"line {line}, {words}")


Lookup = Callable[[Sequence[int]], Mapping[int, Attempt]]
"""Finds the entries with these numbers; those that there are not are left out."""


class CorrectedSource:
    """A worksheet's records, merged with those that they correct; see `muniment.sources.source.Source`.

    `records` is not pure, as it is elsewhere: it looks up entries and counts what it does.

    Args:
        worksheet: the worksheet as a source of its own.
        header: the columns of the export that the entries came from.
        lookup: finds entries.

    Attributes:
        ignored: columns of the worksheet that are neither Muniment's nor the export's.
        reformatted: cells that were kept though a spreadsheet program had rewritten them.
        left_out: rows whose entries are settled already.
        unchanged: rows in which nobody changed anything.

    Raises:
        UsageError: the worksheet has no column of entry numbers.
    """

    def __init__(self, worksheet: Source, header: Header, lookup: Lookup) -> None:
        self.name = worksheet.name
        self.location = worksheet.location
        self.header = header
        self.first = worksheet.first
        self.stored = worksheet.stored
        self.positions = worksheet.positions
        self.remarks = worksheet.remarks
        self._worksheet = worksheet
        self._lookup = lookup
        self._id, self._columns = columns_of(worksheet.header, header)
        known = {self._id, *self._columns}
        names = enumerate(worksheet.header.names)
        self.ignored = [name for index, name in names if index not in known and name not in LEADING]
        self.reformatted = Tally()
        self.left_out = Tally()
        self.unchanged = Tally()

    @property
    def fingerprint(self) -> Fingerprint:
        """That of the worksheet."""
        return self._worksheet.fingerprint

    def chunks(self, start: Place) -> Iterator[Chunk]:
        """As in `Source`."""
        return self._worksheet.chunks(start)

    def records(self, chunk: Chunk, *, by_column: bool = False) -> Records:  # noqa: ARG002 - corrections are few
        """The corrected records of a chunk, each with its origin."""
        read = self._worksheet.records(chunk)
        numbers = [entry_number(row, self._id) for row in read.rows]
        attempts = self._lookup(sorted({number for number in numbers if number is not None}))
        rows: list[Sequence[str]] = []
        unreadable: dict[int, Problem] = {}
        origins: dict[int, Origin] = {}
        taken_lines: dict[int, int] = {}
        for index, number in enumerate(numbers):
            attempt = attempts.get(number) if number is not None else None
            cells, problem = self._corrected(read, index, attempt)
            if attempt and attempt.fits and not problem:
                line = taken_lines.setdefault(attempt.origin.quarantine_id, int(read.lines[index]))
                problem = _repeated(attempt, line) if line != int(read.lines[index]) else None
            rows.append(cells)
            if problem:
                unreadable[index] = problem
            if attempt and attempt.fits:
                origins[index] = attempt.origin
        return replace(read, header=self.header, rows=rows, unreadable=unreadable, origins=origins)

    def reader(self) -> None:
        """None: its `records` looks up entries, and counts."""

    @property
    def ranges(self) -> None:
        """None, as for `reader`."""

    def read_bytes(self, offset: int, length: int) -> bytes:
        """As in `Source`."""
        return self._worksheet.read_bytes(offset, length)

    def stored_position(self, place: Place) -> int:
        """As in `Source`."""
        return self._worksheet.stored_position(place)

    def close(self) -> None:
        """As in `Source`."""
        self._worksheet.close()

    def _corrected(
        self, read: Records, index: int, attempt: Attempt | None
    ) -> tuple[Sequence[str], Problem | None]:
        """The cells of a corrected record, and why it cannot be judged, where that is so."""
        row, width = read.rows[index], len(self.header)
        broken = read.unreadable.get(index)
        if broken and broken.code == "ragged" and len(row) < len(self._worksheet.header):
            # Excel leaves out delimiters after the last filled column of a page.
            row, broken = [*row, *[""] * (len(self._worksheet.header) - len(row))], None
        given = {column: row[place] for place, column in self._columns.items() if place < len(row)}
        if attempt is None or not attempt.fits:
            cells = [taken(given.get(column, ""), "") for column in range(width)]
            return cells, broken or _unknown(row, self._id, attempt)
        content = attempt.content
        standing = content.cells or ()
        line = int(read.lines[index])
        if settled := _settled(content):
            self.left_out.add(line, settled.message)
            return standing, settled
        if broken:
            return standing, _not_applied(f"the row cannot be read: {broken.message}", broken.hint)
        if content.cells is None:
            why = content.without_cells
            return standing, _not_applied(why.message, why.hint)
        merged = merge(content.cells, given, width)
        self._count_reformatted(merged.reformatted, line)
        if not merged.changed:
            self.unchanged.add(line, f"entry {content.entry.id}")
            said = "; ".join(problem.message for problem in reasons(content.entry.problems))
            return standing, _not_applied(
                f"nothing was changed in this row; still: {said}", "Correct it, or dismiss it"
            )
        return merged.cells, merged.problem

    def _count_reformatted(self, reformatted: Sequence[Reformatted], line: int) -> None:
        names = (*self.header.names, SURPLUS)
        for one in reformatted:
            words = f"{names[one.column]}: {_quoted(one.cell)} stays {_quoted(one.original)}"
            self.reformatted.add(line, words)


def _quoted(cell: str) -> str:
    return repr(shortened(shown(cell)))


def columns_of(worksheet: Header, header: Header) -> tuple[int, dict[int, int]]:
    """Where the entry numbers stand in a worksheet, and by place in it the export's columns.

    Columns may have been reordered or dropped. Raises `UsageError` where the entry numbers are missing.
    """
    if ID not in worksheet.names:
        raise UsageError(f"the worksheet has no column {ID}", hint="Export it again and keep that column")
    wanted = {shown(name).strip(): index for index, name in enumerate((*header.names, SURPLUS))}
    wanted |= {name: index for index, name in enumerate((*header.names, SURPLUS))}
    places = {place: wanted[name] for place, name in enumerate(worksheet.names) if name in wanted}
    return worksheet.names.index(ID), places


def entry_number(row: Sequence[str], place: int) -> int | None:
    """The number of the entry that a row of a worksheet corrects; None where none can be read."""
    found = _NUMBER.fullmatch(row[place].strip()) if place < len(row) else None
    return int(found[1]) if found else None


def _settled(content: Content) -> Problem | None:
    """Why nothing more is to be done about an entry, where that is so."""
    entry = content.entry
    if entry.state == "closed":
        message = f"entry {entry.id} is closed: run {entry.closed_by_run} has stored the record"
        return Problem(LEFT_OUT, message, "Correct it further in the collection system, and export it again")
    if entry.state == "dismissed":
        return Problem(LEFT_OUT, f"entry {entry.id} is dismissed: {entry.reason}", "Reopen it first")
    return None


def _repeated(attempt: Attempt, line: int) -> Problem:
    message = f"line {line} corrects entry {attempt.content.entry.id} already"
    return Problem(LEFT_OUT, message, "Leave one row of each entry")


def _unknown(row: Sequence[str], place: int, attempt: Attempt | None) -> Problem:
    if not any(cell.strip() for cell in row):
        return Problem(LEFT_OUT, "the row is empty", "")
    number = shortened(row[place]) if place < len(row) else ""
    if attempt is not None:
        message = f"entry {number} is of an export with other columns, or another mapping, than the first"
        return Problem(
            "other-export",
            message,
            "Hand it in with the worksheet of its own export",
            column=ID,
            value=number,
        )
    message = (
        f"the quarantine has no entry {number}" if number else "the row says of no entry that it corrects it"
    )
    hint = f"Leave {ID} as it was exported; load new objects with `muniment load`"
    return Problem("unknown-entry", message, hint, column=ID, value=number)


def _not_applied(message: str, hint: str) -> Problem:
    return Problem(NOT_APPLIED, message, hint)
