"""What a new connection is told before anything else: the same for sync and async drivers.

Times are UTC, lax modes strict, and no lock is waited for for ever. The cursors of async drivers are used
as sync ones here, which SQLAlchemy makes possible in its events.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import sqlalchemy as sa

from muniment.databases.errors import POSTGRESQL_CANCELLED, TIMED_OUT_IN
from muniment.databases.options import ConnectionOptions

SCHEMA_LOCK_SECONDS = 120
"""How long to wait while another creates or upgrades the schema."""

SQL_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""Of MySQL and MariaDB: what does not fit is an error, never cut to fit."""

WRITES = "muniment_writes"
"""The execution option of connections that will write: on SQLite they take the write lock as they begin.

A transaction that reads first and then wants to write can fail at once, whatever the timeout.
"""

DURABLE = "muniment_durable"
"""The execution option of connections to SQLite whose next commit waits for the disk."""

RETRY_SECONDS = 0.01
"""Between two attempts to switch a new SQLite database to WAL."""

CACHE_KIB = 16_000
"""Of SQLite's pages. With its own 2,000, a row that refers to one of 400,000 is checked against a page that
must be read again: 800,000 rows took 1.8 s to insert, 1.3 s of it for their checks; with these, 1.1 s."""


def begin_postgresql(connection: Any, *, options: ConnectionOptions) -> None:
    """Begin a session of PostgreSQL.

    A plan made while a table was almost empty, and kept, searches the rows of a whole vocabulary for each
    key: 500 keys among 100,000 took over a second, and take 10 ms with a plan of their own. The server is
    asked for signs of life as well, so that it frees the locks of a client that has vanished.
    """
    settings = {
        "TimeZone": "UTC",
        "standard_conforming_strings": "on",
        "plan_cache_mode": "force_custom_plan",
        "lock_timeout": f"{options.lock_seconds}s",
        "statement_timeout": f"{options.statement_seconds}s",
        "tcp_keepalives_idle": f"{options.keepalives_idle}",
        "tcp_keepalives_interval": f"{options.keepalives_interval}",
        "tcp_keepalives_count": f"{options.keepalives_count}",
        "tcp_user_timeout": f"{options.tcp_user_timeout}",
    }
    calls = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings.items())
    told_so = "(SELECT short_desc FROM pg_settings WHERE name = 'statement_timeout')"
    *_, language = _execute(connection, f"SELECT {calls}, {told_so}")
    connection.commit()
    if language not in TIMED_OUT_IN:
        TIMED_OUT_IN[language] = _words_for_a_time_limit(connection)


def _words_for_a_time_limit(connection: Any) -> str:
    """What this server says when a statement took too long, found out by letting one."""
    try:
        _execute(connection, "SELECT set_config('statement_timeout', '1ms', true)")
        _execute(connection, "SELECT pg_sleep(60)")
    except Exception as error:  # each driver has a class of its own
        if getattr(error, "sqlstate", None) != POSTGRESQL_CANCELLED:
            raise
        diagnosed = getattr(error, "diag", None)
        return str(diagnosed.message_primary if diagnosed else error.__cause__).splitlines()[0]
    finally:
        connection.rollback()
    raise AssertionError("a statement that sleeps is cut short")


def begin_mysql(connection: Any, *, options: ConnectionOptions) -> None:
    """Begin a session of MySQL or MariaDB."""
    driver = getattr(connection, "driver_connection", connection)
    settings = {
        "sql_mode": f"'{SQL_MODE}'",
        "time_zone": "'+00:00'",
        "lc_messages": "'en_US'",  # the names of keys are read out of its messages
        "innodb_lock_wait_timeout": options.lock_seconds,
        "lock_wait_timeout": SCHEMA_LOCK_SECONDS,
        # Of either side that is slow, not gone: the network's own deadlines are those of the socket.
        "net_read_timeout": options.reply_seconds,
        "net_write_timeout": options.reply_seconds,
    }
    if "MariaDB" in driver.get_server_info():
        settings["max_statement_time"] = options.statement_seconds
    else:
        settings["max_execution_time"] = 1_000 * options.statement_seconds  # of SELECT alone
    told = ", ".join(f"{name} = {value}" for name, value in settings.items())
    _execute(connection, f"SET SESSION {told}")


def begin_pymysql(connection: Any, *, options: ConnectionOptions) -> None:
    """The same on a connection of `infile.py`, which is to know what the server takes."""
    begin_mysql(connection, options=options)
    (connection.packet_bytes,) = _execute(connection, "SELECT @@max_allowed_packet") or (0,)


def begin_sqlite(connection: Any, *, options: ConnectionOptions) -> None:
    """Begin to use a file of SQLite: in WAL mode, with its foreign keys."""
    # The driver's own opening of transactions is switched off: `begin_transaction_of_sqlite` does it.
    connection.isolation_level = None
    _execute(connection, "PRAGMA foreign_keys = ON")
    _execute(connection, "PRAGMA synchronous = NORMAL")
    _execute(connection, f"PRAGMA cache_size = -{CACHE_KIB}")
    deadline = time.monotonic() + options.lock_seconds
    while True:
        try:
            _execute(connection, "PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # Two programs that open a new database at once: this change ignores the busy timeout.
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
                return
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


def begin_transaction_of_sqlite(connection: sa.Connection) -> None:
    """BEGIN, with the write lock where the connection will write."""
    options = connection.get_execution_options()
    writes = options.get(WRITES)
    if writes:
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options.get(DURABLE) else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _execute(connection: Any, statement: str) -> Any:
    """The first row that a statement gives, if it gives one."""
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None
    finally:
        cursor.close()
