"""Which records a run loads: conditions on columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from muniment.errors import HeaderError, UsageError
from muniment.records import Header
from muniment.validation.filters import Condition, natural, row_filter

HEADER = Header(("number", "kind"), ("number", "kind"))


@pytest.mark.parametrize(
    ("text", "cell", "holds"),
    [
        ("kind=print", "print", True),
        ("kind=print", "  print ", True),
        ("kind=print", "Print", False),
        ("kind=", "", True),
        ("kind=", "print", False),
        ("kind = a=b ", "a=b", True),
        ("number=1999.2..1999.10", "1999.9", True),
        ("number=1999.2..1999.10", "1999.10", True),
        ("number=1999.2..1999.10", "1999.10.a-b", True),
        ("number=1999.2..1999.10", "1999.100", False),
        ("number=1999.2..1999.10", "1999.1", False),
        ("number=1999..2001", "2001.77", True),
        ("number=1999..2001", "2002.1", False),
        ("number=1999..", "2002.1", True),
        ("number=1999..", "1998.9", False),
        ("number=..1999", "1950.3", True),
        ("number=..1999", "", False),
        ("number=1..2", "", False),
        ("number=A.1..A.9", "A.05", True),
        ("number=A.1..A.9", "B.05", False),
    ],
)
def test_a_condition_holds_for_cells_that_it_names(text: str, cell: str, holds: bool) -> None:
    assert Condition.parse(text).holds(cell) is holds


@pytest.mark.parametrize("text", ["kind", "=print", "  =print", "", "kind=..", "kind= .. "])
def test_what_is_no_condition_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match=r"column=.*first\.\.last"):
        Condition.parse(text)


@pytest.mark.parametrize("given", [{}, {"equals": "a", "first": "b"}, {"equals": ["a"], "last": "b"}])
def test_a_condition_says_one_thing(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="either"):
        Condition.model_validate({"column": "kind"} | given)


def test_all_conditions_must_hold() -> None:
    wanted = row_filter([Condition.parse("kind=print"), Condition.parse("number=1..5")], HEADER)
    assert wanted is not None
    assert wanted(("3", "print"))
    assert not wanted(("3", "vase"))
    assert not wanted(("7", "print"))
    assert row_filter([], HEADER) is None


def test_a_column_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(HeaderError, match=r"no column 'knd'.*nearest are: kind"):
        row_filter([Condition.parse("knd=x")], HEADER)
    with pytest.raises(HeaderError, match=r"nearest are: number, kind"):
        row_filter([Condition.parse("###=x")], HEADER)


@given(st.lists(st.integers(0, 10**30), min_size=2, max_size=4), st.sampled_from([".", "-", "/a"]))
def test_numbers_within_a_text_are_ordered_as_numbers(numbers: list[int], separator: str) -> None:
    texts = [f"1999{separator}{'0' * (n % 3)}{n}" for n in numbers]
    assert sorted(texts, key=natural) == [
        text for _, text in sorted(zip(numbers, texts, strict=True), key=by_number)
    ]


def by_number(pair: tuple[int, str]) -> int:
    return pair[0]


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_any_texts_can_be_compared(cell: str, first: str, last: str) -> None:
    lower, upper = sorted((first or "0", last or "0"), key=natural)
    condition = Condition(column="number", first=lower, last=upper)
    assert condition.holds(cell) in (True, False)
    if first.strip() == first and natural(first):
        assert Condition(column="number", first=first, last=first).holds(first)


@pytest.mark.parametrize("text", ["number=1999.5..1999.1", "number=2..1", "number=B..A"])
def test_a_range_that_ends_before_it_begins_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"ends before it begins.*lower end first"):
        Condition.parse(text)


def test_a_wide_header_is_not_listed_to_its_end() -> None:
    names = tuple(f"{number} {'x' * 500}" for number in range(10_000))
    with pytest.raises(HeaderError) as refused:
        row_filter([Condition.parse("kind=print")], Header(names, names))
    assert len(refused.value.hint) < 25_000
    assert refused.value.hint.endswith(" and 9,900 more")
