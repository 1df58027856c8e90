"""Texts about dimensions that differ in nothing but their digits: read once, and then only their numbers.

The tokens of a text, and what the series make of them, depend on where digits stand, not on which they are;
so `12.5 x 8 in.` is read as `9.75 x 10 in.` was. Where a number does not come to be a value of its own (it
counts something, is part of another, or cannot be read), the text is always read in full.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from muniment.museum.dimension_series import Series, Term
from muniment.museum.dimension_words import number_of, tokens_of

DIGITS = re.compile("[0-9]+")

_HOUR = re.compile(r"h.{0,2}[0-9]", re.IGNORECASE | re.DOTALL)
"""Of minutes after hours, it matters how many digits they have."""

CACHED_NUMBERS = 8_192
"""Numbers whose value is remembered: sizes to a tenth of a centimetre repeat throughout an export."""

_number_of = lru_cache(maxsize=CACHED_NUMBERS)(number_of)

Runs = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a text, told by the digits before it: so many runs of them, and then so many characters."""

    runs: int
    beyond: int

    def within(self, runs: Runs) -> int:
        """The place in a text with these runs of digits."""
        return self.beyond + (runs[self.runs - 1][1] if self.runs else 0)


@dataclass(frozen=True, slots=True)
class Shape:
    """How the texts of one shape are read.

    Attributes:
        series: as `settled` left them in the first text.
        numbers: where each value stands, in the order of the series and their terms.
        spans: where each series begins and ends.
    """

    series: tuple[Series, ...]
    numbers: tuple[tuple[_Place, _Place], ...]
    spans: tuple[tuple[_Place, _Place], ...]

    def read(self, text: str, runs: Runs) -> list[Series] | None:
        """The series of another text of this shape; None where one of its numbers cannot be read."""
        values: list[Decimal] = []
        for start, end in self.numbers:
            value = _number_of(text[start.within(runs) : end.within(runs)].lower().rstrip("."))
            if value is None or value <= 0:
                return None
            values.append(value)
        given = iter(values)
        return [
            Series(
                # Made anew by name: `replace` would take as long as all the rest.
                terms=[Term(tuple([next(given) for _ in old]), unit, role) for old, unit, role in one.terms],
                start=start.within(runs),
                end=end.within(runs),
                depth=one.depth,
                extent=one.extent,
                introduced=one.introduced,
                alone=one.alone,
                spoilt=one.spoilt,
            )
            for one, (start, end) in zip(self.series, self.spans, strict=True)
        ]


def runs_of(text: str) -> list[tuple[int, int]]:
    """Where digits stand."""
    return [match.span() for match in DIGITS.finditer(text)]


def shape_of(text: str, runs: Runs, series: Sequence[Series]) -> Shape | None:
    """How texts like this one are read, given its series; None where they must be read in full."""
    values = [value for one in series for term in one.terms for value in term.values]
    numbers = [token for token in tokens_of(text) if token.kind == "number"]
    held = [sum(number.start <= start < number.end for start, _ in runs) for number in numbers]
    in_order = all(one.end <= other.start for one, other in pairwise(numbers))
    if not (in_order and all(held) and sum(held) == len(runs) and len(numbers) == len(values)):
        return None
    if any(
        value is None or value <= 0 or value != number_of(number.word)
        for value, number in zip(values, numbers, strict=True)
    ):
        return None
    if _HOUR.search(text) or any(DIGITS.search(one.extent) for one in series):
        return None
    return Shape(
        tuple(replace(one, terms=list(one.terms)) for one in series),
        tuple((_place(number.start, runs), _place(number.end, runs)) for number in numbers),
        tuple((_place(one.start, runs), _place(one.end, runs)) for one in series),
    )


def _place(offset: int, runs: Runs) -> _Place:
    before = sum(end <= offset for _, end in runs)
    return _Place(before, offset - (runs[before - 1][1] if before else 0))
