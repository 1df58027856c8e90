"""Rows that many objects share: vocabularies, terms, actors, places. Looked up in sets, cached, bounded.

They are found by their business key and added in sorted order, so that two loaders seldom deadlock: InnoDB's
locks on gaps between keys still let them at times, and the chunk is then tried again. What is learnt inside
a transaction is believed only once it has committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from muniment.databases.database import Transaction, Value, rows_in

CACHED_ROWS = 100_000
"""Rows remembered of each table: the actors and terms of a large museum, in some 50 MB at the most."""

Attributes = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    attributes: Attributes
    run_id: int


class SharedRows:
    """The rows of one table, by business key.

    Args:
        table: has an id as primary key, a key column, and attributes.
        key: name of the key column.
        attributes: names of the columns that a later run may correct.
        run_id: the run that writes.
        within: columns with the same value for all keys, such as a term's vocabulary.
    """

    def __init__(
        self,
        table: sa.Table,
        key: str,
        attributes: Sequence[str],
        run_id: int,
        within: Mapping[str, int] | None = None,
    ) -> None:
        self._table = table
        self._key = table.c[key]
        self._id = next(iter(table.primary_key.columns))
        self._attributes = [table.c[name] for name in attributes]
        self._run_id = run_id
        self._within = dict(within or {})
        self._has_run = "run_id" in table.c
        self._cache: dict[str, _Known] = {}
        self._learnt: dict[str, _Known] = {}

    def resolve(self, transaction: Transaction, wanted: Mapping[str, Attributes]) -> dict[str, int]:
        """The ids of the wanted keys; those not in the table are added with their attributes.

        Attributes that differ from those stored: a later run's replace an earlier run's; within one run
        the first record's stay, and later ones only fill gaps.
        """
        known = self._recall(transaction, wanted)
        missing = sorted(wanted.keys() - known.keys())
        if missing:
            self._add(transaction, missing, wanted)
            known |= self._look_up(transaction, missing)
        self._correct(transaction, known, wanted)
        return {key: row.id for key, row in known.items()}

    def settle(self, *, committed: bool) -> None:
        """Believe, or forget, what was learnt since the last commit."""
        if committed:
            self._cache |= self._learnt
            surplus = len(self._cache) - CACHED_ROWS
            for key in list(islice(self._cache, max(surplus, 0))):
                del self._cache[key]
        self._learnt = {}

    def remembered(self, keys: Iterable[str]) -> dict[str, int]:
        """The ids of those keys that are remembered from what is committed; for another thread to read."""
        return {key: row.id for key in keys if (row := self._cache.get(key)) is not None}

    def _recall(self, transaction: Transaction, wanted: Mapping[str, Attributes]) -> dict[str, _Known]:
        known: dict[str, _Known] = {}
        for key in wanted:
            row = self._learnt.get(key) or self._cache.get(key)
            if row is not None:
                known[key] = row
        return known | self._look_up(transaction, sorted(wanted.keys() - known.keys()))

    def _look_up(self, transaction: Transaction, keys: Sequence[str]) -> dict[str, _Known]:
        run_id = self._table.c.run_id if self._has_run else sa.literal(self._run_id)
        query = sa.select(self._id, self._key, run_id, *self._attributes)
        for column, value in self._within.items():
            query = query.where(self._table.c[column] == value)
        found = {}
        for row in rows_in(transaction.execute, query, self._key, keys):
            row_id, key, written_by, *attributes = tuple(row)
            found[key] = _Known(row_id, tuple(attributes), written_by)
        self._learnt |= found
        return found

    def _add(
        self, transaction: Transaction, missing: Sequence[str], wanted: Mapping[str, Attributes]
    ) -> None:
        columns = [*self._within, self._key.name, *(c.name for c in self._attributes)]
        last: list[Value] = []
        if self._has_run:
            columns.append("run_id")
            last.append(self._run_id)
        rows = [(*self._within.values(), key, *wanted[key], *last) for key in missing]
        transaction.insert_missing(self._table, columns, rows)

    def _correct(
        self, transaction: Transaction, known: dict[str, _Known], wanted: Mapping[str, Attributes]
    ) -> None:
        differing = [key for key in sorted(wanted) if self._merged(known[key], wanted[key]) is not None]
        if differing:
            # Another worker of this run may have corrected them since they were remembered.
            known |= self._look_up(transaction, differing)
        for key in differing:
            row = known[key]
            merged = self._merged(row, wanted[key])
            if merged is not None:
                changes = dict(zip((c.name for c in self._attributes), merged, strict=True))
                update = self._table.update().where(self._id == row.id).values(**changes, run_id=self._run_id)
                transaction.execute(update)
                self._learnt[key] = known[key] = _Known(row.id, merged, self._run_id)

    def _merged(self, row: _Known, wanted: Attributes) -> Attributes | None:
        """What the attributes of a row become; None where they stay."""
        if row.attributes == wanted:
            return None
        first, second = (row.attributes, wanted) if row.run_id == self._run_id else (wanted, row.attributes)
        merged = tuple(a if a is not None else b for a, b in zip(first, second, strict=True))
        return merged if merged != row.attributes else None
