"""Days for the world: from historical years to ISO 8601, which has a year 0."""

from __future__ import annotations

import re
from calendar import isleap
from functools import lru_cache

from muniment.museum.dates import parse_bound

REMEMBERED_DAYS = 8_192
"""Days that are remembered: first and last days of years come again and again. At most 1 MB."""

_DAY = re.compile(r"(-?)(\d{4,})(?:-(\d\d)(?:-(\d\d))?)?")


@lru_cache(REMEMBERED_DAYS)
def iso_day(historical: str) -> str:
    """A stored day, or year, as ISO 8601 and XML Schema 1.1 have it: 206 BCE, `-0206`, is their -0205.

    The Julian calendar had leap days that the Gregorian one, which is theirs for all times, has not:
    29 February 1500 is told as the 28th.
    """
    match = _DAY.fullmatch(historical)
    if match is None:
        return historical
    sign, digits, month, day = match.groups()
    year = 1 - int(digits) if sign else int(digits)
    if (month, day) == ("02", "29") and not isleap(year):
        day = "28"
    told = f"-{-year:04}" if year < 0 else f"{year:04}"
    return "-".join(part for part in (told, month, day) if part)


def first_moment(historical: str) -> str:
    """The first moment of a stored day, as an xsd:dateTime."""
    return f"{iso_day(historical)}T00:00:00Z"


def last_moment(historical: str) -> str:
    """The last second of a stored day, as an xsd:dateTime."""
    return f"{iso_day(historical)}T23:59:59Z"


@lru_cache(REMEMBERED_DAYS)
def life_span(text: str) -> tuple[str, str] | None:
    """The first and last day that a date of birth or death can mean, as stored; `None` if not understood."""
    first, last = parse_bound(text, latest=False), parse_bound(text, latest=True)
    return (first.iso, last.iso) if first and last else None
