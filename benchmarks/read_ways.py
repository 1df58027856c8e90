"""Ways of reading a table, each to be run in a process of its own: time, processor time, peak memory.

python -m benchmarks.read_ways "muniment tuples" URL ROWS BATCH
"""

from __future__ import annotations

import sys

if sys.argv[1:2] == ["mysql-connector cursor"]:
    import _mysql_connector  # noqa: F401 - before any older OpenSSL is loaded than the one that it brings
    import mysql.connector

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
import pymysql
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.orm import DeclarativeBase, Session

from benchmarks.peak import peak_bytes
from muniment import read
from muniment.databases import connect
from muniment.databases.types import Id, Key, Real, Text

metadata = sa.MetaData()
TABLE = sa.Table(
    "works_to_read",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("accession", Key, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("year", Id),
    sa.Column("height", Real),
)
PLAIN = "SELECT id, accession, title, year, height FROM works_to_read WHERE id <= {}"


class Base(DeclarativeBase):
    """Of mapped classes."""


class OrmWork(Base):
    """A row as an ORM instance."""

    __table__ = TABLE


@dataclass
class Instance:
    """A row as a dataclass."""

    id: int
    accession: str
    title: str
    year: int | None
    height: float


class Model(BaseModel):
    """A row as a Pydantic model."""

    id: int
    accession: str
    title: str
    year: int | None
    height: float


def query(rows: int) -> sa.Select[Any]:
    """The table's first rows, as a statement."""
    return sa.select(TABLE).where(TABLE.c.id <= rows)


def counted(batches: Iterable[Any]) -> int:
    """How many rows the batches have."""
    return sum(len(batch) for batch in batches)


def engine_of(url: str) -> sa.Engine:
    """The engine that Muniment makes for a URL."""
    return connect(url).engine


def through(factory: Any) -> Callable[[str, int, int], int]:
    """Reading with `muniment.read.batches`."""
    return lambda url, rows, batch: counted(read.batches(url, query(rows), rows=factory, batch_rows=batch))


def one_by_one(url: str, rows: int, batch: int) -> int:
    """Reading with `muniment.read.stream`."""
    return sum(1 for _ in read.stream(url, query(rows), batch_rows=batch))


def in_pages(url: str, rows: int, batch: int) -> int:
    """Reading with `muniment.read.pages`."""
    return counted(page.rows for page in read.pages(url, query(rows), "id", page_rows=batch))


def in_async(url: str, rows: int, batch: int) -> int:
    """Reading with `muniment.read.batches_async`."""

    async def count() -> int:
        found = read.batches_async(url, query(rows), batch_rows=batch)
        return sum([len(part) async for part in found])

    return asyncio.run(count())


def in_async_by_psycopg(url: str, rows: int, batch: int) -> int:
    """The same by psycopg instead of asyncpg."""
    return in_async(url.replace("postgresql://", "postgresql+psycopg://"), rows, batch)


def through_an_engine(factory: Any) -> Callable[[str, int, int], int]:
    """Reading with `muniment.read.batches` from an engine, by the engine's own driver."""

    def count(url: str, rows: int, batch: int) -> int:
        found: Any = read.batches(engine_of(url), query(rows), rows=factory, batch_rows=batch)
        return sum(len(part) for part in found)

    return count


def by_offset(url: str, rows: int, batch: int) -> int:
    """Pages by LIMIT and OFFSET."""
    count = 0
    ordered = query(rows).order_by(TABLE.c.id)
    with engine_of(url).connect() as connection:
        while found := connection.execute(ordered.limit(batch).offset(count)).all():
            count += len(found)
    return count


def core(url: str, rows: int, batch: int) -> int:
    """SQLAlchemy Core's own streaming."""
    with engine_of(url).connect().execution_options(yield_per=batch) as connection:
        return counted(connection.execute(query(rows)).partitions())


def orm_all(url: str, rows: int, batch: int) -> int:  # noqa: ARG001 - it has no batches
    """Every row as an ORM instance, at once."""
    with Session(engine_of(url)) as session:
        return len(session.query(OrmWork).where(TABLE.c.id <= rows).all())


def orm_yield_per(url: str, rows: int, batch: int) -> int:
    """ORM instances one by one, which nobody keeps."""
    with Session(engine_of(url)) as session:
        found = session.scalars(
            sa.select(OrmWork).where(TABLE.c.id <= rows).execution_options(yield_per=batch)
        )
        return sum(1 for _ in found)


def orm_partitions(url: str, rows: int, batch: int) -> int:
    """ORM instances in batches, which nobody keeps."""
    with Session(engine_of(url)) as session:
        found = session.scalars(
            sa.select(OrmWork).where(TABLE.c.id <= rows).execution_options(yield_per=batch)
        )
        return counted(found.partitions())


def orm_kept(url: str, rows: int, batch: int) -> int:
    """As `orm_yield_per`, by somebody who keeps the objects."""
    with Session(engine_of(url)) as session:
        found = session.scalars(
            sa.select(OrmWork).where(TABLE.c.id <= rows).execution_options(yield_per=batch)
        )
        return len(list(found))


def tuples_kept(url: str, rows: int, batch: int) -> int:
    """Tuples, all kept."""
    return len(list(read.stream(url, query(rows), batch_rows=batch)))


def raw(url: str, rows: int, batch: int) -> int:
    """The cursor of the driver that SQLAlchemy's engine uses, left unread on the server."""
    parts = sa.make_url(url)
    if parts.get_backend_name() == "sqlite":
        cursor: Any = connect(url).engine.raw_connection().cursor()
    elif parts.get_backend_name() == "postgresql":
        cursor = psycopg.connect(url).cursor(name="benchmark")
    else:
        cursor = pymysql.connect(**_mysql(url), charset="utf8mb4").cursor(pymysql.cursors.SSCursor)
    cursor.execute(PLAIN.format(rows))
    count = 0
    while found := cursor.fetchmany(batch):
        count += len(found)
    return count


def _mysql(url: str) -> dict[str, Any]:
    parts = sa.make_url(url)
    told = {"host": parts.host, "port": parts.port, "user": parts.username, "password": parts.password}
    return told | {"database": parts.database}


def raw_in_c(url: str, rows: int, batch: int) -> int:
    """The cursor of asyncmy, a driver for MySQL and MariaDB that takes rows apart in C."""
    return asyncio.run(_raw_in_c(url, rows, batch))


async def _raw_in_c(url: str, rows: int, batch: int) -> int:
    import asyncmy  # noqa: PLC0415 - only this way needs it
    from asyncmy.cursors import SSCursor  # noqa: PLC0415

    connection = await asyncmy.connect(**_mysql(url))
    cursor = connection.cursor(SSCursor)
    await cursor.execute(PLAIN.format(rows))
    count = 0
    while found := await cursor.fetchmany(batch):
        count += len(found)
    connection.close()
    return count


def mysql_connector(url: str, rows: int, batch: int) -> int:
    """The cursor of MySQL's own driver with its extension in C."""
    connection = mysql.connector.connect(**_mysql(url), use_pure=False)
    cursor = connection.cursor()  # unbuffered
    cursor.execute(PLAIN.format(rows))
    return counted(iter(lambda: cursor.fetchmany(batch), []))


def adbc(url: str, rows: int, batch: int) -> int:  # noqa: ARG001 - it has no batches
    """ADBC by itself."""
    import adbc_driver_postgresql.dbapi  # noqa: PLC0415

    with adbc_driver_postgresql.dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(PLAIN.format(rows))
        return sum(found.num_rows for found in cursor.fetch_record_batch())


def connectorx(url: str, rows: int, batch: int) -> int:  # noqa: ARG001 - it has no batches
    """connectorx, which gives the whole result at once."""
    import connectorx as cx  # noqa: PLC0415

    given = url.replace("mariadb://", "mysql://").replace("sqlite:///", "sqlite://")
    return int(cx.read_sql(given, PLAIN.format(rows), return_type="arrow").num_rows)


WAYS: dict[str, Callable[[str, int, int], int]] = {
    "muniment tuples": through(read.tuples),
    "muniment rows": one_by_one,
    "muniment mappings": through(read.mappings),
    "muniment dataclasses": through(read.instances(Instance)),
    "muniment models": through(read.models(Model)),
    "muniment arrow": lambda url, rows, batch: sum(
        found.num_rows for found in read.batches(url, query(rows), rows=read.arrow(), batch_rows=batch)
    ),
    "muniment pages": in_pages,
    "muniment async": in_async,
    "muniment async, psycopg": in_async_by_psycopg,
    "muniment tuples, engine": through_an_engine(read.tuples),
    "muniment arrow, engine": through_an_engine(read.arrow()),
    "raw cursor": raw,
    "asyncmy cursor": raw_in_c,
    "mysql-connector cursor": mysql_connector,
    "ADBC": adbc,
    "connectorx": connectorx,
    "Core yield_per": core,
    "ORM yield_per": orm_yield_per,
    "ORM partitions": orm_partitions,
    "ORM yield_per, kept": orm_kept,
    "tuples, kept": tuples_kept,
    "ORM all": orm_all,
    "OFFSET": by_offset,
}

ONLY_ON = {
    "muniment async, psycopg": ("postgresql",),
    "ADBC": ("postgresql",),
    "asyncmy cursor": ("mariadb",),
    "mysql-connector cursor": ("mariadb",),
}
"""Ways that there are on some databases only."""


def main() -> None:
    """Read once, and tell how long it took."""
    way, url, rows, batch = sys.argv[1:]
    WAYS[way](url, 1, int(batch))  # imports and the first connection are not what is measured
    started, busy = time.perf_counter(), time.process_time()
    count = WAYS[way](url, int(rows), int(batch))
    told = {"seconds": time.perf_counter() - started, "processor": time.process_time() - busy}
    print(json.dumps(told | {"rows": count, "peak_bytes": peak_bytes()}))


if __name__ == "__main__":
    main()
