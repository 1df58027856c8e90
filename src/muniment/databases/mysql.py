"""MySQL and MariaDB, by PyMySQL: rows go in by LOAD DATA LOCAL, or by INSERT where a server forbids it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pymysql
import sqlalchemy as sa
from sqlalchemy.dialects.mysql.base import MySQLDDLCompiler

from muniment.columns import ColumnarRows, Encoded
from muniment.databases.columnar import tab_separated_columns
from muniment.databases.connection import SqlDatabase, SqlTransaction, ask_only_the_quiet
from muniment.databases.database import Rows, Transaction
from muniment.databases.ddl import ChecksOfTypes
from muniment.databases.errors import mysql_error, wrapping
from muniment.databases.infile import StreamingConnection
from muniment.databases.session import SCHEMA_LOCK_SECONDS
from muniment.databases.tabbed import tab_separated
from muniment.databases.types import metadata
from muniment.databases.values import conversions, converted, is_binary, must_all_be_storable
from muniment.errors import DatabaseError, DatabaseUnavailable, RowRefused

MINIMUM_MYSQL = (8, 0, 17)
"""The first MySQL with a binary NOPAD collation and with checks that it enforces."""

MINIMUM_MARIADB = (10, 5)
"""The oldest MariaDB of those still found on servers that has all that is used here."""

INSERT_CHARACTERS = 256 * 1024
"""Size of an INSERT of many rows: beyond this they get no faster, and every server takes so much."""

LOCK_NAME_CHARACTERS = 40
"""Of the hash in a lock's name: names may have 64 characters, and locks are those of the whole server."""

WAITS_FOR_DISK = "SELECT @@innodb_flush_log_at_trx_commit = 1 AND (NOT @@log_bin OR @@sync_binlog = 1)"
"""A crash undoes what stands in InnoDB's log and is missing in the binary log, where there is one."""

TAKES_UTF_8 = sa.text(
    "SELECT min(coalesce(character_set_name, 'utf8mb4') = 'utf8mb4'"
    " AND column_type NOT LIKE '%COMPRESSED%' AND data_type IN ('char', 'varchar',"
    " 'tinytext', 'text', 'mediumtext', 'longtext', 'tinyint', 'smallint', 'mediumint', 'int', 'bigint',"
    " 'decimal', 'float', 'double', 'date', 'time', 'datetime', 'timestamp', 'year',"
    " 'binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'))"
    " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = :name"
)
"""Whether a table's columns all take UTF-8 as it is. Of others one may be in another character set, and one
may take bytes for a value's own form (`uuid`, `inet6`). NULL where no such table is to be seen."""

LOCAL_INFILE_FORBIDDEN = frozenset((1148, 3948, 4166))
"""How servers say that LOAD DATA LOCAL is switched off."""


class MySQLTransaction(SqlTransaction):
    """A transaction whose bulk path is LOAD DATA LOCAL."""

    def __init__(self, connection: sa.Connection, database: MySQLDatabase) -> None:
        super().__init__(connection, database.label)
        self._database = database

    def _insert(self, table: sa.Table, columns: Sequence[str], rows: Rows | Encoded) -> None:
        self._must_be_transactional(table)
        encoded = rows if isinstance(rows, Encoded) else None
        if isinstance(rows, Encoded):
            rows = rows.rows
        if self._database.loads_local_files:
            try:
                self._load(table, columns, encoded or self._database.encode(table, columns, rows) or rows)
                return
            except pymysql.err.MySQLError as error:
                if not LOCAL_INFILE_FORBIDDEN.intersection(error.args[:1]):
                    raise
                self._database.loads_local_files = False
        self._insert_many_rows(table, columns, rows, "")

    def _insert_missing(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
        # INSERT IGNORE would ignore far more than duplicates: it cuts texts that are too long.
        self._must_be_transactional(table)
        _, (column,) = self.quoted(table, columns[:1])
        self._insert_many_rows(table, columns, rows, f" ON DUPLICATE KEY UPDATE {column} = {column}")

    def _load(self, table: sa.Table, columns: Sequence[str], rows: Rows | Encoded) -> None:
        payload: list[bytes | memoryview]
        if isinstance(rows, Encoded):
            payload = [rows.payload]
        else:
            todo = conversions(table, columns, dialect="mysql", of_bytes=bytes.hex)
            payload = [tab_separated(part, columns) for part in converted(rows, todo)]
        with self.driver_cursor() as cursor:
            with cursor.connection.serving(payload) as name:
                cursor.execute(self._load_statement(table, columns, name))
            if cursor.rowcount != len(rows) or cursor.warning_count:
                raise self._refusal(cursor, table, len(rows))

    def _load_statement(self, table: sa.Table, columns: Sequence[str], name: str) -> str:
        target, quoted = self.quoted(table, columns)
        binary = [is_binary(table.c[column]) for column in columns]
        places = [f"@c{i}" if binary[i] else quoted[i] for i in range(len(columns))]
        decoded = [f"{quoted[i]} = UNHEX(@c{i})" for i in range(len(columns)) if binary[i]]
        text = "binary" if self._takes_utf8(table) else "utf8mb4"
        return (
            f"LOAD DATA LOCAL INFILE '{name}' INTO TABLE {target} CHARACTER SET {text} "
            r"FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' "
            f"({', '.join(places)})" + (f" SET {', '.join(decoded)}" if decoded else "")
        )

    def _takes_utf8(self, table: sa.Table) -> bool:
        """Whether MariaDB may take the bytes as they are, which saves it a tenth of a flat load.

        Of a user's table it is asked each time, lest another character set is filled with bytes of this one;
        having been read from, the table is not altered until the transaction ends. MySQL is not asked: that
        was measured and tested with MariaDB alone.
        """
        if not _is_mariadb(self.connection.dialect) or table.schema:
            return False
        known = self._database.takes_utf8 if table.metadata is metadata else {}
        if table.name not in known:
            self.connection.execute(sa.select(sa.literal(1)).select_from(table).limit(0))
            known[table.name] = bool(self.connection.execute(TAKES_UTF_8, {"name": table.name}).scalar())
        return known[table.name]

    def _refusal(self, cursor: Any, table: sa.Table, expected: int) -> DatabaseError:
        """Why a statement did not do exactly what it was told: these servers only warn."""
        taken = cursor.rowcount
        cursor.execute("SHOW WARNINGS LIMIT 1")
        warning = cursor.fetchone()
        if warning is None:
            return RowRefused(f"of {expected} rows the server took {taken}", where=table.name)
        return mysql_error(int(warning[1]), warning[2], table.name, refused=True)

    def _insert_many_rows(self, table: sa.Table, columns: Sequence[str], rows: Rows, ending: str) -> None:
        name, quoted = self.quoted(table, columns)
        opening = f"INSERT INTO {name} ({', '.join(quoted)}) VALUES "  # noqa: S608 - all names are quoted
        todo = conversions(table, columns, dialect="mysql", of_bytes=None)
        with self.driver_cursor() as cursor:
            for part in converted(rows, todo):
                must_all_be_storable(columns, part)
                for values in _literal_rows(cursor.connection, part):
                    cursor.execute(opening + ",".join(values) + ending)
                    if cursor.warning_count:
                        raise self._refusal(cursor, table, len(values))

    def _must_be_transactional(self, table: sa.Table) -> None:
        if table.name in self._database.transactional_tables:
            return
        query = sa.text(
            "SELECT engine FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name = :name"
        )
        engine = self.connection.execute(query, {"name": table.name}).scalar()
        if engine is not None and engine.lower() != "innodb":
            hint = f"ALTER TABLE {table.name} ENGINE=InnoDB makes it one"
            raise DatabaseError(f"{engine} tables know no transactions", hint=hint, where=table.name)
        self._database.transactional_tables.add(table.name)


def _is_mariadb(dialect: sa.Dialect) -> bool:
    return bool(getattr(dialect, "is_mariadb", False))


def _literal_rows(connection: StreamingConnection, rows: Rows) -> Iterator[list[str]]:
    """Rows as SQL, as many together as make about `INSERT_CHARACTERS`."""
    gathered: list[str] = []
    size = 0
    for row in rows:
        literal = connection.escape(tuple(row), connection.encoders)
        if gathered and size + len(literal) > INSERT_CHARACTERS:
            yield gathered
            gathered, size = [], 0
        gathered.append(literal)
        size += len(literal)
    yield gathered


class ExactMySQLDDL(ChecksOfTypes, MySQLDDLCompiler):
    """Makes every table transactional, of full Unicode, and exact in its comparisons.

    The collations are binary and NOPAD: case, accents and trailing spaces count.
    """

    def post_create_table(self, table: sa.Table) -> str:
        """The table's options, with engine, character set and collation."""
        collation = "utf8mb4_nopad_bin" if _is_mariadb(self.dialect) else "utf8mb4_0900_bin"
        options = super().post_create_table(table)
        return f"{options} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={collation}"


class MySQLDatabase(SqlDatabase):
    """A database on a MySQL or MariaDB server."""

    ddl_compiler = ExactMySQLDDL

    def __init__(self, url: sa.URL, label: str, *, workers: int = 1) -> None:
        super().__init__(url, label, workers=workers)
        ask_only_the_quiet(self.engine)
        self.loads_local_files = True
        self.transactional_tables: set[str] = set()
        self.takes_utf8: dict[str, bool] = {}
        """By table of Muniment's own, whether its columns all take UTF-8 as it is."""

    def encode(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> Encoded | None:
        """The rows for LOAD DATA, where bytes stand in columns of bytes and nowhere else."""
        if not isinstance(rows, ColumnarRows) or not self.loads_local_files:
            return None
        held = [column.type == pa.binary() for column in rows.columns]
        if held != [is_binary(table.c[name]) for name in columns]:
            return None
        return Encoded(rows, (), tab_separated_columns(rows))

    @contextmanager
    def schema_lock(self) -> Iterator[Transaction]:
        """A transaction, while another session holds a named lock until it is committed.

        Creating a table commits by itself on these servers; the lock outlasts that.
        """
        with wrapping(self.label), self.engine.connect() as keeper:
            schema = keeper.execute(sa.text("SELECT DATABASE()")).scalar_one()
            name = {"name": "muniment:" + hashlib.sha256(schema.encode()).hexdigest()[:LOCK_NAME_CHARACTERS]}
            taking = sa.text("SELECT GET_LOCK(:name, :seconds)")
            if keeper.execute(taking, name | {"seconds": SCHEMA_LOCK_SECONDS}).scalar() != 1:
                raise DatabaseUnavailable(
                    f"another program has been changing the schema for {SCHEMA_LOCK_SECONDS} seconds",
                    hint="Wait until it is done, then run again",
                    where=self.label,
                )
            try:
                with self.transaction() as transaction:
                    yield transaction
            finally:
                keeper.execute(sa.text("SELECT RELEASE_LOCK(:name)"), name)

    def _waits_for_disk(self, connection: sa.Connection) -> bool:
        return bool(connection.exec_driver_sql(WAITS_FOR_DISK).scalar_one())

    def _transaction(self, connection: sa.Connection) -> SqlTransaction:
        return MySQLTransaction(connection, self)

    def _must_suit(self, connection: sa.Connection) -> None:
        is_mariadb = _is_mariadb(connection.dialect)
        name, minimum = ("MariaDB", MINIMUM_MARIADB) if is_mariadb else ("MySQL", MINIMUM_MYSQL)
        self._must_be_at_least(name, connection.dialect.server_version_info, minimum)
