"""Recognising what a spreadsheet program made of a worksheet: its encoding and its delimiter."""

from __future__ import annotations

import codecs
import csv
import os
from pathlib import Path

from muniment.correction.worksheet import ID
from muniment.errors import SourceError, UsageError
from muniment.sources.format import Format

DELIMITERS = (",", ";", "\t", "|")
"""What spreadsheet programs write between cells, depending on the country and on the kind of file."""

BEGINNING_BYTES = 1024 * 1024
"""Bytes in which the header must stand."""

CHECKED_BYTES = 1024 * 1024
"""Bytes that are checked for being UTF-8 at a time."""

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORKBOOK_MARK, _OLD_WORKBOOK_MARK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


def worksheet_format(path: str | os.PathLike[str]) -> Format:
    """How a worksheet is written, as its first bytes tell; of a workbook there is nothing to tell.

    Raises:
        SourceError: it cannot be read, or is a workbook of the kind from before 2007.
        UsageError: it is no worksheet: the column `muniment_id` is missing.
    """
    try:
        with Path(path).open("rb") as file:
            beginning = file.read(BEGINNING_BYTES)
    except OSError as error:
        raise SourceError(
            f"the file cannot be read: {error.strerror or error}",
            where=str(path),
            hint="Check its name and its rights",
        ) from error
    if beginning.startswith(_OLD_WORKBOOK_MARK):
        hint = "Open it in the spreadsheet program and save it as .xlsx, or as CSV (best as `CSV UTF-8`)"
        raise SourceError("this is a workbook of a kind that is not read", where=str(path), hint=hint)
    if beginning.startswith(_WORKBOOK_MARK):
        return Format()
    encoding = next((name for mark, name in _MARKS if beginning.startswith(mark)), "")
    lines = beginning.decode(encoding or "utf-8", "replace").removeprefix("\ufeff").lstrip("\r\n")
    # Excel writes and reads a first line that names the delimiter.
    skipped = int(lines[:4].lower() == "sep=")
    delimiter = _delimiter(lines.split("\n", 1)[-1] if skipped else lines)
    if not delimiter:
        raise UsageError(
            f"this is no worksheet of corrections: it has no column {ID}",
            where=str(path),
            hint="`muniment quarantine export` writes one; keep that column as it is",
        )
    encoding = encoding or ("utf-8" if _is_utf8(Path(path)) else "cp1252")
    return Format(encoding=encoding, delimiter=delimiter, skip_lines=skipped)


def _delimiter(text: str) -> str:
    """What stands between the names of a header with entry numbers; "" where this is none."""
    for delimiter in DELIMITERS:
        names = next(csv.reader(text.splitlines(keepends=True), delimiter=delimiter), [])
        if ID in (name.strip() for name in names):
            return delimiter
    return ""


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while data := file.read(CHECKED_BYTES):
                decoder.decode(data)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
