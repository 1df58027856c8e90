"""Measurements, their units, and when two of them are of one size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

TOLERANCE = Decimal("0.03")
"""How far, as a share, two systems may differ and be one measurement: an eighth in four inches."""

ROUNDING = Decimal("0.35")
"""... or in centimetres or kilograms: an eighth of an inch, to which small sizes are rounded."""

LENGTHS = {"mm": "0.1", "cm": "1", "m": "100", "in": "2.54", "ft": "30.48", "yd": "91.44"}
_MASSES = {"g": "0.001", "kg": "1", "oz": "0.0283495", "lb": "0.453592"}
_TIMES = {"s": "1", "min": "60", "h": "3600"}

KINDS = {unit: kind for kind, units in enumerate((LENGTHS, _MASSES, _TIMES)) for unit in units}
"""By unit, a number for what it measures: a length, a mass or a time."""

SIZES = {unit: Decimal(size) for unit, size in (LENGTHS | _MASSES | _TIMES).items()}
"""Of one of each unit, in centimetres, kilograms or seconds."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One measurement.

    Attributes:
        type: `height`, `width`, `depth`, `length`, `diameter`, `circumference`, `thickness`, `weight`,
            `duration`, or `dimension` where the text does not say.
        value: above zero, as written (a fraction as decimal).
        unit: of `value`: `mm`, `cm`, `m`, `in`, `ft`, `yd`, `g`, `kg`, `oz`, `lb`, `s`, `min` or `h`.
        extent: the part measured, as the text calls it, in lower case; "" where it does not.
        display: the words that it was read from.
    """

    type: str
    value: Decimal
    unit: str
    extent: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of a text, in its order, and the codes of its problems."""

    dimensions: tuple[Dimension, ...] = ()
    problems: tuple[str, ...] = ()


def same_size(sizes: Iterable[Decimal], others: Iterable[Decimal]) -> bool:
    """Whether each size and the other one are one, but for rounding."""
    pairs = zip(sizes, others, strict=True)
    return all(abs(a - b) <= max(ROUNDING, TOLERANCE * max(a, b)) for a, b in pairs)
