"""Evidence: the hashes of chunks, and the chain of seals over runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.databases.types import Hash, Id, Integer, Key, Moment

revision = "engine_0002"
down_revision = "engine_0001"
branch_labels = None
depends_on = None

INSERT_ONLY = ("source", "chunk", "chunk_result", "change", "note", "seal")

HASHES = {
    "changes_sha256": "of the rows of `change` of the chunk's records",
    "notes_sha256": "of the rows of `note` of the chunk's records",
    "entries_sha256": "of the entries that `quarantine` got of the chunk's records",
    "sha256": "of the claim, and of this row, as it is sealed",
}


def upgrade() -> None:
    for name, comment in HASHES.items():
        op.add_column("chunk_result", sa.Column(name, Hash(), nullable=True, comment=comment))
    op.create_index("quarantine_position", "quarantine", ["run_id", "record_number"], unique=False)
    op.create_table(
        "seal",
        sa.Column("number", Id(), autoincrement=False, nullable=False, comment="1, 2, 3, without a gap"),
        sa.Column("run_id", Id(), nullable=False),
        sa.Column("status", Key(), nullable=False, comment="how the run ended"),
        sa.Column("chunks", Integer(), nullable=False, comment="how many of its chunks are sealed"),
        sa.Column(
            "end_offset",
            Id(),
            nullable=False,
            comment="where the last of them ends; 0 where there is none",
        ),
        sa.Column("identity", Hash(), nullable=False, comment="of the run and its source"),
        sa.Column("root", Hash(), nullable=False, comment="of the identity and the chunks, in their order"),
        sa.Column("previous", Hash(), nullable=False, comment="hash of the seal before; zeros for the first"),
        sa.Column("sealed_at", Moment(), nullable=False),
        sa.Column("sha256", Hash(), nullable=False, comment="of all this"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="seal_run"),
        sa.PrimaryKeyConstraint("number", name=op.f("seal_key")),
        sa.UniqueConstraint("previous", name="seal_previous"),
        comment="Seals over runs, each linked to the one before; never changed",
    )
    op.create_index("seal_of_run", "seal", ["run_id"], unique=False)
    if op.get_context().dialect.name == "sqlite":
        for table in INSERT_ONLY:
            _refuse_changes(table)


def _refuse_changes(table: str) -> None:
    """Where nobody can be granted less than everything, triggers keep at least mistakes away."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f'CREATE TRIGGER "{table}_refuses_{change.lower()}" BEFORE {change} ON "{table}" BEGIN '
            f"SELECT RAISE(ABORT, 'the rows of {table} are evidence: they are never changed'); END"
        )
