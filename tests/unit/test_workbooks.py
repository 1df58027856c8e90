"""Rows as Excel workbooks: what a sheet and a cell can hold, and what becomes of the rest."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from muniment.errors import UsageError
from muniment.exports import workbook
from muniment.exports.columns import Column
from muniment.exports.workbook import CELL_UNITS, SHEET_COLUMNS, SHEET_ROWS, WorkbookFormat
from muniment.sources.guard import unguarded

TITLE = (Column("title"),)

UNHELD = "\ufffe\uffff"

ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def written(rows: Sequence[Sequence[Any]], columns: tuple[Column, ...] = TITLE) -> tuple[bytes, int]:
    """A workbook of these rows, and how many of its cells were cut."""
    stream = io.BytesIO()
    writer = WorkbookFormat(columns).writer(stream)
    writer.write(rows)
    writer.finish()
    return stream.getvalue(), writer.cut


def sheets(content: bytes) -> list[list[Any]]:
    """The first column of each sheet."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    return [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets]


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def test_the_longest_cell_is_kept_and_a_longer_one_is_cut_and_says_so() -> None:
    fits, long = "a" * CELL_UNITS, "b" * (CELL_UNITS + 1)
    content, cut = written([[fits], [long], ["short"]])
    ((_, first, second, third),) = sheets(content)
    assert (first, third, cut) == (fits, "short", 1)
    assert second.endswith("… [cut: this cell has 32,768 characters]")
    assert units(second) == CELL_UNITS
    assert long.startswith(second[: second.index("…")])


@pytest.mark.parametrize("before", ["", "a"])
def test_length_is_counted_as_excel_does_and_no_character_is_halved(before: str) -> None:
    content, cut = written([[before + "😀" * 16_383], [before + "😀" * 16_384]])
    ((_, first, second),) = sheets(content)
    assert first == before + "😀" * 16_383
    assert cut == 1
    kept, mark, _ = second.partition("… [cut")
    assert mark
    assert set(kept.removeprefix(before)) == {"😀"}
    assert CELL_UNITS - 1 <= units(second) <= CELL_UNITS


def test_rows_beyond_the_end_of_a_sheet_stand_in_further_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "SHEET_ROWS", 4)
    content, cut = written([[f"row {n}"] for n in range(7)])
    assert sheets(content) == [
        ["title", "row 0", "row 1", "row 2"],
        ["title", "row 3", "row 4", "row 5"],
        ["title", "row 6"],
    ]
    assert cut == 0


@pytest.mark.long
def test_a_full_sheet_has_as_many_rows_as_excel_takes_and_the_next_row_a_sheet_of_its_own() -> None:
    content, cut = written([[n] for n in range(SHEET_ROWS)], (Column("n", "integer"),))
    full, rest = sheets(content)
    assert (len(full), full[-1], rest, cut) == (1_048_576, SHEET_ROWS - 2, ["n", SHEET_ROWS - 1], 0)


def test_more_columns_than_a_sheet_has_are_refused() -> None:
    with pytest.raises(UsageError, match="16,385 columns do not fit into a sheet"):
        WorkbookFormat(TITLE * (SHEET_COLUMNS + 1))


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters=UNHELD), min_size=1)
        | st.text("=+-@'_x0041\t\r\n\x00\x1f<&>\"", min_size=1, max_size=12),
        min_size=1,
        max_size=5,
    )
)
@example(texts=["=HYPERLINK(1)", "_x0041_", "a\x00b\x0bc", "http://a.example", " spaces ", "1e5"])
def test_any_text_is_a_text_and_read_as_excel_reads_it(texts: list[str]) -> None:
    content, _ = written([[text] for text in texts])
    book = openpyxl.load_workbook(io.BytesIO(content))
    _, *cells = (row[0] for row in book.worksheets[0].iter_rows())
    assert {cell.data_type for cell in cells} == {"s"}
    read = [ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(cell.value)) for cell in cells]
    assert list(map(unguarded, read)) == texts


def test_what_xml_cannot_hold_and_excel_has_no_escape_for_is_replaced_and_counted() -> None:
    content, cut = written([["a\ufffeb\uffffc"], ["plain"]])
    assert sheets(content) == [["title", "a\ufffdb\ufffdc", "plain"]]
    assert cut == 2


def test_numbers_that_excel_would_round_are_texts() -> None:
    numbers = (Column("n", "integer"),)
    content, _ = written([[10**15 - 1], [10**15], [-(2**62)]], numbers)
    assert sheets(content) == [["n", 10**15 - 1, "1000000000000000", "'-4611686018427387904"]]
