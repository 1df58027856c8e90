"""JSON lines as a source: one object a line, whose keys are columns.

Lines are cut as those of a delimited text in which nothing is quoted, so that chunks, positions and byte
ranges are those of the file itself.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import pyarrow as pa

from muniment.columns import ColumnarRows
from muniment.config import Settings
from muniment.errors import HeaderError, SourceIncomplete
from muniment.records import Chunk, Header, Layout, Place, Problem, Records, shortened
from muniment.sources.cutting import Cutter
from muniment.sources.delimited import DelimitedSource
from muniment.sources.format import LAST_COLUMN, Format
from muniment.sources.heading import unique
from muniment.sources.json_cells import BrokenLine, cells_as_told, cells_of, problem_of
from muniment.sources.parsing import Parser, broken, nul_among, records_of
from muniment.sources.stored import Stored

NO_DELIMITER = "\x1f"
"""A character that may stand nowhere in JSON: no line has a delimiter."""

HELD_CELLS = 4_000_000
"""Cells of a chunk. Objects may leave out keys, so that few bytes make many empty cells: 32 MiB."""

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_ESCAPED_SURROGATE = re.compile("[\ud800-\udfff]")


def lines_format(given: Format) -> Format:
    """How the lines are written, as delimited text without delimiters."""
    return Format(
        encoding=given.encoding,
        delimiter=NO_DELIMITER,
        quote="",
        columns=given.columns,
        null=given.null,
        nested=given.nested,
        list_separator=given.list_separator,
    )


class JsonParser(Parser):
    """Reads an object of each line; see `muniment.sources.parsing.Parser`."""

    is_delimited: ClassVar[bool] = False

    def is_partial(self, final: bytes, width: int) -> bool:  # noqa: ARG002 - of cells, which it has not
        """Whether the last line ends within a text, a list, an object or a character."""
        rest = _STRING.sub("", self.encoding.decode_marked(final))
        opened = rest.count("{") + rest.count("[") - rest.count("}") - rest.count("]")
        return '"' in rest or opened > 0 or self.encoding.ends_mid_character(final)

    def read(self, raw: bytes) -> dict[str, str] | Problem:
        """The cells of a line by the names of their columns, or why there are none."""
        try:
            line = self.encoding.decode(raw)
            cells = cells_of(line, self.format)
        except UnicodeDecodeError as error:
            return self._undecodable_at(raw, error.start)
        except BrokenLine as error:
            return problem_of(error)
        return (_unstorable(cells) if "\\u" in line else None) or cells

    def records(self, header: Header, chunk: Chunk, layout: Layout) -> Records:
        """The records of a chunk; what cannot be told of one stands behind the last column."""
        names, known = header.given, frozenset(header.given)
        rows: list[Sequence[str]] = []
        unreadable: dict[int, Problem] = {}
        for index, raw in enumerate(_lines(chunk, layout)):
            found = broken(layout.faults.get(index)) or self.read(raw)
            if not isinstance(found, Problem) and not found.keys() <= known:
                found = _beyond(found, known) or found
            if isinstance(found, Problem):
                unreadable[index] = found
                rows.append(self._as_told(raw, names, known))
            elif tuple(found) == names:
                rows.append(list(found.values()))
            else:
                rows.append([found.get(name, "") for name in names])
        return records_of(header, chunk, layout, rows, unreadable, _by_column(rows, unreadable, len(names)))

    def _as_told(self, raw: bytes, names: Sequence[str], known: frozenset[str]) -> list[str]:
        """The cells of a record that cannot be read, as far as they can be told; else its text."""
        line = self.encoding.decode_marked(raw)
        told = cells_as_told(line, self.format)
        beyond = [f"{name}: {text}" for name, text in told.items() if text and name not in known]
        return [*(told.get(name, "") for name in names), *(beyond if told else [line])]


class JsonLinesSource(DelimitedSource):
    """JSON lines; see `muniment.sources.source.Source`.

    The columns are the keys of all objects in the order in which they appear, unless the format names them:
    to find them, the file is read through once.

    Args:
        stored: the file; closed by `close`.
        given: its format.
        settings: with the bounds on chunks and records.

    Raises:
        HeaderError: no line has a key, or together they have too many.
        SourceError: the encoding cannot be that of the file.
    """

    parser_of: ClassVar[type[Parser]] = JsonParser

    def __init__(self, stored: Stored, given: Format, settings: Settings) -> None:
        super().__init__(stored, lines_format(given), settings)
        rows = min(settings.chunk_rows, HELD_CELLS // len(self.header))
        self._cutter = replace(self._cutter, settings=settings.model_copy(update={"chunk_rows": rows}))

    def _begun(self, given: Format, settings: Settings) -> tuple[Header, Place]:
        first = Place(self._encoding.bom, 1, 1)
        names = given.columns or self._keys(JsonParser(given, self._encoding), first, settings)
        if not names:
            raise HeaderError(
                "no line holds an object with a key, so that the columns are not known",
                hint="Export the file again, with one JSON object on each line",
                where=self.name,
            )
        return Header(unique(names), names), first

    def _keys(self, parser: JsonParser, first: Place, settings: Settings) -> tuple[str, ...]:
        """The keys of all objects; where some have a value of their own below a key, not its empty values."""
        names: dict[str, None] = {}
        filled: set[str] = set()
        for raw in self._all_lines(first, settings):
            found = parser.read(raw)
            if isinstance(found, Problem) or found.keys() <= filled:
                continue
            names.update(dict.fromkeys(found))
            filled.update(name for name, text in found.items() if text)
            if len(names) > LAST_COLUMN:
                raise HeaderError(
                    f"its objects have more than {LAST_COLUMN:,} different keys",
                    hint='Name them in `columns`, or keep what is nested in one: nested = "text"',
                    where=self.name,
                )
        in_order = sorted(names)
        return tuple(name for name in names if name in filled or not _leads_on(name, in_order))

    def _all_lines(self, first: Place, settings: Settings) -> Iterator[bytes]:
        cutter = Cutter(self._grammar, self._parser, settings, 0, self.name)
        with suppress(SourceIncomplete):  # as the load will tell once it is there
            for chunk in cutter.chunks(self._window(first.offset), first):
                if chunk.layout is not None:
                    yield from _lines(chunk, chunk.layout)


def _by_column(
    rows: Sequence[Sequence[str]], unreadable: Mapping[int, Problem], width: int
) -> ColumnarRows | None:
    """The cells of rows by column, those of unreadable ones empty; None where there are no rows."""
    nothing = [""] * width
    cells = zip(*(nothing if index in unreadable else row for index, row in enumerate(rows)), strict=True)
    columns = [pa.array(column, pa.string()) for column in cells]
    return ColumnarRows(columns) if columns else None


def _lines(chunk: Chunk, layout: Layout) -> Iterator[bytes]:
    """The bytes of each record of a chunk."""
    firsts = (layout.offsets - chunk.start.offset).tolist()
    for first, length in zip(firsts, layout.lengths.tolist(), strict=True):
        yield chunk.data[first : first + length]


def _leads_on(name: str, names: Sequence[str]) -> bool:
    """Whether one of these names, which are in order, stands below another."""
    below = f"{name}."
    place = bisect_left(names, below)
    return place < len(names) and names[place].startswith(below)


def _beyond(cells: dict[str, str], known: frozenset[str]) -> Problem | None:
    """What is wrong with cells of which some have no column: nothing, where these are empty."""
    told = next((name for name, text in cells.items() if text and name not in known), None)
    return problem_of(BrokenLine("json-column", told)) if told is not None else None


def _unstorable(cells: dict[str, str]) -> Problem | None:
    """Why the cells cannot be stored, where an escape of JSON has made of them what is no text."""
    for text in (*cells, *cells.values()):
        if found := _ESCAPED_SURROGATE.search(text):
            message = f"half a character (U+{ord(found.group()):04X}) stands in the record"
            hint = "Correct the text in the collection system, or export it anew"
            value = shortened(text).encode("utf-8", "backslashreplace").decode()
            return Problem("surrogate", message, hint, value=value)
    return nul_among((*cells, *cells.values()))
