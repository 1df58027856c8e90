r"""Rows as the tab-separated text that COPY and LOAD DATA read alike: `\N` is NULL, `\` escapes."""

from __future__ import annotations

from collections.abc import Sequence

from muniment.databases.database import Rows, Value
from muniment.databases.values import must_all_be_storable

CELL, ROW, NULL = "\0", "\ud800", "\ud801"
"""Marks that stand for the end of a cell, of a row, and for NULL while the text is put together: no text
that can be stored contains them, so that a whole text is escaped at once."""

_WRITTEN = (
    ("\\", "\\\\"),
    ("\t", "\\t"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    (CELL, "\t"),
    (ROW, "\n"),
    (NULL, "\\N"),
)


def tab_separated(rows: Rows, columns: Sequence[str]) -> bytes:
    """The rows in UTF-8, each with its line end.

    Raises:
        RowRefused: a text holds NUL or half a character.
    """
    text = "".join(
        [CELL.join([cell if type(cell) is str else _plain(cell) for cell in row]) + ROW for row in rows]
    )
    marks = (text.count(CELL), text.count(ROW), text.count(NULL))
    if marks != (len(rows) * (len(columns) - 1), len(rows), sum(row.count(None) for row in rows)):
        must_all_be_storable(columns, rows)
    for mark, written in _WRITTEN:
        text = text.replace(mark, written)
    try:
        return text.encode()
    except UnicodeEncodeError:
        must_all_be_storable(columns, rows)  # says which column it is
        raise


def _plain(value: Value) -> str:
    if value is None:
        return NULL
    return str(int(value)) if isinstance(value, bool) else str(value)
