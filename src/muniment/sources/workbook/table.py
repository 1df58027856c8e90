"""The table in the sheets of a workbook: where its header stands, and which columns and rows belong to it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from muniment.errors import HeaderError, SourceError
from muniment.positions import Unit
from muniment.records import Problem, shortened
from muniment.sources.format import CellRange, Format, Workbook
from muniment.sources.heading import unique
from muniment.sources.tabular import Finding, Row, Stretch
from muniment.sources.workbook.rows import DATE_DAMAGE, RowReader, TableColumns
from muniment.sources.workbook.sheet import Sheet, SheetRow

LOOKED_AHEAD = 100
"""Rows below the header that are looked at for columns without a name: what first stands further down in one
is a remark beside the table rather than a part of it."""

LISTED_SHEETS = 20
"""How many sheets an error lists."""

ALL = ("*",)
"""What stands for all sheets that are shown."""


class Sheets(Protocol):
    """A workbook of some kind.

    Attributes:
        sheets: in their order.
        since_1904: days are counted from 1904.
    """

    sheets: Sequence[Sheet]
    since_1904: bool

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """The rows of a sheet that have cells."""
        ...

    def close(self) -> None:
        """Give back files."""
        ...


@dataclass(frozen=True)
class _Begun:
    """A sheet whose header was read: its first column, its own names, and the rows below the header."""

    sheet: Sheet
    first_column: int
    names: Sequence[str]
    rows: Iterator[SheetRow]


class WorkbookTable:
    """The chosen sheets of a workbook as one table; see `muniment.sources.tabular.Tabular`.

    Args:
        workbook: closed by `close`.
        given: whether there is a header, and what is chosen.
        where: the file, for errors.

    Raises:
        SourceError: a sheet that is named is not there, or there are several to choose from.
        HeaderError: there is no header, or it lacks columns of which the types are given.
    """

    unit: Unit = "row"

    def __init__(self, workbook: Sheets, given: Format, where: str) -> None:
        self._workbook = workbook
        self._given = given
        self._options = given.workbook or Workbook()
        self._range = self._options.cells
        self._where = where
        self._remarks: list[Problem] = []
        self._hidden = 0
        first, *self._others = self._chosen()
        self._first = self._begin(first)
        self._names = unique(self._first.names)
        self._added = [self._options.sheet_column] if self._options.sheet_column else []
        self.names: Sequence[str] = (*self._first.names, *self._added)
        if unknown := sorted(set(self._options.types) - set(self._names)):
            raise HeaderError(
                f"types are given for columns that are not there: {', '.join(unknown)}",
                hint=f"The sheet has: {', '.join(map(shortened, self._names))}",
                where=where,
            )
        self._columns = TableColumns([self._options.types.get(name, "auto") for name in self._names])

    def stretches(self) -> Iterator[Stretch]:
        """As in `Tabular`."""
        for begun in itertools.chain([self._first], map(self._begin, self._others)):
            yield Stretch(begun.sheet.name, begun.first_column, self._rows(begun))

    def believes(self, finding: Finding) -> bool:
        """As in `Tabular`."""
        return finding.code != DATE_DAMAGE or self._columns.has_strange_dates(finding.place)

    def remarks(self) -> list[Problem]:
        """As in `Tabular`."""
        message = f"{self._hidden:,} hidden rows are left out"
        told = [Problem("hidden-rows", message, "hidden_rows = true reads them")] if self._hidden else []
        return [*self._remarks, *told]

    def close(self) -> None:
        """As in `Tabular`."""
        self._workbook.close()

    def _chosen(self) -> list[Sheet]:
        """The sheets to read."""
        sheets, wanted = self._workbook.sheets, self._options.wanted
        if wanted and wanted != ALL:
            return [self._named(name) for name in wanted]
        hidden = [] if self._options.hidden_sheets else [s for s in self._filled(sheets) if not s.visible]
        found = [sheet for sheet in self._filled(sheets) if sheet not in hidden]
        if hidden:
            message = f"sheets that are hidden are not read: {_listed(hidden)}"
            self._remarks.append(Problem("hidden-sheets", message, "Name them with `sheet`, if they matter"))
        if not found:
            hint = (
                "The hidden ones are not: hidden_sheets = true reads them"
                if hidden
                else "Is it the right file?"
            )
            raise HeaderError("there is no header, for the sheets are empty", hint=hint, where=self._where)
        if len(found) > 1 and not wanted:
            raise SourceError(
                f"the workbook has several sheets with content: {_listed(found)}",
                hint='Say which: sheet = "…" under [source.workbook], or --sheet; "*" is all of them',
                where=self._where,
            )
        return found

    def _named(self, name: str) -> Sheet:
        sheets = self._workbook.sheets
        alike = [sheet for sheet in sheets if sheet.name.casefold() == name.casefold()]
        if not alike:
            raise SourceError(
                f"the workbook has no sheet {shortened(name)!r}",
                hint=f"It has {_listed(sheets)}",
                where=self._where,
            )
        return alike[0]

    def _filled(self, sheets: Sequence[Sheet]) -> list[Sheet]:
        return [sheet for sheet in sheets if next(self._within(sheet), None) is not None]

    def _within(self, sheet: Sheet) -> Iterator[SheetRow]:
        """The rows of a sheet that hold something within the range."""
        chosen, everywhere = self._range, not self._options.range
        for row in self._workbook.rows(sheet):
            if row.number > chosen.last_row:
                return
            if any(map(str.strip, row.texts if everywhere else _texts_in(row, chosen))):
                yield row

    def _begin(self, sheet: Sheet) -> _Begun:
        """Read a sheet's header."""
        rows = self._within(sheet)
        header: list[SheetRow] = [self._header(sheet, rows)] if self._given.header else []
        ahead = list(itertools.islice(rows, LOOKED_AHEAD))
        first, end = self._extent([*header, *ahead])
        names: Sequence[str] = self._given.columns
        if header:
            by_column = dict(zip(header[0].columns, header[0].texts, strict=True))
            names = [by_column.get(column, "") for column in range(first, end)]
        return _Begun(sheet, first, names, itertools.chain(ahead, rows))

    def _header(self, sheet: Sheet, rows: Iterator[SheetRow]) -> SheetRow:
        wanted = self._options.header_row
        header = next((row for row in rows if row.number >= wanted), None)
        if header is None or (wanted and header.number != wanted):
            what = f"its row {wanted} is empty" if wanted else "it is empty"
            raise HeaderError(
                f"the sheet {sheet.name!r} has no header, for {what}",
                hint="Say where it stands: header_row = … under [source.workbook], or --header-row",
                where=self._where,
            )
        return header

    def _extent(self, rows: Sequence[SheetRow]) -> tuple[int, int]:
        """The first column of the table, and the one after the last."""
        columns = self._range.columns
        used = [c for row in rows for c, text in zip(row.columns, row.texts, strict=True) if text.strip()]
        used = [column for column in used if column in columns] or [columns.start]
        first = columns.start if self._options.range or not self._given.header else min(used)
        return first, columns.stop if self._range.bounded else max(used) + 1

    def _rows(self, begun: _Begun) -> Iterator[Row]:
        """The rows of a sheet below its header, blank ones among them."""
        added = [begun.sheet.name] if self._added else []
        since_1904 = self._workbook.since_1904
        reader = RowReader(
            self._columns, begun.first_column, self._places(begun), added, since_1904=since_1904
        )
        last = 0
        for row in begun.rows:
            for blank in range(last + 1 if last else row.number, row.number):
                yield Row(blank, ())
            last = row.number
            if row.hidden and not self._options.hidden_rows:
                self._hidden += 1
            else:
                yield reader.read(row)

    def _places(self, begun: _Begun) -> list[int]:
        """Where the columns of a sheet stand in the table: in whatever order, but all of them."""
        own = unique(begun.names)
        lacking = [name for name in self._names if name not in own]
        further = [
            name
            for name, given in zip(own, begun.names, strict=True)
            if name not in self._names and given.strip()
        ]
        if lacking or further:
            what = f"lacks {_several(lacking)}" if lacking else f"has besides {_several(further)}"
            pair = f"{begun.sheet.name!r} has other columns than {self._first.sheet.name!r}"
            raise HeaderError(
                f"the sheet {pair}: it {what}",
                hint="Name the columns alike, or load the sheets one by one",
                where=self._where,
            )
        return [self._names.index(name) if name in self._names else -1 for name in own]


def _texts_in(row: SheetRow, chosen: CellRange) -> list[str]:
    if row.number < chosen.first_row:
        return []
    return [text for c, text in zip(row.columns, row.texts, strict=True) if c in chosen.columns]


def _listed(sheets: Sequence[Sheet]) -> str:
    return _several([sheet.name for sheet in sheets]) or "none"


def _several(names: Sequence[str]) -> str:
    return ", ".join(repr(shortened(name)) for name in names[:LISTED_SHEETS])
