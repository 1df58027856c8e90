"""The first load into empty tables: foreign keys are built after the rows, which costs the server far less.

Primary keys, checks and the uniqueness of business keys stay on throughout. A load that died left keys
missing; the same load goes on without them, and any other builds them before it begins.
"""

from __future__ import annotations

from muniment.databases.database import Database
from muniment.databases.foreign_keys import are_empty, build, keys_of, may_be_taken_away, missing, take_away
from muniment.errors import DatabaseError
from muniment.profile import Profile

WORTH_IT_BYTES = 4 * 1024 * 1024
"""Of a source: the keys of a smaller one are checked sooner than they are taken away and built."""

IN_USE = "the tables were empty, but others use them: the foreign keys were checked row by row"

NOT_THE_OWNER = (
    "the tables were empty, but the foreign keys were checked row by row: after the rows, which is faster,"
    " they are built only by a user who owns the tables"
)


def begin(database: Database, profile: Profile, size: int, *, resumed: bool) -> tuple[str, ...]:
    """Take the foreign keys of empty tables away, or build those that another load left missing.

    Args:
        database: with the profile's tables.
        profile: whose tables.
        size: bytes of the source.
        resumed: whether the run goes on that may have taken them away.

    Returns:
        What there is to say, for people.
    """
    tables = profile.filled_first
    if not _may_be_built_later(database, profile):
        return ()
    try:
        with database.schema_lock() as transaction:
            lacking = missing(transaction.connection, tables)
            if size >= WORTH_IT_BYTES and are_empty(transaction, tables):
                if not may_be_taken_away(transaction, tables):
                    return (NOT_THE_OWNER,)
                take_away(transaction, keys_of(tables))
                return ()
    except DatabaseError:
        # Somebody else is at work on these tables: the keys stay, and are checked row by row.
        return (IN_USE,)
    if lacking and not resumed:
        finish(database, profile)
    return ()


def finish(database: Database, profile: Profile) -> None:
    """Build what is missing; raises `DatabaseError` where rows refer to what is not there."""
    if not _may_be_built_later(database, profile):
        return
    with database.transaction() as transaction:
        keys = missing(transaction.connection, profile.filled_first)
    build(database, keys)


def checks_row_by_row(database: Database, profile: Profile) -> bool:
    """Whether the server checks foreign keys while the profile's rows are written.

    Then it takes far longer over a chunk than making it ready does.
    """
    if not _may_be_built_later(database, profile):
        return False
    with database.transaction() as transaction:
        return not missing(transaction.connection, profile.filled_first)


def _may_be_built_later(database: Database, profile: Profile) -> bool:
    return bool(profile.filled_first) and database.engine.dialect.name == "postgresql"
