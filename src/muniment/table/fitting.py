"""Whether a table that is there already can hold a model's rows as they are: told before the first row.

A value that a database would cut, round or read as something else without a word is a mismatch. What it
would refuse, such as a number too large for a column of 16 bits, is told of the record that has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import sqlalchemy as sa
from pydantic.fields import FieldInfo

from muniment.databases.constraints import unique_sets
from muniment.databases.types import Portable
from muniment.errors import UsageError
from muniment.table.model import DECIMAL_PLACES

_FAMILIES: tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...] = (
    (sa.Boolean, "true or false"),
    (sa.Integer, "whole numbers"),
    (sa.Float, "floating numbers"),
    (sa.Numeric, "exact numbers"),
    (sa.DateTime, "dates with a time"),
    (sa.Date, "dates"),
    (sa.Time, "times"),
    (sa.String, "text"),
    (sa.LargeBinary, "bytes"),
    (sa.BINARY, "bytes"),
    (sa.VARBINARY, "bytes"),
)
"""By type of SQLAlchemy, the first that fits, what a column holds."""

_TAKEN_ALSO: Mapping[str, tuple[str, ...]] = {
    "true or false": ("whole numbers",),
    "whole numbers": ("exact numbers",),
}
"""What may hold other values without harm, beside what holds just these."""


def must_fit(
    inspector: sa.Inspector,
    table: sa.Table,
    fields: Mapping[str, FieldInfo],
    key: Sequence[str],
    filled: Sequence[str] = (),
) -> None:
    """Raise `UsageError`, with every mismatch, where the table that is there cannot hold the rows.

    Args:
        inspector: of the database.
        table: as it would be created.
        fields: those of the model, by column.
        key: the columns that identify a row.
        filled: columns that the database fills by itself.
    """
    faults = list(_mismatches(inspector, table, fields, key, filled))
    if faults:
        told = "; ".join(faults)
        raise UsageError(
            f"the table {table.name} does not fit what is to be loaded: {told}",
            hint="Change the model or mapping, change the table, or give another table",
        )


def _mismatches(
    inspector: sa.Inspector,
    table: sa.Table,
    fields: Mapping[str, FieldInfo],
    key: Sequence[str],
    filled: Sequence[str],
) -> Iterator[str]:
    present: dict[str, Any] = {column["name"]: column for column in inspector.get_columns(table.name)}
    missing = [column.name for column in table.columns if column.name not in present]
    if missing:
        yield f"it has no columns {', '.join(missing)}"
    for column in table.columns:
        if column.name in present and column.name not in filled:
            field = fields.get(column.name)
            yield from _unfit(inspector.dialect, column, field, present[column.name])
    for name in left_empty(inspector, table.name, set(table.columns.keys())):
        yield f"{name} needs a value, and nothing fills it"
    unique = list(unique_sets(inspector, table.name))
    if key and not any(columns and columns <= {*key} for columns in unique):
        yield f"it has no unique key {', '.join(key)}, as the rows have"


def left_empty(inspector: sa.Inspector, table: str, filled: set[str]) -> list[str]:
    """The columns that need a value, have none of their own, and are not among those that are filled."""
    columns = inspector.get_columns(table)
    return [
        found["name"]
        for found in columns
        if found["name"] not in filled and not _fills_itself(found, inspector, table)
    ]


def _unfit(
    dialect: sa.Dialect, column: sa.Column[Any], field: FieldInfo | None, found: Mapping[str, Any]
) -> Iterator[str]:
    """What speaks against a column, found in the database, for the values of another."""
    wanted, there = family(column.type.dialect_impl(dialect)), family(found["type"])
    if there != wanted and there not in _TAKEN_ALSO.get(wanted, ()):
        yield f"{column.name} holds {there or found['type']}, and would have to hold {wanted}"
        return
    if column.nullable and not found["nullable"]:
        yield f"{column.name} may not be NULL, and a record may have nothing for it"
    length, scale = getattr(found["type"], "length", None), getattr(found["type"], "scale", None)
    longest = _bound(field, "max_length")
    if wanted == "text" and length is not None and longest is not None and longest > length:
        yield f"{column.name} holds {length} characters, and a record may have {longest}"
    places = _bound(field, "decimal_places")
    if wanted == "exact numbers" and scale is not None and field is not None:
        if places is None and scale < DECIMAL_PLACES:
            yield f"{column.name} is rounded to {scale} decimal places, and no bound (decimal_places) says so"
        elif places is not None and places > scale:
            yield f"{column.name} is rounded to {scale} decimal places, and a record may have {places}"


def family(kind: sa.types.TypeEngine[Any]) -> str:
    """What a column of this type holds, in words; "" for what is not known here."""
    plain = kind.impl if isinstance(kind, Portable) else kind
    return next((name for known, name in _FAMILIES if isinstance(plain, known)), "")


def _bound(field: FieldInfo | None, name: str) -> int | None:
    """A bound that a field gives its values."""
    marks = () if field is None else (*field.metadata, *_marks(field.annotation))
    found = (getattr(mark, name, None) for mark in marks)
    return next((bound for bound in found if bound is not None), None)


def _marks(annotation: Any) -> Iterator[Any]:
    """What an annotation says of its values, or of those that are not None."""
    for mark in getattr(annotation, "__metadata__", ()):
        yield from mark.metadata if isinstance(mark, FieldInfo) else (mark,)
    for part in get_args(annotation):
        yield from _marks(part)


def _fills_itself(found: Mapping[str, Any], inspector: sa.Inspector, table: str) -> bool:
    """Whether a row may leave a column out."""
    if (
        found["nullable"]
        or found.get("default") is not None
        or found.get("computed")
        or found.get("identity")
    ):
        return True
    primary = inspector.get_pk_constraint(table)["constrained_columns"]
    numbers_itself = inspector.dialect.name == "sqlite" and str(found["type"]).upper() == "INTEGER"
    return found.get("autoincrement") is True or (numbers_itself and primary == [found["name"]])
