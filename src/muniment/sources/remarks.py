"""What there is to say of a source's header, and of its mapping, before anything is loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from muniment.records import Header, Problem
from muniment.sources.assembling import ORIGIN

UNSETTLED = re.compile(r'#\s*TODO\b[^"]*$')
"""How a draft marks what nobody but its reader can tell: in a comment, behind which no string ends."""

LINES_NAMED = 5
"""Lines of a mapping that a remark names: a draft has at most four."""


def remarks(header: Header, mapped: Sequence[Sequence[str]], joining: Collection[str] = ()) -> list[Problem]:
    """Names that repeat or are empty, columns that nothing reads, and columns to read that are not there.

    Args:
        header: the columns of the source.
        mapped: the columns that are read, each with all the names that it may have.
        joining: columns that are read to put records and their parts together.
    """
    found = []
    renamed = [
        f"{name!r}" for name, given in zip(header.names, header.given, strict=True) if name != given.strip()
    ]
    if renamed:
        message = f"columns without a name of their own are called {', '.join(renamed)}"
        found.append(Problem("header-names", message, "Use these names in the mapping"))
    read = {name for names in mapped for name in names}.union(joining)
    unread = [name for name in header.names if name not in read and name != ORIGIN]
    absent = [names[0] for names in mapped if not set(names) & set(header.names)]
    if absent:
        message = f"the source has no columns {', '.join(_with_near(name, unread) for name in absent)}"
        found.append(Problem("absent-columns", f"{message}; they count as empty", "Name them alike"))
    if unread:
        message = f"no mapping mentions the columns {', '.join(unread)}; they are not loaded"
        found.append(Problem("unmapped-columns", message, "Map them, if they matter"))
    return found


def unsettled(mapping: str) -> list[Problem]:
    """The lines of a drafted mapping, given as text, that it still asks its reader about."""
    lines = [str(number) for number, line in enumerate(mapping.split("\n"), 1) if UNSETTLED.search(line)]
    if not lines:
        return []
    named = ", ".join(lines[:LINES_NAMED]) + (" and more" if len(lines) > LINES_NAMED else "")
    message = f"the mapping still has TODO on line{'s' if len(lines) > 1 else ''} {named}"
    return [
        Problem("unsettled-mapping", message, "Settle it before a load that is to stay, and take TODO away")
    ]


def _with_near(name: str, unread: Sequence[str]) -> str:
    """A column that is not there, and those that may be meant."""
    folded = [known for known in unread if known.casefold() == name.casefold()]
    near = list(dict.fromkeys([*folded, *get_close_matches(name, unread, n=3)]))
    return f"{name} (the nearest: {', '.join(near)})" if near else name
