"""The same records as a source of each kind."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import sqlalchemy as sa
import zstandard

from muniment import Query
from tests.acceptance.loading import COLUMNS, Row, opened, write


def _csv(folder: Path, rows: Sequence[Row]) -> Path:
    return write(folder / "export.csv", rows)


def _gzip(folder: Path, rows: Sequence[Row]) -> Path:
    packed = folder / "export.csv.gz"
    packed.write_bytes(gzip.compress(_csv(folder, rows).read_bytes()))
    return packed


def _json_lines(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "export.jsonl"
    path.write_text("".join(json.dumps(dict(row)) + "\n" for row in rows), encoding="utf-8")
    return path


def _json_lines_zstd(folder: Path, rows: Sequence[Row]) -> Path:
    packed = folder / "export.ndjson.zst"
    packed.write_bytes(zstandard.compress(_json_lines(folder, rows).read_bytes()))
    return packed


def _parquet(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "export.parquet"
    table = pa.table({name: [row[name] for row in rows] for name in COLUMNS})
    pyarrow.parquet.write_table(table, path, row_group_size=70)
    return path


def _workbook(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "export.xlsx"
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Objects")
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append([row[name] or None for name in COLUMNS])
    book.save(path)
    return path


def _query(folder: Path, rows: Sequence[Row]) -> Query:
    url = f"sqlite:///{folder / 'other.db'}"
    columns = ", ".join(f"{name} TEXT" for name in COLUMNS)
    values = ", ".join(f":{name}" for name in COLUMNS)
    with opened(url) as database, database.transaction() as transaction:
        transaction.execute(sa.text("DROP TABLE IF EXISTS work"))
        transaction.execute(sa.text(f"CREATE TABLE work (place INTEGER PRIMARY KEY, {columns})"))
        for row in rows:
            transaction.execute(
                sa.text(f"INSERT INTO work ({', '.join(COLUMNS)}) VALUES ({values})").bindparams(**row)
            )
    return Query(url, sql=f"SELECT place, {', '.join(COLUMNS)} FROM work", key="place")


@dataclass(frozen=True)
class Kind:
    """A kind of source.

    Attributes:
        made: writes records into a folder, always under the same name.
        place: where the record with a number stands, when none is before it but the header.
        grows: whether what is appended leaves the bytes before it as they were.
    """

    name: str
    made: Callable[[Path, Sequence[Row]], Any]
    place: Callable[[int], str]
    grows: bool = False


KINDS = (
    Kind("csv", _csv, lambda n: f"line {n + 1}", grows=True),
    Kind("csv.gz", _gzip, lambda n: f"line {n + 1}"),
    Kind("xlsx", _workbook, lambda n: f"Objects!A{n + 1}"),
    Kind("jsonl", _json_lines, lambda n: f"line {n}", grows=True),
    Kind("ndjson.zst", _json_lines_zstd, lambda n: f"line {n}"),
    Kind("parquet", _parquet, lambda n: f"row {n}"),
    Kind("query", _query, lambda n: f"line {n + 1}", grows=True),
)


def csv_text(path: Path) -> list[list[str]]:
    """The cells of a CSV file."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))
