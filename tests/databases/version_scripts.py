"""Small version scripts, written into a folder, for tests of `muniment.migrations`."""

from __future__ import annotations

from pathlib import Path

SCRIPT = """
import sqlalchemy as sa
from alembic import op
from muniment.databases.types import Id, Key, Text

revision = {revision!r}
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {depends!r}

def upgrade():
    for name in {tables!r}:
        op.create_table(
            name,
            sa.Column("id", Id, primary_key=True, autoincrement=True, comment="a comment"),
            sa.Column("name", Key, nullable=False, unique=True),
            sa.Column("text", Text),
            comment="a table",
        )
        op.create_index(name + "_text", name, ["name", "id"])
"""


def write(
    folder: Path,
    revision: str,
    tables: tuple[str, ...],
    *,
    branch: str | None = None,
    down: str | None = None,
    depends: str | None = None,
) -> None:
    """Write the script of one version, which creates these tables."""
    labels = (branch,) if branch else None
    text = SCRIPT.format(revision=revision, down=down, labels=labels, depends=depends, tables=tables)
    (folder / f"{revision}.py").write_text(text)


def two_branches(folder: Path) -> Path:
    """An `engine` branch and a `museum` branch that depends on it."""
    write(folder, "engine_0001", ("run", "chunk"), branch="engine")
    write(folder, "museum_0001", ("object",), branch="museum", depends="engine_0001")
    return folder
