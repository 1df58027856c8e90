"""From a Pydantic model to a table, and from its values to what a database takes."""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from muniment.databases.database import Value
from muniment.databases.types import Flag, Id, Key, Real, Text

Row = tuple[Value, ...]

LINEAGE = ("source_run", "source_record", "source_line")
"""The columns that row lineage adds."""


class PrimaryKey:
    """Marks the fields of a model that identify a row: `sku: Annotated[str, PrimaryKey()]`."""


def _date_type() -> sa.types.TypeEngine[Any]:
    return sa.Date().with_variant(sa.TEXT(), "sqlite")


def _moment_type() -> sa.types.TypeEngine[Any]:
    # As text: a model's times may or may not have zones, and what comes in shall come out.
    return Text()


def _decimal_type() -> sa.types.TypeEngine[Any]:
    return sa.Numeric().with_variant(sa.Numeric(65, 30), "mysql", "mariadb").with_variant(sa.TEXT(), "sqlite")


_TYPES: Mapping[type, Callable[[], sa.types.TypeEngine[Any]]] = {
    bool: Flag,
    int: Id,
    float: Real,
    Decimal: _decimal_type,
    datetime: _moment_type,
    date: _date_type,
    bytes: Text,
}


def plain_type(annotation: Any) -> type:
    """The type of a field's values: of `int | None` it is int; of what is no single type, object."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        return plain_type(members[0]) if len(members) == 1 else object
    if typing.get_origin(annotation) is typing.Annotated:
        return plain_type(typing.get_args(annotation)[0])
    return annotation if isinstance(annotation, type) else object


def is_key(field: FieldInfo) -> bool:
    """Whether a field is marked as (part of) the primary key."""
    return any(isinstance(mark, PrimaryKey) or mark is PrimaryKey for mark in field.metadata)


def _allows_none(field: FieldInfo) -> bool:
    arguments = typing.get_args(field.annotation)
    return type(None) in arguments or (not field.is_required() and field.default is None)


def table_of(model: type[BaseModel], name: str | None = None, *, row_lineage: bool = False) -> sa.Table:
    """The table that holds a model's rows; its columns are called as the fields are.

    Args:
        model: the Pydantic model of a row.
        name: the table's name; else the model's, in lower case.
        row_lineage: add the columns `source_run`, `source_record` and `source_line`.
    """
    columns = [_column(name, field) for name, field in model.model_fields.items()]
    if row_lineage:
        columns += [
            sa.Column(name, Id, nullable=False) for name in ("source_run", "source_record", "source_line")
        ]
    comment = (model.__doc__ or "").strip().split("\n")[0]
    return sa.Table(name or model.__name__.lower(), sa.MetaData(), *columns, comment=comment or None)


def _column(name: str, field: FieldInfo) -> sa.Column[Any]:
    kind = plain_type(field.annotation)
    found = next((make for known, make in _TYPES.items() if issubclass(kind, known)), Text)
    primary = is_key(field)
    typed: Any = Key() if primary and found is Text else found()
    nullable = not primary and _allows_none(field)
    return sa.Column(
        name, typed, primary_key=primary, nullable=nullable, autoincrement=False, comment=field.description
    )


def storable(value: Any) -> Value:
    """A field's value as a database takes it."""
    if value is None or type(value) in (str, int, float, bool):
        return typing.cast("Value", value)
    if isinstance(value, enum.Enum):
        return storable(value.value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple | set | dict | BaseModel):
        dumped = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        return json.dumps(
            sorted(dumped) if isinstance(value, set) else dumped, ensure_ascii=False, default=str
        )
    return str(value)
