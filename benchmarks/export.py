"""Speed and memory of exports of a museum's collection, by format and number of processes, on each database.

    python -m benchmarks.export --formats lido linked-art --workers 1 2      speed
    python -m benchmarks.export --objects 100000 1000000                     memory

Every export is a process of its own, and what counts is the whole of it, from its start to its end. More
than `LOADED` objects are those of the load several times over, under other numbers: to load a million would
take longer than to export it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
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
from benchmarks.make_export import write_export
from benchmarks.memory import ALLOWED_GROWTH, DATABASES, MAPPING, SERVERS
from benchmarks.peak import Measured, measured
from muniment.databases import connect
from muniment.exporting import PUBLISHED, ROW_FORMATS
from muniment.museum import tables

FORMATS = (*PUBLISHED, *ROW_FORMATS)

LOADED = 100_000
"""Objects that are loaded; further ones are copies of these."""

KEYS = ("record_key", "accession", "unique_accession")
"""Columns of `object` that differ from object to object."""

TO_REACH = {"lido": 5_000, "linked-art": 8_000}
"""Objects a second that the formats shall reach on two cores, with as many processes."""


@contextmanager
def collection(dialect: str, objects: int) -> Iterator[str]:
    """The URL of a database that holds so many objects, a hundred thousand at the most."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-benchmark-")))
        if dialect == "sqlite":
            url = f"sqlite:///{folder}/benchmark.db"
        else:
            url = ending.enter_context(new_database(ending.enter_context(SERVERS[dialect]())))
        source = folder / "source.csv"
        with source.open("wb") as out:
            write_export(out, rows=objects, seed=1, defects="none")
        measured("load", source, "--mapping", MAPPING, "--to", url)
        source.unlink()
        yield url


def multiply(url: str, loaded: int, before: int, objects: int) -> None:
    """Add copies of the loaded objects, with all their parts, to those of before until there are so many."""
    with closing(connect(url)) as database, database.engine.connect() as connection:
        first: int = connection.execute(sa.select(sa.func.min(tables.object_.c.object_id))).scalar_one()
        for shift in range(before, objects, loaded):
            last = first + min(loaded, objects - shift) - 1
            for table in (tables.object_, *tables.PARTS_OF_OBJECT):
                columns = [_shifted(column, shift) for column in table.columns]
                query = sa.select(*columns).where(table.c.object_id.between(first, last))
                connection.execute(table.insert().from_select(table.c.keys(), query))
            connection.commit()


def _shifted(column: sa.Column[Any], shift: int) -> sa.ColumnElement[Any]:
    """A column of a copy, which has keys of its own."""
    if column.name == "object_id":
        return column + shift
    return column.concat(f"/{shift}") if column.name in KEYS else column


def exported(what: str, url: str, objects: int, workers: int) -> dict[str, Any]:
    """One export: elapsed and processor time in seconds, bytes of its files, and the parent's peak."""
    with tempfile.TemporaryDirectory(prefix="muniment-benchmark-") as folder:
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        told: Measured = measured("export", what, "--to-dir", folder, "--db", url, "--workers", workers)
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        manifest = json.loads(Path(folder, "manifest.json").read_text(encoding="utf-8"))
    if told.account["records"]["objects"] != objects:
        raise RuntimeError(f"{what} has {told.account['records']} of {objects} objects")
    return {
        "seconds": seconds,
        "processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "bytes": sum(file["bytes"] for file in manifest["files"]),
        "peak_bytes": told.peak_bytes,
    }


def measure(dialect: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each size, format and number of processes: medians of times, and the largest peak."""
    rows = []
    loaded = min(LOADED, *given.objects)
    with collection(dialect, loaded) as url:
        holds = loaded
        for objects in sorted(given.objects):
            multiply(url, loaded, holds, objects)
            holds = objects
            for what in given.formats:
                for workers in given.workers:
                    runs = [exported(what, url, objects, workers) for _ in range(given.repeat)]
                    row = {"database": dialect, "format": what, "objects": objects, "workers": workers}
                    row |= {name: statistics.median(run[name] for run in runs) for name in runs[0]}
                    row["peak_bytes"] = max(run["peak_bytes"] for run in runs)
                    row["objects_per_second"] = objects / row["seconds"]
                    rows.append(row)
                    _show(row)
    return rows


def _show(row: dict[str, Any]) -> None:
    print(
        f"{row['database']:11}{row['format']:11}{row['objects']:10,} objects{row['workers']:3} processes"
        f"{row['seconds']:8.1f} s{row['processor']:8.1f} s of processor"
        f"{row['objects_per_second']:10,.0f} objects/s{row['bytes'] / 1e6:9,.0f} MB of files"
        f"{row['peak_bytes'] / 1e6:7.0f} MB peak",
        flush=True,
    )


def shortcomings(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Formats that are slower than they shall be with most processes, and peaks that grew."""
    found = []
    most = max(row["workers"] for row in rows)
    for row in rows:
        wanted = TO_REACH.get(row["format"], 0)
        if row["workers"] == most > 1 and row["objects_per_second"] < wanted:
            found.append(f"{row['database']} {row['format']}: fewer than {wanted:,} objects/s")
        same = [
            one["peak_bytes"]
            for one in rows
            if all(one[name] == row[name] for name in ("database", "format", "workers"))
        ]
        if row["peak_bytes"] > same[0] * ALLOWED_GROWTH:
            found.append(f"{row['database']} {row['format']}: {row['objects']:,} objects took more memory")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line; ends with 1 where something falls short."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[LOADED])
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=("sqlite", "postgresql"))
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--workers", type=int, nargs="+", default=[1])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    result = circumstances() | {"cores": os.cpu_count()}
    result["exports"] = [row for dialect in given.databases for row in measure(dialect, given)]
    found = shortcomings(result["exports"])
    for line in found:
        print(line)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
