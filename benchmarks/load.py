r"""How fast a flat load is, beside the database's own bulk path, the usual pipeline, and what else is in use.

    python -m benchmarks.load --rows 300000 --repeat 5 --out benchmarks/results/load.json
    python -m benchmarks.load --rows 1000000 --repeat 5 --ways bulk muniment arrow duckdb
    python -m benchmarks.load --database mariadb --ways bulk muniment

The ways of `benchmarks.load_ways`, in turn, the same file into the same table in a new database each time,
and each in a process of its own: what others have imported and left behind makes them slower. The tables are
there before the clock starts, and what each way has stored is compared when it stops. Beside the time of the
whole call stand the seconds that Muniment tells itself.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import muniment
from benchmarks import flat
from benchmarks.circumstances import circumstances
from benchmarks.databases import new_database
from benchmarks.load_ways import MODULES, TABLE, WAYS
from muniment.databases.url import parsed
from tests import servers

TARGET = 3.0
"""How many times as fast as the usual pipeline Muniment must be."""

USUAL_WAYS = ("bulk", "usual", "muniment")

SERVERS = {"postgresql": servers.postgresql, "mariadb": servers.mariadb}

SUMS = {
    "postgresql": ("sum(hashtextextended(concat_ws(chr(31), {}), 0))", ", "),
    "mysql": ("sum(crc32(concat_ws(char(31), {})))", ", "),
    "sqlite": ("sum(length({}))", " || "),
}
"""By dialect, a sum over all rows, and what stands between a row's cells in it."""


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
    engine = sa.create_engine(parsed(url))
    total, between = SUMS[engine.dialect.name]
    cells = total.format(between.join(f"coalesce({name}, '')" for name in flat.COLUMNS))
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT count(*), {cells} FROM {TABLE.name}").one()
    engine.dispose()
    return int(found[0]), int(found[1] or 0)


@contextmanager
def _database(server: str | None, folder: Path) -> Iterator[str]:
    """The URL of an empty database, on a server or else of SQLite."""
    if server:
        with new_database(server) as url:
            yield url
        return
    path = folder / "benchmark.db"
    yield f"sqlite:///{path}"
    for file in folder.glob("benchmark.db*"):
        file.unlink()


def timed(kind: str, name: str, source: Path, url: str) -> tuple[float, float | None]:
    """The seconds of one way, its modules imported, and those that it tells itself."""
    if name in MODULES:
        import_module(MODULES[name])
    began = time.perf_counter()
    told = WAYS[kind][name](source, url)
    return time.perf_counter() - began, told


def measure(
    source: Path, kind: str, server: str | None, repeat: int, folder: Path, ways: Sequence[str]
) -> tuple[dict[str, list[float]], int]:
    """Seconds of each way, in turn, `repeat` times; and the number of rows that each has stored.

    What Muniment tells itself stands beside the whole call, as `muniment told`.

    Raises:
        RuntimeError: two ways have stored different rows.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    contents: set[tuple[int, int]] = set()
    for round_number in range(repeat):
        for name in ways:
            with _database(server, folder) as url:
                prepare(url, folder)
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                    took, told = alone.submit(timed, kind, name, source, url).result()
                seconds[name].append(round(took, 3))
                if told is not None:
                    seconds.setdefault(f"{name} told", []).append(told)
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
        "muniment_tells_for_one_of": {
            name: round(medians["muniment told"] / median, 2) for name, median in medians.items()
        },
        "times_as_fast_as_usual": round(medians.get("usual", 0) / medians["muniment"], 2),
        "target": TARGET,
    }


def show(result: dict[str, Any]) -> None:
    """A table for people."""
    print(f"{result['rows']:,} rows of {len(flat.COLUMNS)} columns, {result['bytes'] / 1e6:.0f} MB; medians")
    for name, median in result["median_seconds"].items():
        print(f"  {name:10}{median:8.2f} s{result['rows_per_second'][name]:12,} rows/s")
    for told, key in (("takes", "muniment_seconds_for_one_of"), ("tells", "muniment_tells_for_one_of")):
        ratios = ", ".join(f"{ratio} of {name}" for name, ratio in result[key].items())
        print(f"  Muniment {told}: {ratios}")
    print(f"  {result['times_as_fast_as_usual']} times as fast as the usual pipeline ({TARGET:g} wanted)")
    print(json.dumps({key: result[key] for key in ("commit", "machine", "versions")}, indent=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line; ends with 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--repeat", type=int, default=5, help="rounds; the medians are told")
    parser.add_argument("--database", choices=WAYS, default="postgresql")
    parser.add_argument("--ways", nargs="+", help="all that are installed; by default bulk, usual, muniment")
    parser.add_argument("--to", help="URL of a server whose user may create databases; else one is started")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    given = parser.parse_args(arguments)
    kind, ways = given.database, given.ways or USUAL_WAYS
    if unknown := {*ways} - {*WAYS[kind]}:
        parser.error(f"{kind} has no such ways: {', '.join(unknown)}")
    with ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="muniment-benchmark-")))
        server = given.to
        if not server and kind in SERVERS:
            server = ending.enter_context(SERVERS[kind](durable=True))
        source = flat.write(folder / "flat.csv", given.rows)
        before = circumstances() | {"database": kind}
        seconds, rows = measure(source, kind, server, given.repeat, folder, ways)
        result = before | report(seconds, rows, source.stat().st_size)
    show(result)
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if "usual" in ways and result["times_as_fast_as_usual"] < TARGET else 0)


if __name__ == "__main__":
    main()
