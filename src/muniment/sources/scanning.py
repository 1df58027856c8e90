"""Where the records of a well-formed stretch stand, found with arrays over all of it at once.

This is only a faster way to what `recovery` finds record by record; a property test holds them equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from muniment.records import Integers
from muniment.sources.grammar import Content, Grammar

FIRST_STRETCH = 256 * 1024
"""Units scanned at first: where records are short, all of a chunk may be in it. The number found tells how
many units the chunk needs, and a quarter more is scanned then."""

Units = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Extents:
    """Where the records of one chunk stand within a window.

    Attributes:
        starts, ends: units before each record, and up to its line end.
        lines: physical lines from the window's start to each record's.
        blank_lines: lines with nothing on them.
        stop, stop_line: units and lines of the whole chunk.
        unterminated: the last record is ended by the end of the source, not by a line end.
        faults: by index, why a record is not well formed.
        regular: see `Layout`.
    """

    starts: Integers
    ends: Integers
    lines: Integers
    blank_lines: int
    stop: int
    stop_line: int
    unterminated: bool
    faults: Mapping[int, str] = field(default_factory=dict)
    regular: bool = False


def scan(
    content: Content, limit: int, ended: bool, grammar: Grammar, max_rows: int, max_units: int
) -> Extents | None:
    """The records that end within the first `limit` units, at most `max_rows` of them.

    Args:
        content: where to look, from the start of a record on.
        limit: units to look at.
        ended: the source ends at `limit`.
        grammar: of the source.
        max_rows: how many records to take.
        max_units: the longest record.

    Returns:
        None where it takes a closer look: a record that is not well formed, is too long, or does not
        end here, a quote within a plain cell, or an escape character.
    """
    escape = grammar.escape
    stretch = min(limit, FIRST_STRETCH)
    while True:
        if escape and content.find(escape, 0, stretch) >= 0:
            return None
        whole = stretch == limit
        found = _scan_stretch(content, stretch, ended and whole, grammar, max_rows)
        if whole or (found is not None and len(found.starts) == max_rows):
            break
        records = len(found.starts) if found is not None else 0
        stretch = min(limit, stretch * max_rows * 5 // (records * 4) if records else 4 * stretch)
    if found is None or (found.ends - found.starts > max_units).any():
        return None
    return found


def _units(content: Content, count: int) -> Units:
    """The units as numbers: bytes, or code points."""
    if isinstance(content, bytes):
        return np.frombuffer(content, np.uint8, count)
    return np.frombuffer(content[:count].encode("utf-32-le", "surrogatepass"), np.uint32)


def _places(content: Content, units: Units, mark: Any) -> Integers:
    """Where a mark stands. Most texts lack some: a search tells so sooner than comparing all units."""
    if not mark or content.find(mark, 0, len(units)) < 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(units == ord(mark))


def _scan_stretch(
    content: Content, stretch: int, ended: bool, grammar: Grammar, max_rows: int
) -> Extents | None:
    units = _units(content, stretch)
    returns = _places(content, units, grammar.carriage_return)
    line_ends = _line_ends(_places(content, units, grammar.line_feed), returns, units, ended, grammar)
    unterminated = ended and (not len(line_ends) or int(line_ends[-1]) != len(units) - 1)
    if unterminated:
        line_ends = np.append(line_ends, len(units))
    quotes = _places(content, units, grammar.quote)
    outside = np.flatnonzero(np.searchsorted(quotes, line_ends) % 2 == 0)
    if not len(outside) or (unterminated and int(outside[-1]) != len(line_ends) - 1):
        return None
    closing = line_ends[outside]
    starts = np.append(0, closing[:-1] + 1)
    ends = closing - _is_line_feed_of_two(units, closing, grammar) if len(returns) else closing
    full = np.flatnonzero(ends > starts)
    taken = int(full[max_rows - 1]) + 1 if len(full) >= max_rows else len(closing)
    full = full[:max_rows]
    stop = min(int(closing[taken - 1]) + 1, len(units))
    unterminated = unterminated and taken == len(closing)
    if not _quotes_fit(units, quotes[: np.searchsorted(quotes, stop)], grammar):
        return None
    return Extents(
        starts=starts[full],
        ends=ends[full],
        lines=np.append(0, outside[:-1] + 1)[full],
        blank_lines=taken - len(full),
        stop=stop,
        stop_line=int(outside[taken - 1]) + 1 - int(unterminated),
        unterminated=unterminated,
        regular=True,
    )


def _line_ends(feeds: Integers, returns: Integers, units: Units, ended: bool, grammar: Grammar) -> Integers:
    """The last unit of each line end; a CR that a LF may still follow is none yet."""
    if not len(returns):
        return feeds
    at_end = int(returns[-1]) == len(units) - 1
    inner = returns[:-1] if at_end else returns
    bare = inner[units[inner + 1] != ord(grammar.line_feed)]
    if at_end and ended:
        bare = np.append(bare, returns[-1])
    return np.sort(np.concatenate((feeds, bare))) if len(bare) else feeds


def _is_line_feed_of_two(units: Units, line_ends: Integers, grammar: Grammar) -> npt.NDArray[np.bool_]:
    """Which line ends are a LF after a CR."""
    before = units[np.maximum(line_ends - 1, 0)] == ord(grammar.carriage_return)
    within = np.minimum(line_ends, len(units) - 1)
    both = before & (units[within] == ord(grammar.line_feed))
    return np.asarray(both & (line_ends > 0) & (line_ends < len(units)), np.bool_)


def _quotes_fit(units: Units, quotes: Integers, grammar: Grammar) -> bool:
    """Whether every quote opens a cell, closes one, or is doubled within one.

    Counted from 0, quotes of even number open and those of odd number close; a doubled quote is one
    that closes, with one that opens right after it.
    """
    if not len(quotes):
        return True
    edges = np.zeros(256 if units.itemsize == 1 else 0x110000, np.bool_)
    edges[[ord(grammar.delimiter), ord(grammar.line_feed), ord(grammar.carriage_return)]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    doubled = closing[: len(opening) - 1] + 1 == opening[1:]
    starts_cell = edges[units[np.maximum(opening - 1, 0)]]
    starts_cell[0] |= opening[0] == 0
    starts_cell[1:] |= doubled
    ends_cell = edges[units[np.minimum(closing + 1, len(units) - 1)]]
    ends_cell[-1:] |= closing[-1:] == len(units) - 1
    ends_cell[: len(doubled)] |= doubled
    return bool(starts_cell.all() and ends_cell.all())
