r"""Ways of loading the flat file of `benchmarks.flat` into a table that is there, by kind of database.

    bulk     the database's own: `psql \copy`, LOAD DATA LOCAL by the client, `sqlite3 .import`
    usual    `csv.DictReader`, a Pydantic model for each row, as many rows in an INSERT as drivers advise
    muniment the `table` profile, with its ledger, its quarantine and its account

The others are what else is in use: readers of CSV with ADBC's binary COPY, data frames, dlt, pgloader,
sqlite-utils. But for the first two lines, none of them checks a row, and none keeps account of one.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import cast

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import muniment
from benchmarks import flat
from muniment.databases.url import parsed
from muniment.table import table_of

BATCH_ROWS = 2_000
"""Rows of one INSERT in the usual pipeline: within the usual advice of 1,000 to 5,000."""

FRAME_ROWS = 50_000
"""Rows of a data frame that is read piece by piece."""

TABLE = table_of(flat.Artwork)
LIST = ", ".join(flat.COLUMNS)

Way = Callable[[Path, str], float | None]
"""Loads a file into the database at a URL; returns the seconds that it tells itself, where it tells any."""


def by_muniment(source: Path, url: str) -> float:
    """The public API, as its documentation has it; the seconds are those that the account tells."""
    run = muniment.load(source, model=flat.Artwork, to=url)
    if run.status != "done":
        raise RuntimeError(f"the load ended otherwise than done: {run}")
    return run.seconds


def by_psql(source: Path, url: str) -> None:
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


def by_load_data(source: Path, url: str) -> None:
    """LOAD DATA LOCAL by the server's own client."""
    target = sa.make_url(url)
    command = (
        f"LOAD DATA LOCAL INFILE '{source}' INTO TABLE {TABLE.name} CHARACTER SET utf8mb4"
        r" FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\n'"
        f" IGNORE 1 LINES ({LIST})"
    )
    subprocess.run(
        [
            *(
                "mariadb",
                "--no-defaults",
                "--local-infile=1",
                f"--host={target.host}",
                f"--port={target.port}",
            ),
            *(f"--user={target.username}", f"--execute={command}", str(target.database)),
        ],
        check=True,
        env={**os.environ, "MYSQL_PWD": str(target.password)},
    )


def by_import(source: Path, url: str) -> None:
    """`.import` of SQLite's shell."""
    command = f".import --csv --skip 1 {source} {TABLE.name}"
    subprocess.run(["sqlite3", str(sa.make_url(url).database), command], check=True)


def by_usual_pipeline(source: Path, url: str) -> None:
    """What one writes without thinking of speed: row by row, then many rows in an INSERT."""
    engine = sa.create_engine(parsed(url))
    with source.open(encoding="utf-8", newline="") as file, engine.begin() as connection:
        cursor = connection.connection.cursor()
        models = (flat.Artwork(**row) for row in csv.DictReader(file))
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        statement = f"INSERT INTO {TABLE.name} ({LIST}) VALUES ({', '.join([mark] * len(flat.COLUMNS))})"
        while batch := [tuple(model.model_dump().values()) for model in islice(models, BATCH_ROWS)]:
            cursor.executemany(statement, batch)
    engine.dispose()


def by_execute_values(source: Path, url: str) -> None:
    """The same with psycopg2's `execute_values`."""
    import psycopg2  # noqa: PLC0415 - each way its own packages
    from psycopg2.extras import execute_values  # noqa: PLC0415

    statement = f"INSERT INTO {TABLE.name} ({LIST}) VALUES %s"
    with source.open(encoding="utf-8", newline="") as file:
        models = (flat.Artwork(**row) for row in csv.DictReader(file))
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            while batch := [tuple(model.model_dump().values()) for model in islice(models, BATCH_ROWS)]:
                execute_values(cursor, statement, batch, page_size=BATCH_ROWS)
        connection.close()


def by_arrow(source: Path, url: str) -> None:
    """Record batches of pyarrow's, by ADBC."""
    _ingest(_arrow_batches(source), url)


def by_duckdb(source: Path, url: str) -> None:
    """Record batches of DuckDB's, by ADBC."""
    import duckdb  # noqa: PLC0415

    _ingest(duckdb.read_csv(str(source), all_varchar=True).to_arrow_reader(), url)


def by_polars(source: Path, url: str) -> None:
    """A data frame of Polars, by ADBC."""
    import polars  # noqa: PLC0415

    _ingest(polars.read_csv(source, infer_schema=False).to_arrow().to_reader(), url)


def by_pandas(source: Path, url: str) -> None:
    """Data frames of pandas, as CSV to COPY."""
    import pandas  # noqa: PLC0415
    import psycopg2  # noqa: PLC0415

    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        for frame in pandas.read_csv(source, dtype=str, keep_default_na=False, chunksize=FRAME_ROWS):
            text = io.StringIO()
            frame.to_csv(text, index=False, header=False)
            text.seek(0)
            cursor.copy_expert(f"COPY {TABLE.name} ({LIST}) FROM STDIN WITH (FORMAT csv)", text)
    connection.close()


def by_dlt(source: Path, url: str) -> None:
    """dlt, of Arrow's batches, by Parquet and ADBC."""
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
    import dlt  # noqa: PLC0415

    def batches() -> Iterator[pa.RecordBatch]:
        yield from _arrow_batches(source)

    with tempfile.TemporaryDirectory(prefix="muniment-benchmark-") as folder:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(credentials=url),
            dataset_name="public",
        )
        pipeline.run(
            batches(), table_name=TABLE.name, write_disposition="append", loader_file_format="parquet"
        ).raise_on_failed_jobs()


def by_pgloader(source: Path, url: str) -> None:
    """pgloader, where it is installed."""
    columns = ", ".join(flat.COLUMNS)
    script = (
        f"LOAD CSV FROM '{source}' ({columns}) INTO {url} TARGET TABLE {TABLE.name} ({columns})\n"
        "WITH skip header = 1, fields optionally enclosed by '\"', fields terminated by ','\n;\n"
    )
    with tempfile.TemporaryDirectory(prefix="muniment-benchmark-") as folder:
        commands = Path(folder) / "commands.load"
        commands.write_text(script)
        subprocess.run(
            ["pgloader", "--quiet", "--root-dir", folder, commands], check=True, stdout=subprocess.DEVNULL
        )


def by_sqlite_utils(source: Path, url: str) -> None:
    """sqlite-utils, of dicts."""
    import sqlite_utils  # noqa: PLC0415

    with source.open(encoding="utf-8", newline="") as file:
        sqlite_utils.Database(str(sa.make_url(url).database)).table(TABLE.name).insert_all(
            csv.DictReader(file)
        )


def _arrow_batches(source: Path) -> pa.RecordBatchReader:
    text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(flat.COLUMNS, pa.string()))
    return cast(pa.RecordBatchReader, pyarrow.csv.open_csv(source, convert_options=text))


def _ingest(batches: pa.RecordBatchReader, url: str) -> None:
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(TABLE.name, batches, mode="append")
        connection.commit()


WAYS: Mapping[str, Mapping[str, Way]] = {
    "postgresql": {
        "bulk": by_psql,
        "usual": by_execute_values,
        "muniment": by_muniment,
        "arrow": by_arrow,
        "duckdb": by_duckdb,
        "polars": by_polars,
        "dlt": by_dlt,
        "pandas": by_pandas,
        "pgloader": by_pgloader,
    },
    "mariadb": {"bulk": by_load_data, "usual": by_usual_pipeline, "muniment": by_muniment},
    "sqlite": {
        "bulk": by_import,
        "usual": by_usual_pipeline,
        "muniment": by_muniment,
        "sqlite-utils": by_sqlite_utils,
    },
}
"""By database, the ways by name; the first is the measure of the others."""

MODULES = {
    "duckdb": "duckdb",
    "polars": "polars",
    "pandas": "pandas",
    "dlt": "dlt",
    "sqlite-utils": "sqlite_utils",
}
"""By way, what it imports when it is called: the time that takes is not counted."""
