"""Going on where an upgrade was interrupted, on MySQL and MariaDB.

There each CREATE TABLE commits by itself, so that a program killed in mid-upgrade leaves some of the new
tables behind, without their version. While an upgrade goes on a table `muniment_upgrade` exists, which
holds the names of the tables that were there before. The next upgrade that finds it goes on: what it is
about to create and finds there is passed over, unless it was there before and thus is not ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from muniment.databases.types import Key

if TYPE_CHECKING:
    import pymysql

upgrade_table = sa.Table(
    "muniment_upgrade",
    sa.MetaData(),
    sa.Column("table_before", Key, primary_key=True),
    comment="While the schema is being upgraded: the tables that were there before",
)

TABLE_EXISTS = 1050
COLUMN_EXISTS, INDEX_EXISTS, CONSTRAINT_EXISTS = 1060, 1061, 1826
ALREADY_DONE = frozenset((TABLE_EXISTS, COLUMN_EXISTS, INDEX_EXISTS, CONSTRAINT_EXISTS))
"""What MySQL and MariaDB say of a thing that is there already."""


@contextmanager
def resumable(connection: sa.Connection) -> Iterator[None]:
    """While the block upgrades the schema: keep what a later upgrade needs to know if this one is killed.

    At least one table must be there already, so that a note without rows is known to be unfinished.
    """
    if connection.dialect.name != "mysql":
        yield  # there creating tables is part of the transaction
        return
    upgrade_table.create(connection, checkfirst=True)
    before = frozenset(connection.scalars(sa.select(upgrade_table.c.table_before)))
    if before:
        with _passing_over_what_is_done(connection, before):
            yield
    else:
        present = sa.inspect(connection).get_table_names()
        connection.execute(upgrade_table.insert(), [{"table_before": name} for name in present])
        yield
    upgrade_table.drop(connection)  # which commits the version that the block has written


@contextmanager
def _passing_over_what_is_done(connection: sa.Connection, before: frozenset[str]) -> Iterator[None]:
    import pymysql

    def execute(cursor: Any, statement: str, parameters: Any, _context: Any) -> bool:
        try:
            cursor.execute(statement, parameters)
        except pymysql.err.MySQLError as error:
            if not _is_done(error, before):
                raise
        return True  # SQLAlchemy need not execute it

    sa.event.listen(connection.engine, "do_execute", execute)
    try:
        yield
    finally:
        sa.event.remove(connection.engine, "do_execute", execute)


def _is_done(error: pymysql.err.MySQLError, before: frozenset[str]) -> bool:
    code, message = error.args[:2]
    if code == TABLE_EXISTS:
        named = re.search(r"'([^']+)'", message)
        return named is not None and named[1].rpartition(".")[2] not in before
    return code in ALREADY_DONE
