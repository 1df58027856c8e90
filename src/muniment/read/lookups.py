"""Looking up keys: from what identifies a row to its surrogate key, many at a time, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from muniment.databases import Database
from muniment.databases.database import rows_in
from muniment.databases.errors import wrapping
from muniment.errors import UsageError
from muniment.read.keys import must_identify
from muniment.read.sources import connected, label_of

REMEMBERED_KEYS = 100_000
"""Keys that are remembered: a tuple and two values each, some 20 MB, where ORM instances would take 200."""


class Lookup:
    """From the keys of a table's rows to one of their columns; see `lookup`."""

    def __init__(
        self,
        source: Database | sa.Engine | sa.Connection,
        key: Sequence[sa.Column[Any]],
        value: sa.Column[Any],
        remembered: int,
    ) -> None:
        self._source = source
        self._key: sa.ColumnElement[Any] = key[0] if len(key) == 1 else sa.tuple_(*key)
        self._columns = list(key)
        self._query = sa.select(value, *key)
        self._remembered = remembered
        self._cache: OrderedDict[Hashable, Any] = OrderedDict()
        self._is_checked = False

    def find(self, keys: Iterable[Hashable]) -> dict[Hashable, Any]:
        """The values of those keys that there are; for a key of several columns, a key is a tuple.

        Keys are compared as Python compares them, also where the database takes `a` and `A` for equal. Those
        that are found are remembered; those that are not are asked for again next time.

        Raises:
            UsageError: the database does not enforce that the key is unique.
            DatabaseError: it cannot be asked.
        """
        wanted = dict.fromkeys(keys)
        found = {key: self._cache[key] for key in wanted if key in self._cache}
        for key in found:
            self._cache.move_to_end(key)
        missing = [key for key in wanted if key not in found]
        if missing:
            asked = self._ask(missing)
            found |= {key: asked[key] for key in missing if key in asked}
        return found

    def get(self, key: Hashable) -> Any:
        """The value of one key, or None; for many, `find` asks once for all."""
        return self.find([key]).get(key)

    def _ask(self, keys: Sequence[Hashable]) -> Mapping[Hashable, Any]:
        if isinstance(self._source, sa.Connection):
            with wrapping(label_of(self._source)):
                return self._select(self._source, keys)
        engine = self._source if isinstance(self._source, sa.Engine) else self._source.engine
        with connected(engine) as connection:
            return self._select(connection, keys)

    def _select(self, connection: sa.Connection, keys: Sequence[Hashable]) -> Mapping[Hashable, Any]:
        if not self._is_checked:
            must_identify(connection, self._columns, not_null=False)
            self._is_checked = True
        found: dict[Hashable, Any] = {}
        for row in rows_in(connection.execute, self._query, self._key, keys):
            value, *key = tuple(row)
            found[key[0] if len(key) == 1 else tuple(key)] = value
        self._remember(found)
        return found

    def _remember(self, found: Mapping[Hashable, Any]) -> None:
        self._cache.update(found)
        while len(self._cache) > self._remembered:
            self._cache.popitem(last=False)


def lookup(
    source: Database | sa.Engine | sa.Connection,
    table: sa.Table,
    key: str | Sequence[str],
    value: str,
    *,
    remembered: int = REMEMBERED_KEYS,
) -> Lookup:
    """From keys to values of one table: asked in sets, the latest remembered up to a bound.

    Args:
        source: an engine, or a database; or a connection, to see what its own transaction has written.
        table: where they stand.
        key: the column or columns to look up by; the database must enforce that they are unique.
        value: the column that is wanted, such as the surrogate key.
        remembered: how many keys are remembered, those used last.

    Raises:
        UsageError: the table has no such column, or `remembered` is below 1.
    """
    names = [key] if isinstance(key, str) else list(key)
    unknown = [name for name in (*names, value) if name not in table.c]
    if unknown or not names or remembered < 1:
        told = f"{table.name} has no column {', '.join(unknown)}" if unknown else "this looks nothing up"
        raise UsageError(told, hint="Name columns of the table as `key` and `value`; remember 1 key or more")
    return Lookup(source, [table.c[name] for name in names], table.c[value], remembered)
