"""Record batches straight from PostgreSQL: binary COPY, made into Arrow by ADBC, without a Python value.

It has a connection of its own, and so is used only where that makes no difference: for a database that
Muniment connected to itself, and for columns whose values need nothing from SQLAlchemy. Else rows are made
into batches.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

import psycopg
import psycopg.conninfo
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from muniment.databases.errors import postgresql_error
from muniment.databases.postgresql import PostgresDatabase
from muniment.databases.types import Portable
from muniment.read.arrow import Arrow
from muniment.read.cursors import Statement
from muniment.read.rows import Columns
from muniment.read.sources import connected

try:
    import adbc_driver_postgresql.dbapi as adbc
except ImportError:  # the extra `arrow` is not installed
    adbc = None

BATCH_BYTES = 1024 * 1024
"""Of what ADBC gathers before it gives out a batch: more is not faster, and takes as much more memory."""

LOST = ("server closed the connection", "terminating connection", "connection", "SSL")
"""Words of libpq's messages for a connection that ended; they come without an SQLSTATE."""

CONNECTION_LOST = "08006"
"""The SQLSTATE that they amount to."""


def batches_from(
    database: object, statement: Statement, factory: Arrow, batch_rows: int
) -> Generator[pa.RecordBatch] | None:
    """The record batches of a statement, or None where they cannot be had in this way."""
    if adbc is None or not isinstance(database, PostgresDatabase) or isinstance(statement, sa.TextClause):
        return None
    columns = Columns(
        tuple(str(column.key) for column in statement.selected_columns),
        tuple(column.type for column in statement.selected_columns),
    )
    if not all(map(_is_plain, columns.types)):
        return None
    with connected(database.engine) as connection:
        sql = _as_text(statement, connection.dialect)
        info = cast("psycopg.Connection[Any]", connection.connection.driver_connection).info
        address = psycopg.conninfo.make_conninfo(info.dsn, password=info.password or None)
    if sql is None:
        return None
    return _batches(address, sql, factory.schema(columns), batch_rows, database.label)


def _is_plain(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether values mean the same without what SQLAlchemy does with them."""
    if isinstance(kind, sa.Enum | sa.Interval | sa.JSON | sa.ARRAY | sa.Uuid | sa.types.NullType):
        return False
    return isinstance(kind, Portable) or not isinstance(kind, sa.TypeDecorator)


def _as_text(statement: Statement, dialect: sa.Dialect) -> str | None:
    """The statement with its parameters in it; None where a value cannot be written so."""

    def written(clause: Any) -> str:
        # Percent signs are doubled in what is compiled for this driver.
        return str(clause.compile(dialect=dialect, compile_kwargs={"literal_binds": True})) % ()

    try:
        return written(statement) if written(sa.literal("\\")) == "'\\'" else None
    except sa.exc.CompileError:
        return None


def _batches(
    address: str, sql: str, schema: pa.Schema, batch_rows: int, where: str
) -> Generator[pa.RecordBatch]:
    with (
        _wrapping(where),
        closing(adbc.connect(address)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        cursor.execute("SET standard_conforming_strings = on")
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        cursor.execute(sql)
        with closing(cursor.fetch_record_batch()) as reader:
            for batch in reader:
                told = _cast(batch, schema)
                for start in range(0, told.num_rows, batch_rows):
                    yield told.slice(start, batch_rows)


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for array, field in zip(batch.columns, schema, strict=True):
        plain: Any = array.storage if isinstance(array, pa.ExtensionArray) else array
        arrays.append(plain if plain.type == field.type else pc.cast(plain, field.type))
    return pa.record_batch(arrays, schema=schema)


@contextmanager
def _wrapping(where: str) -> Iterator[None]:
    """Let what ADBC and libpq raise leave as a `DatabaseError`."""
    try:
        yield
    except (adbc.Error, OSError) as error:
        state = getattr(error, "sqlstate", None) or ""
        if not state and any(word in str(error) for word in LOST):
            state = CONNECTION_LOST
        raise postgresql_error(state, error, where) from error
