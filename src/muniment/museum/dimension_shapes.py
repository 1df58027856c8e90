"""Texts about dimensions that differ in nothing but their digits: read once, and then only their numbers.

The tokens of a text, and what the series make of them, depend on where digits stand, not on which they are;
so `12.5 x 8 in.` is read as `9.75 x 10 in.` was, as long as the same values are of one size. Where a number
does not come to be a value of its own (it counts something, is part of another, or cannot be read), the text
is always read in full.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import NamedTuple

from muniment.museum.dimension_series import Series
from muniment.museum.dimension_words import number_of, tokens_of
from muniment.museum.measurements import SIZES, Dimension, Measured, same_size

ANY_DIGITS = "[0-9]+"
"""What texts of one shape may differ in."""

_DIGITS = re.compile(ANY_DIGITS)

_HOUR = re.compile(r"[^A-Z\s]\s*h.{0,2}[0-9]", re.IGNORECASE | re.DOTALL)
"""Of minutes after hours, it matters how many digits they have; before hours stands a number."""

CACHED_NUMBERS = 8_192
"""Numbers whose value is remembered: sizes to a tenth of a centimetre repeat throughout an export."""

Runs = Sequence[tuple[int, int]]


class Compared(NamedTuple):
    """Two series of which it mattered whether they are of one size, and whether they are."""

    one: Series
    other: Series
    same: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a text says, and how that came about.

    Attributes:
        series: all of it.
        compared: whose sizes were compared, in that order.
        told: the series that became measurements.
        spans: where the words of each of these stand.
        measured: what came of it.
    """

    series: Sequence[Series]
    compared: Sequence[Compared]
    told: Sequence[Series]
    spans: Sequence[tuple[int, int]]
    measured: Measured


class Place(NamedTuple):
    """A place in a text, told by the digits before it: so many runs of them, and then so many characters."""

    runs: int
    beyond: int

    def within(self, runs: Runs) -> int:
        """The place in a text with these runs of digits."""
        return self.beyond + (runs[self.runs - 1][1] if self.runs else 0)


class Span(NamedTuple):
    """From one place to another."""

    start: Place
    end: Place

    def of(self, text: str, runs: Runs) -> str:
        """What stands there in a text with these runs of digits."""
        return text[self.start.within(runs) : self.end.within(runs)]


class Comparison(NamedTuple):
    """A comparison of sizes: of each of two, the numbers and the size of their units; and what came of it."""

    one: tuple[tuple[int, Decimal], ...]
    other: tuple[tuple[int, Decimal], ...]
    same: bool


class Output(NamedTuple):
    """A measurement: which number is its value, what else it says, and where its words stand."""

    number: int
    said: Dimension
    display: Span


@dataclass(frozen=True, slots=True)
class Shape:
    """How the texts of one shape are read.

    Attributes:
        numbers: where each stands.
        comparisons: what must come out as it did, so that the text is read so.
        outputs: the measurements.
        problems: of all such texts.
    """

    numbers: tuple[Span, ...]
    comparisons: tuple[Comparison, ...]
    outputs: tuple[Output, ...]
    problems: tuple[str, ...]

    def read(self, text: str) -> Measured | None:
        """The measurements of another text of this shape; None where it must be read in full."""
        runs = runs_of(text)
        values: list[Decimal] = []
        for span in self.numbers:
            value = value_of(span.of(text, runs))
            if value is None:
                return None
            values.append(value)
        for one, other, same in self.comparisons:
            if same_size(_sizes(values, one), _sizes(values, other)) != same:
                return None
        dimensions = [
            Dimension(
                said.type, values[number], said.unit, said.extent, " ".join(display.of(text, runs).split())
            )
            for number, said, display in self.outputs
        ]
        return Measured(tuple(dimensions), self.problems)


def _sizes(values: Sequence[Decimal], numbers: Sequence[tuple[int, Decimal]]) -> list[Decimal]:
    return [values[number] * size for number, size in numbers]


@lru_cache(maxsize=CACHED_NUMBERS)
def value_of(word: str) -> Decimal | None:
    """The value of a number as it stands in a text; None where it cannot be read, or is nothing."""
    value = number_of(word.lower().rstrip("."))
    return value if value is not None and value > 0 else None


def without_digits(text: str) -> str:
    """A text as all texts of its shape have it."""
    return _DIGITS.sub("0", text)


def runs_of(text: str) -> list[tuple[int, int]]:
    """Where digits stand."""
    return [match.span() for match in _DIGITS.finditer(text)]


def shape_of(text: str, found: Found) -> Shape | None:
    """How texts like this one are read, given how it was; None where they must be read in full."""
    runs = runs_of(text)
    values = [value for one in found.series for term in one.terms for value in term.values]
    numbers = [token for token in tokens_of(text) if token.kind == "number"]
    held = [sum(number.start <= start and end <= number.end for start, end in runs) for number in numbers]
    in_order = all(one.end <= other.start for one, other in pairwise(numbers))
    if not (in_order and all(held) and sum(held) == len(runs) and len(numbers) == len(values)):
        return None
    if any(
        value is None or value <= 0 or value != number_of(number.word)
        for value, number in zip(values, numbers, strict=True)
    ):
        return None
    if _HOUR.search(text) or any(_DIGITS.search(one.extent) for one in found.series):
        return None
    counts = [sum(len(term.values) for term in one.terms) for one in found.series]
    firsts = dict(zip(map(id, found.series), accumulate(counts, initial=0), strict=False))
    told = [
        (firsts[id(one)] + place, span)
        for one, span in zip(found.told, found.spans, strict=True)
        for place in range(sum(len(term.values) for term in one.terms))
    ]
    return Shape(
        tuple(_span(number.start, number.end, runs) for number in numbers),
        tuple(
            Comparison(_measures(one, firsts[id(one)]), _measures(other, firsts[id(other)]), same)
            for one, other, same in found.compared
        ),
        tuple(
            Output(number, said, _span(*span, runs))
            for (number, span), said in zip(told, found.measured.dimensions, strict=True)
        ),
        found.measured.problems,
    )


def _measures(one: Series, first: int) -> tuple[tuple[int, Decimal], ...]:
    sizes = [SIZES[term.unit] for term in one.terms for _ in term.values]
    return tuple(enumerate(sizes, start=first))


def _span(start: int, end: int, runs: Runs) -> Span:
    return Span(_place(start, runs), _place(end, runs))


def _place(offset: int, runs: Runs) -> Place:
    before = sum(end <= offset for _, end in runs)
    return Place(before, offset - (runs[before - 1][1] if before else 0))
