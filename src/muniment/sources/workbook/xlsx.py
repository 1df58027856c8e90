"""An `.xlsx` workbook: which sheets it has, and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from muniment.errors import SourceError
from muniment.sources.workbook.package import Package
from muniment.sources.workbook.sheet import Sheet, SheetReader, SheetRow
from muniment.sources.workbook.strings import Strings, read_strings
from muniment.sources.workbook.styles import read_styles
from muniment.sources.workbook.xml import Attributes, Handlers

DOCUMENT, SHEET, STRINGS, STYLES = "officeDocument", "worksheet", "sharedStrings", "styles"
"""The kinds of relations that lead to what is read; those of strict OOXML end alike."""


class Xlsx:
    """A workbook as Excel and most others write it.

    Args:
        package: the file; closed by `close`.
        all_numbers: see `SheetReader`.

    Attributes:
        sheets: those with cells, in their order.
        since_1904: days are counted from 1904.

    Raises:
        SourceError: it cannot be read.
    """

    def __init__(self, package: Package, *, all_numbers: bool) -> None:
        self._package = package
        self._all_numbers = all_numbers
        self._strings: Strings | None = None
        self.since_1904 = False
        self._path = self._workbook_path()
        self._related = package.related(self._path)
        self.sheets: Sequence[Sheet] = self._read_sheets()

    def rows(self, sheet: Sheet) -> Iterator[SheetRow]:
        """The rows of a sheet; see `SheetReader.rows`."""
        if self._strings is None:
            path = self._of_kind(STRINGS)
            self._strings = read_strings(self._package, path) if path else Strings()
        path = self._of_kind(STYLES)
        styles = read_styles(self._package, path) if path else []
        reader = SheetReader(self._package, self._strings, styles, all_numbers=self._all_numbers)
        return reader.rows(sheet.path)

    def close(self) -> None:
        """Give back files."""
        if self._strings is not None:
            self._strings.close()
        self._package.close()

    def _workbook_path(self) -> str:
        for kind, path in self._package.related("").values():
            if kind == DOCUMENT:
                if path.endswith(".bin"):
                    raise SourceError(
                        "this is a binary workbook (.xlsb)", hint="Save it as .xlsx", where=self._package.name
                    )
                return path
        raise self._package.damaged("it does not say where its sheets are")

    def _of_kind(self, wanted: str) -> str:
        paths = (path for kind, path in self._related.values() if kind == wanted and path in self._package)
        return next(paths, "")

    def _read_sheets(self) -> tuple[Sheet, ...]:
        found: list[Sheet] = []

        def begin(name: str, attributes: Attributes) -> None:
            if name == "sheet":
                ids = [value for key, value in attributes.items() if key.rpartition(":")[2] == "id"]
                kind, path = self._related.get(ids[0] if ids else "", ("", ""))
                if kind == SHEET:
                    visible = attributes.get("state", "visible") == "visible"
                    found.append(Sheet(attributes.get("name", ""), path, visible))
            elif name == "workbookPr":
                self.since_1904 = attributes.get("date1904") in ("1", "true")

        self._package.parse(self._path, Handlers(begin, lambda _: None, lambda _: None))
        return tuple(found)
