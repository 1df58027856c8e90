"""A source that is no delimited text: read once, and written as such into a temporary file.

Its chunks, records and byte ranges are those of that text. Fingerprint and archived copies are those of the
file itself, and positions are told as in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from muniment.config import Settings
from muniment.memory import rare_collections
from muniment.positions import Positions
from muniment.records import Chunk, Header, Place, Problem, Records
from muniment.sources.delimited import DelimitedSource
from muniment.sources.findings import problem_of
from muniment.sources.format import Format
from muniment.sources.recorded import recorded_format
from muniment.sources.source import Fingerprint, StoredBytes
from muniment.sources.spool import Spool
from muniment.sources.stored import Stored, spooled
from muniment.sources.tabular import Tabular
from muniment.sources.windows import Stream


class Original(Protocol):
    """The file, or files, whose text is spooled: what of `Stored` concerns them as they lie there."""

    name: str
    location: str

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    @property
    def fingerprint(self) -> Fingerprint:
        """As in `StoredBytes`."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """As in `StoredBytes`."""
        ...

    def hash_of(self, size: int) -> bytes:
        """As in `StoredBytes`."""
        ...

    def appended(self) -> int:
        """As in `StoredBytes`."""
        ...

    def close(self) -> None:
        """Give back files."""
        ...


@dataclass(frozen=True)
class SpooledBytes:
    """The bytes of a source whose text is spooled; see `muniment.sources.source.StoredBytes`."""

    original: Original
    text: Stored

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the file itself."""
        return self.original.fingerprint

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes of the file itself."""
        return self.original.read_at(offset, length)

    def hash_of(self, size: int) -> bytes:
        """The SHA-256 of the first bytes of the file itself."""
        return self.original.hash_of(size)

    def appended(self) -> int:
        """How many bytes were appended to the file."""
        return self.original.appended()

    def stream(self, offset: int) -> Stream:
        """The text from `offset` on."""
        return self.text.stream(offset)


class SpooledSource:
    """See `muniment.sources.source.Source`.

    Args:
        original: the file; closed by `close`.
        table: what is read of it; closed when all is read.
        given: its format.
        settings: with the bounds.

    Raises:
        SourceError: it cannot be read, or there is no room for the text.
        HeaderError: its columns cannot be told.
    """

    def __init__(self, original: Original, table: Tabular, given: Format, settings: Settings) -> None:
        self.name = original.name
        self.location = original.location
        with ExitStack() as opened:
            self._spool = opened.enter_context(closing(Spool(table, settings, original.name)))
            with rare_collections():
                file = opened.enter_context(spooled(self._spool.pieces(), settings))
            text = Stored(file, original.name, original.location, settings)
            self._text = DelimitedSource(text, recorded_format(given), settings)
            opened.pop_all()
        self.remarks: Sequence[Problem] = table.remarks()
        self.positions: Positions = self._spool.positions
        self.stored: StoredBytes = SpooledBytes(original, text)
        self.header: Header = self._text.header
        self._table = table
        self._size = text.size
        self._original = original
        self.first = self._located(self._text.first)

    @property
    def fingerprint(self) -> Fingerprint:
        """That of the file."""
        return self.stored.fingerprint

    def chunks(self, start: Place) -> Iterator[Chunk]:
        """As in `Source`."""
        for chunk in self._text.chunks(start):
            layout = chunk.layout
            if layout is None:
                raise AssertionError("a delimited text gives each chunk its layout")
            numbers = np.arange(chunk.start.number, chunk.end.number, dtype=np.int64)
            layout = replace(layout, lines=self._spool.lines.of(numbers), findings=self._found(chunk))
            yield replace(
                chunk, start=self._located(chunk.start), end=self._located(chunk.end), layout=layout
            )

    def records(self, chunk: Chunk, *, by_column: bool = False) -> Records:
        """As in `Source`."""
        return replace(self._text.records(chunk, by_column=by_column), positions=self.positions)

    @property
    def ranges(self) -> None:
        """None: its text is nowhere but here."""

    def reader(self) -> None:
        """None: what was found in its cells stands beside its text, which this process reads."""

    def read_bytes(self, offset: int, length: int) -> bytes:
        """Bytes of the text."""
        return self._text.read_bytes(offset, length)

    def stored_position(self, place: Place) -> int:
        """As in `Source`: as far into the file as the place is into the text."""
        return place.offset * self._original.size // max(1, self._size)

    def close(self) -> None:
        """As in `Source`."""
        self._text.close()
        self._spool.close()
        self._original.close()

    def _located(self, place: Place) -> Place:
        line = int(self._spool.lines.of(np.array([place.number], np.int64))[0])
        return Place(place.offset, place.number, line)

    def _found(self, chunk: Chunk) -> dict[int, tuple[Problem, ...]]:
        """By index in the chunk, what was found in a record."""
        first = chunk.start.number
        found: dict[int, tuple[Problem, ...]] = {}
        for number, findings in self._spool.findings.between(first, chunk.end.number).items():
            part = self.positions.part_of(number)
            sheet = f"{part.quoted_name}!" if part and part.name else ""
            names = self.header.names
            problems = [problem_of(one, names, sheet) for one in findings if self._table.believes(one)]
            if problems:
                found[number - first] = tuple(problems)
        return found
