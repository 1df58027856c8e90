"""Records that wait for a key of another table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.databases.types import Key

revision = "engine_0005"
down_revision = "engine_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "an open entry's table that lacks a key; else nothing"
    op.add_column("quarantine", sa.Column("waits_for", Key(), nullable=True, comment=comment))
