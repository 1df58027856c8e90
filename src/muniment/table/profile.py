"""The `table` profile: any Pydantic model into one table, with everything else that a load has.

A field marked `PrimaryKey` identifies a row from one load to the next: rows are then inserted, updated or
found unchanged. A model without one only appends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

import sqlalchemy as sa
from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

from muniment.databases.database import Transaction
from muniment.databases.types import metadata
from muniment.errors import UsageError
from muniment.migrations import VERSION_TABLE
from muniment.migrations.interruption import upgrade_table
from muniment.profile import RunContext
from muniment.records import Header
from muniment.sources.format import Format
from muniment.table.judging import TableJudge
from muniment.table.model import aliases_of, form_of, is_key, table_of
from muniment.table.writing import TableWriter, forget_seen_keys, row_seen
from muniment.validation.filters import Condition

MEANING = "table 1"
"""Changes when the same model would mean something else: another meaning is another run."""

TABLE_CHUNK_ROWS = 10_000
"""Flat rows are light: of 2,000 a chunk, the dozen statements around each cost more than the rows."""

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

    Raises:
        UsageError: the model, or the table's name, cannot be used.
    """

    name = "table"
    branch = ""
    chunk_rows = TABLE_CHUNK_ROWS

    def __init__(
        self,
        model: type[BaseModel],
        table: str | None = None,
        *,
        only: Sequence[Condition] = (),
        source: Format | None = None,
        row_lineage: bool = False,
    ) -> None:
        self.model = model
        self.conditions = tuple(only)
        self.source = source or Format()
        self.row_lineage = row_lineage
        self.table = table_of(model, table, row_lineage=row_lineage)
        if self.table.name in RESERVED | metadata.tables.keys():
            raise UsageError(
                f"{self.table.name} is a table of Muniment's own",
                hint="Give the table another name with --table",
            )
        self.key = [name for name, field in model.model_fields.items() if is_key(field)]
        self.scope = f"table/{self.table.name}"
        self.text = json.dumps(
            {
                "model": f"{model.__module__}:{model.__qualname__}",
                "table": self.table.name,
                "schema": _schema(model),
                "key": self.key,
                "only": [condition.model_dump() for condition in only],
                "source": self.source.model_dump(),
                "row_lineage": row_lineage,
            },
            indent=2,
        )
        self.version = sha256(f"{MEANING}\0{self.text}".encode()).digest()

    def columns(self) -> list[tuple[str, ...]]:
        """The columns that the model's fields and the conditions read: each with its aliases and its name."""
        fields = [(*aliases_of(field), name) for name, field in self.model.model_fields.items()]
        return [*fields, *((condition.column,) for condition in self.conditions)]

    def bind(self, header: Header) -> TableJudge:
        """A judge for sources with this header; raises `HeaderError` where a required column is missing."""
        return TableJudge(self.model, header, self.conditions, frozenset(self.source.null))

    def prepare(self, transaction: Transaction) -> None:
        """Create the table, or see that the one that is there has the columns."""
        inspector = sa.inspect(transaction.connection)
        if not inspector.has_table(self.table.name):
            self.table.create(transaction.connection)
        else:
            self._must_fit(inspector)
        if self.key:
            row_seen.create(transaction.connection, checkfirst=True)
            forget_seen_keys(transaction, self.scope)

    def _must_fit(self, inspector: sa.Inspector) -> None:
        """Raise `UsageError` where the table that is there cannot hold the rows."""
        name = self.table.name
        present = {column["name"] for column in inspector.get_columns(name)}
        missing = [column.name for column in self.table.columns if column.name not in present]
        if missing:
            raise UsageError(
                f"the table {name} has no columns {', '.join(missing)}",
                hint="Give another --table, or add the columns",
            )
        unique: list[Sequence[str | None]] = [inspector.get_pk_constraint(name)["constrained_columns"]]
        unique += [constraint["column_names"] for constraint in inspector.get_unique_constraints(name)]
        unique += [index["column_names"] for index in inspector.get_indexes(name) if index["unique"]]
        if self.key and not any(columns and {*columns} <= {*self.key} for columns in unique):
            raise UsageError(
                f"the table {name} has no unique key {', '.join(self.key)}, as the model has",
                hint="Add a primary key or a unique constraint, or give another --table",
            )

    def writer(self, run: RunContext) -> TableWriter:
        """A writer for one run."""
        forms = {name: form_of(field).stored for name, field in self.model.model_fields.items()}
        return TableWriter(self.table, forms, run, self.scope, row_lineage=self.row_lineage)


def _schema(model: type[BaseModel]) -> object:
    """What the model asks of a row, as JSON Schema or, where that cannot express it, as Python tells it."""
    try:
        return model.model_json_schema()
    except PydanticInvalidForJsonSchema:
        return {name: repr(field) for name, field in model.model_fields.items()}
