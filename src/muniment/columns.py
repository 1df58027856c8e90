"""Rows that are held by column, in Arrow's arrays: many cells without a Python object for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Column = Any
"""An Arrow array; of which type, is known when a program runs."""


class ColumnarRows(Sequence[tuple[Any, ...]]):
    """Rows of equal width; a row is made when it is asked for.

    Args:
        columns: at least one, all of the same length.
    """

    __slots__ = ("columns",)

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return zip(*(column.to_pylist() for column in self.columns), strict=True)

    @overload
    def __getitem__(self, place: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, place: slice) -> ColumnarRows: ...
    def __getitem__(self, place: int | slice) -> tuple[Any, ...] | ColumnarRows:
        if isinstance(place, slice):
            start, stop, _ = place.indices(len(self))
            return ColumnarRows([column.slice(start, max(0, stop - start)) for column in self.columns])
        return tuple(column[place].as_py() for column in self.columns)

    def take(self, places: Sequence[int]) -> ColumnarRows:
        """The rows at these places, in this order."""
        wanted = pa.array(places, pa.int64())
        return ColumnarRows([column.take(wanted) for column in self.columns])


class TextColumn(Sequence[str]):
    """A column of text, each a Python string only when it is asked for."""

    __slots__ = ("column",)

    def __init__(self, column: Column) -> None:
        self.column = column

    def __len__(self) -> int:
        return len(self.column)

    def __iter__(self) -> Iterator[str]:
        return iter(self.column.to_pylist())

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> TextColumn: ...
    def __getitem__(self, place: int | slice) -> str | TextColumn:
        if isinstance(place, slice):
            start, stop, _ = place.indices(len(self))
            return TextColumn(self.column.slice(start, max(0, stop - start)))
        return str(self.column[place].as_py())

    def take(self, places: Sequence[int]) -> TextColumn:
        """The texts at these places, in this order."""
        return TextColumn(self.column.take(pa.array(places, pa.int64())))


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows as a database's bulk path sends them, made ahead of the transaction that writes them.

    Attributes:
        rows: the same rows.
        form: what the database had said of its columns; where it says otherwise now, `payload` is void.
        payload: the bytes.
    """

    rows: ColumnarRows
    form: tuple[int, ...]
    payload: memoryview

    def __len__(self) -> int:
        return len(self.rows)


def chosen(values: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    """What stands at these places, by column where `values` are held so."""
    take = getattr(values, "take", None)
    if take is not None:
        taken: Sequence[Any] = take(places)
        return taken
    return [values[place] for place in places]


def cell_lengths(column: Column) -> npt.NDArray[np.int32]:
    """The bytes of each cell of a column of text or binary; 0 of one that is null."""
    offsets: npt.NDArray[np.int32] = np.frombuffer(column.buffers()[1], np.int32)
    return np.diff(offsets[column.offset : column.offset + len(column) + 1])
