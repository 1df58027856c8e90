"""A sample of what says itself where its columns are: JSON lines, Parquet, workbooks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from muniment.config import Settings
from muniment.errors import SourceError
from muniment.guess.sample import HEAD_BYTES, Sample, read_sample
from muniment.records import Problem
from muniment.sources.format import Format, Workbook
from muniment.sources.json_lines import JsonLinesSource
from muniment.sources.parquet import ParquetTable
from muniment.sources.recognition import is_json_lines, table_of
from muniment.sources.stored import Stored
from muniment.sources.tabular import Tabular

JSON_LINES = "JSON lines"


@dataclass(frozen=True)
class SampledTable:
    """What was read of a file.

    Attributes:
        kind: `JSON lines`, `Parquet` or `workbook`.
        names: of its columns, as the file has them.
        rows: the first records.
        broken: how many records beside them cannot be read.
        size, compression: as in `Sample`.
        read, whole: how many bytes were looked at, and whether they are all.
    """

    kind: str
    names: Sequence[str]
    rows: list[Sequence[str]]
    broken: int
    size: int
    compression: str
    read: int
    whole: bool


def read_sampled(path: str, workbook: Workbook) -> SampledTable | None:
    """The sample of a file; None of a delimited text, or where there is no file.

    Raises:
        SourceError: it is a workbook or Parquet that cannot be read, or one JSON list.
        HeaderError: it has no columns.
    """
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed with what is stored
    except OSError:
        return None
    with closing(Stored(file, path, path, Settings())) as stored:
        table = table_of(stored, Format(workbook=workbook), Settings())
        if table is not None:
            with closing(table):
                return _of_table(table, stored)
        lines = is_json_lines(stored)
    return _of_lines(path, read_sample(path)) if lines else None


def _of_table(table: Tabular, stored: Stored) -> SampledTable:
    cells = (row.cells for row in chain.from_iterable(part.rows for part in table.stretches()) if row.cells)
    rows, read, whole = _first(cells)
    kind = "Parquet" if isinstance(table, ParquetTable) else "workbook"
    return SampledTable(kind, table.names, rows, 0, stored.size, "plain", read, whole)


def _first(cells: Iterable[Sequence[str]]) -> tuple[list[Sequence[str]], int, bool]:
    """As many rows as a sample holds, their characters, and whether they are all."""
    rows: list[Sequence[str]] = []
    read = 0
    for row in cells:
        if read >= HEAD_BYTES:
            return rows, read, False
        rows.append(row)
        read += sum(map(len, row)) + len(row)
    return rows, read, True


def _of_lines(path: str, sample: Sample) -> SampledTable:
    head = sample.head if sample.whole else sample.head[: sample.head.rfind(b"\n") + 1]
    rows: list[Sequence[str]] = []
    broken: list[Problem] = []
    stored = Stored(io.BytesIO(head), path, path, Settings())
    with closing(JsonLinesSource(stored, Format(), Settings())) as source:
        try:
            for chunk in source.chunks(source.first):
                records = source.records(chunk)
                rows += [row for index, row in enumerate(records.rows) if index not in records.unreadable]
                broken += records.unreadable.values()
        except SourceError:
            pass  # the end of the sample is not that of the file
    names = source.header.given
    compression = sample.compression
    return SampledTable(
        JSON_LINES, names, rows, len(broken), sample.size, compression, len(head), sample.whole
    )
