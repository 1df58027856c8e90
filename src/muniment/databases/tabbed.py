r"""Rows as the tab-separated text that COPY and LOAD DATA read alike: `\N` is NULL, `\` escapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from muniment.databases.database import Rows, Value
from muniment.databases.values import must_all_be_storable

WRITTEN = ("\t", "\n", "\\N")
"""What ends a cell and a row, and what stands for NULL."""

MARKS = ("\0", "\ud800", "\ud801")
"""What stands for these while a text with something to escape is put together: no text that can be stored
contains them, so that all of it can be escaped at once."""

ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


def tab_separated(rows: Rows, columns: Sequence[str]) -> bytes:
    """The rows in UTF-8, each with its line end.

    Raises:
        RowRefused: a text holds NUL or half a character.
    """
    cells = list(zip(*rows, strict=True))
    counts = (len(rows) * (len(columns) - 1), len(rows), sum(column.count(None) for column in cells))
    text = _joined(cells, WRITTEN)
    if (text.count("\t"), text.count("\n"), text.count("\\")) != counts or "\r" in text:
        text = _joined(cells, MARKS)
        if tuple(map(text.count, MARKS)) != counts:
            must_all_be_storable(columns, rows)
        for found, written in (*ESCAPES, *zip(MARKS, WRITTEN, strict=True)):
            text = text.replace(found, written)
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        must_all_be_storable(columns, rows)  # says which column it is
        raise
    if b"\0" in encoded:
        must_all_be_storable(columns, rows)
    return encoded


def _joined(cells: Sequence[Sequence[Value]], signs: tuple[str, str, str]) -> str:
    """The cells, given by column, most of which hold nothing but text."""
    end_of_cell, end_of_row, null = signs
    texts = [
        column if set(map(type, column)) == {str} else [_text(value, null) for value in column]
        for column in cells
    ]
    rows: Iterator[Any] = zip(*texts, strict=True)
    return end_of_row.join(map(end_of_cell.join, rows)) + end_of_row


def _text(value: Value, null: str) -> str:
    if type(value) is str:
        return value
    if value is None:
        return null
    return str(int(value)) if isinstance(value, bool) else str(value)
