"""Measurements from the text in which museums write them: `10 x 18 1/8 in. (25.4 x 46.04 cm)`.

Text is cut into tokens, tokens into *series* (`10 x 18 1/8 in.`), and series become measurements:

- Without a word for it, `A x B` is height by width, `A x B x C` height by width by depth (the museum
  convention), and a single value is only a `dimension`. Masses are weights, times are durations.
- What stands before a colon, or else directly before or after the numbers, is the part measured (its
  `extent`), in lower case, unless it says the role (`Height:`, `H.`, `in diameter`, `Breite`, `haut.`).
- The same measurement in two systems is told once, in metric units.
- `12,5` is twelve and a half; a comma before exactly three digits parts thousands (`1,200`), unless a
  zero precedes it (`0,125`). A point is decimal, unless a decimal comma or another point follows. In
  languages with a decimal comma it is the point before three digits that parts thousands.
- Feet and inches become inches, minutes and seconds become seconds: the smaller unit, exactly.
- A range (`31.7 to 33 cm`) gives two measurements, whose extents say `minimum` and `maximum`.
- Numbers without a unit have the one unit that is beside them; where the text names no unit of length,
  the default unit.
- `L.` is a length, or in French company (`P.`, `haut.`) a width; `D.` is a depth, or in German
  company (`B.`, `T.`, `Höhe`) a diameter.

Nothing is guessed: a number that finds no place in this is a problem of the text, and what could be
read stands beside it. The text itself is kept by the caller.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from muniment.museum.decimal_marks import exchanged
from muniment.museum.dimension_series import Series, series_of
from muniment.museum.dimension_shapes import Compared, Found, Shape, shape_of, without_digits
from muniment.museum.dimension_words import UNITS, VULGAR
from muniment.museum.measurements import KINDS, LENGTHS, SIZES, Dimension, Measured, same_size

NOT_UNDERSTOOD = "dimensions-not-understood"
"""The problem of a text with numbers that were not all read."""

DISAGREE = "dimensions-disagree"
"""The problem of a text whose metric and imperial values are not of one size; the metric are taken."""

MAX_CHARACTERS = 4_000
"""Of a text: the longest real ones, lists of the parts of an installation, stay below 1,000."""

CACHED_SHAPES = 2_048
"""Shapes of texts whose reading is remembered: some kilobytes each; most exports have a few hundred."""

CACHED_CHARACTERS = 200
"""Of a text whose shape is remembered: longer ones hardly repeat, and would leave the memory unbounded."""

NEIGHBOURS = 3
"""How many series back one may be told again: `23 x 20 cm, 3.6 kg (9 x 8 in., 8 lb.)` needs two."""


_CONVENTION = {1: ("dimension",), 2: ("height", "width"), 3: ("height", "width", "depth")}
_KINDS_OF_ROLES = {"weight": KINDS["kg"], "duration": KINDS["s"]}
_IMPERIAL = frozenset(("in", "ft", "yd", "oz", "lb"))


def canonical_unit(name: str) -> str:
    """The unit as `Dimension.unit` has it (`inches` gives `in`); "" for one that is not known."""
    return UNITS.get(name.strip().rstrip(".").lower(), "")


def parse_dimensions(text: str, default_unit: str = "", *, decimal_comma: bool = False) -> Measured:
    """Read the measurements of one object; never raises.

    Args:
        text: in any form; one without digits (`dimensions variable`) has no measurements and no problem.
        default_unit: of numbers for which the text has no unit; one that is not known counts as none.
        decimal_comma: the text is in a language in which `1.250` is more than a thousand, and `1,250` is not.
    """
    if decimal_comma and (read := exchanged(text)) != text:
        measured = parse_dimensions(read, default_unit)
        shown = (replace(d, display=exchanged(d.display)) for d in measured.dimensions)
        return replace(measured, dimensions=tuple(shown))
    if not any(character.isdecimal() or character in VULGAR for character in text):
        return Measured()
    if len(text) > MAX_CHARACTERS:
        return Measured(problems=(NOT_UNDERSTOOD,))
    unit = canonical_unit(default_unit)
    return _by_shape(text, unit) if len(text) <= CACHED_CHARACTERS else _parsed(text, unit)


def shape_known(text: str, default_unit: str) -> Shape | None:
    """How a text is read that differs from this one in nothing but digits; None where it is read in full."""
    known = _shapes.get((without_digits(text), canonical_unit(default_unit)))
    return known if isinstance(known, Shape) else None


def _by_shape(text: str, default_unit: str) -> Measured:
    """What `_parsed` makes of a text, told sooner where another was like it in all but its digits."""
    shape = without_digits(text), default_unit
    known = _shapes.get(shape, _UNKNOWN)
    measured = known.read(text) if isinstance(known, Shape) else None
    if measured is None:
        found = _found(text, default_unit)
        # Where two sizes disagree, most texts of the shape are read otherwise.
        if known is _UNKNOWN and DISAGREE not in found.measured.problems:
            if len(_shapes) >= CACHED_SHAPES:
                _shapes.clear()
            _shapes[shape] = shape_of(text, found)
        measured = found.measured
    return measured


_UNKNOWN = object()

_shapes: dict[tuple[str, str], object] = {}


def _parsed(text: str, default_unit: str) -> Measured:
    return _found(text, default_unit).measured


def _found(text: str, default_unit: str) -> Found:
    """What a text says, and how that came about."""
    series = series_of(text)
    _settle_units(series, default_unit)
    for one in series:
        _settle_roles(one)
    compared: list[Compared] = []
    told, agreed = _told_once(series, compared)
    understood = bool(series) and not any(one.spoilt for one in series)
    problems = [code for code, absent in ((NOT_UNDERSTOOD, understood), (DISAGREE, agreed)) if not absent]
    spans = [_span(one, text) for one in told]
    dimensions = [d for one, span in zip(told, spans, strict=True) for d in _dimensions(one, text, span)]
    return Found(series, compared, told, spans, Measured(tuple(dimensions), tuple(problems)))


def _settle_units(series: list[Series], default: str) -> None:
    """Give each term a unit: the one beside it, else the default; "" where that is not clear."""
    beside: dict[int, set[str]] = {}
    for one in series:
        beside.setdefault(one.depth, set()).update(term.unit for term in one.terms if term.unit in LENGTHS)
    for one in series:
        units = {term.unit for term in one.terms} - {""}
        if not units and (len(one.terms) > 1 or one.roles[0] or (one.alone and len(series) == 1)):
            units = beside[one.depth] or ({default} if not any(beside.values()) else set())
        unit = next(iter(units)) if len(units) == 1 else ""
        one.terms = [term._replace(unit=term.unit or unit) for term in one.terms]


def _settle_roles(one: Series) -> None:
    """Give each term its role, or say that the series is spoilt."""
    kinds = {KINDS.get(term.unit, -1) for term in one.terms}
    readable = all(value is not None and value > 0 for term in one.terms for value in term.values)
    roles = _roles(one.roles, kinds.pop()) if len(kinds) == 1 and -1 not in kinds else None
    if roles is None or not readable:
        one.spoilt = True
    else:
        one.assign(roles)


def _roles(given: list[str], kind: int) -> list[str] | None:
    """A role for each term, where those that the text gives fit what is measured."""
    if any(role and _KINDS_OF_ROLES.get(role, KINDS["cm"]) != kind for role in given):
        return None
    if kind != KINDS["cm"]:
        return ["weight" if kind == KINDS["kg"] else "duration"] if len(given) == 1 else None
    if len(given) not in _CONVENTION:
        return given if all(given) else None
    customary = _CONVENTION[len(given)]
    if all(role in ("", custom) for role, custom in zip(given, customary, strict=True)):
        return list(customary)
    return [role or "dimension" for role in given]


def _told_once(series: list[Series], compared: list[Compared]) -> tuple[list[Series], bool]:
    """The series without those that repeat another in another unit, and whether these agree.

    Whose sizes were compared on the way is added to `compared`.
    """
    told: list[Series] = []
    agreed = True
    for one in series:
        near = (i for i in range(1, NEIGHBOURS + 1) if _repeats(one, told[-i:][:1], i == 1, compared))
        repeated = next(near, None)
        if repeated is None:
            told.append(one)
            continue
        agreed = agreed and _same_size(one, told[-repeated], compared)
        told[-repeated] = _merged(told[-repeated], one)
    return [one for one in told if not one.spoilt], agreed


def _repeats(one: Series, before: list[Series], adjacent: bool, compared: list[Compared]) -> bool:
    """Whether `one` tells again, in another unit, what a series before it told.

    In parentheses, directly behind it and in the other system, it does so even where the sizes differ.
    """
    if not before or one.spoilt or before[0].spoilt or one.introduced or one.depth < before[0].depth:
        return False
    other_system = _imperial(one) != _imperial(before[0])
    deeper = one.depth > before[0].depth
    if _shape(one) != _shape(before[0]) or not (other_system or deeper):
        return False
    return (other_system and deeper and adjacent) or _same_size(one, before[0], compared)


def _shape(one: Series) -> list[tuple[int, int]]:
    return [(len(term.values), KINDS[term.unit]) for term in one.terms]


def _imperial(one: Series) -> bool:
    return one.terms[0].unit in _IMPERIAL


def _same_size(one: Series, other: Series, compared: list[Compared]) -> bool:
    same = same_size(_sizes(one), _sizes(other))
    compared.append(Compared(one, other, same))
    return same


def _sizes(one: Series) -> list[Decimal]:
    return [(value or Decimal()) * SIZES[term.unit] for term in one.terms for value in term.values]


def _merged(before: Series, after: Series) -> Series:
    """The metric one of two that tell the same, with all that is said of both."""
    metric = after if _imperial(before) else before
    metric.start, metric.end = before.start, after.end
    metric.extent = before.extent or after.extent
    named = after if before.roles == list(_CONVENTION.get(len(before.terms), ())) else before
    metric.assign(named.roles)
    return metric


def _span(one: Series, text: str) -> tuple[int, int]:
    """Where the words of a series stand."""
    unclosed = text.count("(", one.start, one.end) > text.count(")", one.start, one.end)
    return one.start, one.end + (unclosed and text.startswith(")", one.end))


def _dimensions(one: Series, text: str, span: tuple[int, int]) -> list[Dimension]:
    """A measurement for each value; the two of a range say in their extent which they are."""
    display = " ".join(text[slice(*span)].split())
    found: list[Dimension] = []
    for term in one.terms:
        for value, end in zip(term.values, ("minimum", "maximum"), strict=False):
            extent = ", ".join(filter(None, (one.extent, end if len(term.values) > 1 else "")))
            found.append(Dimension(term.role, value or Decimal(), term.unit, extent, display))
    return found
