"""Storing a model's rows: appended, or where the model has a key inserted, updated, or found the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from muniment.columns import ColumnarRows, Encoded
from muniment.databases.database import Database, Transaction, Value, rows_in
from muniment.databases.types import Hash, Id
from muniment.errors import DuplicateKey, UsageError
from muniment.footprint import NOTHING, Footprint, footprint_of_keys
from muniment.ledger import change_table, committed_at, now, run_table
from muniment.profile import Applied, RunContext
from muniment.records import Accepted, Origin, Problem, Records, Rejection, shortened
from muniment.table.model import KEY_SEPARATOR, LINEAGE, Row, key_of

row_seen = sa.Table(
    "row_seen",
    sa.MetaData(),
    sa.Column("run_id", Id, primary_key=True, autoincrement=False),
    sa.Column("key_hash", Hash, primary_key=True),
    sa.Column("record_number", Id, nullable=False),
    sa.Column("line", Id, nullable=False),
    comment="Keys that a run saw in tables that were not empty when it began: tells duplicates from updates",
)

ALONE = bytes(32)
"""Stands as a hash in `row_seen` for a run that found its table empty, and nobody else at it: what is in
the table is its own, and need not be remembered key by key."""

REPLACED = bytes([255]) * 32
"""Stands as a hash in `row_seen` for a run that has replaced the rows."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the table, and all it told.

    Where it bears lineage, the `run` that stored it, the `line` where that is this run, and `at` what moment,
    which is asked for corrections only.
    """

    row: Row
    run: int | None
    line: int | None
    at: datetime | None
    told: tuple[Any, ...]


class TableWriter:
    """Writes the rows of one run (see `muniment.profile.Writer`).

    Args:
        table: where to.
        forms: by field, what becomes of its values.
        run: the run.
        scope: that of the profile: other runs with it write to the same table.
        keys: the columns that identify a row.
        row_lineage: whether rows bear their lineage.
        updates: whether a row whose key is there already replaces it; else it is a duplicate.
    """

    def __init__(
        self,
        table: sa.Table,
        forms: Mapping[str, Callable[[Any], Value]],
        run: RunContext,
        scope: str,
        keys: Sequence[str],
        *,
        row_lineage: bool,
        updates: bool = True,
    ) -> None:
        self._table = table
        self._run_id = run.run_id
        self._scope = scope
        self._fields = list(forms)
        self._forms = list(forms.values())
        self._lineage = row_lineage
        self._keys = list(keys)
        self._updates = updates
        self._alone: bool | None = None
        self._taken = False

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Store accepted rows; see `muniment.profile.Writer.apply`.

        Into a table that was empty when the run began, rows are written at once, and only where a key
        turns out to be taken are they told apart.
        """
        if not self._keys:
            self._insert(transaction, records, accepted)
            return Applied(inserted=accepted.indexes)
        if self._is_alone(transaction) and not self._taken:
            try:
                self._insert(transaction, records, accepted)
            except DuplicateKey:
                self._taken = True  # the next attempt tells them apart
                raise
            return Applied(inserted=accepted.indexes)
        return self._merge(transaction, records, accepted)

    def footprint(self, accepted: Accepted) -> Footprint:
        """See `muniment.profile.Writer.footprint`."""
        return footprint_of_keys(accepted.keys) if self._keys else NOTHING

    def settle(self, *, committed: bool) -> None:
        """Believe, or forget, that the run is alone; of the next chunk no key is known as taken."""
        if committed:
            self._taken = False
        else:
            self._alone = None

    def complete(self, transaction: Transaction) -> str:  # noqa: ARG002 - the protocol's
        """All is done with the last chunk."""
        return ""

    def withdraw_unseen(
        self,
        transaction: Transaction,  # noqa: ARG002 - the protocol's
        also_seen: sa.Select[tuple[str]],  # noqa: ARG002 - as above
    ) -> tuple[int, int]:
        """A table of rows knows no withdrawal."""
        raise UsageError("--full marks museum objects as withdrawn; a table of rows has none")

    def _is_alone(self, transaction: Transaction) -> bool:
        """Whether all rows of the table are this run's own, but for those that later runs write."""
        if self._alone is None:
            # In this order: another worker of this run commits its first rows together with the mark.
            filled = sa.exists(sa.select(self._table))
            others = sa.exists().where(self._others(), run_table.c.status == "running")
            if transaction.execute(sa.select(sa.or_(filled, others))).scalar():
                marked = sa.exists().where(row_seen.c.run_id == self._run_id, row_seen.c.key_hash == ALONE)
                self._alone = bool(transaction.execute(sa.select(marked)).scalar())
            else:
                columns = [column.name for column in row_seen.columns]
                transaction.insert_missing(row_seen, columns, [(self._run_id, ALONE, 0, 0)])
                self._alone = True
        return self._alone

    def _others(self) -> sa.ColumnElement[bool]:
        return sa.and_(run_table.c.scope == self._scope, run_table.c.run_id != self._run_id)

    def encode(self, database: Database, records: Records, accepted: Accepted) -> Encoded | None:
        """The rows as the database takes them, unless they will have to be told apart."""
        if not isinstance(accepted.values, ColumnarRows) or (self._keys and self._alone is False):
            return None
        columns, rows = self._rows(records, accepted)
        return database.encode(self._table, columns, rows)

    def _insert(self, transaction: Transaction, records: Records, accepted: Accepted) -> None:
        columns, rows = self._rows(records, accepted)
        encoded = accepted.encoded
        transaction.insert(self._table, columns, encoded if isinstance(encoded, Encoded) else rows)

    def _rows(self, records: Records, accepted: Accepted) -> tuple[list[str], Sequence[Row]]:
        """Rows with all that the table asks for, and the columns that they fill."""
        if self._lineage and len(accepted):
            return [*self._fields, *LINEAGE], self._with_lineage(records, accepted)
        return self._fields, accepted.values

    def _with_lineage(self, records: Records, accepted: Accepted) -> Sequence[Row]:
        indexes = np.asarray(accepted.indexes)
        numbers, lines = records.start.number + indexes, records.lines[indexes]
        if isinstance(accepted.values, ColumnarRows):
            runs = np.full(len(indexes), self._run_id)
            return ColumnarRows([*accepted.values.columns, *map(pa.array, (runs, numbers, lines))])
        lineage = zip(numbers.tolist(), lines.tolist(), strict=True)
        return [(*row, self._run_id, *place) for row, place in zip(accepted.values, lineage, strict=True)]

    @staticmethod
    def _told_apart(
        records: Records, accepted: Accepted, seen: dict[str, int | None]
    ) -> tuple[list[int], list[Rejection]]:
        """The places of rows whose key was not seen before, and the rejections of the others."""
        new: list[int] = []
        rejections = []
        for place, (index, key) in enumerate(zip(accepted.indexes, accepted.keys, strict=True)):
            if key in seen:
                rejections.append(Rejection(index, (_duplicate(key, seen[key]),), key))
            else:
                seen[key] = int(records.lines[index])
                new.append(place)
        return new, rejections

    def _merge(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        stored = self._stored(transaction, accepted, dated=bool(records.origins))
        seen = self._seen(transaction, stored, accepted)
        new: list[int] = []
        changed: list[int] = []
        same: list[int] = []
        rejections = []
        for place, (index, key, row) in enumerate(
            zip(accepted.indexes, accepted.keys, accepted.values, strict=True)
        ):
            if key in seen:
                rejections.append(Rejection(index, (_duplicate(key, seen[key]),), key))
                continue
            before = stored.get(key)
            if before and not self._updates:
                rejections.append(Rejection(index, (_present(key),), key))
                continue
            if before and before.row != row and self._is_newer(before, records.origins.get(index)):
                rejections.append(Rejection(index, (_superseded(key),), key))
                continue
            seen[key] = int(records.lines[index])
            (new if before is None else same if before.row == row else changed).append(place)
        inserted, updated, unchanged = (accepted.at(places) for places in (new, changed, same))
        self._insert(transaction, records, inserted)
        self._update(transaction, records, updated, stored)
        # Alone, a row that is new is known by its being there.
        self._remember(transaction, records, [*([] if self._alone else [inserted]), updated, unchanged])
        return Applied(inserted.indexes, updated.indexes, unchanged.indexes, rejections)

    def _is_newer(self, stored: Stored, origin: Origin | None) -> bool:
        """Whether a row may be newer than the record that a correction mends; unknown without lineage."""
        if origin is None:
            return False
        return stored.at is None or stored.run == origin.run_id or stored.at >= origin.rejected_at

    def _rows_of_keys(self) -> sa.Select[Any]:
        """Selects what of the table is compared with what is to be stored."""
        names = [*self._fields, *(LINEAGE if self._lineage else ())]
        return sa.select(*(self._table.c[name] for name in names))

    def _stored(self, transaction: Transaction, accepted: Accepted, *, dated: bool) -> dict[str, Stored]:
        """By key, the rows that the table has; `dated` where it matters when they were stored."""
        found: dict[str, Stored] = {}
        places = [self._fields.index(name) for name in self._keys]
        columns = [self._table.c[name] for name in self._keys]
        condition: Any = columns[0] if len(columns) == 1 else sa.tuple_(*columns)
        wanted = sorted({tuple(row[place] for place in places) for row in accepted.values})
        lineage = len(self._fields)
        at: sa.ColumnElement[Any] = sa.null()
        if dated and self._lineage:
            at = committed_at(self._table.c.source_run, self._table.c.source_record)
        query = self._rows_of_keys().add_columns(at)
        values: list[Any] = [key[0] for key in wanted] if len(columns) == 1 else wanted
        for *told, moment in map(tuple, rows_in(transaction.execute, query, condition, values)):
            pairs = zip(self._forms, told, strict=False)
            row = tuple(None if value is None else form(value) for form, value in pairs)
            run = int(told[lineage]) if self._lineage else None
            line = told[lineage + 2] if run == self._run_id else None
            found[key_of([row[place] for place in places])] = Stored(row, run, line, moment, tuple(told))
        return found

    def _seen(
        self, transaction: Transaction, stored: Mapping[str, Stored], accepted: Accepted
    ) -> dict[str, int | None]:
        """The keys that earlier records of this run had, with the line where it is known."""
        c, own = row_seen.c, row_seen.c.run_id == self._run_id
        keys = {_hash(key): key for key in accepted.keys}
        seen: dict[str, int | None] = {**self._remembered(transaction, own, keys)}
        if self._alone:
            others = c.run_id.in_(sa.select(run_table.c.run_id).where(self._others()))
            theirs = self._remembered(transaction, others, keys)
            seen |= {key: row.line for key, row in stored.items() if key not in theirs and key not in seen}
        return seen

    @staticmethod
    def _remembered(
        transaction: Transaction, runs: sa.ColumnElement[bool], keys: Mapping[bytes, str]
    ) -> dict[str, int]:
        found = {}
        query = sa.select(row_seen.c.key_hash, row_seen.c.line).where(runs)
        for row in rows_in(transaction.execute, query, row_seen.c.key_hash, sorted(keys)):
            found[keys[bytes(row.key_hash)]] = int(row.line)
        return found

    def _update(
        self, transaction: Transaction, records: Records, accepted: Accepted, stored: Mapping[str, Stored]
    ) -> None:
        changes, updates = [], []
        for index, key, row in zip(accepted.indexes, accepted.keys, accepted.values, strict=True):
            before = dict(zip(self._fields, stored[key].row, strict=True))
            number, line = records.position(index).number, int(records.lines[index])
            image = json.dumps({self._table.name: [before]}, ensure_ascii=False, default=bytes.hex)
            changes.append((self._run_id, number, key, now(), image))
            after = dict(zip(self._fields, row, strict=True))
            if self._lineage:
                after |= dict(zip(LINEAGE, (self._run_id, number, line), strict=True))
            updates.append({f"new_{name}": value for name, value in after.items()})
        if updates:
            transaction.insert(change_table, [column.name for column in change_table.columns], changes)
            matches = [self._table.c[name] == sa.bindparam(f"new_{name}") for name in self._keys]
            names = [*self._fields, *(LINEAGE if self._lineage else ())]
            values: dict[str, Any] = {
                name: sa.bindparam(f"new_{name}") for name in names if name not in self._keys
            }
            transaction.execute(self._table.update().where(*matches).values(values), updates)

    def _remember(self, transaction: Transaction, records: Records, parts: Sequence[Accepted]) -> None:
        rows = [
            (self._run_id, _hash(key), records.position(index).number, int(records.lines[index]))
            for part in parts
            for index, key in zip(part.indexes, part.keys, strict=True)
        ]
        transaction.insert(row_seen, [column.name for column in row_seen.columns], rows)


def forget_seen_keys(transaction: Transaction, scope: str) -> None:
    """Forget what finished runs into a table saw, unless another that may go on has to know it.

    That they have replaced all rows is not forgotten: what waited before that is overtaken.
    """
    own = run_table.c.scope == scope
    unfinished = sa.exists().where(own, run_table.c.status.not_in(["done", "incomplete", "abandoned"]))
    if not transaction.execute(sa.select(unfinished)).scalar():
        finished = sa.select(run_table.c.run_id).where(own, run_table.c.status == "done")
        keys = row_seen.c.key_hash != REPLACED
        transaction.execute(row_seen.delete().where(row_seen.c.run_id.in_(finished), keys))


def _hash(key: str) -> bytes:
    return sha256(key.encode()).digest()


def _superseded(key: str) -> Problem:
    message = f"a row with the key {key.replace(KEY_SEPARATOR, ' / ')} is stored that may be newer: it stays"
    hint = "Correct the row at the source and load it again, or give this row a key of its own"
    return Problem("superseded", message, hint, value=shortened(key))


def _present(key: str) -> Problem:
    message = f"the table has a row with the key {key.replace(KEY_SEPARATOR, ' / ')}, to which none is added"
    hint = "Remove it at the source, or load with the mode upsert"
    return Problem("duplicate", message, hint, value=shortened(key))


def _duplicate(key: str, line: int | None) -> Problem:
    where = f"on line {line}" if line is not None else "in an earlier record of this source"
    message = f"the key {key.replace(KEY_SEPARATOR, ' / ')} stands already {where}, which was loaded"
    return Problem("duplicate", message, "Remove one of the two", value=shortened(key))
