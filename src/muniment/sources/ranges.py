"""Chunks handed to others: as byte ranges of a file that they can read themselves, else with their bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from zlib import crc32

from muniment.errors import SourceChanged, SourceError
from muniment.extras import needed
from muniment.records import Chunk


class Ranges:
    """A file of which others read ranges.

    Args:
        place: an absolute path, or a URL that fsspec reaches.
    """

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self) -> tuple[type[Ranges], tuple[str]]:
        return Ranges, (self.place,)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file; raises `SourceError` where it cannot be read."""
        try:
            return self._read(offset, length)
        except OSError as error:
            raise SourceError(
                f"a worker cannot read it: {error.strerror or type(error).__name__}",
                hint="The same path or URL must lead to the file wherever a worker runs",
                where=self.place,
            ) from error

    def _read(self, offset: int, length: int) -> bytes:
        if is_url(self.place):
            system, path = self._system
            data: bytes = system.cat_file(path, start=offset, end=offset + length)
            return data
        with open(self.place, "rb") as file:  # noqa: PTH123 - as quick as it gets
            file.seek(offset)
            return file.read(length)

    @cached_property
    def _system(self) -> tuple[Any, str]:
        found: tuple[Any, str] = needed("fsspec.core", "cloud", "a source at a URL").url_to_fs(self.place)
        return found


def is_url(place: str) -> bool:
    """Whether this is a URL, and no path."""
    scheme, _, rest = place.partition("://")
    return bool(rest) and scheme.isalnum()


@dataclass(frozen=True, slots=True)
class Handed:
    """A chunk on its way to a worker; without its bytes where the worker can read them itself.

    Attributes:
        chunk: with or without `data`.
        length: bytes of the data.
        checksum: of the data, where it is left out.
    """

    chunk: Chunk
    length: int
    checksum: int | None

    @classmethod
    def of(cls, chunk: Chunk, ranges: Ranges | None) -> Handed:
        """A chunk, ready to be sent."""
        if ranges is None:
            return cls(chunk, len(chunk.data), None)
        return cls(replace(chunk, data=b""), len(chunk.data), crc32(chunk.data))

    def taken(self, ranges: Ranges | None) -> Chunk:
        """The chunk with its bytes.

        Raises:
            SourceChanged: the bytes are not those that were cut.
            SourceError: they cannot be read.
        """
        if self.checksum is None or ranges is None:
            return self.chunk
        data = ranges.read(self.chunk.start.offset, self.length)
        if crc32(data) != self.checksum:
            raise SourceChanged(
                f"a worker reads other bytes at {self.chunk.start.offset:,} than were there when it was cut",
                hint="Load it again once nothing writes to it any more",
                where=ranges.place,
            )
        return replace(self.chunk, data=data)
