"""The same engines for asyncio; see `engines.py`, which tells what each driver has to be told."""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from muniment.databases import session
from muniment.databases.engines import (
    Arguments,
    close_cursor,
    libpq_arguments,
    on_connecting,
    pool_of,
    sqlite_arguments,
)
from muniment.databases.options import ConnectionOptions, parted
from muniment.databases.sockets import keep_alive, tls_context
from muniment.databases.url import ASYNC_DRIVERS, label, parsed
from muniment.errors import DatabaseUrlError, UsageError


def async_engine(url: str, *, workers: int = 1) -> AsyncEngine:
    """An async engine for the database at a URL; see `muniment.engine`.

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
        made = create_async_engine(plain, connect_args=arguments, **extra, **pool_of(plain, options, workers))
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
        on_connecting(made.sync_engine, partial(_watch_transport, options=options))
    if driver == "psycopg":
        sa.event.listen(made.sync_engine, "handle_error", close_cursor)
    on_connecting(made.sync_engine, partial(begin[driver], options=options))
    return made


def async_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """As `muniment.sessions`; here an expired object could not even be loaded again."""
    return async_sessionmaker(engine, expire_on_commit=False)


def _async_arguments(url: sa.URL, options: ConnectionOptions, label: str) -> Arguments:
    driver = url.get_driver_name()
    if driver == "aiosqlite":
        return sqlite_arguments(options)
    if driver == "psycopg":
        from muniment.databases.silence import HearingAsyncConnection

        given = {name: value for name, value in url.query.items() if isinstance(value, str)}
        connect = partial(HearingAsyncConnection.connect_within, options.reply_seconds)
        return libpq_arguments(options) | given | {"async_creator_fn": connect}
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


def _watch_transport(connection: Any, *, options: ConnectionOptions) -> None:
    driver = connection.driver_connection
    keep_alive(driver._transport.get_extra_info("socket"), options)
    if hasattr(driver, "_read_timeout"):  # asyncmy
        driver._read_timeout = options.reply_seconds
