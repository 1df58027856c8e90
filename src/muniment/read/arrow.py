"""Batches as Arrow record batches, whose schema is the same for every batch, whatever they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from muniment.databases.types import Moment
from muniment.errors import SourceError, UsageError
from muniment.read.rows import Columns, Row

DECIMAL_DIGITS = 76
"""Of the widest decimal numbers that Arrow has; wider ones are text."""

UTC_MICROSECONDS = pa.timestamp("us", "UTC")

_TYPES: tuple[tuple[type[sa.types.TypeEngine[Any]], pa.DataType], ...] = (
    (Moment, UTC_MICROSECONDS),
    (sa.Boolean, pa.bool_()),
    (sa.Integer, pa.int64()),
    (sa.Float, pa.float64()),
    (sa.LargeBinary, pa.binary()),
    (sa.types._Binary, pa.binary()),
    (sa.Date, pa.date32()),
    (sa.Time, pa.time64("us")),
    (sa.Interval, pa.duration("us")),
    (sa.Uuid, pa.string()),
)
"""Integers are all of 64 bits: a sum or count of small ones may need them."""

INTEGERS = frozenset((int, type(None)))
"""Types of values that are integers, or NULL, as they are."""


class Arrow:
    """A factory of record batches; see `arrow`."""

    def __init__(self, schema: pa.Schema | None = None) -> None:
        self._schema = schema

    def schema(self, columns: Columns) -> pa.Schema:
        """The schema for these columns; raises `UsageError` where there is none."""
        columns.must_have_distinct_names()
        if self._schema is not None:
            if tuple(self._schema.names) != columns.names:
                raise UsageError(
                    f"the statement has {', '.join(columns.names)},"
                    f" the schema {', '.join(self._schema.names)}",
                    hint="Give a schema with the columns of the statement, in their order",
                )
            return self._schema
        pairs = zip(columns.names, columns.types, strict=True)
        return pa.schema([(name, _arrow_type(name, kind)) for name, kind in pairs])

    def __call__(self, columns: Columns) -> Callable[[Sequence[Row]], pa.RecordBatch]:
        """What makes record batches of tuples."""
        schema = self.schema(columns)
        as_text = {place for place, field in enumerate(schema) if pa.types.is_string(field.type)}

        def make(rows: Sequence[Row]) -> pa.RecordBatch:
            arrays = [
                _array(schema.field(place), values, place in as_text)
                for place, values in enumerate(zip(*rows, strict=True))
            ]
            return pa.record_batch(arrays, schema=schema)

        return make


def arrow(schema: pa.Schema | None = None) -> Arrow:
    """Batches as Arrow record batches, for `batches` and `pages`.

    Args:
        schema: the batches' schema; else it follows from the statement's types: integers have 64 bits,
            moments are in UTC to the microsecond, decimal numbers of a known width stay exact, others are
            text.

    Raises:
        UsageError: when reading begins, for a column of which neither says the type.
        SourceError: for a value that is not of its column's type.
    """
    return Arrow(schema)


def _arrow_type(name: str, kind: sa.types.TypeEngine[Any]) -> pa.DataType:
    plain = (
        kind.impl_instance if isinstance(kind, sa.TypeDecorator) and not isinstance(kind, Moment) else kind
    )
    if isinstance(plain, sa.DateTime):
        return UTC_MICROSECONDS if plain.timezone else pa.timestamp("us")
    if isinstance(plain, sa.String) and not isinstance(plain, sa.Enum):
        return pa.string()
    for known, arrow_type in _TYPES:
        if isinstance(plain, known):
            return arrow_type
    if isinstance(plain, sa.Numeric):
        return _decimal_type(plain)
    raise UsageError(
        f"the statement does not say of what type {name} is",
        hint="Select from a table, add .columns(...) to text(...), use cast(), or give arrow() a schema",
    )


def _decimal_type(kind: sa.Numeric[Any]) -> pa.DataType:
    if not kind.asdecimal:
        return pa.float64()
    if kind.precision is None or kind.scale is None or kind.precision > DECIMAL_DIGITS:
        return pa.string()
    exact: Callable[[int, int], pa.DataType] = pa.decimal128 if kind.precision <= 38 else pa.decimal256
    return exact(kind.precision, kind.scale)


def _array(field: pa.Field[Any], values: Sequence[Any], as_text: bool) -> pa.Array[Any]:
    try:
        return _made(values, field.type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        if as_text:
            return _made([None if value is None else _text(value) for value in values], field.type)
        raise misfit(field, error) from None


def _text(value: Any) -> str:
    """A value as text: decimal numbers as databases write them, without an exponent."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _made(values: Sequence[Any], kind: pa.DataType) -> pa.Array[Any]:
    if pa.types.is_integer(kind) and not INTEGERS.issuperset(map(type, values)):
        # A sum is a decimal number. pyarrow would leave out its fraction; a cast refuses to.
        found: pa.Array[Any] = pa.array(values)
        return found.cast(kind)
    array: pa.Array[Any] = pa.array(values, kind)
    return array


def misfit(field: pa.Field[Any], error: Exception) -> SourceError:
    """The error for a value that is not of its column's type."""
    return SourceError(
        f"a value of the column {field.name} is not of the type {field.type}: {error}",
        hint="Cast the column in the statement, or give arrow() another schema",
    )
