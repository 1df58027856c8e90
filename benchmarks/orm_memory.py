"""Facts and dimensions: memory against the number of lines, and time, of the usual ways and of Muniment.

    python -m benchmarks.orm_memory --plot docs/explanation --out benchmarks/results/orm_memory.json

A table of products is there. A file has twice as many lines, each with a product's business key and a metric,
and each line becomes a row of `sale` with the product's number; one in a hundred names a product that there
is not, and is left out. Each way is a process of its own. What it stored is compared with what the lines say.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from importlib.abc import MetaPathFinder
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from benchmarks.circumstances import circumstances
from benchmarks.peak import peak_bytes
from muniment.cli.curves import curves

SEED = 6
"""The same lines each time."""

BATCH_ROWS = 10_000
"""Rows that the ways which write in batches hold at once."""

MISSING_SHARE = 0.01

MIB = 1024 * 1024

MAPPING = """
profile = "table"
[table]
name = "sale"
surrogate = "sale_id"
[columns]
product_id = { lookup = "product", by = "business_key", from = "sku", required = true }
metric = { type = "integer", required = true }
"""


class Base(orm.DeclarativeBase):
    """Tables of all ways."""


class Product(Base):
    """The dimension."""

    __tablename__ = "product"
    product_id: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    business_key: orm.Mapped[str] = orm.mapped_column(sa.String(40), unique=True)
    label: orm.Mapped[str] = orm.mapped_column(sa.String(80))


class Sale(Base):
    """The fact."""

    __tablename__ = "sale"
    sale_id: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    product_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("product.product_id"))
    metric: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)


def key_of(number: int) -> str:
    """The business key of a product."""
    return f"SKU-{number * 7919 % 100_000_007:08d}"


def write_lines(path: Path, products: int) -> Path:
    """Write the file: twice as many lines as products."""
    chosen = Random(SEED)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sku", "metric"))
        for _ in range(2 * products):
            missing = chosen.random() < MISSING_SHARE
            key = f"GONE-{chosen.randint(1, 999)}" if missing else key_of(chosen.randint(1, products))
            writer.writerow((key, chosen.randint(0, 10**9)))
    return path


def truth(path: Path, products: int) -> tuple[int, int, int]:
    """Count, sum, and sum of products with numbers of what is to be stored, computed from the lines alone."""
    numbers = {key_of(number): number for number in range(1, products + 1)}
    told = [(numbers[sku], int(metric)) for sku, metric in lines(path) if sku in numbers]
    return len(told), sum(metric for _, metric in told), sum(n * (metric % 1_000) for n, metric in told)


def stored(url: str) -> tuple[int, int, int]:
    """The same of what is stored."""
    query = "SELECT count(*), sum(metric), sum(product_id * (metric % 1000)) FROM sale"
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        count, total, mixed = (int(value) for value in tuple(connection.execute(sa.text(query)).one()))
    engine.dispose()
    return count, total, mixed


def make_tables(url: str, products: int) -> None:
    """Create both tables, and fill the dimension."""
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    rows = (
        {"product_id": n, "business_key": key_of(n), "label": f"Product {n}"} for n in range(1, products + 1)
    )
    with engine.begin() as connection:
        for batch in batches(rows):
            connection.execute(sa.insert(Product), batch)
    engine.dispose()


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        yield from ((sku, metric) for sku, metric in reader)


def batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    """Rows, so many at a time."""
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def numbers_by_key(connection: sa.Connection) -> dict[str, int]:
    """The products' numbers, without instances."""
    rows = connection.execute(sa.select(Product.business_key, Product.product_id))
    return {row.business_key: row.product_id for row in rows}


def by_orm_add(path: Path, engine: sa.Engine) -> None:
    """An instance for each product and each sale; one commit at the end."""
    with orm.Session(engine) as session:
        products = {product.business_key: product for product in session.scalars(sa.select(Product))}
        for sku, metric in lines(path):
            if sku in products:
                session.add(Sale(product_id=products[sku].product_id, metric=int(metric)))
        session.commit()


def by_orm_bulk(path: Path, engine: sa.Engine) -> None:
    """An instance for each product, a dict for each sale, inserted together."""
    with orm.Session(engine) as session:
        products = {product.business_key: product for product in session.scalars(sa.select(Product))}
        rows = [
            {"product_id": products[sku].product_id, "metric": int(metric)}
            for sku, metric in lines(path)
            if sku in products
        ]
        session.execute(sa.insert(Sale), rows)
        session.commit()


def by_core(path: Path, engine: sa.Engine) -> None:
    """Numbers by key in a dict; a dict for each sale, inserted in batches."""
    with engine.begin() as connection:
        numbers = numbers_by_key(connection)
        rows = (
            {"product_id": numbers[sku], "metric": int(metric)}
            for sku, metric in lines(path)
            if sku in numbers
        )
        for batch in batches(rows):
            connection.execute(sa.insert(Sale.__table__), batch)  # type: ignore[arg-type]  # it is a table


def by_tuples(path: Path, engine: sa.Engine) -> None:
    """Numbers by key in a dict; a tuple for each sale, by the driver's `executemany`."""
    mark = "?" if engine.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO sale (product_id, metric) VALUES ({mark}, {mark})"
    with engine.begin() as connection:
        numbers = numbers_by_key(connection)
        cursor: Any = connection.connection.cursor()
        rows = ((numbers[sku], int(metric)) for sku, metric in lines(path) if sku in numbers)
        for batch in batches(rows):
            cursor.executemany(statement, batch)


def by_pandas(path: Path, engine: sa.Engine) -> None:
    """`merge`, then `to_sql` in batches."""
    pd: Any = import_module("pandas")  # late: it must not burden the other ways

    products = pd.read_sql("SELECT business_key AS sku, product_id FROM product", engine)
    sales = pd.read_csv(path).merge(products, on="sku")[["product_id", "metric"]]
    sales.to_sql("sale", engine, if_exists="append", index=False, chunksize=BATCH_ROWS)


class WithoutPandas(MetaPathFinder):
    """Says of pandas that it is not installed."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:  # noqa: D102
        if name == "pandas":
            raise ImportError


def by_muniment(path: Path, engine: sa.Engine) -> None:
    """One command. Arrow would import pandas, which is none of its dependencies, only because it is there."""
    sys.meta_path.insert(0, WithoutPandas())
    import muniment  # noqa: PLC0415  # as above

    url = engine.url.set(drivername=engine.dialect.name).render_as_string(hide_password=False)
    run = muniment.load(path, mapping=muniment.TableMapping.parse(MAPPING), to=url)
    if run.status != "done":
        raise RuntimeError(f"the load ended otherwise than done: {run}")


WAYS: dict[str, Callable[[Path, sa.Engine], None]] = {
    "ORM add": by_orm_add,
    "ORM bulk": by_orm_bulk,
    "Core insert": by_core,
    "tuples": by_tuples,
    "pandas": by_pandas,
    "Muniment": by_muniment,
}


def measured(way: str, path: Path, url: str) -> dict[str, Any]:
    """Seconds and peak of one way, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.orm_memory", "--one", way, str(path), url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def one(way: str, path: str, url: str) -> None:
    """Do it one way, and tell the time and the peak."""
    engine = sa.create_engine(url)
    before = peak_bytes()
    began = time.perf_counter()
    WAYS[way](Path(path), engine)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": round(seconds, 2), "peak": peak_bytes(), "before": before}))


def measure(
    sizes: Sequence[int], ways: Sequence[str], server: str | None, folder: Path
) -> list[dict[str, Any]]:
    """Every way with every number of products; what is stored must be the same."""
    # Late: it brings Muniment with it, which must not burden the other ways.
    from benchmarks.databases import new_database  # noqa: PLC0415

    found = []
    for products in sizes:
        path = write_lines(folder / f"{products}.csv", products)
        expected = truth(path, products)
        for way in ways:
            with ExitStack() as ending:
                name = f"{way.replace(' ', '_')}-{products}.db"
                url = ending.enter_context(new_database(server)) if server else f"sqlite:///{folder / name}"
                url = with_driver(url)
                make_tables(url, products)
                result = measured(way, path, url)
                if stored(url) != expected:
                    raise RuntimeError(f"{way} has stored {stored(url)} and not {expected}")
            if not server:
                (folder / name).unlink()
            found.append({"way": way, "products": products, "lines": 2 * products} | result)
            print(
                f"{way:12}{2 * products:>10,} lines{result['seconds']:>9.2f} s"
                f"{result['peak'] / MIB:>8,.0f} MiB",
                flush=True,
            )
    return found


def with_driver(url: str) -> str:
    """A URL by which SQLAlchemy takes the drivers that Muniment takes."""
    drivers = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
    plain = sa.make_url(url)
    kind = plain.get_backend_name()
    return plain.set(drivername=drivers.get(kind, kind)).render_as_string(hide_password=False)


def drawn(found: Sequence[dict[str, Any]]) -> str:
    """The peaks against the numbers of lines."""
    series: dict[str, list[tuple[float, float]]] = {}
    for one_of in found:
        point = (float(one_of["lines"]), one_of["peak"] / MIB)
        series.setdefault(one_of["way"], []).append(point)
    return curves("Peak memory of a load", "lines; half as many products", "MiB", series)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--products", type=int, nargs="+", default=[50_000, 100_000, 200_000, 400_000])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--to", help="URL of a server whose user may create databases; else SQLite")
    parser.add_argument("--plot", type=Path, help="a folder for the image")
    parser.add_argument("--out", type=Path, help="a JSON file for the result")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        one(*given.one)
        return
    told = circumstances()
    with tempfile.TemporaryDirectory(prefix="muniment-benchmark-") as folder:
        found = measure(given.products, given.ways, given.to, Path(folder))
    if given.plot:
        (given.plot / "memory.svg").write_text(drawn(found), encoding="utf-8")
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(told | {"measured": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
