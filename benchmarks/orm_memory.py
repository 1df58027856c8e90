"""Facts and dimensions: memory against the number of lines, and time, of the usual ways and of Muniment.

    python -m benchmarks.orm_memory --plot docs/explanation --out benchmarks/results/orm_memory.json

A table of products is there. A file or a workbook has twice as many lines, each with a product's business key
and a metric, and each line becomes a row of `sale` with the product's number; one in a hundred names a
product that there is not, and is left out. Each way is a process of its own. What it stored is compared with
what the lines say. Three more ways load with Muniment, and treat unknown products by another choice.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
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
product_id = { lookup = "product", by = "business_key", from = "sku", missing = "%s" }
metric = { type = "integer", required = true }
"""

CHOICES = ("reject", "null", "insert", "wait")
"""What a lookup can do with a key that there is not."""

Sums = tuple[int, int, int]
"""Of sales: their count, the sum of their metrics, and a sum that depends on each one's product."""


class Base(orm.DeclarativeBase):
    """Tables of all ways."""


class Product(Base):
    """The dimension."""

    __tablename__ = "product"
    product_id: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    business_key: orm.Mapped[str] = orm.mapped_column(sa.String(40), unique=True)
    label: orm.Mapped[str | None] = orm.mapped_column(sa.String(80))


class Sale(Base):
    """The fact."""

    __tablename__ = "sale"
    sale_id: orm.Mapped[int] = orm.mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    )
    product_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("product.product_id"))
    metric: orm.Mapped[int] = orm.mapped_column(sa.BigInteger)


def key_of(number: int) -> str:
    """The business key of a product."""
    return f"SKU-{number * 7919 % 100_000_007:08d}"


def write_lines(path: Path, products: int) -> Path:
    """Write the file: twice as many lines as products."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sku", "metric"))
        writer.writerows(made_lines(products))
    return path


def write_workbook(path: Path, products: int) -> Path:
    """Write the same lines into a worksheet."""
    import openpyxl  # noqa: PLC0415 - late: it must not burden the ways

    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("Sales")
    sheet.append(("sku", "metric"))
    for line in made_lines(products):
        sheet.append(line)
    workbook.save(path)
    return path


def made_lines(products: int) -> Iterator[tuple[str, int]]:
    """The lines, the same each time."""
    chosen = Random(SEED)
    for _ in range(2 * products):
        missing = chosen.random() < MISSING_SHARE
        key = f"GONE-{chosen.randint(1, 999)}" if missing else key_of(chosen.randint(1, products))
        yield key, chosen.randint(0, 10**9)


def truth(products: int, missing: str) -> dict[str, Sums]:
    """Of known and of unknown products, what is to be stored, computed from the lines alone."""
    numbers = {key_of(number): number for number in range(1, products + 1)}
    told = {"known": [0, 0, 0], "unknown": [0, 0, 0]}
    for sku, metric in made_lines(products):
        sums = told["known" if sku in numbers else "unknown"]
        sums[0] += 1
        sums[1] += metric
        # A product that was added has any number, and its own key: GONE-17.
        number = numbers.get(sku) or (int(sku[5:]) if missing == "insert" else 0)
        sums[2] += number * (metric % 1_000)
    if missing in {"reject", "wait"}:
        told["unknown"] = [0, 0, 0]
    return {kind: (sums[0], sums[1], sums[2]) for kind, sums in told.items()}


def stored(url: str) -> dict[str, Sums]:
    """The same of what is stored."""
    is_added = Product.business_key.startswith("GONE-")
    number = sa.case(
        (is_added, sa.cast(sa.func.substr(Product.business_key, 6), sa.BigInteger)), else_=Sale.product_id
    )
    sums = (sa.func.sum(Sale.metric), sa.func.sum(number * (Sale.metric % 1_000)))
    query = sa.select(sa.func.count(), *(sa.func.coalesce(one, 0) for one in sums))
    is_unknown = sa.or_(Product.product_id.is_(None), is_added)
    engine = sa.create_engine(url)
    told = {}
    with engine.connect() as connection:
        for kind, condition in (("known", sa.not_(is_unknown)), ("unknown", is_unknown)):
            joined = query.select_from(sa.outerjoin(Sale, Product)).where(condition)
            count, total, mixed = (int(value) for value in tuple(connection.execute(joined).one()))
            told[kind] = (count, total, mixed)
    engine.dispose()
    return told


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
        if engine.dialect.name == "postgresql":  # which does not count the numbers that it is given
            counted = sa.func.pg_get_serial_sequence("product", "product_id")
            connection.execute(sa.select(sa.func.setval(counted, products)))
    engine.dispose()


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of the file."""
    if path.suffix == ".xlsx":
        import openpyxl  # noqa: PLC0415 - late: it must not burden the ways that read a file

        rows = (
            openpyxl.load_workbook(path, read_only=True).worksheets[0].iter_rows(min_row=2, values_only=True)
        )
        yield from ((str(sku), str(metric)) for sku, metric in rows)
        return
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
    pd: Any = import_module("pandas")
    products = pd.read_sql("SELECT business_key AS sku, product_id FROM product", engine)
    read = pd.read_excel if path.suffix == ".xlsx" else pd.read_csv
    sales = read(path).merge(products, on="sku")[["product_id", "metric"]]
    sales.to_sql("sale", engine, if_exists="append", index=False, chunksize=BATCH_ROWS)


class WithoutPandas(MetaPathFinder):
    """Says of pandas that it is not installed."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:  # noqa: D102
        if name == "pandas":
            raise ImportError


def by_muniment(path: Path, engine: sa.Engine, missing: str = "reject") -> None:
    """One command."""
    muniment: Any = import_module("muniment")
    url = engine.url.set(drivername=engine.dialect.name).render_as_string(hide_password=False)
    run = muniment.load(path, mapping=muniment.TableMapping.parse(MAPPING % missing), to=url)
    if run.status != "done":
        raise RuntimeError(f"the load ended otherwise than done: {run}")


WAYS: Mapping[str, Callable[[Path, sa.Engine], None]] = {
    "ORM add": by_orm_add,
    "ORM bulk": by_orm_bulk,
    "Core insert": by_core,
    "tuples": by_tuples,
    "pandas": by_pandas,
    "Muniment": by_muniment,
} | {f"Muniment, {missing}": partial(by_muniment, missing=missing) for missing in CHOICES[1:]}


def measured(way: str, path: Path, url: str) -> dict[str, Any]:
    """Seconds and peak of one way, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.orm_memory", "--one", way, str(path), url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def one(way: str, path: str, url: str) -> None:
    """Do it one way, and tell the time and the peak."""
    engine = sa.create_engine(url)
    _import_what_is_needed(way)
    before = peak_bytes()
    began = time.perf_counter()
    WAYS[way](Path(path), engine)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": round(seconds, 2), "peak": peak_bytes(), "before": before}))


def _import_what_is_needed(way: str) -> None:
    """Before the clock starts, and only here: it must not burden the other ways."""
    if way == "pandas":
        import_module("pandas")
    if way.startswith("Muniment"):
        # Arrow would import pandas, which is none of its dependencies, only because it is there.
        sys.meta_path.insert(0, WithoutPandas())
        _ = import_module("muniment").load


def measure(
    sizes: Sequence[int], ways: Sequence[str], kind: str, server: str | None, folder: Path
) -> list[dict[str, Any]]:
    """Every way with every number of products; what is stored must be the same."""
    # Late: it brings Muniment with it, which must not burden the other ways.
    from benchmarks.databases import new_database  # noqa: PLC0415

    found = []
    for products in sizes:
        write = write_workbook if kind == "xlsx" else write_lines
        path = write(folder / f"{products}.{kind}", products)
        for way in ways:
            expected = truth(products, way.partition(", ")[2] or "reject")
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
            found.append({"way": way, "kind": kind, "products": products, "lines": 2 * products} | result)
            print(
                f"{way:18}{2 * products:>10,} lines{result['seconds']:>9.2f} s"
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
    from muniment.cli.curves import curves  # noqa: PLC0415 - late: it must not burden the other ways

    series: dict[str, list[tuple[float, float]]] = {}
    for one_of in found:
        point = (float(one_of["lines"]), one_of["peak"] / MIB)
        series.setdefault(one_of["way"], []).append(point)
    return curves("Peak memory of a load", "lines; half as many products", "MiB", series)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--products", type=int, nargs="+", default=[50_000, 100_000, 200_000, 400_000])
    usual = [way for way in WAYS if "," not in way]
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=usual)
    parser.add_argument("--kind", choices=("csv", "xlsx"), default="csv", help="of file")
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
        found = measure(given.products, given.ways, given.kind, given.to, Path(folder))
    if given.plot:
        (given.plot / "memory.svg").write_text(drawn(found), encoding="utf-8")
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(told | {"measured": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
