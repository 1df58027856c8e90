"""The parts of sources that are no texts: sheets of workbooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.databases.types import Id, Integer, Key, Text

revision = "engine_0006"
down_revision = "engine_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "run_part",
        sa.Column("run_id", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False, comment="1, 2, 3"),
        sa.Column("unit", Key(), nullable=False, comment="what the lines of its records count: line or row"),
        sa.Column(
            "name", Text(), nullable=False, comment="of the sheet; empty where the source is one table"
        ),
        sa.Column("first_record", Id(), nullable=False),
        sa.Column("first_column", Integer(), nullable=False, comment="of the sheet, from 0"),
        sa.Column("file", Text(), nullable=False, comment="where it is another than the one of the records"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="run_part_run"),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("run_part_key")),
        comment="Sheets and the like, of which a source other than a text consists",
    )
    if op.get_context().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER run_part_refuses_{change.lower()} BEFORE {change} ON run_part BEGIN "
                "SELECT RAISE(ABORT, 'the rows of run_part are evidence: they are never changed'); END"
            )
