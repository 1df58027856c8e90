"""How bytes become text, and text the same bytes again.

Bytes that an encoding does not know are *marked*: each becomes the lone surrogate U+DC00 + byte, as
Python's `surrogateescape` does it, so that nothing is lost and nothing stops.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from muniment.errors import SourceError
from muniment.sources.format import Format

BEGINNING_BYTES = 4096
"""How much of a source is looked at for a byte order mark or NULs: a header line lies well within it."""

NUL_SHARE = 0.75
"""More NULs than this at one of every four places are part of characters, not damage."""

STATELESS_SAMPLES = ("é", "ж", "あ", "中", "한", "ت", "क", "~", "+", "\\")
"""Characters that make a stateful encoding shift, one or more for each of those that Python knows."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_NULS_OF = {
    "utf-16-le": (False, True, False, True),
    "utf-16-be": (True, False, True, False),
    "utf-32-le": (False, True, True, True),
    "utf-32-be": (True, True, True, False),
}
"""Which of four bytes are NUL in Latin text."""

_MARKS = re.compile("([\udc00-\udcff]+)")


def _mark(error: UnicodeError) -> tuple[str, int]:
    """Mark one undecodable byte, or the whole code unit where units are of several bytes."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wide = error.encoding.startswith(("utf-16", "utf-32"))
    end = error.end if wide else error.start + 1
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : end]), end


codecs.register_error("muniment-mark", _mark)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of one source.

    Attributes:
        codec: Python's name for it, with its byte order.
        bom: length in bytes of the byte order mark that the source begins with.
        as_bytes: each special character of the format is one byte that is never part of another
            character, so that structure can be found without decoding.
        unit: bytes of the shortest character.
    """

    codec: str
    bom: int
    as_bytes: bool
    unit: int

    def decode(self, data: bytes) -> str:
        """The text; raises `UnicodeDecodeError` where there are bytes that do not belong to it."""
        return data.decode(self.codec)

    def decode_marked(self, data: bytes) -> str:
        """The text, with undecodable bytes marked."""
        return data.decode(self.codec, self.on_error)

    @property
    def on_error(self) -> str:
        """Python's name of the way to mark: its own and faster one where it gives the same."""
        return "surrogateescape" if self.as_bytes else "muniment-mark"

    def encode_marked(self, text: str) -> bytes:
        """The bytes that `decode_marked` made this text from."""
        try:
            return text.encode(self.codec)
        except UnicodeEncodeError:
            parts = _MARKS.split(text)
        marked = (bytes(ord(mark) - 0xDC00 for mark in part) for part in parts[1::2])
        clean = [part.encode(self.codec, "replace") for part in parts[::2]]
        return b"".join(piece for pair in zip(clean, [*marked, b""], strict=True) for piece in pair)

    def ends_mid_character(self, data: bytes) -> bool:
        """Whether the data ends after only a part of a character's bytes."""
        decoder = codecs.getincrementaldecoder(self.codec)(self.on_error)
        decoder.decode(data)
        return bool(decoder.getstate()[0])


def resolved(given: Format, beginning: bytes, where: str) -> Encoding:
    """The encoding of a source that begins with these bytes (`BEGINNING_BYTES` of them, or all).

    Raises:
        SourceError: the beginning contradicts the encoding that the format declares, or the encoding
            keeps a state from character to character, so that no byte range has a meaning of its own.
    """
    codec, bom = _with_byte_order(codecs.lookup(given.encoding).name, beginning, where)
    _refuse_other_units(codec, beginning[bom:], where)
    if not _is_stateless(codec):
        raise SourceError(
            f"text in {codec} cannot be read from the middle, as resuming and tracing need",
            hint="Convert the file to UTF-8 first, and declare encoding = 'utf-8'",
            where=where,
        )
    special = "\r\n" + given.delimiter + given.quote + given.escape
    return Encoding(codec, bom, _can_be_scanned_as_bytes(codec, special), len("a".encode(codec)))


def _with_byte_order(declared: str, beginning: bytes, where: str) -> tuple[str, int]:
    """The codec with its byte order, and the length of the byte order mark."""
    plain = "utf-8" if declared == "utf-8-sig" else declared
    marks = [(name, mark) for mark, name in _BYTE_ORDER_MARKS if beginning.startswith(mark)]
    for name, mark in marks:
        if name == plain or (plain in ("utf-16", "utf-32") and name.startswith(plain)):
            return name, len(mark)
    if marks:
        likely = marks[0][0]
        raise _contradiction(declared, likely, f"begins with the byte order mark of {likely}", where)
    return (f"{plain}-le" if plain in ("utf-16", "utf-32") else plain), 0


def _refuse_other_units(codec: str, beginning: bytes, where: str) -> None:
    """Raise `SourceError` where NULs in the first line tell of another width or order of code units."""
    line = beginning.partition(b"\n")[0].partition(b"\r")[0]
    if len(line) < len(_NULS_OF):
        return
    nuls = tuple(line[place::4].count(0) > NUL_SHARE * len(line[place::4]) for place in range(4))
    likely = next((name for name, places in _NULS_OF.items() if places == nuls), codec)
    if likely != codec:
        raise _contradiction(codec, likely, "has a NUL in each character of its first line", where)


def _contradiction(declared: str, likely: str, evidence: str, where: str) -> SourceError:
    return SourceError(
        f"the file is declared as {declared}, but {evidence}",
        hint=f"It is probably {likely}: set encoding = '{likely}' in [source], or export the file again",
        where=where,
    )


@lru_cache
def _is_stateless(codec: str) -> bool:
    """Whether text encodes to the same bytes wherever it stands."""
    try:
        if "a\n".encode(codec).decode(codec) != "a\n":
            return False
        alone = {c: c.encode(codec, "ignore") for c in ("a", *STATELESS_SAMPLES)}
        return all(
            f"{c}{c}a{c}".encode(codec, "ignore") == alone[c] * 2 + alone["a"] + alone[c]
            for c in STATELESS_SAMPLES
        )
    except UnicodeError:
        return False


@lru_cache
def _can_be_scanned_as_bytes(codec: str, special: str) -> bool:
    """Whether each special character is one byte that means nothing else, and is all that means it.

    Tried out on what the codec makes of every character, of every single byte before a special one,
    and of every pair of other bytes.
    """
    try:
        single = {c: c.encode(codec) for c in special}
        if any(len(data) != 1 for data in single.values()):
            return False
        if codec == "utf-8":
            return True  # it was made so, and trying it out takes a tenth of a second
        others = [bytes([byte]) for byte in range(256) if bytes([byte]) not in single.values()]
        kept_apart = all(
            (bytes([before]) + data).decode(codec, "surrogateescape").endswith(c)
            for c, data in single.items()
            for before in range(256)
        )
        pairs = single["\n"].join(a + b for a in others for b in others).decode(codec, "surrogateescape")
    except UnicodeError:
        return False
    if not kept_apart or pairs.count("\n") != len(others) ** 2 - 1 or set(special) & set(pairs) != {"\n"}:
        return False
    return not any(
        data in characters.encode(codec, "ignore")
        for characters in _every_character_but(special)
        for data in single.values()
    )


def _every_character_but(special: str) -> Iterator[str]:
    """All but the special ones, plane by plane: together they would take 30 MiB."""
    for plane in range(17):
        numbers = np.arange(plane << 16, (plane + 1) << 16)
        ordinary = np.setdiff1d(numbers, [ord(c) for c in special], assume_unique=True)
        yield ordinary.astype("<u4").tobytes().decode("utf-32-le", "ignore")  # halves of characters
