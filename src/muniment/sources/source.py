"""What the engine asks of a source: its fingerprint, its header, its chunks, their records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from muniment.positions import Positions
from muniment.records import Chunk, Header, Place, Problem, Records
from muniment.sources.ranges import Ranges
from muniment.sources.windows import Stream


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What identifies a source whatever it is called: the size and hash of the file as it lies there."""

    size: int
    sha256: bytes


class StoredBytes(Protocol):
    """The file of a source as it lies there, as large as it was when it was opened."""

    @property
    def fingerprint(self) -> Fingerprint:
        """Of all of it."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Stored bytes; fewer at the end. Raises `SourceChanged` where the file has become shorter."""
        ...

    def hash_of(self, size: int) -> bytes:
        """The SHA-256 of the first bytes."""
        ...

    def appended(self) -> int:
        """How many bytes were appended since the file was opened, which are not read."""
        ...

    def stream(self, offset: int) -> Stream:
        """The decompressed bytes from `offset` on."""
        ...


class Reader(Protocol):
    """Reads the chunks of a source, wherever they were cut.

    Attributes:
        name: what the user calls the source: a path as given, `<stdin>`, `<records>`.
        header: its columns.
        first: the place of the first record.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class

    @property
    def header(self) -> Header: ...  # noqa: D102 - see the class

    @property
    def first(self) -> Place: ...  # noqa: D102 - see the class

    def records(self, chunk: Chunk, *, by_column: bool = False) -> Records:
        """The records of a chunk; pure. With `by_column`, their cells in columns too, where that is quick."""
        ...


class Source(Reader, Protocol):
    """A replayable sequence of records.

    Attributes:
        location: its absolute path, or its name where it has none.
        stored: the file itself.
        positions: how positions in it are told.
        remarks: what there is to say of it as a whole.
    """

    location: str
    positions: Positions
    remarks: Sequence[Problem]

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the bytes as stored (compressed, where they are): all are read, when it is first asked for."""
        ...

    @property
    def stored(self) -> StoredBytes: ...  # noqa: D102 - see the class

    def chunks(self, start: Place) -> Iterator[Chunk]:
        """The chunks from `start` on, `start` being `first` or the end of an earlier chunk.

        A chunk holds at least one record, or else nothing but blank lines; a source without records
        has no chunks.

        Cutting is deterministic: the same source and settings give the same chunks wherever
        reading starts.

        Raises:
            SourceIncomplete: after the last chunk, where the source ends in mid-record or mid-stream.
            SourceChanged: where the source has become shorter than its fingerprint says.
            SourceTooLarge: over a bound on decompressed size or ratio.
            SourceError: where compressed data is damaged.
        """
        ...

    def reader(self) -> Reader | None:
        """What reads its chunks elsewhere, and can be pickled; None where only this process can."""
        ...

    @property
    def ranges(self) -> Ranges | None:
        """Where others can read its bytes; None where they can only be handed them."""
        ...

    def read_bytes(self, offset: int, length: int) -> bytes:
        """The bytes of this range, decompressed; fewer where the source has become shorter."""
        ...

    def stored_position(self, place: Place) -> int:
        """How many bytes of the stored file lie before a place that was read, for a progress bar.

        Of a compressed file: how many the reading of chunks has consumed so far, which is somewhat ahead.
        """
        ...

    def close(self) -> None:
        """Give back files and temporary copies."""
        ...
