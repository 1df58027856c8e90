"""The part of a file that is looked at: its beginning, and a few places further in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from muniment.config import MEBIBYTE, Settings
from muniment.errors import SourceError, SourceIncomplete
from muniment.sources.decompression import MAGIC_BYTES, bounded, gunzipped, kind_of, unzipped, unzstandardized

HEAD_BYTES = 4 * MEBIBYTE
"""Bytes read from the beginning: thousands of records of most exports, read in well under a second."""

WINDOWS = 32
"""Places looked at further in: the first accented letter of a long file may stand far from its beginning."""

WINDOW_BYTES = 64 * 1024
"""Bytes read at each of these places: some hundred records."""

_LINE_END = re.compile(rb"\r\n?|\n")
_CUT_CHARACTER = re.compile(rb"[\xc0-\xff][\x80-\xbf]{0,2}\Z")


@dataclass(frozen=True)
class Sample:
    """What was read of a file.

    Attributes:
        head: its first (decompressed) bytes.
        windows: what stands at places further in; none in compressed files, which cannot be entered midway.
        whole: the head is all of it.
        compression: `gzip`, `zstd`, `zip` or `plain`.
        size: bytes of the file as stored.
    """

    head: bytes
    windows: tuple[bytes, ...]
    whole: bool
    compression: str
    size: int

    def lines(self) -> list[bytes]:
        """The physical lines of head and windows that are there from end to end.

        Of a piece without any line end, all but a character of UTF-8 that is cut at its end.
        """
        found: list[bytes] = []
        for number, piece in enumerate((self.head, *self.windows)):
            lines = _LINE_END.split(piece)
            if len(lines) == 1 and not self.whole:
                lines = [_CUT_CHARACTER.sub(b"", piece).lstrip(bytes(range(0x80, 0xC0)) if number else b"")]
            elif not self.whole:
                lines = lines[1 if number else 0 : -1]
            found += lines
        return found

    def bytes_read(self) -> int:
        """How many decompressed bytes the sample holds."""
        return len(self.head) + sum(map(len, self.windows))


def read_sample(path: str) -> Sample:
    """Read the sample of a file.

    Raises:
        SourceError: the file cannot be read, or its compressed data is damaged.
        SourceTooLarge: it decompresses beyond all measure.
    """
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            kind = kind_of(file.read(MAGIC_BYTES))
            file.seek(0)
            if kind == "plain":
                return Sample(
                    file.read(HEAD_BYTES), tuple(_windows(file, size)), size <= HEAD_BYTES, kind, size
                )
            head, whole = _decompressed_head(file, kind)
            return Sample(head, (), whole, kind, size)
    except OSError as error:
        hint = "Check its name and its rights"
        raise SourceError(
            f"the file cannot be read: {error.strerror or error}", hint=hint, where=path
        ) from error
    except SourceError as error:
        error.where = error.where or path
        raise


def _windows(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Pieces at even distances behind the head; they begin at even offsets, as UTF-16 needs."""
    rest = size - HEAD_BYTES
    count = min(WINDOWS, -(-rest // WINDOW_BYTES)) if rest > 0 else 0
    for number in range(count):
        file.seek((HEAD_BYTES + number * (rest // count)) // 4 * 4)
        yield file.read(WINDOW_BYTES)


def _decompressed_head(file: BinaryIO, kind: str) -> tuple[bytes, bool]:
    """The first decompressed bytes, and whether they are all; a cut file gives what is there of it."""
    unpack = {"gzip": gunzipped, "zstd": unzstandardized}
    pieces = unpack[kind](file.read) if kind in unpack else unzipped(file)
    head = bytearray()
    try:
        for piece in bounded(pieces, file.tell, Settings()):
            head += piece
            if len(head) > HEAD_BYTES:
                return bytes(head[:HEAD_BYTES]), False
    except SourceIncomplete:
        return bytes(head), False
    return bytes(head), True
