"""Judging whole columns comes to the verdicts, values and words of judging row by row."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from muniment.records import Header, Place, Records, Verdicts
from muniment.table import PrimaryKey
from muniment.table.judging import TableJudge


class Loan(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)

    number: Annotated[str, PrimaryKey(), Field(max_length=4)]
    lender: str
    place: str | None = None
    purpose: Annotated[str, Field(pattern="^[a-z ]*$")] = "exhibition"
    days: int
    insured: float | None
    returned: bool = False


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
    return judge.judge(records)


@given(st.lists(st.lists(CELLS, min_size=7, max_size=7), max_size=12))
def test_columns_and_rows_come_to_the_same_verdicts(rows: list[list[str]]) -> None:
    assert verdicts(Loan, rows, by_column=True) == verdicts(Loan, rows, by_column=False)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=12))
def test_text_without_conditions_passes_columns_as_it_passes_rows(rows: list[list[str]]) -> None:
    assert verdicts(Loose, rows, by_column=True) == verdicts(Loose, rows, by_column=False)


def test_a_model_with_a_validator_of_its_own_is_judged_by_rows() -> None:
    records = records_of(["number"], [["12"], ["123"]])
    judge = TableJudge(Checked, records.header, (), frozenset())
    assert not judge.judges_columns
    found = judge.judge(records)
    assert [found.accepted.indexes, [r.index for r in found.rejections]] == [[0], [1]]
