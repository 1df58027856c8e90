"""The databases that Muniment writes to: PostgreSQL, MySQL and MariaDB, SQLite."""

from __future__ import annotations

from muniment.databases.database import Database, Transaction, Value
from muniment.databases.kinds import class_of
from muniment.databases.scratch import scratch
from muniment.databases.url import label, parsed
from muniment.errors import DatabaseUrlError

__all__ = [
    "Database",
    "Transaction",
    "Value",
    "connect",
    "scratch",
]


def connect(url: str) -> Database:
    """The database at `url`, to which one connection has been made.

    Args:
        url: `sqlite:///path`, `sqlite://` (in memory), `postgresql://user:password@host/name`,
            `postgres://`, `mysql://` or `mariadb://`.

    Raises:
        DatabaseUrlError: no such kind of database, or a URL that is none.
        DatabaseUnavailable: no server answers.
        DatabaseError: wrong password, no such database, or one that cannot hold every text.
    """
    parts = parsed(url)
    kind = parts.get_backend_name()
    if kind != "sqlite" and not parts.database:
        hint = "End the URL with / and the name of the database"
        raise DatabaseUrlError("this URL names no database", hint=hint, where=label(parts))
    try:
        return class_of(kind).reached(parts, label(parts))
    except (TypeError, ValueError, OSError):
        if not parts.query:
            raise
        # Not even the cause is kept: it may quote a password.
        hint = "Take away what follows the ?, or correct it: these options are those of the driver"
        raise DatabaseUrlError(
            "the driver does not take the options of this URL", hint=hint, where=label(parts)
        ) from None
