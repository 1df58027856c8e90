"""The columns of exported tables: what their values are, and how each kind is written as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator, TypeEngine

Kind = Literal["text", "integer", "real", "flag", "bytes", "moment", "date", "number"]
"""What the values of a column are; a `number` is exact, a `moment` has its time zone."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an exported table."""

    name: str
    kind: Kind = "text"


Columns = tuple[Column, ...]

_KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (sa.Boolean, "flag"),
    (sa.Integer, "integer"),
    (sa.Float, "real"),
    (sa.Numeric, "number"),
    (sa.LargeBinary, "bytes"),
    (sa.BINARY, "bytes"),
    (sa.VARBINARY, "bytes"),
    (sa.DateTime, "moment"),
    (sa.Date, "date"),
)


def columns_of(table: sa.Table) -> Columns:
    """The columns of a database's table."""
    return tuple(Column(column.name, _kind(column.type)) for column in table.columns)


def _kind(given: TypeEngine[Any]) -> Kind:
    plain = given.impl_instance if isinstance(given, TypeDecorator) else given
    return next((kind for known, kind in _KINDS if isinstance(plain, known)), "text")


def converters(columns: Sequence[Column]) -> list[tuple[int, Callable[[Any], Any]]]:
    """What brings the values of which columns (by position) into one form, whatever the driver gives."""
    known: dict[Kind, Callable[[Any], Any]] = {
        "text": _text,
        "real": float,
        "flag": bool,
        "bytes": bytes,
        "moment": _moment,
        "date": _date,
        "number": lambda value: value if isinstance(value, Decimal) else Decimal(str(value)),
    }
    return [(index, known[column.kind]) for index, column in enumerate(columns) if column.kind in known]


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def as_text(value: Any) -> str:
    """A value as a cell of text; nothing is "" and bytes are hexadecimal."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return repr(value) if isinstance(value, float) else str(value)


def as_plain(value: Any) -> Any:
    """A value as JSON has it: what JSON has no word for is text, exact numbers included."""
    return value if isinstance(value, str | int | float | None) else as_text(value)
