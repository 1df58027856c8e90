"""Rows as bytes that are the same on every database, and the hash of them: what seals are made of.

    row      R, the number of its values, then each value
    value    a letter, the length of its content in bytes, its content
    letters  N nothing; I an integer, in decimal ASCII; T text, in UTF-8; B bytes;
             M a moment, in UTC, as 2026-01-31T12:00:00.000000+00:00

Numbers and lengths are 8 bytes, the highest first. A hash is SHA-256 of `muniment 1 `, a word that says of
what kind of thing it is, a NUL, and the bytes: a hash of one kind is never taken for one of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

OPENING = b"muniment 1 "
"""Another number would say that rows are written, or chosen, in another way."""


class Digest:
    """A hash in the making, of one kind of thing."""

    def __init__(self, kind: str) -> None:
        self._sha256 = hashlib.sha256(OPENING + kind.encode() + b"\0")

    def add(self, values: Sequence[Any]) -> None:
        """Add a row."""
        self._sha256.update(encoded_row(values))

    def value(self) -> bytes:
        """The hash of all that was added."""
        return self._sha256.digest()


def hashed(kind: str, rows: Iterable[Sequence[Any]]) -> bytes:
    """The hash of some rows, in this order."""
    digest = Digest(kind)
    for row in rows:
        digest.add(row)
    return digest.value()


def encoded_row(values: Sequence[Any]) -> bytes:
    """A row as bytes; see the top of the module."""
    parts = [b"R", len(values).to_bytes(8)]
    for value in values:
        letter, content = _encoded(value)
        parts += (letter, len(content).to_bytes(8), content)
    return b"".join(parts)


def _encoded(value: Any) -> tuple[bytes, bytes]:
    match value:
        case None:
            return b"N", b""
        case int():
            return b"I", str(int(value)).encode()
        case str():
            return b"T", value.encode()
        case bytes() | bytearray() | memoryview():
            return b"B", bytes(value)
        case datetime():
            return b"M", value.astimezone(UTC).isoformat(timespec="microseconds").encode()
    raise TypeError(f"{type(value).__name__} is not among the values that are sealed")
