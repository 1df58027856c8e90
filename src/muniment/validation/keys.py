"""Business keys of bounded length."""

from __future__ import annotations

from hashlib import sha256

from muniment.databases.types import KEY_CHARACTERS


def bounded_key(text: str) -> str:
    """`text` as a key that can be indexed: itself, or where it is too long its beginning and its hash."""
    if len(text) <= KEY_CHARACTERS:
        return text
    digest = sha256(text.encode()).hexdigest()
    return f"{text[: KEY_CHARACTERS - len(digest) - 1]}…{digest}"
