"""Replacing all rows of a table: readers see the old ones or the new ones, whole.

Rows are staged in a table beside it, chunk by chunk. When the run has staged all, one transaction deletes
the old rows, copies the new ones, and notes that it did so. It is made of statements that every database can
roll back: views, rights and foreign keys of the table stay, and a replacement that was killed is done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from muniment.columns import ColumnarRows
from muniment.databases.database import Database, Transaction, Value, rows_in
from muniment.databases.types import Id
from muniment.errors import DuplicateKey
from muniment.ledger import run_table
from muniment.profile import Applied, RunContext
from muniment.records import Accepted, Records
from muniment.table.model import key_of
from muniment.table.writing import REPLACED, TableWriter, row_seen

STAGED_BY = "staged_by_run"

NOTHING_REPLACED = "nothing was replaced: the source holds no record that could be stored"

LOCKING = "LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"
"""On PostgreSQL, for another replacement: what it has added since would not be seen and deleted."""


def staging_of(table: sa.Table, keys: Sequence[str]) -> sa.Table:
    """The table in which rows are staged that are to replace those of another."""
    columns = [
        sa.Column(column.name, column.type, nullable=column.nullable)
        for column in table.columns
        if not (column.primary_key and column.autoincrement is True)
    ]
    run = sa.Column(STAGED_BY, Id, nullable=False, index=not keys)
    unique = [sa.UniqueConstraint(STAGED_BY, *keys)] if keys else []
    comment = f"Rows that are to replace those of {table.name}"
    return sa.Table(f"{table.name}__staged", sa.MetaData(), run, *columns, *unique, comment=comment)


def forget_staged(transaction: Transaction, staging: sa.Table) -> None:
    """Delete what runs have staged that will not go on."""
    over = sa.select(run_table.c.run_id).where(run_table.c.status.in_(["done", "abandoned"]))
    transaction.execute(staging.delete().where(staging.c[STAGED_BY].in_(over)))


class ReplacingWriter(TableWriter):
    """Stages rows, and puts them in the place of the old ones at the end.

    Records that are corrected one by one go to the table itself: they replace nothing but what they correct.
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
    ) -> None:
        super().__init__(table, forms, run, scope, keys, row_lineage=row_lineage)
        self.staging = staging_of(table, keys)

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Store accepted rows; see `muniment.profile.Writer.apply`."""
        if records.origins:
            return super().apply(transaction, records, accepted)
        try:
            with transaction.savepoint():
                self._stage(transaction, records, accepted)
            return Applied(inserted=accepted.indexes)
        except DuplicateKey:
            return self._stage_first(transaction, records, accepted)

    def encode(self, database: Database, records: Records, accepted: Accepted) -> None:
        """Nothing: rows are staged in a table of their own."""

    def complete(self, transaction: Transaction) -> str:
        """Put the staged rows in the place of the old ones; see `muniment.profile.Writer.complete`."""
        own = self.staging.c[STAGED_BY] == self._run_id
        done = sa.exists().where(row_seen.c.run_id == self._run_id, row_seen.c.key_hash == REPLACED)
        staged = sa.exists().where(own)
        is_done, is_staged = map(
            bool, transaction.execute(sa.select(done.label("d"), staged.label("s"))).one()
        )
        if is_done or not is_staged:
            return "" if is_done else NOTHING_REPLACED
        if transaction.connection.dialect.name == "postgresql":
            name = transaction.connection.dialect.identifier_preparer.format_table(self._table)
            transaction.execute(sa.text(LOCKING.format(table=name)))
        columns = [column.name for column in self.staging.columns if column.name != STAGED_BY]
        rows = sa.select(*(self.staging.c[name] for name in columns)).where(own)
        transaction.execute(self._table.delete())
        transaction.execute(self._table.insert().from_select(columns, rows))
        transaction.execute(self.staging.delete().where(own))
        seen = [column.name for column in row_seen.columns]
        transaction.insert(row_seen, seen, [(self._run_id, REPLACED, 0, 0)])
        return ""

    def _stage(self, transaction: Transaction, records: Records, accepted: Accepted) -> None:
        columns, rows = self._rows(records, accepted)
        names = [*columns, STAGED_BY]
        staged: Sequence[Any]
        if isinstance(rows, ColumnarRows):
            staged = ColumnarRows([*rows.columns, pa.array(np.full(len(rows), self._run_id))])
        else:
            staged = [(*row, self._run_id) for row in rows]
        transaction.insert(self.staging, names, staged)

    def _stage_first(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Stage those of some rows whose keys are not staged yet."""
        seen = self._staged_keys(transaction, accepted)
        new, rejections = self._told_apart(records, accepted, seen)
        self._stage(transaction, records, accepted.at(new))
        return Applied(inserted=accepted.at(new).indexes, rejections=rejections)

    def _staged_keys(self, transaction: Transaction, accepted: Accepted) -> dict[str, int | None]:
        places = [self._fields.index(name) for name in self._keys]
        columns = [self.staging.c[name] for name in self._keys]
        condition: Any = columns[0] if len(columns) == 1 else sa.tuple_(*columns)
        wanted = sorted({tuple(row[place] for place in places) for row in accepted.values})
        values: list[Any] = [key[0] for key in wanted] if len(columns) == 1 else wanted
        query = sa.select(*columns).where(self.staging.c[STAGED_BY] == self._run_id)
        forms = [self._forms[place] for place in places]
        rows = map(tuple, rows_in(transaction.execute, query, condition, values))
        return {key_of([form(value) for form, value in zip(forms, row, strict=True)]): None for row in rows}
