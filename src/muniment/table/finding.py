"""Finding keys in another table: those of a chunk together, exactly as they are written.

A database may take `a` for `A`, or `a` for `a` with a space after it; Python then does not, and a key that is
only alike is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa

from muniment.databases.constraints import unique_sets
from muniment.databases.database import Transaction, rows_in
from muniment.errors import UsageError
from muniment.table.fitting import family
from muniment.table.history import IS_CURRENT, VALID_TO
from muniment.table.lookups import Lookup
from muniment.table.model import KEY_SEPARATOR, decimal_text
from muniment.table.remembering import LONGEST_REMEMBERED, Array, Found, RememberedKeys

ROWS_FOR_A_KEY = 50
"""A table with no more rows than so many times the keys that were asked for is read whole: in the order of
its primary key a row costs a fiftieth of what it costs to search for it."""

PAGE_ROWS = 10_000
"""Rows of a table that are fetched together where it is read whole: some MB."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Keys to be found, none of which is there twice.

    Attributes:
        keys: as they are compared.
        short: the same in an array; empty where one is too long to be remembered.
        foreseen: what was found of them before.
    """

    keys: Sequence[bytes]
    short: Array
    foreseen: Found | None = None

    @classmethod
    def of(cls, keys: Sequence[bytes]) -> Sought:
        """These keys."""
        short = np.array(keys, np.bytes_) if keys else np.zeros(0, "S1")
        if short.dtype.itemsize > LONGEST_REMEMBERED:
            short = np.array([key if len(key) <= LONGEST_REMEMBERED else b"" for key in keys], np.bytes_)
        return cls(keys, short)


class KeyFinder:
    """Finds the values of keys.

    Args:
        lookup: in which table, by which columns.
        connection: on which the table is looked at.

    Attributes:
        table: the other table.
        value: the column that is wanted.
        by: the columns with the key.

    Raises:
        UsageError: there is no such table or column, or the database does not enforce that keys are unique.
    """

    def __init__(self, lookup: Lookup, connection: sa.Connection) -> None:
        inspector = sa.inspect(connection)
        if not inspector.has_table(lookup.table):
            raise UsageError(
                f"there is no table {lookup.table} to look up {', '.join(lookup.by)} in",
                hint='Load it first; with missing = "insert" it is made, and filled as keys come',
            )
        self.table = sa.Table(lookup.table, sa.MetaData(), autoload_with=connection, resolve_fks=False)
        primary = [column.name for column in self.table.primary_key.columns]
        if not lookup.value and len(primary) != 1:
            raise UsageError(
                f"{lookup.table} has no primary key of one column", hint="Say which column is wanted: `value`"
            )
        names = [*lookup.by, lookup.value or primary[0]]
        if unknown := [name for name in names if name not in self.table.c]:
            raise UsageError(f"{lookup.table} has no column {', '.join(unknown)}")
        self.by = [self.table.c[name] for name in lookup.by]
        self.value = self.table.c[names[-1]]
        self.is_whole_key = primary == [self.value.name]
        unique = list(unique_sets(inspector, lookup.table))
        versions = {*lookup.by, VALID_TO}
        # A row without a key, or without what is wanted, can be found by nobody.
        told = [column.is_not(None) for column in (*self.by, self.value) if column.nullable]
        self._findable = sa.and_(sa.true(), *told)
        if not any(columns and columns <= {*lookup.by} for columns in unique):
            if IS_CURRENT not in self.table.c or versions not in unique:
                raise UsageError(
                    f"{', '.join(lookup.by)} do not identify a row of {lookup.table}: no constraint says so",
                    hint="Add a unique constraint, or look up by the columns of one",
                )
            self._findable = sa.and_(self._findable, self.table.c[IS_CURRENT].is_(sa.true()))
        self._reads = [_reading(column) for column in self.by]
        kind = self.by[0].type
        self._is_plain = len(self.by) == 1 and isinstance(kind, sa.String) and not isinstance(kind, sa.CHAR)
        self.types = [typing(column) for column in self.by]
        self.kind = int if isinstance(self.value.type, sa.Integer) else str
        self._remembered = RememberedKeys(self.kind)
        self._learnt: list[tuple[Array, Array]] = []
        self._is_tainted = self._has_read_whole = False
        self._asked = 0

    def foresee(self, sought: Sought) -> Sought:
        """What can be found ahead of the transaction, while others may use this finder."""
        return replace(sought, foreseen=self._remembered.foreseen(sought.short))

    def find(self, transaction: Transaction, sought: Sought) -> Found:
        """The values of keys, and which of them are found."""
        keys, short, foreseen = sought.keys, sought.short, sought.foreseen
        if not keys:
            return np.zeros(0, np.int64 if self.kind is int else object), np.zeros(0, np.bool_)
        values, found = self._remembered.find(short, foreseen)
        rest = [place for place in np.flatnonzero(~found).tolist() if keys[place]]
        if rest and self._is_worth_reading(transaction, len(rest), short.dtype.itemsize):
            self._read_whole(transaction)  # for the chunks to come
        told = self.ask(transaction, [keys[place] for place in rest])
        for place in rest:
            if keys[place] in told:
                values[place], found[place] = told[keys[place]], True
        self._learn([key for key in told if len(key) <= LONGEST_REMEMBERED], told)
        return values, found

    def ask(self, transaction: Transaction, keys: Iterable[bytes]) -> Mapping[bytes, Any]:
        """The values of those keys that there are, asked of the database."""
        return {key: value for key, (value,) in self.rows(transaction, keys, ()).items()}

    def rows(
        self, transaction: Transaction, keys: Iterable[bytes], others: Sequence[str]
    ) -> dict[bytes, tuple[Any, ...]]:
        """The values of those keys that there are, each with further columns."""
        wanted = {key: typed for key in keys if (typed := self.typed(key)) is not None}
        condition: Any = self.by[0] if len(self.by) == 1 else sa.tuple_(*self.by)
        values: list[Any] = [typed[0] if len(self.by) == 1 else typed for typed in wanted.values()]
        query = sa.select(*self.by, self.value, *(self.table.c[name] for name in others)).where(
            self._findable
        )
        found: dict[bytes, tuple[Any, ...]] = {}
        for row in map(tuple, rows_in(transaction.execute, query, condition, values)):
            key = self.written(row)
            if key in wanted:
                found[key] = row[len(self.by) :]
        return found

    def written(self, row: Sequence[Any]) -> bytes:
        """A key as it is compared, from the columns of a row of the database."""
        if self._is_plain:
            plain: bytes = row[0].encode()
            return plain
        parts = (read(value) for read, value in zip(self._reads, row, strict=False))
        return KEY_SEPARATOR.join(parts).encode()

    def typed(self, key: bytes) -> tuple[Any, ...] | None:
        """A key as the database takes it; None where no row can have it."""
        parts = key.decode().split(KEY_SEPARATOR)
        if len(parts) != len(self.types):
            return None
        try:
            return tuple(typed(part) for typed, part in zip(self.types, parts, strict=True))
        except (ValueError, ArithmeticError):
            return None

    def inserted(self) -> None:
        """Rows were added in this transaction, so that reading the table whole would find them too."""
        self._is_tainted = True

    def forget(self, sought: Sought) -> None:
        """Ask anew for these keys the next time: others may have deleted their rows."""
        self._remembered.forget(sought.short)

    def settle(self, *, committed: bool) -> None:
        """Believe, or forget, what was found since the last commit.

        A crash of the server may take back what others had committed when it was found; if it does not take
        back what was committed here afterwards, it has left that too.
        """
        if committed:
            for keys, values in self._learnt:
                self._remembered.remember(keys, values)
            self._is_tainted = False
        elif self._has_read_whole:
            self._asked = 0  # and so it may be read again
        self._learnt, self._has_read_whole = [], False

    def _learn(self, keys: Sequence[bytes], told: Mapping[bytes, Any]) -> None:
        if keys:
            values = np.array([told[key] for key in keys], np.int64 if self.kind is int else object)
            self._learnt.append((np.array(keys, np.bytes_), values))

    def _is_worth_reading(self, transaction: Transaction, asking: int, width: int) -> bool:
        """Whether so much was asked for that the whole table costs less; at most once."""
        self._asked += asking
        if self._asked < 0 or self._is_tainted or not self.is_whole_key:
            return False
        most = self._asked * ROWS_FOR_A_KEY
        some = sa.select(sa.literal(1)).select_from(self.table).limit(most + 1).subquery()
        rows = int(transaction.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())
        return rows <= most and self._remembered.has_room_for(rows, width)

    def _read_whole(self, transaction: Transaction) -> None:
        """Learn all keys of the table, fetched page by page in the order of its primary key."""
        self._asked, self._has_read_whole = -(2**62), True
        query = sa.select(*self.by, self.value).where(self._findable).order_by(self.value).limit(PAGE_ROWS)
        keys: list[Array] = []
        values: list[Array] = []
        page = query
        while rows := transaction.execute(page).all():
            sought = Sought.of([self.written(row) for row in rows])
            fitting = sought.short != b""
            keys.append(sought.short[fitting])
            kind = np.int64 if self.kind is int else object
            values.append(np.array([row[-1] for row in rows], kind)[fitting])
            if len(rows) < PAGE_ROWS:
                break
            page = query.where(self.value > rows[-1][-1])
        if keys:
            together = np.concatenate(keys), np.concatenate(values)
            del keys, values  # else they would stand there twice while they are put in order
            self._learnt.append(together)


def _reading(column: sa.Column[Any]) -> Callable[[Any], str]:
    """How a value of this column is written as (part of) a key."""
    if isinstance(column.type, sa.CHAR):  # filled up with spaces, which are no part of the value
        return lambda value: str(value).rstrip(" ")
    if isinstance(column.type, sa.Numeric):
        return decimal_text
    return lambda value: value.isoformat() if isinstance(value, date) else str(value)


def typing(column: sa.Column[Any]) -> Callable[[str], Any]:
    """How a text is read as a value of this column; raises `ValueError` where it is none."""
    kinds: Mapping[str, Callable[[str], Any]] = {
        "whole numbers": int,
        "exact numbers": Decimal,
        "dates": date.fromisoformat,
        "dates with a time": datetime.fromisoformat,
        "text": str,
    }
    if isinstance(column.type, sa.Uuid):
        return UUID if column.type.as_uuid else str
    return kinds.get(family(column.type), str)
