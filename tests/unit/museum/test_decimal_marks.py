"""Numbers whose marks mean one thing in English and another in most languages."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.museum.decimal_marks import MAY_BE_AMBIGUOUS, exchanged, has_decimal_comma
from muniment.museum.dimensions import parse_dimensions

WRITTEN = st.text(st.sampled_from("0125.,  xcmH½"), max_size=12)


@pytest.mark.parametrize("language", ["de", "de-AT", "FR", "fr-CH", "hsb", "nl", "es", "pt-BR", "sr-Latn"])
def test_the_decimal_mark_of_most_languages_is_the_comma(language: str) -> None:
    assert has_decimal_comma(language)


@pytest.mark.parametrize("language", ["en", "en-GB", "de-CH", "de-Latn-ch", "es-MX", "ja", "zh-Hant", "und"])
def test_that_of_others_is_the_point(language: str) -> None:
    assert not has_decimal_comma(language)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("H 1,850 m", ["1.850"]),
        ("1.250 x 800 mm", ["1250", "800"]),
        ("Gewicht 12.500 g", ["12500"]),
        ("H 1.850 mm, B 920 mm", ["1850", "920"]),
        ("1.250,5 g", ["1250.5"]),
        ("12,5 x 12.5 cm", ["12.5", "12.5"]),
        ("0,125 m", ["0.125"]),
        ("1.250.000 g", ["1250000"]),
    ],
)
def test_a_measure_is_read_by_the_marks_of_its_language(text: str, values: list[str]) -> None:
    measured = parse_dimensions(text, decimal_comma=True)
    assert [str(dimension.value) for dimension in measured.dimensions] == values
    assert all(dimension.display in text for dimension in measured.dimensions)


def test_in_english_it_is_the_comma_that_parts_thousands() -> None:
    assert [str(d.value) for d in parse_dimensions("H 1,850 mm; W 1.250 m").dimensions] == ["1850", "1.250"]


@given(WRITTEN)
def test_marks_that_are_exchanged_twice_are_as_they_were(text: str) -> None:
    assert exchanged(exchanged(text)) == text
    assert len(exchanged(text)) == len(text)


@given(WRITTEN)
def test_what_shows_each_part_of_the_text_shows_it_as_it_stands(text: str) -> None:
    plain = " ".join(text.split())
    assert all(d.display in plain for d in parse_dimensions(text, decimal_comma=True).dimensions)


@given(WRITTEN)
def test_a_text_without_such_a_number_is_read_alike_in_all_languages(text: str) -> None:
    if not re.search(MAY_BE_AMBIGUOUS, text):
        assert parse_dimensions(text, decimal_comma=True) == parse_dimensions(text)
