"""From the bytes of a chunk to columns of text, by Arrow's reader of CSV.

This is only a faster way to what `parsing` finds row by row; a property test holds them equal.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np
import pyarrow as pa
from pyarrow import csv

from muniment.columns import ColumnarRows
from muniment.records import HUGE_BYTES, Chunk, Header, Integers, Layout, Problem, Records
from muniment.sources.parsing import Parser, records_of
from muniment.sources.quoting import irregular
from muniment.sources.recovery import TOO_LONG

UTF_8 = "utf-8"

DECODED_BYTES = 64 * 1024
"""Bytes decoded at once where some are not text: an error takes a copy of all that it was found in."""

MOST_QUOTES = 4 * 1024 * 1024
"""Quotes of a chunk whose places are held, in 8 bytes each: only huge records of little else have more."""


class RowsOnDemand(Sequence[list[str]]):
    """The rows of a chunk, each read when it is asked for: where there are columns, few are."""

    __slots__ = ("_data", "_firsts", "_lengths", "_parser")

    def __init__(self, parser: Parser, chunk: Chunk, layout: Layout) -> None:
        self._parser = parser
        self._data = chunk.data
        self._firsts = layout.offsets - chunk.start.offset
        self._lengths = layout.lengths

    def __len__(self) -> int:
        return len(self._firsts)

    @overload
    def __getitem__(self, index: int) -> list[str]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[str]]: ...
    def __getitem__(self, index: int | slice) -> list[str] | list[list[str]]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return self._parser.cells(self.raw(index))

    def raw(self, index: int) -> bytes:
        """The bytes of a record."""
        first = int(self._firsts[index])
        return self._data[first : first + int(self._lengths[index])]


def read_columns(parser: Parser, header: Header, chunk: Chunk, layout: Layout) -> Records | None:
    """The records of a chunk with their cells by column; None where it takes a closer look to tell them.

    A record that is not well formed, is not text, holds a NUL, or has too few or too many cells is read by
    itself, and stands in the columns as a row of placeholders.
    """
    if TOO_LONG in layout.faults.values() or not _is_plain(parser):
        return None
    if not (layout.regular or _can_be_requoted(parser, chunk.data)):
        return None
    rows = RowsOnDemand(parser, chunk, layout)
    try:
        table, odd = _table_without_odd_rows(parser, len(header), chunk, layout, rows)
    except (pa.ArrowInvalid, UnicodeError):
        return None
    unreadable: dict[int, Problem] = {}
    for index in sorted(odd):
        problem = parser.fault_of(rows.raw(index), rows[index], len(header), layout.faults.get(index))
        if problem is None:
            return None
        unreadable[index] = problem
    if table.num_rows != len(rows):
        return None
    # A copy, even of one piece: what the reader made takes more memory than its cells do.
    columns = ColumnarRows([column.combine_chunks() for column in table.columns])
    told = columns if not odd and len(chunk.data) > HUGE_BYTES else rows
    return records_of(header, chunk, layout, told, unreadable, columns)


def _is_plain(parser: Parser) -> bool:
    """Whether Arrow knows the dialect: single bytes, no escape character beside the doubled quote."""
    given = parser.format
    own_escape = given.escape and given.escape != given.quote
    return not own_escape and (given.delimiter + given.quote).isascii()


def _can_be_requoted(parser: Parser, data: bytes) -> bool:
    """Whether `_requoted` can tell records apart: by bytes, of which few are quotes."""
    quote = parser.format.quote.encode(parser.encoding.codec)
    return parser.encoding.as_bytes and (not quote or data.count(quote) <= MOST_QUOTES)


def _table_without_odd_rows(
    parser: Parser, width: int, chunk: Chunk, layout: Layout, rows: RowsOnDemand
) -> tuple[pa.Table, set[int]]:
    """The cells, and the indexes of the records that placeholders stand for.

    Raises:
        ArrowInvalid, UnicodeError: it cannot be told what is wrong.
    """
    firsts = layout.offsets - chunk.start.offset
    odd = set(layout.faults)
    if parser.encoding.as_bytes:
        odd |= _with_nul(chunk.data, firsts) | _undecodable(chunk.data, firsts, parser.encoding.codec)
    put = {} if layout.regular else _requoted(parser, chunk.data, firsts, rows, odd)
    placeholder = ("x" + parser.format.delimiter * (width - 1)).encode(parser.encoding.codec)
    put |= dict.fromkeys(odd, placeholder)
    table, ragged = _table(_as_utf8(parser, _replaced(chunk, layout, put)), parser, width)
    if ragged:
        odd |= ragged
        put |= dict.fromkeys(ragged, placeholder)
        table, _ = _table(_as_utf8(parser, _replaced(chunk, layout, put)), parser, width)
    return table, odd


def _requoted(
    parser: Parser, data: bytes, firsts: Integers, rows: RowsOnDemand, odd: Container[int]
) -> dict[int, bytes]:
    """By index, all records that are not odd and that Arrow may read otherwise, quoted as it expects it."""
    given, codec = parser.format, parser.encoding.codec
    if not given.quote:
        return {}
    units = np.frombuffer(data, np.uint8)
    delimiter, *ends, quote = (mark.encode(codec)[0] for mark in (given.delimiter, "\r", "\n", given.quote))
    quotes = np.flatnonzero(units == quote)
    found = irregular(units, quotes, firsts, (delimiter, *ends)).tolist()
    return {index: parser.quoted(rows[index]) for index in found if index not in odd}


def _with_nul(data: bytes, firsts: Integers) -> set[int]:
    """Indexes of the records with NULs, which Arrow would take."""
    if b"\0" not in data:
        return set()
    places = np.flatnonzero(np.frombuffer(data, np.uint8) == 0)
    return set((np.searchsorted(firsts, places, "right") - 1).tolist())


def _undecodable(data: bytes, firsts: Integers, codec: str) -> set[int]:
    """Indexes of the records that are not text."""
    found: set[int] = set()
    view, start = memoryview(data), len(data) if codec == UTF_8 and _is_utf8(data) else 0
    while start < len(data):
        following = int(np.searchsorted(firsts, start + DECODED_BYTES))
        end = int(firsts[following]) if following < len(firsts) else len(data)
        try:
            str(view[start:end], codec)
        except UnicodeDecodeError as error:
            index = int(np.searchsorted(firsts, start + error.start, "right")) - 1
            found.add(index)
            end = int(firsts[index + 1]) if index + 1 < len(firsts) else len(data)
        start = end
    return found


def _is_utf8(data: bytes) -> bool:
    """As decoding tells it, but without making text."""
    ends: Any = np.array([0, len(data)], np.int64)
    whole = pa.Array.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(ends), pa.py_buffer(data)])
    try:
        whole.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _replaced(chunk: Chunk, layout: Layout, put: Mapping[int, bytes]) -> bytes:
    """The chunk's bytes with these ones put where some of its records stand."""
    if not put:
        return chunk.data
    pieces, end = [], 0
    for index in sorted(put):
        first = int(layout.offsets[index]) - chunk.start.offset
        pieces += [chunk.data[end:first], put[index]]
        end = first + int(layout.lengths[index])
    return b"".join([*pieces, chunk.data[end:]])


def _as_utf8(parser: Parser, content: bytes) -> bytes:
    """The same text in UTF-8; raises `UnicodeDecodeError` where it is none that can be read by column."""
    codec = parser.encoding.codec
    if codec == UTF_8:
        return content
    text = content.decode(codec)
    if "\0" in text:
        raise UnicodeDecodeError(codec, content, 0, 1, "NUL")
    return text.encode(UTF_8)


def _table(content: bytes, parser: Parser, width: int) -> tuple[pa.Table, set[int]]:
    """The cells, and the indexes of the rows that have too few or too many and are left out."""
    ragged: set[int] = set()

    def note(row: Any) -> Literal["skip"]:
        ragged.add(row.number - 1)
        return "skip"

    names = [str(position) for position in range(width)]
    given: Any = pa.BufferReader(content)  # a file to Arrow, if not to its stubs
    table = csv.read_csv(
        given,
        csv.ReadOptions(column_names=names, use_threads=False, block_size=len(content) + 1),
        csv.ParseOptions(
            delimiter=parser.format.delimiter,
            quote_char=parser.format.quote or False,
            newlines_in_values=bool(parser.format.quote),
            invalid_row_handler=note,
        ),
        csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=False,
            check_utf8=False,  # all of it was looked at before
        ),
    )
    return table, ragged
