"""Engines of SQLAlchemy whose connections are watched over alike whatever the driver, sync or async.

Each connection shows signs of life, is checked before it is used again, is replaced after five minutes, and
waits for no lock, reply or statement for ever. The loader writes over the same engines, but does not check a
connection on which the server has just answered. What each driver has to be told, and how:

    psycopg (sync, async)   libpq's parameters; silence is watched by `silence.py`
    asyncpg                 takes none of libpq's: socket options on its transport; `command_timeout`
    PyMySQL, asyncmy        socket options; `read_timeout`
    sqlite3, aiosqlite      no network: a busy timeout
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from muniment.databases import session
from muniment.databases.options import ConnectionOptions, TlsMode, parted
from muniment.databases.url import in_memory, label, parsed

if TYPE_CHECKING:
    from muniment.databases.infile import StreamingConnection
    from muniment.databases.silence import HearingConnection

SPARE_CONNECTIONS = 2
"""Beyond one a worker: the keeper of the schema lock on MySQL, and who looks at the ledger meanwhile."""

Arguments = dict[str, Any]


def engine(url: str, *, workers: int = 1) -> sa.Engine:
    """An engine for the database at a URL; nothing is connected yet, and `dispose()` gives all back.

    Args:
        url: as for `muniment.load`; what may follow its `?` is in the reference.
        workers: threads that will use it at once: so many connections are kept.

    Raises:
        DatabaseUrlError: no such kind of database, or a URL or option that is none.
    """
    given = parsed(url)
    plain, options = parted(given, label(given))
    return engine_at(plain, options, label(given), workers=workers)


def engine_at(url: sa.URL, options: ConnectionOptions, label: str, *, workers: int) -> sa.Engine:
    """As `engine`, for a parsed URL whose options were parted from it."""
    kind = url.get_backend_name()
    if kind == "sqlite":
        made = sa.create_engine(url, connect_args=sqlite_arguments(options), **pool_of(url, options, workers))
        on_connecting(made, partial(session.begin_sqlite, options=options))
        sa.event.listen(made, "begin", session.begin_transaction_of_sqlite)
        return made
    if kind == "postgresql":
        # The options of a URL go to libpq themselves: SQLAlchemy would take some of them for its own.
        given = {name: value for name, value in url.query.items() if isinstance(value, str)}
        url, arguments = url.set(query={}), libpq_arguments(options) | given
    else:
        arguments = _pymysql(options, label)
    made = sa.create_engine(
        url, isolation_level="READ COMMITTED", connect_args=arguments, **pool_of(url, options, workers)
    )
    if kind == "postgresql":
        sa.event.listen(made, "do_connect", partial(_connect_psycopg, options=options))
        sa.event.listen(made, "handle_error", close_cursor)
        on_connecting(made, partial(session.begin_postgresql, options=options))
    else:
        sa.event.listen(made, "do_connect", partial(_connect_pymysql, options=options))
        on_connecting(made, partial(session.begin_pymysql, options=options))
    return made


def pool_of(url: sa.URL, options: ConnectionOptions, workers: int) -> Arguments:
    """How connections are kept."""
    told: Arguments = {"hide_parameters": True, "pool_pre_ping": True, "pool_recycle": options.pool_recycle}
    if in_memory(url):
        # All that use a database in memory must use the one connection that it lives in.
        return {"hide_parameters": True, "poolclass": StaticPool}
    return told | {"pool_size": max(workers, 1), "max_overflow": SPARE_CONNECTIONS}


def sqlite_arguments(options: ConnectionOptions) -> Arguments:
    """What sqlite3 and aiosqlite are told."""
    return {"check_same_thread": False, "timeout": options.lock_seconds}


def libpq_arguments(options: ConnectionOptions) -> Arguments:
    """What libpq is told, by psycopg."""
    of_libpq = ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count")
    tls = ("sslmode", "sslrootcert", "sslcert", "sslkey")
    told = {name: getattr(options, name) for name in (*of_libpq, "tcp_user_timeout", *tls)}
    told |= {"application_name": "muniment", "client_encoding": "utf8"}
    return {name: str(value) for name, value in told.items() if value is not None}


def _pymysql(options: ConnectionOptions, label: str) -> Arguments:
    from muniment.databases.sockets import tls_context

    return {
        "charset": "utf8mb4",
        "connect_timeout": options.connect_timeout,
        "read_timeout": options.reply_seconds,
        "write_timeout": options.reply_seconds,
        "local_infile": True,  # of our own stream alone: see infile.py
        "ssl": tls_context(options, label),
        "ssl_disabled": options.sslmode is TlsMode.DISABLE,  # else it encrypts where the server can
    }


def on_connecting(made: sa.Engine, prepare: Callable[[Any], None]) -> None:
    """Have each new connection prepared."""
    sa.event.listen(made, "connect", lambda connection, _record: prepare(connection))


def _connect_psycopg(
    _dialect: Any, _record: Any, arguments: Any, named: Any, *, options: ConnectionOptions
) -> HearingConnection:
    from muniment.databases.silence import HearingConnection

    return HearingConnection.connect_within(options.reply_seconds, *arguments, **named)


def close_cursor(failed: sa.engine.ExceptionContext) -> None:
    """Close the cursor of a connection that is lost, which SQLAlchemy leaves open: psycopg warns of it."""
    cursor = getattr(failed.execution_context, "cursor", None)
    if failed.is_disconnect and cursor is not None:
        with suppress(Exception):  # it is of no use any more, whatever it says
            cursor.close()


def _connect_pymysql(
    _dialect: Any, _record: Any, arguments: Any, named: Any, *, options: ConnectionOptions
) -> StreamingConnection:
    from muniment.databases.infile import StreamingConnection
    from muniment.databases.sockets import keep_alive

    # What the server says of itself may take no longer than connecting: some accept and then say nothing.
    made = StreamingConnection(*arguments, **named | {"read_timeout": options.connect_timeout})
    private: Any = made  # PyMySQL has no other way
    private._read_timeout = options.reply_seconds
    keep_alive(private._sock, options)
    return made
