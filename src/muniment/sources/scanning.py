"""Where the records of a well-formed stretch stand, found with arrays over all of it at once.

This is only a faster way to what `recovery` finds record by record; a property test holds them equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from muniment.records import Integers
from muniment.sources.grammar import Content, Grammar
from muniment.sources.quoting import Mask, Units, misplaced


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where records stand that follow each other; units and lines are counted from where it begins.

    Attributes:
        starts, ends: units before each record, and up to its line end.
        lines: physical lines before each record.
        blank_lines: lines with nothing on them.
        stop, stop_line: units and lines of all that.
    """

    starts: Integers
    ends: Integers
    lines: Integers
    blank_lines: int
    stop: int
    stop_line: int


@dataclass(frozen=True, slots=True)
class Scanned(Stretch):
    """A stretch that arrays found; `sound` where what follows may be well formed, too."""

    sound: bool


def _nothing(*, sound: bool) -> Scanned:
    none = np.empty(0, np.int64)
    return Scanned(none, none, none, blank_lines=0, stop=0, stop_line=0, sound=sound)


def scan(
    content: Content, start: int, stop: int, ended: bool, grammar: Grammar, max_rows: int, max_units: int
) -> Scanned:
    """The records from `start` on that end before `stop`, and before what takes a closer look.

    That is a record that is not well formed or too long, a quote within a plain cell, or an escape character.

    Args:
        content: where to look.
        start: of a record.
        stop: up to where to look.
        ended: the source ends there.
        grammar: of the source.
        max_rows: how many records to take.
        max_units: the longest record.
    """
    escape = content.find(grammar.escape, start, stop) if grammar.escape else -1
    if escape >= 0:
        stop, ended = escape, False
    units = _units(content, start, stop)
    returns = _places(content, start, units, grammar.carriage_return)
    line_ends = _line_ends(_places(content, start, units, grammar.line_feed), returns, units, ended, grammar)
    if ended and (not len(line_ends) or int(line_ends[-1]) != len(units) - 1):
        line_ends = np.append(line_ends, len(units))
    quotes = _places(content, start, units, grammar.quote)
    outside = np.flatnonzero(np.searchsorted(quotes, line_ends) % 2 == 0)
    closing = line_ends[outside]
    if not len(closing):
        return _nothing(sound=escape < 0)
    starts = np.append(0, closing[:-1] + 1)
    ends = closing - _is_line_feed_of_two(units, closing, grammar) if len(returns) else closing
    first_wrong = _first_wrong(units, quotes[: np.searchsorted(quotes, closing[-1])], grammar)
    doubtful = np.flatnonzero((closing > first_wrong) | (closing - starts > max_units))
    good = int(doubtful[0]) if len(doubtful) else len(closing)
    full = np.flatnonzero(ends[:good] > starts[:good])[:max_rows]
    taken = int(full[-1]) + 1 if len(full) == max_rows else good
    if not taken:
        return _nothing(sound=False)
    past_end = int(closing[taken - 1]) == len(units)
    return Scanned(
        starts=starts[full],
        ends=ends[full],
        lines=np.append(0, outside[:-1] + 1)[full],
        blank_lines=taken - len(full),
        stop=int(closing[taken - 1]) + 1 - past_end,
        stop_line=int(outside[taken - 1]) + 1 - past_end,
        sound=good == len(closing) and escape < 0,
    )


def _first_wrong(units: Units, quotes: Integers, grammar: Grammar) -> int:
    """Where the first quote stands that neither opens a cell, closes one, nor is doubled; else the end."""
    edges = [ord(mark) for mark in (grammar.delimiter, grammar.line_feed, grammar.carriage_return)]
    wrong = misplaced(units, quotes, np.arange(len(quotes)) % 2 == 0, edges)
    return int(quotes[wrong.argmax()]) if wrong.any() else len(units)


def _units(content: Content, start: int, stop: int) -> Units:
    """The units as numbers: bytes, or code points."""
    if isinstance(content, bytes):
        return np.frombuffer(content, np.uint8, stop - start, start)
    return np.frombuffer(content[start:stop].encode("utf-32-le", "surrogatepass"), np.uint32)


def _places(content: Content, start: int, units: Units, mark: Any) -> Integers:
    """Where a mark stands. Most texts lack some: a search tells so sooner than comparing all units."""
    if not mark or content.find(mark, start, start + len(units)) < 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(units == ord(mark))


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


def _is_line_feed_of_two(units: Units, line_ends: Integers, grammar: Grammar) -> Mask:
    """Which line ends are a LF after a CR."""
    before = units[np.maximum(line_ends - 1, 0)] == ord(grammar.carriage_return)
    within = np.minimum(line_ends, len(units) - 1)
    both = before & (units[within] == ord(grammar.line_feed))
    return np.asarray(both & (line_ends > 0) & (line_ends < len(units)), np.bool_)
