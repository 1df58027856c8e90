"""Keys that were found: whatever is remembered, forgotten and foreseen, a key has its own value or none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from muniment.table.remembering import RememberedKeys

SMALL_BOUND = 400
"""Bytes: some twenty keys, so that examples come to forget."""

key_sets = st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True)
steps = st.lists(st.tuples(st.booleans(), key_sets), max_size=20)


def written(numbers: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
    return np.array([f"key {number}".encode() for number in numbers], np.bytes_)


@given(steps=steps, sought=key_sets)
def test_a_key_has_its_own_value_or_none_whatever_was_forgotten_since_it_was_foreseen(
    steps: list[tuple[bool, list[int]]], sought: list[int]
) -> None:
    remembered = RememberedKeys(int, SMALL_BOUND)
    known: set[int] = set()
    foreseen = remembered.foreseen(written(sought))
    for foresees, numbers in steps:
        if foresees:
            foreseen = remembered.foreseen(written(sought))
        remembered.remember(written(numbers), np.array(numbers, np.int64))
        known.update(numbers)
    before = [part.tolist() for part in foreseen]
    values, found = remembered.find(written(sought), foreseen)
    assert [part.tolist() for part in foreseen] == before  # another attempt may need it
    for number, value, is_found in zip(sought, values.tolist(), found.tolist(), strict=True):
        assert not is_found or (value == number and number in known)
    again, found_again = remembered.find(written(sought))
    assert [v for v, there in zip(again.tolist(), found_again, strict=True) if there] == [
        n for n, there in zip(sought, found_again, strict=True) if there
    ]


def test_what_fits_is_found_again() -> None:
    remembered = RememberedKeys(int)
    remembered.remember(written(range(1000)), np.arange(1000))
    values, found = remembered.find(written([7, 2000, 999]), remembered.foreseen(written([7, 2000, 999])))
    assert found.tolist() == [True, False, True]
    assert values[found].tolist() == [7, 999]
