"""From a stored record, or one field of it, back to the bytes that it came from.

What the database knows is told in any case; what stands in the source, as far as the source is still there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from muniment.audit.several_files import FilesFound, find_files, reopened
from muniment.audit.whereabouts import Whereabouts, find_source
from muniment.config import Settings
from muniment.correction.entries import Entry, content_query, contents_in, entries_in, entry_query
from muniment.correction.recognition import worksheet_format
from muniment.databases.database import Database
from muniment.errors import MunimentError, UsageError
from muniment.evidence import source_copy_table
from muniment.ledger import change_table, reading, run_table, source_table
from muniment.positions import LINES, Positions
from muniment.profile import FieldRule, StoredRecord
from muniment.quarantine import quarantine_table
from muniment.records import Place, Position
from muniment.registry import archive, format_of
from muniment.run_parts import positions_of
from muniment.sources.encodings import BEGINNING_BYTES, resolved
from muniment.sources.format import Format
from muniment.sources.opening import source_of
from muniment.sources.source import Fingerprint, Source

UTF_8 = "utf-8"
"""In which what is no text is written as such."""

ENTRIES_TOLD = 20
"""Quarantine entries told of one key: enough to see what became of a record over many exports."""


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """The run that stored a record; `mapping_version` is a hash in hexadecimal."""

    run: int
    started_at: datetime
    status: str
    operator: str
    program: str
    mapping_version: str


@dataclass(frozen=True, slots=True)
class SourceOrigin:
    """The file that a record came from.

    Attributes:
        name: what it was called when it was first loaded.
        location: where it was in this run, or what it was called where it was no file.
        sha256, size: of the file as it lies there; the hash in hexadecimal.
        found_at: where it is now; "" where it was not found.
        remark: that it moved, changed, is gone, or was never kept; "" where it is as it was.
        parts: where the source was several files, those of the parts of records; size and hash are then of
            all files together, and a record's bytes are those of the text that was put together of them.
    """

    name: str
    location: str
    sha256: str
    size: int
    found_at: str
    remark: str
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """An update: the run that made it, when, and the record's rows in every table before."""

    run: int
    at: datetime
    before: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A later run that found the record unchanged, and where; `place` as a person would say it."""

    run: int
    at: datetime
    record: int
    line: int
    place: str


@dataclass(frozen=True, slots=True)
class FieldTrace:
    """How one field came about.

    Attributes:
        field: its name in the mapping.
        rule: the part of the run's own mapping that makes it, as TOML; "" where the mapping has none.
        cells: by column that the rule reads, the cell as it stands in the source; None where the source is
            gone, or the column was dropped from a worksheet of corrections.
        rejected: where the record corrects a rejected one, the same cells of that one.
        stored: what the database holds of it: rows, or parts of rows, each with its table.
    """

    field: str
    rule: str
    cells: Mapping[str, str | None]
    rejected: Mapping[str, str | None]
    stored: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a stored record came from.

    Attributes:
        accession, key, holder: which record it is, and whose.
        run, source: what stored it, and from which file.
        record, line, byte_offset, byte_length: where it stands in that file, decompressed; of a file that
            is no text, in the text that was made of it.
        place: the same as a person would say it: `line 24`, `Objects!A1042`.
        row_hash: the SHA-256 of its bytes, in hexadecimal.
        raw: these bytes, read from the file; None where it was not found.
        text: the same as text, for people; undecodable bytes as escapes.
        intact: whether these bytes have the hash that was stored; None where they could not be read.
        changes: what it was before, update by update, the newest last.
        sightings: later runs that found it unchanged.
        withdrawn_by: the full run that did not see it any more.
        corrects: the rejected records that it mended, as their correction or as a newer export's, the first
            attempt first.
        quarantine: rejected records with the same key.
        field: the field that was asked for.
    """

    accession: str
    key: str
    holder: str
    run: RunOrigin
    source: SourceOrigin
    record: int
    line: int
    place: str
    byte_offset: int
    byte_length: int
    row_hash: str
    raw: bytes | None
    text: str
    intact: bool | None
    changes: tuple[Change, ...]
    sightings: tuple[Sighting, ...]
    withdrawn_by: int | None
    corrects: tuple[Entry, ...]
    quarantine: tuple[Entry, ...]
    field: FieldTrace | None


@dataclass(frozen=True, slots=True)
class _ReadBack:
    """A record as it stands in its source: its bytes, its text, and its cells by column."""

    raw: bytes
    text: str
    cells: Mapping[str, str]


def trace(
    database: Database,
    accession: str,
    field: str | None = None,
    look_in: Iterable[str | os.PathLike[str]] = (),
) -> list[Trace]:
    """Where the records with this accession number came from; there may be several.

    Args:
        database: where they are stored.
        accession: an accession number, or the key of a record.
        field: a field of the mapping, such as `title` or `date`, to be traced to its cells and its rule.
        look_in: folders and files in which to look for sources that are not where they were.

    Raises:
        UsageError: no record bears this number, there are no museum objects, or no such field.
    """
    with reading(database) as connection:
        found = archive().find(connection, accession)
        if not found and archive().is_empty(connection):
            raise UsageError(
                "only museum objects can be traced, and this database has none",
                where=database.label,
                hint="`muniment status` shows what was loaded. A row of a table tells itself where it stood, "
                "where it was loaded with row_lineage",
            )
        if not found:
            hint = _where_else(connection, accession)
            raise UsageError(f"no object bears the number {accession!r}", where=database.label, hint=hint)
        known = [_known(connection, record, field) for record in found]
        kept = [_kept_at(connection, run.source_id) for _, run in known]
    places = tuple(look_in)
    return [_with_source(told, run, places, at) for (told, run), at in zip(known, kept, strict=True)]


def _where_else(connection: sa.Connection, accession: str) -> str:
    """What there is to say of a number that no object bears."""
    c = quarantine_table.c
    waiting = sa.select(sa.func.max(c.quarantine_id)).where(c.record_key == accession, c.state == "open")
    if entry := connection.scalar(waiting):
        return f"A record with this key is in quarantine: `muniment quarantine show {entry}` tells why"
    near = archive().near(connection, accession)
    return f"The nearest: {', '.join(near)}" if near else "`muniment status` shows what was loaded"


def _kept_at(connection: sa.Connection, source_id: int) -> list[str]:
    """Where copies of a source were archived, the newest first; none before a database knew of archives."""
    if not sa.inspect(connection).has_table(source_copy_table.name):
        return []
    c = source_copy_table.c
    query = sa.select(c.place).where(c.source_id == source_id).order_by(c.copy_id.desc())
    return list(connection.scalars(query))


def _known(connection: sa.Connection, record: StoredRecord, field: str | None) -> tuple[Trace, sa.Row[Any]]:
    """What the database knows, and the run."""
    run = _run(connection, record.run_id)
    corrects = _corrected_entries(connection, record)
    rule = archive().explain(connection, record, run.mapping, field) if field else None
    position = record.position
    positions = positions_of(connection, [record.run_id])[record.run_id]
    told = Trace(
        accession=record.label,
        key=record.key,
        holder=record.holder,
        run=_run_origin(run),
        source=SourceOrigin(
            run.source_name, run.name, bytes(run.sha256).hex(), run.size, "", "", _files_of(positions)
        ),
        record=position.number,
        line=position.line,
        place=positions.told(position.number, position.line),
        byte_offset=position.offset,
        byte_length=position.length,
        row_hash=record.row_hash.hex(),
        raw=None,
        text="",
        intact=None,
        changes=_changes(connection, record),
        sightings=_sightings(connection, record),
        withdrawn_by=record.withdrawn_run_id,
        corrects=corrects,
        quarantine=_entries_with_key(connection, record),
        field=_database_side(connection, rule, corrects) if rule else None,
    )
    return told, run


def _with_source(
    told: Trace, run: sa.Row[Any], look_in: Sequence[str | os.PathLike[str]], kept_at: Sequence[str]
) -> Trace:
    """A trace with what stands in the source, as far as that is still there."""
    fingerprint = Fingerprint(run.size, bytes(run.sha256))
    position = Position(told.record, told.line, told.byte_offset, told.byte_length)
    whereabouts: Whereabouts | FilesFound
    if told.source.parts:
        whereabouts = find_files(run.name, told.source.parts, fingerprint, look_in)
        read = _read_together(whereabouts, told.source.parts, position, run)
    else:
        whereabouts = find_source(run.name, fingerprint, look_in, kept_at)
        read = _read_back(whereabouts, position, run, corrected=bool(told.corrects))
    cells = read.cells if read else {}
    field = told.field
    return replace(
        told,
        source=replace(told.source, found_at=whereabouts.path, remark=whereabouts.remark),
        raw=read.raw if read else None,
        text=read.text if read else "",
        intact=hashlib.sha256(read.raw).hexdigest() == told.row_hash if read else None,
        field=field and replace(field, cells={name: cells.get(name) for name in field.cells}),
    )


def _run(connection: sa.Connection, run_id: int) -> sa.Row[Any]:
    source = (source_table.c.sha256, source_table.c.size, source_table.c.name.label("source_name"))
    query = (
        sa.select(run_table, *source).join_from(run_table, source_table).where(run_table.c.run_id == run_id)
    )
    return connection.execute(query).one()


def _run_origin(run: sa.Row[Any]) -> RunOrigin:
    version = bytes(run.mapping_version).hex()
    return RunOrigin(run.run_id, run.started_at, run.status, run.operator, run.program, version)


def _read_back(
    whereabouts: Whereabouts, position: Position, run: sa.Row[Any], *, corrected: bool
) -> _ReadBack | None:
    """The record as it stands in its source; None where that was not found."""
    if whereabouts.stored is None:
        return None
    with closing(whereabouts.stored) as stored:
        try:
            written = format_of(run.profile, run.mapping)
            if corrected:
                with suppress(UsageError):  # then it was mended by an export, not by a worksheet
                    written = worksheet_format(whereabouts.path)
            source = source_of(stored, written, Settings(chunk_rows=1))
        except MunimentError:
            # The bytes are evidence, whatever can be made of them.
            raw = stored.read_bytes(position.offset, position.length)
            return _ReadBack(raw, raw.decode(UTF_8, "backslashreplace"), {})
        with closing(source):
            return _parsed(source, written, position)


def _read_together(
    found: FilesFound, parts: Sequence[str], position: Position, run: sa.Row[Any]
) -> _ReadBack | None:
    """The record as it is put together of its files; None where they are not as they were."""
    if not found.paths:
        return None
    written = format_of(run.profile, run.mapping)
    try:
        source = reopened(run.name, parts, found.paths, written)
    except MunimentError:
        return None
    with closing(source):
        return _parsed(source, written, position)


def _files_of(positions: Positions) -> tuple[str, ...]:
    """The files of a source's parts, where it was several files: one for each part, in their order."""
    return tuple(part.file for part in positions.parts if part.file)


def _parsed(source: Source, written: Format, position: Position) -> _ReadBack:
    """The record's text and cells, read as the load has read them."""
    raw = source.read_bytes(position.offset, position.length)
    codec = UTF_8
    if source.positions == LINES:
        codec = resolved(written, source.read_bytes(0, BEGINNING_BYTES), source.name).codec
    text = raw.decode(codec, "backslashreplace")
    try:
        chunk = next(source.chunks(Place(position.offset, position.number, position.line)), None)
    except MunimentError:
        chunk = None
    records = source.records(chunk) if chunk else None
    if records is None or not len(records) or records.raw(0) != raw:
        return _ReadBack(raw, text, {})
    cells = dict(zip(source.header.names, records.rows[0], strict=False))
    return _ReadBack(raw, text, cells)


def _database_side(connection: sa.Connection, rule: FieldRule, corrects: Sequence[Entry]) -> FieldTrace:
    """The trace of a field without the cells of the source."""
    rejected: dict[str, str | None] = {}
    if corrects:
        first = quarantine_table.c.quarantine_id == corrects[0].id
        found = contents_in(connection, connection.execute(content_query().where(first)).all())
        cells = found[0].cells_by_column
        rejected = {name: cells.get(name) for name in rule.columns}
    return FieldTrace(rule.field, rule.rule, dict.fromkeys(rule.columns), rejected, rule.stored)


def _changes(connection: sa.Connection, record: StoredRecord) -> tuple[Change, ...]:
    c = change_table.c
    query = (
        sa.select(c.run_id, c.changed_at, c.before)
        .join_from(change_table, run_table)
        .where(c.record_key == record.key, run_table.c.scope == record.scope)
        .order_by(c.run_id, c.record_number)
    )
    return tuple(
        Change(row.run_id, row.changed_at, json.loads(row.before)) for row in connection.execute(query)
    )


def _sightings(connection: sa.Connection, record: StoredRecord) -> tuple[Sighting, ...]:
    started = sa.select(run_table.c.run_id, run_table.c.started_at)
    times = {row.run_id: row.started_at for row in connection.execute(started)}
    positions = positions_of(connection, [run for run, _, _ in record.sightings])
    return tuple(
        Sighting(run, times[run], number, line, positions[run].told(number, line))
        for run, number, line in record.sightings
    )


def _corrected_entries(connection: sa.Connection, record: StoredRecord) -> tuple[Entry, ...]:
    c = quarantine_table.c
    closed = sa.and_(c.closed_by_run_id == record.run_id, c.closed_by_record == record.position.number)
    return tuple(entries_in(connection, connection.execute(entry_query().where(closed)).all()))


def _entries_with_key(connection: sa.Connection, record: StoredRecord) -> tuple[Entry, ...]:
    c = quarantine_table.c
    query = entry_query().where(c.scope == record.scope, c.record_key == record.key).limit(ENTRIES_TOLD)
    return tuple(entries_in(connection, connection.execute(query).all()))
