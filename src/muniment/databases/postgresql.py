"""PostgreSQL, by psycopg 3: rows go in by COPY."""

from __future__ import annotations

import os
import socket
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler

from muniment.columns import ColumnarRows, Encoded
from muniment.databases.columnar import COPY_CLOSING, COPY_OPENING, binary_copy
from muniment.databases.connection import SqlDatabase, SqlTransaction, ask_only_the_quiet
from muniment.databases.database import Rows, Transaction
from muniment.databases.ddl import ChecksOfTypes
from muniment.databases.session import SCHEMA_LOCK_SECONDS
from muniment.databases.silence import HearingConnection
from muniment.databases.tabbed import tab_separated
from muniment.databases.types import metadata
from muniment.databases.values import conversions, converted
from muniment.errors import DatabaseError

MINIMUM_VERSION = (13,)
"""The oldest PostgreSQL that was still maintained in 2025."""

WRITE_BYTES = 512 * 1024
"""Bytes sent at once: after each write this thread waits for its turn while another prepares the next chunk,
so that many small writes cost more than sending does."""

SCHEMA_LOCK_KEY = zlib.crc32(b"muniment schema")
"""The number of the advisory lock, the same in every version of Muniment."""

WAIT_FOR_DISK = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
)
"""Whoever asks for more, such as for a second server's disk, keeps that."""

CHECKS_BY_INDEX = (
    "SELECT set_config('plan_cache_mode', 'auto', true), set_config('enable_seqscan', 'off', true)"
)
"""Until the transaction ends, the foreign keys of new rows are checked by plans that are kept, and search an
index, however small a table was at first; all else is planned each time, as `begin_postgresql` asks for."""

_OIDS = sa.text(
    "SELECT attname, CAST(atttypid AS integer) FROM pg_attribute"
    " WHERE attrelid = CAST(:name AS regclass) AND attnum > 0"
)

CANCEL_SECONDS = 2.0
"""How long to try to have a statement cancelled: twice that is less than `muniment.stopping.END_SECONDS`."""


class PostgresTransaction(SqlTransaction):
    """A transaction whose bulk path is COPY."""

    def __init__(self, connection: sa.Connection, database: PostgresDatabase) -> None:
        super().__init__(connection, database.label)
        self._database = database
        self._checks_by_index = False

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """As for any database; what was set within it is undone with the rest."""
        before = self._checks_by_index
        try:
            with super().savepoint():
                yield
        except BaseException:
            self._checks_by_index = before
            raise

    def _insert(self, table: sa.Table, columns: Sequence[str], rows: Rows | Encoded) -> None:
        given, encoded = (rows.rows, rows) if isinstance(rows, Encoded) else (rows, None)
        content = self._binary(table, columns, given, encoded) if isinstance(given, ColumnarRows) else None
        name, quoted = self.quoted(table, columns)
        statement = f"COPY {name} ({', '.join(quoted)}) FROM STDIN"
        if content is not None:
            statement += " (FORMAT binary)"
        with self.driver_cursor() as cursor:
            if not self._checks_by_index:
                cursor.execute(CHECKS_BY_INDEX)
                self._checks_by_index = True
            with cursor.copy(statement) as copy:
                for part in _text(table, columns, given) if content is None else _enclosed(content):
                    copy.write(part)
            if cursor.rowcount != len(rows):
                message = f"of {len(rows)} rows the server took {cursor.rowcount}"
                raise DatabaseError(message, hint="Nothing of them is kept", where=self.label)

    def _binary(
        self, table: sa.Table, columns: Sequence[str], rows: ColumnarRows, encoded: Encoded | None
    ) -> memoryview | None:
        """The rows as binary COPY takes them; None where text must do.

        Of a user's table the types are asked for each time: what was written for others might be taken for
        something else.
        """
        self._database.types[table] = types = self._oids(table)
        form = tuple(types[column] for column in columns)
        if encoded is not None and encoded.form == form:
            return encoded.payload
        return binary_copy(rows, form)

    def _oids(self, table: sa.Table) -> dict[str, int]:
        """The types of a table's columns; asked once a connection of our own, which no load changes."""
        name = self.quoted(table, ())[0]
        known: dict[str, dict[str, int]] = self.connection.info.setdefault("oids", {})
        if name in known and table.metadata is metadata:
            return known[name]
        rows = self.connection.execute(_OIDS, {"name": name})
        known[name] = {column: oid for column, oid in rows}  # noqa: C416 - of rows, dict() would be untyped
        return known[name]

    def _insert_missing(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
        statement = insert(table).on_conflict_do_nothing()
        self.connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in rows])


def _enclosed(content: memoryview) -> Iterator[bytes | memoryview]:
    """What binary COPY takes, in writes of `WRITE_BYTES`."""
    yield COPY_OPENING
    for start in range(0, len(content), WRITE_BYTES):
        yield content[start : start + WRITE_BYTES]
    yield COPY_CLOSING


def _text(table: sa.Table, columns: Sequence[str], rows: Rows) -> Iterator[bytes]:
    """The rows as COPY reads text, in writes of about `WRITE_BYTES`."""
    todo = conversions(table, columns, dialect="postgresql", of_bytes=lambda value: f"\\x{value.hex()}")
    return _gathered(tab_separated(part, columns) for part in converted(rows, todo))


def _gathered(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in writes of about `WRITE_BYTES`."""
    waiting: list[bytes] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= WRITE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


class CheckedPostgresDDL(ChecksOfTypes, PGDDLCompiler):
    """Adds the checks that column types ask for."""


class PostgresDatabase(SqlDatabase):
    """A database on a PostgreSQL server."""

    ddl_compiler = CheckedPostgresDDL

    def __init__(self, url: sa.URL, label: str, *, workers: int = 1) -> None:
        super().__init__(url, label, workers=workers)
        ask_only_the_quiet(self.engine)
        self.types: dict[sa.Table, Mapping[str, int]] = {}
        """By table, the types of its columns when last it was written to."""

    def encode(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> Encoded | None:
        """The rows for binary COPY, once an earlier transaction has seen the types of the columns."""
        types = self.types.get(table)
        if types is None or not isinstance(rows, ColumnarRows):
            return None
        form = tuple(types[column] for column in columns)
        payload = binary_copy(rows, form)
        return None if payload is None else Encoded(rows, form, payload)

    @contextmanager
    def schema_lock(self) -> Iterator[Transaction]:
        """A transaction that holds an advisory lock; creating tables is part of it."""
        with self.transaction() as transaction:
            transaction.execute(sa.text(f"SET LOCAL lock_timeout = '{SCHEMA_LOCK_SECONDS}s'"))
            transaction.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK_KEY})
            yield transaction

    @contextmanager
    def unhurried_transaction(self) -> Iterator[Transaction]:
        """A transaction that is on the disk soon (three times `wal_writer_delay`, by default 0.6 s)."""
        with self.transaction() as transaction:
            transaction.execute(sa.text("SET LOCAL synchronous_commit = off"))
            yield transaction

    @contextmanager
    def durable_transaction(self) -> Iterator[Transaction]:
        """A transaction whose commit waits for the disk, also where those before it did not.

        The log is written in order: what was committed before is on the disk with it.
        """
        with self.transaction() as transaction:
            transaction.execute(sa.text(WAIT_FOR_DISK))
            yield transaction

    def _cut_off(self, driver: HearingConnection) -> None:
        # A server that computes, or waits for a lock, does not hear that somebody has hung up.
        with suppress(psycopg.Error, OSError):
            driver.cancel_safe(timeout=CANCEL_SECONDS)
        with (
            suppress(psycopg.OperationalError, OSError),  # it is closed, or cut off, already
            socket.socket(fileno=os.dup(driver.fileno())) as way,
        ):
            way.shutdown(socket.SHUT_RDWR)
        driver.last_heard = 0.0

    def _waits_for_disk(self, connection: sa.Connection) -> bool:
        return connection.exec_driver_sql("SHOW fsync").scalar() == "on"

    def _transaction(self, connection: sa.Connection) -> SqlTransaction:
        return PostgresTransaction(connection, self)

    def _must_suit(self, connection: sa.Connection) -> None:
        self._must_be_at_least("PostgreSQL", connection.dialect.server_version_info, MINIMUM_VERSION)
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise DatabaseError(
                f"the encoding of this database is {encoding}, which cannot hold every text",
                hint="Use one made by: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
                where=self.label,
            )
