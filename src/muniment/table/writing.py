"""Storing a model's rows: appended, or where the model has a key inserted, updated, or found the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import Transaction, Value, in_queries
from muniment.databases.types import KEY_CHARACTERS, Hash, Id
from muniment.errors import DuplicateKey, UsageError
from muniment.ledger import change_table, now
from muniment.ledger import chunk_result_table as results
from muniment.profile import Applied, RunContext
from muniment.records import Accepted, Problem, Records, Rejection, shortened
from muniment.table.model import LINEAGE, Row, storable

row_seen = sa.Table(
    "row_seen",
    sa.MetaData(),
    sa.Column("run_id", Id, primary_key=True, autoincrement=False),
    sa.Column("key_hash", Hash, primary_key=True),
    sa.Column("record_number", Id, nullable=False),
    sa.Column("line", Id, nullable=False),
    comment="Keys that a run saw in tables that were not empty when it began: tells duplicates from updates",
)


class TableWriter:
    """Writes the rows of one run (see `muniment.profile.Writer`)."""

    def __init__(self, table: sa.Table, fields: Sequence[str], run: RunContext, *, row_lineage: bool) -> None:
        self._table = table
        self._run_id = run.run_id
        self._fields = list(fields)
        self._lineage = row_lineage
        self._keys = [column.name for column in table.primary_key.columns]
        self._first: bool | None = None

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Store accepted rows; see `muniment.profile.Writer.apply`.

        Into a table that was empty when the run began, rows are written at once, and only where a key
        turns out to be taken are they told apart.
        """
        if not self._keys:
            self._insert(transaction, records, accepted)
            return Applied(inserted=accepted.indexes)
        if self._is_first(transaction):
            try:
                with transaction.savepoint():
                    self._insert(transaction, records, accepted)
                return Applied(inserted=accepted.indexes)
            except DuplicateKey:
                pass  # told apart below
        return self._merge(transaction, records, accepted)

    def settle(self, *, committed: bool) -> None:
        """Nothing is cached."""

    def withdraw_unseen(self, transaction: Transaction, also_seen: sa.Select[tuple[str]]) -> int:  # noqa: ARG002 - the protocol's
        """A table of rows knows no withdrawal."""
        raise UsageError("--full marks museum objects as withdrawn; a table of rows has none")

    def _is_first(self, transaction: Transaction) -> bool:
        """Whether all rows of the table are this run's own."""
        if self._first is None:
            began = transaction.execute(
                sa.select(sa.exists().where(row_seen.c.run_id == self._run_id))
            ).scalar()
            filled = transaction.execute(sa.select(sa.exists(sa.select(self._table)))).scalar()
            own = transaction.execute(sa.select(sa.exists(_inserting_results(self._run_id)))).scalar()
            self._first = not began and (not filled or bool(own))
        return self._first

    def _insert(self, transaction: Transaction, records: Records, accepted: Accepted) -> None:
        columns, rows = self._fields, accepted.values
        if self._lineage:
            columns = [*columns, *LINEAGE]
            first = records.start.number
            rows = [
                (*row, self._run_id, first + index, int(records.lines[index]))
                for index, row in zip(accepted.indexes, rows, strict=True)
            ]
        transaction.insert(self._table, columns, rows)

    def _merge(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        stored = self._stored(transaction, accepted)
        seen = self._seen(transaction, stored, accepted)
        places: dict[str, list[int]] = {"insert": [], "update": [], "same": []}
        rejections = []
        for place, (index, key, row) in enumerate(
            zip(accepted.indexes, accepted.keys, accepted.values, strict=True)
        ):
            if key in seen:
                rejections.append(Rejection(index, (_duplicate(key, seen[key]),), key[:KEY_CHARACTERS]))
                continue
            seen[key] = int(records.lines[index])
            before = stored.get(key)
            same = before is not None and before == row
            places["insert" if before is None else "same" if same else "update"].append(place)
        chosen = {name: _chosen(accepted, where) for name, where in places.items()}
        self._insert(transaction, records, chosen["insert"])
        self._update(transaction, records, chosen["update"], stored)
        if not self._first:
            self._remember(transaction, records, [*chosen.values()])
        return Applied(chosen["insert"].indexes, chosen["update"].indexes, chosen["same"].indexes, rejections)

    def _key_of(self, row: Mapping[str, Value]) -> str:
        return "\x1f".join(str(row[name]) for name in self._keys)

    def _stored(self, transaction: Transaction, accepted: Accepted) -> dict[str, Row]:
        """By key, the rows that the table has."""
        found: dict[str, Row] = {}
        positions = [self._fields.index(name) for name in self._keys]
        columns = [self._table.c[name] for name in self._keys]
        condition: Any = columns[0] if len(columns) == 1 else sa.tuple_(*columns)
        wanted = sorted({tuple(row[p] for p in positions) for row in accepted.values})
        query = sa.select(*(self._table.c[name] for name in self._fields))
        for some in in_queries(wanted):
            values: list[Any] = [key[0] for key in some] if len(columns) == 1 else list(some)
            for row in transaction.execute(query.where(condition.in_(values))):
                plain = tuple(storable(value) for value in row)
                found["\x1f".join(str(plain[p]) for p in positions)] = plain
        return found

    def _seen(
        self, transaction: Transaction, stored: Mapping[str, Row], accepted: Accepted
    ) -> dict[str, int | None]:
        """The keys that earlier records of this run had, with the line where it is known."""
        if self._first:
            return dict.fromkeys(stored)
        keys = {_hash(key): key for key in accepted.keys}
        seen: dict[str, int | None] = {}
        c = row_seen.c
        for some in in_queries(sorted(keys)):
            query = sa.select(c.key_hash, c.line).where(c.run_id == self._run_id, c.key_hash.in_(some))
            seen |= {keys[bytes(row.key_hash)]: row.line for row in transaction.execute(query)}
        return seen

    def _update(
        self, transaction: Transaction, records: Records, accepted: Accepted, stored: Mapping[str, Row]
    ) -> None:
        if not len(accepted):
            return
        changes, updates = [], []
        for index, key, row in zip(accepted.indexes, accepted.keys, accepted.values, strict=True):
            before = dict(zip(self._fields, stored[key], strict=True))
            number = records.position(index).number
            image = json.dumps({self._table.name: [before]}, ensure_ascii=False)
            changes.append(
                {
                    "run_id": self._run_id,
                    "record_number": number,
                    "record_key": key[:KEY_CHARACTERS],
                    "changed_at": now(),
                    "before": image,
                }
            )
            after = dict(zip(self._fields, row, strict=True))
            if self._lineage:
                line = int(records.lines[index])
                after |= {"source_run": self._run_id, "source_record": number, "source_line": line}
            updates.append({f"new_{name}": value for name, value in after.items()})
        transaction.execute(change_table.insert(), changes)
        matches = [self._table.c[name] == sa.bindparam(f"new_{name}") for name in self._keys]
        names = [
            name.removeprefix("new_") for name in updates[0] if name.removeprefix("new_") not in self._keys
        ]
        values = {name: sa.bindparam(f"new_{name}") for name in names}
        if values:
            transaction.execute(self._table.update().where(*matches).values(values), updates)

    def _remember(self, transaction: Transaction, records: Records, parts: Sequence[Accepted]) -> None:
        rows = [
            (self._run_id, _hash(key), records.position(index).number, int(records.lines[index]))
            for part in parts
            for index, key in zip(part.indexes, part.keys, strict=True)
        ]
        transaction.insert(row_seen, [column.name for column in row_seen.columns], rows)


def _inserting_results(run_id: int) -> Any:
    return sa.select(results.c.run_id).where(results.c.run_id == run_id, results.c.inserted > 0)


def _chosen(accepted: Accepted, places: Sequence[int]) -> Accepted:
    return Accepted(
        [accepted.indexes[p] for p in places],
        [accepted.keys[p] for p in places],
        [accepted.values[p] for p in places],
    )


def _hash(key: str) -> bytes:
    return sha256(key.encode()).digest()


def _duplicate(key: str, line: int | None) -> Problem:
    where = f"on line {line}" if line is not None else "in an earlier record of this source"
    message = f"the key {key.replace(chr(31), ' / ')} stands already {where}, which was loaded"
    return Problem("duplicate", message, "Remove one of the two", value=shortened(key))
