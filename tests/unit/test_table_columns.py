"""Judging whole columns comes to the verdicts, values and words of judging row by row."""

from __future__ import annotations

import enum
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator
from pydantic_core import SchemaError

from muniment.records import Accepted, Header, Place, Records, Verdicts
from muniment.table import PrimaryKey
from muniment.table.certainty import certain_cells
from muniment.table.judging import TableJudge

pc: Any = pyarrow.compute


class Loan(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    number: Annotated[str, PrimaryKey(), Field(max_length=4)]
    lender: str
    place: str | None = None
    purpose: Annotated[str, Field(pattern="^[a-z ]*$")] = "exhibition"
    days: int
    insured: float | None
    returned: bool = False


class State(enum.Enum):
    GOOD = "good"
    POOR = "poor"


class Checked(BaseModel):
    number: str

    @field_validator("number")
    @classmethod
    def _even(cls, number: str) -> str:
        if len(number) % 2:
            raise ValueError("numbers have an even number of characters")
        return number


class Loose(BaseModel):
    number: str
    note: str | None = None


CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "\t",
            "NULL",
            "7",
            " 7 ",
            "-1",
            "007",
            "1_000",
            "nan",
            "1e400",
            "9" * 30,
            "2.5",
            "true",
            "no",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)


def records_of(names: list[str], rows: list[list[str]]) -> Records:
    header, nothing = Header(tuple(names), tuple(names)), np.zeros(len(rows), np.int64)
    return Records(header, Place(0, 1, 2), b"", nothing, nothing, nothing, rows)


def verdicts(model: type[BaseModel], rows: list[list[str]], *, by_column: bool) -> Verdicts:
    records = records_of(list(model.model_fields), rows)
    judge = TableJudge(model, records.header, (), frozenset({"NULL"}))
    assert judge.judges_columns
    if not by_column:
        judge.judge_only_rows()
    found = judge.judge(records)
    accepted = found.accepted
    return replace(found, accepted=Accepted(*map(list, (accepted.indexes, accepted.keys, accepted.values))))


@settings(deadline=None)  # a busy machine is no fault of theirs
@given(st.lists(st.lists(CELLS, min_size=7, max_size=7), max_size=12))
def test_columns_and_rows_come_to_the_same_verdicts(rows: list[list[str]]) -> None:
    assert verdicts(Loan, rows, by_column=True) == verdicts(Loan, rows, by_column=False)


def test_any_white_space_around_nothing_is_nothing_by_column_as_by_row() -> None:
    spaces = [chr(code) for code in range(0x10000) if chr(code).isspace()]
    cells = [text for space in spaces for text in (space, 3 * space, f"{space}NULL{space}", f"{space}x")]
    rows = [["7", "a", cell, "", "3", "", ""] for cell in [*cells, "NUL", "\N{BRAILLE PATTERN BLANK}", "x"]]
    assert verdicts(Loan, rows, by_column=True) == verdicts(Loan, rows, by_column=False)


@settings(deadline=None)  # a busy machine is no fault of theirs
@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=12))
def test_text_without_conditions_passes_columns_as_it_passes_rows(rows: list[list[str]]) -> None:
    assert verdicts(Loose, rows, by_column=True) == verdicts(Loose, rows, by_column=False)


def test_a_model_with_a_validator_of_its_own_is_judged_by_rows() -> None:
    records = records_of(["number"], [["12"], ["123"]])
    judge = TableJudge(Checked, records.header, (), frozenset())
    assert not judge.judges_columns
    found = judge.judge(records)
    assert [found.accepted.indexes, [r.index for r in found.rejections]] == [[0], [1]]


class Typed(BaseModel):
    """Every kind of field that columns decide."""

    code: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{1,3}$", max_length=6)]
    day: date | None = None
    price: Decimal = Decimal("1.50")
    kind: Literal["loan", "gift"] = "loan"
    state: State | None = None
    count: Annotated[int, Field(ge=0)] | None = None
    ratio: float | None = None
    short: Annotated[str, Field(min_length=2, max_length=3)] | None = None


TYPED_CELLS = st.one_of(
    CELLS,
    st.sampled_from(
        [
            "AB-12",
            "ab-1",
            "AB-٣",
            "2020-01-31",
            "1.50",
            "1.5",
            "1e3",
            "loan",
            "gift",
            "good",
            "-0",
            "0.1",
            "é\u0301",
        ]
    ),
    st.integers().map(str),
    st.floats().map(repr),
)


@settings(deadline=None)  # a busy machine is no fault of theirs
@given(st.lists(st.lists(TYPED_CELLS, min_size=8, max_size=8), max_size=8))
def test_typed_columns_and_rows_come_to_the_same_verdicts(rows: list[list[str]]) -> None:
    assert verdicts(Typed, rows, by_column=True) == verdicts(Typed, rows, by_column=False)


PATTERN_PIECES = [
    "a",
    "Z",
    "7",
    r"\d",
    r"\w",
    r"\s",
    ".",
    r"\.",
    "[a-c]",
    r"[\d_]",
    "[A-Z0-9]",
    " ",
    "-",
    "é",
    "(",
    ")",
    "|",
    r"\b",
    "[^a]",
    r"\D",
]
PATTERNS = st.builds(
    lambda start, pieces, end: start + "".join(pieces) + end,
    st.sampled_from(["", "^"]),
    st.lists(
        st.builds(
            str.__add__,
            st.sampled_from(PATTERN_PIECES),
            st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,2}"]),
        ),
        max_size=5,
    ),
    st.sampled_from(["", "$"]),
)
SUBJECTS = st.text(st.sampled_from("aZ7b.- _é٣\n\t\x0b\u2003"), max_size=6)


@settings(deadline=None)  # a busy machine is no fault of theirs
@given(PATTERNS, st.lists(SUBJECTS, max_size=10))
def test_a_cell_that_is_certain_by_its_pattern_is_valid_to_pydantic(pattern: str, cells: list[str]) -> None:
    try:
        adapter = TypeAdapter(Annotated[str, Field(pattern=pattern)])
    except SchemaError:
        return  # no pattern at all
    certain = certain_cells({"type": "str", "pattern": pattern})
    if certain is None:
        return
    for cell, sure in zip(cells, certain(pa.array(cells, pa.string())).to_pylist(), strict=True):
        if sure:
            assert adapter.validate_python(cell) == cell


@pytest.mark.parametrize(
    ("pattern", "compiled"),
    [
        ("^https://", True),
        (r"^\d{4}-\d{2}$", True),
        ("^[^a]$", False),
        (r"\D", False),
        ("(?i)a", False),
        (r"\bx", False),
    ],
)
def test_only_patterns_that_mean_the_same_everywhere_are_compiled(pattern: str, compiled: bool) -> None:
    assert (certain_cells({"type": "str", "pattern": pattern}) is not None) == compiled


def test_columns_and_rows_take_the_same_characters_for_white_space() -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    trimmed = pc.utf8_trim_whitespace(pa.array(every))
    assert [cell for cell in every if not cell.strip()] == pa.array(every).filter(
        pc.equal(trimmed, "")
    ).to_pylist()
