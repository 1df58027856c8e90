"""Looking at a database before it is loaded into: what will go wrong, and the statement that changes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from muniment.config import database_url
from muniment.databases import Database, connect
from muniment.databases.errors import wrapping
from muniment.databases.url import in_memory, parsed
from muniment.doctor import mysql, postgresql, sqlite
from muniment.doctor.findings import Finding, Level, fatal, fine, warning
from muniment.errors import DatabaseError, DatabaseUnavailable
from muniment.migrations import is_current, is_half_upgraded

__all__ = ["Finding", "Level", "diagnose", "must_be_fit"]

ORDER = (Level.FATAL, Level.WARNING, Level.FINE)


def diagnose(url: str | None = None, *, workers: int = 1) -> list[Finding]:
    """What is found of the database at a URL, the gravest first; nothing is changed there.

    Args:
        url: else `MUNIMENT_DB`, else `sqlite:///muniment.db`.
        workers: how many are to load at once.

    Raises:
        DatabaseUrlError: the URL is none. Whatever else keeps from connecting is a finding.
    """
    text = database_url(url)
    parts = parsed(text)
    in_file = parts.get_backend_name() == "sqlite" and not in_memory(parts)
    file = Path(parts.database or "") if in_file else None
    if file and not file.exists() and file.parent.is_dir():
        return sorted_findings(
            [fine("schema", "no file yet: a load creates it"), *sqlite.examine_place(file)]
        )
    try:
        with closing(connect(text)) as database:
            return sorted_findings(_examine(database, workers))
    except DatabaseError as error:
        return [fatal("connection", error.message, error.hint)]


def must_be_fit(database: Database, *, workers: int = 1) -> None:
    """Raise `DatabaseError` where no load into a database can go well, with what to change."""
    for finding in _examine(database, workers):
        if finding.level is Level.FATAL:
            raise DatabaseError(
                f"{finding.subject}: {finding.message}",
                hint=f"{finding.change}. `muniment doctor` looks at all there is",
                where=database.label,
            )


def sorted_findings(findings: Iterable[Finding]) -> list[Finding]:
    """The gravest first, else as they came."""
    return sorted(findings, key=lambda finding: ORDER.index(finding.level))


def _examine(database: Database, workers: int) -> Iterator[Finding]:
    try:
        current = is_current(database, "engine")
    except DatabaseUnavailable:
        raise  # which says nothing of the schema
    except DatabaseError as unreadable:
        yield fatal("schema", unreadable.message, unreadable.hint)
        current = True  # what else there is to say does not depend on it
    with wrapping(database.label), database.engine.connect() as connection:
        yield _schema(connection, current)
        if connection.dialect.name == "postgresql":
            yield from postgresql.examine(connection, workers, schema_is_current=current)
        elif connection.dialect.name == "mysql":
            yield from mysql.examine(connection, workers, schema_is_current=current)
        else:
            yield from sqlite.examine(connection, workers)


def _schema(connection: sa.Connection, current: bool) -> Finding:
    if is_half_upgraded(connection):
        told = "an upgrade was interrupted; the next load finishes it"
        return warning("schema", told, "Let no program write before the next `muniment load`")
    return fine("schema", "as this version has it" if current else "a load creates or upgrades it")
