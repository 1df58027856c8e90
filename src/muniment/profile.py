"""What a domain gives the engine: a record model, tables, and the way from one to the other.

The engine loads what a profile describes and knows no profile by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from muniment.databases.database import Database, Transaction
from muniment.footprint import Footprint
from muniment.records import Accepted, Header, Note, Position, Records, Rejection, Verdicts
from muniment.sources.format import Format


@dataclass(frozen=True, slots=True)
class RunContext:
    """What the writer of a run must know of it.

    Attributes:
        run_id: the row of the ledger's `run`.
    """

    run_id: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of accepted records when they met the database.

    Attributes:
        inserted, updated, unchanged: the indexes of the records; with those rejected, all of them.
        rejections: records that only the database could tell to be wrong, such as duplicates.
        notes: on records that are stored, what only the database could tell.
        in_turn: this holds only where all records before these have been stored: it depends on more of
            them than the footprint tells (see `Writer.footprint`).
    """

    inserted: Sequence[int] = ()
    updated: Sequence[int] = ()
    unchanged: Sequence[int] = ()
    rejections: Sequence[Rejection] = ()
    notes: Sequence[Note] = ()
    in_turn: bool = False

    @classmethod
    def together(cls, parts: Sequence[Applied]) -> Applied:
        """What became of the records of all these parts."""
        return cls(
            [index for part in parts for index in part.inserted],
            [index for part in parts for index in part.updated],
            [index for part in parts for index in part.unchanged],
            [rejection for part in parts for rejection in part.rejections],
            [note for part in parts for note in part.notes],
            any(part.in_turn for part in parts),
        )


class Judge(Protocol):
    """Judges records; pure, so that it can run anywhere and be repeated.

    Attributes:
        judges_columns: whether it makes use of records that are read by column.
    """

    @property
    def judges_columns(self) -> bool: ...  # noqa: D102 - above

    def judge(self, records: Records) -> Verdicts:
        """Say of each record whether it is accepted, rejected or left out."""
        ...


class Writer(Protocol):
    """Stores accepted records inside the chunk's transaction."""

    def encode(self, database: Database, records: Records, accepted: Accepted) -> object:
        """What can be made of `accepted` ahead of the transaction, in another thread; None for nothing.

        `apply` finds it as `accepted.encoded`, unless it has to store a part of them.
        """
        ...

    def apply(self, transaction: Transaction, records: Records, accepted: Accepted) -> Applied:
        """Store `accepted`; may be called again for a part of them after a rollback."""
        ...

    def footprint(self, accepted: Accepted) -> Footprint:
        """What storing these records touches that storing others of the run may touch; pure.

        Records without a conflict between their footprints may be stored in either order, or at once by
        writers of two processes, and the same becomes of them, unless `Applied.in_turn` says otherwise.
        """
        ...

    def settle(self, *, committed: bool) -> None:
        """The chunk's transaction ended: believe, or forget, the ids learnt in it."""
        ...

    def complete(self, transaction: Transaction) -> str:
        """All records are stored: do what is done once for all of them; done again, nothing.

        Returns what there is to say of it; mostly "".
        """
        ...

    def withdraw_unseen(self, transaction: Transaction, also_seen: sa.Select[tuple[str]]) -> tuple[int, int]:
        """At the end of a full run: mark what it did not see as withdrawn.

        Args:
            transaction: for all of it.
            also_seen: selects the keys of records that the run saw but could not store.

        Returns:
            How many it has marked now, and how many an earlier attempt had, or an earlier sitting of the run.
        """
        ...


class Profile(Protocol):
    """One domain: see the module's docstring.

    Attributes:
        name: what the ledger calls it, by which a later program finds it again.
        branch: the branch of migrations that makes its tables; "" where it has none.
        scope: whose records these are; a key identifies a record within its scope.
        source: how delimited text is written that is loaded by it.
        chunk_rows: records of a chunk, where nobody chooses them.
        version: a hash over all that decides what is loaded and how; another version is another run.
        text: the mapping or model as text, kept with the run.
        filled_first: tables that a first load fills before their foreign keys are built.
    """

    name: str
    branch: str
    scope: str
    source: Format
    chunk_rows: int
    version: bytes
    text: str
    filled_first: Sequence[sa.Table]

    def bind(self, header: Header) -> Judge:
        """A judge for sources with this header; raises `HeaderError` where columns are missing."""
        ...

    def columns(self) -> Sequence[Sequence[str]]:
        """The columns that it reads, each with all the names that it may have."""
        ...

    def prepare(self, transaction: Transaction) -> None:
        """Create what the profile needs in the database beyond the migrations of its branch."""
        ...

    def overtaken(self) -> sa.ColumnElement[bool]:
        """Whether an entry of the quarantine waits in vain: a newer load has overtaken its record."""
        ...

    def writer(self, run: RunContext) -> Writer:
        """A writer for one run."""
        ...


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record that is in the database, with its lineage.

    Attributes:
        record_id: its surrogate key.
        key, label: what identifies it between exports, and what people call it.
        holder: whose record it is, in words.
        scope: the same as its profile's `scope`.
        run_id, position, row_hash: the run that wrote it last, where in that run's source it stands, and the
            SHA-256 of its bytes there.
        withdrawn_run_id: the full run that did not see it any more.
        sightings: later runs that found it unchanged, each with its record number and line.
    """

    record_id: int
    key: str
    label: str
    holder: str
    scope: str
    run_id: int
    position: Position
    row_hash: bytes
    withdrawn_run_id: int | None = None
    sightings: Sequence[tuple[int, int, int]] = ()


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field of a stored record came about.

    Attributes:
        field: its name in the mapping.
        rule: the part of the mapping that makes it, as text.
        columns: the columns that the rule reads.
        stored: the rows, or parts of rows, that hold it: each with its table, and names and values.
    """

    field: str
    rule: str
    columns: tuple[str, ...]
    stored: tuple[Mapping[str, Any], ...]


class Archive(Protocol):
    """A profile's way back: from what a person knows to the stored record, and from a field to its rule."""

    def find(self, connection: sa.Connection, wanted: str) -> Sequence[StoredRecord]:
        """The records with this label or key."""
        ...

    def is_empty(self, connection: sa.Connection) -> bool:
        """Whether there are no records at all."""
        ...

    def near(self, connection: sa.Connection, wanted: str) -> Sequence[str]:
        """Labels much like this one."""
        ...

    def explain(self, connection: sa.Connection, record: StoredRecord, mapping: str, field: str) -> FieldRule:
        """How a field came about under the text of a mapping; raises `UsageError` for an unknown field."""
        ...
