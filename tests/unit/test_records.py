"""The values that travel through a load."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.databases.types import KEY_CHARACTERS
from muniment.errors import OutOfBalance
from muniment.records import (
    VALUE_CHARACTERS,
    Accepted,
    Account,
    Header,
    Place,
    Position,
    Problem,
    Records,
    shortened,
)
from muniment.validation.keys import bounded_key

COUNTS = st.lists(st.integers(0, 10**9), min_size=5, max_size=5)


@given(COUNTS, st.integers(0, 10), st.integers(0, 10))
def test_an_account_balances_when_each_record_is_told_once(parts: list[int], notes: int, blank: int) -> None:
    replace(Account(sum(parts), *parts), notes=notes, blank_lines=blank).must_balance()


@given(COUNTS, st.integers(-5, 5).filter(bool))
def test_an_account_that_does_not_add_up_is_refused(parts: list[int], off: int) -> None:
    with pytest.raises(OutOfBalance):
        Account(sum(parts) + off, *parts).must_balance()


@given(COUNTS, COUNTS)
def test_accounts_add_up_to_accounts_that_balance(left: list[int], right: list[int]) -> None:
    total = Account(sum(left), *left) + Account(sum(right), *right)
    total.must_balance()
    assert total.inserted == left[0] + right[0]
    assert total.skipped == left[4] + right[4]


@given(st.integers(0, 20), st.data())
def test_parts_of_accepted_records_are_the_whole(count: int, data: st.DataObject) -> None:
    whole = Accepted(range(count), [f"k{n}" for n in range(count)], [n * n for n in range(count)])
    middle = data.draw(st.integers(0, count))
    parts = whole.part(0, middle), whole.part(middle, count)
    assert [*parts[0].indexes, *parts[1].indexes] == [*whole.indexes]
    assert [*parts[0].keys, *parts[1].keys] == [*whole.keys]
    assert [*parts[0].values, *parts[1].values] == [*whole.values]
    assert len(parts[0]) + len(parts[1]) == len(whole) == count


def test_a_record_knows_its_place_and_its_bytes() -> None:
    data = b"one\nt\nwo\n\nthree\n"
    records = Records(
        Header(("a",), ("a",)),
        Place(offset=100, number=7, line=20),
        data,
        lines=np.array([20, 21, 24]),
        offsets=np.array([100, 104, 110]),
        lengths=np.array([3, 4, 5]),
        rows=[["one"], ["t\nwo"], ["three"]],
    )
    assert len(records) == 3
    assert records.position(1) == Position(number=8, line=21, offset=104, length=4)
    assert [records.raw(index) for index in range(3)] == [b"one", b"t\nwo", b"three"]


@given(st.text())
def test_quoted_values_have_a_bound(value: str) -> None:
    told = shortened(value)
    assert len(told) <= VALUE_CHARACTERS
    assert told == value or (told[-1] == "…" and value.startswith(told[:-1]))


def test_a_problem_as_data_has_only_what_it_says() -> None:
    assert Problem("missing", "title is missing", field="title").as_dict() == {
        "code": "missing",
        "message": "title is missing",
        "field": "title",
    }


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=600)


@given(TEXT, TEXT)
def test_keys_are_bounded_and_stay_different(left: str, right: str) -> None:
    prefix = "x" * (KEY_CHARACTERS - 5)
    for text in (left, prefix + left):
        assert len(bounded_key(text)) <= KEY_CHARACTERS
    assert (bounded_key(prefix + left) == bounded_key(prefix + right)) == (left == right)
