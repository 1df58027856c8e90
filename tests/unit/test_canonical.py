"""Rows as bytes: the same for the same values, and different for different ones."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.canonical import encoded_row, hashed

VALUES = st.one_of(st.none(), st.integers(), st.text(), st.binary(), st.datetimes(timezones=st.just(UTC)))
ROWS = st.lists(VALUES)


@given(ROWS, ROWS)
def test_rows_are_written_alike_only_where_they_are_the_same(one: list[object], other: list[object]) -> None:
    alike = [type(value) for value in one] == [type(value) for value in other] and one == other
    assert (encoded_row(one) == encoded_row(other)) == alike


@given(st.lists(ROWS, min_size=2))
def test_another_order_of_different_rows_is_another_hash(rows: list[list[object]]) -> None:
    turned = [*rows[1:], rows[0]]
    same = [encoded_row(row) for row in turned] == [encoded_row(row) for row in rows]
    assert (hashed("x", turned) == hashed("x", rows)) == same


def test_a_hash_of_one_kind_is_none_of_another() -> None:
    assert hashed("chunk", [(1,)]) != hashed("seal", [(1,)])


def test_a_row_is_written_as_documented() -> None:
    moment = datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1)))
    told = b"".join(
        letter + len(content).to_bytes(8, "big") + content
        for letter, content in (
            (b"N", b""),
            (b"I", b"-7"),
            (b"T", "é".encode()),
            (b"B", b"\x00"),
            (b"M", b"2026-01-31T12:00:00.000000+00:00"),
        )
    )
    expected = b"R" + (5).to_bytes(8, "big") + told
    assert encoded_row([None, -7, "é", b"\x00", moment]) == expected
    assert (
        hashed("kind", [[None, -7, "é", b"\x00", moment]])
        == hashlib.sha256(b"muniment 1 kind\0" + expected).digest()
    )


def test_a_value_that_no_database_gives_back_exactly_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        encoded_row([1.5])
