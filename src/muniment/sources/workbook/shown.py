"""The value of a cell as text: as a person sees it, where that is the same value.

A spreadsheet holds 1.1 as 1.1000000000000001 and shows fifteen digits. It holds dates as days since 1900 (or
1904), and what is shown of them depends on country and taste: they are told in ISO 8601.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Literal

from muniment.sources.workbook.formats import NumberFormat

DIGITS = 15
"""Digits of a number that spreadsheet programs show."""

PLAIN_DIGITS = 21
"""Digits of a whole number that is written out: up to here, as JavaScript does it."""

LEAP_DAY = 60
"""The serial number of 29 February 1900, a day that Excel knows and the calendar does not (for the sake of
Lotus 1-2-3). The days before it count from a day later."""

LAST_DAY = 2_958_465
"""31 December 9999, after which Excel shows no dates."""

DAYS_TO_1904 = 1_462
"""Days between the two epochs that workbooks count from."""

MICROSECONDS = 86_400 * 10**6
"""Of a day."""

ColumnType = Literal["auto", "text", "number", "date", "time"]
"""How the numbers of a column are told: `auto` by the format of each cell."""


def plain_number(value: str) -> str:
    """A number as it is shown without a format: `5`, not `5.0`; what is no number stays as it is."""
    if value.isascii() and value.isdigit() and (value[0] != "0" or value == "0") and len(value) <= DIGITS:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    told = f"{number:.{DIGITS}g}"
    if "e" not in told:
        return "0" if told == "-0" else told
    exact = Decimal(told)
    plain = f"{exact:f}"
    return plain if exact.is_finite() and len(plain.lstrip("-").lstrip("0.")) <= PLAIN_DIGITS else told


def formatted_number(value: str, shown: NumberFormat) -> str:
    """A number with the zeros that its format adds: `001`, `2010.70`; no digits are ever rounded away."""
    plain = plain_number(value)
    if shown.percent or (not shown.decimals and shown.digits <= 1):
        return plain
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, _, decimals = digits.partition(".")
    if not whole.isdigit() or (decimals and not decimals.isdigit()):
        return plain
    decimals = decimals.ljust(shown.decimals, "0")
    return sign + whole.zfill(shown.digits) + ("." + decimals if decimals else "")


def displayed_number(value: str, shown: NumberFormat) -> str:
    """A number just as it is shown, rounded, and with all that its format puts around it."""
    try:
        number = Decimal(plain_number(value)) * (100 if shown.percent else 1)
        if shown.decimals or shown.digits:
            number = number.quantize(Decimal(1).scaleb(-shown.decimals), ROUND_HALF_UP)
    except InvalidOperation:
        return value
    told = f"{abs(number):{',' if shown.grouped else ''}f}"
    whole, point, decimals = told.partition(".")
    sign = "-" if number < 0 else ""
    return f"{sign}{shown.before}{whole.zfill(shown.digits)}{point}{decimals}{shown.after}"


def moment(value: str, shown: NumberFormat, *, since_1904: bool) -> str | None:
    """A serial number as date, time or both; None where it is none that a spreadsheet shows as such.

    The time of day is told where the format shows it, or where there is one.
    """
    try:
        serial = float(value)
    except ValueError:
        return None
    if shown.elapsed:
        return _span(serial)
    counted, micros = _days(serial)
    days = counted + (DAYS_TO_1904 if since_1904 else 0)
    if not 0 <= days <= LAST_DAY:
        return None
    if days == 0 or (counted == 0 and shown.has_time and not shown.has_date):
        return _clock(micros)
    day = _day(days)
    return f"{day}T{_clock(micros)}" if micros or (shown.has_time and shown.has_date) else day


def _days(serial: float) -> tuple[int, int]:
    """Whole days and microseconds, of which spreadsheets keep thousands: the rest is noise."""
    total = round(serial * MICROSECONDS / 1000) * 1000
    return divmod(total, MICROSECONDS)


def _day(days: int) -> str:
    if days == LEAP_DAY:
        return "1900-02-29"
    epoch = date(1899, 12, 31) if days < LEAP_DAY else date(1899, 12, 30)
    return (epoch + timedelta(days=days)).isoformat()


def _clock(micros: int) -> str:
    seconds, rest = divmod(micros, 10**6)
    told = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{told}.{rest // 1000:03}" if rest else told


def _span(serial: float) -> str:
    """A span of time in hours, minutes and seconds."""
    days, micros = _days(abs(serial))
    return ("-" if serial < 0 else "") + _clock(days * MICROSECONDS + micros)
