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
    record = np.searchsorted(firsts, quotes, "right") - 1
    opens = (np.arange(len(quotes)) - np.searchsorted(quotes, firsts)[record]) % 2 == 0
    is_last = np.append(record[:-1] != record[1:], True)
    return np.unique(record[misplaced(units, quotes, opens, edges) | (opens & is_last)])
