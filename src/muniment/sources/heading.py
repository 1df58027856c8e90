"""Reading the header of a delimited text: what comes before its records."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.config import Settings
from muniment.errors import HeaderError
from muniment.records import Header, Place
from muniment.sources.encodings import BEGINNING_BYTES
from muniment.sources.format import Format
from muniment.sources.grammar import Grammar
from muniment.sources.parsing import Parser
from muniment.sources.recovery import Scanner
from muniment.sources.windows import ByteWindow


def read_header(
    window: ByteWindow, given: Format, grammar: Grammar, parser: Parser, settings: Settings, where: str
) -> tuple[Header, Place]:
    """The header, and the place of the first record; the window begins after the byte order mark.

    Raises:
        HeaderError: there is no header, or it cannot be read.
    """
    scanner = Scanner(grammar, parser, 0, settings.max_record_bytes // parser.encoding.unit)
    window.fill(BEGINNING_BYTES)
    line = 1
    for _ in range(given.skip_lines):
        _leave(window, scanner.first_line(window, 0).next)
        line += 1
    if not given.header:
        return Header(unique(given.columns), given.columns), Place(window.offset, 1, line)
    while not window.finished:
        found = scanner.next_record(window, 0)
        content = window.content[: found.next]
        line += grammar.line_ends(content, 0, found.next)
        _leave(window, found.next)
        if found.end:
            cells = parser.cells(content[: found.end])
            _refuse_unreadable(cells, found.fault, parser.encoding.codec, where)
            return Header(unique(cells), tuple(cells)), Place(window.offset, 1, line)
    raise HeaderError(
        "there is no header, for the file is empty" if line == 1 else "there is no header",
        hint="Export the file again, with the names of the columns in its first line",
        where=where,
    )


def unique(given: Sequence[str]) -> tuple[str, ...]:
    """A unique name for each column: see `Header`."""
    names: dict[str, None] = {}
    for number, cell in enumerate(given, 1):
        plain = cell.strip() or f"column {number}"
        name, repeated = plain, 1
        while name in names:
            repeated += 1
            name = f"{plain}#{repeated}"
        names[name] = None
    return tuple(names)


def _leave(window: ByteWindow, units: int) -> None:
    window.take(units)
    window.fill(BEGINNING_BYTES)


def _refuse_unreadable(cells: Sequence[str], fault: str, codec: str, where: str) -> None:
    text = "".join(cells)
    if fault:
        raise HeaderError(
            "the quotes of the header do not match, or it is too long",
            hint="Check the first line, and the delimiter and quote that [source] declares",
            where=where,
        )
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in text):
        raise HeaderError(
            f"the header is not text in {codec}",
            hint="Check the encoding that [source] declares; `muniment guess` suggests one",
            where=where,
        )
