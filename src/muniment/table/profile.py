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

from muniment.databases.database import Transaction
from muniment.errors import UsageError
from muniment.profile import RunContext
from muniment.records import Header
from muniment.table.judging import TableJudge
from muniment.table.model import table_of
from muniment.table.writing import TableWriter, row_seen
from muniment.validation.filters import Condition

MEANING = "table 1"
"""Changes when the same model would mean something else: another meaning is another run."""


class TableProfile:
    """See `muniment.profile.Profile`.

    Args:
        model: the Pydantic model of a row; its fields, or their aliases, are the names of the columns.
        table: the name of the table.
        only: conditions on the records to load.
        null: cells that mean nothing is known.
        row_lineage: see `table_of`.
    """

    name = "table"
    branch = ""

    def __init__(
        self,
        model: type[BaseModel],
        table: str | None = None,
        *,
        only: Sequence[Condition] = (),
        null: Sequence[str] = (),
        row_lineage: bool = False,
    ) -> None:
        self.model = model
        self.conditions = tuple(only)
        self.null = frozenset(null)
        self.row_lineage = row_lineage
        self.table = table_of(model, table, row_lineage=row_lineage)
        self.scope = f"table/{self.table.name}"
        self.text = json.dumps(
            {
                "model": f"{model.__module__}:{model.__qualname__}",
                "table": self.table.name,
                "schema": model.model_json_schema(),
                "only": [condition.model_dump() for condition in only],
                "null": sorted(null),
                "row_lineage": row_lineage,
            },
            indent=2,
        )
        self.version = sha256(f"{MEANING}\0{self.text}".encode()).digest()

    def columns(self) -> tuple[str, ...]:
        """The columns that the model's fields and the conditions read, as far as a source has them."""
        names = [field.alias or name for name, field in self.model.model_fields.items()]
        return (*names, *self.model.model_fields, *(condition.column for condition in self.conditions))

    def bind(self, header: Header) -> TableJudge:
        """A judge for sources with this header; raises `HeaderError` where a required column is missing."""
        return TableJudge(self.model, header, self.conditions, self.null)

    def prepare(self, transaction: Transaction) -> None:
        """Create the table, or see that the one that is there has the columns."""
        inspector = sa.inspect(transaction.connection)
        if not inspector.has_table(self.table.name):
            self.table.create(transaction.connection)
        else:
            present = {column["name"] for column in inspector.get_columns(self.table.name)}
            missing = [column.name for column in self.table.columns if column.name not in present]
            if missing:
                raise UsageError(
                    f"the table {self.table.name} has no columns {', '.join(missing)}",
                    hint="Give another --table, or add the columns",
                )
        if self.table.primary_key.columns:
            row_seen.create(transaction.connection, checkfirst=True)

    def writer(self, run: RunContext) -> TableWriter:
        """A writer for one run."""
        return TableWriter(self.table, list(self.model.model_fields), run, row_lineage=self.row_lineage)
