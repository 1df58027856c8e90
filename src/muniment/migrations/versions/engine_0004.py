"""The progress of users' own loops."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.databases.types import Key, Moment

revision = "engine_0004"
down_revision = "engine_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch_item",
        sa.Column("name", Key(), nullable=False, comment="what the program calls this work"),
        sa.Column("item", Key(), nullable=False, comment="the item's key, or its number in their order"),
        sa.Column(
            "sitting", Key(), nullable=False, comment="random: the same for one sitting of the program"
        ),
        sa.Column("committed_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", "item", name=op.f("batch_item_key")),
        comment="Items of users' own loops: inserted in the transaction that stores them",
    )
