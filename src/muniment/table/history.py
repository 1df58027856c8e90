"""Keeping history (a dimension of type 2): a row that changes is closed, and another begins where it ends.

The row that holds now ends at the end of time, so that the unique key over key and end lets there be one of
each key, on every database (R. Kimball, The Data Warehouse Toolkit, "Type 2: Add New Row").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from muniment.columns import ColumnarRows
from muniment.databases.database import Database, Transaction
from muniment.databases.types import Flag, Moment, moment_text
from muniment.ledger import run_table
from muniment.profile import Applied
from muniment.records import Accepted, Origin, Records
from muniment.table.writing import Stored, TableWriter

VALID_FROM, VALID_TO, IS_CURRENT = VALIDITY = ("valid_from", "valid_to", "is_current")
"""The columns of every row: from when and until when it holds, and whether it holds now."""

END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
"""Until when a row holds whose end is not known: a moment that every database has."""


def keep_history(table: sa.Table, keys: Sequence[str]) -> None:
    """Give a table the columns of history, in which a key is unique among the rows that hold now."""
    numbered = {*keys}.isdisjoint(table.primary_key.columns.keys())
    ended = "when it ceased to hold; 9999-12-31 where it holds still"
    to = sa.Column(VALID_TO, Moment, primary_key=not numbered, nullable=False, comment=ended)
    table.append_column(sa.Column(VALID_FROM, Moment, nullable=False, comment="when the row began to hold"))
    table.append_column(to)
    table.append_column(sa.Column(IS_CURRENT, Flag, nullable=False, comment="whether it holds still"))
    if numbered:
        table.constraints = {c for c in table.constraints if not isinstance(c, sa.UniqueConstraint)}
        table.append_constraint(sa.UniqueConstraint(*keys, VALID_TO))


class HistoryWriter(TableWriter):
    """Writes rows beside those that they supersede; all rows of a run begin when the run began."""

    _began: datetime | None = None
    _dialect = ""

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Store accepted rows; see `muniment.profile.Writer.apply`."""
        if self._began is None:
            began = sa.select(run_table.c.started_at).where(run_table.c.run_id == self._run_id)
            self._began = transaction.execute(began).scalar_one()
            self._dialect = transaction.connection.dialect.name
        return self._merge(transaction, records, accepted)

    def encode(self, database: Database, records: Records, accepted: Accepted) -> None:
        """Nothing: which rows are added, and from when they hold, is found in the transaction."""

    def _rows_of_keys(self) -> sa.Select[Any]:
        current = self._table.c[IS_CURRENT].is_(sa.true())
        return super()._rows_of_keys().add_columns(self._table.c[VALID_FROM]).where(current).with_for_update()

    def _is_newer(self, stored: Stored, origin: Origin | None) -> bool:
        """Whether a row began to hold when this run did, or later: then it stays as it is."""
        began_after = self._began is not None and stored.told[-1] >= self._began
        return began_after or super()._is_newer(stored, origin)

    def _update(
        self,
        transaction: Transaction,
        records: Records,
        accepted: Accepted,
        stored: Mapping[str, Stored],  # noqa: ARG002 - what was stored stays in the table
    ) -> None:
        """Close the rows that are superseded, and add those that supersede them."""
        if not len(accepted):
            return
        c = self._table.c
        matches = [c[name] == sa.bindparam(f"key_{name}") for name in self._keys]
        closing = self._table.update().where(*matches, c[IS_CURRENT].is_(sa.true()))
        places = [self._fields.index(name) for name in self._keys]
        keys = [
            {f"key_{name}": row[place] for name, place in zip(self._keys, places, strict=True)}
            for row in accepted.values
        ]
        values: dict[str, Any] = {VALID_TO: self._began, IS_CURRENT: False}
        transaction.execute(closing.values(values), keys)
        self._insert(transaction, records, accepted)

    def _rows(self, records: Records, accepted: Accepted) -> tuple[list[str], Sequence[Any]]:
        columns, rows = super()._rows(records, accepted)
        began = moment_text(self._began or END_OF_TIME, self._dialect)
        validity: tuple[Any, ...] = (began, moment_text(END_OF_TIME, self._dialect), True)
        names = [*columns, *VALIDITY]
        if isinstance(rows, ColumnarRows):
            constant = [pa.array([value] * len(rows)) for value in validity]
            return names, ColumnarRows([*rows.columns, *constant])
        return names, [(*row, *validity) for row in rows]
