"""The rows of one sheet of an `.xlsx` workbook, as they stream by (ECMA-376 part 1, 18.3.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from muniment.errors import SourceTooLarge
from muniment.positions import column_number
from muniment.sources.workbook.formats import GENERAL, NumberFormat
from muniment.sources.workbook.package import Package
from muniment.sources.workbook.shown import plain_number
from muniment.sources.workbook.strings import TEXT_CHARACTERS, Strings, too_long, unescaped
from muniment.sources.workbook.xml import Attributes, Handlers, parse

MAX_COLUMNS = 16_384
"""Columns of a sheet, in Excel as in LibreOffice."""

ROW_DIGITS = 9
"""Digits of the number of a row, of which Excel has 1,048,576."""

LONG_CHARACTERS = 64 * 1024
"""From so many characters on a text is counted: twice what Excel lets a cell hold."""

MAX_LONG_CHARACTERS = 16 * 1024 * 1024
"""Characters that long texts near each other may have together: a hostile sheet could name one of a MiB some
hundred times in a few bytes."""

FORMULA = "formula"
"""The code of a cell whose text a formula made, when the workbook was last computed."""

NOT_COMPUTED = "formula-not-computed"
"""The code of a cell with a formula that no program has computed: it holds nothing."""

ERROR = "error-cell"
"""The code of a cell that holds an error, such as `#REF!`."""

DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, its place in the file, and whether it is shown."""

    name: str
    path: str
    visible: bool


class SheetRow(NamedTuple):
    """A row of a sheet, its cells as parallel lists.

    Attributes:
        number: the first row of a sheet is 1.
        hidden: it is not shown.
        columns: of each cell that holds something: counted from 0, rising, with gaps.
        texts: what each holds.
        numbers: of cells with a number whose format matters: index, number, format.
        odd: of cells of which there is something to say: index, and the code of what.
    """

    number: int
    hidden: bool
    columns: list[int]
    texts: list[str]
    numbers: Sequence[tuple[int, str, NumberFormat]] = ()
    odd: Sequence[tuple[int, str]] = ()


class SheetReader:
    """Reads the rows of sheets of one workbook.

    Args:
        package: the workbook.
        strings: those that its cells share.
        styles: by the number of a style, its number format.
        all_numbers: the format of every number matters, since columns have types of their own.
    """

    def __init__(
        self, package: Package, strings: Strings, styles: Sequence[NumberFormat], *, all_numbers: bool
    ) -> None:
        self._package = package
        self._strings = strings
        self._formats = {
            str(number): told for number, told in enumerate(styles) if all_numbers or _matters(told)
        }
        self._default = GENERAL if all_numbers else None

    def rows(self, path: str) -> Iterator[SheetRow]:
        """The rows of a sheet that have cells.

        Raises:
            SourceError: the sheet cannot be read.
            SourceTooLarge: a cell or row is longer than any spreadsheet program makes it.
        """
        where = self._package.where(path)
        events = _Events(self._package, self._strings, self._formats, self._default, where)
        for _ in parse(self._package.pieces(path), events.handlers, where):
            if events.rows:
                yield from events.rows
                events.rows.clear()
            events.must_be_bounded()


class _Events:
    """What becomes of the elements of a sheet; called for each, so that every word in it takes time."""

    def __init__(
        self,
        package: Package,
        strings: Strings,
        formats: Mapping[str, NumberFormat],
        default: NumberFormat | None,
        where: str,
    ) -> None:
        self.rows: list[SheetRow] = []
        self._damaged = package.damaged
        self._strings = strings
        self._formats = formats
        self._default = default
        self._where = where
        self._known_columns: dict[str, int] = {}
        self._pieces: list[str] = []
        self._inline: list[str] = []
        self._new_row()
        self._number, self._column, self._in_long = 0, -1, 0
        self._new_cell(None, None)
        self._reading = self._hidden = False

    def handlers(self, prefix: str) -> Handlers:
        """The handlers of a sheet whose elements have this prefix."""
        names = ("c", "v", "row", "f", "t", "is", "rPh")
        self._c, self._v, self._row, self._f, self._t, self._is, self._rph = (prefix + n for n in names)
        return Handlers(self.begin, self.end, self._pieces.append)

    def must_be_bounded(self) -> None:
        """Raise `SourceTooLarge` where more is held than a row can be."""
        if sum(map(len, self._pieces)) + sum(map(len, self._inline)) > TEXT_CHARACTERS:
            if any(map(str.strip, (*self._inline, *self._pieces))):
                raise too_long(self._where)
            self._pieces.clear()  # white space between elements, which says nothing
            self._inline.clear()
        if len(self._texts) > MAX_COLUMNS:
            raise self._too_large(f"row {self._number} has more than {MAX_COLUMNS:,} cells")
        self._in_long = 0

    def _too_large(self, what: str) -> SourceTooLarge:
        hint = "No spreadsheet program writes such a one: the file was made to do harm"
        return SourceTooLarge(what, hint=hint, where=self._where)

    def begin(self, name: str, attributes: Attributes) -> None:
        """An element begins."""
        self._pieces.clear()
        if name == self._c:
            self._new_cell(attributes.get("t"), attributes.get("s"))
            reference = attributes.get("r")
            if reference is None:
                self._column += 1
            else:
                column = self._known_columns.get(reference.rstrip(DIGITS))
                self._column = self._column_of(reference) if column is None else column
        elif name == self._row:
            given = attributes.get("r", "")
            known = given.isdecimal() and len(given) <= ROW_DIGITS
            self._number = int(given) if known else self._number + 1
            self._hidden = attributes.get("hidden") in ("1", "true")
            self._column = -1
        elif name == self._f:
            self._formula = True
        elif name == self._is:
            self._inline.clear()
        elif name == self._rph:
            self._reading = True

    def end(self, name: str) -> None:
        """An element ends."""
        if name == self._v:
            self._value = "".join(self._pieces)
        elif name == self._c:
            self._add_cell()
        elif name == self._row:
            if self._columns:
                row = (self._number, self._hidden, self._columns, self._texts, self._numbers, self._odd)
                self.rows.append(SheetRow(*row))
                self._new_row()
        elif name == self._t:
            if not self._reading:
                self._inline += self._pieces
        elif name == self._rph:
            self._reading = False
        self._pieces.clear()

    def _new_row(self) -> None:
        self._columns: list[int] = []
        self._texts: list[str] = []
        self._numbers: list[tuple[int, str, NumberFormat]] = []
        self._odd: list[tuple[int, str]] = []

    def _new_cell(self, kind: str | None, style: str | None) -> None:
        self._kind, self._style, self._value, self._formula = kind, style, "", False

    def _column_of(self, reference: str) -> int:
        name = reference.rstrip(DIGITS)
        column = column_number(name)
        if not (name.isalpha() and name.isascii() and name.isupper() and column < MAX_COLUMNS):
            raise self._damaged(f"a cell in row {self._number} is called {reference[:20]!r}")
        self._known_columns[name] = column
        return column

    def _add_cell(self) -> None:
        """Add the cell that ends here to its row, if it holds anything."""
        kind, value = self._kind, self._value
        if kind == "s":
            text = self._shared(value)
        elif kind is None or kind == "n":
            text = plain_number(value) if value else ""
            shown = self._formats.get(self._style or "0", self._default)
            if shown is not None and value:
                self._numbers.append((len(self._texts), value, shown))
        else:
            text = self._other(kind, value)
        if self._formula:
            computed = value or kind == "str"
            self._odd.append((len(self._texts), FORMULA if computed else NOT_COMPUTED))
        if text or self._formula:
            self._columns.append(self._column)
            self._texts.append(text)
            if len(text) > LONG_CHARACTERS:
                self._in_long += len(text)
                if self._in_long > MAX_LONG_CHARACTERS:
                    raise self._too_large(f"the cells of row {self._number} and near it are too long")

    def _shared(self, value: str) -> str:
        try:
            return self._strings[int(value)] if value else ""
        except (IndexError, ValueError):
            raise self._damaged(f"a cell in row {self._number} names a text that is not there") from None

    def _other(self, kind: str, value: str) -> str:
        if kind == "b":
            return {"1": "TRUE", "true": "TRUE", "": ""}.get(value, "FALSE")
        if kind == "e":
            self._odd.append((len(self._texts), ERROR))
            return value or "#ERROR!"
        if kind == "inlineStr" and self._inline:
            value = "".join(self._inline)
            self._inline.clear()
        return unescaped(value)


def _matters(shown: NumberFormat) -> bool:
    """Whether a number is told otherwise under this format than under none."""
    return shown.kind == "moment" or (not shown.percent and (shown.decimals > 0 or shown.digits > 1))
