"""Creators told in parallel lists, and the words that qualify an attribution.

Exports tell several creators of one object in parallel columns: names `Piranesi|Bouchard`, roles
`printmaker|publisher`. `split_parallel` puts together what belongs together, and invents nothing.

An attribution that is uncertain, or says that somebody else held the brush, is told with a *qualifier*
(LIDO's `attributionQualifierActor`: `attributed to`, `studio of`, `after`), which exports write among
the roles (`printmaker, attributed to`) or in the name (`Rembrandt (attributed to)`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

UNEQUAL = "parallel-lists-unequal"
"""The problem of columns that do not have as many values as there are names."""

CACHED_TEXTS = 2_048
"""Texts whose qualifier is remembered: exports have a few hundred different roles."""

SHARED = frozenset(("role", "kind", "nationality", "qualifier"))
"""What one value may say of several names; one id, URI or date belongs to one of them only."""


@dataclass(frozen=True, slots=True)
class Parallel:
    """Parallel columns, split.

    Attributes:
        items: for each name, what its columns say of it; every item has every column.
        problems: `UNEQUAL`, where a column could not be divided among the names; it is "" in the items.
    """

    items: tuple[dict[str, str], ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribution:
    """The part that an actor had, and what qualifies the attribution; "" for what is not said."""

    role: str = ""
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class QualifiedName:
    """A name without the qualifier that was written with it, and the qualifier; "" where there is none."""

    name: str
    qualifier: str = ""


def split_parallel(cells: Mapping[str, str], separator: str) -> Parallel:
    """Divide parallel lists among the names.

    The list of names rules. A column with as many values is paired with them in order; an empty one says
    nothing of anybody; a single value holds for all names if it is of a kind that they can share (`SHARED`).
    Any other column is given to nobody, since nobody can say whose its values are.

    Args:
        cells: the text of each column; that of the names is called `name`, or else is the first.
        separator: what parts the values; "" where each cell is one value.
    """
    lists = {column: _values(text, separator) for column, text in cells.items()}
    if not any(map(any, lists.values())):
        return Parallel()
    count = len(lists["name"] if "name" in lists else next(iter(lists.values())))
    unequal = False
    for column, values in lists.items():
        if len(values) == 1 and (column in SHARED or not values[0]):
            lists[column] = values * count
        elif len(values) != count:
            lists[column] = [""] * count
            unequal = True
    items = tuple(dict(zip(lists, item, strict=True)) for item in zip(*lists.values(), strict=True))
    return Parallel(items, (UNEQUAL,) if unequal else ())


def _values(text: str, separator: str) -> list[str]:
    return [value.strip() for value in text.split(separator)] if separator else [text.strip()]


_SPELLINGS = {
    "formerly attributed to": "formerly attributed to|formerly attributed|previously attributed to",
    "doubtfully attributed to": "doubtfully attributed to|doubtfully attributed",
    "attributed to": "attributed to|attributed|attribution|attrib. to|attrib|attr. to|attr",
    "possibly by": "possibly by|possibly|possible|perhaps by|perhaps",
    "probably by": "probably by|probably|probable",
    "studio of": "studio of|atelier of",
    "workshop of": "workshop of",
    "school of": "school of",
    "circle of": "circle of",
    "follower of": "follower of|followers of",
    "pupil of": "pupil of|pupils of|student of",
    "assistant of": "assistant of|assistants of|assistant to",
    "associate of": "associate of",
    "imitator of": "imitator of|imitators of",
    "copyist of": "copyist of|copy of",
    "manner of": "manner of|in the manner of",
    "style of": "style of|in the style of",
    "after": "after|copy after|print after|prints after",
    "pseudo": "pseudo",
}
_CANONICAL = {spelled: name for name, line in _SPELLINGS.items() for spelled in line.split("|")}
_ADJECTIVES = frozenset(("attributed", "possible", "possibly", "probable", "probably"))
_PART_OF_NAMES = frozenset(("school of", "pseudo"))
"""Not cut from the front of a name: the School of Paris and Pseudo Jacopino are called so."""

_PARTICLES = frozenset(("da", "de", "del", "della", "den", "di", "du", "ten", "ter", "van", "von"))
_WITH_OTHERS = re.compile(
    r"and (?:(?:a|an|his|her|their|the) )?"
    r"(?:studio|workshop|circle|school|assistants?|pupils?|followers?|others|other artists)"
)
_LONGEST_QUALIFIER = max(len(spelled.split()) for spelled in _CANONICAL)


@lru_cache(maxsize=CACHED_TEXTS)
def qualifier(text: str) -> Attribution:
    """Separate the qualifier of an attribution from the role that it is written with.

    `attributed to`, `printmaker, attributed to`, `printmaker (attributed to)`, `after: draughtsman` and
    `attributed manufacturer` are understood; anything else is a role, as it is written.
    """
    stated = _canonical(text)
    if stated:
        return Attribution("", stated)
    role, said = _split_behind(text)
    if _canonical(said):
        return Attribution(role, _canonical(said))
    if _canonical(role):
        return Attribution(said, _canonical(role))
    adjective, _, rest = text.strip().partition(" ")
    if adjective.lower() in _ADJECTIVES and rest.strip():
        return Attribution(rest.strip(), _canonical(adjective))
    return Attribution(text.strip())


@lru_cache(maxsize=CACHED_TEXTS)
def qualified_name(text: str) -> QualifiedName:
    """Cut a qualifier from a name, where that can be done cleanly; otherwise the name is `text` itself.

    It stands before a name that begins as names do (`Attributed to Rembrandt`, `after van Dyck`), or
    behind a comma or in parentheses at its end (`Rembrandt (attributed to)`), or is `and studio` and its
    like in small letters. `School of Paris`, `unknown American` and `Anonymous` are names.
    """
    name, said = _split_behind(text)
    if name and _canonical(said):
        return QualifiedName(name, _canonical(said))
    words = text.split()
    for count in range(min(_LONGEST_QUALIFIER, len(words) - 1), 0, -1):
        stated = _CANONICAL.get(" ".join(words[:count]).lower().rstrip("."), "")
        if stated and stated not in _PART_OF_NAMES and _begins_name(words[count]):
            return QualifiedName(" ".join(words[count:]), stated)
    for count in range(2, min(4, len(words))):
        if _WITH_OTHERS.fullmatch(others := " ".join(words[-count:])):
            return QualifiedName(" ".join(words[:-count]), others)
    return QualifiedName(text)


def _begins_name(word: str) -> bool:
    return not word[0].islower() or word in _PARTICLES


def _canonical(text: str) -> str:
    """The qualifier as the field writes it; "" for text that is none."""
    spelled = " ".join(text.lower().split()).rstrip(".")
    return _CANONICAL.get(spelled) or (spelled if _WITH_OTHERS.fullmatch(spelled) else "")


def _split_behind(text: str) -> tuple[str, str]:
    """What stands before, and what stands in, the parentheses or behind the comma at the end of a text."""
    stripped = text.strip()
    if stripped.endswith(")"):
        before, _, behind = stripped[:-1].rpartition("(")
    else:
        before, _, behind = max(
            (stripped.rpartition(sign) for sign in ",;:"), key=lambda parts: len(parts[0])
        )
    return before.strip(" ,;:"), behind.strip()
