"""Passing over a record that is too long to be held, to where it really ends."""

from __future__ import annotations

import numpy as np

from muniment.sources.grammar import Grammar
from muniment.sources.windows import ByteWindow

HELD_BYTES = 1024 * 1024
"""What is held at a time meanwhile."""


class Passing:
    """Passes over one record that begins where the window does, which moves on.

    Attributes:
        lines: physical lines passed.
        end: offset in the source of the record's end, line end excluded.
    """

    def __init__(self, window: ByteWindow, grammar: Grammar) -> None:
        self.lines = 0
        self.end = window.offset
        self._window = window
        self._grammar = grammar
        self._left = grammar.line_feed[:0]

    def line(self) -> bool:
        """Pass over one physical line, whatever its quotes; returns whether it has a line end."""
        while True:
            content = self._window.content
            match = self._grammar.line.match(content)
            if match and (match.end() < len(content) or self._window.ended):
                return self._finish(match.start(1), match.end())
            if self._window.ended:
                return self._finish(len(content), len(content))
            self._leave(len(content) - 1)

    def record(self) -> bool:
        """Pass over one record, line ends within its quotes included; returns whether it has a line end."""
        grammar, position, quoted = self._grammar, 0, self._opens(0)
        position = int(quoted)
        while True:
            content = self._window.content
            match = (grammar.quoted if quoted else grammar.plain).match(content, position)
            stop = match.end() if match else position
            left = len(content) - stop
            if left < 2 and not self._window.ended:
                self._leave(stop)
                position = 0
                continue
            special = content[stop : stop + 1]
            if left == 0 or special == grammar.escape:
                return self._finish(len(content), len(content))
            position = stop + 1
            if quoted:
                quoted = False
            elif special == grammar.delimiter:
                quoted = self._opens(position)
                position += int(quoted)
            else:
                both = content[stop : stop + 2] == grammar.carriage_return + grammar.line_feed
                return self._finish(stop, stop + 1 + int(both))

    def _opens(self, position: int) -> bool:
        quote = self._grammar.quote
        return bool(quote) and self._window.content[position : position + 1] == quote

    def _leave(self, units: int) -> None:
        """Let go of the first units, and hold more."""
        content, grammar = self._window.content, self._grammar
        self.lines += grammar.line_ends(content, 0, units)
        if self._left == grammar.carriage_return and content[:1] == grammar.line_feed and units:
            self.lines -= 1
        self._left = content[units - 1 : units] if units else self._left
        self._window.take(units)
        self._window.fill(HELD_BYTES)
        self._window.reach(2)

    def _finish(self, end: int, following: int) -> bool:
        self.end = int(self._window.byte_offsets(np.array([end], dtype=np.int64))[0])
        self._leave(following)
        return following > end
