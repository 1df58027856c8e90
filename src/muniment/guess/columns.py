"""What stands in each column of a sample."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

DISTINCT_VALUES = 50_000
"""Different values counted of a column: more than a sample of usual records has."""

VALUES_KEPT = 200
"""Different values kept of a column, from all over the sample: what a kind is judged by."""

VALUE_CHARACTERS = 400
"""Characters kept of such a value."""

EXAMPLES = 3
"""Examples shown of a column."""

EXAMPLE_CHARACTERS = 60
"""Characters shown of an example: what fits beside others on a line."""

LONG_TEXT = 200
"""Mean characters from which on a text is called long."""

KIND_SHARE = 0.9
"""The share of values that must be of a kind: every column has its exceptions."""

SEVERAL_SHARE = 0.02
"""The share of cells that hold several values from which on the separator is told."""

PIECE_CHARACTERS = 40
"""Mean characters of one of several values; longer ones are sentences, whose semicolons separate nothing."""

NEARLY = 0.99
"""The share of records with a value of their own from which on a column nearly identifies them."""

NULLS = ("NULL", "\\N", "(null)", "[null]", "<null>", "#N/A", "N/A", "n/a", "nan", "NaN")
"""Cells that mean that nothing is known, whatever the column."""

PERHAPS_NULL = (
    *("null", "None", "none", "NA", "-", "--", "—", "?", ".", "unknown", "Unknown"),
    *("unbekannt", "Unbekannt", "k.A.", "k. A.", "o.A.", "ohne Angabe", "inconnu", "Inconnu"),
    *("不詳", "不明", "未詳", "なし"),
)
"""Cells that may mean it, or may be data."""

_NUMBER = r"[-+]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)"
_LENGTH = r"\d\s*(?:mm|cm|m|in|inch(?:es)?|ft|kg|g|oz|lb)\b|\d\s*[x×]\s*\d"
_TIME = r"(?<![0-9.,])(?:1[0-9]|20)[0-9]{2}s?\b|\b[0-9]{1,2}(?:st|nd|rd|th)\b|century|jh\.|siècle|b\.?c\.?"
_KINDS = (
    ("whole number", re.compile(r"[-+]?[0-9]+")),
    ("number", re.compile(rf"{_NUMBER}(?:[.,][0-9]+)?")),
    ("ISO date", re.compile(r"[-+]?[0-9]{4,6}-[0-9]{2}(?:-[0-9]{2})?(?:[T ][0-9:.]+(?:Z|[-+][0-9:]+)?)?")),
    ("URL", re.compile(r"(?i)(?:https?|ftp)://\S++(?:\s+[|;,]?\s*https?://\S++|(?!))*+")),
    ("URI", re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}:[^\s:]\S*")),
    ("measurements", re.compile(rf"(?is)(?=.*?(?:{_LENGTH})).*")),
    ("date text", re.compile(rf"(?i)(?=.{{1,40}}$)(?=.*?(?:{_TIME})).*")),
)
_SEPARATORS = ("|", ";", "¦")


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a sample.

    Attributes:
        name: unique, as in `muniment.records.Header`.
        rows: records looked at.
        filled: how many of them have something here that is not a string for null.
        distinct: how many different values these are, counted up to `DISTINCT_VALUES`.
        kind: `whole number`, `number`, `ISO date`, `date text`, `URL`, `URI`, `measurements`,
            `long text`, `text`, or `empty`.
        separator: what separates several values in one cell; "" where there is one value only.
        mean_length: characters of the values, on average.
        multiline: some values have line breaks.
        values: some of the different values, cut to `VALUE_CHARACTERS`.
    """

    name: str
    rows: int
    filled: int
    distinct: int
    kind: str
    separator: str
    mean_length: float
    multiline: bool
    values: tuple[str, ...]

    @property
    def fill(self) -> float:
        """The share of records that have a value, 0 to 1."""
        return self.filled / self.rows if self.rows else 0.0

    @property
    def identifies(self) -> bool:
        """Every record looked at has a value of its own."""
        return 0 < self.rows == self.filled and (
            self.distinct == self.filled or self.distinct >= DISTINCT_VALUES
        )

    @property
    def nearly_identifies(self) -> bool:
        """It would identify the records, but for a few that are damaged or stand there twice."""
        return self.identifies or self.distinct >= NEARLY * self.rows > 0

    @property
    def examples(self) -> tuple[str, ...]:
        """A few values, shortened and on one line each."""
        return tuple(map(one_line, self.values[:EXAMPLES]))

    def share(self, pattern: re.Pattern[str]) -> float:
        """The share of the kept values in which the pattern is found."""
        return sum(bool(pattern.search(value)) for value in self.values) / max(1, len(self.values))

    def as_dict(self) -> dict[str, object]:
        """The column as plain data for JSON."""
        return {
            "name": self.name,
            "filled_percent": round(100 * self.fill, 1),
            "distinct": self.distinct,
            "looks_like": self.kind,
            "separator": self.separator,
            "multiline": self.multiline,
            "examples": list(self.examples),
        }


def one_line(value: str) -> str:
    """The value with its white space closed up and its control characters shown, cut to a line's part."""
    closed = " ".join(value[: 2 * EXAMPLE_CHARACTERS].split())
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in closed)
    return shown if len(shown) <= EXAMPLE_CHARACTERS else shown[: EXAMPLE_CHARACTERS - 1] + "…"


def count_nulls(rows: Sequence[Sequence[str]]) -> dict[str, int]:
    """How many cells are one of the strings that mean null, or may mean it; the most frequent first."""
    known = frozenset(NULLS + PERHAPS_NULL)
    counts = Counter(
        text for row in rows for cell in row if len(cell) < 10 and (text := cell.strip()) in known
    )
    return dict(counts.most_common())


def profile(
    names: Sequence[str], rows: Sequence[Sequence[str]], null: Sequence[str]
) -> tuple[ColumnProfile, ...]:
    """A profile of each column of a sample."""
    nothing = frozenset(null) | {""}
    return tuple(_column(name, index, rows, nothing) for index, name in enumerate(names))


def _column(name: str, index: int, rows: Sequence[Sequence[str]], nothing: frozenset[str]) -> ColumnProfile:
    filled, length, multiline = 0, 0, False
    distinct: dict[str, None] = {}
    for row in rows:
        text = row[index].strip()
        if text in nothing:
            continue
        filled += 1
        length += len(text)
        multiline = multiline or "\n" in text or "\r" in text
        if len(distinct) < DISTINCT_VALUES:
            distinct[text] = None
    values = tuple(distinct)
    spread = values[:: max(1, len(values) // VALUES_KEPT)][:VALUES_KEPT]
    kept = tuple(value[:VALUE_CHARACTERS] for value in spread)
    mean = length / filled if filled else 0.0
    separator = _separator(values) if mean < LONG_TEXT else ""
    return ColumnProfile(
        name=name,
        rows=len(rows),
        filled=filled,
        distinct=len(distinct),
        kind=_kind(kept, mean, separator),
        separator=separator,
        mean_length=mean,
        multiline=multiline,
        values=kept,
    )


def _kind(values: Sequence[str], mean_length: float, separator: str) -> str:
    if not values:
        return "empty"
    first = [value.split(separator)[0].strip() if separator else value for value in values]
    for kind, pattern in _KINDS:
        if sum(bool(pattern.fullmatch(value)) for value in first) >= KIND_SHARE * len(first):
            return kind
    return "long text" if mean_length >= LONG_TEXT else "text"


def _separator(values: Sequence[str]) -> str:
    """What separates several short values in one cell."""
    for separator in _SEPARATORS:
        several = [value.split(separator) for value in values if separator in value]
        pieces = [piece.strip() for parts in several for piece in parts]
        short = sum(map(len, pieces)) <= PIECE_CHARACTERS * len(pieces)
        short = short or all(piece.startswith(("http://", "https://")) for piece in pieces)
        if several and len(several) >= SEVERAL_SHARE * len(values) and short:
            return separator
    return ""
