"""From a Pydantic model to a table, and from its values to what a database takes."""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from pydantic import AliasChoices, BaseModel, Json, SecretBytes, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from muniment.databases.database import Value
from muniment.databases.types import Blob, Flag, Id, Key, Real, Text
from muniment.errors import UsageError
from muniment.validation.keys import bounded_key

Row = tuple[Value, ...]

LINEAGE = ("source_run", "source_record", "source_line")
"""The columns that row lineage adds."""

WHOLE_DIGITS, DECIMAL_PLACES = 35, 30
"""Of a decimal number: as many as MySQL and MariaDB hold beside each other, in a column of 65 digits."""

KEY_SEPARATOR = "\x1f"
"""Between the parts of a key: ASCII's own unit separator, which no key has."""


class PrimaryKey:
    """Marks the fields of a model that identify a row: `sku: Annotated[str, PrimaryKey()]`."""


@dataclass(frozen=True, slots=True)
class Form:
    """How values of one type are stored: the type of their column, and what becomes of a value."""

    column: Callable[[], sa.types.TypeEngine[Any]]
    stored: Callable[[Any], Value]


def _date_column() -> sa.types.TypeEngine[Any]:
    return sa.Date().with_variant(sa.TEXT(), "sqlite")


def _decimal_column() -> sa.types.TypeEngine[Any]:
    bounded = sa.Numeric(WHOLE_DIGITS + DECIMAL_PLACES, DECIMAL_PLACES)
    return sa.Numeric().with_variant(bounded, "mysql", "mariadb").with_variant(sa.TEXT(), "sqlite")


def decimal_text(value: Any) -> str:
    """In plain digits without zeros at the end, so that equal numbers are equal text everywhere."""
    number = Decimal(value)
    text = format(number, "f") if number else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _iso(value: date | str) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _text(value: Any) -> str:
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return value
    if isinstance(value, enum.Enum):
        return _text(value.value)
    if isinstance(value, SecretStr | SecretBytes):
        return _text(value.get_secret_value())
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)
    plain = to_jsonable_python(value, fallback=str)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


STRUCTURES = (BaseModel, list, tuple, set, frozenset, dict)
"""What stands in a cell as JSON."""

TEXT = Form(Text, _text)
"""What has no other form: structured values as JSON, times as ISO text, which keeps their zone."""

_FORMS: tuple[tuple[type, Form], ...] = (
    (bool, Form(Flag, bool)),
    (int, Form(Id, int)),
    (float, Form(Real, float)),
    (Decimal, Form(_decimal_column, decimal_text)),
    (datetime, TEXT),
    (date, Form(_date_column, _iso)),
    (bytes, Form(Blob, bytes)),
)


def form_of(field: FieldInfo) -> Form:
    """How the values of a field are stored."""
    kind = plain_type(field.annotation)
    return next((form for known, form in _FORMS if issubclass(kind, known)), TEXT)


def plain_type(annotation: Any) -> type:
    """The type of a field's values: of `int | None` it is int; of what is no single type, object."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        return plain_type(members[0]) if len(members) == 1 else object
    if typing.get_origin(annotation) is typing.Annotated:
        return plain_type(typing.get_args(annotation)[0])
    if hasattr(annotation, "__supertype__"):
        return plain_type(annotation.__supertype__)
    return annotation if isinstance(annotation, type) else object


def is_structured(field: FieldInfo) -> bool:
    """Whether its cells are JSON that Pydantic wants as lists or dicts."""
    return not _parses_json(field.metadata) and _is_structured(field.annotation)


def _parses_json(marks: Sequence[Any]) -> bool:
    """Whether Pydantic itself reads the text as JSON."""
    return any(mark is Json or type(mark) is Json for mark in marks)


def _is_structured(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        members = typing.get_args(annotation)
        return str not in members and any(map(_is_structured, members))
    if origin is typing.Annotated:
        inner, *marks = typing.get_args(annotation)
        return not _parses_json(marks) and _is_structured(inner)
    kind: Any = origin or annotation
    return isinstance(kind, type) and issubclass(kind, STRUCTURES)


def allows_none(field: FieldInfo) -> bool:
    """Whether nothing can be its value."""
    arguments = typing.get_args(field.annotation)
    return type(None) in arguments or (not field.is_required() and field.default is None)


def is_key(field: FieldInfo) -> bool:
    """Whether a field is marked as (part of) the primary key."""
    return any(isinstance(mark, PrimaryKey) or mark is PrimaryKey for mark in field.metadata)


def aliases_of(field: FieldInfo) -> list[str]:
    """The names by which Pydantic takes a field that has aliases; none where it takes its own name."""
    given = field.validation_alias or field.alias
    choices = given.choices if isinstance(given, AliasChoices) else [given]
    return [name for name in choices if isinstance(name, str)]


def key_of(values: Sequence[Value]) -> str:
    """The key that these values of the key's fields make."""
    return bounded_key(KEY_SEPARATOR.join(map(str, values)))


def table_of(
    model: type[BaseModel], name: str | None = None, *, row_lineage: bool = False, surrogate: str = ""
) -> sa.Table:
    """The table that holds a model's rows; its columns are called as the fields are.

    Args:
        model: the Pydantic model of a row.
        name: the table's name; else the model's, in lower case.
        row_lineage: add the columns `source_run`, `source_record` and `source_line`.
        surrogate: the name of a column for a number that the database gives each row, its primary key; what
            identifies a row for people is then unique besides.
    """
    if not model.model_fields or (row_lineage and not model.model_fields.keys().isdisjoint(LINEAGE)):
        raise UsageError(
            f"the model {model.__name__} has no fields, or fields called as the columns of lineage are",
            hint=f"The columns of lineage are {', '.join(LINEAGE)}",
        )
    columns = [column_of(name, field) for name, field in model.model_fields.items()]
    constraints = []
    if surrogate:
        if surrogate in model.model_fields:
            raise UsageError(
                f"the surrogate key {surrogate} is called as a field of the rows is",
                hint="Leave the field out: the database numbers the rows",
            )
        keys = [column for column in columns if column.primary_key]
        columns = [_numbering(surrogate), *columns]
        constraints = [_unique(keys)] if keys else []
    if row_lineage:
        columns += [sa.Column(name, Id, nullable=False) for name in LINEAGE]
    comment = (model.__doc__ or "").strip().split("\n")[0]
    return sa.Table(
        name or model.__name__.lower(), sa.MetaData(), *columns, *constraints, comment=comment or None
    )


def _numbering(name: str) -> sa.Column[Any]:
    return sa.Column(
        name, Id, primary_key=True, autoincrement=True, comment="a number that the database gives"
    )


def _unique(keys: Sequence[sa.Column[Any]]) -> sa.UniqueConstraint:
    """A constraint on columns that were to be the primary key, and are not."""
    for column in keys:
        column.primary_key = False
    return sa.UniqueConstraint(*(column.name for column in keys))


def column_of(name: str, field: FieldInfo) -> sa.Column[Any]:
    """The column that holds the values of a field."""
    primary, form = is_key(field), form_of(field)
    typed: Any = Key() if primary and form is TEXT else form.column()
    nullable = not primary and allows_none(field)
    return sa.Column(
        name, typed, primary_key=primary, nullable=nullable, autoincrement=False, comment=field.description
    )
