"""Number formats: what a cell's number means, and how it is shown (ECMA-376 part 1, 18.8.30 and 18.8.31)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "moment", "text"]

BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00",
    12: "# ?/?", 13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy",
    18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm",
    37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 41: "#,##0", 42: "#,##0", 43: "#,##0.00",
    44: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
    **dict.fromkeys(range(27, 32), "yyyy-mm-dd"), **dict.fromkeys(range(32, 36), "h:mm:ss"),
    36: "yyyy-mm-dd", **dict.fromkeys(range(50, 59), "yyyy-mm-dd"),
}  # fmt: skip
"""The formats that workbooks name by number alone; where they depend on the country, what they show."""

_TOKEN = re.compile(
    r"""
      (?P<elapsed> \[(?:h+|m+|s+)\] )
    | (?P<silent>  \[[^\]]*\]? | _. | \*. )
    | (?P<literal> "[^"]*"? | \\. )
    | (?P<general> general | standard )
    | (?P<half>    am/pm | a/p )
    | (?P<power>   e[+-] )
    | (?P<places>  [0#?][0#?,]* (?: \.[0#?]* )? | \.[0#?]+ )
    | (?P<end>     ; )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_MINUTES = re.compile(r"h[^a-z]*m+|m+(?=[^a-z]*s)")


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a cell's number is shown.

    Attributes:
        kind: `moment` for dates, times and spans of time.
        has_date, has_time, elapsed: of a moment, what is shown; `elapsed` is a span that may exceed a day.
        digits, decimals: of a number, how many there are at the least before and after the point.
        before, after: literal text around it.
        grouped: thousands are set apart by commas.
        percent: hundredths are shown.
    """

    kind: Kind = "number"
    has_date: bool = False
    has_time: bool = False
    elapsed: bool = False
    digits: int = 0
    decimals: int = 0
    before: str = ""
    after: str = ""
    grouped: bool = False
    percent: bool = False


GENERAL = NumberFormat()
"""The format of cells that have none, and of those that show numbers as fractions or with exponents."""


def read_format(code: str) -> NumberFormat:
    """The meaning of a format's code, of which the part for positive numbers counts."""
    tokens: list[tuple[str, str]] = []
    for found in _TOKEN.finditer(code):
        if found.lastgroup == "end":
            break
        tokens.append((found.lastgroup or "", found.group()))
    kinds = {kind for kind, _ in tokens}
    others = "".join(text for kind, text in tokens if kind == "other")
    if "@" in others:
        return NumberFormat("text")
    if kinds & {"elapsed", "half"} or ("places" not in kinds and set("ymdhsg") & set(others.casefold())):
        return _moment(tokens)
    if "places" in kinds and "general" not in kinds:
        return _number(tokens)
    # `mm:ss.0`: its tenths are the only places.
    return _moment(tokens) if set("ymdhs") & set(others.casefold()) else GENERAL


def _moment(tokens: list[tuple[str, str]]) -> NumberFormat:
    shown = "".join(text if kind == "other" else "." for kind, text in tokens).casefold()
    kinds = {kind for kind, _ in tokens}
    has_date = bool(set("ymdg") & set(_MINUTES.sub("h", shown)))
    has_time = bool(kinds & {"elapsed", "half"} or set("hs") & set(shown))
    return NumberFormat("moment", has_date, has_time, "elapsed" in kinds)


def _number(tokens: list[tuple[str, str]]) -> NumberFormat:
    """A format of digits with literal text around them; `GENERAL` where there is more to it."""
    places = [text for kind, text in tokens if kind == "places"]
    others = "".join(text for kind, text in tokens if kind == "other")
    if set("hs") & set(others.casefold()):
        return _moment(tokens)
    whole, _, decimals = places[0].partition(".")
    if len(places) > 1 or "/" in others or any(kind == "power" for kind, _ in tokens) or whole.endswith(","):
        return GENERAL
    literals = [
        (kind, text[1:].removesuffix('"') if kind == "literal" else text)
        for kind, text in tokens
        if kind in ("literal", "other", "places")
    ]
    place = next(index for index, (kind, _) in enumerate(literals) if kind == "places")
    return NumberFormat(
        digits=whole.count("0"),
        decimals=decimals.count("0"),
        before="".join(text for _, text in literals[:place]),
        after="".join(text for _, text in literals[place + 1 :]),
        grouped="," in whole,
        percent="%" in others,
    )
