"""A column of dates: those that are whole days, `1923-05-17`, are told without reading each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from muniment.columns import Column
from muniment.museum.blocks import Block, Mask
from muniment.museum.cells import Columns
from muniment.museum.date_points import LATEST_YEAR
from muniment.museum.distinct_reading import Distinct
from muniment.museum.reading import Bound
from muniment.museum.record_columns import PartColumns, together
from muniment.museum.white_space import trimmed
from muniment.records import Integers

pc: Any = pyarrow.compute

WHOLE_DAY = "^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$"

CERTAIN_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""Days that a month has in every year, by its number."""


class WholeDays(Distinct):
    """A column of dates with no columns of bounds beside it."""

    def __init__(self, bound: Bound, columns: Columns) -> None:
        super().__init__([bound], columns)
        self._position = columns.index(bound.source.column)
        self._null = pa.array(sorted(columns.null | frozenset(bound.source.null)), pa.string())

    def read(self, cells: Sequence[Column], count: int) -> Block:
        """What it says in `count` records, given all columns."""
        texts = trimmed(cells[self._position])
        is_day: Mask = pc.match_substring_regex(texts, WHOLE_DAY).to_numpy(zero_copy_only=False)
        is_day = is_day & ~pc.is_in(texts, value_set=self._null).to_numpy(zero_copy_only=False)
        owners = np.flatnonzero(is_day)
        days = texts.take(pa.array(owners))
        years, certain = _years(days)
        owners, days, years = owners[certain], days.filter(pa.array(certain)), years[certain]
        said = {"display": days, "earliest": days, "latest": days}
        said |= dict.fromkeys(("earliest_year", "latest_year"), pa.array(years))
        told = PartColumns(owners, np.arange(len(owners)), {name: said[name] for name in self._form.fields})
        others = list(cells)
        others[self._position] = self._without(texts, owners)
        rest = super().read(others, count)
        return Block(together(self._form, [rest.part, told]), rest.doubtful, rest.notes)

    @staticmethod
    def _without(texts: Column, owners: Integers) -> Column:
        """The texts, empty where they are told already."""
        is_told = np.zeros(len(texts), np.bool_)
        is_told[owners] = True
        return pc.if_else(pa.array(is_told), pa.scalar(""), texts)


def _years(days: Column) -> tuple[Integers, Mask]:
    """The year of each whole day, and which of them are certainly days of the calendar."""
    digits = np.frombuffer("".join(days.to_pylist()).encode(), np.uint8).reshape(-1, 10).astype(np.int64)
    digits -= ord("0")
    years: Integers = digits[:, :4] @ np.array([1000, 100, 10, 1])
    months, numbers = (digits[:, at : at + 2] @ np.array([10, 1]) for at in (5, 8))
    possible = CERTAIN_DAYS[np.minimum(months, 12)]
    return years, (years <= LATEST_YEAR) & (months <= 12) & (numbers >= 1) & (numbers <= possible)
