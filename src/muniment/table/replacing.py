"""Replacing all rows of a table: readers see the old ones or the new ones, whole.

Rows are staged in a table beside it, chunk by chunk. When the run has staged all, one transaction deletes
the old rows, copies the new ones, and notes that it did so. It is made of statements that every database can
roll back: views, rights and foreign keys of the table stay, and a replacement that was killed is done again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from muniment.columns import ColumnarRows
from muniment.databases.constraints import unique_sets
from muniment.databases.database import Database, Transaction, Value, rows_in
from muniment.databases.types import Id
from muniment.errors import DatabaseError, DuplicateKey, RowRefused, UsageError
from muniment.ledger import account_of, run_table
from muniment.profile import Applied, RunContext
from muniment.records import Accepted, Records
from muniment.table.model import key_of
from muniment.table.writing import REPLACED, TableWriter, row_seen

STAGED, STAGED_BY = "__staged", "staged_by_run"
"""What the name of the staging table ends with, and its column with the run."""

LONGEST_NAME = 63
"""That every database takes."""

NOTHING_REPLACED = "nothing was replaced: the source holds no record that could be stored"

REFUSED_TOGETHER = (
    "A constraint of the table is against it, or a row of another table refers to one that is not among the "
    "new: correct it at the source or there, and load again"
)

LOCKING = "LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"
"""On PostgreSQL, for another replacement: what it has added since would not be seen and deleted."""


COLLATIONS = sa.text(
    "SELECT column_name, character_set_name, collation_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = :table AND collation_name IS NOT NULL"
)
"""Of MySQL's columns; a reflected type lacks it where it is the table's own."""


_COLLATED = (mysql.CHAR, mysql.VARCHAR, mysql.TEXT, mysql.MEDIUMTEXT, mysql.LONGTEXT)


def staging_of(table: sa.Table, keys: Sequence[str]) -> sa.Table:
    """The table in which rows are staged that are to replace those of another."""
    columns = [
        sa.Column(column.name, column.type, nullable=column.nullable)
        for column in table.columns
        if not (column.primary_key and column.autoincrement is True)
    ]
    run = sa.Column(STAGED_BY, Id, nullable=False, index=not keys)
    name = f"{table.name}{STAGED}"
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f"the name {table.name} is too long for the mode replace, which has a table {name} besides",
            hint=f"Give the table a name of at most {LONGEST_NAME - len(STAGED)} characters",
        )
    unique = [sa.UniqueConstraint(STAGED_BY, *keys)] if keys else []
    comment = f"Rows that are to replace those of {table.name}"
    return sa.Table(name, sa.MetaData(), run, *columns, *unique, comment=comment)


def make_staging(transaction: Transaction, staging: sa.Table, table: sa.Table) -> None:
    """Create the table; anew where it stages other columns, or is less strict, than it should be now.

    What the table that is to be replaced refuses of a row by itself, this one refuses as well.

    Raises:
        UsageError: a run that has not ended has staged rows in it as it is.
    """
    connection = transaction.connection
    inspector = sa.inspect(connection)
    strict = _strictness(connection, table.name, {*staging.columns.keys()})
    made = _as_strict(staging, strict)
    if inspector.has_table(staging.name):
        columns = {column["name"] for column in inspector.get_columns(staging.name)}
        there = _strictness(connection, staging.name, columns)
        if (
            columns == {*staging.columns.keys()}
            and there.unique == _unique_columns(made)
            and there.checks >= strict.checks
            and there.collations == strict.collations
        ):
            return
        runs = connection.execute(sa.select(staging.c[STAGED_BY]).distinct()).scalars().all()
        if runs:
            raise UsageError(
                f"{staging.name} holds what run {min(runs)} has staged in other columns, or by other rules",
                hint=f"Finish that load by its own mapping, or drop the table {staging.name} to give it up",
            )
        staging.drop(connection)
    made.create(connection)


@dataclass(frozen=True)
class _Strictness:
    """What a table refuses of a row by itself.

    Attributes:
        unique: sets of columns.
        checks: as SQL.
        collations: by column, its character set and collation, where the database has one for each.
        types: of these columns.
    """

    unique: set[frozenset[str]]
    checks: set[str]
    collations: dict[str, tuple[str, str]]
    types: dict[str, Any]


def _strictness(connection: sa.Connection, table: str, columns: Set[str]) -> _Strictness:
    """What a table refuses of a row of these columns."""
    inspector = sa.inspect(connection)
    types = {column["name"]: column["type"] for column in inspector.get_columns(table)}
    lacking = types.keys() - columns
    unique = {frozenset(map(str, found)) for found in unique_sets(inspector, table) if found <= columns}
    checks = {check["sqltext"] for check in inspector.get_check_constraints(table)}
    of_others = [re.compile(rf"\b{re.escape(name)}\b") for name in lacking]
    collations = {}
    if connection.dialect.name == "mysql":
        rows = connection.execute(COLLATIONS, {"table": table})
        collations = {
            name: (charset, collation)
            for name, charset, collation in rows
            if name in columns and isinstance(types[name], _COLLATED)
        }
    return _Strictness(
        unique - {frozenset()},
        {check for check in checks if not any(name.search(check) for name in of_others)},
        collations,
        types,
    )


def _as_strict(staging: sa.Table, strict: _Strictness) -> sa.Table:
    """The staging table, as strict as the table that is replaced."""
    made = staging.to_metadata(sa.MetaData())
    for name, (charset, collation) in strict.collations.items():
        given = strict.types[name]
        given.charset, given.collation = charset, collation
        made.c[name].type = given
    known = _unique_columns(made)
    for columns in sorted(strict.unique, key=sorted):
        unique = frozenset((STAGED_BY, *columns))
        if unique not in known:
            made.append_constraint(sa.UniqueConstraint(STAGED_BY, *sorted(columns)))
            known.add(unique)
    for check in sorted(strict.checks):
        made.append_constraint(sa.CheckConstraint(sa.text(check.replace(":", "\\:"))))
    return made


def _unique_columns(table: sa.Table) -> set[frozenset[str]]:
    unique = (one for one in table.constraints if isinstance(one, sa.UniqueConstraint))
    return {frozenset(constraint.columns.keys()) for constraint in unique}


def forget_staged(transaction: Transaction, staging: sa.Table) -> None:
    """Delete what runs have staged that are done: one that was given up goes on if its source is back."""
    over = sa.select(run_table.c.run_id).where(run_table.c.status == "done")
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
        done = sa.exists().where(row_seen.c.run_id == self._run_id, row_seen.c.key_hash == REPLACED)
        if transaction.execute(sa.select(done)).scalar():
            return ""
        own = self.staging.c[STAGED_BY] == self._run_id
        counted = sa.select(sa.func.count()).select_from(self.staging).where(own)
        staged = int(transaction.execute(counted).scalar_one())
        inserted = account_of(transaction, self._run_id)[0].inserted
        if not staged:  # corrected records have gone to the table itself
            return "" if inserted else NOTHING_REPLACED
        if staged != inserted:
            raise DatabaseError(
                f"nothing was replaced: rows that run {self._run_id} has staged are gone",
                hint="A newer source, or the same by a mapping that differs at all, begins a run anew",
                where=self.staging.name,
            )
        try:
            self._replace(transaction, own)
        except RowRefused as refused:
            raise RowRefused(
                f"nothing was replaced: the database refuses the rows together: {refused.message}",
                hint=REFUSED_TOGETHER,
                where=self._table.name,
            ) from refused
        return ""

    def _replace(self, transaction: Transaction, own: sa.ColumnElement[bool]) -> None:
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
