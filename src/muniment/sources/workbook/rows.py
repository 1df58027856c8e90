"""From a row of a sheet to a record: its cells in the table's columns, told as the columns want them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from muniment.positions import letters
from muniment.records import shortened
from muniment.sources.findings import BEYOND
from muniment.sources.format import ColumnType
from muniment.sources.tabular import Finding, Row
from muniment.sources.workbook.formats import NumberFormat
from muniment.sources.workbook.sheet import SheetRow
from muniment.sources.workbook.shown import displayed_number, formatted_number, moment, plain_number

COUNTED_ROWS = 1_000
"""Rows in which the cells of every column are counted, after them only in columns that hold dates: a column
that is to hold something else shows it by then."""

DATE_DAMAGE, NO_DATE = "date-damage", "no-date"

DATE = NumberFormat("moment", has_date=True)
TIME = NumberFormat("moment", has_time=True)


class TableColumns:
    """The columns of a table: their types, and what was seen in them.

    Args:
        types: of each.

    Attributes:
        dates, others: of each, how many cells held dates, and how many of those counted anything else.
    """

    def __init__(self, types: Sequence[ColumnType]) -> None:
        self.types = types
        self.dates = [0] * len(types)
        self.others = [0] * len(types)
        self._counted = 0
        self._dated: set[int] = set()

    def count(self, cells: Sequence[str]) -> None:
        """Count the cells of a record, of which `add_date` was told the dates."""
        places: Iterable[int] = self._dated
        if self._counted < COUNTED_ROWS:
            self._counted += 1
            places = range(len(self.types))
        for place in places:
            if cells[place]:
                self.others[place] += 1

    def add_date(self, place: int) -> bool:
        """Count a date; whether it may turn out to be one among other things."""
        self._dated.add(place)
        self.dates[place] += 1
        self.others[place] -= 1  # `count` takes it for something else
        return self.types[place] == "text" or self.dates[place] <= self.others[place] + COUNTED_ROWS

    def has_strange_dates(self, place: int) -> bool:
        """Whether a date is not what this column holds."""
        return self.types[place] == "text" or self.dates[place] < self.others[place]


class RowReader:
    """Makes records of the rows of one sheet.

    Args:
        columns: of the table.
        first: the sheet's column that is its first.
        places: by the place of a column in the sheet, from `first` on, its place in the table; -1 for none.
        added: cells that every record has besides.
        since_1904: days are counted from 1904.
    """

    def __init__(
        self,
        columns: TableColumns,
        first: int,
        places: Sequence[int],
        added: Sequence[str],
        *,
        since_1904: bool,
    ) -> None:
        self._columns = columns
        self._first = first
        self._places = places
        self._added = list(added)
        self._since_1904 = since_1904
        width = len(columns.types)
        self._dense = list(range(first, first + width)) if list(places) == list(range(width)) else None

    def read(self, row: SheetRow) -> Row:
        """The record of a row's cells."""
        findings: list[Finding] = []
        if row.numbers:
            self._tell_numbers(row, findings)
        for index, code in row.odd:
            self._add(findings, row, index, code)
        cells = row.texts if row.columns == self._dense else self._spread(row, findings)
        self._columns.count(cells)
        return Row(row.number, cells + self._added if self._added else cells, findings)

    def _place(self, column: int) -> int:
        place = column - self._first
        return self._places[place] if 0 <= place < len(self._places) else -1

    def _spread(self, row: SheetRow, findings: list[Finding]) -> list[str]:
        """The cells in their places; what stands to the right of the table is told of."""
        cells = [""] * len(self._columns.types)
        for index, (column, text) in enumerate(zip(row.columns, row.texts, strict=True)):
            place = self._place(column)
            if place >= 0:
                cells[place] = text
            elif column >= self._first and text.strip():
                self._add(findings, row, index, BEYOND)
        return cells

    def _tell_numbers(self, row: SheetRow, findings: list[Finding]) -> None:
        for index, value, shown in row.numbers:
            place = self._place(row.columns[index])
            if place >= 0:
                row.texts[index], code = self._told(value, shown, self._columns.types[place])
                if code and (code != DATE_DAMAGE or self._columns.add_date(place)):
                    self._add(findings, row, index, code)

    def _told(self, value: str, shown: NumberFormat, kind: ColumnType) -> tuple[str, str]:
        """A number as text, and the code of what there is to say of it."""
        if kind == "number":
            return plain_number(value), ""
        if kind == "text" and shown.kind == "number":
            return displayed_number(value, shown), ""
        wanted = {"date": DATE, "time": TIME}.get(kind, shown)
        if wanted.kind != "moment":
            return formatted_number(value, shown), ""
        whole = value.partition(".")[0] if kind == "date" else value
        told = moment(whole, wanted, since_1904=self._since_1904)
        if told is None:
            return plain_number(value), NO_DATE
        return told, DATE_DAMAGE if wanted is shown else ""

    def _add(self, findings: list[Finding], row: SheetRow, index: int, code: str) -> None:
        column = row.columns[index]
        place = self._place(column)
        if place >= 0 or code == BEYOND:
            cell = f"{letters(column)}{row.number}"
            findings.append(Finding(place, code, cell, shortened(row.texts[index])))
