"""From Python values to what a bulk path takes, and the check that every database can store them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from muniment.databases.database import Rows, Value
from muniment.databases.types import moment_text, must_be_storable
from muniment.errors import RowRefused

Conversion = Callable[[Any], Any]

SLICE_ROWS = 200
"""Rows converted at a time: enough to run in C, few enough that long texts exist twice only in part."""


def is_binary(column: sa.Column[Any]) -> bool:
    """Whether the column holds bytes."""
    return isinstance(_plain_type(column), sa.LargeBinary | sa.BINARY | sa.VARBINARY)


def conversions(
    table: sa.Table, columns: Sequence[str], *, dialect: str, of_bytes: Conversion | None
) -> list[tuple[int, Conversion]]:
    """What must be done to the values of which columns (by position) before they are written in bulk."""
    found: list[tuple[int, Conversion]] = []
    for index, name in enumerate(columns):
        plain = _plain_type(table.c[name])
        if isinstance(plain, sa.Float):
            found.append((index, partial(_finite, name)))
        elif isinstance(plain, sa.DateTime):
            found.append((index, partial(_moment, dialect)))
        elif isinstance(plain, sa.Boolean) and dialect != "postgresql":
            found.append((index, int))
        elif of_bytes is not None and is_binary(table.c[name]):
            found.append((index, of_bytes))
    return found


def converted(rows: Rows, todo: Sequence[tuple[int, Conversion]]) -> Iterator[Rows]:
    """The rows, in slices of `SLICE_ROWS`, with the conversions done."""
    for start in range(0, len(rows), SLICE_ROWS):
        part = rows[start : start + SLICE_ROWS]
        yield [_converted_row(row, todo) for row in part] if todo else part


def _converted_row(row: Sequence[Value], todo: Sequence[tuple[int, Conversion]]) -> Sequence[Value]:
    cells = list(row)
    for index, convert in todo:
        if cells[index] is not None:
            cells[index] = convert(cells[index])
    return cells


def must_all_be_storable(columns: Sequence[str], rows: Rows) -> None:
    """Raise `RowRefused` where a text holds NUL or half a character, naming the column."""
    text = "".join([value for row in rows for value in row if type(value) is str])
    if "\0" not in text and _encodable(text):
        return
    for row in rows:
        for name, value in zip(columns, row, strict=True):
            if isinstance(value, str):
                try:
                    must_be_storable(value)
                except RowRefused as refusal:
                    raise RowRefused(f"{name}: {refusal.message}", hint=refusal.hint) from None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain_type(column: sa.Column[Any]) -> Any:
    kind = column.type
    return kind.impl if isinstance(kind, TypeDecorator) else kind


def _finite(name: str, value: Any) -> float:
    if not math.isfinite(value):
        raise RowRefused(f"{name}: {value} is no number that can be stored")
    return float(value)


def _moment(dialect: str, value: Any) -> Any:
    return moment_text(value, dialect) if isinstance(value, datetime) else value
