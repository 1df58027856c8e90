"""Creating and upgrading the schema, branch by branch: `engine`, `museum`.

Version scripts stand in `versions/` and import nothing from the layers above, so that an old script means
tomorrow what it means today. Each is called after its branch and its number in it, so that their names tell
which is the newest: Alembic is imported where something is to be done. The table `muniment_version` holds
what a database has.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from muniment.databases.database import Database
from muniment.databases.errors import wrapping
from muniment.databases.types import Key
from muniment.errors import DatabaseError
from muniment.migrations.interruption import resumable, upgrade_table

if TYPE_CHECKING:
    from alembic.config import Config

VERSIONS = Path(__file__).parent / "versions"

VERSION_TABLE = "muniment_version"

version_table = sa.Table(
    VERSION_TABLE,
    sa.MetaData(),
    sa.Column("version_num", Key, primary_key=True),
    comment="The versions of the schema, one for each of its branches",
)

_one_at_a_time = threading.Lock()
"""Alembic keeps the environment of the upgrade in progress in a global variable."""


def upgrade(database: Database, branch: str, *, versions: Path = VERSIONS) -> None:
    """Create the schema of `branch`, or bring it to its newest version; nothing where it is there already.

    Safe against others who do the same at the same time, and against being interrupted.

    Args:
        database: where.
        branch: `engine` or `museum`; what a branch depends on is upgraded with it.
        versions: the folder of the version scripts.

    Raises:
        DatabaseError: the database is newer than this program, has tables of the same names that are
            not Muniment's, or does not let its user create tables.
        DatabaseUnavailable: another has held the lock for too long.
    """
    if is_current(database, branch, versions=versions):
        return
    from alembic import command

    configuration = _configuration(versions)
    try:
        with _one_at_a_time, database.schema_lock() as transaction, wrapping(database.label):
            version_table.create(transaction.connection, checkfirst=True)
            configuration.attributes["connection"] = transaction.connection
            with resumable(transaction.connection):
                command.upgrade(configuration, f"{branch}@head")
    except DatabaseError as error:
        if "already exists" in error.message:
            error.hint = "This is not a table of Muniment's: use a database of its own"
        elif "denied" in error.message:
            error.hint = "Let somebody who may create and alter tables run: muniment migrate"
        raise


def is_current(database: Database, branch: str, *, versions: Path = VERSIONS) -> bool:
    """Whether the schema of `branch` is there in its newest version.

    Raises:
        DatabaseError: the database is newer than this program.
    """
    known = {script.stem for script in versions.glob("*_*.py")}
    present = _versions_present(database)
    if not present <= known:
        raise DatabaseError(
            f"this database was made by a newer Muniment (version {', '.join(sorted(present - known))})",
            hint="Upgrade Muniment: pip install --upgrade muniment",
            where=database.label,
        )
    newest = max(version for version in known if version.startswith(f"{branch}_"))
    return newest in present or (bool(present) and _is_implied(newest, present, versions))


def is_half_upgraded(connection: sa.Connection) -> bool:
    """Whether an upgrade was interrupted here, or is going on: on MySQL and MariaDB it can be."""
    # Asked in this way, a loader need have no right to that table.
    return upgrade_table.name in sa.inspect(connection).get_table_names()


def _configuration(versions: Path) -> Config:
    from alembic.config import Config

    configuration = Config()
    for name, path in (("script_location", Path(__file__).parent), ("version_locations", versions)):
        configuration.set_main_option(name, str(path).replace("%", "%%"))
    configuration.set_main_option("path_separator", "newline")
    return configuration


def _is_implied(version: str, present: set[str], versions: Path) -> bool:
    """Whether a version is there without being named: those named depend on it."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_configuration(versions))
    return version in {script.revision for script in scripts.iterate_revisions(tuple(present), "base")}


def _versions_present(database: Database) -> set[str]:
    with wrapping(database.label), database.engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return set()
        return set(connection.scalars(sa.select(version_table.c.version_num)))
