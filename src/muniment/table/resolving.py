"""Writing rows of which some columns are looked up: first the keys are resolved, then the rows are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute
import sqlalchemy as sa

from muniment.columns import Column, ColumnarRows
from muniment.databases.database import Database, Transaction
from muniment.errors import RowRefused
from muniment.footprint import EVERYTHING, Footprint
from muniment.profile import Applied, Writer
from muniment.records import Accepted, Note, Problem, Records, Rejection, shortened
from muniment.table.adding import add_missing
from muniment.table.finding import KeyFinder, Sought
from muniment.table.lookups import LookedUp, quoted_key
from muniment.table.model import KEY_SEPARATOR, key_of

pc: Any = pyarrow.compute

UNKNOWN = "unknown-key"
"""The code of a record whose key the other table does not have."""

WAITING = "waiting"
"""The code of a record that waits for its key; see `muniment.correction.waiting`."""

Faults = dict[int, list[Problem]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked up for one field: the key of each record, and each key once."""

    keys: Column
    unique: Column
    sought: Sought

    @classmethod
    def of(cls, keys: Column) -> Asked:
        """These keys; null where nothing is to be looked up."""
        unique = pc.unique(keys).drop_null()
        return cls(keys, unique, Sought.of(unique.cast(pa.binary()).to_pylist()))


@dataclass(frozen=True)
class Resolved:
    """A column of values that were looked up, the problems of records by place, and remarks likewise."""

    values: Column
    faults: Faults
    remarks: dict[int, Problem]


class LookingUpWriter:
    """Resolves keys, then lets another writer store the rows; see `muniment.profile.Writer`.

    Args:
        writer: stores the rows.
        lookups: the fields that are looked up.
        judged: the fields of accepted rows.
        fields: those of rows as they are stored.
        keys: those of them that identify a row.
    """

    def __init__(
        self,
        writer: Writer,
        lookups: Sequence[LookedUp],
        judged: Sequence[str],
        fields: Sequence[str],
        keys: Sequence[str],
    ) -> None:
        self._writer = writer
        self._lookups = lookups
        self._places = {name: place for place, name in enumerate(judged)}
        self._fields = fields
        looked_up = {one.field for one in lookups}
        self._keys = [fields.index(name) for name in keys] if looked_up & {*keys} else []
        self._finders: list[KeyFinder] = []

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Store accepted rows whose keys are found; see `muniment.profile.Writer.apply`."""
        if not len(accepted):
            return self._writer.apply(transaction, records, accepted)
        if not self._finders:
            self._finders = [KeyFinder(one.lookup, transaction.connection) for one in self._lookups]
        asked = accepted.encoded if isinstance(accepted.encoded, list) else self._asked(accepted)
        resolved = [
            self._resolve(transaction, one, finder, keys, accepted.values)
            for one, finder, keys in zip(self._lookups, self._finders, asked, strict=True)
        ]
        faults: Faults = {}
        for part in resolved:
            for place, problems in part.faults.items():
                faults.setdefault(place, []).extend(problems)
        stored = Accepted(accepted.indexes, accepted.keys, self._replaced(accepted.values, resolved))
        if faults:
            stored = stored.at([place for place in range(len(accepted)) if place not in faults])
        try:
            applied = self._store(transaction, records, stored)
        except RowRefused:
            for finder, one in zip(self._finders, asked, strict=True):
                finder.forget(one.sought)
            raise
        refused = [self._rejection(accepted, place, problems) for place, problems in sorted(faults.items())]
        notes = [
            Note(accepted.indexes[place], problem, accepted.keys[place] or None)
            for part in resolved
            for place, problem in part.remarks.items()
            if place not in faults
        ]
        return replace(applied, rejections=[*refused, *applied.rejections], notes=notes)

    def footprint(self, accepted: Accepted) -> Footprint:  # noqa: ARG002 - the protocol's
        """See `muniment.profile.Writer.footprint`: a record may be found by those after it."""
        return EVERYTHING

    def encode(self, database: Database, records: Records, accepted: Accepted) -> list[Asked]:  # noqa: ARG002 - the protocol's
        """The keys that are to be looked up in the transaction, those that are remembered found already."""
        asked = self._asked(accepted)
        if not self._finders:
            return asked
        return [
            replace(one, sought=finder.foresee(one.sought))
            for one, finder in zip(asked, self._finders, strict=True)
        ]

    def settle(self, *, committed: bool) -> None:
        """Believe, or forget, what was learnt since the last commit."""
        self._writer.settle(committed=committed)
        for finder in self._finders:
            finder.settle(committed=committed)

    def complete(self, transaction: Transaction) -> str:
        """As the other writer does."""
        return self._writer.complete(transaction)

    def withdraw_unseen(self, transaction: Transaction, also_seen: sa.Select[tuple[str]]) -> tuple[int, int]:
        """As the other writer does."""
        return self._writer.withdraw_unseen(transaction, also_seen)

    def _store(self, transaction: Transaction, records: Records, stored: Accepted) -> Applied:
        """Store rows; where what was looked up is part of their key, the key is made anew for that."""
        if not self._keys:
            return self._writer.apply(transaction, records, stored)
        given = dict(zip(stored.indexes, stored.keys, strict=True))
        keys = [key_of([row[place] for place in self._keys]) for row in stored.values]
        applied = self._writer.apply(transaction, records, Accepted(stored.indexes, keys, stored.values))
        rejections = [replace(one, key=given[one.index]) for one in applied.rejections]
        return replace(applied, rejections=rejections)

    def _asked(self, accepted: Accepted) -> list[Asked]:
        return [Asked.of(self._key_column(one, accepted.values)) for one in self._lookups]

    def _resolve(
        self, transaction: Transaction, one: LookedUp, finder: KeyFinder, asked: Asked, rows: Sequence[Any]
    ) -> Resolved:
        keys = asked.keys
        values, found = finder.find(transaction, asked.sought)
        faults: Faults = {}
        if one.lookup.missing == "insert" and (one.row or not found.all()):
            # Of what is there already nothing is to be known, unless records tell more of it than its key.
            adding = keys if one.row else asked.unique.filter(pa.array(~found))
            headers = [self._values(name, rows) for name in one.row.values()]
            told = list(zip(*headers, strict=True)) if headers else [()] * len(adding)
            faults = add_missing(transaction, one, finder, adding.cast(pa.binary()).to_pylist(), told)
            values, found = finder.find(transaction, asked.sought)
        kind = pa.int64() if finder.kind is int else pa.string()
        known = pa.array(values.tolist(), kind, mask=~found)
        column = known.take(pc.index_in(keys, value_set=asked.unique))
        missing = pc.indices_nonzero(pc.and_(keys.is_valid(), column.is_null())).to_pylist()
        remarks: dict[int, Problem] = {}
        for place in missing:
            problem = _missing(one, keys[place].as_py())
            if one.lookup.missing == "null":
                remarks[place] = problem
            else:
                faults.setdefault(place, []).append(problem)
        return Resolved(column, faults, remarks)

    def _key_column(self, one: LookedUp, rows: Sequence[Any]) -> Column:
        """The keys of rows as text; null where nothing is to be looked up."""
        parts = [self._column(name, rows) for name in one.keys]
        return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, KEY_SEPARATOR)

    def _column(self, name: str, rows: Sequence[Any]) -> Column:
        place = self._places[name]
        if isinstance(rows, ColumnarRows):
            column = rows.columns[place]
            return column if column.type == pa.string() else column.cast(pa.string())
        cells = (row[place] for row in rows)
        return pa.array([cell if cell is None else str(cell) for cell in cells], pa.string())

    def _values(self, name: str, rows: Sequence[Any]) -> list[Any]:
        place = self._places[name]
        if isinstance(rows, ColumnarRows):
            values: list[Any] = rows.columns[place].to_pylist()
            return values
        return [row[place] for row in rows]

    def _replaced(self, rows: Sequence[Any], resolved: Sequence[Resolved]) -> Sequence[Any]:
        """The rows as they are stored, with what was found in the place of the keys."""
        found = {one.field: part.values for one, part in zip(self._lookups, resolved, strict=True)}
        if isinstance(rows, ColumnarRows):
            return ColumnarRows(
                [found[name] if name in found else rows.columns[self._places[name]] for name in self._fields]
            )
        columns = [
            found[name].to_pylist() if name in found else [row[self._places[name]] for row in rows]
            for name in self._fields
        ]
        return list(zip(*columns, strict=True))

    def _rejection(self, accepted: Accepted, place: int, problems: Sequence[Problem]) -> Rejection:
        """A rejection; the record waits where it lacks nothing but keys that it may wait for."""
        waits = all(problem.code == WAITING for problem in problems)
        tables = [one.lookup.table for one in self._lookups if one.field == problems[0].field]
        key = accepted.keys[place] or None
        return Rejection(
            accepted.indexes[place], tuple(problems), key, tables[0] if waits and tables else None
        )


def _missing(one: LookedUp, key: str) -> Problem:
    told, lookup = key.replace(KEY_SEPARATOR, " / "), one.lookup
    columns = ", ".join(lookup.from_)
    message = f"{columns}: {lookup.table} has no {', '.join(lookup.by)} {quoted_key(key)}"
    if lookup.missing == "wait":
        hint = f"It is stored once a load of {lookup.table} brings the key, by the next load of either"
        return Problem(WAITING, message, hint, one.field, columns, shortened(told))
    hints = {
        "null": "It is stored without it",
        "insert": f"No row could be added. Either {lookup.table} takes it for the same as another key, "
        "written otherwise; or the number that it counts next is taken, which `setval` mends on PostgreSQL",
    }
    hint = hints.get(lookup.missing, f"Correct it, or load {lookup.table} first")
    return Problem(UNKNOWN, message, hint, one.field, columns, shortened(told))
