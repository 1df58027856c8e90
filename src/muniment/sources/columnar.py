"""From the bytes of a chunk to columns of text, by Arrow's reader of CSV.

This is only a faster way to what `parsing` finds row by row; a property test holds them equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
import pyarrow as pa
from pyarrow import csv

from muniment.columns import ColumnarRows
from muniment.records import HUGE_BYTES, Chunk, Header, Integers, Layout, Problem, Records
from muniment.sources.parsing import Parser, records_of

UTF_8 = "utf-8"


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

    A record that is not text, holds a NUL, or has too few or too many cells is read by itself, and stands
    in the columns as a row of placeholders.
    """
    if layout.faults or not layout.regular or not _is_plain(parser):
        return None
    rows = RowsOnDemand(parser, chunk, layout)
    try:
        table, odd = _table_without_odd_rows(parser, header, chunk, layout)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    unreadable: dict[int, Problem] = {}
    for index in sorted(odd):
        problem = parser.fault_of(rows.raw(index), rows[index], len(header))
        if problem is None:
            return None
        unreadable[index] = problem
    if table.num_rows != len(rows):
        return None
    columns = ColumnarRows([column.combine_chunks() for column in table.columns])
    told = columns if not odd and len(chunk.data) > HUGE_BYTES else rows
    return records_of(header, chunk, layout, told, unreadable, columns)


def _is_plain(parser: Parser) -> bool:
    """Whether Arrow knows the dialect: single bytes, no escape character beside the doubled quote."""
    given = parser.format
    own_escape = given.escape and given.escape != given.quote
    return not own_escape and (given.delimiter + given.quote).isascii()


def _table_without_odd_rows(
    parser: Parser, header: Header, chunk: Chunk, layout: Layout
) -> tuple[pa.Table, set[int]]:
    """The cells, and the indexes of the records that placeholders stand for.

    Raises:
        ArrowInvalid, UnicodeDecodeError: it cannot be told what is wrong.
    """
    firsts, width = layout.offsets - chunk.start.offset, len(header)
    odd: set[int] = set()
    if parser.encoding.codec == UTF_8:
        odd = _with_nul(chunk.data, firsts) | _undecodable(chunk.data, firsts)
    table, ragged = _table(_as_utf8(parser, _replaced(parser, chunk, layout, odd, width)), parser, width)
    if ragged:
        odd |= ragged
        table, _ = _table(_as_utf8(parser, _replaced(parser, chunk, layout, odd, width)), parser, width)
    return table, odd


def _with_nul(data: bytes, firsts: Integers) -> set[int]:
    """Indexes of the records with NULs, which Arrow would take."""
    if b"\0" not in data:
        return set()
    places = np.flatnonzero(np.frombuffer(data, np.uint8) == 0)
    return set((np.searchsorted(firsts, places, "right") - 1).tolist())


def _undecodable(data: bytes, firsts: Integers) -> set[int]:
    """Indexes of the records that are not UTF-8."""
    found: set[int] = set()
    view, start = memoryview(data), len(data) if _is_utf8(data) else 0
    while start < len(data):
        try:
            str(view[start:], UTF_8)
            break
        except UnicodeDecodeError as error:
            index = int(np.searchsorted(firsts, start + error.start, "right")) - 1
            found.add(index)
            start = int(firsts[index + 1]) if index + 1 < len(firsts) else len(data)
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


def _replaced(parser: Parser, chunk: Chunk, layout: Layout, odd: set[int], width: int) -> bytes:
    """The chunk's bytes with a row of placeholders for each odd record."""
    if not odd:
        return chunk.data
    placeholder = ("x" + parser.format.delimiter * (width - 1)).encode(parser.encoding.codec)
    pieces, end = [], 0
    for index in sorted(odd):
        first = int(layout.offsets[index]) - chunk.start.offset
        pieces += [chunk.data[end:first], placeholder]
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
