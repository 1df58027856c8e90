"""What spreadsheet programs do to cells that nobody touched.

They take `001.1998` for a number and `3-12` for a day, round long numbers, write dates in their country's
order, change line ends, and save letters outside their code page as question marks. A cell that differs from
what it was only so was not corrected by anybody.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

KEPT_DIGITS = 15
"""Digits of a number that spreadsheet programs keep."""

SHOWN_DIGITS = 9
"""Digits that they show, and write to CSV, of a longer number, at the least."""

SHORTEST_MANTISSA = 3
"""Digits before the exponent from which `1.23E+12` is taken for a number that was shortened."""

CODE_PAGE = "cp1252"
"""In which Excel saves `CSV` in Western Europe and America, unless it is told UTF-8."""

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_THOUSANDS = re.compile(r"([+-]?[0-9]{1,3}(?:([,.' \u00a0\u202f])[0-9]{3})(?:\2[0-9]{3})*)((?:[.,][0-9]+)?)")
_WRITTEN_BY_PROGRAM = re.compile(
    r"[+-]?(?:0|[1-9][0-9]*)(?:[.,][0-9]*[1-9])?|[+-]?[0-9](?:[.,][0-9]+)?[eE][+-]?[0-9]+"
)
_STROKED = re.compile("LATIN (CAPITAL|SMALL) LETTER ([A-Z]) WITH ")
_TIME = re.compile(r"[T ]\s*[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:\s*[AaPp][Mm])?$")
_DATE_PARTS = re.compile(r"[0-9]+|[^\W0-9_]+")

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janv janvier jän jänner gen ene",
            "feb february februar févr février febr",
            "mar march märz mrz mär mars mrt",
            "apr april avr avril abr",
            "may mai mag maj mei",
            "jun june juni juin giu",
            "jul july juli juil juillet lug",
            "aug august août ago",
            "sep sept september septembre set",
            "oct october okt oktober octobre ott",
            "nov november novembre",
            "dec december dez dezember déc décembre dic",
        ),
        1,
    )
    for name in names.split()
}


def is_reformatted(cell: str, original: str) -> bool:
    """Whether a cell is the original as a spreadsheet program may have rewritten it, and not a correction."""
    left, right = _one_line_end(cell), _one_line_end(original)
    if left == right or left.casefold() == right.casefold() in ("true", "false"):
        return True
    return _is_left_of(left, right) or _is_number_of(left, right) or _is_date_of(left, right)


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _is_left_of(cell: str, original: str) -> bool:
    """Whether the cell is what a code page leaves of the original: question marks, or the nearest letters.

    A character outside the basic plane is two to a program that counts in UTF-16.
    """
    for units in (1, 2):
        expanded = [
            character for character in original for _ in range(units if ord(character) > 0xFFFF else 1)
        ]
        if len(expanded) == len(cell) and all(map(_stands_for, cell, expanded)):
            return True
    return False


def _stands_for(new: str, old: str) -> bool:
    if new == old:
        return True
    try:
        old.encode(CODE_PAGE)
    except UnicodeEncodeError:
        return new == "?" or new == _nearest(old)
    return False


def _nearest(character: str) -> str:
    """The letter without its accent or stroke; "" where it is no Latin letter."""
    base = unicodedata.normalize("NFKD", character)[0]
    if base.isascii():
        return base
    named = _STROKED.match(unicodedata.name(character, ""))
    if named is None:
        return ""
    return named[2] if named[1] == "CAPITAL" else named[2].lower()


def _is_number_of(cell: str, original: str) -> bool:
    """Whether the cell is how a program writes the number that it took the original for.

    It takes zeros away before and after, never adds any: `12` that became `012` was corrected by somebody.
    """
    if not (_WRITTEN_BY_PROGRAM.fullmatch(cell) or _THOUSANDS.fullmatch(cell)):
        return False
    return any(_is_short_for(new, old, cell) for new in _readings(cell) for old in _readings(original))


def _readings(text: str) -> list[Decimal]:
    """The numbers that a text may mean: the points and commas of one country are another's turned round."""
    found = [Decimal(text.replace(",", "."))] if _NUMBER.fullmatch(text) else []
    if parts := _THOUSANDS.fullmatch(text):
        found.append(Decimal(parts[1].replace(parts[2], "") + parts[3].replace(",", ".")))
    return found


def _is_short_for(new: Decimal, old: Decimal, cell: str) -> bool:
    if new == old:
        return True
    mantissa, exponent, _ = cell.lower().partition("e")
    told = len(re.sub("[^0-9]", "", mantissa)) if exponent else len(new.normalize().as_tuple().digits)
    least = SHORTEST_MANTISSA if exponent else SHOWN_DIGITS
    if not least <= told <= KEPT_DIGITS:
        return False
    kept = (
        Context(prec=digits, rounding=way).plus(old)
        for digits in {told, KEPT_DIGITS}
        for way in (ROUND_HALF_UP, ROUND_DOWN)
    )
    return new in kept


def _is_date_of(cell: str, original: str) -> bool:
    """Whether both tell the same day, month and year, written in another order or style.

    A program adds what it needs for a day: the current year, the first of the month.
    """
    new, old = _date_parts(cell), _date_parts(original)
    if new is None or old is None or _style(cell) == _style(original):
        return False
    current = {int(year) % 100 for year in re.findall(r"\b20[0-9]{2}\b", cell)}
    return not old - new and all(part == 1 or part in current for part in new - old)


def _date_parts(text: str) -> Counter[int] | None:
    """Day, month and year (without its century) as numbers; None where no month can be among them."""
    parts = _DATE_PARTS.findall(_TIME.sub("", text))
    numbers = [int(part[-2:]) if part[0] in "0123456789" else _MONTHS.get(part.casefold()) for part in parts]
    known = [number for number in numbers if number is not None]
    rest = _DATE_PARTS.sub("", _TIME.sub("", text))
    if len(known) != len(parts) or len(parts) not in (2, 3) or rest.strip(" -/.,"):
        return None
    if not any(1 <= number <= 12 for number in known):
        return None
    return Counter(known)


def _style(text: str) -> str:
    """How a text is written, whatever its numbers: `1998-03-05` and `2001-12-24` are written alike."""
    return re.sub(r"[^\W0-9_]+", "a", re.sub("[0-9]+", "9", text))
