"""Speed and memory of ways of reading a table, beside each other, on each database.

    python -m benchmarks.read                       every way, then sizes of batches
    python -m benchmarks.read memory                peaks of Muniment's ways, at 100,000 and 1,000,000 rows
    python -m benchmarks.read depth --rows 1000000  OFFSET against keys
    python -m benchmarks.read plot --out FILE       draw what an earlier run has written there

Every measurement is a process of its own. Ways take turns, so that whatever else the machine does falls on
all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.circumstances import circumstances
from benchmarks.databases import new_database
from benchmarks.memory import ALLOWED_GROWTH, DATABASES, ROOT, SERVERS
from benchmarks.read_ways import ONLY_ON, TABLE, WAYS, metadata, query
from muniment.cli.curves import Points, curves
from muniment.databases import connect

BATCHES = (10, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
SWEPT = ("muniment tuples", "muniment arrow", "muniment pages", "raw cursor")
SIZES = (100_000, 1_000_000)
PARTS = ("ways", "batches", "memory", "depth", "plot")
DEPTHS = 10
PAGE = 1_000


def ways_on(dialect: str, *, of_ours: bool = False) -> list[str]:
    """The ways that there are on a database: all of them, or Muniment's."""
    there = [way for way in WAYS if dialect in ONLY_ON.get(way, DATABASES)]
    return [way for way in there if way.startswith("muniment")] if of_ours else there


@contextmanager
def filled(dialect: str, rows: int, server: str | None = None) -> Iterator[str]:
    """The URL of a database that has a table of so many rows to read, on this server or one of our own."""
    with ExitStack() as ending:
        if dialect == "sqlite":
            folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-benchmark-"))
            url = f"sqlite:///{folder}/benchmark.db"
        else:
            url = ending.enter_context(new_database(server or ending.enter_context(SERVERS[dialect]())))
        with closing(connect(url)) as database:
            with database.schema_lock() as transaction:
                metadata.create_all(transaction.connection)
            for start in range(1, rows + 1, 20_000):
                made = [_row(number) for number in range(start, min(start + 20_000, rows + 1))]
                with database.transaction() as transaction:
                    transaction.insert(TABLE, TABLE.c.keys(), made)
            if dialect != "sqlite":
                analyse = "ANALYZE" if dialect == "postgresql" else "ANALYZE TABLE"
                with database.engine.begin() as connection:
                    connection.exec_driver_sql(f"{analyse} {TABLE.name}")
        yield url


def _row(number: int) -> tuple[Any, ...]:
    title = f"Study for a fountain, two cranes no. {number}" + (" étude" if number % 3 else "")
    year = 1500 + number % 500 if number % 7 else None
    return number, f"{1900 + number % 120}.{number}", title, year, number % 2500 / 10


def measured(way: str, url: str, rows: int, batch: int) -> dict[str, Any]:
    """One reading, in a process of its own."""
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "benchmarks.read_ways", way, url, str(rows), str(batch)]
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{way} failed:\n{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if told["rows"] != rows:
        raise RuntimeError(f"{way} read {told['rows']} of {rows} rows")
    return told


def compare(dialect: str, url: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each way: medians of its times, and the largest of its peaks."""
    rows = given.rows
    ways = [way for way in ways_on(dialect) if way in given.ways]
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(given.repeat):
        for way in ways:
            found[way].append(measured(way, url, rows, given.batch_rows))
    table = []
    for way, runs in found.items():
        seconds, processor = (
            statistics.median(run[name] for run in runs) for name in ("seconds", "processor")
        )
        peak = max(run["peak_bytes"] for run in runs)
        table.append({"way": way, "rows": rows, "seconds": seconds, "processor": processor})
        table[-1]["peak_bytes"] = peak
        print(
            f"{dialect:11}{way:25}{rows:10,} rows{seconds:8.2f} s{processor:8.2f} s of processor"
            f"{rows / seconds:12,.0f} rows/s{peak / 1e6:8.0f} MB",
            flush=True,
        )
    return table


def memory(dialect: str, url: str, batch: int) -> list[dict[str, Any]]:
    """A row for each of Muniment's ways: its peaks, and how many times the first the second one is."""
    table = []
    for way in ways_on(dialect, of_ours=True):
        few, many = (measured(way, url, rows, batch)["peak_bytes"] for rows in SIZES)
        growth = many / few
        table.append({"way": way, "peak_bytes": {SIZES[0]: few, SIZES[1]: many}, "growth": growth})
        verdict = "GREW" if growth > ALLOWED_GROWTH else "flat"
        told = f"{few / 1e6:8.1f} MB{many / 1e6:8.1f} MB{growth:7.3f}  {verdict}"
        print(f"{dialect:11}{way:25}{told}", flush=True)
    return table


def sweep(dialect: str, url: str, rows: int, repeat: int) -> dict[str, Points]:
    """Rows a second by rows of a batch, for the ways that fetch in batches."""
    series: dict[str, Points] = {}
    for way in SWEPT:
        points = []
        for batch in BATCHES:
            runs = [measured(way, url, rows, batch)["seconds"] for _ in range(repeat)]
            points.append((float(batch), rows / statistics.median(runs)))
            print(f"{dialect:11}{way:25}{batch:8,} a batch{points[-1][1]:12,.0f} rows/s", flush=True)
        series[way] = points
    return series


def depth(dialect: str, url: str, rows: int, repeat: int) -> dict[str, Points]:
    """Milliseconds for a page by how many rows stand before it, by OFFSET and by key."""
    series: dict[str, list[tuple[float, float]]] = {"OFFSET": [], "by key": []}
    with closing(connect(url)) as database, database.engine.connect() as connection:
        ordered = query(rows).order_by(TABLE.c.id).limit(PAGE)
        for before in range(0, rows, rows // DEPTHS):
            asked = {"OFFSET": ordered.offset(before), "by key": ordered.where(TABLE.c.id > before)}
            for name, statement in asked.items():
                took = min(_milliseconds(connection, statement) for _ in range(repeat))
                series[name].append((before, took))
                print(f"{dialect:11}{name:8}{before:10,} rows before it{took:9.2f} ms", flush=True)
    shown: dict[str, Points] = dict(series.items())
    return shown


def _milliseconds(connection: sa.Connection, statement: sa.Select[Any]) -> float:
    started = time.perf_counter()
    connection.execute(statement).all()
    return (time.perf_counter() - started) * 1000


def measure(dialect: str, given: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, of one database."""
    found: dict[str, Any] = {}
    with filled(dialect, max(SIZES) if "memory" in given.what else given.rows) as url:
        for what in given.what:
            if what == "ways":
                found[what] = compare(dialect, url, given)
            elif what == "memory":
                found[what] = memory(dialect, url, given.batch_rows)
            else:
                measuring = sweep if what == "batches" else depth
                found[what] = measuring(dialect, url, given.rows, given.repeat)
    return found


def draw(result: dict[str, Any], folder: Path) -> None:
    """Images of the curves in a result, as it is in its JSON file."""
    folder.mkdir(parents=True, exist_ok=True)
    for dialect in set(DATABASES) & result.keys():
        for what in {"batches", "depth"} & result[dialect].keys():
            series = result[dialect][what]
            if what == "batches":
                image = curves(f"{dialect}: rows a second", "rows of a batch", "rows a second", series)
            else:
                title = f"{dialect}: a page of {PAGE:,} rows"
                image = curves(title, "rows before the page", "milliseconds", series)
            (folder / f"{what}-{dialect}.svg").write_text(image, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line; ends with 1 where memory grew by more than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", nargs="*", default=["ways", "batches"], help=", ".join(PARTS))
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--batch-rows", type=int, default=5_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="a folder for SVG images")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "read.json")
    given = parser.parse_args(arguments)
    if unknown := set(given.what) - set(PARTS):
        parser.error(f"{', '.join(unknown)} cannot be measured, but {', '.join(PARTS)}")
    if given.what == ["plot"]:
        draw(json.loads(given.out.read_text(encoding="utf-8")), given.plot or given.out.parent)
        return
    result: dict[str, Any] = circumstances()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    for dialect in given.databases:
        result[dialect] = measure(dialect, given)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if given.plot:
        draw(result, given.plot)
    peaks = [one for dialect in given.databases for one in result[dialect].get("memory", [])]
    sys.exit(1 if any(one["growth"] > ALLOWED_GROWTH for one in peaks) else 0)


if __name__ == "__main__":
    main()
