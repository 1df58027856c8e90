"""Rows as files: CSV, JSON lines, Parquet. A row is a sequence of values, one for each column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar, cast

import pyarrow as pa
import pyarrow.parquet as pq

from muniment.exports.columns import Columns, Kind, as_plain, as_text
from muniment.exports.format import FileWriter
from muniment.sources.guard import guarded

ENCODING = "utf-8-sig"
"""UTF-8 with a byte order mark: without it Excel takes UTF-8 for the local code page."""

ROW_GROUP_ROWS = 20_000
"""Rows of a Parquet row group: what is held in memory while a file is written. Readers like them larger,
but rows of a collection may hold long texts."""

Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class CsvFormat:
    """Comma-separated text: UTF-8 with its mark, CRLF, formulas guarded; nothing is an empty cell."""

    columns: Columns
    name: ClassVar[str] = "csv"
    suffix: ClassVar[str] = ".csv"
    compresses: ClassVar[bool] = False

    def writer(self, stream: IO[bytes]) -> FileWriter:
        """See `FileFormat`."""
        return _CsvWriter(self.columns, stream)


class _CsvWriter:
    cut = 0

    def __init__(self, columns: Columns, stream: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(cast(Any, _Unclosed(stream)), encoding=ENCODING, newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self._writer.writerow([guarded(column.name) for column in columns])

    def write(self, items: Rows) -> None:
        self._writer.writerows([guarded(as_text(value)) for value in row] for row in items)

    def finish(self) -> None:
        self._text.flush()


class _Unclosed(io.BufferedIOBase):
    """Passes bytes on to a stream that is not ours to close."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._stream.write(data)


@dataclass(frozen=True)
class JsonLinesFormat:
    """One JSON object a line, in UTF-8; what is not there is `null`."""

    columns: Columns
    name: ClassVar[str] = "jsonl"
    suffix: ClassVar[str] = ".jsonl"
    compresses: ClassVar[bool] = False

    def writer(self, stream: IO[bytes]) -> FileWriter:
        """See `FileFormat`."""
        return _JsonLinesWriter(self.columns, stream)


class _JsonLinesWriter:
    cut = 0

    def __init__(self, columns: Columns, stream: IO[bytes]) -> None:
        self._names = [column.name for column in columns]
        self._stream = stream
        self._encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=as_plain).encode

    def write(self, items: Rows) -> None:
        lines = (self._encode(dict(zip(self._names, row, strict=True))) + "\n" for row in items)
        self._stream.write("".join(lines).encode())

    def finish(self) -> None:
        """Nothing stands at the end."""


_ARROW: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "real": pa.float64(),
    "flag": pa.bool_(),
    "bytes": pa.binary(),
    "moment": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "number": pa.string(),
}
"""Exact numbers as text: a column may hold more digits than Arrow's decimals."""


@dataclass(frozen=True)
class ParquetFormat:
    """Parquet, compressed by zstd within; exact numbers are text."""

    columns: Columns
    name: ClassVar[str] = "parquet"
    suffix: ClassVar[str] = ".parquet"
    compresses: ClassVar[bool] = True

    def writer(self, stream: IO[bytes]) -> FileWriter:
        """See `FileFormat`."""
        return _ParquetWriter(self.columns, stream)


class _ParquetWriter:
    cut = 0

    def __init__(self, columns: Columns, stream: IO[bytes]) -> None:
        self._exact = [index for index, column in enumerate(columns) if column.kind == "number"]
        self._schema = pa.schema([(column.name, _ARROW[column.kind]) for column in columns])
        self._file = pq.ParquetWriter(
            cast(Any, pa.PythonFile(cast(Any, stream), mode="w")), self._schema, compression="zstd"
        )
        self._waiting: list[Sequence[Any]] = []

    def write(self, items: Rows) -> None:
        self._waiting += [self._plain(row) for row in items] if self._exact else items
        if len(self._waiting) >= ROW_GROUP_ROWS:
            self._write_group()

    def _plain(self, row: Sequence[Any]) -> Sequence[Any]:
        cells = list(row)
        for index in self._exact:
            cells[index] = None if cells[index] is None else as_text(cells[index])
        return cells

    def _write_group(self) -> None:
        values = zip(*self._waiting, strict=True) if self._waiting else ((),) * len(self._schema)
        arrays = [
            pa.array(list(cells), type=field.type) for cells, field in zip(values, self._schema, strict=True)
        ]
        self._file.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._waiting = []

    def finish(self) -> None:
        if self._waiting:
            self._write_group()
        self._file.close()
