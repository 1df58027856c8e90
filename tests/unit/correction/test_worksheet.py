"""The worksheet: what its cells show, and what comes back of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.correction.worksheet import (
    LEADING,
    SHOWN_CHARACTERS,
    SURPLUS,
    header_row,
    merge,
    shown,
    worksheet_row,
)
from muniment.errors import UsageError
from muniment.records import Problem
from muniment.sources import open_source
from muniment.sources.format import Format

DANGEROUS = (
    "=1+1",
    "+1",
    "-206",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "＝1+1",
    "=cmd|' /C calc'!A0",
)

ANY_TEXT = st.text(alphabet=st.characters(), max_size=20)
AWKWARD = st.sampled_from(
    [
        "",
        " ",
        "'",
        "'=1",
        "=1",
        "-5",
        "001.1998",
        "1e5",
        "\r\n",
        "\r",
        "\n",
        "a\r\nb",
        '"',
        ",",
        ";",
        "\x00",
        "\udce9",
    ]
)
CELLS = st.lists(st.one_of(ANY_TEXT, AWKWARD), min_size=0, max_size=6)
NO_PROBLEMS: tuple[Problem, ...] = ()


def written(rows: Sequence[Sequence[str]], delimiter: str = ",") -> bytes:
    """Rows as a CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def given_cells(row: Sequence[str]) -> dict[int, str]:
    """A worksheet's row as `merge` takes it."""
    return dict(enumerate(row[len(LEADING) :]))


@pytest.mark.parametrize("cell", DANGEROUS)
def test_a_formula_is_disarmed(cell: str) -> None:
    assert shown(cell).startswith("'")


@given(ANY_TEXT)
def test_no_cell_that_is_shown_can_be_taken_for_a_formula(text: str) -> None:
    visible = shown(text)
    assert not visible.lstrip().startswith(("=", "+", "-", "@"))
    assert not visible.startswith(("\t", "\r", "\n"))


@given(ANY_TEXT)
def test_what_is_shown_can_be_written_and_displayed(text: str) -> None:
    visible = shown(text)
    assert visible.encode("utf-8").decode("utf-8") == visible
    assert "\x00" not in visible


@given(CELLS, st.integers(1, 5))
def test_a_worksheet_that_nobody_touched_gives_back_the_very_cells(cells: list[str], width: int) -> None:
    columns = [f"Column {number}" for number in range(width)]
    rows = [header_row(columns), worksheet_row(7, "12", NO_PROBLEMS, cells, width)]
    source = open_source(io.BytesIO(written(rows)), Format(), Settings())
    (chunk,) = source.chunks(source.first)
    records = source.records(chunk)
    source.close()
    assert not records.unreadable
    merged = merge(cells, given_cells(records.rows[0]), width)
    assert merged.cells == tuple(cells)
    assert not merged.changed
    assert not merged.reformatted


@given(CELLS, st.integers(1, 5), st.data())
def test_one_changed_cell_is_taken_and_its_neighbours_stay(
    cells: list[str], width: int, data: st.DataObject
) -> None:
    cells = cells[:width]
    row = worksheet_row(7, "12", NO_PROBLEMS, cells, width)
    index = data.draw(st.integers(0, width - 1))
    given_row = given_cells(row) | {index: "a wholly new text"}
    merged = merge(cells, given_row, width)
    padded = [*cells, *[""] * (width - len(cells))]
    padded[index] = "a wholly new text"
    assert list(merged.cells) == padded
    assert merged.changed == (index,)


def test_a_guard_is_taken_away_from_what_it_guards_and_left_where_somebody_wrote_it() -> None:
    assert merge(["-206"], {0: "'-207"}, 1).cells == ("-207",)
    assert merge(["-206"], {0: "-207"}, 1).cells == ("-207",)
    assert merge(["'tis so"], {0: "'twas so"}, 1).cells == ("'twas so",)


def test_a_row_with_too_many_cells_stays_malformed_until_its_surplus_is_emptied() -> None:
    cells = ["1908.1", "Vase, blue", "vase", "1908", "left over"]
    row = worksheet_row(1, "2", NO_PROBLEMS, cells, 4)
    assert row[-1] == "left over"
    halfway = merge(cells, given_cells(row) | {1: "Vase"}, 4)
    assert halfway.problem is not None
    assert halfway.problem.code == "ragged"
    mended = merge(cells, given_cells(row) | {1: "Vase", 4: ""}, 4)
    assert mended.cells == ("1908.1", "Vase", "vase", "1908")
    assert mended.problem is None


def test_a_row_with_too_few_cells_is_well_formed_once_it_is_corrected() -> None:
    merged = merge(["1908.1", "Vase"], {0: "1908.1", 1: "Vase", 2: "vase", 3: "", 4: ""}, 4)
    assert merged.cells == ("1908.1", "Vase", "vase", "")
    assert merged.problem is None


def test_bytes_that_are_no_text_are_shown_as_escapes_and_must_be_replaced() -> None:
    cells = ["Caf\udce9", "na\udcefve"]
    assert shown(cells[0]) == "Caf\\xe9"
    halfway = merge(cells, {0: "Café", 1: "na\\xefve"}, 2)
    assert halfway.cells == ("Café", "na\udcefve")
    assert halfway.problem is not None
    assert halfway.problem.code == "undecodable"
    assert merge(cells, {0: "Café", 1: "naïve"}, 2).problem is None


def test_a_long_cell_is_shown_cut_and_kept_whole() -> None:
    thumbnail = "QUJD" * 50_000
    visible = shown(thumbnail)
    assert len(visible) < 2 * SHOWN_CHARACTERS
    assert merge([thumbnail, ""], {0: visible, 1: "Vase"}, 2).cells == (thumbnail, "Vase")
    in_part = merge([thumbnail, ""], {0: f"x{visible}", 1: "Vase"}, 2)
    assert in_part.problem is not None
    assert in_part.problem.code == "cut"


def test_a_column_that_was_dropped_is_unchanged() -> None:
    assert merge(["1", "2", "3"], {1: "two"}, 3).cells == ("1", "two", "3")


def test_a_source_with_a_worksheets_columns_is_not_exported() -> None:
    with pytest.raises(UsageError, match=SURPLUS):
        header_row(["Title", SURPLUS])


def test_hostile_problems_and_column_names_are_disarmed_too() -> None:
    problem = Problem("pattern", "=1+1", "@hint", column="=2+2")
    row = worksheet_row(1, "2", [problem], ["a"], 1)
    assert row[2:5] == ["'=2+2", "'=1+1", "'@hint"]
    assert header_row(["=3+3"])[len(LEADING)] == "'=3+3"
