"""Cells that would be formulas, disarmed and restored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.sources.guard import guarded, unguarded

HOSTILE = st.text(st.sampled_from("'=+-@\t\r\n ab＝"), max_size=8) | st.text(max_size=30)


@given(HOSTILE)
def test_what_was_guarded_comes_back_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(HOSTILE, HOSTILE)
def test_two_texts_are_never_guarded_alike(one: str, other: str) -> None:
    assert (guarded(one) == guarded(other)) == (one == other)


@pytest.mark.parametrize(
    "formula", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", " =1", "'=1", "＝1"]
)
def test_a_formula_begins_with_an_apostrophe_of_ours(formula: str) -> None:
    assert guarded(formula) == "'" + formula


@pytest.mark.parametrize("plain", ["", "vase", "'s-Hertogenbosch", "1=1", "'", "''"])
def test_plain_text_is_left_alone(plain: str) -> None:
    assert guarded(plain) == unguarded(plain) == plain
