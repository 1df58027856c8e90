"""Random delimited text in random dialects, with the cells that it must come back as."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from hypothesis import strategies as st

from muniment.config import Settings
from muniment.sources import Format
from tests.unit.sources.reading import settings

ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-be",
    "utf-32",
    "cp1252",
    "mac_roman",
    "shift_jis",
    "gb18030",
    "cp037",
    "koi8-r",
)

ALPHABET = "ab \t,;|\"'\\\r\n^~þé" + "漢字ソ表テдя😀–\x85\u2028\x0b\x1c"
"""Characters that parsers stumble over: delimiters, line ends of other kinds, bytes that look like ASCII."""


@dataclass(frozen=True)
class Written:
    """A text as bytes, how it is written, and its cells, header first."""

    data: bytes
    format: Format
    rows: list[list[str]]


def bounds() -> st.SearchStrategy[Settings]:
    """Tiny chunks of every size."""
    return st.builds(
        lambda size, rows: settings(chunk_bytes=size, chunk_rows=rows),
        st.integers(8, 200) | st.just(4 * 1024 * 1024),
        st.integers(1, 5) | st.just(5_000),
    )


@st.composite
def written(draw: st.DrawFn) -> Written:
    """Random cells, written by the standard library's `csv` in a random dialect and encoding."""
    encoding = draw(st.sampled_from(ENCODINGS))
    known = [c for c in ALPHABET if _encodes(c, encoding)]
    delimiter = draw(st.sampled_from([c for c in ",;|\t^þé\x14" if _encodes(c, encoding)]))
    quote = draw(st.sampled_from([c for c in "\"'~þ" if _encodes(c, encoding) and c != delimiter]))
    escape = draw(st.sampled_from(["", "", "\\", quote]))
    width = draw(st.integers(1, 4))
    cell = st.text(st.sampled_from(known), max_size=6)
    header = [f"c{number}" for number in range(width)]
    doubled, ended = draw(st.tuples(st.booleans(), st.booleans()))
    body = draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=8))
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=delimiter,
        quotechar=quote,
        escapechar=escape if escape not in ("", quote) else None,
        doublequote=escape in ("", quote) or doubled,
        lineterminator="\r\n",
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    data = b""
    for row in [header, *body]:
        text.seek(0)
        text.truncate()
        writer.writerow(row)
        data += _encoded(text.getvalue()[:-2] + line_end, encoding, first=not data)
    if body and not ended:
        data = data[: -len(_encoded(line_end, encoding))]
    given = Format(encoding=encoding, delimiter=delimiter, quote=quote, escape=escape)
    return Written(data, given, [header, *body])


def _encodes(character: str, encoding: str) -> bool:
    try:
        return character.encode(encoding).decode(encoding) == character
    except UnicodeError:
        return False


def _encoded(text: str, encoding: str, *, first: bool = False) -> bytes:
    """As a file would have it: a byte order mark only at its beginning."""
    without_mark = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
    return text.encode(encoding if first else without_mark.get(encoding, encoding))
