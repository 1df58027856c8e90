"""The grammar of museum dates: from lexemes to phrases.

    phrase  ::=  [before | after | from | between]  range  [open]
    range   ::=  point { joiner point }              joiner: - / to and or
    point   ::=  { circa | ? }  ( exact | [part] measure | part )  [?]
    part    ::=  early | mid | late | turn of | ordinal (half | third | quarter | decade) of
    measure ::=  year | decade | century | millennium   [era]
    exact   ::=  one of `muniment.museum.date_points._FORMS`
    open    ::=  or later | or earlier | onwards | - present | -

A range is read before it is understood: what a point lacks (the century of "18th-19th century", the
era of "299-200 BCE", the year of "May - June 1944") it takes from its neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from muniment.museum.date_points import LATEST_YEAR, Cursor, Point, point_at
from muniment.museum.date_words import TURN, Kind, Lexeme
from muniment.museum.days import Day, Span, days_in_month, span_of_years

CIRCA_YEARS = 5
"""What "circa" widens a date by at each end: the usual reading, and that of Carnegie's own export."""

TURN_YEARS = 10
"""The turn of a century reaches this far to each side of the century's beginning."""

RANGE_POINTS = 8
"""Points read as one range; real ones have up to four, and the bound keeps odd texts linear."""

EARLIEST_YEAR_BCE = 9999
"""Years have four digits; what is older is not told by a year."""

LONGEST_BARE_RANGE = 1000
"""A range from a year below 1000, no era given, that is longer (`189-1880`) is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A date that was read, and how.

    Attributes:
        span: its days.
        bare: it has a year below 1000 without an era, which might as well be another number.
        model: it is the date of what the object was made after (`cast after 1929 original`).
    """

    span: Span
    bare: bool = False
    model: bool = False


def phrase_at(cursor: Cursor) -> Phrase | None:
    """The date phrase that begins at the cursor, which is moved past it; `None`, unmoved, if none does."""
    start = cursor.at
    cursor.skip(Kind.UNCERTAIN)
    bound = cursor.take(Kind.BEFORE, Kind.AFTER)
    opening = cursor.take(Kind.FROM) if not bound else None
    if bound:
        cursor.take(Kind.DASH)
    if bound or opening:
        cursor.skip(Kind.LINK)
    points, joiners = _chain(cursor)
    filled = _filled(points)
    if not filled or (opening and len(points) == 1):
        cursor.at = start
        return None
    span = _joined(filled, joiners)
    bare = any(point.bare for point in filled)
    model = cursor.kind() is Kind.MODEL
    if bound and bound.kind is Kind.AFTER and cursor.kind() in (Kind.MODEL, Kind.WORD, Kind.EVENT):
        return Phrase(span, bare, model=True)
    return Phrase(_opened(span, bound, _open_end(cursor)), bare, model)


def _chain(cursor: Cursor) -> tuple[list[Point], list[Lexeme]]:
    """The points of a range and the joiners between them."""
    points, joiners = [], []
    point = point_at(cursor)
    while point:
        points.append(point)
        before_joiner = cursor.at
        joiner = _joiner(cursor) if len(points) < RANGE_POINTS else None
        cursor.skip(Kind.LINK)
        point = point_at(cursor) if joiner else None
        if joiner and point:
            joiners.append(joiner)
        else:
            cursor.at = before_joiner
    return points, joiners


def _joiner(cursor: Cursor) -> Lexeme | None:
    """A joiner; "or" and "and" may follow a comma or bracket, "to" a dash (`mid- to late`)."""
    if cursor.kind(1) in (Kind.OR, Kind.AND):
        cursor.take(Kind.COMMA, Kind.OPEN)
    elif cursor.kind(1) is Kind.TO:
        cursor.take(Kind.DASH)
    joiner = cursor.take(Kind.DASH, Kind.SLASH, Kind.TO, Kind.OR, Kind.AND)
    if not joiner and cursor.kind() is Kind.BEFORE and cursor.lexemes[cursor.at].value:
        joiner = cursor.take(Kind.BEFORE)
    return joiner


def _open_end(cursor: Cursor) -> Kind | None:
    """`LATER` or `EARLIER` where the phrase goes on without a bound."""
    start = cursor.at
    if cursor.take(Kind.ONWARD):
        return Kind.LATER
    if cursor.take(Kind.DASH, Kind.TO):
        if cursor.take(Kind.NOW) or cursor.kind() in (None, Kind.COMMA, Kind.CLOSE, Kind.STOP):
            return Kind.LATER
    else:
        cursor.take(Kind.COMMA)
        cursor.take(Kind.OPEN)
        if cursor.take(Kind.OR, Kind.AND):
            direction = cursor.take(Kind.LATER, Kind.AFTER, Kind.EARLIER, Kind.BEFORE)
            end = cursor.at
            # "1850 or after 1861" are two phrases.
            if direction and not point_at(cursor):
                cursor.at = end
                return Kind.LATER if direction.kind in (Kind.LATER, Kind.AFTER) else Kind.EARLIER
    cursor.at = start
    return None


def _opened(span: Span, bound: Lexeme | None, end: Kind | None) -> Span:
    """The span without the end that "before", "after" or "or later" leaves open."""
    if end is Kind.LATER or (bound and bound.kind is Kind.AFTER):
        return replace(span, last=None)
    if end is Kind.EARLIER or bound:
        return replace(span, first=None)
    return span


def _filled(points: list[Point]) -> list[Point] | None:
    """The points with what they lack taken from their neighbours; `None` where it cannot be a date."""
    filled = points[:]
    for at in range(len(points) - 2, -1, -1):
        filled[at] = _with_following(filled[at], filled[at + 1])
    for at in range(1, len(points)):
        filled[at] = _with_preceding(filled[at], filled[at - 1])
    if not filled or not all(_believable(point, filled) for point in filled):
        return None
    return filled


def _with_following(point: Point, following: Point) -> Point:
    """What stands before a dash may lack what is said once, after it."""
    if not point.era and following.era:
        point = replace(point, era=following.era)
    if not point.number:
        return replace(point, number=following.number, unit=following.unit, digits=following.digits)
    ordinal_or_short = not point.unit or (point.unit == 1 and point.digits <= 2 and not point.first)
    if ordinal_or_short and following.unit >= 100:
        return replace(point, unit=following.unit)
    return point


def _with_preceding(point: Point, preceding: Point) -> Point:
    """What stands after a dash may be cut short: `1826-7`, `1840s-50s`, `June 1850 - August`."""
    if not point.era and preceding.era > 0:
        point = replace(point, era=1)
    if point.first and not point.number:
        return replace(point, number=preceding.number, unit=preceding.unit, digits=preceding.digits)
    if point.number and not point.unit:
        return replace(point, unit=preceding.unit if preceding.unit >= 100 else 0)
    short = 0 < point.digits <= 2 < preceding.digits and not point.first
    if short and point.unit in (1, 10) and preceding.unit in (1, 10) and preceding.era >= 0:
        number = preceding.number - preceding.number % 10**point.digits + point.number
        return replace(point, number=number, digits=preceding.digits)
    return point


def _believable(point: Point, points: list[Point]) -> bool:
    """Whether the point is complete and its number that of a date."""
    if not point.number or not point.unit or (point.first and point.unit > 1):
        return False
    if point.begins > (LATEST_YEAR if point.era >= 0 else EARLIEST_YEAR_BCE):
        return False
    if points[0].era < 0 and not point.era:
        return False
    if not point.bare:
        return True
    latest = max(other.begins for other in points)
    if latest - point.number > LONGEST_BARE_RANGE:
        return False
    return point.number >= 100 or (point.unit == 1 and points[0].circa and latest >= 100)


def _joined(points: list[Point], joiners: list[Lexeme]) -> Span:
    """From the first day of all to the last; inverted where a range runs backwards."""
    circa = points[0].circa
    span = _span(points[0], circa=circa)
    for point, joiner in zip(points[1:], joiners, strict=True):
        # "c. 1840-50" is uncertain at both ends; of "c. 1840 or 1850" only one is.
        circa = point.circa or (circa and joiner.kind not in (Kind.OR, Kind.AND))
        following = _span(point, circa=circa)
        if joiner.kind in (Kind.DASH, Kind.TO, Kind.BEFORE) and Span(span.first, following.last).inverted:
            return Span(span.first, following.last)
        firsts = [day for day in (span.first, following.first) if day]
        lasts = [day for day in (span.last, following.last) if day]
        span = Span(min(firsts), max(lasts))
    return span


def _span(point: Point, *, circa: bool) -> Span:
    """The days of a complete point. A date given to the month is widened to its year by "circa"."""
    sign = point.era or 1
    year = sign * point.number
    if point.first and point.last and not circa:
        return Span(_day(year, *point.first, last=False), _day(year, *point.last, last=True))
    if point.first:
        return span_of_years(year, year)
    if point.unit == 1:
        span = _part_of_year(year, point.part)
    else:
        first = point.begins if sign > 0 else -(point.begins + point.unit - 1)
        span = _part_of_years(first, point)
    return span.widened(CIRCA_YEARS) if circa else span


def _day(year: int, month: int, day: int, *, last: bool) -> Day:
    return Day(year, month, day or (days_in_month(year, month) if last else 1))


def _part_of_year(year: int, part: tuple[int, int] | None) -> Span:
    which, of = part if part and part[1] in (2, 3, 4) else (0, 1)
    first, last = 12 * which // of + 1, 12 * (which + 1) // of
    return Span(Day(year, first, 1), Day(year, last, days_in_month(year, last)))


def _part_of_years(first: int, point: Point) -> Span:
    """Thirds are rounded so that an early century has its years 0 to 33, an early decade 0 to 3."""
    if point.part == TURN:
        return span_of_years(first, first).widened(TURN_YEARS)
    which, of = point.part or (0, 1)
    begin, beyond = (-(-point.unit * share // of) for share in (which, which + 1))
    return span_of_years(first + begin, first + beyond - 1)
