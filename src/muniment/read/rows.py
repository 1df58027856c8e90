"""What rows become: tuples, mappings, instances of a class, Pydantic models.

A factory is told the columns once, and gives the function that makes a batch of tuples into a batch of what
is wanted. Working on batches keeps what is done for each row down to one call, mostly within C.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.types import TypeEngine

from muniment.errors import SourceError, UsageError
from muniment.records import shortened

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
B = TypeVar("B")

Row = tuple[Any, ...]

BATCH_ROWS = 5_000
"""Rows in memory at a time. From 1,000 on, larger batches are hardly faster, and take more memory."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a result.

    Attributes:
        names: as the database tells them.
        types: as the statement has them; SQLAlchemy's NullType where it does not say.
    """

    names: tuple[str, ...]
    types: tuple[TypeEngine[Any], ...]

    def must_have_distinct_names(self) -> None:
        """Raise `UsageError` where two columns are called alike: one would hide the other."""
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            hint = "Give one of them another name, with .label() or AS, or read tuples"
            raise UsageError(f"more than one column is called {', '.join(twice)}", hint=hint)


BatchFactory = Callable[[Columns], Callable[[Sequence[Row]], B]]
"""From the columns to the function that makes tuples into a batch of any kind."""

RowFactory = Callable[[Columns], Callable[[Sequence[Row]], list[T]]]
"""A `BatchFactory` whose batches are lists with one item for each row."""


def tuples(_columns: Columns) -> Callable[[Sequence[Row]], list[Row]]:
    """Rows as tuples: the quickest way."""
    return list


def mappings(columns: Columns) -> Callable[[Sequence[Row]], list[dict[str, Any]]]:
    """Rows as dicts by column name."""
    columns.must_have_distinct_names()
    names = columns.names
    return lambda rows: [dict(zip(names, row, strict=True)) for row in rows]


def instances(kind: Callable[..., T]) -> RowFactory[T]:
    """Rows as instances of a dataclass, or of any class that takes the columns as keyword arguments.

    Raises:
        UsageError: when reading begins: a dataclass has no field for a column, or needs one that is missing.
    """
    made: Callable[..., T] = kind

    def factory(columns: Columns) -> Callable[[Sequence[Row]], list[T]]:
        columns.must_have_distinct_names()
        names = columns.names
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            fields = [field for field in dataclasses.fields(kind) if field.init]
            _must_fit(kind.__name__, fields, names)
            positional = tuple(field.name for field in fields if not field.kw_only)
            if positional[: len(names)] == names:
                return lambda rows: list(starmap(made, rows))
        return lambda rows: [made(**dict(zip(names, row, strict=True))) for row in rows]

    return factory


def _must_fit(name: str, fields: Sequence[dataclasses.Field[Any]], columns: Sequence[str]) -> None:
    known = {field.name for field in fields}
    needed = {
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    surplus, missing = sorted(set(columns) - known), sorted(needed - set(columns))
    if surplus or missing:
        told = [f"has no field for {', '.join(surplus)}"] if surplus else []
        told += [f"needs {', '.join(missing)}"] if missing else []
        hint = "Select the columns that are its fields, under their names"
        raise UsageError(f"{name} {' and '.join(told)}", hint=hint)


def models(model: type[M]) -> RowFactory[M]:
    """Rows as instances of a Pydantic model, validated.

    Raises:
        SourceError: when a row does not fit the model; says which row and field.
    """
    kind: Any = model
    adapter: TypeAdapter[list[M]] = TypeAdapter(list[kind])

    def factory(columns: Columns) -> Callable[[Sequence[Row]], list[M]]:
        as_dicts = mappings(columns)
        rows_before = 0

        def make(rows: Sequence[Row]) -> list[M]:
            nonlocal rows_before
            try:
                made = adapter.validate_python(as_dicts(rows))
            except ValidationError as error:
                raise _misfit(error, model, rows_before) from None
            rows_before += len(rows)
            return made

        return make

    return factory


def _misfit(error: ValidationError, model: type[BaseModel], rows_before: int) -> SourceError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    index, *place = first["loc"]
    field = ".".join(map(str, place)) or model.__name__
    return SourceError(
        f"row {rows_before + int(index) + 1:,} of the result does not fit {model.__name__}: "
        f"{field}: {shortened(first['msg'])}",
        hint="Mend the row, leave it out with a condition, or let the model take it",
    )


def bounded(batch_rows: int) -> int:
    """`batch_rows`; raises `UsageError` where it is none."""
    if batch_rows < 1:
        raise UsageError(f"{batch_rows} rows make no batch", hint="Give batch_rows of 1 or more")
    return batch_rows


def must_be_rows(batch: Any) -> list[Any]:
    """A batch that is a list of rows; raises `UsageError` for any other."""
    if isinstance(batch, list):
        return batch
    raise UsageError(
        f"a {type(batch).__name__} is a batch, not a list of rows",
        hint="Read it with muniment.read.batches, or batches_async",
    )
