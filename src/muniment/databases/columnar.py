r"""Columns as the bytes of a bulk write: PostgreSQL's binary COPY, and the tab-separated text of `tabbed`.

Arrow joins the cells of a row, with what stands before, between and after them: what comes out lies in memory
as it will be sent.
"""

from __future__ import annotations

from binascii import hexlify
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from muniment.columns import Column, ColumnarRows, cell_lengths
from muniment.databases.tabbed import ESCAPES, WRITTEN

pc: Any = pyarrow.compute

COPY_OPENING = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no extension (PostgreSQL's documentation of COPY, "Binary Format")."""

COPY_CLOSING = b"\xff\xff"

NULL_LENGTH = -1

CELL_END, ROW_END, NULL_MARK = (mark.encode() for mark in WRITTEN)

TEXT_OIDS = frozenset((25, 1042, 1043))
"""text, bpchar, varchar: their binary form is the text itself."""

BYTEA_OID = 17

FIXED_OIDS: Mapping[int, tuple[Any, str]] = {
    16: (pa.bool_(), "u1"),
    20: (pa.int64(), ">i8"),
    21: (pa.int64(), ">i2"),
    23: (pa.int64(), ">i4"),
    701: (pa.float64(), ">f8"),
}
"""bool, int8, int2, int4, float8: the type that they are made from, and how they are written."""


def binary_copy(rows: ColumnarRows, oids: Sequence[int]) -> memoryview | None:
    """The rows as binary COPY takes them, between opening and closing.

    Args:
        rows: at least one column.
        oids: the types of the server's columns.

    Returns:
        None where a column has another binary form than is written here, or a number does not fit.
    """
    pieces: list[Any] = [pa.scalar(len(oids).to_bytes(2, "big"), pa.binary())]
    for column, oid in zip(rows.columns, oids, strict=True):
        written = _binary(column, oid)
        if written is None:
            return None
        lengths = cell_lengths(written).astype(">i4")
        lengths[column.is_null().to_numpy(zero_copy_only=False)] = NULL_LENGTH
        pieces += [_fixed(lengths), written]
    return _cells(_joined(pieces))[1]


def _binary(column: Column, oid: int) -> Column | None:
    if (column.type == pa.string() and oid in TEXT_OIDS) or (column.type == pa.binary() and oid == BYTEA_OID):
        return column.cast(pa.binary())
    kind, written_as = FIXED_OIDS.get(oid, (None, ""))
    if column.type != kind:
        return None
    values = column.fill_null(False if kind == pa.bool_() else 0).to_numpy(zero_copy_only=False)
    written = values.astype(written_as)
    if not np.array_equal(written, values):
        return None
    return pc.if_else(column.is_null(), pa.scalar(None, pa.binary()), _fixed(written))


def _fixed(values: npt.NDArray[Any]) -> Column:
    """Numbers as cells of their bytes."""
    offsets: Any = np.arange(0, values.nbytes + 1, values.itemsize, dtype=np.int32)
    cells: Any = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.binary(), len(values), [None, pa.py_buffer(offsets), pa.py_buffer(cells)])


def tab_separated_columns(rows: ColumnarRows) -> memoryview:
    """The rows in UTF-8, as `tabbed.tab_separated` writes them; bytes as hexadecimal digits."""
    *texts, last = map(_text, rows.columns)
    last = _joined([last, pa.scalar(ROW_END, pa.binary())], null=NULL_MARK)
    return _cells(_joined([*texts, last], by=CELL_END, null=NULL_MARK))[1]


def _text(column: Column) -> Column:
    if column.type == pa.binary():
        return _hexadecimal(column)
    if column.type == pa.bool_():
        column = column.cast(pa.int8())
    if column.type != pa.string():
        return column.cast(pa.string()).cast(pa.binary())
    content = bytes(_cells(column)[1])
    for found, written in ESCAPES:
        if found.encode() in content:  # many times as fast as to look into each cell
            column = pc.replace_substring(column, found, written)
    return column.cast(pa.binary())


def _hexadecimal(column: Column) -> Column:
    """The digits of bytes, which are written for all cells at once."""
    offsets, content = _cells(column)
    digits = hexlify(content)
    places: Any = (offsets - offsets[0]) * 2
    text: Any = pa.Array.from_buffers(
        pa.binary(), len(column), [None, pa.py_buffer(places), pa.py_buffer(digits)]
    )
    return pc.if_else(column.is_null(), pa.scalar(None, pa.binary()), text)


def _cells(column: Column) -> tuple[npt.NDArray[np.int32], memoryview]:
    """Where the cells begin and the last one ends, and their bytes, of a column of text or binary."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    return offsets, memoryview(column.buffers()[2] or b"")[offsets[0] : offsets[-1]]


def _joined(pieces: list[Any], *, by: bytes = b"", null: bytes = b"") -> Column:
    """The cells of each row as one, with `by` between them and `null` for each that is none."""
    between = pa.scalar(by, pa.binary())
    return pc.binary_join_element_wise(*pieces, between, null_handling="replace", null_replacement=null)
