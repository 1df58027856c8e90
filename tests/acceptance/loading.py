"""Small exports of a made-up museum, loaded; and plain SQL on what came of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import muniment
from muniment import Settings
from muniment.databases import Database, connect
from muniment.events import RecordRejected
from tests.content import Content, content

COLUMNS = ("id", "number", "title", "kind", "maker", "made", "room")

MAPPING = """
[institution]
name = "Town Museum"
id = "town"

[record]
key = "id"

[fields]
accession = "number"
title = "title"
object_type = "kind"
creator = "maker"
date = "made"
location = "room"
"""

Row = Mapping[str, str]

LINEAGE_COLUMNS = 5
"""The last columns of `object`: where the record stood in the source, and the hash of its bytes there."""


def vase(count: int, **changes: str) -> dict[str, str]:
    """A good record."""
    row = {
        "id": f"O{count}",
        "number": f"1999.{count}",
        "title": f"Vase {count}",
        "kind": "vessel",
        "maker": f"Maker {count % 3}",
        "made": f"{1800 + count % 200}",
        "room": f"Room {count % 5}",
    }
    return row | changes


def write(path: Path, rows: Sequence[Row], columns: Sequence[str] = COLUMNS) -> Path:
    """Write an export; each record is one line, and the header is line 1."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def mapping(text: str = MAPPING) -> muniment.Mapping:
    """The museum's mapping."""
    return muniment.Mapping.parse(text)


def load(source: Any, url: str, *, chunk_rows: int | None = None, **options: Any) -> muniment.Run:
    """Load by the museum's mapping, or by another."""
    settings = options.pop("settings", None) or Settings(**({"chunk_rows": chunk_rows} if chunk_rows else {}))
    if "model" not in options:
        options.setdefault("mapping", mapping())
    return muniment.load(source, to=url, settings=settings, **options)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The database at a URL."""
    database = connect(url)
    try:
        yield database
    finally:
        database.close()


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    """The rows that a statement selects."""
    with opened(url) as database, database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql))]


def execute(url: str, *statements: str) -> None:
    """Execute plain SQL, in one transaction."""
    with opened(url) as database, database.transaction() as transaction:
        for statement in statements:
            transaction.execute(sa.text(statement))


def allow_changes(url: str) -> None:
    """Let the rows of insert-only tables be changed, as somebody with all rights could."""
    if url.startswith("sqlite"):
        for (trigger,) in query(url, "SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
            execute(url, f"DROP TRIGGER {trigger}")


def content_of(url: str) -> Content:
    """All that a database holds; see `tests.content`."""
    with opened(url) as database:
        return content(database)


def held(url: str, *, hashes: bool = True, but: Collection[str] = ()) -> Content:
    """What an exported table holds of a database: no lineage, no notes, no quarantine.

    The content hash, the last column before those of lineage, is that of what a record said. Where two
    records say different things of one actor, the tables keep those of one of them: `but` has the keys of
    the others, whose hash is left out.
    """
    whole = content_of(url)
    left_out = LINEAGE_COLUMNS if hashes else LINEAGE_COLUMNS + 1
    rows = [row[:-left_out] for row in whole["object"]]
    whole["object"] = sorted((*row[:-1], "") if row[0] in but else row for row in rows)
    return {name: rows for name, rows in whole.items() if name not in ("note", "quarantine")}


def quarantined(url: str) -> dict[int, list[dict[str, str]]]:
    """By record number, the problems of the entries of the quarantine."""
    rows = query(url, "SELECT record_number, problems FROM quarantine ORDER BY quarantine_id")
    return {number: json.loads(problems) for number, problems in rows}


def counts(run: muniment.Run) -> dict[str, int]:
    """What of a run's account is not nothing."""
    told = run.account
    names = ("read", "inserted", "updated", "unchanged", "quarantined", "skipped", "notes")
    return {name: count for name in names if (count := getattr(told, name))}


class Rejections(list[RecordRejected]):
    """An observer that keeps the rejections."""

    def __call__(self, event: object) -> None:
        if isinstance(event, RecordRejected):
            self.append(event)
