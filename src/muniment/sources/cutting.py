"""Cutting a source into chunks of whole records.

Where to cut follows from the bytes after the chunk's start, and from the settings, alone: reading that
starts at the end of any chunk gives the same chunks from there on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from muniment.config import Settings
from muniment.errors import SourceIncomplete
from muniment.records import Chunk, Layout, Place
from muniment.sources.encodings import Encoding
from muniment.sources.grammar import Grammar
from muniment.sources.parsing import Parser
from muniment.sources.passing import Passing
from muniment.sources.recovery import INCOMPLETE, TOO_LONG, Extents, Scanner
from muniment.sources.windows import ByteWindow

KEPT_BYTES = 64 * 1024
"""What is kept of a record too long to be held: enough to recognise it and to read its key."""


@dataclass(frozen=True, slots=True)
class Cutter:
    """Cuts the chunks of one source.

    Args:
        grammar, parser, settings: of the source.
        width: how many cells a record has.
        name: of the source, for errors.
        arrays: whether well-formed stretches may be scanned with arrays.
    """

    grammar: Grammar
    parser: Parser
    settings: Settings
    width: int
    name: str
    arrays: bool = True

    @property
    def encoding(self) -> Encoding:
        """The encoding of the source."""
        return self.parser.encoding

    @property
    def max_units(self) -> int:
        """The longest record in units of a window, were all its characters short ones."""
        return self.settings.max_record_bytes // self.encoding.unit

    def chunks(self, window: ByteWindow, start: Place) -> Iterator[Chunk]:
        """The chunks of the source from `start` on, where the window begins.

        Raises:
            SourceIncomplete: at the end, where the source ends in mid-record or mid-stream.
        """
        place, cut_short = start, False
        window.fill(self.settings.chunk_bytes)
        while not window.finished:
            extents = self._extents(window)
            if TOO_LONG in extents.faults.values():
                chunk, cut_short = self._too_long(window, place)
            else:
                chunk, cut_short = self._chunk(window, place, extents)
            yield chunk
            place = chunk.end
        if cut_short or window.truncated:
            what = "the file ends in the middle of a record"
            raise SourceIncomplete(
                what if cut_short else "the compressed data ends too early",
                hint="It was probably cut short: export or copy it again. What came before was read",
                where=f"{self.name}, line {place.line}",
            )

    def _extents(self, window: ByteWindow) -> Extents:
        """Where the records of the next chunk stand."""
        limit = window.fill(self.settings.chunk_bytes)
        return self._scanner().scan(window, limit, self.settings.chunk_rows)

    def _scanner(self) -> Scanner:
        return Scanner(self.grammar, self.parser, self.width, self.max_units, arrays=self.arrays)

    def _chunk(self, window: ByteWindow, start: Place, extents: Extents) -> tuple[Chunk, bool]:
        """The chunk of these records, and whether the source ends within its last one."""
        bounds = np.stack((extents.starts, extents.ends), axis=1).ravel()
        offsets, ends = window.byte_offsets(bounds).reshape(-1, 2).T
        faults = dict(extents.faults)
        data = window.take(extents.stop)
        window.fill(self.settings.chunk_bytes)
        if extents.unterminated:
            final = data[int(offsets[-1]) - start.offset :]
            if window.truncated or self.parser.is_partial(final, self.width):
                faults[len(offsets) - 1] = INCOMPLETE
        number, line = start.number + len(offsets), start.line + extents.stop_line
        lines = start.line + extents.lines
        layout = Layout(lines, offsets.copy(), ends - offsets, faults, extents.blank_lines, extents.regular)
        chunk = Chunk(start, Place(window.offset, number, line), data, window.finished, layout)
        return chunk, INCOMPLETE in faults.values()

    def _too_long(self, window: ByteWindow, start: Place) -> tuple[Chunk, bool]:
        """A chunk of one record that is passed over, and whether the source ends within it."""
        kept = window.beginning(min(KEPT_BYTES, self.settings.max_record_bytes))
        passing = Passing(window, self.grammar)
        long_line = self._scanner().first_line(window, 0).fault == TOO_LONG
        closed = passing.line() if long_line else passing.record()
        length = passing.end - start.offset
        lines, offsets, lengths = (np.array([n], np.int64) for n in (start.line, start.offset, length))
        layout = Layout(lines, offsets, lengths, {0: TOO_LONG})
        end = Place(window.offset, start.number + 1, start.line + passing.lines)
        window.fill(self.settings.chunk_bytes)
        return Chunk(start, end, kept[:length], window.finished, layout), not closed
