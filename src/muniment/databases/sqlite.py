"""SQLite: one file, one writer at a time, any number of readers.

Durability: in WAL mode with `synchronous=NORMAL` a commit survives the death of the program, and a
power cut may undo the last commits but never half of one. An undone chunk is loaded again by the next
run, whose ledger stands in the same file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.dialects.sqlite.base import SQLiteDDLCompiler

from muniment.columns import ColumnarRows, Encoded
from muniment.databases.connection import SqlDatabase, SqlTransaction
from muniment.databases.database import Rows, Transaction
from muniment.databases.ddl import ChecksOfTypes
from muniment.databases.errors import wrapping
from muniment.databases.session import DURABLE, WRITES
from muniment.databases.url import in_memory
from muniment.databases.values import conversions, converted, must_all_be_storable
from muniment.errors import DatabaseUrlError

MINIMUM_VERSION = (3, 37)
"""The first SQLite with STRICT tables."""


class SQLiteTransaction(SqlTransaction):
    """A transaction that holds the database's write lock."""

    def _insert(self, table: sa.Table, columns: Sequence[str], rows: Rows | Encoded) -> None:
        if isinstance(rows, Encoded):
            rows = rows.rows
        name, quoted = self.quoted(table, columns)
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {name} ({', '.join(quoted)}) VALUES ({marks})"  # noqa: S608 - all names are quoted
        cursor = self.driver_cursor()
        todo = conversions(table, columns, dialect="sqlite", of_bytes=None)
        if isinstance(rows, ColumnarRows):  # of text that was read as such, and flags that are numbers here
            cursor.executemany(statement, rows)
        else:
            for part in converted(rows, todo):
                must_all_be_storable(columns, part)
                cursor.executemany(statement, part)
        cursor.close()

    def _insert_missing(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
        must_all_be_storable(columns, rows)
        statement = insert(table).on_conflict_do_nothing()
        self.connection.execute(statement, [dict(zip(columns, row, strict=True)) for row in rows])


class StrictSQLiteDDL(ChecksOfTypes, SQLiteDDLCompiler):
    """Makes every table STRICT and adds the checks that column types ask for."""

    def post_create_table(self, table: sa.Table) -> str:
        """The table's options and, where it is not among them, STRICT."""
        parent: Any = super()
        options: str = parent.post_create_table(table)
        if table.dialect_options["sqlite"]["strict"]:
            return options
        return f"{options}, STRICT" if options.strip() else "\n STRICT"


class SQLiteDatabase(SqlDatabase):
    """A database in a file, or, for a single thread, in memory."""

    ddl_compiler = StrictSQLiteDDL

    def __init__(self, url: sa.URL, label: str, *, workers: int = 1) -> None:
        path = url.database or ""
        if not in_memory(url) and not path.startswith("file:"):
            _must_be_a_place_for_a_file(Path(path), label)
        super().__init__(url, label, workers=workers)

    def schema_lock(self) -> AbstractContextManager[Transaction]:
        """A transaction: it holds the only write lock there is, and creating tables is part of it."""
        return self.transaction()

    @contextmanager
    def durable_transaction(self) -> Iterator[Transaction]:
        """A transaction whose commit waits for the disk; the log holds those before it, too."""
        with wrapping(self.label):
            connection = self._connection().execution_options(**{DURABLE: True})
        with self._transaction_on(connection) as transaction:
            yield transaction

    def _waits_for_disk(self, connection: sa.Connection) -> bool:
        return not in_memory(connection.engine.url)

    def _connection(self) -> sa.Connection:
        return self.engine.connect().execution_options(**{WRITES: True})

    def _drop(self, connection: sa.Connection) -> None:
        """Nothing: a connection to a file does not break, and one to memory is the database."""

    def _transaction(self, connection: sa.Connection) -> SqlTransaction:
        return SQLiteTransaction(connection, self.label)

    def _must_suit(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql(
            "SELECT count(*) FROM sqlite_schema"
        )  # fails where this is another kind of file
        self._must_be_at_least("SQLite", sqlite3.sqlite_version_info, MINIMUM_VERSION)


def _must_be_a_place_for_a_file(path: Path, label: str) -> None:
    if path.is_dir():
        hint = "Name a file in it, such as collection.db"
        raise DatabaseUrlError("this is a folder", hint=hint, where=label)
    if not path.parent.is_dir():
        hint = f"Create the folder {path.parent}, or correct the path"
        raise DatabaseUrlError("there is no folder for this file", hint=hint, where=label)
