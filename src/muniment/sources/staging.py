"""Rows of a record's parts, kept on disk by their key until the record is put together."""

from __future__ import annotations

import json
import math
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.errors import SourceError

CACHE_KIBIBYTES = 16 * 1024
"""What SQLite may hold in memory: the inner pages of an index over some ten million keys."""


NOT_MEANT = "not meant"
"""The fault of a row that the conditions of its part leave out: its key is known, and nothing is wrong."""


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A row of a part.

    Attributes:
        key: which record it belongs to; "" where its cells do not say.
        rank: where it stands among the rows of its record, by number or else by text; then as in the file.
        line: where it stands in its file.
        place: the same, for people.
        cells: its cells.
        references: for each part that completes this one, the key of the row there.
        fault: why it cannot be used, as JSON, or `NOT_MEANT`; "" where it can.
        findings: what was found in its cells, as a list in JSON; "" where nothing was.
    """

    key: str
    rank: str
    line: int
    place: str
    cells: Sequence[str]
    references: Sequence[str] = ()
    fault: str = ""
    findings: str = ""


@dataclass(frozen=True, slots=True)
class JoinedRow:
    """A row of a part with those that complete it.

    Attributes:
        record: the number of the record that it belongs to.
        place: where it stands in its file.
        cells: its own cells, and those of each part that completes it; empty where there is none.
        missing: for each of these parts, the key that it was to have and has not; else "".
        findings: what was found in all these cells, as lists in JSON.
    """

    record: int
    place: str
    cells: Sequence[str]
    missing: Sequence[str] = ()
    findings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StagedPart:
    """A part as it is staged: its number, how many columns it has, and the parts that complete it."""

    number: int
    width: int
    completed_by: tuple[StagedPart, ...] = ()

    @property
    def table(self) -> str:
        """Its table."""
        return f"part_{self.number:d}"


class Staging:
    """A temporary database on disk, which is gone when it is closed.

    It is made anew of the same files whenever a source is opened: nothing in it need outlast a crash.

    Raises:
        SourceError: from every method, where there is no room on the disk.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="muniment-")
        self._connection = sqlite3.connect(Path(self._folder.name) / "parts.db", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_KIBIBYTES}"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(
            "CREATE TABLE wanted (part INTEGER, record INTEGER, key TEXT, PRIMARY KEY (part, record))"
            " WITHOUT ROWID"
        )
        self._connection.execute("CREATE INDEX wanted_key ON wanted (part, key)")

    def stage(self, part: StagedPart, rows: Iterable[StagedRow]) -> None:
        """Keep all rows of a part."""
        references = [f"ref_{other.number:d}" for other in part.completed_by]
        names = ("key", "rank", "rank_text", "line", "place", "cells", "fault", "findings", *references)
        values = (
            (
                *(row.key, _number(row.rank), row.rank, row.line),
                *(row.place, json.dumps(list(row.cells)), row.fault, row.findings),
                *row.references,
            )
            for row in rows
        )
        with self._at_once() as connection:
            connection.execute(f"CREATE TABLE {part.table} (number INTEGER PRIMARY KEY, {', '.join(names)})")
            connection.executemany(
                f"INSERT INTO {part.table} ({', '.join(names)})"  # noqa: S608 - names of our own
                f" VALUES ({', '.join('?' * len(names))})",
                values,
            )
            connection.execute(
                f"CREATE INDEX {part.table}_key ON {part.table} (key, rank, rank_text, number)"
            )

    def want(self, part: StagedPart, keys: Iterable[tuple[int, str]]) -> None:
        """Note by what key records, given by their numbers, have rows of this part."""
        with self._at_once() as connection:
            connection.executemany(
                "INSERT INTO wanted VALUES (?, ?, ?)",
                ((part.number, record, key) for record, key in keys if key),
            )

    def joined(self, part: StagedPart, records: range) -> Iterator[JoinedRow]:
        """The rows of a part that belong to some of the records, in the records' order and in their own."""
        others = list(_completing(part))
        cells = "".join(f", {other.table}.cells" for _, other in others)
        found = "".join(f", {table}.findings" for table in (part.table, *(o.table for _, o in others)))
        missing = "".join(f", {_missing(table, other)}" for table, other in others)
        joins = "".join(_completed(table, other) for table, other in others)
        query = (
            f"SELECT wanted.record, {part.table}.place, {part.table}.cells{cells}{found}{missing}"  # noqa: S608 - names of our own
            f" FROM wanted CROSS JOIN {part.table}"
            f" ON {part.table}.key = wanted.key AND {part.table}.fault = ''"
            f"{joins} WHERE wanted.part = ? AND wanted.record >= ? AND wanted.record < ?"
            f" ORDER BY wanted.record, {part.table}.rank, {part.table}.rank_text, {part.table}.number"
        )
        widths = [part.width, *(other.width for _, other in others)]
        for record, place, *told in self._rows(query, (part.number, records.start, records.stop)):
            texts, findings, lacking = (
                told[: len(widths)],
                told[len(widths) : 2 * len(widths)],
                told[2 * len(widths) :],
            )
            joined = [
                cell
                for text, width in zip(texts, widths, strict=True)
                for cell in (json.loads(text) if text else [""] * width)
            ]
            yield JoinedRow(record, place, joined, lacking, list(filter(None, findings)))

    def unused(self, part: StagedPart) -> Iterator[StagedRow]:
        """The rows that no record has, or that cannot be used, in the order of the file."""
        had = f"SELECT 1 FROM wanted WHERE wanted.part = {part.number:d} AND wanted.key = row.key"  # noqa: S608 - a number
        yield from self._left(part, f"NOT EXISTS ({had})")

    def repeated(self, part: StagedPart) -> Iterator[StagedRow]:
        """Of a part that completes another: rows whose key one before them has, or that cannot be used."""
        before = (
            f"SELECT 1 FROM {part.table} AS one WHERE one.key = row.key AND one.fault = ''"  # noqa: S608 - a name of our own
            " AND (one.rank, one.rank_text, one.number) < (row.rank, row.rank_text, row.number)"
        )
        yield from self._left(part, f"EXISTS ({before})")

    def _left(self, part: StagedPart, condition: str) -> Iterator[StagedRow]:
        query = (
            f"SELECT key, rank_text, line, place, cells, fault FROM {part.table} AS row"  # noqa: S608 - names of our own
            f" WHERE fault <> '{NOT_MEANT}' AND (fault <> '' OR {condition}) ORDER BY number"
        )
        for key, rank, line, place, cells, fault in self._rows(query):
            yield StagedRow(key, rank, line, place, json.loads(cells), fault=fault)

    def close(self) -> None:
        """Remove it."""
        self._connection.close()
        self._folder.cleanup()

    def _rows(self, query: str, parameters: Sequence[int] = ()) -> Iterator[tuple[Any, ...]]:
        with _room():
            yield from self._connection.execute(query, parameters)

    @contextmanager
    def _at_once(self) -> Iterator[sqlite3.Connection]:
        with _room():
            self._connection.execute("BEGIN")
            yield self._connection
            self._connection.execute("COMMIT")


def _completing(part: StagedPart) -> Iterator[tuple[str, StagedPart]]:
    """Each part that completes this one, or one of those, with the table that refers to it."""
    for other in part.completed_by:
        yield part.table, other
        yield from _completing(other)


def _completed(table: str, other: StagedPart) -> str:
    """The join by which each row of a table is completed by the first of those of another part."""
    first = (
        f"SELECT one.number FROM {other.table} AS one"  # noqa: S608 - names of our own
        f" WHERE one.key = {table}.ref_{other.number:d} AND one.key <> '' AND one.fault = ''"
        " ORDER BY one.rank, one.rank_text, one.number LIMIT 1"
    )
    return f" LEFT JOIN {other.table} ON {other.table}.number = ({first})"


def _missing(table: str, other: StagedPart) -> str:
    """The key by which a row of a table is to be completed, where no row has it, meant or not; else ""."""
    key = f"{table}.ref_{other.number:d}"
    not_meant = f"SELECT 1 FROM {other.table} AS one WHERE one.key = {key} AND one.fault = '{NOT_MEANT}'"  # noqa: S608 - names of our own
    lacking = f"{other.table}.number IS NULL AND {key} <> '' AND NOT EXISTS ({not_meant})"
    return f"CASE WHEN {lacking} THEN {key} ELSE '' END"


def _number(rank: str) -> float:
    """What a rank counts as; text comes after all numbers."""
    try:
        number = float(rank)
    except ValueError:
        return math.inf
    return math.inf if math.isnan(number) else number


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise SourceError(
            f"the parts of records cannot be kept on the disk: {error}",
            hint=f"Make room in {tempfile.gettempdir()}, or name another folder in TMPDIR",
        ) from error
