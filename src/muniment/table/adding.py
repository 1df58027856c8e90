"""Adding rows to the table that is looked up in: a key alone, or the header of several lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import Transaction, Value
from muniment.databases.types import Id, Key
from muniment.errors import UsageError
from muniment.records import Problem, shortened
from muniment.table.finding import KeyFinder, typing
from muniment.table.fitting import left_empty
from muniment.table.lookups import LookedUp, Lookup, quoted_key
from muniment.table.model import TEXT, column_of, form_of

DIFFERS = "header-differs"
"""The code of a record that says another thing of its header than what is stored of it."""

Row = tuple[Value, ...]


def table_to_add_to(lookup: Lookup) -> sa.Table:
    """The table that is looked up in, as it is made where there is none."""
    fields = lookup.row.model_fields if lookup.row else {}
    number = sa.Column(lookup.value or f"{lookup.table}_id", Id, primary_key=True, autoincrement=True)
    columns = []
    for name in (*lookup.by, *(name for name in fields if name not in lookup.by)):
        form = form_of(fields[name]) if name in fields else TEXT
        is_text_of_key = name in lookup.by and form is TEXT
        column = sa.Column(name, Key) if is_text_of_key else column_of(name, fields[name])
        column.primary_key, column.nullable = False, column.nullable and name not in lookup.by
        columns.append(column)
    return sa.Table(lookup.table, sa.MetaData(), number, *columns, sa.UniqueConstraint(*lookup.by))


def must_take_rows(lookup: Lookup, finder: KeyFinder, inspector: sa.Inspector) -> None:
    """Raise `UsageError` where the table has columns that an added row would leave empty, and may not."""
    fields = lookup.row.model_fields if lookup.row else {}
    filled = {*lookup.by, *fields}
    if unknown := [name for name in fields if name not in finder.table.c]:
        raise UsageError(f"{lookup.table} has no columns {', '.join(unknown)}")
    if lacking := left_empty(inspector, lookup.table, filled):
        raise UsageError(
            f"no row can be added to {lookup.table}: {', '.join(lacking)} would be empty",
            hint="Name it among the `columns` of the lookup, or give another `missing` than insert",
        )


def add_missing(
    transaction: Transaction,
    one: LookedUp,
    finder: KeyFinder,
    keys: Sequence[bytes | None],
    rows: Sequence[Row],
) -> dict[int, list[Problem]]:
    """Add the rows that keys lack; returns the problems of records that say otherwise than what is stored.

    Of several records with the same key the first says what is added.

    Args:
        transaction: the chunk's.
        one: the field.
        finder: of the table that is added to.
        keys: of each record; None where it has none.
        rows: of each record, what goes into the columns of `one.row`.
    """
    columns = list(one.row)
    first: dict[bytes, Row] = {}
    for key, row in zip(keys, rows, strict=True):
        if key is not None:
            first.setdefault(key, row)
    stored = finder.rows(transaction, first, columns)
    if new := {
        key: typed for key in first.keys() - stored.keys() if (typed := finder.typed(key)) is not None
    }:
        types = [typing(finder.table.c[name]) for name in columns]
        added = [(*new[key], *map(_typed, types, first[key])) for key in sorted(new)]
        finder.inserted()
        transaction.insert_missing(finder.table, [*one.lookup.by, *columns], added)
        stored |= finder.rows(transaction, new, columns) if columns else {}
    return _differing(one, keys, rows, stored) if columns else {}


def _typed(read: Any, value: Value) -> Any:
    return read(value) if isinstance(value, str) else value


def _differing(
    one: LookedUp,
    keys: Sequence[bytes | None],
    rows: Sequence[Row],
    stored: Mapping[bytes, tuple[Any, ...]],
) -> dict[int, list[Problem]]:
    """By place of the record, what it says otherwise than its header."""
    fields = one.lookup.row.model_fields if one.lookup.row else {}
    forms = [form_of(fields[name]).stored for name in one.row]
    headers = {
        key: tuple(
            None if value is None else form(value) for form, value in zip(forms, told[1:], strict=True)
        )
        for key, told in stored.items()
    }
    faults = {}
    for place, (key, row) in enumerate(zip(keys, rows, strict=True)):
        header = headers.get(key) if key is not None else None
        if key is not None and header is not None and header != row:
            pairs = zip(one.row, row, header, strict=True)
            faults[place] = [
                _differs(one, name, key, here, there) for name, here, there in pairs if here != there
            ]
    return faults


def _differs(one: LookedUp, name: str, key: bytes, here: Value, there: Value) -> Problem:
    said, stands = ("empty" if value is None else repr(shortened(str(value))) for value in (here, there))
    header = f"{name} of {one.lookup.table} {quoted_key(key.decode())}"
    message = f"{header} is {said} here, and stands already as {stands}"
    value = "empty" if here is None else shortened(str(here))
    return Problem(DIFFERS, message, "Let all lines of it say the same", one.field, name, value)
