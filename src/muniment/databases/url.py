"""From a database URL to the parts that connect, and to a label that shows no password."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from muniment.errors import DatabaseUrlError, UsageError

DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
"""The kinds of database there are, with the driver that each is used by."""

ASYNC_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "mysql": "mysql+asyncmy",
    "mariadb": "mysql+asyncmy",
}
"""The same, for asyncio."""

CHOSEN_BY_NAME = ("postgresql+psycopg",)
"""Drivers of asyncio that a URL may name instead."""

ESCAPES = "In a user name or password write @ as %40, : as %3A, / as %2F, % as %25"

EXAMPLES = "Such as sqlite:///collection.db, postgresql://user:password@host/database or mysql://..."


def parsed(text: str, drivers: Mapping[str, str] = DRIVERS) -> sa.URL:
    """The URL with its driver; raises `DatabaseUrlError`, whose message holds no part that may be secret."""
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        # Not even the cause is kept: it may quote a password.
        raise DatabaseUrlError("this is no database URL", hint=f"{EXAMPLES}. {ESCAPES}") from None
    kind, _, driver = url.drivername.partition("+")
    if kind not in drivers:
        raise DatabaseUrlError(f"{kind!r} is no kind of database that Muniment knows", hint=EXAMPLES)
    if kind != "sqlite" and text.count("@") > 1:
        # What follows the first one would count as the host, and be shown, though it is a password's end.
        raise DatabaseUrlError("this URL has more than one @", hint=ESCAPES)
    wanted = drivers[kind]
    if drivers is ASYNC_DRIVERS and url.drivername in CHOSEN_BY_NAME:
        wanted = url.drivername
    if driver and driver != wanted.partition("+")[2]:
        raise DatabaseUrlError(f"Muniment does not use {driver!r}", hint=f"Write {kind}:// alone")
    if kind == "sqlite" and url.host:
        hint = "After sqlite: three slashes begin a path from the current folder, four one from the root"
        raise DatabaseUrlError("this SQLite URL has too few slashes", hint=hint)
    return url.set(drivername=wanted)


def in_memory(url: sa.URL) -> bool:
    """Whether it names a SQLite database that no file holds."""
    return url.get_backend_name() == "sqlite" and (url.database or "") in ("", ":memory:")


def must_be_there(url: sa.URL) -> None:
    """Raise `UsageError` where a SQLite file to be read is not there: connecting would make it."""
    path = url.database or ""
    if url.get_backend_name() != "sqlite" or in_memory(url) or path.startswith("file:"):
        return
    if not Path(path).exists():
        raise UsageError(f"there is no database at {path}", hint="Correct its path: reading makes none")


def label(url: sa.URL) -> str:
    """The URL for people: without its password, and without options, which may hold one too."""
    kind = url.drivername.partition("+")[0]
    shown = sa.URL.create(kind, username=url.username, host=url.host, port=url.port, database=url.database)
    return shown.render_as_string()
