"""New databases for measurements, on servers that wait for the disk as those in use do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import sqlalchemy as sa

from muniment.databases.url import parsed


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The URL of an empty database on a server, which is dropped when the block ends."""
    name = f"benchmark_{secrets.token_hex(6)}"
    engine = sa.create_engine(parsed(server), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        # What was written before shall not be flushed on account of what is measured now. MariaDB
        # has no such command, and a user who is not the server's own may not give it.
        with suppress(sa.exc.DBAPIError):
            connection.exec_driver_sql("CHECKPOINT")
    yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        force = " WITH (FORCE)" if engine.dialect.name == "postgresql" else ""
        connection.exec_driver_sql(f"DROP DATABASE {name}{force}")
