"""Peak memory of loads of two sizes, on each database, by each profile, of good files and of all-bad ones.

    python -m benchmarks.memory --rows 100000 1000000 --databases sqlite postgresql mariadb
    python -m benchmarks.memory --rows 16 140 --kinds "table huge" "museum huge"    cells of 15 MiB, 2 GB

Takes an hour or more at full size. Each load runs in a process of its own; what servers use is not counted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import flat
from benchmarks.circumstances import circumstances
from benchmarks.databases import new_database
from benchmarks.make_export import write_export
from benchmarks.peak import Measured, measured
from tests import servers

ROOT = Path(__file__).resolve().parent.parent

DATABASES = ("sqlite", "postgresql", "mariadb")
KINDS = (
    "table good",
    "table all-bad",
    "museum good",
    "museum all-bad",
    "museum flat",
    "jsonl",
    "parquet",
    "records",
)

HUGE_KINDS = ("table huge", "museum huge")
"""Of records with a cell of 15 MiB each."""

FORMS = ("jsonl", "parquet")
"""Kinds that are no CSV."""

ALLOWED_GROWTH = 1.10
"""Peak memory of a load ten times as large, at the most: the promise that memory is flat."""

SERVERS = {"postgresql": servers.postgresql, "mariadb": servers.mariadb}

MAPPING = ROOT / "examples" / "sample" / "mapping.toml"
FLAT_MAPPING = ROOT / "benchmarks" / "flat.toml"


def load(kind: str, rows: int, server: str | None, *options: str | int) -> Measured:
    """Load so many rows into a database of their own, on a server or else with SQLite."""
    with tempfile.TemporaryDirectory(prefix="muniment-benchmark-") as name, ExitStack() as ending:
        folder = Path(name)
        url = ending.enter_context(new_database(server)) if server else f"sqlite:///{folder}/benchmark.db"
        if kind == "records":
            return measured("records", rows, url)
        source = folder / f"source.{kind if kind in FORMS else 'csv'}"
        how = _write(kind, rows, source)
        return measured("load", source, *how, "--to", url, "--max-rejects", "100%", *options)


def _write(kind: str, rows: int, source: Path) -> tuple[str | Path, str | Path]:
    """Write a file of this kind; how it is to be read."""
    if kind in FORMS:
        flat.write_as(kind, source, rows)
        return "--model", "benchmarks.flat:Artwork"
    profile, quality = kind.split()
    if quality == "huge":
        flat.write_huge(source, rows)
    elif profile == "table" or quality == "flat":
        flat.write(source, rows, bad=quality == "all-bad")
    if profile == "table" or quality in ("flat", "huge"):
        return ("--model", "benchmarks.flat:Artwork") if profile == "table" else ("--mapping", FLAT_MAPPING)
    with source.open("wb") as out:
        write_export(out, rows=rows, seed=1, defects="all-bad" if quality == "all-bad" else "sample")
    return "--mapping", MAPPING


def measure(sizes: Sequence[int], dialects: Sequence[str], kinds: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each database and kind: peaks by size, and how many times the first the last one is."""
    rows = []
    with ExitStack() as ending:
        for dialect in dialects:
            server = ending.enter_context(SERVERS[dialect]()) if dialect in SERVERS else None
            for kind in kinds:
                peaks = {size: _shown(dialect, kind, load(kind, size, server)) for size in sizes}
                growth = round(peaks[sizes[-1]] / peaks[sizes[0]], 3)
                rows.append({"database": dialect, "kind": kind, "peak_bytes": peaks, "growth": growth})
    return rows


def _shown(dialect: str, kind: str, told: Measured) -> int:
    read, rate = told.account["read"], told.account["rows_per_second"]
    print(
        f"{dialect:11}{kind:15}{read:10,} rows{told.peak_bytes / 1e6:8.1f} MB{rate:10,.0f} rows/s", flush=True
    )
    return told.peak_bytes


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line; ends with 1 where memory grew by more than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--kinds", nargs="+", choices=KINDS + HUGE_KINDS, default=KINDS)
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    result = circumstances() | {"loads": measure(given.rows, given.databases, given.kinds)}
    grown = [one for one in result["loads"] if one["growth"] > ALLOWED_GROWTH]
    for one in result["loads"]:
        verdict = "GREW" if one in grown else "flat"
        print(f"{one['database']:11}{one['kind']:16}{one['growth']:6.3f} times  {verdict}")
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if grown else 0)


if __name__ == "__main__":
    main()
