r"""How a load goes with more workers, and with more that is loaded already.

    python -m benchmarks.scale --rows 1000000 --workers 1 2 --out benchmarks/results/scale.json
    python -m benchmarks.scale --rows 0 --workers 1 --objects 100000 --before 0 1000000 10000000 --repeat 3

- workers: a flat load into PostgreSQL with each number of workers, in turn with as many `psql \copy` at once,
  each of its share of the lines.
- table size: loads of further objects of a museum of which so many are there already, with all constraints,
  by one worker; how many µs an object takes, and how many times as many as where there is none. Of ten
  million objects the export takes 9 GB of disk, and the database 28.

`seconds` of Muniment is what the load reports of itself; that of the whole process, with its imports, stands
beside it.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import muniment
from benchmarks import flat
from benchmarks.circumstances import ROOT, circumstances
from benchmarks.collection import COLUMNS, Collection
from benchmarks.databases import new_database
from benchmarks.load import content_of, prepare
from benchmarks.load_ways import by_psql
from muniment.databases import connect
from tests import servers

MAPPING = ROOT / "examples" / "sample" / "mapping.toml"

SEED = 7
"""Of the museum: all exports are of the same one."""

LOADER = """
import json, sys, muniment
from benchmarks import flat
if __name__ == "__main__":
    source, url, workers = sys.argv[1:]
    run = muniment.load(source, model=flat.Artwork, to=url, workers=int(workers))
    print(json.dumps([run.status, run.seconds, run.peak_rss_bytes]))
"""


def shares(source: Path, count: int) -> list[Path]:
    """The lines of a file in so many files, each with its header. Its records have no line ends."""
    with source.open("rb") as file:
        header, *lines = file.readlines()
    size = -(-len(lines) // count)
    paths = []
    for number in range(count):
        path = source.with_name(f"share{number}of{count}.csv")
        path.write_bytes(header + b"".join(lines[number * size : (number + 1) * size]))
        paths.append(path)
    return paths


def copy_at_once(sources: Sequence[Path], url: str) -> float:
    r"""Seconds that several `\copy` take at once."""
    began = time.perf_counter()
    with ThreadPoolExecutor(len(sources)) as together:
        list(together.map(by_psql, sources, [url] * len(sources)))
    return time.perf_counter() - began


def load_with(workers: int, source: Path, url: str) -> dict[str, float]:
    """What a load with so many workers takes."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "loader.py"
        script.write_text(LOADER)
        done = subprocess.run(
            [sys.executable, script, source, url, str(workers)],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PATH": "/usr/bin:/bin"},
        )
    status, seconds, peak = json.loads(done.stdout)
    if status != "done":
        raise RuntimeError(f"the load ended otherwise than done: {status}")
    return {"seconds": seconds, "process": time.perf_counter() - began, "peak_mib": peak / 2**20}


def by_workers(server: str, rows: int, counts: Sequence[int], repeat: int, folder: Path) -> dict[str, Any]:
    """Seconds of the flat load with each number of workers, and of its limits."""
    source = flat.write(folder / "flat.csv", rows)
    parts = {count: shares(source, count) if count > 1 else [source] for count in counts}
    told: dict[str, dict[str, list[float]]] = {}
    contents = set()
    for _ in range(repeat):
        for count in counts:
            with new_database(server) as url:
                prepare(url, folder)
                copied = {"seconds": copy_at_once(parts[count], url)}
                contents.add(content_of(url))
            with new_database(server) as url:
                prepare(url, folder)
                loaded = load_with(count, source, url)
                contents.add(content_of(url))
            for name, measured in ((f"copy {count}", copied), (f"muniment {count}", loaded)):
                for what, value in measured.items():
                    told.setdefault(name, {}).setdefault(what, []).append(round(value, 3))
                print(f"{name}: {measured['seconds']:.2f} s", file=sys.stderr)
    if len(contents) > 1:
        raise RuntimeError(f"different rows were stored: {contents}")
    medians = {
        name: {what: statistics.median(each) for what, each in ways.items()} for name, ways in told.items()
    }
    ratios = {
        str(n): round(medians[f"muniment {n}"]["seconds"] / medians[f"copy {n}"]["seconds"], 2)
        for n in counts
    }
    return {"rows": rows, "measured": told, "medians": medians, "muniment_seconds_for_one_of_copy": ratios}


def write_museum(path: Path, collection: Collection, first: int, count: int) -> Path:
    """An export of so many objects, the first of which has this number."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(map(collection.record, range(first, first + count)))
    return path


def load_museum(source: Path, url: str, workers: int = 1) -> muniment.Run:
    """Load an export of the museum, which is removed."""
    run = muniment.load(source, mapping=MAPPING, to=url, workers=workers)
    source.unlink()
    if run.status != "done":
        raise RuntimeError(f"the load ended otherwise than done: {run}")
    return run


def tidy_up(url: str) -> None:
    """Have the server do at once what it would do by and by, while something is measured."""
    with closing(connect(url)) as database, database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def by_size(
    server: str, objects: int, sizes: Sequence[int], repeat: int, workers: int, folder: Path
) -> list[dict[str, Any]]:
    """What loads cost into a database that holds so many objects already, its constraints in place."""
    told: list[dict[str, Any]] = []
    for before in sizes:
        collection = Collection(SEED)
        with new_database(server) as url:
            # Even where nothing shall be there: into empty tables it would be a first load.
            held = max(before, 1)
            filled = load_museum(write_museum(folder / "before.csv", collection, 1, held), url, workers)
            tidy_up(url)
            costs = []
            for part in range(repeat):
                first = held + part * objects + 1
                source = write_museum(folder / "more.csv", collection, first, objects)
                costs.append(round(load_museum(source, url).seconds / objects * 1e6, 1))
                print(f"{before:,} objects before: {costs[-1]:.0f} µs an object", file=sys.stderr)
        told.append(
            {
                "objects_before": before,
                "seconds_to_fill": filled.seconds,
                "microseconds": costs,
                "median": statistics.median(costs),
            }
        )
    for each in told:
        each["times_as_much"] = round(each["median"] / told[0]["median"], 2)
    return told


def show(result: dict[str, Any]) -> None:
    """Tables for people."""
    if workers := result["workers"]:
        print(f"{workers['rows']:,} rows of {len(flat.COLUMNS)} columns; medians")
        for name, medians in workers["medians"].items():
            print(f"  {name:12}" + ", ".join(f"{what} {value:.2f}" for what, value in medians.items()))
        for count, ratio in workers["muniment_seconds_for_one_of_copy"].items():
            print(f"  {count} workers take {ratio} times as long as {count} \\copy at once")
    for each in result["size"]:
        cost = f"{each['median']:.0f} µs an object, {each['times_as_much']} times as much"
        print(f"  {each['objects_before']:>12,} objects before ({each['seconds_to_fill']:.0f} s): {cost}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the flat load; 0: none")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=5, help="rounds; the medians are told")
    parser.add_argument("--objects", type=int, default=0, help="of an export of the museum; 0: none")
    parser.add_argument(
        "--before", type=int, nargs="+", default=[0, 1_000_000], help="objects of the museum that are there"
    )
    parser.add_argument("--to", help="URL of a server whose user may create databases; else one is started")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-benchmark-")))
        server = given.to or ending.enter_context(servers.postgresql(durable=True))
        result = circumstances()
        workers = by_workers(server, given.rows, given.workers, given.repeat, folder) if given.rows else None
        size = []
        if given.objects:
            most = max(given.workers)
            size = by_size(server, given.objects, given.before, given.repeat, most, folder)
        result |= {"workers": workers, "size": size}
    show(result)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
