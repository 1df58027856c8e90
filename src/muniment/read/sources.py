"""What can be read from: a URL, an open database, an SQLAlchemy engine, a connection of the caller's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import sqlalchemy as sa

from muniment.databases import Database, connect
from muniment.databases.connection import SqlDatabase
from muniment.databases.errors import driver_errors, wrapped, wrapping
from muniment.databases.url import label, must_be_there, parsed
from muniment.errors import DatabaseUnavailable
from muniment.read.cursors import ALL_ROWS, ServerCursor, Statement

Source = str | Database | sa.Engine | sa.Connection
"""A URL is connected to for as long as the reading lasts. On a connection, reading is part of its
transaction, and a stream must be closed before the connection is used for anything else."""


def connected_to(url: str) -> Database:
    """The database at a URL, which must be there: reading makes no file."""
    must_be_there(parsed(url))
    return connect(url)


@contextmanager
def engine_of(source: str | Database | sa.Engine) -> Iterator[sa.Engine]:
    """The engine for a source; that of a URL is disposed of when the block ends."""
    if isinstance(source, str):
        with closing(connected_to(source)) as database:
            yield database.engine
    elif isinstance(source, sa.Engine):
        yield source
    else:
        yield source.engine


def label_of(source: Source) -> str:
    """The database's URL without its password, for messages."""
    if isinstance(source, str):
        return label(sa.make_url(source))
    return source.label if isinstance(source, SqlDatabase) else label(source.engine.url)


@contextmanager
def connected(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection of the engine's pool: rolled back and given back when the block ends, however it ends."""
    where = label(engine.url)
    with wrapping(where):
        connection = engine.connect()
    try:
        yield connection
    except driver_errors() as error:
        known = wrapped(error, where)
        if isinstance(known, DatabaseUnavailable):
            connection.invalidate()
        raise known from error
    finally:
        with wrapping(where):
            connection.close()


@contextmanager
def opened(source: Source, statement: Statement) -> Iterator[ServerCursor]:
    """A cursor over a statement's rows; when the block ends, early or not, its connection is free at once."""
    if isinstance(source, sa.Connection):
        with wrapping(label_of(source)):
            cursor = ServerCursor(source, statement)
            try:
                yield cursor
            finally:
                if not cursor.close():
                    source.invalidate()
        return
    with engine_of(source) as engine, connected(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(ALL_ROWS)
        cursor = ServerCursor(connection, statement)
        try:
            yield cursor
        finally:
            if not cursor.close():
                connection.invalidate()
