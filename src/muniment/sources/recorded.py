"""Records from Python, as dicts or Arrow record batches, written as the delimited text they might be."""

from __future__ import annotations

import csv
import enum
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from muniment.errors import HeaderError, SourceError
from muniment.sources.format import Format

SLICE_ROWS = 1_000
"""Rows of an Arrow batch that become Python values at a time."""


def recorded_format(given: Format) -> Format:
    """The format in which records are written, with the `null` strings of the one given."""
    return Format(null=given.null)


def written(records: Any) -> Iterator[bytes]:
    """The records as CSV in UTF-8, header first.

    A table, or one batch, is as good as an iterable of batches. The first dict gives the columns. A key
    that a later one lacks is an empty cell; a key that it has beyond them is a cell too many, so that the
    record is rejected rather than cut. Without a record they are those of the schema, or `column_names`.

    Raises:
        SourceError: a record is neither a mapping nor an Arrow record batch.
        HeaderError: there is no record at all, so that the columns are not known.
    """
    remaining = iter([records] if hasattr(records, "to_pylist") else records)
    first = next(remaining, None)
    if first is not None:
        names = _names(first)
    elif hasattr(records, "schema"):
        names = [str(name) for name in records.schema.names]
    elif hasattr(records, "column_names"):
        names = records.column_names
    else:
        raise HeaderError("there are no records, so that their columns are not known", where="<records>")
    yield _line(names)
    for item in itertools.chain([] if first is None else [first], remaining):
        for row in _rows(item, names):
            yield _line([text_of(value) for value in row])


def _names(first: Any) -> list[str]:
    if isinstance(first, Mapping):
        return [str(name) for name in first]
    if hasattr(first, "to_pylist"):
        return [str(name) for name in first.schema.names]
    raise SourceError(
        f"a record is a dict or an Arrow record batch, not {type(first).__name__}",
        hint="Give an iterable of dicts or of pyarrow.RecordBatch",
        where="<records>",
    )


def _rows(item: Any, names: list[str]) -> Iterator[Sequence[Any]]:
    given = _names(item)
    if isinstance(item, Mapping):
        values = dict(zip(given, item.values(), strict=True))
        beyond = [value for name, value in values.items() if name not in names] if given != names else []
        yield [values.get(name) for name in names] + beyond
        return
    if given != names:
        raise SourceError(f"a record batch has other columns: {', '.join(given)}", where="<records>")
    for start in range(0, item.num_rows, SLICE_ROWS):
        columns = item.slice(start, SLICE_ROWS).columns
        yield from zip(*map(texts_of, columns), strict=True)


def texts_of(column: Any) -> list[str]:
    """The values of a column as text; those that Python has no value for as Arrow writes them."""
    kind = column.type
    try:
        if getattr(kind, "unit", "") == "ns":  # to Python, if at all, as a type of pandas
            column = column.cast(_in_microseconds(kind))
        elif pa.types.is_float32(kind) or pa.types.is_float16(kind):
            raise ValueError(kind)  # Python's numbers are longer, with digits that nobody wrote
        return [text_of(value) for value in column.to_pylist()]
    except (ValueError, TypeError, OverflowError):
        return [value or "" for value in column.cast(pa.string()).to_pylist()]


def _in_microseconds(kind: Any) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.time64("us") if pa.types.is_time64(kind) else pa.duration("us")


def text_of(value: Any) -> str:
    """A value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, enum.Enum):
        return text_of(value.value)
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=text_of)
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)


def _line(cells: Sequence[str]) -> bytes:
    """One record; what is not text goes through, so that the reader can say so of that record."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode("utf-8", "surrogatepass")
