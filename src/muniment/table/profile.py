"""The `table` profile: any Pydantic model into one table, with everything else that a load has.

A field marked `PrimaryKey` identifies a row from one load to the next: rows are then inserted, updated or
found unchanged. A model without one only appends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

from muniment.databases.database import Transaction
from muniment.databases.types import metadata
from muniment.errors import UsageError
from muniment.migrations import VERSION_TABLE
from muniment.migrations.interruption import upgrade_table
from muniment.profile import RunContext, Writer
from muniment.records import Header
from muniment.sources.format import Format
from muniment.table.adding import must_take_rows, table_to_add_to
from muniment.table.finding import KeyFinder
from muniment.table.fitting import must_fit
from muniment.table.history import VALID_TO, HistoryWriter, keep_history
from muniment.table.judging import TableJudge
from muniment.table.lookups import LookedUp, judged_model, looked_up
from muniment.table.mapping import Mode, TableMapping
from muniment.table.model import aliases_of, form_of, is_key, table_of
from muniment.table.overtaken import by_a_newer_record, by_a_replacement
from muniment.table.replacing import ReplacingWriter, forget_staged, make_staging, staging_of
from muniment.table.resolving import LookingUpWriter
from muniment.table.writing import TableWriter, forget_seen_keys, row_seen
from muniment.validation.filters import Condition
from muniment.validation.headers import must_have

MEANING = "table 1"
"""Changes when the same model would mean something else: another meaning is another run."""

TABLE_CHUNK_ROWS = 10_000
"""Flat rows are light: of 2,000 a chunk, the dozen statements around each cost more than the rows."""

MAY_BE_ABSENT = ". A column that need not be there has `optional = true` in the mapping"
"""Added to the hint where one is not."""

RESERVED = {row_seen.name, VERSION_TABLE, upgrade_table.name}
"""Tables that no model may load into, beside those of the shared metadata."""


class TableProfile:
    """See `muniment.profile.Profile`.

    Args:
        model: the Pydantic model of a row; its fields, or their aliases, are the names of the columns.
        table: the name of the table.
        only: conditions on the records to load.
        source: how the delimited text is written, the cells that mean nothing among it.
        row_lineage: see `table_of`.
        mode: what is done with what the table holds; else upsert where there is a key, or append.
        surrogate: see `table_of`.
        mapping: the mapping that all this comes from, where it does.

    Raises:
        UsageError: the model, or the table's name, cannot be used.
    """

    name = "table"
    branch = ""
    chunk_rows = TABLE_CHUNK_ROWS
    filled_first: Sequence[sa.Table] = ()

    def __init__(
        self,
        model: type[BaseModel],
        table: str | None = None,
        *,
        only: Sequence[Condition] = (),
        source: Format | None = None,
        row_lineage: bool = False,
        mode: Mode | None = None,
        surrogate: str = "",
        mapping: TableMapping | None = None,
    ) -> None:
        self.model = model
        self.judged = judged_model(model)
        self.lookups = looked_up(model)
        self.conditions = tuple(only)
        self.source = source or Format()
        self.row_lineage = row_lineage
        self.surrogate = surrogate
        self.table = table_of(model, table, row_lineage=row_lineage, surrogate=surrogate)
        added_to = [one.lookup.table for one in self.lookups if one.lookup.missing == "insert"]
        for name in (self.table.name, *added_to):
            if name in RESERVED | metadata.tables.keys():
                raise UsageError(
                    f"{name} is a table of Muniment's own",
                    hint="Give it another name: `name` under [table], or --table with --model",
                )
        self.key = [name for name, field in model.model_fields.items() if is_key(field)]
        self.mode = mode or (Mode.UPSERT if self.key else Mode.APPEND)
        if self.mode in (Mode.UPSERT, Mode.HISTORY) and not self.key:
            raise UsageError(
                f"the mode {self.mode} needs a key, and the rows of {self.table.name} have none",
                hint="Name it as `key` under [table], or mark it in the model with PrimaryKey()",
            )
        if self.mode is Mode.HISTORY:
            keep_history(self.table, self.key)
        self.staging = staging_of(self.table, self.key) if self.mode is Mode.REPLACE else None
        self.mapping = mapping
        self.scope = f"table/{self.table.name}"
        self.text = json.dumps(self._told(mapping), indent=2)
        self.version = sha256(f"{MEANING}\0{self.text}".encode()).digest()

    @classmethod
    def of(cls, mapping: TableMapping, only: Sequence[Condition] = ()) -> TableProfile:
        """The profile that a mapping describes, for records that fulfil further conditions."""
        told = mapping.table
        return cls(
            mapping.model_of(),
            told.name,
            only=(*mapping.only, *only),
            source=mapping.source,
            row_lineage=told.row_lineage,
            mode=told.mode,
            surrogate=told.surrogate,
            mapping=mapping,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """It is made anew in a worker: the classes that are made of a mapping, or for lookups, stay here."""
        prepared = {"table": self.table}
        if self.mapping is not None:
            further = self.conditions[len(self.mapping.only) :]
            return TableProfile.of, (self.mapping, further), prepared
        settings: dict[str, Any] = {"only": self.conditions, "source": self.source, "mode": self.mode}
        settings |= {"row_lineage": self.row_lineage, "surrogate": self.surrogate}
        return partial(TableProfile, self.model, self.table.name, **settings), (), prepared

    def _told(self, mapping: TableMapping | None) -> dict[str, Any]:
        """All that decides what is loaded and how."""
        told: dict[str, Any] = {
            "model": f"{self.model.__module__}:{self.model.__qualname__}",
            "table": self.table.name,
            "schema": _schema(self.model),
            "key": self.key,
            "only": [condition.model_dump() for condition in self.conditions],
            "source": self.source.model_dump(),
            "row_lineage": self.row_lineage,
        }
        if mapping is not None:
            told["mapping"] = mapping.as_data()
        if self.lookups:
            told["lookups"] = {one.field: one.lookup.as_data() for one in self.lookups}
        return told

    def columns(self) -> list[tuple[str, ...]]:
        """The columns that the model's fields and the conditions read: each with its aliases and its name."""
        fields = [(*aliases_of(field), name) for name, field in self.judged.model_fields.items()]
        return [*fields, *((condition.column,) for condition in self.conditions)]

    def bind(self, header: Header) -> TableJudge:
        """A judge for sources with this header.

        Raises:
            HeaderError: a column is missing that the mapping names and does not call optional, or that the
                model requires.
        """
        if self.mapping is not None:
            must_have(header, self.mapping.needed(), MAY_BE_ABSENT)
        return TableJudge(self.judged, header, self.conditions, frozenset(self.source.null))

    def prepare(self, transaction: Transaction) -> None:
        """Create the tables, or see that those that are there can hold the rows."""
        for one in self.lookups:
            self._prepare_lookup(transaction.connection, one)
        inspector = sa.inspect(transaction.connection)
        if not inspector.has_table(self.table.name):
            self.table.create(transaction.connection)
        else:
            key = [*self.key, VALID_TO] if self.mode is Mode.HISTORY else self.key
            filled = [self.surrogate] if self.surrogate else []
            must_fit(inspector, self.table, self.model.model_fields, key, filled)
        if self.key or self.staging is not None:
            row_seen.create(transaction.connection, checkfirst=True)
            forget_seen_keys(transaction, self.scope)
        if self.staging is not None:
            make_staging(transaction, self.staging, self.table)
            forget_staged(transaction, self.staging)

    def _prepare_lookup(self, connection: sa.Connection, one: LookedUp) -> None:
        """See that a field can be looked up; where rows may be added, make the table that is not there."""
        adds = one.lookup.missing == "insert"
        if adds:
            table_to_add_to(one.lookup).create(connection, checkfirst=True)
        finder = KeyFinder(one.lookup, connection)
        if adds:
            must_take_rows(one.lookup, finder, sa.inspect(connection))
        column = self.table.c[one.field]
        if connection.dialect.name == "mysql":  # it wants both ends of a reference to have the same type
            column.type = finder.value.type
        if finder.is_whole_key and not column.foreign_keys:
            self.table.append_constraint(sa.ForeignKeyConstraint([one.field], [finder.value]))

    def overtaken(self) -> sa.ColumnElement[bool]:
        """See `muniment.profile.Profile`."""
        if self.mode is Mode.REPLACE:
            return sa.or_(by_a_newer_record(), by_a_replacement(self.scope))
        return sa.false() if self.mode is Mode.APPEND else by_a_newer_record()

    def writer(self, run: RunContext) -> Writer:
        """A writer for one run."""
        fields = self.model.model_fields
        forms = {name: form_of(field).stored for name, field in fields.items()}
        settings: dict[str, Any] = {"row_lineage": self.row_lineage}
        given = (self.table, forms, run, self.scope, self.key)
        writer: Writer
        if self.mode is Mode.REPLACE:
            writer = ReplacingWriter(*given, **settings)
        elif self.mode is Mode.HISTORY:
            writer = HistoryWriter(*given, **settings)
        else:
            writer = TableWriter(*given, **settings, updates=self.mode is not Mode.APPEND)
        if not self.lookups:
            return writer
        return LookingUpWriter(writer, self.lookups, list(self.judged.model_fields), list(fields), self.key)


def _schema(model: type[BaseModel]) -> object:
    """What the model asks of a row, as JSON Schema or, where that cannot express it, as Python tells it."""
    try:
        return model.model_json_schema()
    except PydanticInvalidForJsonSchema:
        return {name: repr(field) for name, field in model.model_fields.items()}
