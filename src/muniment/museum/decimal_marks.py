"""Numbers that mean one thing in English and another in most languages: `1.250` and `1,250`.

All others tell by themselves which mark is which: `12,5`, `1.250,5`, `1,250,000`, `0.125`.
"""

from __future__ import annotations

import re

MAY_BE_AMBIGUOUS = "[0-9][.,][0-9]{3}"
"""Found in every text with such a number, and in some others; without what Arrow's expressions lack."""

_AMBIGUOUS = re.compile(r"(?<![0-9.,])([1-9][0-9]{0,2})([.,])([0-9]{3})(?![0-9]|[.,][0-9])")

_COMMA_LANGUAGES = frozenset(
    "af ast az be bg br bs ca cs da de dsb el es et eu fi fo fr fy gl hr hsb hu hy id is it ka kk ky lb lt"  # noqa: SIM905 - as a list it were a page
    " lv mk nb nl nn no pl pt rm ro ru se sk sl sq sr sv tr uk uz vi".split()
)
"""Languages whose decimal mark is the comma (Unicode CLDR, `numbers/symbols/decimal`)."""

_POINT_LOCALES = frozenset(
    "az-ARAB az-CYRL de-CH de-LI es-419 es-BR es-BZ es-CU es-DO es-GT es-HN es-MX es-NI es-PA es-PE es-PR"  # noqa: SIM905 - likewise
    " es-SV es-US fr-RW it-CH kk-ARAB".split()
)
"""Where it is the point all the same (as above)."""


def has_decimal_comma(language: str) -> bool:
    """Whether the decimal mark is the comma where this language (BCP 47) is written."""
    first, *others = language.split("-")
    spoken = first.lower()
    elsewhere = {f"{spoken}-{other.upper()}" for other in others}
    return spoken in _COMMA_LANGUAGES and _POINT_LOCALES.isdisjoint(elsewhere)


def exchanged(text: str) -> str:
    """A text with the other mark in each number that could mean either; done twice, it is as it was."""
    return _AMBIGUOUS.sub(_with_other_mark, text)


def _with_other_mark(found: re.Match[str]) -> str:
    whole, mark, rest = found.groups()
    return f"{whole}{'.' if mark == ',' else ','}{rest}"
