r"""How fast museum records are loaded into PostgreSQL, beside the limit of that: `psql \copy` of their rows.

    python -m benchmarks.museum --rows 100000 --repeat 3 --out benchmarks/results/museum.json

A made-up export is loaded once, and the rows that it came to are kept as files. Then, in turn, each time in a
new database:

- in use: the load into a database that holds another museum's record, with its ledger and its quarantine.
- first: the load into empty tables, whose foreign keys are built after the rows; also with two workers.
- copy: `\copy` of the rows into the tables with all their constraints.
- built: `\copy` into the tables without their foreign keys, which are built afterwards.

`seconds` is what the load reports of itself, hashing the file included; of `\copy` it is the whole call.
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
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.schema import AddConstraint

import muniment
from benchmarks.circumstances import ROOT, circumstances
from benchmarks.databases import new_database
from benchmarks.make_export import write_export
from muniment.databases import connect
from muniment.databases.foreign_keys import BUILDING_MEMORY, keys_of, take_away
from muniment.ledger import run_table, source_table
from muniment.museum import tables
from muniment.museum.mapping import Mapping
from muniment.museum.profile import MuseumProfile
from muniment.run import prepare
from tests import servers

MAPPING = ROOT / "examples" / "sample" / "mapping.toml"

TABLES = (source_table, run_table, *tables.ALL)
"""What is copied: the rows of the museum, and those of the ledger that they refer to."""

TARGETS = {"in use": ("copy", 1.10), "first": ("copy", 0.45), "2 workers": ("built", 1.4)}
"""What each load is measured by, and how many times as long it may take."""


def write(path: Path, rows: int) -> Path:
    """A made-up export without defects."""
    with path.open("wb") as out:
        write_export(out, rows=rows, seed=7, defects="none", thumbnails=0, truth=None)
    return path


def load(source: Path, url: str, workers: int = 1) -> muniment.Run:
    """Load by the sample's mapping."""
    run = muniment.load(source, mapping=MAPPING, to=url, workers=workers)
    if run.status != "done" or run.account.quarantined:
        raise RuntimeError(f"the load ended otherwise than done: {run}")
    return run


def load_other_museum(source: Path, url: str) -> None:
    """Load the records of another museum, so that the tables are not empty."""
    text = MAPPING.read_text(encoding="utf-8").replace('id = "sample"', 'id = "other"')
    muniment.load(source, mapping=Mapping.parse(text), to=url)


def by_psql(url: str, commands: Sequence[str]) -> None:
    """Commands of psql's, in one call of it and one transaction."""
    target = conninfo_to_dict(url)
    password = str(target.pop("password", ""))  # not among the arguments, which every user can see
    subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
        + [f"--command={command}" for command in commands]
        + [make_conninfo("", **target)],
        check=True,
        env={**os.environ, "PGPASSWORD": password},
    )


class Limit:
    """The rows that an export came to, in files."""

    def __init__(self, source: Path, server: str, folder: Path) -> None:
        self._folder = folder
        with new_database(server) as url:
            load(source, url)
            self.counts = counted(url)
            by_psql(url, [f"\\copy {table.name} TO '{self._file(table)}'" for table in TABLES])

    def _file(self, table: sa.Table) -> Path:
        return self._folder / f"{table.name}.copy"

    def copy(self, url: str) -> None:
        r"""`\copy` them back."""
        by_psql(url, [f"\\copy {table.name} FROM '{self._file(table)}'" for table in TABLES])


def counted(url: str) -> dict[str, int]:
    """The rows of each table."""
    with closing(connect(url)) as database, database.engine.connect() as connection:
        return {
            table.name: int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
            for table in tables.ALL
        }


def make_tables(url: str) -> None:
    """The schema, and nothing in it."""
    with closing(connect(url)) as database:
        prepare(database, MuseumProfile(Mapping.read(MAPPING)))


def ways(source: Path, single: Path, limit: Limit) -> dict[str, Callable[[str], float]]:
    """Each way: seconds that it takes in an empty database."""

    def in_use(url: str) -> float:
        load_other_museum(single, url)
        return load(source, url).seconds

    def first(url: str) -> float:
        make_tables(url)
        return load(source, url).seconds

    def first_by_two(url: str) -> float:
        make_tables(url)
        return load(source, url, workers=2).seconds

    def copy(url: str) -> float:
        make_tables(url)
        began = time.perf_counter()
        limit.copy(url)
        return time.perf_counter() - began

    def built(url: str) -> float:
        make_tables(url)
        keys = keys_of(tables.ALL)
        with closing(connect(url)) as database:
            began = time.perf_counter()
            with database.transaction() as transaction:
                take_away(transaction, keys)
            limit.copy(url)
            for key in keys:  # one by one, as a script would
                with database.transaction() as transaction:
                    transaction.execute(sa.text(f"SET LOCAL maintenance_work_mem = '{BUILDING_MEMORY}'"))
                    transaction.execute(AddConstraint(key))
            return time.perf_counter() - began

    return {"copy": copy, "in use": in_use, "first": first, "built": built, "2 workers": first_by_two}


def measure(
    source: Path, server: str, repeat: int, folder: Path
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Seconds of each way, in turn, `repeat` times; and the rows of each table.

    Raises:
        RuntimeError: a way has stored another number of rows.
    """
    limit = Limit(source, server, folder)
    single = write(folder / "single.csv", 1)
    found = ways(source, single, limit)
    seconds: dict[str, list[float]] = {name: [] for name in found}
    for round_number in range(repeat):
        for name, way in found.items():
            with new_database(server) as url:
                seconds[name].append(round(way(url), 3))
                stored = counted(url)["object"]
                if stored != limit.counts["object"] + (name == "in use"):
                    raise RuntimeError(f"{name} has stored {stored} objects")
            print(f"round {round_number + 1}: {name} {seconds[name][-1]:.2f} s", file=sys.stderr)
    return seconds, limit.counts


def report(seconds: dict[str, list[float]], counts: dict[str, int]) -> dict[str, Any]:
    """Medians, and ratios to what they are measured by."""
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    objects = counts["object"]
    return {
        "objects": objects,
        "rows": sum(counts.values()),
        "rows_by_table": counts,
        "seconds": seconds,
        "median_seconds": medians,
        "microseconds_an_object": {name: round(m / objects * 1e6, 1) for name, m in medians.items()},
        "ratios": {name: round(medians[name] / medians[by], 2) for name, (by, _) in TARGETS.items()},
        "targets": {name: target for name, (_, target) in TARGETS.items()},
    }


def show(result: dict[str, Any]) -> None:
    """A table for people."""
    print(f"{result['objects']:,} objects, {result['rows']:,} rows; medians")
    for name, median in result["median_seconds"].items():
        print(f"  {name:10}{median:8.2f} s{result['microseconds_an_object'][name]:8.1f} µs an object")
    for name, ratio in result["ratios"].items():
        by, target = TARGETS[name]
        print(f"  {name}: {ratio} times as long as {by} ({target:g} wanted)")
    print(json.dumps({key: result[key] for key in ("commit", "machine", "versions")}, indent=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line; ends with 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=100_000, help="records of the export")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; the medians are told")
    parser.add_argument("--to", help="URL of a server whose user may create databases; else one is started")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-benchmark-")))
        server = given.to or ending.enter_context(servers.postgresql(durable=True))
        source = write(folder / "export.csv", given.rows)
        before = circumstances()
        result = before | report(*measure(source, server, given.repeat, folder))
    show(result)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if all(result["ratios"][name] <= target for name, (_, target) in TARGETS.items()) else 1)


if __name__ == "__main__":
    main()
