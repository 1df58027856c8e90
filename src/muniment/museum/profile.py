"""The museum profile: a mapping turned into judge, tables and writer for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import sqlalchemy as sa

from muniment.config import CHUNK_ROWS
from muniment.databases.database import Transaction
from muniment.museum import tables
from muniment.museum.judging import MuseumJudge
from muniment.museum.mapping import Mapping
from muniment.museum.writing import MuseumWriter
from muniment.profile import RunContext
from muniment.records import Header
from muniment.validation.filters import Condition

MEANING = "museum 2"
"""Changes when the same mapping would mean something else: another meaning is another run."""


class MuseumProfile:
    """See `muniment.profile.Profile`.

    Args:
        mapping: the institution's mapping.
        only: further conditions on the records to load.
    """

    name = "museum"
    branch = "museum"
    chunk_rows = CHUNK_ROWS
    filled_first: Sequence[sa.Table] = tables.ALL

    def __init__(self, mapping: Mapping, only: Sequence[Condition] = ()) -> None:
        self.mapping = mapping
        self.source = mapping.source
        self.conditions = (*mapping.only, *only)
        self.scope = f"{mapping.institution.id}/{mapping.record_source}"
        self.text = mapping.text
        told = "\n".join(condition.model_dump_json() for condition in only)
        self.version = sha256(f"{MEANING}\0{self.text}\0{told}".encode()).digest()

    def bind(self, header: Header) -> MuseumJudge:
        """A judge for sources with this header; raises `HeaderError` where columns are missing."""
        return MuseumJudge(self.mapping, self.conditions, header)

    def columns(self) -> list[tuple[str, ...]]:
        """The columns that the mapping reads, each with its name."""
        return [(name,) for name in (*self.mapping.sources(), *(c.column for c in self.conditions))]

    def prepare(self, transaction: Transaction) -> None:
        """Nothing beyond the migrations of the museum's branch."""

    def overtaken(self) -> sa.ColumnElement[bool]:
        """Nothing is: no record of an object waits."""
        return sa.false()

    def writer(self, run: RunContext) -> MuseumWriter:
        """A writer for one run."""
        return MuseumWriter(self.mapping, run)
