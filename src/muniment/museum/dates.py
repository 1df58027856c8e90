"""Museum dates: from the text that a museum shows to the first and last day that it can mean.

    text ──▶ lexemes (`date_words`) ──▶ phrases (`date_grammar`) ──▶ clauses ──▶ `Dates`

How dates are read:

- *circa* widens by `CIRCA_YEARS` at each end; "?", "probably" and their like change nothing.
- The 19th century, and the 1800s, are 1800 to 1899; the 2nd century BCE is 199 to 100 BCE; the 1840s are
  1840 to 1849. *Early*, *mid* and *late* are thirds: 1800-1833, 1834-1866, 1867-1899; 1840-1843,
  1844-1846, 1847-1849.
- *Before*, *after* and *by* include the year they name, and leave the other end open.
- `1/2/1883` is one of two days: both are within the bounds.
- A named period with years is refined by what else is said: `Edo period (1603-1867), c. 1750`.
- Of several dated events (`modeled 2002, cast 2013`) the bounds are those of all together, noted as
  `date-several-events`; one that came "later" leaves the end open.
- What is not understood (`date-not-understood`) has no bounds. One number that is no date makes the whole
  text not understood: rather nothing than something wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from muniment.museum.date_grammar import Phrase, phrase_at
from muniment.museum.date_points import LATEST_YEAR, Cursor
from muniment.museum.date_words import Kind, Lexeme, lexemes
from muniment.museum.days import Day, Span, days_in_month, possible

__all__ = ["Dates", "Day", "bounded", "parse_bound", "parse_dates"]

NOT_UNDERSTOOD = "date-not-understood"
SEVERAL_EVENTS = "date-several-events"
INVERTED = "date-inverted"
BOUND_NOT_UNDERSTOOD = "date-bound-not-understood"

DISPLAY_CHARACTERS = 250
"""Longer texts are not read as dates: the longest of five real collections has 75 characters."""

DISTINCT_DATES = 4096
"""How many texts are remembered: Tate has 2,736 for 69,202 works. At most 6 MB."""


@dataclass(frozen=True, slots=True)
class Dates:
    """What a display date says.

    Attributes:
        display: the text, verbatim.
        earliest, latest: the first and last day it can mean; `None` where that end is not known.
        problems: codes of what is remarkable: `date-not-understood`, `date-several-events`,
            `date-inverted`, `date-bound-not-understood`.
    """

    display: str
    earliest: Day | None = None
    latest: Day | None = None
    problems: tuple[str, ...] = ()


def parse_dates(display: str) -> Dates:
    """What a display date says; never raises. "No date" and its like are understood: nothing is known."""
    if len(display) > DISPLAY_CHARACTERS:
        return Dates(display, problems=(NOT_UNDERSTOOD,))
    if day := _WHOLE_DAY.fullmatch(display) and _day_of(display):
        return Dates(display, day, day)
    return _remembered(display)


def _day_of(text: str) -> Day | None:
    year = int(text[:4])
    return possible(year, int(text[5:7]), int(text[8:])) if year <= LATEST_YEAR else None


def parse_bound(text: str, *, latest: bool) -> Day | None:
    """The day that an export gives as a bound: ISO-like text (`-0206-01-05`), a year, or a single date.

    Of a month or a year it is the last day where `latest`, else the first. `None` where nothing is given
    (empty, or 0 as year), and where the text is not understood.
    """
    stripped = text.strip()
    if _nothing_given(stripped) or len(stripped) > DISPLAY_CHARACTERS:
        return None
    if numbers := _ISO.fullmatch(stripped) or _COMPACT.fullmatch(stripped):
        return _iso_day(numbers, latest=latest)
    dates = parse_dates(stripped)
    either_way = _FIGURES.fullmatch(stripped) and dates.earliest != dates.latest
    if dates.problems or either_way or not dates.earliest or not dates.latest:
        return None
    return dates.latest if latest else dates.earliest


def bounded(display: str, earliest: str, latest: str) -> Dates:
    """What a display date says where the export gives bounds as well, which are kept.

    The display text is read only for a bound that is not given or not understood. Bounds that are the
    wrong way round are none.
    """
    given = parse_bound(earliest, latest=False), parse_bound(latest, latest=True)
    unread = any(
        day is None and not _nothing_given(text.strip())
        for day, text in zip(given, (earliest, latest), strict=True)
    )
    problems: tuple[str, ...] = (BOUND_NOT_UNDERSTOOD,) if unread else ()
    first, last = given
    if not first or not last:
        read = parse_dates(display)
        problems += read.problems
        first, last = first or read.earliest, last or read.latest
    if Span(first, last).inverted:
        return Dates(display, problems=(*problems, INVERTED))
    return Dates(display, first, last, problems)


def given_bounds(display: str, earliest: str, latest: str) -> Dates:
    """A date whose bounds are given in full, as the tables hold them; the display text is not read."""
    first, last = (Day.parse(text) for text in (earliest, latest))
    unread = (earliest and not first) or (latest and not last)
    problems: tuple[str, ...] = (BOUND_NOT_UNDERSTOOD,) if unread else ()
    if Span(first, last).inverted:
        return Dates(display, problems=(*problems, INVERTED))
    return Dates(display, first, last, problems)


# --- bounds ---------------------------------------------------------------------------------------

_ISO = re.compile(
    r"(?P<sign>[+-]?)(?P<year>\d{1,4})(?:-(?P<month>\d\d?)(?:-(?P<day>\d\d?))?)?(?:\.0+|[T ]\d\d:\d\d.*)?",
    re.ASCII,
)
"""With what spreadsheets and databases add: `.0` to numbers, a time to dates."""

_WHOLE_DAY = re.compile(r"[1-9]\d{3}-\d\d-\d\d", re.ASCII)
"""What most exports write of an acquisition: so plain that it need not be read as other texts are."""

_COMPACT = re.compile(r"(?P<sign>)(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", re.ASCII)

_FIGURES = re.compile(r"\d+([/.-])\d+\1\d+", re.ASCII)

_NOTHING = re.compile(r"[+-]?0*(?:\.0+)?|0000-00-00.*", re.ASCII)


def _nothing_given(text: str) -> bool:
    return _NOTHING.fullmatch(text) is not None


def _iso_day(numbers: re.Match[str], *, latest: bool) -> Day | None:
    year = int(numbers["sign"] + numbers["year"])
    month, day = int(numbers["month"] or 0), int(numbers["day"] or 0)
    if year == 0 or year > LATEST_YEAR or month > 12 or (day and not month):
        return None
    month = month or (12 if latest else 1)
    return possible(year, month, day or (days_in_month(year, month) if latest else 1))


# --- display texts --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Clause:
    """What stands between two marks: phrases and the words around them."""

    phrases: tuple[Phrase, ...]
    words: tuple[Lexeme, ...]

    def has(self, *kinds: Kind) -> bool:
        """Whether a word of one of these kinds is among the words."""
        return any(word.kind in kinds for word in self.words)


_MARKS = (Kind.COMMA, Kind.STOP, Kind.OPEN, Kind.CLOSE, Kind.SLASH)

_DOUBTFUL = (Kind.NUMBER, Kind.PLURAL, Kind.COUNTER, Kind.ERA, Kind.CIRCA)
"""What must not be left over: a number that is no date puts all the others in doubt."""

_HARMLESS = (Kind.UNCERTAIN, Kind.LINK, Kind.NOTHING, Kind.DASH, Kind.AND, Kind.OR)
"""What may surround a date anywhere. Any other word may do so only in the clause of an event or period."""


@lru_cache(maxsize=DISTINCT_DATES)
def _remembered(display: str) -> Dates:
    words = lexemes(display)
    if _says_nothing(words):
        return Dates(display)
    clauses = _clauses(words)
    if not clauses:
        return Dates(display, problems=(NOT_UNDERSTOOD,))
    phrases = [phrase for clause in clauses for phrase in clause.phrases]
    if any(phrase.span.inverted for phrase in phrases):
        return Dates(display, problems=(INVERTED,))
    spans = _refined(clauses)
    span = _overall(spans)
    later = any(clause.has(Kind.LATER) and not clause.phrases for clause in clauses)
    copied = len(phrases) == 1 and phrases[0].model
    if later or copied:
        span = Span(span.first, None)
    several = len(spans) > 1 or later or copied
    return Dates(display, span.first, span.last, (SEVERAL_EVENTS,) if several else ())


def _says_nothing(words: tuple[Lexeme, ...]) -> bool:
    kinds = {word.kind for word in words}
    signs = {*_MARKS, Kind.DASH, Kind.DOT, Kind.UNCERTAIN}
    return kinds <= signs or (
        Kind.NOTHING in kinds and kinds <= {*signs, Kind.NOTHING, Kind.LINK, Kind.EVENT}
    )


def _clauses(words: tuple[Lexeme, ...]) -> list[_Clause]:
    """The clauses of a text; none where there is no date in it, or something that casts doubt on it."""
    items = _items(words)
    clauses: list[_Clause] = []
    pending: list[Phrase | Lexeme] = []
    for item in [*items, Lexeme(Kind.STOP, "")]:
        if isinstance(item, Phrase) or item.kind not in _MARKS:
            pending.append(item)
        elif pending:
            clauses.append(_clause(pending))
            pending = []
    dated = any(clause.phrases for clause in clauses)
    return clauses if dated and not _crowded(items) and _all_understood(clauses) else []


def _crowded(items: list[Phrase | Lexeme]) -> bool:
    """Whether two dates touch (`1850 1860`), or a sign that means something unknown stands before one."""
    for one, other in pairwise([Lexeme(Kind.STOP, ""), *items]):
        touching = isinstance(one, Phrase) or one.kind in (Kind.DOT, Kind.DASH)
        if isinstance(other, Phrase) and not other.model and touching:
            return True
    return False


def _items(words: tuple[Lexeme, ...]) -> list[Phrase | Lexeme]:
    cursor = Cursor(words)
    items: list[Phrase | Lexeme] = []
    while cursor.kind():
        phrase = phrase_at(cursor)
        if phrase:
            items.append(phrase)
        else:
            items.append(words[cursor.at])
            cursor.at += 1
    return items


def _clause(items: list[Phrase | Lexeme]) -> _Clause:
    return _Clause(
        tuple(item for item in items if isinstance(item, Phrase)),
        tuple(item for item in items if isinstance(item, Lexeme)),
    )


def _all_understood(clauses: list[_Clause]) -> bool:
    period = any(clause.has(Kind.PERIOD) for clause in clauses)
    events = any(clause.has(Kind.EVENT, Kind.MODEL, Kind.LATER) for clause in clauses)
    if not period and events and any(phrase.bare for clause in clauses for phrase in clause.phrases):
        return False
    for clause in clauses:
        led = clause.has(Kind.EVENT, Kind.MODEL, Kind.PERIOD) or (period and not clause.phrases)
        if clause.has(*_DOUBTFUL) or not (led or all(word.kind in _HARMLESS for word in clause.words)):
            return False
    return True


def _refined(clauses: list[_Clause]) -> list[Span]:
    """The spans of the events: bounds of one event are joined; the years of a period only bound others."""
    spans: list[Span] = []
    period: Span | None = None
    naming = joinable = False
    for clause in clauses:
        naming = naming or clause.has(Kind.PERIOD)
        event = clause.has(Kind.EVENT, Kind.MODEL)
        for phrase in clause.phrases:
            if naming and not period:
                period = phrase.span
                continue
            both = spans[-1].within(phrase.span) if spans else phrase.span
            if joinable and not event and not both.inverted and (spans[-1].open or phrase.span.open):
                spans[-1] = both
            else:
                spans.append(phrase.span)
            joinable = not event
    if not period or not spans:
        return spans or ([period] if period else [])
    narrowed = [span.within(period) for span in spans]
    return [span if within.inverted else within for span, within in zip(spans, narrowed, strict=True)]


def _overall(spans: list[Span]) -> Span:
    """The span of all events, told in the order in which they happened unless their years say otherwise.

    So the end of `1939, cast before 1949` is 1949 and its beginning 1939; that of `1962, printed after 1971`
    is open.
    """
    first = min((span.first for span in spans if span.first), default=None)
    last = max((span.last for span in spans if span.last), default=None)
    begins_open = spans[0].first is None or any(
        first and span.first is None and span.last and span.last < first for span in spans
    )
    ends_open = spans[-1].last is None or any(
        last and span.last is None and span.first and span.first > last for span in spans
    )
    return Span(None if begins_open else first, None if ends_open else last)
