"""From the bytes of a chunk to its records: text, cells, and what is wrong with them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from muniment.columns import ColumnarRows
from muniment.records import Chunk, Header, Layout, Problem, Records, shortened
from muniment.sources.encodings import Encoding
from muniment.sources.format import Format
from muniment.sources.grammar import Content

FIELD_BYTES = 2**31 - 1
"""Where `csv` stops reading a cell: above the longest record there can be, which is the real bound."""

SURROGATES = range(0xD800, 0xE000)
"""Code units that have a meaning only in pairs, and only in UTF-16."""

_BROKEN = {
    "quote": (
        "a closing quote is followed by something other than a delimiter or a line end",
        "Double the quotes within the cell, or remove the stray one",
    ),
    "quote-unclosed": (
        "a quote opens a cell and is not closed; the lines after it are records of their own",
        "Close or remove the quote",
    ),
    "too-long": (
        "the record is longer than the longest allowed",
        "Look for a quote that is not closed, or allow longer records (max_record_bytes)",
    ),
    "incomplete": (
        "the file ends in the middle of this record",
        "The file was probably cut short: export or copy it again",
    ),
}


@dataclass(frozen=True)
class Parser:
    """Reads cells; knows no file, and can be sent to another process.

    `columnar` can read the same cells by column where `is_delimited`.
    """

    is_delimited: ClassVar[bool] = True

    format: Format
    encoding: Encoding
    _options: dict[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        given = self.format
        options: dict[str, Any] = {"delimiter": given.delimiter, "strict": False}
        if given.quote:
            options.update(quotechar=given.quote, doublequote=True, quoting=csv.QUOTE_MINIMAL)
        else:
            options.update(quotechar=None, quoting=csv.QUOTE_NONE)
        if given.escape and given.escape != given.quote:
            options.update(escapechar=given.escape)
        object.__setattr__(self, "_options", options)

    def cells(self, content: Content) -> list[str]:
        """The cells of one record, without its line end; of a broken one, as far as they can be told."""
        text = content if isinstance(content, str) else self.encoding.decode_marked(content)
        try:
            return next(self._reader([text]), [])
        except csv.Error:
            return [text]

    def is_partial(self, final: bytes, width: int) -> bool:
        """Whether the last record, which no line end follows, lacks cells or a part of a character."""
        cells = self.cells(self.encoding.decode_marked(final))
        return len(cells) < width or self.encoding.ends_mid_character(final)

    def records(self, header: Header, chunk: Chunk, layout: Layout) -> Records:
        """The records of a chunk."""
        unreadable: dict[int, Problem] = {}
        rows = None if layout.faults else self._all_rows(chunk.data, len(layout.lines))
        if rows is None:
            rows = self._rows_one_by_one(chunk, layout, unreadable)
        width = len(header)
        for index, row in enumerate(rows):
            if len(row) != width and index not in unreadable:
                unreadable[index] = _ragged(len(row), width)
        return records_of(header, chunk, layout, rows, dict(sorted(unreadable.items())))

    def quoted(self, row: Sequence[str]) -> bytes:
        """A record of these cells, each of them in quotes."""
        quote = self.format.quote
        cells = (quote + cell.replace(quote, quote * 2) + quote for cell in row)
        return self.format.delimiter.join(cells).encode(self.encoding.codec)

    def fault_of(
        self, raw: bytes, row: Sequence[str], width: int, fault: str | None = None
    ) -> Problem | None:
        """What makes a record unreadable; `fault` as `Layout.faults` has it."""
        problem = broken(fault) or self._undecodable(raw) or nul_among(row)
        return problem or (_ragged(len(row), width) if len(row) != width else None)

    def _reader(self, lines: Sequence[str] | io.StringIO) -> Iterator[list[str]]:
        """A `csv` reader. Its bound on cells is of the whole process: it is raised, never lowered."""
        if csv.field_size_limit() < FIELD_BYTES:
            csv.field_size_limit(FIELD_BYTES)
        return csv.reader(lines, **self._options)

    def _all_rows(self, data: bytes, expected: int) -> list[list[str]] | None:
        """All rows at once; None where the data is not text, has NULs, or reads as other records."""
        try:
            text = self.encoding.decode(data)
        except UnicodeDecodeError:
            return None
        if "\0" in text:
            return None
        rows = self._rows_by_line(text, expected)
        if rows is None:
            rows = [row for row in self._reader(io.StringIO(text, newline="")) if row]
        return rows if len(rows) == expected else None

    def _rows_by_line(self, text: str, expected: int) -> list[list[str]] | None:
        """The rows of a text in which each line is a record; where nothing is quoted, simply split.

        None where a record has several lines, or where an escape character may make a delimiter ordinary.
        """
        delimiter, quote = self.format.delimiter, self.format.quote
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        lines = [line for line in text.split("\n") if line]
        if "\r" in text or "escapechar" in self._options or len(lines) != expected:
            return None
        if quote and quote in text:
            return list(self._reader(lines))
        return [line.split(delimiter) for line in lines]

    def _rows_one_by_one(
        self, chunk: Chunk, layout: Layout, unreadable: dict[int, Problem]
    ) -> list[list[str]]:
        """The rows of a chunk in which not all is well; adds what is wrong to `unreadable`."""
        rows = []
        firsts = (layout.offsets - chunk.start.offset).tolist()
        for index, (first, length) in enumerate(zip(firsts, layout.lengths.tolist(), strict=True)):
            raw = chunk.data[first : first + length]
            row = self.cells(raw)
            problem = broken(layout.faults.get(index)) or self._undecodable(raw) or nul_among(row)
            if problem:
                unreadable[index] = problem
            rows.append(row)
        return rows

    def _shown(self, raw: bytes) -> str:
        """The text of a few bytes, undecodable ones as escapes, so that it can be stored and printed."""
        return shortened(raw.decode(self.encoding.codec, "backslashreplace"))

    def _undecodable(self, raw: bytes) -> Problem | None:
        try:
            self.encoding.decode(raw)
        except UnicodeDecodeError as error:
            return self._undecodable_at(raw, error.start)
        return None

    def _undecodable_at(self, raw: bytes, first: int) -> Problem:
        codec, unit = self.encoding.codec, self.encoding.unit
        number = int.from_bytes(raw[first : first + unit], "big" if codec.endswith("-be") else "little")
        around = self._shown(raw[max(0, first - 20 * unit) : first + 20 * unit])
        if unit > 1 and number in SURROGATES and len(raw) >= first + unit:
            return Problem(
                "surrogate",
                f"half a character (U+{number:04X}) stands at byte {first + 1} of the record",
                "Correct the text in the collection system, or export it as UTF-8",
                value=around,
            )
        return Problem(
            "undecodable",
            f"byte 0x{raw[first]:02X}, byte {first + 1} of the record, is not {codec}",
            "Is the encoding of the source declared rightly? If so, the text was damaged before",
            value=around,
        )


def records_of(
    header: Header,
    chunk: Chunk,
    layout: Layout,
    rows: Sequence[Sequence[str]],
    unreadable: Mapping[int, Problem],
    columns: ColumnarRows | None = None,
) -> Records:
    """The records of a chunk that have these cells."""
    return Records(
        header=header,
        start=chunk.start,
        data=chunk.data,
        lines=layout.lines,
        offsets=layout.offsets,
        lengths=layout.lengths,
        rows=rows,
        unreadable=unreadable,
        blank_lines=layout.blank_lines,
        columns=columns,
        findings=layout.findings,
    )


def broken(fault: str | None) -> Problem | None:
    """What a fault of a record's layout is, in words."""
    return Problem(fault, *_BROKEN[fault]) if fault else None


def nul_among(row: Iterable[str]) -> Problem | None:
    """The problem of a record of which a cell has a NUL."""
    found = next((cell for cell in row if "\0" in cell), None)
    if found is None:
        return None
    return Problem(
        "nul",
        "the record contains a NUL character",
        "Remove it, for not every database can store it",
        value=shortened(found.replace("\0", "\\x00")),
    )


def _ragged(cells: int, width: int) -> Problem:
    hint = (
        "Quote cells that contain the delimiter or a quote"
        if cells > width
        else "Look for a line break in the middle of the record, or for cells that were left out"
    )
    noun = "cell" if cells == 1 else "cells"
    return Problem("ragged", f"row has {cells} {noun}, the header has {width}", hint)
