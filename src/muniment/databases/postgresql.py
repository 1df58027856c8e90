"""PostgreSQL, by psycopg 3: rows go in by COPY."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from muniment.columns import ColumnarRows
from muniment.databases.columnar import COPY_CLOSING, COPY_OPENING, binary_copy
from muniment.databases.connection import SqlDatabase, SqlTransaction
from muniment.databases.database import Rows, Transaction
from muniment.databases.ddl import CheckedPostgresDDL
from muniment.databases.session import SCHEMA_LOCK_SECONDS
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


_OIDS = sa.text(
    "SELECT attname, CAST(atttypid AS integer) FROM pg_attribute"
    " WHERE attrelid = CAST(:name AS regclass) AND attnum > 0"
)


class PostgresTransaction(SqlTransaction):
    """A transaction whose bulk path is COPY."""

    def _insert(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
        payload = self._binary(table, columns, rows) if isinstance(rows, ColumnarRows) else None
        name, quoted = self.quoted(table, columns)
        statement = f"COPY {name} ({', '.join(quoted)}) FROM STDIN"
        if payload is not None:
            statement += " (FORMAT binary)"
        with self.driver_cursor() as cursor:
            with cursor.copy(statement) as copy:
                for part in payload or _text(table, columns, rows):
                    copy.write(part)
            if cursor.rowcount != len(rows):
                message = f"of {len(rows)} rows the server took {cursor.rowcount}"
                raise DatabaseError(message, hint="Nothing of them is kept", where=self.label)

    def _binary(self, table: sa.Table, columns: Sequence[str], rows: ColumnarRows) -> list[Any] | None:
        """The rows as binary COPY takes them, in writes of `WRITE_BYTES`; None where text must do."""
        oids = self._oids(table)
        content = binary_copy(rows, [oids[column] for column in columns])
        if content is None:
            return None
        starts = range(0, len(content), WRITE_BYTES)
        return [COPY_OPENING, *(content[start : start + WRITE_BYTES] for start in starts), COPY_CLOSING]

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


class PostgresDatabase(SqlDatabase):
    """A database on a PostgreSQL server."""

    ddl_compiler = CheckedPostgresDDL

    @contextmanager
    def schema_lock(self) -> Iterator[Transaction]:
        """A transaction that holds an advisory lock; creating tables is part of it."""
        with self.transaction() as transaction:
            transaction.execute(sa.text(f"SET LOCAL lock_timeout = '{SCHEMA_LOCK_SECONDS}s'"))
            transaction.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK_KEY})
            yield transaction

    @contextmanager
    def durable_transaction(self) -> Iterator[Transaction]:
        """A transaction whose commit waits for the disk, also where those before it did not.

        The log is written in order: what was committed before is on the disk with it.
        """
        with self.transaction() as transaction:
            transaction.execute(sa.text(WAIT_FOR_DISK))
            yield transaction

    def _waits_for_disk(self, connection: sa.Connection) -> bool:
        return connection.exec_driver_sql("SHOW fsync").scalar() == "on"

    def _transaction(self, connection: sa.Connection) -> SqlTransaction:
        return PostgresTransaction(connection, self.label)

    def _must_suit(self, connection: sa.Connection) -> None:
        self._must_be_at_least("PostgreSQL", connection.dialect.server_version_info, MINIMUM_VERSION)
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise DatabaseError(
                f"the encoding of this database is {encoding}, which cannot hold every text",
                hint="Use one made by: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0",
                where=self.label,
            )
