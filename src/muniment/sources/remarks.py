"""What there is to say of a source's header before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.records import Header, Problem


def remarks(header: Header, mapped: Sequence[str]) -> list[Problem]:
    """Names that repeat or are empty, and columns that nothing reads.

    Args:
        header: the columns of the source.
        mapped: the columns that are read.
    """
    found = []
    renamed = [
        f"{name!r}" for name, given in zip(header.names, header.given, strict=True) if name != given.strip()
    ]
    if renamed:
        message = f"columns without a name of their own are called {', '.join(renamed)}"
        found.append(Problem("header-names", message, "Use these names in the mapping"))
    unread = [name for name in header.names if name not in set(mapped)]
    if unread:
        message = f"no mapping mentions the columns {', '.join(unread)}; they are not loaded"
        found.append(Problem("unmapped-columns", message, "Map them, if they matter"))
    return found
