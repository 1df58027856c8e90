"""Record batches straight from PostgreSQL: binary COPY, made into Arrow by ADBC, without a Python value.

It has a connection of its own, and so is used only where that makes no difference: for a database that
Muniment connected to itself, and for columns whose values need nothing from SQLAlchemy. Else rows are made
into batches.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any, cast

import psycopg
import psycopg.conninfo
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from muniment.databases.errors import postgresql_error
from muniment.databases.postgresql import PostgresDatabase
from muniment.databases.types import Portable
from muniment.read.arrow import Arrow, misfit
from muniment.read.cursors import Statement
from muniment.read.rows import Columns
from muniment.read.sources import connected

BATCH_BYTES = 1024 * 1024
"""Of what ADBC gathers before it gives out a batch: its own 16 MB take longer, and as much more memory."""

BUILTIN_TYPES = {"adbc.postgresql.type_resolver_mode": "builtin"}
"""Else ADBC reads the server's catalogue of types and columns each time it connects: a tenth of the time
in which it reads a million rows, and minutes in databases of very many tables. Of types that
are not built in it gives the bytes, which are not taken."""

KINDS: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_integer,
    lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind),
    lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
)
"""Within each of these, a cast keeps what a value means, or fails."""

NUMBERS = (pa.types.is_floating, pa.types.is_decimal, pa.types.is_string)
"""What a `numeric`, which ADBC gives as its digits, may become."""

LOST = ("connection", "SSL")
"""Words of libpq's messages for a connection that ended; they come without an SQLSTATE."""

CONNECTION_LOST = "08006"
"""The SQLSTATE that they amount to."""


def batches_from(
    database: object, statement: Statement, factory: Arrow, batch_rows: int
) -> Generator[pa.RecordBatch, None, bool]:
    """The record batches of a statement; returns False, having given none, where this cannot be done."""
    if not isinstance(database, PostgresDatabase) or isinstance(statement, sa.TextClause):
        return False
    if (adbc := driver()) is None:
        return False
    columns = Columns(
        tuple(str(column.key) for column in statement.selected_columns),
        tuple(column.type for column in statement.selected_columns),
    )
    if not all(map(_is_plain, columns.types)):
        return False
    with connected(database.engine) as connection:
        sql = _as_text(statement, connection.dialect)
        info = cast("psycopg.Connection[Any]", connection.connection.driver_connection).info
        address = psycopg.conninfo.make_conninfo(info.dsn, password=info.password or None)
    if sql is None:
        return False
    schema = factory.schema(columns)
    with (
        _wrapping(adbc.Error, database.label),
        closing(adbc.connect(address, db_kwargs=BUILTIN_TYPES)) as session,
        closing(session.cursor()) as cursor,
    ):
        cursor.execute("SET standard_conforming_strings = on")
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
        cursor.execute(sql)
        with closing(cursor.fetch_record_batch()) as reader:
            if not all(map(_is_alike, reader.schema.types, schema.types)):
                return False
            yield from _filled((_cast(batch, schema) for batch in reader), batch_rows)
            return True


@cache
def driver() -> Any:
    """ADBC's module; None where the extra `arrow` is not installed.

    Imported when it is needed: it takes pandas and polars with it wherever they are installed, 60 MB.
    """
    try:
        return importlib.import_module("adbc_driver_postgresql.dbapi")
    except ImportError:
        return None


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


def _is_alike(given: Any, wanted: pa.DataType) -> bool:
    """Whether ADBC's values of a type mean what psycopg's do, once they are cast to what is wanted.

    Of types that Arrow does not have it gives the bytes that the server sends: those of a network address, or
    of a time with its zone, are no text, whatever the statement says.
    """
    if isinstance(given, pa.OpaqueType):
        return given.type_name == "numeric" and any(kind(wanted) for kind in NUMBERS)
    return given == wanted or any(kind(given) and kind(wanted) for kind in KINDS)


def _filled(batches: Iterable[pa.RecordBatch], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows, so many in each batch but the last one."""
    parts: list[pa.RecordBatch] = []
    missing = batch_rows
    for batch in batches:
        start = 0
        while batch.num_rows - start >= missing:
            yield _joined([*parts, batch.slice(start, missing)])
            start += missing
            parts, missing = [], batch_rows
        if start < batch.num_rows:
            parts.append(batch.slice(start))
            missing -= batch.num_rows - start
    if parts:
        yield _joined(parts)


def _joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(parts) == 1:
        return parts[0]
    (joined,) = pa.Table.from_batches(parts).combine_chunks().to_batches()
    return joined


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for array, field in zip(batch.columns, schema, strict=True):
        plain: Any = array.storage if isinstance(array, pa.ExtensionArray) else array
        try:
            arrays.append(plain if plain.type == field.type else pc.cast(plain, field.type))
        except pa.ArrowException as error:
            raise misfit(field, error) from None
    return pa.record_batch(arrays, schema=schema)


@contextmanager
def _wrapping(errors: type[Exception], where: str) -> Iterator[None]:
    """Let what ADBC and libpq raise leave as a `DatabaseError`."""
    try:
        yield
    except (errors, OSError) as error:
        state = getattr(error, "sqlstate", None) or ""
        if not state and any(word in str(error) for word in LOST):
            state = CONNECTION_LOST
        raise postgresql_error(state, error, where) from error
