"""The strings that a workbook's cells share: in memory up to a bound, and beyond it on disk."""

from __future__ import annotations

import re
import tempfile
from array import array
from collections.abc import Iterator

from muniment.errors import SourceTooLarge
from muniment.sources.workbook.package import Package
from muniment.sources.workbook.xml import Attributes, Handlers, parse

HELD_BYTES = 24 * 1024 * 1024
"""Bytes of strings, with those that tell where each ends, that are held in memory: a million keys of ten
letters. What comes after them is read from disk, which takes ten times as long."""

END_BYTES = 8
"""Bytes that tell where a string ends."""

TEXT_CHARACTERS = 1024 * 1024
"""The longest text of a cell: no spreadsheet program lets one have more than 32,767 characters."""

ENCODING = "utf-8"
SURROGATES = "surrogatepass"

_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")


def unescaped(text: str) -> str:
    """Text with the characters that `_x000D_` and its like stand for, since XML cannot hold them.

    ECMA-376 part 1, 22.9.2.19 (ST_Xstring).
    """
    if "_x" not in text:
        return text
    told = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return told.encode("utf-16", SURROGATES).decode("utf-16", "replace")


def too_long(where: str) -> SourceTooLarge:
    """The error for a cell that is none."""
    return SourceTooLarge(
        f"a cell holds more than {TEXT_CHARACTERS:,} characters",
        hint="No spreadsheet program writes such a one: the file was made to do harm",
        where=where,
    )


class Strings:
    """A sequence of strings, which are appended first and read then."""

    def __init__(self) -> None:
        self._held, self._ends = bytearray(), array("q", [0])
        self._more = tempfile.TemporaryFile(prefix="muniment-")  # noqa: SIM115  # until `close`
        self._more_ends = tempfile.TemporaryFile(prefix="muniment-")  # noqa: SIM115
        self._count = self._written = 0

    def __len__(self) -> int:
        return self._count

    def append(self, text: str) -> None:
        """Add one."""
        data = text.encode(ENCODING, SURROGATES)
        self._count += 1
        if not self._written and len(self._held) + END_BYTES * len(self._ends) <= HELD_BYTES:
            self._held += data
            self._ends.append(len(self._held))
        else:
            self._more.write(data)
            self._more_ends.write(self._written.to_bytes(END_BYTES, "big"))
            self._written += len(data)

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < self._count:
            raise IndexError(index)
        further = index - (len(self._ends) - 1)
        if further < 0:
            return self._held[self._ends[index] : self._ends[index + 1]].decode(ENCODING, SURROGATES)
        self._more_ends.seek(further * END_BYTES)
        pair = self._more_ends.read(2 * END_BYTES)
        start = int.from_bytes(pair[:END_BYTES], "big")
        end = int.from_bytes(pair[END_BYTES:], "big") if len(pair) > END_BYTES else self._written
        self._more.seek(start)
        return self._more.read(end - start).decode(ENCODING, SURROGATES)

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(self._count))

    def close(self) -> None:
        """Give back what is on disk."""
        self._more.close()
        self._more_ends.close()


def read_strings(package: Package, path: str) -> Strings:
    """The strings of a workbook, without formatting and without phonetic readings.

    Raises:
        SourceError: they cannot be read.
        SourceTooLarge: one is longer than `TEXT_CHARACTERS`.
    """
    where = package.where(path)
    events = _Events(where)
    try:
        for _ in parse(package.pieces(path), events.handlers, where):
            pass
    except BaseException:
        events.strings.close()
        raise
    return events.strings


class _Events:
    """What becomes of the elements of the strings' file (ECMA-376 part 1, 18.4)."""

    def __init__(self, where: str) -> None:
        self.strings = Strings()
        self._where = where
        self._parts: list[str] = []
        self._pieces: list[str] = []
        self._readings = self._length = 0

    def handlers(self, prefix: str) -> Handlers:
        """The handlers of a file whose elements have this prefix."""
        self._item, self._text, self._reading = f"{prefix}si", f"{prefix}t", f"{prefix}rPh"
        return Handlers(self.begin, self.end, self.text)

    def begin(self, name: str, _: Attributes) -> None:
        """An element begins."""
        if name == self._item:
            self._parts.clear()
            self._length = 0
        elif name == self._reading:
            self._readings += 1
        self._pieces.clear()

    def end(self, name: str) -> None:
        """An element ends."""
        if name == self._text:
            if not self._readings:
                self._parts += self._pieces
        elif name == self._item:
            self.strings.append(unescaped("".join(self._parts)))
        elif name == self._reading:
            self._readings -= 1
        self._pieces.clear()

    def text(self, piece: str) -> None:
        """Text, or a part of it."""
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length > TEXT_CHARACTERS:
            raise too_long(self._where)
