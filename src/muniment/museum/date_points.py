"""The points of museum dates: one day, month, year, decade, century or millennium, as far as it is told.

A point may lack what its neighbour in a range says: `muniment.museum.date_grammar` fills that in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from muniment.museum.date_words import Kind, Lexeme
from muniment.museum.days import possible

LATEST_YEAR = 2099
"""Later years are slips, such as 2917 for 1917. A fixed year, not that of the clock: else the same export
would be judged otherwise after New Year's Day."""


@dataclass(frozen=True, slots=True)
class Point:
    """One end of a range, as far as it can be told by itself.

    Attributes:
        unit: in years: 1, 10, 100 or 1000; 0 where it is not told.
        number: the year, the first year of the decade, or which century or millennium; 0 where not told.
        digits: how many digits the number was written with.
        first, last: month and day (0: not told) that it begins and ends with.
        era: -1 BCE, 1 CE, 0 not told.
        part: which of how many parts of it.
    """

    unit: int = 0
    number: int = 0
    digits: int = 0
    first: tuple[int, int] | None = None
    last: tuple[int, int] | None = None
    era: int = 0
    part: tuple[int, int] | None = None
    circa: bool = False

    @property
    def begins(self) -> int:
        """The number of its first year, or of its last where it is BCE."""
        return self.number if self.unit <= 10 else (self.number - 1) * self.unit

    @property
    def bare(self) -> bool:
        """Whether it might be any other number: below 1000, and no era or century said."""
        return self.unit in (1, 10) and self.number < 1000 and not self.era


class Cursor:
    """A place in a sequence of lexemes."""

    def __init__(self, lexemes: tuple[Lexeme, ...]) -> None:
        self.lexemes = lexemes
        self.at = 0

    def kind(self, ahead: int = 0) -> Kind | None:
        """The kind of a lexeme ahead; `None` after the end."""
        at = self.at + ahead
        return self.lexemes[at].kind if at < len(self.lexemes) else None

    def take(self, *kinds: Kind) -> Lexeme | None:
        """The next lexeme, gone past, if it is of one of these kinds."""
        if self.kind() not in kinds:
            return None
        self.at += 1
        return self.lexemes[self.at - 1]

    def skip(self, *kinds: Kind) -> None:
        """Go past all that is of these kinds."""
        while self.take(*kinds):
            pass


def point_at(cursor: Cursor) -> Point | None:
    """The point that begins at the cursor, which is moved past it; `None`, unmoved, if none does."""
    start = cursor.at
    circa = False
    while modifier := cursor.take(Kind.CIRCA, Kind.UNCERTAIN):
        circa = circa or modifier.kind is Kind.CIRCA
        cursor.skip(Kind.LINK)
        if modifier.text == "c":
            cursor.take(Kind.COMMA)
    point = _exact(cursor)
    if not point:
        part = _part(cursor)
        cursor.skip(Kind.LINK)
        if cursor.take(Kind.SEASON):
            # A season narrows nothing: its months depend on the hemisphere.
            part = None
            cursor.skip(Kind.LINK)
        # A part of a month or day ("early May 1850") narrows nothing either.
        point = _exact(cursor) or _measure(cursor) or (Point() if part else None)
        point = replace(point, part=part) if point else None
    if not point:
        cursor.at = start
        return None
    cursor.skip(Kind.UNCERTAIN)
    return replace(point, circa=circa)


_FORMS = tuple(
    form.split()
    for form in (
        "year - nn - day",
        "year / nn / day",
        "year . nn . day",
        "day . nn . year",
        "day . roman year",
        "day / roman / year",
        "day - roman - year",
        "day roman year",
        "month day - day , year",
        "month day , year",
        "day - day of month , year",
        "day of month , year",
        "year month day",
        "month , of year",
        "either / either / year",
        "either - either - year",
        "year / roman",
        "year . roman",
        "roman / year",
        "nn / year",
        "nn . year",
        "year / second",
        "year - second",
        "year ( month )",
        "year , month",
        "month day",
        "day of month",
        "month",
    )
)
"""Exact dates, the longest form first. `nn` is a month in figures, `either` a month or a day, `second` a
month that might be the second year of a range; `,`, `of` and `)` may be absent."""

_SIGNS = {"-": Kind.DASH, "/": Kind.SLASH, ".": Kind.DOT, "(": Kind.OPEN}

_OPTIONAL_SIGNS = {",": Kind.COMMA, "of": Kind.LINK, ")": Kind.CLOSE}

_MONTHS = ("month", "roman", "nn", "second")


def _exact(cursor: Cursor) -> Point | None:
    start = cursor.at
    for form in _FORMS:
        told = _matched(cursor, form)
        # One more number beside a date means that it was not a date: `20 Nov 44`.
        point = _dated(told) if told and cursor.kind() is not Kind.NUMBER else None
        if point:
            return point
        cursor.at = start
    return None


def _matched(cursor: Cursor, form: list[str]) -> dict[str, list[int]] | None:
    """The numbers of a form by their names in it, or `None` where it does not match."""
    told: dict[str, list[int]] = {}
    for symbol in form:
        if symbol in _OPTIONAL_SIGNS:
            cursor.take(_OPTIONAL_SIGNS[symbol])
        elif symbol in _SIGNS:
            if not cursor.take(_SIGNS[symbol]):
                return None
        else:
            number = _numbered(cursor, symbol, told)
            if not number:
                return None
            told.setdefault("month" if symbol in _MONTHS else symbol, []).append(number)
    return told


def _numbered(cursor: Cursor, symbol: str, told: dict[str, list[int]]) -> int | None:
    """The next number, if it can be what a form's symbol names."""
    kinds = {"month": (Kind.MONTH,), "roman": (Kind.ROMAN,), "day": (Kind.NUMBER, Kind.ORDINAL)}
    number = cursor.take(*kinds.get(symbol, (Kind.NUMBER,)))
    if not number:
        return None
    if symbol == "year":
        return number.value if len(number.text) == 4 and number.value <= LATEST_YEAR else None
    if symbol == "second":
        # `1826-27`, `1973/74` and `1826-7` are ranges; `1994-08` and `1858/2` cannot be.
        range_ = number.value > told["year"][0] % 10 ** len(number.text)
        short = len(number.text) == 1 and cursor.kind(-2) is Kind.DASH
        return None if range_ or short or number.value > 12 else number.value
    return number.value if number.value <= (12 if symbol in _MONTHS else 31) else None


def _dated(told: dict[str, list[int]]) -> Point | None:
    """The point that the numbers of a form tell; `None` where there is no such day."""
    year = told.get("year", [0])[0]
    days = told.get("day", [0])
    if "either" in told:
        ends = _either_way(year, *told["either"])
    else:
        ends = [(told["month"][0], day) for day in days]
    # Without its year, a day in February may be the 29th.
    if not ends or not all(possible(year or 4, month, day or 1) for month, day in ends):
        return None
    return Point(1 if year else 0, year, 4 if year else 0, ends[0], ends[-1])


def _either_way(year: int, one: int, other: int) -> list[tuple[int, int]]:
    """Month and day of `one/other/year`: both readings, in the order of time, where both are possible."""
    return sorted((month, day) for month, day in {(one, other), (other, one)} if possible(year, month, day))


def _part(cursor: Cursor) -> tuple[int, int] | None:
    """Early, late, the second half of ..."""
    start = cursor.at
    if part := cursor.take(Kind.PART):
        if cursor.kind(1) not in (Kind.PART, Kind.TO):
            cursor.take(Kind.DASH)
        return part.part
    if direction := cursor.take(Kind.LATER, Kind.EARLIER):
        if cursor.kind() in (Kind.ORDINAL, Kind.PLURAL):
            return (1, 2) if direction.kind is Kind.LATER else (0, 2)
    elif which := cursor.take(Kind.ORDINAL, Kind.NUMBER):
        of = cursor.take(Kind.FRACTION, Kind.ORDINAL)
        if of and of.value in (2, 3, 4, 10) and which.value <= of.value:
            return ((which.value if which.value > 0 else of.value + 1 + which.value) - 1, of.value)
    cursor.at = start
    return None


def _measure(cursor: Cursor) -> Point | None:
    start = cursor.at
    era_before = cursor.take(Kind.ERA)
    point = _counted(cursor)
    if not point or (era_before and era_before.value < 0):
        cursor.at = start
        return None
    era = cursor.take(Kind.ERA) or era_before
    return replace(point, era=era.value) if era else point


def _counted(cursor: Cursor) -> Point | None:
    """A year, decade, century or millennium, without its era."""
    if plural := cursor.take(Kind.PLURAL):
        return _plural(plural)
    if cursor.take(Kind.DECADE):
        year = cursor.take(Kind.NUMBER)
        return Point(10, year.value, len(year.text)) if year and year.value % 10 == 0 else None
    if unit := cursor.take(Kind.UNIT):
        which = cursor.take(Kind.ROMAN, Kind.ORDINAL)
        return Point(unit.value, which.value) if which else None
    number = cursor.take(Kind.NUMBER, Kind.ORDINAL, Kind.ROMAN)
    if not number or number.value < 1:
        return None
    if cursor.kind(1) is Kind.UNIT:
        cursor.take(Kind.DASH)
    unit = cursor.take(Kind.UNIT)
    # "18th c." is a century, while in "1850 c." the c belongs to what follows.
    if not unit and number.kind is Kind.ORDINAL and cursor.kind(1) not in (Kind.NUMBER, Kind.ORDINAL):
        short = cursor.kind() is Kind.CIRCA and cursor.lexemes[cursor.at].text == "c"
        unit = Lexeme(Kind.UNIT, "c", 100) if short and cursor.take(Kind.CIRCA) else None
    if unit:
        return Point(unit.value, number.value)
    return Point(1 if number.kind is Kind.NUMBER else 0, number.value, len(number.text))


def _plural(plural: Lexeme) -> Point | None:
    """`1840s` is a decade, `1800s` a century."""
    if plural.value % 100 == 0 and plural.value:
        return Point(100, plural.value // 100 + 1, len(plural.text))
    if plural.value % 10 == 0 and plural.value:
        return Point(10, plural.value, len(plural.text))
    return None
