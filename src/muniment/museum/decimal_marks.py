"""Numbers that mean one thing in English and another in most languages: `1.250` and `1,250`.

All others tell by themselves which mark is which: `12,5`, `1.250,5`, `1,250,000`, `0.125`.
"""

from __future__ import annotations

import re

MAY_BE_AMBIGUOUS = "[0-9][.,][0-9]{3}"
"""Found in every text with such a number, and in some others; without what Arrow's expressions lack."""

_AMBIGUOUS = re.compile(r"(?<![0-9.,])([1-9][0-9]{0,2})([.,])([0-9]{3})(?![0-9]|[.,][0-9])")

_COMMA_LANGUAGES = frozenset(
    "af az be bg bs ca cs da de el es et eu fi fr gl hr hu id is it ka kk lt lv mk nb nl nn no pl pt ro ru sk"  # noqa: SIM905
    " sl sq sr sv tr uk vi".split()
)
"""Languages whose decimal mark is the comma (Unicode CLDR, `numbers/symbols/decimal`)."""

_POINT_REGIONS = frozenset("CH DO GT HN LI MX NI PA PE PR SV US 419".split())  # noqa: SIM905
"""Regions of such a language where it is the point all the same (as above)."""


def has_decimal_comma(language: str) -> bool:
    """Whether the decimal mark is the comma where this language (BCP 47) is written."""
    first, *others = language.split("-")
    return first.lower() in _COMMA_LANGUAGES and _POINT_REGIONS.isdisjoint(map(str.upper, others))


def exchanged(text: str) -> str:
    """A text with the other mark in each number that could mean either; done twice, it is as it was."""
    return _AMBIGUOUS.sub(_with_other_mark, text)


def _with_other_mark(found: re.Match[str]) -> str:
    whole, mark, rest = found.groups()
    return f"{whole}{'.' if mark == ',' else ','}{rest}"
