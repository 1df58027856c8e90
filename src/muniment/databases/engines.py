"""Engines of SQLAlchemy, sync and async, whose connections are watched over alike whatever the driver.

Each connection shows signs of life, is checked before it is used again, is replaced after five minutes, and
waits for no lock, reply or statement for ever. The loader writes over the same engines. What each driver
has to be told, and how:

    psycopg (sync, async)   libpq's parameters; silence is watched by `silence.py`
    asyncpg                 takes none of libpq's: socket options on its transport; `command_timeout`
    PyMySQL, asyncmy        socket options; `read_timeout`
    sqlite3, aiosqlite      no network: a busy timeout
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

from muniment.databases import session
from muniment.databases.infile import StreamingConnection
from muniment.databases.options import ConnectionOptions, TlsMode, parted
from muniment.databases.silence import HearingAsyncConnection, HearingConnection
from muniment.databases.sockets import keep_alive, tls_context
from muniment.databases.url import ASYNC_DRIVERS, in_memory, label, parsed
from muniment.errors import DatabaseUrlError, UsageError

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
        made = sa.create_engine(url, connect_args=_sqlite(options), **_pool(url, options, workers))
        _on_connecting(made, partial(session.begin_sqlite, options=options))
        sa.event.listen(made, "begin", session.begin_transaction_of_sqlite)
        return made
    if kind == "postgresql":
        # The options of a URL go to libpq themselves: SQLAlchemy would take some of them for its own.
        given = {name: value for name, value in url.query.items() if isinstance(value, str)}
        url, arguments = url.set(query={}), _libpq(options) | given
    else:
        arguments = _pymysql(options, label)
    made = sa.create_engine(
        url, isolation_level="READ COMMITTED", connect_args=arguments, **_pool(url, options, workers)
    )
    if kind == "postgresql":
        sa.event.listen(made, "do_connect", partial(_connect_psycopg, options=options))
        _on_connecting(made, partial(session.begin_postgresql, options=options))
    else:
        sa.event.listen(made, "do_connect", partial(_connect_pymysql, options=options))
        _on_connecting(made, partial(session.begin_mysql, options=options))
    return made


def async_engine(url: str, *, workers: int = 1) -> AsyncEngine:
    """An async engine for the database at a URL; see `engine`.

    PostgreSQL is used by asyncpg, or by psycopg where the URL says `postgresql+psycopg://`; MySQL and
    MariaDB by asyncmy, SQLite by aiosqlite.

    Raises:
        DatabaseUrlError: as `engine`.
        UsageError: the driver is not installed.
    """
    given = parsed(url, ASYNC_DRIVERS)
    plain, options = parted(given, label(given))
    driver = plain.get_driver_name()
    extra = {} if driver == "aiosqlite" else {"isolation_level": "READ COMMITTED"}
    arguments = _async_arguments(plain, options, label(given))
    if driver == "psycopg":
        plain = plain.set(query={})
    try:
        made = create_async_engine(plain, connect_args=arguments, **extra, **_pool(plain, options, workers))
    except ImportError as missing:
        hint = "pip install 'muniment[async]'"
        raise UsageError(f"async reading of this database needs {missing.name}", hint=hint) from missing
    begin = {
        "aiosqlite": session.begin_sqlite,
        "asyncpg": session.begin_postgresql,
        "psycopg": session.begin_postgresql,
        "asyncmy": session.begin_mysql,
    }
    if driver == "aiosqlite":
        sa.event.listen(made.sync_engine, "begin", session.begin_transaction_of_sqlite)
    if driver in ("asyncpg", "asyncmy"):
        _on_connecting(made.sync_engine, partial(_watch_transport, options=options))
    _on_connecting(made.sync_engine, partial(begin[driver], options=options))
    return made


def sessions(engine: sa.Engine) -> sessionmaker[Session]:
    """What makes sessions whose objects stay usable after a commit, when no connection is held any more."""
    return sessionmaker(engine, expire_on_commit=False)


def async_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """As `sessions`, for an async engine; there an expired object could not even be loaded again."""
    return async_sessionmaker(engine, expire_on_commit=False)


def _pool(url: sa.URL, options: ConnectionOptions, workers: int) -> Arguments:
    told: Arguments = {"hide_parameters": True, "pool_pre_ping": True, "pool_recycle": options.pool_recycle}
    if in_memory(url):
        # All that use a database in memory must use the one connection that it lives in.
        return {"hide_parameters": True, "poolclass": StaticPool}
    return told | {"pool_size": max(workers, 1), "max_overflow": SPARE_CONNECTIONS}


def _sqlite(options: ConnectionOptions) -> Arguments:
    return {"check_same_thread": False, "timeout": options.lock_seconds}


def _libpq(options: ConnectionOptions) -> Arguments:
    of_libpq = ("connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count")
    tls = ("sslmode", "sslrootcert", "sslcert", "sslkey")
    told = {name: getattr(options, name) for name in (*of_libpq, "tcp_user_timeout", *tls)}
    told |= {"application_name": "muniment", "client_encoding": "utf8"}
    return {name: str(value) for name, value in told.items() if value is not None}


def _pymysql(options: ConnectionOptions, label: str) -> Arguments:
    return {
        "charset": "utf8mb4",
        "connect_timeout": options.connect_timeout,
        "read_timeout": options.reply_seconds,
        "write_timeout": options.reply_seconds,
        "local_infile": True,  # of our own stream alone: see infile.py
        "ssl": tls_context(options, label),
        "ssl_disabled": options.sslmode is TlsMode.DISABLE,  # else it encrypts where the server can
    }


def _async_arguments(url: sa.URL, options: ConnectionOptions, label: str) -> Arguments:
    driver = url.get_driver_name()
    if driver == "aiosqlite":
        return _sqlite(options)
    if driver == "psycopg":
        given = {name: value for name, value in url.query.items() if isinstance(value, str)}
        connect = partial(HearingAsyncConnection.connect_within, options.reply_seconds)
        return _libpq(options) | given | {"async_creator_fn": connect}
    if driver == "asyncpg":
        told: Arguments = {"timeout": options.connect_timeout, "command_timeout": options.reply_seconds}
        # Without a mode asyncpg does as libpq: encrypted where the server offers it.
        return told | ({"ssl": _tls_or_mode(options, label)} if options.sslmode else {})
    told = {"charset": "utf8mb4", "connect_timeout": options.connect_timeout}
    # What the server says of itself may take no longer than connecting; `_watch_transport` sets the rest.
    return told | {"read_timeout": options.connect_timeout, "ssl": tls_context(options, label)}


def _tls_or_mode(options: ConnectionOptions, label: str) -> Any:
    """For asyncpg, which knows libpq's modes and takes a context where certificates are to be verified."""
    try:
        return tls_context(options, label) or str(options.sslmode)
    except DatabaseUrlError:
        if options.sslmode in ("allow", "prefer"):
            return str(options.sslmode)
        raise


def _on_connecting(made: sa.Engine, prepare: Callable[[Any], None]) -> None:
    sa.event.listen(made, "connect", lambda connection, _record: prepare(connection))


def _connect_psycopg(
    _dialect: Any, _record: Any, arguments: Any, named: Any, *, options: ConnectionOptions
) -> HearingConnection:
    return HearingConnection.connect_within(options.reply_seconds, *arguments, **named)


def _connect_pymysql(
    _dialect: Any, _record: Any, arguments: Any, named: Any, *, options: ConnectionOptions
) -> StreamingConnection:
    # What the server says of itself may take no longer than connecting: some accept and then say nothing.
    made = StreamingConnection(*arguments, **named | {"read_timeout": options.connect_timeout})
    private: Any = made  # PyMySQL has no other way
    private._read_timeout = options.reply_seconds
    keep_alive(private._sock, options)
    return made


def _watch_transport(connection: Any, *, options: ConnectionOptions) -> None:
    driver = connection.driver_connection
    keep_alive(driver._transport.get_extra_info("socket"), options)
    if hasattr(driver, "_read_timeout"):  # asyncmy
        driver._read_timeout = options.reply_seconds
