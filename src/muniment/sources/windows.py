"""A window on a source: what of it is in memory, from the next record on."""

from __future__ import annotations

import codecs
import itertools
from typing import Protocol

import numpy as np

from muniment.errors import SourceError
from muniment.records import Integers
from muniment.sources.encodings import Encoding
from muniment.sources.grammar import Content

GROWN_SHARE = 0.5
"""By this share of itself a window grows that does not hold a whole record: larger steps would hold more of
what follows a huge record, smaller ones copy and search more often what is held."""

GROWN_BYTES = 64 * 1024
"""And by no less, as long as it is small."""


class Stream(Protocol):
    """Bytes, read forward.

    Attributes:
        truncated: a compressed stream ended before its own end.
    """

    truncated: bool

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end."""
        ...

    def consumed(self) -> int:
        """Bytes of the stored file that were read for this."""
        ...


class ByteWindow:
    """A window over bytes: a unit of its content is a byte.

    Attributes:
        offset: bytes of the source before the window.
        content: what is to be scanned.
        ended: nothing of the source follows the content.
    """

    content: Content

    def __init__(self, stream: Stream, offset: int) -> None:
        self.offset = offset
        self.content = b""
        self.ended = False
        self._stream = stream
        self._raw = b""
        self._exhausted = False

    @property
    def finished(self) -> bool:
        """Nothing is left, neither here nor in the stream; known once `fill` was called."""
        return self._exhausted and not self._raw

    @property
    def truncated(self) -> bool:
        """The stream ended before its own end."""
        return self._exhausted and self._stream.truncated

    def fill(self, size: int) -> int:
        """Hold `size` bytes from the window's start on, or all; returns how many units they are."""
        self._read(size)
        self.content = self._raw
        self.ended = self._exhausted
        return min(size, len(self._raw))

    def grow(self) -> None:
        """Hold more than before, or know that there is no more."""
        self.fill(len(self._raw) + int(GROWN_SHARE * len(self._raw)) + GROWN_BYTES)

    def reach(self, units: int) -> None:
        """Hold so many units, or all."""
        while len(self.content) < units and not self.ended:
            self.grow()

    def byte_offsets(self, units: Integers) -> Integers:
        """Offsets in the source of ascending places in the content."""
        return units + self.offset

    def beginning(self, size: int) -> bytes:
        """The first bytes of the window, as many as are there up to `size`."""
        return self._raw[:size]

    def take(self, units: int) -> bytes:
        """The bytes of the first units, which leave the window; `fill` must follow."""
        return self._leave(units)

    def _read(self, size: int) -> None:
        """Hold more than `size` bytes, so that what follows them is known, or all."""
        pieces, held = [self._raw], len(self._raw)
        while held <= size and not self._exhausted:
            piece = self._stream.read(size + 1 - held)
            self._exhausted = not piece
            pieces.append(piece)
            held += len(piece)
        self._raw = b"".join(pieces) if len(pieces) > 1 else self._raw

    def _leave(self, size: int) -> bytes:
        left, self._raw = self._raw[:size], self._raw[size:]
        self.offset += size
        self.content, self.ended = self._raw, self._exhausted
        return left


class TextWindow(ByteWindow):
    """A window over decoded text, for encodings whose structure cannot be seen in the bytes.

    A unit is a character. Byte offsets are recovered by encoding the text again, and taken for true
    only where the bytes decode to that very text.
    """

    def __init__(self, stream: Stream, offset: int, encoding: Encoding, where: str) -> None:
        super().__init__(stream, offset)
        self._encoding = encoding
        self._where = where
        self._forget_text()

    def _forget_text(self) -> None:
        self.content, self.ended, self._decoded = "", False, 0
        self._decoder = codecs.getincrementaldecoder(self._encoding.codec)(self._encoding.on_error)

    def fill(self, size: int) -> int:
        """As in `ByteWindow`; a character that `size` cuts in two is left for later."""
        self._read(size)
        stop = max(self._decoded, min(size, len(self._raw)))
        self.ended = self._exhausted and stop == len(self._raw)
        self.content += self._decoder.decode(self._raw[self._decoded : stop], self.ended)
        self._decoded = stop
        return len(self.content) if stop <= size else len(self._text_of(self._raw[:size]))

    def _text_of(self, data: bytes) -> str:
        """What whole characters say: `fill` tells no more than a new window would, however much is held."""
        return codecs.getincrementaldecoder(self._encoding.codec)(self._encoding.on_error).decode(data)

    def grow(self) -> None:
        """As in `ByteWindow`."""
        self.fill(max(2 * self._decoded, 4 * self._encoding.unit))

    def byte_offsets(self, units: Integers) -> Integers:
        """As in `ByteWindow`."""
        pairs = itertools.pairwise([0, *units.tolist()])
        sizes = [len(self._encoding.encode_marked(self.content[a:b])) for a, b in pairs]
        return np.cumsum(np.array(sizes, dtype=np.int64)) + self.offset

    def take(self, units: int) -> bytes:
        """As in `ByteWindow`.

        Raises:
            SourceError: the bytes of these characters cannot be told.
        """
        text = self.content[:units]
        size = len(self._encoding.encode_marked(text))
        if self._encoding.decode_marked(self._raw[:size]) != text:
            raise SourceError(
                f"the text after byte {self.offset} cannot be traced to its bytes in {self._encoding.codec}",
                hint="Convert the file to UTF-8 first, and declare encoding = 'utf-8'",
                where=self._where,
            )
        taken = self._leave(size)
        self._forget_text()
        return taken
