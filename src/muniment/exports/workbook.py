"""Rows as an Excel workbook. What its limits cut is counted; formulas are text and stay so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar

from muniment.errors import UsageError
from muniment.exports.columns import Columns, as_text
from muniment.exports.format import FileWriter
from muniment.extras import needed
from muniment.sources.guard import guarded

CELL_UNITS = 32_767
"""The longest cell, in units of UTF-16: Excel's own limit."""

SHEET_ROWS = 1_048_576
"""The rows of a sheet, its header included: Excel's own limit. Further rows stand in further sheets."""

SHEET_COLUMNS = 16_384
"""The columns of a sheet: Excel's own limit."""

CUT_MARK = "… [cut: this cell has {length} characters]"

EXACT_INTEGERS = 10**15
"""Excel's numbers have 15 digits: longer integers, such as object ids, are written as text."""

REPLACEMENT = "\ufffd"

_UNHELD = re.compile("[\ufffe\uffff]")
"""What XML cannot hold and Excel has no escape for; XlsxWriter escapes control characters as Excel does."""


@dataclass(frozen=True)
class WorkbookFormat:
    """An Excel workbook; needs the extra `xlsx`."""

    columns: Columns
    name: ClassVar[str] = "xlsx"
    suffix: ClassVar[str] = ".xlsx"
    compresses: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if len(self.columns) > SHEET_COLUMNS:
            raise UsageError(
                f"{len(self.columns):,} columns do not fit into a sheet, which has {SHEET_COLUMNS:,}",
                hint="Export to another format, such as csv",
            )

    def writer(self, stream: IO[bytes]) -> FileWriter:
        """See `FileFormat`."""
        return _WorkbookWriter(self.columns, stream)


class _WorkbookWriter:
    """Rows go to a temporary file as they come, so that memory stays flat."""

    def __init__(self, columns: Columns, stream: IO[bytes]) -> None:
        xlsxwriter = needed("xlsxwriter", "xlsx", "writing workbooks")
        options = {"constant_memory": True, "use_zip64": True}
        self.cut = 0
        self._names = [guarded(column.name) for column in columns]
        self._book = xlsxwriter.Workbook(stream, options)
        self._sheet: Any = None
        self._row = 0
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._row = 0
        self._write_row(self._names)

    def write(self, items: Sequence[Sequence[Any]]) -> None:
        for row in items:
            if self._row == SHEET_ROWS:
                self._begin_sheet()
            self._write_row(row)

    def _write_row(self, row: Sequence[Any]) -> None:
        for index, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, bool):
                self._sheet.write_boolean(self._row, index, value)
            elif isinstance(value, int | float) and abs(value) < EXACT_INTEGERS:
                self._sheet.write_number(self._row, index, value)
            else:
                self._sheet.write_string(self._row, index, self._shown(as_text(value)))
        self._row += 1

    def _shown(self, text: str) -> str:
        shown, replaced = _UNHELD.subn(REPLACEMENT, guarded(text))
        self.cut += replaced
        # A row of the sheet's XML escapes some characters: the units are those that Excel counts.
        if len(shown) * 2 <= CELL_UNITS or len(shown.encode("utf-16-le")) // 2 <= CELL_UNITS:
            return shown
        self.cut += 1
        mark = CUT_MARK.format(length=f"{len(text):,}")
        kept = shown.encode("utf-16-le")[: (CELL_UNITS - len(mark)) * 2].decode("utf-16-le", "ignore")
        return kept + mark

    def finish(self) -> None:
        self._book.close()
