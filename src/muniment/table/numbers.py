"""Numbers that Python reads and nobody wrote as such: `1_000`, `nan`, thirty digits."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable
from decimal import Decimal

from muniment.table.model import DECIMAL_PLACES, WHOLE_DIGITS

NumberCheck = Callable[[str], str]
"""What is wrong with the number in a cell; "" for nothing, and where Pydantic will say it."""

INTEGER_BITS = 63
"""Integers that every database holds: 64 bits with the sign."""

SURE_TO_FIT = 15
"""Digits of a number that fits whatever its type is."""

READ_DIGITS = 400
"""Enough to see that an integer is too large; Python reads very long ones slowly, or not at all."""

EXPONENT_DIGITS = 5
"""More make numbers that nothing can hold, and that take long to find out about."""

TOO_LARGE = "is too large a number"

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_DECIMAL = re.compile(r"\s*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?(?P<exponent>[0-9]+))?\s*")
_NO_DIGITS = re.compile(r"(?i)\s*[+-]?s?(nan|inf).*")


def number_check(kind: type) -> NumberCheck | None:
    """The check of cells of this type; None where it is no number."""
    if issubclass(kind, bool | enum.Enum):
        return None
    checks: tuple[tuple[type, NumberCheck], ...] = ((int, _integer), (float, _real), (Decimal, _decimal))
    return next((check for known, check in checks if issubclass(kind, known)), None)


def _integer(cell: str) -> str:
    if len(cell) <= SURE_TO_FIT and cell.isdecimal() and cell.isascii():
        return ""
    if not _INTEGER.fullmatch(cell):
        return _odd(cell)
    return TOO_LARGE if abs(int(cell.strip()[:READ_DIGITS])) >> INTEGER_BITS else ""


def _real(cell: str) -> str:
    if not _DECIMAL.fullmatch(cell):
        return _odd(cell)
    return "" if math.isfinite(float(cell)) else TOO_LARGE


def _decimal(cell: str) -> str:
    written = _DECIMAL.fullmatch(cell)
    if not written:
        return _odd(cell)
    if len(written["exponent"] or "") > EXPONENT_DIGITS:
        return "is too large or too small a number"
    number = Decimal(cell.strip())
    if number.adjusted() >= WHOLE_DIGITS:
        return TOO_LARGE
    exponent = number.as_tuple().exponent
    return f"has more than {DECIMAL_PLACES} decimal places" if int(exponent) < -DECIMAL_PLACES else ""


def _odd(cell: str) -> str:
    return "is not a number" if "_" in cell or not cell.isascii() or _NO_DIGITS.fullmatch(cell) else ""
