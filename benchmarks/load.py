r"""How fast a flat load into PostgreSQL is, beside its own bulk path and beside the usual pipeline.

    python -m benchmarks.load --rows 300000 --repeat 5 --out benchmarks/results/load.json

Some ways, in turn, the same file into the same table in a new database each time:

- copy: `psql \copy`, which validates nothing: as fast as it gets.
- usual: `csv.DictReader`, a Pydantic model for each row, psycopg2's `execute_values` of 2,000 rows.
- muniment: the `table` profile, with its ledger, its quarantine and its account.
- arrow, duckdb: pyarrow's or DuckDB's reader of CSV and ADBC's binary COPY, which validate nothing either and
  keep no account; by `--ways`.

The tables are there before the clock starts, and what each way has stored is compared when it stops.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg2.extras import execute_values

import muniment
from benchmarks import flat
from benchmarks.circumstances import circumstances
from benchmarks.databases import new_database
from muniment.databases.url import parsed
from muniment.table import table_of
from tests import servers

BATCH_ROWS = 2_000
"""Rows of one INSERT in the usual pipeline: within the usual advice of 1,000 to 5,000."""

TARGET = 3.0
"""How many times as fast as the usual pipeline Muniment must be."""

TABLE = table_of(flat.Artwork)
LIST = ", ".join(flat.COLUMNS)


def by_copy(source: Path, url: str) -> None:
    r"""`psql \copy`."""
    target = conninfo_to_dict(url)
    # Not among the arguments, which every user of the machine can see.
    password = str(target.pop("password", ""))
    command = f"\\copy {TABLE.name} ({LIST}) FROM '{source}' WITH (FORMAT csv, HEADER true)"
    subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", f"--command={command}", make_conninfo("", **target)],
        check=True,
        env={**os.environ, "PGPASSWORD": password},
    )


def by_usual_pipeline(source: Path, url: str) -> None:
    """What one writes without thinking of speed: row by row, then many rows in an INSERT."""
    statement = f"INSERT INTO {TABLE.name} ({LIST}) VALUES %s"
    with source.open(encoding="utf-8", newline="") as file:
        models = (flat.Artwork(**row) for row in csv.DictReader(file))
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            while batch := [tuple(model.model_dump().values()) for model in islice(models, BATCH_ROWS)]:
                execute_values(cursor, statement, batch, page_size=BATCH_ROWS)
        connection.close()


def by_muniment(source: Path, url: str) -> None:
    """The public API, as its documentation has it."""
    run = muniment.load(source, model=flat.Artwork, to=url)
    if run.status != "done":
        raise RuntimeError(f"the load ended otherwise than done: {run}")


def by_arrow(source: Path, url: str) -> None:
    """Record batches of pyarrow's, by ADBC."""
    text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(flat.COLUMNS, pa.string()))
    _ingest(pyarrow.csv.open_csv(source, convert_options=text), url)


def by_duckdb(source: Path, url: str) -> None:
    """Record batches of DuckDB's, by ADBC."""
    rows = duckdb.read_csv(str(source), all_varchar=True)
    _ingest(rows.to_arrow_reader(), url)


def _ingest(batches: pa.RecordBatchReader, url: str) -> None:
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(TABLE.name, batches, mode="append")
        connection.commit()


WAYS: dict[str, Callable[[Path, str], None]] = {
    "copy": by_copy,
    "usual": by_usual_pipeline,
    "muniment": by_muniment,
    "arrow": by_arrow,
    "duckdb": by_duckdb,
}

USUAL_WAYS = ("copy", "usual", "muniment")


def prepare(url: str, folder: Path) -> None:
    """Make the table, and Muniment's own by loading a single row into another table."""
    single = flat.write(folder / "single.csv", 1)
    muniment.load(single, model=flat.Artwork, table="single", to=url)
    engine = sa.create_engine(parsed(url))
    with engine.begin() as connection:
        TABLE.create(connection)
    engine.dispose()


def content_of(url: str) -> tuple[int, int]:
    """The number of rows, and a sum over all their cells, in which nothing and empty text are the same."""
    cells = " || chr(31) || ".join(f"coalesce({name}, '')" for name in flat.COLUMNS)
    engine = sa.create_engine(parsed(url))
    with engine.connect() as connection:
        query = f"SELECT count(*), coalesce(sum(hashtextextended({cells}, 0)), 0) FROM {TABLE.name}"
        count, total = connection.exec_driver_sql(query).one()
    engine.dispose()
    return int(count), int(total)


def measure(
    source: Path, server: str, repeat: int, folder: Path, ways: Sequence[str]
) -> tuple[dict[str, list[float]], int]:
    """Seconds of each way, in turn, `repeat` times; and the number of rows that each has stored.

    Raises:
        RuntimeError: two ways have stored different rows.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    contents: set[tuple[int, int]] = set()
    for round_number in range(repeat):
        for name in ways:
            with new_database(server) as url:
                prepare(url, folder)
                began = time.perf_counter()
                WAYS[name](source, url)
                seconds[name].append(round(time.perf_counter() - began, 3))
                contents.add(content_of(url))
            print(f"round {round_number + 1}: {name} {seconds[name][-1]:.2f} s", file=sys.stderr)
            if len(contents) > 1:
                raise RuntimeError(f"{name} has stored other rows than those before it: {contents}")
    return seconds, contents.pop()[0]


def report(seconds: dict[str, list[float]], rows: int, size: int) -> dict[str, Any]:
    """Medians, rates and ratios."""
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    return {
        "rows": rows,
        "bytes": size,
        "seconds": seconds,
        "median_seconds": medians,
        "rows_per_second": {name: round(rows / median) for name, median in medians.items()},
        "muniment_seconds_for_one_of": {
            name: round(medians["muniment"] / median, 2) for name, median in medians.items()
        },
        "times_as_fast_as_usual": round(medians["usual"] / medians["muniment"], 2),
        "target": TARGET,
    }


def show(result: dict[str, Any]) -> None:
    """A table for people."""
    print(f"{result['rows']:,} rows of {len(flat.COLUMNS)} columns, {result['bytes'] / 1e6:.0f} MB; medians")
    for name, median in result["median_seconds"].items():
        print(f"  {name:10}{median:8.2f} s{result['rows_per_second'][name]:12,} rows/s")
    ratios = result["muniment_seconds_for_one_of"].items()
    print("  Muniment takes " + ", ".join(f"{ratio} times as long as {name}" for name, ratio in ratios) + ",")
    print(
        f"  and is {result['times_as_fast_as_usual']} times as fast as the usual pipeline ({TARGET:g} wanted)"
    )
    print(json.dumps({key: result[key] for key in ("commit", "machine", "versions")}, indent=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line; ends with 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--repeat", type=int, default=5, help="rounds; the medians are told")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=USUAL_WAYS, help="beside the usual three")
    parser.add_argument("--to", help="URL of a server whose user may create databases; else one is started")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-benchmark-")))
        server = given.to or ending.enter_context(servers.postgresql(durable=True))
        source = flat.write(folder / "flat.csv", given.rows)
        before = circumstances()
        seconds, rows = measure(
            source, server, given.repeat, folder, [*dict.fromkeys((*USUAL_WAYS, *given.ways))]
        )
        result = before | report(seconds, rows, source.stat().st_size)
    show(result)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if result["times_as_fast_as_usual"] >= TARGET else 1)


if __name__ == "__main__":
    main()
