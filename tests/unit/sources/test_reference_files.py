"""Real and awkward files, by identity with an independent reading."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from muniment.sources import Format, open_source
from tests.unit.sources.reading import Reading, read_all, settings

REFERENCE = Path(os.environ.get("MUNIMENT_REFERENCE", Path(__file__).resolve().parents[3].parent / "shared"))

pytestmark = pytest.mark.skipif(
    not (REFERENCE / "nasty").is_dir(),
    reason=f"the reference material is not at {REFERENCE} (set MUNIMENT_REFERENCE)",
)

BOUNDS = settings(chunk_bytes=50_000, chunk_rows=500)


def read_file(path: Path) -> Reading:
    source = open_source(path, Format(), BOUNDS)
    try:
        return read_all(source)
    finally:
        source.close()


def found(folder: str, pattern: str = "*.csv") -> list[Path]:
    return sorted((REFERENCE / folder).rglob(pattern))


def independently(path: Path) -> list[list[str]]:
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.reader(file) if row]


@pytest.mark.parametrize("path", found("nasty/csv-spectrum"), ids=lambda path: path.stem)
def test_the_csv_spectrum_is_read(path: Path) -> None:
    truth = json.loads((path.parent.parent / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
    reading = read_file(path)
    records = [dict(zip(reading.header.names, row, strict=True)) for row in reading.rows]
    if path.stem == "newlines_crlf" and b"\r" not in path.read_bytes():
        # Version control may have turned its CRLF into LF on the way here.
        truth = json.loads(json.dumps(truth).replace("\\r\\n", "\\n"))
    assert records == truth
    assert reading.problems == {}
    assert not reading.incomplete


WHOLE = [path for path in found("nasty/real-museum") if "truncated" not in path.name]


@pytest.mark.parametrize(
    "path", [*WHOLE, *found("data/tate"), *found("data/cmoa"), *found("data/colby")], ids=str
)
def test_real_exports_are_read_cell_by_cell(path: Path) -> None:
    header, *rows = independently(path)
    reading = read_file(path)
    assert list(reading.header.given) == header
    assert reading.rows == rows
    assert reading.problems == {}
    assert not reading.incomplete


@pytest.mark.parametrize("path", found("nasty/real-museum"), ids=lambda path: path.stem)
def test_positions_lead_to_the_bytes_of_real_records(path: Path) -> None:
    data = path.read_bytes()
    reading = read_file(path)
    for position, raw, row in list(zip(reading.positions, reading.raw, reading.rows, strict=True))[::37]:
        assert data[position.offset : position.offset + position.length] == raw
        before = data[: position.offset]
        assert position.line == 1 + before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
        assert next(csv.reader([raw.decode()])) == row


def test_an_export_that_was_cut_short_is_incomplete() -> None:
    path = REFERENCE / "nasty/real-museum/tate_artwork_data_2013-10_truncated.csv"
    reading = read_file(path)
    assert reading.incomplete
    assert reading.problems == {len(reading.rows) - 1: "incomplete"}
    assert reading.good == independently(path)[1:-1]
