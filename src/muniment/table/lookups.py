"""Lookups: fields whose value is not in the source but in another table, found there by a key.

`Lookup` is what a model says of such a field. Judging knows no database: it judges the cells of the key, in
the place of the field (`judged_model`). Writing finds the values (`muniment.table.resolving`).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

from muniment.errors import UsageError
from muniment.records import shortened
from muniment.table.model import KEY_SEPARATOR, aliases_of, allows_none

Missing = Literal["reject", "null", "insert", "wait"]
"""What becomes of a record whose key the other table does not have: it is rejected; stored without a value,
with a note; stored, after a row with this key was added to the other table; or it waits in the quarantine
until a later run finds the key there."""


@dataclass(frozen=True)
class Lookup:
    """Says of a field that its value is found in another table.

        dimension_id: Annotated[int, Lookup("dimension", by="business_key", from_="sku", missing="wait")]

    Args:
        table: the other table.
        by: its column or columns with the key; the database must enforce that they are unique.
        from_: the columns of the source with the key; else they are called as those of the table.
        value: the column that is wanted; else the primary key.
        missing: see `Missing`.
        row: with `insert`, a model of what else of the record goes into an added row, such as the header of
            an invoice of which each record is a line. Records with the same key must agree in it.
    """

    table: str
    by: str | Sequence[str]
    from_: str | Sequence[str] = ()
    value: str = ""
    missing: Missing = "reject"
    row: type[BaseModel] | None = None

    def __post_init__(self) -> None:
        """Names become tuples; raises `UsageError` for what cannot be meant so."""
        by = _names(self.by)
        from_ = _names(self.from_) or by
        object.__setattr__(self, "by", by)
        object.__setattr__(self, "from_", from_)
        if not by or len(by) != len(from_):
            told = f"{', '.join(by) or 'no column'} by {', '.join(from_)}"
            hint = "Give as many columns of the source as the key has"
            raise UsageError(f"the lookup in {self.table} is of {told}", hint=hint)
        if self.row is not None and self.missing != "insert":
            hint = 'Give missing="insert" with it'
            raise UsageError(f"the lookup in {self.table} has rows to add, and adds none", hint=hint)

    def as_data(self) -> dict[str, Any]:
        """What it says, as plain data."""
        told: dict[str, Any] = {"table": self.table, "by": self.by, "from": self.from_, "value": self.value}
        told["missing"] = self.missing
        if self.row is not None:
            told["row"] = {name: repr(field) for name, field in self.row.model_fields.items()}
        return told


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True)
class LookedUp:
    """A field that is looked up, and the fields of the judged model that stand for it.

    Attributes:
        field: its name.
        lookup: what its model says of it.
        keys: the judged fields with the parts of the key; the first is called as the field itself.
        row: by column of the other table, the judged field that fills it in added rows, besides the key.
    """

    field: str
    lookup: Lookup
    keys: tuple[str, ...]
    row: dict[str, str]

    @property
    def extra(self) -> tuple[str, ...]:
        """The judged fields that the model itself does not have."""
        return (*self.keys[1:], *self.row.values())


def lookup_of(field: FieldInfo) -> Lookup | None:
    """What is said of a field that is looked up; None of any other."""
    return next((mark for mark in field.metadata if isinstance(mark, Lookup)), None)


def quoted_key(key: str) -> str:
    """A key as a message tells it: each part in quotes, which show blanks at its ends."""
    return " / ".join(map(repr, shortened(key).split(KEY_SEPARATOR)))


def looked_up(model: type[BaseModel]) -> list[LookedUp]:
    """The fields of a model that are looked up."""
    found = ((name, lookup_of(field)) for name, field in model.model_fields.items())
    return [_fields_of(name, lookup) for name, lookup in found if lookup]


def _fields_of(name: str, lookup: Lookup) -> LookedUp:
    keys = (name, *(f"{name}__{part}" for part in lookup.by[1:]))
    others = lookup.row.model_fields.keys() - set(lookup.by) if lookup.row else set()
    row = {column: f"{name}__{column}" for column in (lookup.row.model_fields if lookup.row else ())}
    return LookedUp(name, lookup, keys, {column: row[column] for column in row if column in others})


def judged_model(model: type[BaseModel]) -> type[BaseModel]:
    """The model by which records are judged: keys stand in the place of what is looked up by them."""
    fields: dict[str, Any] = {}
    for one in looked_up(model):
        nullable = allows_none(model.model_fields[one.field])
        rows = one.lookup.row.model_fields if one.lookup.row else {}
        for name, part, column in zip(one.keys, one.lookup.by, one.lookup.from_, strict=True):
            kind: Any = rows[part].rebuild_annotation() if part in rows else str
            default: Any = None if nullable else ...
            fields[name] = (kind | None if nullable else kind, Field(default, alias=column))
        for column, name in one.row.items():
            field = copy(rows[column])
            if not aliases_of(field):
                field.alias = field.validation_alias = column
            fields[name] = (rows[column].rebuild_annotation(), field)
    return create_model(model.__name__, __base__=model, __doc__=model.__doc__, **fields) if fields else model
