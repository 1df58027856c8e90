"""Delimited text as a source."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import ClassVar

from muniment.config import Settings
from muniment.positions import LINES
from muniment.records import Chunk, Header, Place, Problem, Records
from muniment.sources.cutting import Cutter
from muniment.sources.encodings import BEGINNING_BYTES, resolved
from muniment.sources.format import Format
from muniment.sources.grammar import grammar
from muniment.sources.heading import read_header
from muniment.sources.parsing import Parser
from muniment.sources.ranges import Ranges
from muniment.sources.reader import ChunkReader
from muniment.sources.source import Fingerprint
from muniment.sources.stored import Stored
from muniment.sources.windows import ByteWindow, TextWindow


class DelimitedSource:
    """A delimited text; see `muniment.sources.source.Source`.

    Args:
        stored: the file; closed by `close`.
        given: its format.
        settings: with the bounds on chunks and records.

    Raises:
        HeaderError: the header cannot be read.
        SourceError: the encoding cannot be that of the file.
    """

    parser_of: ClassVar[type[Parser]] = Parser

    def __init__(self, stored: Stored, given: Format, settings: Settings) -> None:
        self.positions = LINES
        self.remarks: Sequence[Problem] = ()
        self.name = stored.name
        self.location = stored.location
        self.stored = stored
        self._encoding = resolved(given, self.read_bytes(0, BEGINNING_BYTES), self.name)
        self._grammar = grammar(given, self._encoding)
        self._parser = self.parser_of(given, self._encoding)
        self._reading = stored.stream(0)
        self.header, self.first = self._begun(given, settings)
        self._cutter = Cutter(self._grammar, self._parser, settings, len(self.header), self.name)

    def _begun(self, given: Format, settings: Settings) -> tuple[Header, Place]:
        """The columns, and where the first record stands."""
        window = self._window(self._encoding.bom)
        return read_header(window, given, self._grammar, self._parser, settings, self.name)

    @property
    def fingerprint(self) -> Fingerprint:
        """As in `Source`."""
        return self.stored.fingerprint

    def chunks(self, start: Place) -> Iterator[Chunk]:
        """As in `Source`."""
        chunk = None
        for chunk in self._cutter.chunks(self._window(start.offset), start):
            yield chunk
        if chunk is None and start != self.first:
            # Only from a place before the last record can one tell whether it was whole.
            deque(self.chunks(self.first), maxlen=0)

    def records(self, chunk: Chunk, *, by_column: bool = False) -> Records:
        """As in `Source`."""
        return self.reader().records(chunk, by_column=by_column)

    def reader(self) -> ChunkReader:
        """As in `Source`."""
        return ChunkReader(self._parser, self.header, self.first, self.name)

    @property
    def ranges(self) -> Ranges | None:
        """As in `Source`."""
        return self.stored.ranges if self.stored.kind == "plain" else None

    def read_bytes(self, offset: int, length: int) -> bytes:
        """As in `Source`."""
        return self.stored.read_bytes(offset, length)

    def stored_position(self, place: Place) -> int:
        """As in `Source`."""
        return place.offset if self.stored.kind == "plain" else self._reading.consumed()

    def close(self) -> None:
        """As in `Source`."""
        self.stored.close()

    def _window(self, offset: int) -> ByteWindow:
        self._reading = self.stored.stream(offset)
        if self._encoding.as_bytes:
            return ByteWindow(self._reading, offset)
        return TextWindow(self._reading, offset, self._encoding, self.name)
