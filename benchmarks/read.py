"""Speed and memory of ways of reading a table, beside each other, on each database.

    python -m benchmarks.read --rows 300000 --repeat 3 --databases sqlite postgresql mariadb
    python -m benchmarks.read --rows 100000 1000000 --repeat 1 --ways "muniment tuples"     memory only
    python -m benchmarks.read --sweep                                                   batch sizes
    python -m benchmarks.read --depth                                                   OFFSET against keys

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
from benchmarks.plot import Points, curves
from benchmarks.read_ways import ONLY_ON, TABLE, WAYS, metadata, query
from muniment.databases import connect

BATCHES = (10, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
SWEPT = ("muniment tuples", "muniment arrow", "muniment pages", "raw cursor")
FLAT = [way for way in WAYS if way.startswith("muniment")]
DEPTHS = 10
PAGE = 1_000


@contextmanager
def filled(dialect: str, rows: int) -> Iterator[str]:
    """The URL of a database that has a table of so many rows to read."""
    with ExitStack() as ending:
        if dialect == "sqlite":
            folder = ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-benchmark-"))
            url = f"sqlite:///{folder}/benchmark.db"
        else:
            url = ending.enter_context(new_database(ending.enter_context(SERVERS[dialect]())))
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


def compare(dialect: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each way and size: medians of its times, and the largest of its peaks."""
    ways = [way for way in given.ways if dialect in ONLY_ON.get(way, DATABASES)]
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    with filled(dialect, max(given.rows)) as url:
        for _ in range(given.repeat):
            for rows in given.rows:
                for way in ways:
                    found.setdefault((way, rows), []).append(measured(way, url, rows, given.batch_rows))
    table = []
    for (way, rows), runs in found.items():
        seconds, processor = (
            statistics.median(run[name] for run in runs) for name in ("seconds", "processor")
        )
        peak = max(run["peak_bytes"] for run in runs)
        table.append({"database": dialect, "way": way, "rows": rows, "seconds": seconds})
        table[-1] |= {"processor": processor, "peak_bytes": peak}
        print(
            f"{dialect:11}{way:22}{rows:10,} rows{seconds:8.2f} s{processor:8.2f} s of processor"
            f"{rows / seconds:12,.0f} rows/s{peak / 1e6:8.0f} MB",
            flush=True,
        )
    return table


def growth(table: Sequence[dict[str, Any]]) -> list[str]:
    """The ways that shall be flat and took more memory for more rows."""
    grown = []
    for way, dialect in {(one["way"], one["database"]) for one in table if one["way"] in FLAT}:
        peaks = {
            one["rows"]: one["peak_bytes"] for one in table if (one["way"], one["database"]) == (way, dialect)
        }
        times = peaks[max(peaks)] / peaks[min(peaks)]
        if len(peaks) > 1:
            print(f"{dialect:11}{way:22}{times:6.3f} times  {'GREW' if times > ALLOWED_GROWTH else 'flat'}")
        if times > ALLOWED_GROWTH:
            grown.append(f"{dialect} {way}")
    return grown


def sweep(dialect: str, rows: int, repeat: int) -> dict[str, Points]:
    """Rows a second by rows of a batch, for the ways that fetch in batches."""
    series: dict[str, Points] = {}
    with filled(dialect, rows) as url:
        for way in SWEPT:
            points = []
            for batch in BATCHES:
                runs = [measured(way, url, rows, batch)["seconds"] for _ in range(repeat)]
                points.append((float(batch), rows / statistics.median(runs)))
                print(f"{dialect:11}{way:22}{batch:8,} a batch{points[-1][1]:12,.0f} rows/s", flush=True)
            series[way] = points
    return series


def depth(dialect: str, rows: int, repeat: int) -> dict[str, Points]:
    """Milliseconds for a page by how many rows stand before it, by OFFSET and by key."""
    series: dict[str, list[tuple[float, float]]] = {"OFFSET": [], "by key": []}
    with (
        filled(dialect, rows) as url,
        closing(connect(url)) as database,
        database.engine.connect() as connection,
    ):
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line; ends with 1 where memory grew by more than is allowed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[300_000])
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--batch-rows", type=int, default=5_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--sweep", action="store_true", help="sizes of batches instead")
    parser.add_argument("--depth", action="store_true", help="pages by OFFSET and by key instead")
    parser.add_argument("--plot", type=Path, help="a folder for SVG images")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    result: dict[str, Any] = circumstances()
    grown: list[str] = []
    for dialect in given.databases:
        if given.sweep or given.depth:
            name = "sweep" if given.sweep else "depth"
            series = (sweep if given.sweep else depth)(dialect, max(given.rows), given.repeat)
            result[f"{name} {dialect}"] = series
            if given.plot:
                given.plot.mkdir(parents=True, exist_ok=True)
                (given.plot / f"{name}-{dialect}.svg").write_text(
                    _image(name, dialect, series), encoding="utf-8"
                )
        else:
            table = compare(dialect, given)
            result[dialect] = table
            grown += growth(table)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if grown else 0)


def _image(name: str, dialect: str, series: dict[str, Points]) -> str:
    if name == "sweep":
        return curves(f"{dialect}: rows a second", "rows of a batch", "rows a second", series)
    return curves(f"{dialect}: a page of {PAGE:,} rows", "rows before the page", "milliseconds", series)


if __name__ == "__main__":
    main()
