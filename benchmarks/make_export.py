"""Make up a museum's export, as large as wanted, with a known number of each kind of defect.

    python benchmarks/make_export.py --rows 1000000 --seed 7 --out big.csv --truth big.json

The same rows and seed give the same bytes, on any machine and Python. Rows are written as they are
made: memory does not grow with their number. `--truth` tells, for each defect, the record and the
physical line where it stands and what should become of it.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TextIO

if not __package__:  # run by its path: the folder above holds the package
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.collection import COLUMNS, Cells, Collection, thumbnail
from benchmarks.defects import DEFECTS, SLOT, Defect, Defects, original_of, planned, repeat_earlier

FLUSHED = 64
"""Records that are written at once: more is not faster."""

TITLE_MARK = "\ue000"
"""Stands where raw bytes are put in place of the title: a character that no cell has."""


class Sheet:
    """Writes records, and knows on which physical line it stands: LF, CRLF and CR each end one."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._buffer = io.StringIO(newline="")
        self._writer = csv.writer(self._buffer, lineterminator="\n")
        self._lines = 0
        self.add = self._writer.writerow

    def flush(self) -> None:
        """Hand on what was added so far."""
        self._put(self._buffer.getvalue().encode())
        self._buffer.seek(0)
        self._buffer.truncate()

    def next_line(self) -> int:
        """The physical line on which the next record begins."""
        self.flush()
        return self._lines + 1

    def add_spoilt(self, cells: Cells, defect: Defect) -> None:
        """Add a record with this defect."""
        self.flush()
        if defect.outcome == "no record":
            self._put(b"\n")
        at = COLUMNS.index("title")
        self.add(defect.spoil([*cells[:at], TITLE_MARK, *cells[at + 1 :]] if defect.title else cells))
        line = self._buffer.getvalue().encode().replace(TITLE_MARK.encode(), defect.title)
        self._buffer.seek(0)
        self._buffer.truncate()
        self._put(line)

    def _put(self, data: bytes) -> None:
        self._lines += data.count(b"\n") + data.count(b"\r")
        self._out.write(data)


class Truth:
    """Tells what was done to the export, position by position, and then in numbers."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self.counts: Counter[str] = Counter()
        self._write('{"positions": [')

    def tell(self, defect: Defect, number: int, line: int) -> None:
        """Tell of one defect; a blank line is no record and has no number."""
        position: dict[str, str | int] = {"kind": defect.kind, "line": line}
        if defect.outcome != "no record":
            position["record"] = number
        if defect.spoil is repeat_earlier:
            position["original"] = original_of(number)
        self._write(("," if self.counts else "") + "\n" + json.dumps(position))
        self.counts[defect.kind] += 1

    def conclude(self, **facts: int | str) -> dict[str, Any]:
        """Tell the numbers, and return them."""
        outcomes: Counter[str] = Counter()
        kinds = {}
        for defect in DEFECTS:
            count = self.counts[defect.kind]
            outcomes[defect.outcome] += count
            kinds[defect.kind] = {
                "count": count,
                "outcome": defect.outcome,
                "code": defect.code,
                "meaning": defect.meaning,
            }
        quarantined, rows = outcomes["quarantined"], int(facts["rows"])
        expected = {
            "read": rows,
            "inserted": rows - quarantined,
            "quarantined": quarantined,
            "noted": outcomes["noted"],
            "blank_lines": outcomes["no record"],
        }
        summary = {**facts, "expected": expected, "kinds": kinds}
        self._write("\n],\n" + json.dumps(summary, indent=1)[2:] + "\n")
        return summary

    def _write(self, text: str) -> None:
        if self._out is not None:
            self._out.write(text)


def write_export(
    out: BinaryIO,
    *,
    rows: int,
    seed: int,
    defects: Defects = "sample",
    thumbnails: int = 0,
    truth: TextIO | None = None,
) -> dict[str, Any]:
    """Write an export of `rows` records to `out`, and what is wrong with it as JSON to `truth`.

    Args:
        out: where the CSV goes, as UTF-8 bytes.
        rows: records, the header not counted.
        seed: another seed gives another collection.
        defects: none, a known number of each kind in a thousand, or one in every record.
        thumbnails: how many records have a cell of over 131,072 characters.
        truth: where the JSON goes.

    Returns:
        The truth without its positions: `expected` has the account of a right load.

    Raises:
        ValueError: more thumbnails than good records to hold them.
    """
    if thumbnails * SLOT > rows:
        raise ValueError(f"{rows} records have room for {rows // SLOT} thumbnails")
    collection, sheet, told = Collection(seed), Sheet(out), Truth(truth)
    sheet.add(COLUMNS)
    # A multiple of SLOT keeps thumbnails off the slots, so that every one of them is in a good record.
    spacing = max(SLOT, rows // max(thumbnails, 1) // SLOT * SLOT)
    for number, defect in enumerate(planned(rows, seed, defects), 1):
        cells = collection.record(number)
        if number % spacing == 1 and number // spacing < thumbnails:
            cells[-1] = thumbnail(number % 251)
        if defect is not None:
            told.tell(defect, number, sheet.next_line())
            sheet.add_spoilt(cells, defect)
            continue
        sheet.add(cells)
        if number % FLUSHED == 0:
            sheet.flush()
    sheet.flush()
    return told.conclude(rows=rows, seed=seed, defects=defects, thumbnails=thumbnails)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make an export from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, required=True, help="how many records")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives another collection")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file to write")
    parser.add_argument("--truth", type=Path, help="a JSON file for what is wrong where")
    parser.add_argument("--defects", choices=("none", "sample", "all-bad"), default="sample")
    parser.add_argument("--thumbnails", type=int, default=0, help="records with a very large cell")
    given = parser.parse_args(arguments)
    with ExitStack() as files:
        summary = write_export(
            files.enter_context(given.out.open("wb")),
            rows=given.rows,
            seed=given.seed,
            defects=given.defects,
            thumbnails=given.thumbnails,
            truth=files.enter_context(given.truth.open("w", encoding="utf-8")) if given.truth else None,
        )
    print(json.dumps(summary["expected"]), file=sys.stderr)


if __name__ == "__main__":
    main()
