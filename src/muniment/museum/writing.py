"""Storing museum records: deciding what is new, changed, the same or a duplicate, and writing it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from muniment.columns import Column, ColumnarRows
from muniment.databases.database import Database, Transaction, rows_in, where_in
from muniment.errors import DuplicateKey
from muniment.footprint import Footprint
from muniment.ledger import change_table, committed_at, now, run_table
from muniment.museum import tables
from muniment.museum.footprint import museum_footprint
from muniment.museum.given import Given, by_column
from muniment.museum.images import before_images
from muniment.museum.mapping import Mapping as MuseumMapping
from muniment.museum.record_columns import repeated
from muniment.museum.rows import OBJECT_CONTENT, Ids, Keys, Wanted, Written
from muniment.museum.shared import SharedRows
from muniment.profile import Applied, RunContext
from muniment.records import Accepted, Origin, Problem, Records, Rejection

_ACTOR = ("name", "kind", "nationality", "birth", "death", "uri")
_LINEAGE = ("run_id", "record_number", "line", "byte_offset", "byte_length", "row_hash")
_IDENTITY = ("object_id", "institution_id", "record_key")
_SAID = (*OBJECT_CONTENT, "content_hash", *_LINEAGE)
_OBJECT = (*_IDENTITY, *_SAID)


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


class _Holder(NamedTuple):
    """The object that bears an accession number, and the run that wrote it last."""

    key: str
    run_id: int


class _Met(NamedTuple):
    """A run that wrote an object or saw it, and when."""

    run_id: int
    moment: datetime


@dataclass(slots=True)
class _Decisions:
    """What becomes of accepted records: the place of each among them, by object id where it has one."""

    inserts: dict[int, int] = field(default_factory=dict)
    updates: dict[int, int] = field(default_factory=dict)
    unchanged: dict[int, int] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    in_turn: bool = False


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
        self._finds_new_ones: bool | None = None
        """Whether the last chunk had new records only; None before the first, which asks what there is."""

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Store accepted records; see `muniment.profile.Writer.apply`."""
        given = accepted.encoded if isinstance(accepted.encoded, Given) else Given.of(records, accepted)
        institution = self._institution(transaction)
        try:
            decisions = self._as_new(transaction, institution, given) or self._decide(
                transaction, institution, given
            )
            written = self._written(given, decisions)
            ids = self._resolve(transaction, institution, written.wanted)
            if decisions.updates:
                self._clear(transaction, decisions.updates, given)
            self._write(transaction, written, ids, given, changed=set(decisions.updates))
        except DuplicateKey:
            self._finds_new_ones = False  # the next attempt tells them apart
            raise
        self._sight(transaction, decisions.unchanged, given)
        self._finds_new_ones = len(decisions.inserts) == len(given.accepted)
        return Applied(
            inserted=given.indexes(decisions.inserts),
            updated=given.indexes(decisions.updates),
            unchanged=given.indexes(decisions.unchanged),
            rejections=decisions.rejections,
            in_turn=decisions.in_turn,
        )

    def footprint(self, accepted: Accepted) -> Footprint:
        """See `muniment.profile.Writer.footprint`."""
        unique = self._accessions_are_unique
        return museum_footprint(accepted.keys, by_column(accepted), self._keys, unique_accessions=unique)

    @property
    def _accessions_are_unique(self) -> bool:
        """Whether an accession number belongs to one object, and is not what identifies it."""
        return self._mapping.record.key is not None and not self._mapping.record.accession_repeats

    def encode(self, database: Database, records: Records, accepted: Accepted) -> Given:
        """What can be made ahead: hashes and, as long as records turn out to be new, their rows.

        Of what the writer remembers it only reads, key by key, while another thread learns more.
        """
        given = Given.of(records, accepted)
        if self._finds_new_ones is False or not len(accepted):
            return given
        as_new = given.foreseen(self._run_id, self._keys)
        remembered = self._remembered(as_new.wanted)
        as_new.encode(database, remembered)
        as_new.make(database, tables.object_, _OBJECT, partial(self._objects, as_new, remembered, given))
        return replace(given, as_new=as_new)

    def settle(self, *, committed: bool) -> None:
        """Believe, or forget, the ids learnt in the transaction."""
        for shared in (self._vocabularies, self._actors, self._places, *self._terms.values()):
            shared.settle(committed=committed)
        if not committed:
            # They are bound to ids of vocabularies, which may have been rolled back with the rest.
            self._terms = {}

    def complete(self, transaction: Transaction) -> str:  # noqa: ARG002 - the protocol's
        """All is done with the last chunk."""
        return ""

    def withdraw_unseen(self, transaction: Transaction, also_seen: sa.Select[tuple[str]]) -> tuple[int, int]:
        """Mark the institution's objects of this record source that the run did not see as withdrawn.

        See `muniment.profile.Writer`.
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
        marked = sa.select(sa.func.count()).where(o.withdrawn_run_id == self._run_id)
        before = int(transaction.execute(marked).scalar_one())
        return transaction.execute(update).rowcount, before

    def _remembered(self, wanted: Wanted) -> Ids:
        """Those ids that were learnt from what is committed; another thread may be learning more."""
        own = self._mapping.institution.id
        institution = self._actors.remembered([own]).get(own, 0)
        by_name = self._terms
        terms = {
            name: by_name[name].remembered(keys) for name, keys in wanted.terms.items() if name in by_name
        }
        actors, places = self._actors.remembered(wanted.actors), self._places.remembered(wanted.places)
        return Ids(institution, terms, actors, places)

    def _institution(self, transaction: Transaction) -> int:
        institution = self._mapping.institution
        key = institution.id
        attributes = (institution.name, "institution", None, None, None, institution.uri or None)
        return self._actors.resolve(transaction, {key: attributes})[key]

    def _as_new(self, transaction: Transaction, institution: int, given: Given) -> _Decisions | None:
        """To insert all of them, unless it is likely that some are there: where one is, the database refuses.

        Nothing is looked up then, which is most of what deciding costs.
        """
        if given.as_new is None or given.records.origins:
            return None
        if self._finds_new_ones is None:
            # One row of the institution's, the first in its index, tells whether others have loaded before.
            c = tables.object_.c
            query = sa.select(c.run_id).where(c.institution_id == institution).order_by(c.record_key).limit(1)
            self._finds_new_ones = transaction.execute(query).scalar() in (None, self._run_id)
        unique = self._accessions_are_unique
        if not self._finds_new_ones or not given.are_told_apart(unique_accessions=unique):
            return None
        new_ids = given.as_new.object_ids
        return _Decisions(inserts=dict(zip(new_ids, range(len(new_ids)), strict=True)))

    def _decide(self, transaction: Transaction, institution: int, given: Given) -> _Decisions:
        accepted, origins = given.accepted, given.records.origins
        stored = self._stored(transaction, institution, accepted.keys)
        seen = self._sighted(transaction, stored)
        met = self._met(transaction, stored, origins.values()) if origins else {}
        accessions = given.values.texts("accession")
        holders = self._accession_holders(transaction, institution, accessions)
        decisions = _Decisions()
        for place, (index, key, accession) in enumerate(
            zip(accepted.indexes, accepted.keys, accessions, strict=True)
        ):
            before = stored.get(key)
            problem = (
                _duplicate(key, seen.get(key))
                or _superseded(key, met.get(key, ()), origins.get(index))
                or _taken(accession, key, holders)
            )
            if problem is not None:
                decisions.rejections.append(Rejection(index, (problem,), key))
                if problem.field == "accession" and holders is not None:
                    # An object that an earlier run wrote may give up its number in a record before this one.
                    decisions.in_turn |= holders[accession].run_id != self._run_id
                continue
            seen[key] = given.number_and_line(place)
            if holders is not None:
                if before and before.accession != accession:
                    decisions.in_turn = True  # a record before this one may want the number that is given up
                    if before.accession in holders and holders[before.accession].key == key:
                        del holders[before.accession]
                holders[accession] = _Holder(key, self._run_id)
            if before is None:
                decisions.inserts[given.new_id(place, self._run_id)] = place
            elif before.content_hash == given.hashes[place] and not before.withdrawn:
                decisions.unchanged[before.object_id] = place
            else:
                decisions.updates[before.object_id] = place
        return decisions

    def _written(self, given: Given, decisions: _Decisions) -> Written:
        """What is to be written: what was made ahead, where all records are new indeed."""
        if given.as_new is not None and len(decisions.inserts) == len(given.accepted):
            return given.as_new
        object_ids = {
            place: object_id for object_id, place in (decisions.inserts | decisions.updates).items()
        }
        places = sorted(object_ids)
        return Written(given.values, places, [object_ids[place] for place in places], self._keys)

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

    def _met(
        self, transaction: Transaction, stored: Mapping[str, _Stored], origins: Collection[Origin]
    ) -> dict[str, list[_Met]]:
        """By key, the other runs that met the object, of those that rejected a record or ended later."""
        keys = {s.object_id: key for key, s in stored.items()}
        met: dict[str, list[_Met]] = {key: [] for key in stored}
        rejecting, since = {o.run_id for o in origins}, min(o.rejected_at for o in origins)
        run = run_table.c
        late = sa.or_(run.ended_at.is_(None), run.ended_at >= since, run.run_id.in_(rejecting))
        runs = sa.select(run.run_id).where(late, run.run_id != self._run_id)
        for table in (tables.object_, tables.sighting):
            c = table.c
            moment = committed_at(c.run_id, c.record_number)
            query = sa.select(c.object_id, c.run_id, moment).where(c.run_id.in_(runs))
            for row in rows_in(transaction.execute, query, c.object_id, list(keys)):
                object_id, run_id, at = tuple(row)
                met[keys[object_id]].append(_Met(run_id, at))
        return met

    def _accession_holders(
        self, transaction: Transaction, institution: int, accessions: Sequence[str]
    ) -> dict[str, _Holder] | None:
        """By accession, the object that bears it; None where accessions are keys or repeat."""
        if not self._accessions_are_unique:
            return None
        c = tables.object_.c
        query = sa.select(c.unique_accession, c.record_key, c.run_id).where(c.institution_id == institution)
        rows = rows_in(transaction.execute, query, c.unique_accession, sorted(set(accessions)))
        return {row.unique_accession: _Holder(row.record_key, row.run_id) for row in rows}

    def _resolve(self, transaction: Transaction, institution: int, wanted: Wanted) -> Ids:
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

    def _clear(self, transaction: Transaction, updates: Mapping[int, int], given: Given) -> None:
        """Keep the before-images of objects that are about to change, and remove their parts."""
        changing = list(updates)
        before = before_images(transaction, changing)
        changes = [
            {
                "run_id": self._run_id,
                "record_number": given.number_and_line(place)[0],
                "record_key": given.accepted.keys[place],
                "changed_at": now(),
                "before": json.dumps(before[object_id], ensure_ascii=False),
            }
            for object_id, place in updates.items()
        ]
        transaction.execute(change_table.insert(), changes)
        for table in tables.PARTS_OF_OBJECT:
            for _ in where_in(transaction.execute, table.delete(), table.c.object_id, changing):
                pass

    def _write(
        self, transaction: Transaction, written: Written, ids: Ids, given: Given, *, changed: Set[int]
    ) -> None:
        """Write the objects, of which those `changed` are there already, and all their parts."""
        written.confirm(ids)
        made = written.made(tables.object_)
        rows = ColumnarRows(self._objects(written, ids, given)) if made is None else made
        if changed and isinstance(rows, ColumnarRows):  # rows are made ahead only where all are new
            self._update(transaction, written.object_ids, rows, changed)
            new = [row for row, object_id in enumerate(written.object_ids) if object_id not in changed]
            rows = rows.take(new)
        transaction.insert(tables.object_, _OBJECT, rows)
        for table, parts in written.rows(ids):
            transaction.insert(table, [column.name for column in table.columns], parts)

    def _objects(self, written: Written, ids: Ids, given: Given) -> list[Column]:
        """The rows of `object`, a column for each of `_OBJECT`."""
        keys = pa.array([given.accepted.keys[place] for place in written.places], pa.string())
        identity = [
            pa.array(written.object_ids, pa.int64()),
            repeated(ids.known_institution, len(keys)),
            keys,
        ]
        content = written.object_content(ids, accession_repeats=self._mapping.record.accession_repeats)
        return [*identity, *content, *given.columns(written.places, self._run_id)]

    @staticmethod
    def _update(
        transaction: Transaction, object_ids: Sequence[int], rows: ColumnarRows, changed: Set[int]
    ) -> None:
        said = ColumnarRows(rows.columns[len(_IDENTITY) :])
        changes = [
            dict(zip(_SAID, row, strict=True)) | {"changed_id": object_id, "withdrawn_run_id": None}
            for object_id, row in zip(object_ids, said, strict=True)
            if object_id in changed
        ]
        changes.sort(key=itemgetter("changed_id"))
        matches = tables.object_.c.object_id == sa.bindparam("changed_id")
        transaction.execute(tables.object_.update().where(matches), changes)

    def _sight(self, transaction: Transaction, unchanged: Mapping[int, int], given: Given) -> None:
        if unchanged:
            rows = [
                (self._run_id, object_id, *given.number_and_line(place))
                for object_id, place in unchanged.items()
            ]
            transaction.insert(tables.sighting, ("run_id", "object_id", "record_number", "line"), rows)


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


def _superseded(key: str, met: Sequence[_Met], origin: Origin | None) -> Problem | None:
    """Why a correction may not touch what is stored under its key, where that is so."""
    if origin is None:
        return None
    if any(run_id == origin.run_id for run_id, _ in met):
        other = f"another record of the same export, which run {origin.run_id} has stored"
        hint = "Give this record a number of its own"
        return Problem("duplicate", f"the key {key} belongs to {other}", hint, field="key", value=key)
    since = [(moment, run_id) for run_id, moment in met if moment >= origin.rejected_at]
    if not since:
        return None
    return Problem(
        "superseded",
        f"run {max(since)[1]} has since stored a newer record {key}, which is kept",
        "Dismiss this entry, or correct the record in the collection system and export it again",
        field="key",
        value=key,
    )


def _taken(accession: str, key: str, holders: Mapping[str, _Holder] | None) -> Problem | None:
    holder = (holders or {}).get(accession)
    if holder is None or holder.key == key:
        return None
    return Problem(
        "duplicate",
        f"the accession number {accession} is already borne by the object with the key {holder.key}",
        "Correct one of the two, or say `accession_repeats = true` in the mapping",
        field="accession",
        value=accession,
    )
