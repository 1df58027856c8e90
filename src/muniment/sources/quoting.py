"""Which records are quoted so that any reader of delimited text takes them for the same cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from muniment.records import Integers

Units = npt.NDArray[Any]
"""Bytes or code points, as numbers."""

Mask = npt.NDArray[np.bool_]

QUOTES_AT_ONCE = 64 * 1024
"""Quotes that arrays look at in one go, some 50 bytes for each: more is no faster."""


def misplaced(units: Units, quotes: Integers, opens: Mask, edges: Sequence[int]) -> Mask:
    """Which quotes neither open a cell, close one, nor are doubled within one.

    Args:
        units: some records and what stands between them.
        quotes: where in `units` quotes stand; ascending.
        opens: which of these are outside of cells in quotes: every other one within a record, from its first
            on. A doubled quote is one that closes, with one that opens right after it.
        edges: what stands before a cell and after it: the delimiter and line ends.
    """
    beside = np.where(opens, quotes - 1, quotes + 1)
    is_edge = np.isin(units[np.clip(beside, 0, len(units) - 1)], edges)
    fits = (beside < 0) | (beside == len(units)) | is_edge
    doubled = ~opens[:-1] & opens[1:] & (quotes[:-1] + 1 == quotes[1:])
    fits[:-1] |= doubled
    fits[1:] |= doubled
    wrong: Mask = ~fits
    return wrong


def irregular(units: Units, quotes: Integers, firsts: Integers, edges: Sequence[int]) -> Integers:
    """Indexes of the records with a quote that is `misplaced`, or opens a cell and is not closed.

    Args:
        units: as in `misplaced`.
        quotes: as there.
        firsts: where in `units` each record begins; ascending, the first one not after the first quote.
        edges: as in `misplaced`.
    """
    before = np.searchsorted(quotes, firsts)
    found = [np.empty(0, np.int64)]
    for start in range(0, len(quotes), QUOTES_AT_ONCE):
        first, end = max(start - 1, 0), min(start + QUOTES_AT_ONCE, len(quotes))
        part = quotes[
            first : end + 1
        ]  # with a neighbour on either side, which may be doubled with one of them
        record = np.searchsorted(firsts, part, "right") - 1
        opens = (np.arange(first, first + len(part)) - before[record]) % 2 == 0
        is_last = np.append(record[:-1] != record[1:], end == len(quotes))
        wrong = misplaced(units, part, opens, edges) | (opens & is_last)
        found.append(record[start - first : end - first][wrong[start - first : end - first]])
    return np.unique(np.concatenate(found))
