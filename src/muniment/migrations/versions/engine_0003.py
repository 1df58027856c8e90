"""Copies of sources that were archived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.databases.types import Id, Moment, Text

revision = "engine_0003"
down_revision = "engine_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source_copy",
        sa.Column("copy_id", Id(), autoincrement=True, nullable=False),
        sa.Column("source_id", Id(), nullable=False),
        sa.Column("place", Text(), nullable=False, comment="path or URL"),
        sa.Column("kept_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.source_id"], name="source_copy_source"),
        sa.PrimaryKeyConstraint("copy_id", name=op.f("source_copy_key")),
        comment="Where a copy of a source is kept, compressed and named by the source's hash; never changed",
    )
    if op.get_context().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER source_copy_refuses_{change.lower()} BEFORE {change} ON source_copy BEGIN "
                "SELECT RAISE(ABORT, 'the rows of source_copy are evidence: they are never changed'); END"
            )
