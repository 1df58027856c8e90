"""What may be wrong with a file of SQLite and the disk that it is on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from muniment.config import MEBIBYTE
from muniment.databases.url import in_memory
from muniment.doctor.findings import Finding, fatal, fine, warning

LEAST_BYTES = 64 * MEBIBYTE
"""Room without which not even a chunk is sure to fit, with its copy in the write-ahead log."""

COMFORTABLE_BYTES = 1024 * MEBIBYTE
"""Room that most collections fit in."""


def examine(connection: sa.Connection, workers: int) -> Iterator[Finding]:
    """What is found of the file behind a connection."""
    yield fine("version", f"SQLite {sqlite3.sqlite_version}")
    if workers > 1:
        told = f"one program at a time writes to a file: {workers} workers wait for each other"
        yield warning("workers", told, "Load with one worker, or into PostgreSQL or MariaDB")
    mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    if mode in ("wal", "memory"):
        yield fine("journal_mode", str(mode))
    else:
        told = f"{mode}: readers and the writer wait for each other"
        yield warning("journal_mode", told, "Keep the file on a local disk; there a load switches to WAL")
    url = connection.engine.url
    if not in_memory(url):
        yield from examine_place(Path(url.database or ""))


def examine_place(path: Path) -> Iterator[Finding]:
    """What is found of the place of a file, which need not be there yet."""
    folder = path.parent
    closed = [str(place) for place in (path, folder) if place.exists() and not os.access(place, os.W_OK)]
    if closed:
        yield fatal(
            "rights", f"{' and '.join(closed)} may not be written to", f"chmod u+w {' '.join(closed)}"
        )
    else:
        yield fine("rights", f"{path} may be written to")
    free = shutil.disk_usage(folder).free
    told = f"{free / MEBIBYTE:,.0f} MiB are free in {folder.resolve()}"
    if free < LEAST_BYTES:
        yield fatal("disk", told, "Make room on this disk, or name a file on another")
    elif free < COMFORTABLE_BYTES:
        yield warning("disk", f"{told}: a large collection may not fit", "Make room on this disk")
    else:
        yield fine("disk", told)
