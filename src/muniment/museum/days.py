"""Days of the historical calendar and spans of them; 1 BCE is followed by 1 CE, there is no year 0."""

from __future__ import annotations

import re
from dataclasses import dataclass

FIRST_GREGORIAN_YEAR = 1583
"""The Gregorian calendar began in October 1582; before, every fourth year was a leap year."""


@dataclass(frozen=True, slots=True, order=True)
class Day:
    """A day; they compare in the order of time.

    Attributes:
        year: signed historical year: -206 is 206 BCE. Never 0.
        month, day: from 1.
    """

    year: int
    month: int
    day: int

    @property
    def iso(self) -> str:
        """ISO-like text with at least four digits of year: `1883-12-31`, `-0206-01-01` for 206 BCE."""
        sign = "-" if self.year < 0 else ""
        return f"{sign}{abs(self.year):04}-{self.month:02}-{self.day:02}"

    @classmethod
    def parse(cls, text: str) -> Day | None:
        """The day whose `iso` this is; None for any other text."""
        found = _ISO_DAY.fullmatch(text)
        return possible(*map(int, found.groups())) if found else None


_ISO_DAY = re.compile(r"(-?\d{4,9})-(\d\d)-(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `first` to `last`, both included; `None` is an end that is not known."""

    first: Day | None
    last: Day | None

    @property
    def open(self) -> bool:
        """Whether an end is not known."""
        return self.first is None or self.last is None

    @property
    def inverted(self) -> bool:
        """Whether it ends before it begins."""
        return self.first is not None and self.last is not None and self.last < self.first

    def within(self, other: Span) -> Span:
        """The days of both; inverted where they have none in common."""
        firsts = [day for day in (self.first, other.first) if day]
        lasts = [day for day in (self.last, other.last) if day]
        return Span(max(firsts, default=None), min(lasts, default=None))

    def widened(self, years: int) -> Span:
        """The span with so many whole years more at each end that is known."""
        first = self.first and Day(years_later(self.first.year, -years), 1, 1)
        last = self.last and Day(years_later(self.last.year, years), 12, 31)
        return Span(first, last)


def years_later(year: int, years: int) -> int:
    """The historical year so many years later, or earlier where `years` is negative."""
    counted = (year if year > 0 else year + 1) + years
    return counted if counted > 0 else counted - 1


def days_in_month(year: int, month: int) -> int:
    """How many days a month of a historical year has."""
    if month != 2:
        return 30 if month in (4, 6, 9, 11) else 31
    counted = year if year > 0 else year + 1
    leap = counted % 4 == 0 and (counted < FIRST_GREGORIAN_YEAR or counted % 100 != 0 or counted % 400 == 0)
    return 29 if leap else 28


def possible(year: int, month: int, day: int) -> Day | None:
    """The day with these numbers, or `None` where the calendar has no such day."""
    if year == 0 or not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month):
        return None
    return Day(year, month, day)


def span_of_years(first: int, last: int) -> Span:
    """From the first day of one year to the last day of another; a year 0 counts as the one within."""
    return Span(Day(first or 1, 1, 1), Day(last or -1, 12, 31))
