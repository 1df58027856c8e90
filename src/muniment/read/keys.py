"""Keys: whether columns identify a row, as the database says it, and how their values are written down."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from muniment.databases.constraints import unique_sets
from muniment.errors import UsageError

TOKEN_CHARACTERS = 16_384
"""The longest token that is looked at: no index takes keys of which one would be longer."""

_WRITTEN: dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "decimal": (Decimal, str, Decimal),
    "uuid": (UUID, str, UUID),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}
"""Values that JSON does not have: by name, their type, and how they become text and come back."""


def must_identify(connection: sa.Connection, columns: Sequence[sa.Column[Any]], *, not_null: bool) -> None:
    """Raise `UsageError` unless the database enforces that these columns of one table identify its rows.

    Args:
        connection: on which the table's constraints are looked up.
        columns: the key.
        not_null: whether none of them may be NULL either.
    """
    table: sa.FromClause = columns[0].table
    if not isinstance(table, sa.Table) or len({column.table for column in columns}) > 1:
        raise UsageError("a key consists of columns of one table", hint="Name columns of the same table")
    inspector = sa.inspect(connection)
    if not inspector.has_table(table.name, table.schema):
        raise UsageError(f"there is no table {table.name}", hint="Create it, or correct its name")
    names = {column.name for column in columns}
    if not any(unique and unique <= names for unique in unique_sets(inspector, table.name, table.schema)):
        raise UsageError(
            f"{', '.join(sorted(names))} do not identify a row of {table.name}: no constraint says so",
            hint="Use its primary key, or add a column that makes the key unique",
        )
    if not_null and (nullable := names & _nullable(inspector, table)):
        raise UsageError(
            f"{', '.join(sorted(nullable))} of {table.name} may be NULL, and such rows would be left out",
            hint="Use columns that are NOT NULL, such as the primary key",
        )


def _nullable(inspector: sa.Inspector, table: sa.Table) -> set[str]:
    nullable = {c["name"] for c in inspector.get_columns(table.name, table.schema) if c["nullable"]}
    primary = inspector.get_pk_constraint(table.name, table.schema)["constrained_columns"]
    if inspector.dialect.name != "sqlite":
        return nullable - set(primary)
    # SQLite lets primary keys be NULL, except the one column that is another name of its row number.
    kinds = {c["name"]: c["type"] for c in inspector.get_columns(table.name, table.schema)}
    alone = len(primary) == 1 and str(kinds[primary[0]]).upper() == "INTEGER"
    return nullable - set(primary) if alone else nullable


def must_be_exact(columns: Sequence[sa.Column[Any]]) -> None:
    """Raise `UsageError` where a key has floating numbers: what is read of them is not what is compared."""
    inexact = [
        column.name
        for column in columns
        if isinstance(column.type, sa.Float) or column.type.__class__.__name__ == "Real"
    ]
    if inexact:
        raise UsageError(
            f"{', '.join(inexact)} holds floating numbers, which do not compare exactly",
            hint="Use a key of integers, text, dates or decimal numbers",
        )


def token_of(names: Sequence[str], values: Sequence[Any]) -> str:
    """A key's values as text that can stand in a URL; not secret, and not proof against forgery."""
    written = json.dumps([list(names), [_written(value) for value in values]], separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _written(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    for name, (kind, write, _) in _WRITTEN.items():
        if isinstance(value, kind):
            return {name: write(value)}
    raise UsageError(
        f"a key cannot have values of the type {type(value).__name__}",
        hint="Use a key of integers, text, dates or decimal numbers",
    )


def values_of(token: str, names: Sequence[str]) -> list[Any]:
    """The values that a token holds; raises `UsageError` where it is none, or is of another key."""
    try:
        if len(token) > TOKEN_CHARACTERS:
            raise ValueError
        padded = token + "=" * (-len(token) % 4)
        told, values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        read = [_read(value) for value in values]
    except (ValueError, TypeError, KeyError, InvalidOperation, RecursionError, binascii.Error):
        hint = "Give the `last` or `first` of a page as it is, or leave it out to begin at the beginning"
        raise UsageError("this is no token of a page", hint=hint) from None
    if told != list(names) or len(read) != len(names):
        hint = f"Pages are now asked for by {', '.join(names)}: begin anew, or use the same key again"
        raise UsageError("this token is of pages by another key", hint=hint)
    return read


def _read(value: Any) -> Any:
    if value is None or isinstance(value, list | float):
        raise TypeError
    if not isinstance(value, dict):
        return value
    ((name, text),) = value.items()
    return _WRITTEN[name][2](text)
