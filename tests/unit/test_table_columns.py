"""Judging whole columns comes to the verdicts, values and words of judging row by row."""

from __future__ import annotations

import enum
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PastDate,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import SchemaError

from muniment.records import Accepted, Header, Place, Records, Verdicts
from muniment.table import PrimaryKey
from muniment.table.certainty import certain_cells
from muniment.table.judging import TableJudge
from muniment.table.oddities import is_bare_number

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
    at: datetime | None = None
    hour: time | None = None


BARE_NUMBERS = [
    "0",
    "12",
    "1950",
    "86400",
    "20240501",
    "1.5",
    "1.",
    ".5",
    "-1",
    "+3600",
    " 7 ",
    "1.5E3",
    "0.e0",
    "00",
]

TYPED_CELLS = st.one_of(
    CELLS,
    st.sampled_from(
        [
            "AB-12",
            "ab-1",
            "AB-٣",
            "2020-01-31",
            "2020-01-31T13:45:00",
            "13:45",
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
    st.sampled_from(BARE_NUMBERS),
    st.integers().map(str),
    st.integers(-20_000, 20_000).map(lambda days: str(86_400 * days)),
    st.floats().map(repr),
)


@settings(deadline=None)  # a busy machine is no fault of theirs
@given(st.lists(st.lists(TYPED_CELLS, min_size=10, max_size=10), max_size=8))
def test_typed_columns_and_rows_come_to_the_same_verdicts(rows: list[list[str]]) -> None:
    assert verdicts(Typed, rows, by_column=True) == verdicts(Typed, rows, by_column=False)


class Dated(BaseModel):
    """Each way to say that a field is a date."""

    day: date | None = None
    at: Annotated[datetime, Field(ge=datetime(1800, 1, 1, tzinfo=UTC))] | None = None
    either: date | datetime | None = None
    aware: AwareDatetime | None = None
    past: PastDate | None = None
    late: date | None = Field(default=None, ge=date(1800, 1, 1))


@pytest.mark.parametrize("by_column", [True, False])
@pytest.mark.parametrize("cell", BARE_NUMBERS)
def test_a_bare_number_is_no_date(cell: str, by_column: bool) -> None:
    found = verdicts(Dated, [[cell] * 6], by_column=by_column)
    (rejection,) = found.rejections
    assert [problem.field for problem in rejection.problems] == list(Dated.model_fields)
    assert {problem.code for problem in rejection.problems} == {"date"}
    assert all(problem.hint.startswith("Write dates as 1883-12-31") for problem in rejection.problems)
    assert rejection.problems[0].message == "day is a bare number, and not a date"


@given(st.text("0123456789+-.eE_ \t", max_size=12))
def test_what_pydantic_takes_for_a_date_is_one_or_a_bare_number(cell: str) -> None:
    for kind in (date, datetime):
        try:
            TypeAdapter(kind).validate_python(cell)
        except ValidationError:
            continue
        assert is_bare_number(cell) or re.fullmatch(r"\d{4}-\d\d-\d\d", cell)


@given(st.text("0123456789+-.eE_ \t", max_size=12))
def test_pydantic_takes_no_bare_number_for_a_time(cell: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(time).validate_python(cell)


class Stamped(BaseModel):
    """Fields and a type with validators of their own."""

    by_field: datetime | None = None
    by_type: Annotated[datetime, BeforeValidator(float)] | None = None

    @field_validator("by_field", mode="before")
    @classmethod
    def _seconds(cls, cell: str) -> float:
        return float(cell)


class StampedAsAWhole(BaseModel):
    at: datetime

    @model_validator(mode="before")
    @classmethod
    def _seconds(cls, cells: dict[str, str]) -> dict[str, float]:
        return {name: float(cell) for name, cell in cells.items()}


class StampedByConfiguration(BaseModel):
    model_config = ConfigDict(val_temporal_unit="milliseconds")

    at: datetime


class CheckedAsAWhole(BaseModel):
    at: datetime

    @model_validator(mode="after")
    def _fine(self) -> Self:
        return self


@pytest.mark.parametrize("model", [Stamped, StampedAsAWhole, StampedByConfiguration])
def test_a_model_that_says_itself_what_its_dates_are_may_take_bare_numbers(model: type[BaseModel]) -> None:
    names = list(model.model_fields)
    records = records_of(names, [["1950"] * len(names)])
    assert list(TableJudge(model, records.header, (), frozenset()).judge(records).accepted.indexes) == [0]


def test_a_validator_that_sees_a_model_after_its_fields_changes_nothing_about_bare_numbers() -> None:
    records = records_of(["at"], [["1950"]])
    (rejection,) = TableJudge(CheckedAsAWhole, records.header, (), frozenset()).judge(records).rejections
    assert rejection.problems[0].code == "date"


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
