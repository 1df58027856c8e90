"""A table written once as delimited text, with what that text does not tell: positions and findings.

All of it is on disk, in temporary files that are gone with the program, and the same table gives the same.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import IO, Any

import numpy as np

from muniment.config import Settings
from muniment.errors import SourceTooLarge
from muniment.positions import Part, Positions
from muniment.records import Integers
from muniment.sources.tabular import Finding, Row, Tabular

WRITTEN_BYTES = 256 * 1024
"""Bytes of text that are written at a time."""

FINDINGS_BETWEEN = 256
"""Findings between two of which it is remembered where they stand: as many are read in vain at most."""

NUMBER_BYTES = 8

LINE_END = "\r\n"
"""With any other, `csv` leaves a cell with one of these two characters unquoted."""


class Lines:
    """By the number of a record, the line or row on which it stands: kept where it does not follow.

    Where rows are left out now and then that is a pair of numbers each time.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="muniment-")  # noqa: SIM115  # lives as long as this
        self._fresh = array("q")
        self._shift: int | None = None
        self._breaks: Any = None

    def note(self, number: int, line: int) -> None:
        """The record with this number, one more than the last, stands there."""
        if line - number != self._shift:
            self._shift = line - number
            self._fresh.extend((number, self._shift))
            if len(self._fresh) >= WRITTEN_BYTES // NUMBER_BYTES:
                self._write()

    def _write(self) -> None:
        self._file.write(self._fresh.tobytes())
        self._fresh = array("q")

    def finish(self) -> None:
        """All records were noted."""
        if self._shift is None:
            self.note(1, 1)
        self._write()
        self._file.flush()
        self._breaks = np.memmap(self._file, np.int64, "r").reshape(-1, 2)

    def of(self, numbers: Integers) -> Integers:
        """The lines of records with rising numbers; after the last record they go on from there."""
        if not len(numbers):
            return numbers
        first = max(0, bisect_right(self._breaks[:, 0], numbers[0]) - 1)
        breaks = np.array(self._breaks[first : bisect_right(self._breaks[:, 0], numbers[-1])])
        places = np.maximum(np.searchsorted(breaks[:, 0], numbers, "right") - 1, 0)
        lines: Integers = numbers + breaks[places, 1]
        return lines

    def close(self) -> None:
        """Give back the file."""
        self._breaks = None
        self._file.close()


class Findings:
    """By the number of a record, what was found in it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="muniment-")  # noqa: SIM115  # lives as long as this
        self._numbers, self._offsets = array("q"), array("q")
        self._lock = threading.Lock()
        self._count = 0

    def note(self, number: int, findings: Sequence[Finding]) -> None:
        """What was found in the record with this number, which is larger than those before."""
        if self._count % FINDINGS_BETWEEN == 0:
            self._numbers.append(number)
            self._offsets.append(self._file.tell())
        self._file.write(json.dumps([number, findings]).encode() + b"\n")
        self._count += 1

    def between(self, first: int, end: int) -> dict[int, list[Finding]]:
        """What was found from one record up to but not including another."""
        found: dict[int, list[Finding]] = {}
        if not self._count:
            return found
        place = max(0, bisect_left(self._numbers, first) - 1)
        with self._lock:
            self._file.seek(self._offsets[place])
            for line in iter(self._file.readline, b""):
                number, told = json.loads(line)
                if number >= end:
                    break
                if number >= first:
                    found[number] = [Finding(*finding) for finding in told]
        return found

    def close(self) -> None:
        """Give back the file."""
        self._file.close()


class Spool:
    """A table as delimited text.

    Args:
        table: is read once, by `write`.
        settings: with the bound on a record.
        where: what is read, for errors.

    Attributes:
        positions: where its parts begin; complete once all was written.
    """

    def __init__(self, table: Tabular, settings: Settings, where: str) -> None:
        self.lines = Lines()
        self.findings = Findings()
        self.positions = Positions(table.unit)
        self._table = table
        self._settings = settings
        self._where = where

    def pieces(self) -> Iterator[bytes]:
        """The text, header first, in UTF-8; what is not text goes through, to be told of its record.

        Raises:
            SourceError: as the reader of the table does.
            SourceTooLarge: a record is over the bound.
        """
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator=LINE_END)
        writer.writerow(self._table.names)
        parts: list[Part] = []
        number = 1
        for stretch in self._table.stretches():
            parts.append(Part(stretch.name, number, stretch.first_column, stretch.file, stretch.unit))
            for row in stretch.rows:
                if row.cells:
                    self.lines.note(number, row.line)
                    if row.findings:
                        self.findings.note(number, row.findings)
                    number += 1
                    self._write(writer, row, stretch.name)
                else:
                    buffer.write(LINE_END)
                if buffer.tell() >= WRITTEN_BYTES:
                    yield _taken(buffer)
        self.positions = Positions(self._table.unit, tuple(parts))
        self.lines.finish()
        yield _taken(buffer)

    def _write(self, writer: Any, row: Row, part: str) -> None:
        if writer.writerow(row.cells) > self._settings.max_record_bytes:
            raise SourceTooLarge(
                f"the record is longer than {self._settings.max_record_bytes:,} bytes",
                hint="Allow longer records (max_record_bytes), if it is as it should be",
                where=f"{self._where}, {part or self.positions.unit} {row.line}",
            )

    def close(self) -> None:
        """Give back files."""
        self.lines.close()
        self.findings.close()


def _taken(buffer: IO[str]) -> bytes:
    text = buffer.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    buffer.seek(0)
    buffer.truncate()
    return bytes(text.encode("utf-8", "surrogatepass"))
