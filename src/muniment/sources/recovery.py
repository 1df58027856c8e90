"""Records: the definition of what one is, and how reading goes on after a broken one.

What is not well formed never swallows its neighbours. A record whose quotes are wrong is its first
physical line, and reading goes on at the next; unless nothing is wrong but text after a closing quote on
that line, and what follows completes a record of the right width. Where a quote does not close before the
end of the source or the longest record, the lines that follow decide: if they read as records, the quote is a
stray one; if not, they are the rest of one long, or incomplete, record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from muniment.records import Integers
from muniment.sources.grammar import Content, Grammar
from muniment.sources.parsing import Parser
from muniment.sources.scanning import Stretch, scan
from muniment.sources.windows import ByteWindow

QUOTE = "quote"
UNCLOSED = "quote-unclosed"
TOO_LONG = "too-long"
INCOMPLETE = "incomplete"

EVIDENCE_LINES = 32
"""Lines looked at to tell a stray quote from a long record: a few would do, prose is rarely tabular."""

EVIDENCE_UNITS = 64 * 1024
"""How far these lines may reach, so that judging stays cheap where lines are long."""

VAIN_REACH = 8 * 1024
"""How far one still looks beyond the first line once as much as the longest record was looked at in vain
within a chunk: more than almost any record has, yet hostile quotes cost no quadratic time."""

LINE_END_UNITS = 2
"""The longest line end, CRLF."""

LONGEST_STRETCH = 256 * 1024
"""Units that arrays look at in one go: more is hardly faster, and all of it was looked at in vain where
something is wrong at its beginning."""

SHORTEST_STRETCH = 16 * 1024
"""The same where much is wrong: less takes as long."""

FEW_RECORDS = 32
"""A stretch with fewer of them takes arrays as long as one by one."""

MOST_APART = 256
"""The most records that are found one by one before arrays are tried again: so many take ten times as long as
a vain trial."""


class Found(NamedTuple):
    """One record: units up to its end and up to the next, why it is broken; `looked` is how far one saw."""

    end: int
    next: int
    fault: str = ""
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Extents(Stretch):
    """Where the records of one chunk stand within a window.

    Attributes:
        unterminated: the last record is ended by the end of the source, not by a line end.
        faults: by index, why a record is not well formed.
        regular: see `Layout`.
    """

    unterminated: bool
    faults: Mapping[int, str]
    regular: bool


class _Taken:
    """The records of a chunk that were found so far, from the start of a window on."""

    def __init__(self) -> None:
        self.rows = self.stop = self.vain = 0
        self._line = self._blank_lines = 0
        self._pieces: list[Integers] = [np.empty((3, 0), np.int64)]
        self._ones: list[tuple[int, int, int]] = []
        self._faults: dict[int, str] = {}
        self._regular = True

    def add(self, found: Stretch) -> None:
        """Add those of a stretch."""
        self._gather()
        self._pieces.append(
            np.stack((found.starts + self.stop, found.ends + self.stop, found.lines + self._line))
        )
        self.rows += len(found.starts)
        self._blank_lines += found.blank_lines
        self._line += found.stop_line
        self.stop += found.stop

    def add_one(self, found: Found, line_ends: int) -> None:
        """Add one record, or a blank line, that has so many line ends."""
        self._regular = False
        if found.end > self.stop:
            self._ones.append((self.stop, found.end, self._line))
            self.rows += 1
        else:
            self._blank_lines += 1
        if found.fault:
            self._faults[self.rows - 1] = found.fault
            self.vain += found.looked - found.next
        self._line += line_ends
        self.stop = found.next

    def extents(self, window: ByteWindow) -> Extents:
        """Where all of them stand."""
        self._gather()
        starts, ends, lines = np.concatenate(self._pieces, axis=1)
        unterminated = bool(self.rows) and window.ended and int(ends[-1]) == len(window.content)
        return Extents(
            starts=starts,
            ends=ends,
            lines=lines,
            blank_lines=self._blank_lines,
            stop=self.stop,
            stop_line=self._line,
            unterminated=unterminated,
            faults=self._faults,
            regular=self._regular,
        )

    def _gather(self) -> None:
        if self._ones:
            self._pieces.append(np.array(self._ones, np.int64).T)
            self._ones = []


class Scanner:
    """Finds the records of chunks: many at once where all is well, else one by one.

    Args:
        grammar: of the source.
        parser: tells the cells of a line, as evidence.
        width: how many cells a record has.
        max_units: the longest record.
        arrays: whether records may be found many at once.
    """

    def __init__(
        self, grammar: Grammar, parser: Parser, width: int, max_units: int, *, arrays: bool = True
    ) -> None:
        self._grammar = grammar
        self._parser = parser
        self._width = width
        self._max_units = max_units
        self._arrays = arrays

    def scan(self, window: ByteWindow, limit: int, max_rows: int) -> Extents:
        """The records that end within `limit` units, at most `max_rows`, but at least one.

        A record that is too long to be held comes alone; its end is then the window's, and not known.
        """
        taken = _Taken()
        stretch, apart, alone = LONGEST_STRETCH, 1, 0
        while taken.rows < max_rows and taken.stop < limit:
            if self._arrays and not alone:
                start, stop = taken.stop, min(limit, taken.stop + stretch)
                ended = window.ended and stop == len(window.content)
                found = scan(
                    window.content, start, stop, ended, self._grammar, max_rows - taken.rows, self._max_units
                )
                taken.add(found)
                if found.stop and (found.sound or taken.rows == max_rows):
                    stretch, apart = LONGEST_STRETCH, 1
                    continue
                if found.sound and start and stop == limit and not ended:
                    break  # the next record ends beyond it
                if found.sound and stop < limit and stretch < LONGEST_STRETCH:
                    stretch = LONGEST_STRETCH  # the next record is longer
                    continue
                if not found.sound:
                    apart = 1 if len(found.starts) >= FEW_RECORDS else min(2 * apart, MOST_APART)
                    stretch = min(max(2 * found.stop, SHORTEST_STRETCH), LONGEST_STRETCH)
                alone = 1 if found.sound else apart
            if not self._add_next(taken, window, limit):
                break
            alone = max(alone - 1, 0)
        return taken.extents(window)

    def _add_next(self, taken: _Taken, window: ByteWindow, limit: int) -> bool:
        """Add the next record, by itself; whether others may follow it in its chunk."""
        start = taken.stop
        found = self.next_record(window, start, taken.vain)
        if start and (found.fault == TOO_LONG or not self._fits(window, found, limit)):
            return False
        taken.add_one(found, self._grammar.line_ends(window.content, start, found.next))
        return found.fault != TOO_LONG

    def _fits(self, window: ByteWindow, found: Found, limit: int) -> bool:
        """Whether the record's end can be told from the first `limit` units: a LF may follow a last CR."""
        if found.next < limit or (window.ended and limit == len(window.content)):
            return True
        return found.next == limit and bool(
            window.content[limit - 1 : limit] != self._grammar.carriage_return
        )

    def next_record(self, window: ByteWindow, start: int, vain: int = 0) -> Found:
        """The record that begins at `start`; `vain` units were looked ahead for nothing before."""
        furthest = start + self._max_units + LINE_END_UNITS
        spent = vain >= self._max_units
        if spent:
            furthest = min(furthest, self.first_line(window, start).next + VAIN_REACH)
        while True:
            content, stop = window.content, min(len(window.content), furthest)
            at_end = window.ended and stop == len(content)
            match = self._grammar.record.match(content, start, stop)
            if match and (match.end() < stop or at_end):
                return Found(match.start(1), match.end())
            broken = None if match else self._broken_at(content, start, stop)
            if broken is not None or at_end or stop == furthest:
                break
            window.grow()
        line = self.first_line(window, start)
        if line.fault == TOO_LONG:
            return line
        if broken is not None:
            return self._completed(window, start, broken, line) or Found(
                line.end, line.next, QUOTE, max(broken, line.next)
            )
        if line.fault:
            return line
        if (spent and not at_end) or self.follows_records(window, line.next):
            return Found(line.end, line.next, UNCLOSED, max(stop, line.next))
        return Found(stop, stop, INCOMPLETE if at_end else TOO_LONG, stop)

    def _completed(self, window: ByteWindow, start: int, broken: int, line: Found) -> Found | None:
        """The record in which text follows a closing quote at `broken`, where all else of it is well formed.

        The text must stand on the first line: a quote that closes further down may be another record's.
        """
        furthest = start + self._max_units + LINE_END_UNITS
        if broken > line.end:
            return None
        while True:
            content, stop = window.content, min(len(window.content), furthest)
            at_end = window.ended and stop == len(content)
            text = self._grammar.plain.match(content, broken, stop)
            rest = text.end() if text else broken
            if content[rest : rest + 1] != self._grammar.delimiter:
                return None
            match = self._grammar.record.match(content, rest + 1, stop)
            if match and (match.end() < stop or at_end):
                width = len(self._parser.cells(content[start : match.start(1)]))
                return Found(match.start(1), match.end(), QUOTE) if width == self._width else None
            if at_end or stop == furthest:
                return None
            window.grow()

    def first_line(self, window: ByteWindow, start: int) -> Found:
        """The first physical line from `start` on, which may be too long, or without a line end."""
        furthest = start + self._max_units + LINE_END_UNITS
        while True:
            stop = min(len(window.content), furthest)
            match = self._grammar.line.match(window.content, start, stop)
            at_end = window.ended and stop == len(window.content)
            if match and (match.end() < stop or at_end):
                return Found(match.start(1), match.end())
            if at_end or stop == furthest:
                return Found(stop, stop, INCOMPLETE if at_end else TOO_LONG, stop)
            window.grow()

    def _broken_at(self, content: Content, start: int, stop: int) -> int | None:
        """Where something other than a delimiter or line end follows a closing quote, if that is so."""
        grammar = self._grammar
        cell = grammar.cells.match(content, start, stop)
        opening = cell.end() if cell else start
        if not grammar.quote or content[opening : opening + 1] != grammar.quote:
            return None
        inside = grammar.quoted.match(content, opening + 1, stop)
        closing = inside.end() if inside else stop
        closed = content[closing : closing + 1] == grammar.quote and closing + 1 < stop
        return closing + 1 if closed else None

    def follows_records(self, window: ByteWindow, start: int) -> bool:
        """Whether most of the lines from `start` on are records of the right width.

        Where there is one column, any line would be, which is no evidence.
        """
        if self._width < 2:
            return False
        furthest = start + EVIDENCE_UNITS
        window.reach(furthest + 1)
        stop = min(len(window.content), furthest)
        records = others = 0
        while start < stop and records + others < EVIDENCE_LINES:
            line = self._grammar.line.match(window.content, start, stop)
            end = line.end() if line else stop
            if line and line.start(1) == start:
                pass
            elif self._is_record(window.content, start, end):
                records += 1
            elif line or window.ended:
                others += 1
            start = end
        return records > others

    def _is_record(self, content: Content, start: int, end: int) -> bool:
        match = self._grammar.record.match(content, start, end)
        if not match or match.end() != end:
            return False
        return len(self._parser.cells(content[start : match.start(1)])) == self._width
