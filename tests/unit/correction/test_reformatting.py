"""Telling what a spreadsheet program did from what somebody corrected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.correction.reformatting import is_reformatted

DAMAGE = [
    # what stood there, what a spreadsheet program made of it
    ("001.1998", "1.1998"),
    ("2010.70", "2010.7"),
    ("2010.70", "2010,7"),
    ("0042", "42"),
    ("1234567", "1,234,567"),
    ("1234567", "1.234.567"),
    ("1234567890123", "1.23457E+12"),
    ("1234567890123", "1,23457E+12"),
    ("123456789012345678", "1.23457E+17"),
    ("1234567890123456789", "1234567890123450000"),
    ("3.14159265358979", "3.141592654"),
    ("1e5", "1.00E+05"),
    ("1E5", "100000"),
    ("+5", "5"),
    ("1883-12-31", "31/12/1883"),
    ("1883-12-31", "12/31/1883"),
    ("1983-12-31", "31.12.83"),
    ("1983-12-31T00:00:00", "31/12/1983 00:00"),
    ("3-12", "12-Mar"),
    ("3-12", "03/12/2026"),
    ("1998-03", "Mar-98"),
    ("March 1998", "01/03/1998"),
    ("1/2", "02. Jan"),
    ("10.12", "12. Okt"),
    ("true", "TRUE"),
    ("Vase ", "Vase"),
    ("two\r\nlines", "two\nlines"),
    ("two\rlines", "two\nlines"),
    ("東京 vase", "?? vase"),
    ("Łódź", "Lódz"),
    ("Łódź", "?ód?"),
    ("Dvořák", "Dvorák"),
    ("𝄞 clef", "?? clef"),
    ("Ελλάδα", "??????"),
]

CORRECTIONS = [
    ("12", "012"),
    ("1.1998", "001.1998"),
    ("1998.1", "1998.10"),
    ("1850", "1851"),
    ("1.5", "15"),
    ("1998-03-05", "1998-05-03"),
    ("1998-03-05", "1999-03-05"),
    ("5 March 1998", "3 May 1998"),
    ("1850", "c. 1850"),
    ("", "Vase"),
    ("Vase", ""),
    ("vase", "Vase"),
    ("Vasé", "Vase"),
    ("what?", "what"),
    ("1234567890123", "1234567890124"),
    ("1234567890123", "1.3E+12"),
    ("3-12", "3-13"),
    ("1905-10", "1905-11"),
    ("n/a", "unknown"),
    ("-", "0"),
]


@pytest.mark.parametrize(("original", "cell"), DAMAGE)
def test_what_a_spreadsheet_program_does_is_no_correction(original: str, cell: str) -> None:
    assert is_reformatted(cell, original)


@pytest.mark.parametrize(("original", "cell"), CORRECTIONS)
def test_what_somebody_wrote_is_a_correction(original: str, cell: str) -> None:
    assert not is_reformatted(cell, original)


@given(st.integers(0, 10**15 - 1), st.integers(0, 6))
def test_leading_zeros_may_go_but_never_come(number: int, zeros: int) -> None:
    padded = "0" * zeros + str(number)
    assert is_reformatted(str(number), padded)
    assert is_reformatted(padded, str(number)) == (padded == str(number))


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_another_number_is_a_correction(before: int, after: int) -> None:
    assert is_reformatted(str(after), str(before)) == (before == after)


@given(st.dates(), st.dates())
def test_another_day_is_a_correction_however_it_is_written(before: object, after: object) -> None:
    year, month, day = str(after).split("-")
    same = sorted(int(part) % 100 for part in str(before).split("-")) == sorted(
        int(part) % 100 for part in (year, month, day)
    )
    assert is_reformatted(f"{day}/{month}/{year}", str(before)) == same


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_can_be_compared(cell: str, original: str) -> None:
    assert is_reformatted(original, original)
    assert is_reformatted(cell, original) in (True, False)
