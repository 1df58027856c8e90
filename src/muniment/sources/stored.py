"""A source as it lies there: a file that can be read again from any place, compressed or not."""

from __future__ import annotations

import hashlib
import io
import tempfile
import threading
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import BinaryIO, Protocol, cast

from muniment.config import Settings
from muniment.errors import SourceChanged, SourceError, SourceIncomplete
from muniment.sources.decompression import (
    MAGIC_BYTES,
    bounded,
    gunzipped,
    kind_of,
    too_large,
    unzipped,
    unzstandardized,
)
from muniment.sources.ranges import Ranges
from muniment.sources.source import Fingerprint
from muniment.sources.windows import Stream

COPIED_BYTES = 1024 * 1024
"""Bytes hashed or copied at a time."""


class Stored:
    """A stored file, as large as it was when it was opened: what is appended later does not belong to it.

    One open file serves all readers, so that a file replaced meanwhile is still the one that was hashed.

    Args:
        file: open for reading, and able to seek; closed by `close`.
        name: what the user calls it.
        location: its absolute path, or its name where it has none.
        settings: with the bounds on what it may decompress to.
        ranges: where others can read the same file, if they can.

    Attributes:
        size: in bytes.
        kind: how it is compressed: `plain`, `gzip`, `zstd` or `zip`.
    """

    def __init__(
        self, file: BinaryIO, name: str, location: str, settings: Settings, ranges: Ranges | None = None
    ) -> None:
        self.name = name
        self.ranges = ranges
        self.location = location
        self._file = file
        self._lock = threading.Lock()
        self._settings = settings
        self.size = file.seek(0, io.SEEK_END)
        self.kind = kind_of(self.read_at(0, MAGIC_BYTES))

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Of the file: found by reading all of it, when it is first asked for."""
        return Fingerprint(self.size, self.hash_of(self.size))

    def hash_of(self, size: int) -> bytes:
        """The SHA-256 of the first bytes."""
        digest = hashlib.sha256()
        for offset in range(0, size, COPIED_BYTES):
            digest.update(self.read_at(offset, min(COPIED_BYTES, size - offset)))
        return digest.digest()

    def appended(self) -> int:
        """How many bytes were appended since the file was opened, which are not read."""
        with self._lock:
            return max(0, self._file.seek(0, io.SEEK_END) - self.size)

    def read_at(self, offset: int, length: int) -> bytes:
        """Stored bytes; fewer where the file, as it was when it was opened, has no more.

        Raises:
            SourceChanged: the file has become shorter.
        """
        length = max(0, min(length, self.size - offset))
        with self._lock:
            self._file.seek(offset)
            data = self._file.read(length)
        if len(data) < length:
            raise SourceChanged(
                f"the file has become shorter than the {self.size} bytes it had",
                hint="Load it again once nothing writes to it any more",
                where=self.name,
            )
        return data

    def stream(self, offset: int) -> Stream:
        """The decompressed bytes from `offset` on."""
        reader = _Reader(self)
        if self.kind == "plain":
            reader.seek(offset)
            return reader
        if self.kind == "zip":
            pieces = unzipped(cast(BinaryIO, io.BufferedReader(reader)))
        else:
            pieces = (gunzipped if self.kind == "gzip" else unzstandardized)(reader.read)
        stream = _Decompressed(bounded(pieces, reader.consumed, self._settings), reader, self.name)
        stream.skip(offset)
        return stream

    def as_file(self) -> BinaryIO:
        """The stored bytes as a file of its own, able to seek."""
        return cast(BinaryIO, io.BufferedReader(_Reader(self)))

    def read_bytes(self, offset: int, length: int) -> bytes:
        """Decompressed bytes; fewer where there are no more, or the file has become shorter."""
        pieces = []
        try:
            stream = self.stream(offset)
            while length > 0 and (piece := stream.read(length)):
                pieces.append(piece)
                length -= len(piece)
        except SourceChanged:
            pass
        return b"".join(pieces)

    def close(self) -> None:
        """Give back the file; a spooled one is gone."""
        self._file.close()


class _Reader(io.RawIOBase):
    """Reads a stored file forward; also a file for `zipfile`, which seeks."""

    truncated = False

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self._stored = stored
        self._offset = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._offset

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._offset, io.SEEK_END: self._stored.size}
        self._offset = base[whence] + offset
        return self._offset

    def read(self, size: int = -1) -> bytes:
        data = self._stored.read_at(self._offset, self._stored.size if size < 0 else size)
        self._offset += len(data)
        return data

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a buffer of any kind will do
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def consumed(self) -> int:
        return self._offset


class _Decompressed:
    """Decompressed bytes, read forward; a stream that ends too early is `truncated`, not an error yet."""

    def __init__(self, pieces: Iterator[bytes], reader: _Reader, name: str) -> None:
        self.truncated = False
        self.consumed = reader.consumed
        self._pieces = pieces
        self._name = name
        self._held = b""

    def read(self, size: int) -> bytes:
        while not self._held:
            piece = self._next()
            if piece is None:
                return b""
            self._held = piece
        data, self._held = self._held[:size], self._held[size:]
        return data

    def skip(self, size: int) -> None:
        while size > 0 and (data := self.read(size)):
            size -= len(data)

    def _next(self) -> bytes | None:
        if self.truncated:
            return None
        try:
            return next(self._pieces, None)
        except SourceIncomplete:
            self.truncated = True
            return None
        except SourceError as error:
            error.where = error.where or self._name
            raise


class Readable(Protocol):
    """What can be spooled."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


def spooled(given: Readable | Iterable[bytes], settings: Settings) -> BinaryIO:
    """A temporary copy of what can be read only once; it is gone when it is closed.

    Raises:
        SourceTooLarge: it is larger than `max_decompressed_bytes`.
    """
    pieces = iter(lambda: given.read(COPIED_BYTES), b"") if hasattr(given, "read") else given
    file = tempfile.TemporaryFile(prefix="muniment-")  # noqa: SIM115  # it lives as long as the source
    total = 0
    try:
        for piece in pieces:
            total += len(piece)
            if total > settings.max_decompressed_bytes:
                raise too_large(settings)
            file.write(piece)
        file.flush()
    except BaseException:
        file.close()
        raise
    return cast(BinaryIO, file)
