"""Measurements are read as a registrar would read them; what is not understood is said."""

from __future__ import annotations

import csv
import time
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.museum import dimensions as subject
from muniment.museum.dimensions import DISAGREE, NOT_UNDERSTOOD, parse_dimensions
from muniment.museum.measurements import Dimension, Measured

TYPES = {"height", "width", "depth", "length", "diameter", "circumference", "thickness", "weight", "duration"}
UNITS = {"mm", "cm", "m", "in", "ft", "yd", "g", "kg", "oz", "lb", "s", "min", "h"}

positive = st.decimals(min_value="0.001", max_value="9999", places=3)
units = st.sampled_from(["mm", "cm", "in", "m"])


def told(text: str, default_unit: str = "") -> str:
    """The reading of a text that is understood, as `height 25.4 cm, width 20 cm [sheet]`."""
    measured = parse_dimensions(text, default_unit)
    assert measured.problems == ()
    return spelled(measured)


def spelled(measured: Measured) -> str:
    def one(d: Dimension) -> str:
        return f"{d.type} {d.value} {d.unit}" + (f" [{d.extent}]" if d.extent else "")

    return ", ".join(one(d) for d in measured.dimensions)


def test_two_values_are_height_by_width_and_three_have_depth() -> None:
    assert told("30 x 20 cm") == "height 30 cm, width 20 cm"
    assert told("30 x 20 x 5 cm") == "height 30 cm, width 20 cm, depth 5 cm"


def test_a_single_value_is_only_a_dimension() -> None:
    assert told("30 cm") == "dimension 30 cm"


@pytest.mark.parametrize(
    "text",
    [
        "10 x 18 1/8 in. (25.4 x 46.04 cm)",
        "25.4 x 46.04 cm (10 x 18 1/8 in.)",
        "10 in. x 18 1/8 in. (25.4 cm x 46.04 cm)",
        "10 in. (25.4 cm) x 18 1/8 in. (46.04 cm)",
        "H. 10, W. 18 1/8 in. (25.4 x 46.04 cm)",
        "H. 10 x W. 18 1/8 in. (25.4 x 46.04 cm)",
        '10" x 18 1/8" [25.4 × 46.04 cm]',
        "25.4 x 46.04 cm; 10 x 18 1/8 in.",
        "10 x 18⅛ inches / 25.4 x 46.04 centimetres",
    ],
)
def test_the_same_measurement_in_two_systems_is_told_once_in_metric_units(text: str) -> None:
    assert told(text) == "height 25.4 cm, width 46.04 cm"


def test_two_series_told_again_together_are_told_once() -> None:
    text = '22.9 × 20.3 × 20.3cm, 3.6kg (9 × 8 × 8", 8lb.)'
    assert told(text) == "height 22.9 cm, width 20.3 cm, depth 20.3 cm, weight 3.6 kg"


def test_metric_values_that_contradict_the_imperial_ones_are_taken_and_said_to() -> None:
    measured = parse_dimensions('30.5cm x 40.6cm (16" x 12")')
    assert spelled(measured) == "height 30.5 cm, width 40.6 cm"
    assert measured.problems == (DISAGREE,)


def test_different_sizes_without_parentheses_are_two_measurements() -> None:
    assert told("10 x 12 cm, 8 x 10 in.") == "height 10 cm, width 12 cm, height 8 in, width 10 in"


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("(305 x 239 mm; 316 x 241 mm)", "height 305 mm, width 239 mm, height 316 mm, width 241 mm"),
        ("(plate: 96 x 163 mm)", "height 96 mm [plate], width 163 mm [plate]"),
        (
            "(plate and sheet: 129 x 220 mm)",
            "height 129 mm [plate and sheet], width 220 mm [plate and sheet]",
        ),
        ("support: 394 x 419 mm", "height 394 mm [support], width 419 mm [support]"),
        ("unconfirmed: 300 x 400 mm", "height 300 mm [unconfirmed], width 400 mm [unconfirmed]"),
        ("Sheet: 12 x 9cm, Accurate", "height 12 cm [sheet], width 9 cm [sheet]"),
        ('12cm x 9cm (4 3/4" x 3 9/16"), Image', "height 12 cm [image], width 9 cm [image]"),
        (
            "support (left panel): 12 x 9 cm",
            "height 12 cm [support (left panel)], width 9 cm [support (left panel)]",
        ),
        ("support, each: 12 x 9 mm", "height 12 mm [support, each], width 9 mm [support, each]"),
        ("support x 3: 12 x 9 mm", "height 12 mm [support x 3], width 9 mm [support x 3]"),
        ("Panel of 4 prints: 12 x 9 mm", "height 12 mm [panel of 4 prints], width 9 mm [panel of 4 prints]"),
        ("2nd mount: 12 x 9 mm", "height 12 mm [2nd mount], width 9 mm [2nd mount]"),
        ("12 x 9 mm (Blatt)", "height 12 mm [blatt], width 9 mm [blatt]"),
        ("diameter of base: 4 cm", "diameter 4 cm [base]"),
        ("12 x 9 cm; base 5 cm wide", "height 12 cm, width 9 cm, width 5 cm [base]"),
    ],
)
def test_the_part_measured_is_the_extent(text: str, reading: str) -> None:
    assert told(text) == reading


def test_each_line_has_its_own_part() -> None:
    text = "support: 1000 x 800 mm\nframe: 1200 x 1000 x 80 mm\n"
    assert told(text) == (
        "height 1000 mm [support], width 800 mm [support], "
        "height 1200 mm [frame], width 1000 mm [frame], depth 80 mm [frame]"
    )


def test_a_mass_is_a_weight_and_a_time_a_duration() -> None:
    assert told("520 x 300 mm, 12 kg") == "height 520 mm, width 300 mm, weight 12 kg"
    assert told("duration: 18min, 17sec") == "duration 1097 s"
    assert told("1 hr 5 min") == "duration 65 min"
    assert told("1 h 5 min 10 s") == "duration 3910 s"
    assert told("object: 98kg (Gross 209kg)") == "weight 98 kg [object], weight 209 kg [object, gross]"


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("H. 12 cm", "height 12 cm"),
        ("12 cm high, 5 cm wide", "height 12 cm, width 5 cm"),
        ("12 cm high 5 cm wide", "height 12 cm, width 5 cm"),
        ("H 12 cm W 10 cm D 5 cm", "height 12 cm, width 10 cm, depth 5 cm"),
        ("H: 12 cm, W: 10 cm", "height 12 cm, width 10 cm"),
        ("W. 12 x H. 8 cm", "width 12 cm, height 8 cm"),
        ('24"h x 36"w', "height 24 in, width 36 in"),
        ("12h x 10w in.", "height 12 in, width 10 in"),
        ("10 cm (width) x 12 cm (height)", "width 10 cm, height 12 cm"),
        ("W x H x D: 12 x 8 x 3 cm", "width 12 cm, height 8 cm, depth 3 cm"),
        ("Overall (WxH): 12 x 8 cm", "width 12 cm [overall], height 8 cm [overall]"),
        ('19 x 9 x 13" (h x d x w)', "height 19 in, depth 9 in, width 13 in"),
        ("29 in. (73.66 cm) diameter", "diameter 73.66 cm"),
        ("12 cm in diameter", "diameter 12 cm"),
        ("Diam. 5 in. (12.7 cm); H. 3 in. (7.6 cm)", "diameter 12.7 cm, height 7.6 cm"),
        ("Ø 12 cm", "diameter 12 cm"),
        ("300 x 300 mm, Diameter 3000mm", "height 300 mm, width 300 mm, diameter 3000 mm"),
        ("20 x 30 cm diameter 5 cm", "height 20 cm, width 30 cm, diameter 5 cm"),
        ("300 x 300 mm. Weight 2kg", "height 300 mm, width 300 mm, weight 2 kg"),
        ("Höhe 12,5 cm, Breite 10 cm, Tiefe 3 cm", "height 12.5 cm, width 10 cm, depth 3 cm"),
        ("Höhe x Breite: 12 x 10 cm", "height 12 cm, width 10 cm"),
        ("L. 53 cm", "length 53 cm"),
        ("H. 0,77 m ; L. 0,53 m ; P. 0,1 m", "height 0.77 m, width 0.53 m, depth 0.1 m"),
        ("Haut. 77 cm ; L. 53 cm", "height 77 cm, width 53 cm"),
        ("H. 12 cm, D. 3 cm", "height 12 cm, depth 3 cm"),
        ("H. 12 cm, B. 4 cm, D. 3 cm", "height 12 cm, width 4 cm, diameter 3 cm"),
    ],
)
def test_a_role_that_the_text_gives_is_taken(text: str, reading: str) -> None:
    assert told(text) == reading


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("5 1/2", "5.5"),
        ("5-1/2", "5.5"),
        ("5½", "5.5"),
        ("5 ½", "5.5"),
        ("1/16", "0.0625"),
        ("¾", "0.75"),
        ("1/3", "0.333333"),
        (".5", "0.5"),
        ("12,5", "12.5"),
        ("12,25", "12.25"),
        ("1,200", "1200"),
        ("0,125", "0.125"),
        ("1.200", "1.200"),
        ("1.200,5", "1200.5"),
        ("1,200.5", "1200.5"),
        ("33.0", "33.0"),
    ],
)
def test_numbers_are_read_as_they_are_written(number: str, value: str) -> None:
    assert told(f"{number} cm") == f"dimension {value} cm"


def test_feet_and_inches_are_inches() -> None:
    assert told("6 ft. 2 in.") == told("6' 2\"") == told("6′2″") == "dimension 74 in"
    assert told("6 ft. 2 in. x 3 ft.") == "height 74 in, width 3 ft"


@pytest.mark.parametrize("times", [" x ", "x", " X ", "×", " × ", " by ", "  x "])
def test_any_sign_for_times_is_understood(times: str) -> None:
    assert told(f"12{times}8 cm") == told(f"12 cm{times}8cm") == "height 12 cm, width 8 cm"


def test_a_unit_may_stand_before_the_numbers() -> None:
    assert told("cm 30 x 20") == "height 30 cm, width 20 cm"


def test_a_range_is_its_minimum_and_its_maximum() -> None:
    assert told("31.7 to 33 cm. long") == "length 31.7 cm [minimum], length 33 cm [maximum]"
    assert told("10–12 x 5 cm") == "height 10 cm [minimum], height 12 cm [maximum], width 5 cm"


def test_numbers_without_a_unit_have_that_of_their_neighbours() -> None:
    text = "(image: 164 x 239 mm; sheet: 167 x 241)"
    assert (
        told(text)
        == "height 164 mm [image], width 239 mm [image], height 167 mm [sheet], width 241 mm [sheet]"
    )


def test_the_default_unit_is_for_texts_that_name_none() -> None:
    assert told("886 x 538", "mm") == "height 886 mm, width 538 mm"
    assert told("580", "inches") == "dimension 580 in"
    assert told("10 x 8 in.", "mm") == "height 10 in, width 8 in"
    assert parse_dimensions("886 x 538", "cubits").problems == (NOT_UNDERSTOOD,)


def test_a_default_unit_is_not_given_to_the_untold_half_of_a_pair() -> None:
    measured = parse_dimensions("10 x 8 (25 x 20 cm)", "mm")
    assert spelled(measured) == "height 25 cm, width 20 cm"
    assert measured.problems == (NOT_UNDERSTOOD,)


@pytest.mark.parametrize(
    "text", ["", " ()", "Dimensions variable", "Unconfirmed", "variable", "—", "six feet"]
)
def test_a_text_without_numbers_has_no_dimensions_and_no_problem(text: str) -> None:
    assert parse_dimensions(text, "cm") == Measured()


@pytest.mark.parametrize(
    "text",
    [
        "886 x 538",
        "A4",
        "12 x 8 bananas",
        "1 200 mm",
        "71.1 x 55. 9cm",
        "30 x 21, 5 cm",
        "12 ± 1 cm",
        "10/12 cm",
        "15 13/168 in.",
        "12 cm²",
        "10 cm x ? cm",
        "41.7cm x x",
        "0 x 0 cm",
        "10 x 12 x 14 x 16 cm",
        "6 ft x 3 x 2 in",
        "weight: 12 cm",
        "duration: 3' 20\"",
        "1920 x 1080 px",
        "123456789012345 cm",
        "1" * 5_000 + " cm",
    ],
)
def test_what_is_not_understood_is_said_and_nothing_is_invented(text: str) -> None:
    assert parse_dimensions(text) == Measured(problems=(NOT_UNDERSTOOD,))


def test_what_is_understood_stands_beside_what_is_not() -> None:
    measured = parse_dimensions('Image: 22.2 x 17.5 cm. (8 3/4 x 6 7/8")  Sheet: 30.4 x 21 7 cm.')
    assert spelled(measured) == "height 22.2 cm [image], width 17.5 cm [image]"
    assert measured.problems == (NOT_UNDERSTOOD,)


def test_a_number_of_pages_is_no_depth() -> None:
    measured = parse_dimensions("24 p., 20 x 15 cm")
    assert spelled(measured) == "height 20 cm, width 15 cm"
    assert measured.problems == (NOT_UNDERSTOOD,)


def test_the_words_that_were_read_are_displayed() -> None:
    measured = parse_dimensions("support: 30 x 20\tcm (11 13/16 x 7 7/8 in.)\nframe: 40 x 30 cm")
    assert [d.display for d in measured.dimensions] == [
        "support: 30 x 20 cm (11 13/16 x 7 7/8 in.)",
        "support: 30 x 20 cm (11 13/16 x 7 7/8 in.)",
        "frame: 40 x 30 cm",
        "frame: 40 x 30 cm",
    ]


@pytest.mark.parametrize(
    "piece",
    [
        "(",
        "1 x ",
        "a ",
        "1:",
        "10 cm (",
        "(1 cm)",
        "x",
        "1",
        " ",
        "H x W ",
        "1 1/",
        '"',
        "a:",
        "1,",
        "6' 2\" ",
    ],
)
def test_a_text_below_the_bound_is_read_at_once_and_one_above_it_is_not_read(piece: str) -> None:
    text = piece * (subject.MAX_CHARACTERS // len(piece))
    began = time.process_time()
    assert_sound(parse_dimensions(text))
    assert time.process_time() - began < 1
    assert parse_dimensions(text + "1" * len(text)) == Measured(problems=(NOT_UNDERSTOOD,))


def assert_sound(measured: Measured) -> None:
    for dimension in measured.dimensions:
        assert dimension.value > 0
        assert dimension.unit in UNITS
        assert dimension.type in TYPES | {"dimension"}
    assert set(measured.problems) <= {NOT_UNDERSTOOD, DISAGREE}


@given(st.text(max_size=200), st.text(max_size=5))
def test_any_text_is_read_or_said_not_to_be(text: str, default_unit: str) -> None:
    measured = parse_dimensions(text, default_unit)
    assert_sound(measured)
    if any(character.isdecimal() for character in text):
        assert measured.dimensions or measured.problems


PIECES = [
    "12",
    "1/2",
    "3.5",
    "½",
    ",",
    "x",
    "×",
    "cm",
    "in.",
    '"',
    "'",
    "(",
    ")",
    ":",
    ";",
    "\n",
    "H.",
    "wide",
    "diam",
]


@given(
    st.lists(
        st.sampled_from([*PIECES, "kg", "lb", "min", "to", "-", "frame", "ca.", "  ", "mm", "ft"]),
        max_size=30,
    )
)
def test_any_mixture_of_their_words_is_read_or_said_not_to_be(pieces: list[str]) -> None:
    for text in (" ".join(pieces), "".join(pieces)):
        assert_sound(parse_dimensions(text, "cm"))


@given(positive, positive, units)
def test_written_values_are_read_back_exactly(height: Decimal, width: Decimal, unit: str) -> None:
    measured = parse_dimensions(f"{height} x {width} {unit}")
    assert [(d.type, str(d.value), d.unit) for d in measured.dimensions] == [
        ("height", str(height), unit),
        ("width", str(width), unit),
    ]


@given(st.integers(0, 999), st.integers(1, 63), st.sampled_from([2, 4, 8, 16, 32, 64]))
def test_fractions_of_an_inch_are_exact(whole: int, numerator: int, denominator: int) -> None:
    numerator = numerator % denominator or 1
    measured = parse_dimensions(f"{whole} {numerator}/{denominator} in.")
    assert [Fraction(d.value) for d in measured.dimensions] == [whole + Fraction(numerator, denominator)]


labels = st.sampled_from(
    ["sheet", "plate", "image/sheet", "with base", "object 2", "left panel (verso)", "frame, each"]
)


@given(
    st.lists(st.tuples(labels, positive, positive, units), min_size=1, max_size=5),
    st.sampled_from(["\n", "; "]),
)
def test_labelled_parts_are_read_back(parts: list[tuple[str, Decimal, Decimal, str]], end: str) -> None:
    measured = parse_dimensions(end.join(f"{label}: {a} x {b} {unit}" for label, a, b, unit in parts))
    assert [(d.extent, d.value, d.unit) for d in measured.dimensions] == [
        (label, value, unit) for label, a, b, unit in parts for value in (a, b)
    ]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("path", "column", "understood"),
    [
        ("data/colby/colby_data.csv", "Dimensions", 1.0),
        ("data/tate/artwork_data.csv", "dimensions", 0.999),
        ("data/npg/NPGObjects/NPGObjects3.csv", "Dimensions", 0.998),
    ],
)
def test_texts_of_real_collections_are_understood(
    reference: Path, path: str, column: str, understood: float
) -> None:
    texts = {row[column] for row in rows_of(reference / path)}
    readings = [parse_dimensions(text) for text in texts]
    failures = sum(NOT_UNDERSTOOD in measured.problems for measured in readings)
    assert failures <= (1 - understood) * len(texts)
    for measured in readings:
        assert_sound(measured)


def test_the_first_values_are_those_in_the_columns_of_tate(reference: Path) -> None:
    """Tate's column `width` has the first value of the text, which is the height, and `height` the second."""
    outcomes: Counter[str] = Counter()
    for row in rows_of(reference / "data/tate/artwork_data.csv"):
        columns = [row[name] for name in ("width", "height", "depth") if row[name]]
        if not columns or not all(value.replace(".", "").isdecimal() for value in columns):
            continue
        lengths = [d for d in parse_dimensions(row["dimensions"], row["units"]).dimensions if d.unit == "mm"]
        display = lengths[0].display if lengths else ""
        first = [d.value for d in lengths if d.display == display][: len(columns)]
        outcomes["agree" if first == [Decimal(value) for value in columns] else "differ"] += 1
    assert outcomes["agree"] > 65_000
    # These texts have no label, and the first value is missing from their columns.
    assert outcomes["differ"] < 100


def test_metric_values_of_colby_are_those_behind_the_inches(reference: Path) -> None:
    """Read independently: the numbers in the last parentheses, in order."""
    compared = 0
    for row in rows_of(reference / "data/colby/colby_data.csv"):
        text = row["Dimensions"]
        if not text.endswith("cm)") or " in. (" not in text:
            continue
        metric = text[text.rindex("(") + 1 : -3].replace("cm", "").split("x")
        dimensions = parse_dimensions(text).dimensions
        assert [d.value for d in dimensions] == [Decimal(value.strip()) for value in metric]
        assert {d.unit for d in dimensions} == {"cm"}
        compared += 1
    assert compared > 1_000
