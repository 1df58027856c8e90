"""The database that a command reads: it must be there already, and looking at it makes no file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shlex import quote

from muniment.config import database_url
from muniment.databases import Database, connect
from muniment.databases.url import label, parsed
from muniment.errors import UsageError

LOADING_MAKES_ONE = (
    "`muniment load SOURCE --mapping FILE` makes one; elsewhere? Say where with --db or MUNIMENT_DB"
)


@contextmanager
def existing_database(given: str | None) -> Iterator[Database]:
    """The database to look at.

    Raises:
        UsageError: there is none yet.
    """
    text = database_url(given)
    url = parsed(text)
    if url.get_backend_name() == "sqlite":
        path = url.database or ":memory:"
        if not Path(path).is_file():
            raise UsageError(f"there is no database yet at {path}", hint=LOADING_MAKES_ONE)
    with closing(connect(text)) as database:
        yield database


def as_option(given: str | None) -> str:
    """How to name the same database in the next command: ` --db URL` without a password, or nothing."""
    return f" --db {quote(label(parsed(given)))}" if given else ""
