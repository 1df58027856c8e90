r"""How a load goes with more workers, and with more that is loaded already.

    python -m benchmarks.scale --rows 1000000 --workers 1 2 --out benchmarks/results/scale.json
    python -m benchmarks.scale --rows 0 --objects 20000 --parts 5

- workers: a flat load into PostgreSQL with each number of workers, in turn with as many `psql \copy` at once,
  each of its share of the lines.
- table size: exports of the same museum, one after the other into one database; each tells its rows a
  second, and how many objects were there before.

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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import muniment
from benchmarks import flat
from benchmarks.circumstances import ROOT, circumstances
from benchmarks.collection import COLUMNS, Collection
from benchmarks.databases import new_database
from benchmarks.load import content_of, prepare
from benchmarks.load_ways import by_psql
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


def by_size(server: str, objects: int, parts: int, workers: int, folder: Path) -> list[dict[str, float]]:
    """Rows a second of exports that are loaded one upon the other."""
    told = []
    collection = Collection(SEED)
    with new_database(server) as url:
        for part in range(parts):
            source = folder / f"part{part}.csv"
            with source.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                first = part * objects + 1
                writer.writerows(map(collection.record, range(first, first + objects)))
            run = muniment.load(source, mapping=MAPPING, to=url, workers=workers)
            if run.status != "done":
                raise RuntimeError(f"the load ended otherwise than done: {run}")
            told.append(
                {
                    "objects_before": part * objects,
                    "seconds": run.seconds,
                    "rows_per_second": run.rows_per_second,
                }
            )
            print(f"{part * objects:,} before: {run.rows_per_second:,.0f} rows/s", file=sys.stderr)
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
        print(f"  {each['objects_before']:>12,} objects before: {each['rows_per_second']:,.0f} rows/s")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the flat load; 0: none")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=5, help="rounds; the medians are told")
    parser.add_argument("--objects", type=int, default=0, help="of each export of the museum; 0: none")
    parser.add_argument("--parts", type=int, default=5, help="exports of the museum")
    parser.add_argument("--to", help="URL of a server whose user may create databases; else one is started")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-benchmark-")))
        server = given.to or ending.enter_context(servers.postgresql(durable=True))
        result = circumstances()
        workers = by_workers(server, given.rows, given.workers, given.repeat, folder) if given.rows else None
        most = max(given.workers)
        size = by_size(server, given.objects, given.parts, most, folder) if given.objects else []
        result |= {"workers": workers, "size": size}
    show(result)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
