"""The way back in the museum profile: from an accession number to the object, from a field to its rule."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import sqlalchemy as sa

from muniment.errors import UsageError
from muniment.museum import tables
from muniment.museum.fields import Fields
from muniment.museum.mapping import Mapping as MuseumMapping
from muniment.profile import FieldRule, StoredRecord
from muniment.records import Position

KEY_FIELD = "key"
"""The field of a mapping that stands under `[record]`, not under `[fields]`."""

COMPARED_LABELS = 2_000
"""Accession numbers that a mistyped one is compared with: those that begin like it."""

NEAR_LABELS = 5
"""How many near accession numbers are offered."""

Stored = list[dict[str, Any]]
Reading = Callable[[sa.Connection, int], Stored]


def stored_mapping(text: str) -> MuseumMapping:
    """The mapping that a run has kept; one that was made in Python is kept as JSON."""
    if text.startswith("{"):
        return MuseumMapping.model_validate_json(text)
    return MuseumMapping.parse(text, where="the run's mapping")


class MuseumArchive:
    """See `muniment.profile.Archive`."""

    def find(self, connection: sa.Connection, wanted: str) -> list[StoredRecord]:
        """The objects with this accession number, or else with this key."""
        if not sa.inspect(connection).has_table(tables.object_.name):
            return []
        o, holder = tables.object_, tables.actor
        query = sa.select(o, holder.c.actor_key, holder.c.name.label("holder")).join_from(
            o, holder, o.c.institution_id == holder.c.actor_id
        )
        for column in (o.c.accession, o.c.record_key):
            rows = connection.execute(query.where(column == wanted).order_by(o.c.object_id)).all()
            if rows:
                return [self._record(connection, row) for row in rows]
        return []

    def is_empty(self, connection: sa.Connection) -> bool:
        """Whether there are no objects."""
        if not sa.inspect(connection).has_table(tables.object_.name):
            return True
        return connection.scalar(sa.select(tables.object_.c.object_id).limit(1)) is None

    def near(self, connection: sa.Connection, wanted: str) -> list[str]:
        """Accession numbers much like this one."""
        if not sa.inspect(connection).has_table(tables.object_.name):
            return []
        accession = tables.object_.c.accession
        for length in sorted({len(wanted), len(wanted) // 2, 1, 0}, reverse=True):
            alike = accession.startswith(wanted[:length], autoescape=True)
            query = sa.select(accession).where(alike).order_by(accession).limit(COMPARED_LABELS)
            known = connection.scalars(query).all()
            if near := get_close_matches(wanted, known, n=NEAR_LABELS):
                return list(dict.fromkeys(near))
        return []

    def explain(self, connection: sa.Connection, record: StoredRecord, mapping: str, field: str) -> FieldRule:
        """How a field came about; raises `UsageError` for one that no mapping has."""
        known = (KEY_FIELD, *Fields.model_fields)
        if field not in known:
            near = get_close_matches(field, known, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise UsageError(f"there is no field {field!r}", hint=f"{meant}The fields are {', '.join(known)}")
        columns, rule = _rule(mapping, field)
        read = _READINGS.get(field)
        stored = (
            read(connection, record.record_id)
            if read
            else _texts(connection, record.record_id, mapping, field)
        )
        return FieldRule(field, rule, columns, tuple(stored))

    @staticmethod
    def _record(connection: sa.Connection, row: sa.Row[Any]) -> StoredRecord:
        s = tables.sighting.c
        sightings = connection.execute(
            sa.select(s.run_id, s.record_number, s.line)
            .where(s.object_id == row.object_id)
            .order_by(s.run_id)
        )
        return StoredRecord(
            record_id=row.object_id,
            key=row.record_key,
            label=row.accession,
            holder=row.holder,
            scope=f"{row.actor_key}/{row.record_source}",
            run_id=row.run_id,
            position=Position(row.record_number, row.line, row.byte_offset, row.byte_length),
            row_hash=bytes(row.row_hash),
            withdrawn_run_id=row.withdrawn_run_id,
            sightings=tuple((seen[0], seen[1], seen[2]) for seen in sightings),
        )


def _rule(text: str, field: str) -> tuple[tuple[str, ...], str]:
    """The columns that a field reads, and the part of the mapping that says so, as TOML."""
    plain: dict[str, Any] = json.loads(text) if text.startswith("{") else tomllib.loads(text)
    mapping = stored_mapping(text)
    path, given, parts = (
        f"fields.{field}",
        plain.get("fields", {}).get(field),
        getattr(mapping.fields, field, None),
    )
    if field == KEY_FIELD:
        path, given, parts = "record.key", plain.get("record", {}).get("key"), mapping.record.key
        if parts is None:
            path, given, parts = "fields.accession", plain["fields"]["accession"], mapping.fields.accession
    several = parts if isinstance(parts, tuple) else (parts,)
    columns = dict.fromkeys(name for part in several if part is not None for name in part.sources())
    return tuple(columns), f"{path} = {_toml(given)}" if given else ""


def _toml(value: Any) -> str:
    """A value as TOML, on one line; what a mapping made in Python leaves out is left out here too."""
    if isinstance(value, dict):
        told = {name: part for name, part in value.items() if part not in (None, "", [], {})}
        return "{ " + ", ".join(f"{name} = {_toml(part)}" for name, part in told.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _plain(row: sa.Row[Any], table: str) -> dict[str, Any]:
    told = {name: value for name, value in row._mapping.items() if value is not None and name != "object_id"}
    return {"table": table} | told


def _of_object(*names: str) -> Reading:
    """Reads columns of `object` itself."""

    def read(connection: sa.Connection, object_id: int) -> Stored:
        o = tables.object_
        query = sa.select(*(o.c[name] for name in names)).where(o.c.object_id == object_id)
        return [row for found in connection.execute(query) if len(row := _plain(found, "object")) > 1]

    return read


def _part(
    table: sa.Table, names: Sequence[str], *joined: tuple[str, sa.Table, Mapping[str, str]], **where: str
) -> Reading:
    """Reads rows of a table that belong to the object.

    Args:
        table: where they stand.
        names: its columns.
        joined: by the column that refers to it, another table, and what its columns are called here.
        where: values that columns of the table must have.
    """

    def read(connection: sa.Connection, object_id: int) -> Stored:
        columns: list[Any] = [table.c[name] for name in names]
        source: Any = table
        for reference, target, called in joined:
            other = target.alias()
            source = source.outerjoin(
                other, table.c[reference] == other.c[next(iter(target.primary_key.columns)).name]
            )
            columns += [other.c[name].label(label) for name, label in called.items()]
        query = sa.select(*columns).select_from(source).where(table.c.object_id == object_id)
        for name, value in where.items():
            query = query.where(table.c[name] == value)
        order = [table.c.position] if "position" in table.c else []
        rows = (_plain(row, table.name) for row in connection.execute(query.order_by(*order)))
        return [row for row in rows if len(row) > 1]

    return read


def _texts(connection: sa.Connection, object_id: int, mapping: str, field: str) -> Stored:
    """Texts of the kinds that the field makes under its mapping."""
    parts = getattr(stored_mapping(mapping).fields, field)
    kinds = {part.type or field.replace("_", " ") for part in parts}
    return [
        row
        for kind in sorted(kinds)
        for row in _part(tables.object_text, _TEXT, type=kind)(connection, object_id)
    ]


_TEXT = ("position", "type", "text", "language", "engine", "confidence")
_DATES = ("display_date", "earliest", "latest", "earliest_year", "latest_year")
_TERM = ("term_id", tables.term, {"label": "label", "uri": "uri", "language": "language"})
_ACTOR = (
    "actor_id",
    tables.actor,
    {"name": "name", "kind": "kind", "nationality": "nationality", "birth": "birth"},
)

_READINGS: Mapping[str, Reading] = {
    KEY_FIELD: _of_object("record_key"),
    "accession": _of_object("accession"),
    "category": _of_object("category"),
    "department": _of_object("department"),
    "web_page": _of_object("web_page"),
    "rights": _of_object("rights"),
    "location": _part(tables.object_, (), ("location_id", tables.place, {"name": "location"})),
    "title": _part(tables.object_title, ("position", "title", "type", "language", "preferred")),
    "identifier": _part(tables.object_identifier, ("position", "identifier", "type")),
    "object_type": _part(tables.object_type, ("position",), _TERM),
    "material": _part(tables.object_material, ("position",), _TERM),
    "subject": _part(tables.object_subject, ("position",), _TERM),
    "creator": _part(tables.production_actor, ("position", "role", "qualifier"), _ACTOR),
    "date": _part(tables.production, _DATES),
    "place": _part(tables.production, (), ("place_id", tables.place, {"name": "place"})),
    "dimension": _part(tables.dimension, ("position", "type", "value", "unit", "extent", "display")),
    "acquisition": _part(
        tables.provenance_event,
        ("type", "method", *_DATES, "text"),
        ("from_id", tables.actor, {"name": "from"}),
    ),
    "ocr": _part(tables.object_text, _TEXT, type="ocr"),
    "owner": _part(tables.object_owner, (), _ACTOR),
    "keeper": _part(tables.object_keeper, (), _ACTOR),
    "manifest": _part(
        tables.representation, ("position", "kind", "url", "rights", "finding"), kind="manifest"
    ),
    "image": _part(tables.representation, ("position", "kind", "url", "rights", "finding"), kind="image"),
}
"""By field, how what is stored of it is read; the others are texts of a kind that the mapping names."""
