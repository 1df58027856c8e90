"""Storing museum records: deciding what is new, changed, the same or a duplicate, and writing it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import Transaction, rows_in, where_in
from muniment.ledger import change_table, now
from muniment.museum import tables
from muniment.museum.mapping import Mapping as MuseumMapping
from muniment.museum.record import LidoRecord
from muniment.museum.rows import OBJECT_CONTENT, Ids, Keys, Rows, add_parts, object_content, wanted_by
from muniment.museum.shared import SharedRows
from muniment.profile import Applied, RunContext
from muniment.records import Accepted, Origin, Problem, Records, Rejection

RECORD_BITS = 36
"""An object's id is its run's number and its record's, packed: 2**36 records a run, 2**27 runs. It needs no
coordination, is the same on every retry, and ascends, so that indexes grow at their right edge."""

_ACTOR = ("name", "kind", "nationality", "birth", "death", "uri")
_LINEAGE = ("run_id", "record_number", "line", "byte_offset", "byte_length", "row_hash")


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is known of an object that is in the database already."""

    object_id: int
    content_hash: bytes
    run_id: int
    number: int
    line: int
    withdrawn: bool
    accession: str


@dataclass(slots=True)
class _Decision:
    """One accepted record, and the object it becomes."""

    index: int
    key: str
    record: LidoRecord
    content_hash: bytes
    object_id: int


@dataclass(slots=True)
class _Decisions:
    inserts: list[_Decision] = field(default_factory=list)
    updates: list[_Decision] = field(default_factory=list)
    unchanged: list[_Decision] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


class MuseumWriter:
    """Writes the records of one run (see `muniment.profile.Writer`)."""

    def __init__(self, mapping: MuseumMapping, run: RunContext) -> None:
        self._mapping = mapping
        self._run_id = run.run_id
        self._keys = Keys(mapping.institution.id)
        self._vocabularies = SharedRows(tables.vocabulary, "vocabulary_key", (), run.run_id)
        self._terms: dict[str, SharedRows] = {}
        self._actors = SharedRows(tables.actor, "actor_key", _ACTOR, run.run_id)
        self._places = SharedRows(tables.place, "place_key", ("name", "uri"), run.run_id)

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Store accepted records; see `muniment.profile.Writer.apply`."""
        institution = self._institution(transaction)
        decisions = self._decide(transaction, institution, records, accepted)
        ids = self._resolve(transaction, institution, decisions)
        if decisions.updates:
            self._clear(transaction, decisions.updates, records)
        self._write(transaction, decisions, ids, records)
        self._sight(transaction, decisions.unchanged, records)
        return Applied(
            inserted=[d.index for d in decisions.inserts],
            updated=[d.index for d in decisions.updates],
            unchanged=[d.index for d in decisions.unchanged],
            rejections=decisions.rejections,
        )

    def settle(self, *, committed: bool) -> None:
        """Believe, or forget, the ids learnt in the transaction."""
        for shared in (self._vocabularies, self._actors, self._places, *self._terms.values()):
            shared.settle(committed=committed)
        if not committed:
            # They are bound to ids of vocabularies, which may have been rolled back with the rest.
            self._terms = {}

    def withdraw_unseen(self, transaction: Transaction, also_seen: sa.Select[tuple[str]]) -> int:
        """Mark the institution's objects of this record source that the run did not see as withdrawn.

        Those that an attempt before this one marked are counted too: the reply to its COMMIT may be lost.
        """
        o, s = tables.object_.c, tables.sighting.c
        sighted = sa.exists().where(s.run_id == self._run_id, s.object_id == o.object_id)
        update = (
            tables.object_.update()
            .where(o.institution_id == self._institution(transaction))
            .where(o.record_source == self._mapping.record_source)
            .where(o.withdrawn_run_id.is_(None), o.run_id != self._run_id)
            .where(~sighted, o.record_key.not_in(also_seen))
            .values(withdrawn_run_id=self._run_id)
        )
        transaction.execute(update)
        marked = sa.select(sa.func.count()).where(o.withdrawn_run_id == self._run_id)
        return int(transaction.execute(marked).scalar_one())

    def _institution(self, transaction: Transaction) -> int:
        institution = self._mapping.institution
        key = institution.id
        attributes = (institution.name, "institution", None, None, None, institution.uri or None)
        return self._actors.resolve(transaction, {key: attributes})[key]

    def _decide(
        self, transaction: Transaction, institution: int, records: Records, accepted: Accepted
    ) -> _Decisions:
        stored = self._stored(transaction, institution, accepted.keys)
        seen = self._sighted(transaction, stored)
        last_runs = self._last_runs(transaction, stored) if records.origins else {}
        holders = self._accession_holders(transaction, institution, accepted)
        decisions = _Decisions()
        for index, key, record in zip(accepted.indexes, accepted.keys, accepted.values, strict=True):
            number, line = records.position(index).number, int(records.lines[index])
            object_id = self._run_id << RECORD_BITS | number
            decision = _Decision(index, key, record, content_hash(record), object_id)
            before = stored.get(key)
            problem = (
                _duplicate(key, seen.get(key))
                or _superseded(key, last_runs.get(key), records.origins.get(index))
                or _taken(record.accession, key, holders)
            )
            if problem is not None:
                decisions.rejections.append(Rejection(index, (problem,), key))
                continue
            seen[key] = (number, line)
            if holders is not None:
                if before and holders.get(before.accession) == key:
                    del holders[before.accession]
                holders[record.accession] = key
            self._sort(decisions, decision, before)
        return decisions

    @staticmethod
    def _sort(decisions: _Decisions, decision: _Decision, before: _Stored | None) -> None:
        if before is None:
            decisions.inserts.append(decision)
            return
        decision.object_id = before.object_id
        same = before.content_hash == decision.content_hash and not before.withdrawn
        (decisions.unchanged if same else decisions.updates).append(decision)

    def _stored(self, transaction: Transaction, institution: int, keys: Sequence[str]) -> dict[str, _Stored]:
        c = tables.object_.c
        columns = (c.object_id, c.content_hash, c.run_id, c.record_number, c.line, c.withdrawn_run_id)
        query = sa.select(c.record_key, c.accession, *columns).where(c.institution_id == institution)
        found = {}
        for row in rows_in(transaction.execute, query, c.record_key, sorted(set(keys))):
            key, accession, object_id, content, run_id, number, line, withdrawn_by = tuple(row)
            withdrawn = withdrawn_by is not None
            found[key] = _Stored(object_id, bytes(content), run_id, number, line, withdrawn, accession)
        return found

    def _sighted(self, transaction: Transaction, stored: Mapping[str, _Stored]) -> dict[str, tuple[int, int]]:
        """Record number and line of the records of this run that have these keys."""
        seen = {key: (s.number, s.line) for key, s in stored.items() if s.run_id == self._run_id}
        keys_by_id = {s.object_id: key for key, s in stored.items() if s.run_id != self._run_id}
        c = tables.sighting.c
        query = sa.select(c.object_id, c.record_number, c.line).where(c.run_id == self._run_id)
        for row in rows_in(transaction.execute, query, c.object_id, list(keys_by_id)):
            seen[keys_by_id[row.object_id]] = (row.record_number, row.line)
        return seen

    def _last_runs(self, transaction: Transaction, stored: Mapping[str, _Stored]) -> dict[str, int]:
        """By key, the newest run before this one that wrote or saw the object."""
        keys = {s.object_id: key for key, s in stored.items()}
        last = {key: s.run_id for key, s in stored.items()}
        c = tables.sighting.c
        newest = sa.func.max(c.run_id).label("newest")
        query = sa.select(c.object_id, newest).where(c.run_id != self._run_id).group_by(c.object_id)
        for row in rows_in(transaction.execute, query, c.object_id, list(keys)):
            last[keys[row.object_id]] = max(last[keys[row.object_id]], row.newest)
        return last

    def _accession_holders(
        self, transaction: Transaction, institution: int, accepted: Accepted
    ) -> dict[str, str] | None:
        """By accession, the key of the object that bears it; None where accessions are keys or repeat."""
        if self._mapping.record.key is None or self._mapping.record.accession_repeats:
            return None
        c = tables.object_.c
        query = sa.select(c.unique_accession, c.record_key).where(c.institution_id == institution)
        accessions = sorted({record.accession for record in accepted.values})
        rows = rows_in(transaction.execute, query, c.unique_accession, accessions)
        return {row.unique_accession: row.record_key for row in rows}

    def _resolve(self, transaction: Transaction, institution: int, decisions: _Decisions) -> Ids:
        written = [d.record for d in (*decisions.inserts, *decisions.updates)]
        wanted = wanted_by(written, self._keys)
        vocabularies = self._vocabularies.resolve(transaction, dict.fromkeys(wanted.terms, ()))
        terms = {}
        for name in sorted(wanted.terms):
            if name not in self._terms:
                within = {"vocabulary_id": vocabularies[name]}
                attributes = ("label", "uri", "language")
                self._terms[name] = SharedRows(tables.term, "term_key", attributes, self._run_id, within)
            terms[name] = self._terms[name].resolve(transaction, wanted.terms[name])
        actors = self._actors.resolve(transaction, wanted.actors)
        return Ids(institution, terms, actors, self._places.resolve(transaction, wanted.places))

    def _clear(self, transaction: Transaction, updates: Sequence[_Decision], records: Records) -> None:
        """Keep the before-images of objects that are about to change, and remove their parts."""
        before = before_images(transaction, [d.object_id for d in updates])
        changes = [
            {
                "run_id": self._run_id,
                "record_number": records.position(d.index).number,
                "record_key": d.key,
                "changed_at": now(),
                "before": json.dumps(before[d.object_id], ensure_ascii=False),
            }
            for d in updates
        ]
        transaction.execute(change_table.insert(), changes)
        changing = [d.object_id for d in updates]
        for table in tables.PARTS_OF_OBJECT:
            for _ in where_in(transaction.execute, table.delete(), table.c.object_id, changing):
                pass

    def _write(self, transaction: Transaction, decisions: _Decisions, ids: Ids, records: Records) -> None:
        repeats = self._mapping.record.accession_repeats
        rows: Rows = defaultdict(list)
        changed: list[dict[str, Any]] = []
        inserted = {d.object_id for d in decisions.inserts}
        for d in sorted((*decisions.inserts, *decisions.updates), key=lambda d: d.object_id):
            content = object_content(d.record, ids, self._keys, accession_repeats=repeats)
            lineage = (self._run_id, *_lineage(records, d.index))
            if d.object_id in inserted:
                row = (d.object_id, ids.institution, d.key, *content, d.content_hash, *lineage)
                rows[tables.object_].append(row)
            else:
                named = zip(
                    (*OBJECT_CONTENT, "content_hash", *_LINEAGE),
                    (*content, d.content_hash, *lineage),
                    strict=True,
                )
                changed.append(dict(named) | {"changed_id": d.object_id, "withdrawn_run_id": None})
            add_parts(rows, d.object_id, d.record, ids, self._keys)
        if changed:
            matches = tables.object_.c.object_id == sa.bindparam("changed_id")
            transaction.execute(tables.object_.update().where(matches), changed)
        columns = ("object_id", "institution_id", "record_key", *OBJECT_CONTENT, "content_hash", *_LINEAGE)
        transaction.insert(tables.object_, columns, rows[tables.object_])
        for table in tables.PARTS_OF_OBJECT:
            if rows[table]:
                transaction.insert(table, [column.name for column in table.columns], rows[table])

    def _sight(self, transaction: Transaction, unchanged: Sequence[_Decision], records: Records) -> None:
        if unchanged:
            rows = [
                (self._run_id, d.object_id, records.position(d.index).number, int(records.lines[d.index]))
                for d in unchanged
            ]
            transaction.insert(tables.sighting, ("run_id", "object_id", "record_number", "line"), rows)


def content_hash(record: LidoRecord) -> bytes:
    """The hash of all that a record says: equal content, equal hash."""
    return sha256(record.model_dump_json(exclude_defaults=True).encode()).digest()


def _lineage(records: Records, index: int) -> tuple[int, int, int, int, bytes]:
    position = records.position(index)
    raw_hash = sha256(records.raw(index)).digest()
    return position.number, position.line, position.offset, position.length, raw_hash


def _duplicate(key: str, winner: tuple[int, int] | None) -> Problem | None:
    if winner is None:
        return None
    number, line = winner
    return Problem(
        "duplicate",
        f"the key {key} stands already in record {number} on line {line}, which was loaded",
        "Remove one of the two, or give each a number of its own",
        field="key",
        value=key,
    )


def _superseded(key: str, last_run: int | None, origin: Origin | None) -> Problem | None:
    """Why a correction may not touch what is stored under its key, where that is so."""
    if origin is None or last_run is None or last_run < origin.run_id:
        return None
    if last_run == origin.run_id:
        message = (
            f"the key {key} belongs to another record of the same export, which run {last_run} has stored"
        )
        return Problem("duplicate", message, "Give this record a number of its own", field="key", value=key)
    return Problem(
        "superseded",
        f"run {last_run} has since stored a newer record {key}, which is kept",
        "Dismiss this entry, or correct the record in the collection system and export it again",
        field="key",
        value=key,
    )


def _taken(accession: str, key: str, holders: Mapping[str, str] | None) -> Problem | None:
    holder = (holders or {}).get(accession, key)
    if holder == key:
        return None
    return Problem(
        "duplicate",
        f"the accession number {accession} is already borne by the object with the key {holder}",
        "Correct one of the two, or say `accession_repeats = true` in the mapping",
        field="accession",
        value=accession,
    )


def before_images(transaction: Transaction, object_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """All rows of each object, by table, as plain data."""
    images: dict[int, dict[str, Any]] = {object_id: {} for object_id in object_ids}
    for table in (tables.object_, *tables.PARTS_OF_OBJECT):
        for row in rows_in(transaction.execute, table.select(), table.c.object_id, object_ids):
            _add_image(images, table.name, row)
    # The actors' attributes as they were: a later export may correct them for all their objects.
    p = tables.production_actor
    actors = sa.select(p.c.object_id, tables.actor).join_from(p, tables.actor)
    for row in rows_in(transaction.execute, actors, p.c.object_id, object_ids):
        _add_image(images, "actor", row)
    return images


def _add_image(images: dict[int, dict[str, Any]], table: str, row: sa.Row[Any]) -> None:
    plain = {name: _plain(value) for name, value in row._mapping.items() if value is not None}
    images[plain.pop("object_id")].setdefault(table, []).append(plain)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
