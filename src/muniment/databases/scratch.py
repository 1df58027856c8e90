"""Databases for once: made, used, and dropped whatever happens."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from muniment.databases.connection import SqlDatabase
from muniment.databases.errors import wrapping
from muniment.databases.kinds import class_of
from muniment.databases.url import label, parsed

CREATION = {
    "postgresql": "CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0",
    "mysql": "CREATE DATABASE {name} CHARACTER SET utf8mb4",
}

REMOVAL = {
    "postgresql": "DROP DATABASE IF EXISTS {name} WITH (FORCE)",
    "mysql": "DROP DATABASE IF EXISTS {name}",
}


@contextmanager
def scratch(url: str | None = None) -> Iterator[SqlDatabase]:
    """A new, empty database, dropped at the end.

    Args:
        url: a server on which to make it, by the rights of the user in the URL; the database in the URL
            is not touched. None, or an SQLite URL: a file in a temporary folder.

    Raises:
        DatabaseUrlError: `url` is none.
        DatabaseError: the server cannot be reached, or does not let this user create a database.
    """
    target = None if url is None else parsed(url)
    if target is None or target.get_backend_name() == "sqlite":
        with tempfile.TemporaryDirectory(prefix="muniment-") as folder, _in_folder(Path(folder)) as database:
            yield database
        return
    with _on_server(target) as database:
        yield database


@contextmanager
def _in_folder(folder: Path) -> Iterator[SqlDatabase]:
    url = sa.URL.create("sqlite+pysqlite", database=str(folder / "scratch.db"))
    database = class_of("sqlite")(url, label(url))
    try:
        database.must_be_usable()
        yield database
    finally:
        database.close()


@contextmanager
def _on_server(target: sa.URL) -> Iterator[SqlDatabase]:
    kind = target.get_backend_name()
    name = f"muniment_check_{secrets.token_hex(6)}"
    server = class_of(kind)(target, label(target))
    url = target.set(database=name)
    database = class_of(kind)(url, label(url))
    try:
        _execute(server, CREATION[kind].format(name=name))
        try:
            database.must_be_usable()
            yield database
        finally:
            database.close()
            _execute(server, REMOVAL[kind].format(name=name))
    finally:
        server.close()


def _execute(server: SqlDatabase, statement: str) -> None:
    with wrapping(server.label), server.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(statement)
