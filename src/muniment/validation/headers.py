"""Whether a source has the columns that a mapping names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from muniment.errors import HeaderError
from muniment.records import Header


def must_have(header: Header, named: Iterable[str], hint: str = "") -> None:
    """Raise `HeaderError` where a source lacks columns that a mapping names.

    Args:
        header: the source's.
        named: the columns.
        hint: what else can be done than to name those that the source has.
    """
    missing = [name for name in dict.fromkeys(named) if name not in header.names]
    if missing:
        told = "; ".join(_with_near(name, header) for name in missing)
        raise HeaderError(
            f"the mapping names columns that the source does not have: {told}",
            hint=f"The source has: {header}{hint}",
        )


def _with_near(name: str, header: Header) -> str:
    folded = [known for known in header.names if known.casefold() == name.casefold()]
    near = list(dict.fromkeys([*folded, *get_close_matches(name, header.names, n=3)]))
    return f"{name!r} (the nearest: {', '.join(near)})" if near else repr(name)
