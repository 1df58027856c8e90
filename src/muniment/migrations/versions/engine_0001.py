"""The tables of the engine: ledger, quarantine, notes, changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from muniment.databases.types import Blob, Document, Hash, Id, Integer, Key, Moment, Real, Text

revision = "engine_0001"
down_revision = None
branch_labels = ("engine",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source",
        sa.Column("source_id", Id(), autoincrement=True, nullable=False),
        sa.Column("sha256", Hash(), nullable=False, comment="of the file as it lies there"),
        sa.Column("size", Id(), nullable=False, comment="bytes of the file as it lies there"),
        sa.Column("name", Text(), nullable=False, comment="what it was called when it was first loaded"),
        sa.Column("first_seen", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", name=op.f("source_key")),
        sa.UniqueConstraint("sha256", "size", name="source_fingerprint"),
        comment="A file that was loaded (E31 Document), known by its hash whatever it is called",
    )
    op.create_table(
        "run",
        sa.Column("run_id", Id(), autoincrement=True, nullable=False),
        sa.Column("source_id", Id(), nullable=False),
        sa.Column(
            "mapping_version", Hash(), nullable=False, comment="hash of all that decides what is loaded"
        ),
        sa.Column(
            "pass", Integer(), nullable=False, comment="1, and one more for each time it is loaded again"
        ),
        sa.Column("profile", Key(), nullable=False),
        sa.Column("scope", Key(), nullable=False, comment="whose records these are"),
        sa.Column("name", Text(), nullable=False, comment="absolute path or name of the source in this run"),
        sa.Column("header", Document(), nullable=False, comment="the source's columns"),
        sa.Column("mapping", Text(), nullable=False, comment="the text of the mapping or model"),
        sa.Column("settings", Document(), nullable=False),
        sa.Column("operator", Key(), nullable=False),
        sa.Column("program", Key(), nullable=False, comment="the version of Muniment"),
        sa.Column("status", Key(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'done', 'stopped', 'incomplete', 'failed', 'interrupted', 'abandoned')",
            name="run_status",
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.source_id"], name="run_source"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("run_key")),
        sa.UniqueConstraint("source_id", "mapping_version", "pass", name="run_identity"),
        comment="One loading of one source by one mapping (E7 Activity)",
    )
    op.create_table(
        "change",
        sa.Column("run_id", Id(), autoincrement=False, nullable=False),
        sa.Column("record_number", Id(), autoincrement=False, nullable=False),
        sa.Column("record_key", Key(), nullable=False),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.Column(
            "before", Document(), nullable=False, comment="the record's rows in every table before the update"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="change_run"),
        sa.PrimaryKeyConstraint("run_id", "record_number", name=op.f("change_key")),
        comment="Before-images of updated records; never changed",
    )
    op.create_index("change_record", "change", ["record_key"], unique=False)
    op.create_table(
        "chunk",
        sa.Column("run_id", Id(), autoincrement=False, nullable=False),
        sa.Column(
            "start_offset", Id(), autoincrement=False, nullable=False, comment="bytes before the chunk"
        ),
        sa.Column("end_offset", Id(), nullable=False),
        sa.Column("first_record", Id(), nullable=False),
        sa.Column("end_record", Id(), nullable=False, comment="number of the record after the last"),
        sa.Column("first_line", Id(), nullable=False),
        sa.Column("end_line", Id(), nullable=False),
        sa.Column("sha256", Hash(), nullable=False, comment="of the bytes of the chunk"),
        sa.Column("claimed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="chunk_run"),
        sa.PrimaryKeyConstraint("run_id", "start_offset", name=op.f("chunk_key")),
        comment="Claims: inserted first in a chunk's transaction; never changed",
    )
    op.create_table(
        "note",
        sa.Column("run_id", Id(), autoincrement=False, nullable=False),
        sa.Column("record_number", Id(), autoincrement=False, nullable=False),
        sa.Column("position", Integer(), autoincrement=False, nullable=False),
        sa.Column("record_key", Key(), nullable=True),
        sa.Column("line", Id(), nullable=False),
        sa.Column("code", Key(), nullable=False),
        sa.Column("field", Key(), nullable=False),
        sa.Column("column", Text(), nullable=False),
        sa.Column("message", Text(), nullable=False),
        sa.Column("hint", Text(), nullable=False),
        sa.Column("value", Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="note_run"),
        sa.PrimaryKeyConstraint("run_id", "record_number", "position", name=op.f("note_key")),
        comment="Things accepted but remarkable",
    )
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", Id(), autoincrement=True, nullable=False),
        sa.Column("run_id", Id(), nullable=False),
        sa.Column("scope", Key(), nullable=False, comment="whose record it is"),
        sa.Column("record_number", Id(), nullable=False),
        sa.Column("line", Id(), nullable=False),
        sa.Column("byte_offset", Id(), nullable=False),
        sa.Column("byte_length", Id(), nullable=False),
        sa.Column("record_key", Key(), nullable=True, comment="where it could be read"),
        sa.Column("row_hash", Hash(), nullable=False, comment="of the record's bytes and its problems"),
        sa.Column("raw", Blob(), nullable=False, comment="the record's bytes"),
        sa.Column(
            "cells",
            Document(),
            nullable=True,
            comment="the record's cells as they were read; nothing where it is too long",
        ),
        sa.Column("problems", Document(), nullable=False),
        sa.Column("state", Key(), nullable=False),
        sa.Column("times_seen", Integer(), nullable=False),
        sa.Column("last_run_id", Id(), nullable=False),
        sa.Column("last_record_number", Id(), nullable=False),
        sa.Column(
            "corrects_id", Id(), nullable=True, comment="the first attempt, which this one tried to correct"
        ),
        sa.Column("closed_by_run_id", Id(), nullable=True),
        sa.Column(
            "closed_by_record", Id(), nullable=True, comment="the record of that run which is now good"
        ),
        sa.Column("state_since", Moment(), nullable=False),
        sa.Column("state_by", Key(), nullable=True, comment="who dismissed it, or opened it again"),
        sa.Column("reason", Text(), nullable=True, comment="why it was dismissed"),
        sa.CheckConstraint(
            "state IN ('open', 'closed', 'dismissed', 'resubmitted')", name="quarantine_state"
        ),
        sa.ForeignKeyConstraint(["closed_by_run_id"], ["run.run_id"], name="quarantine_closed_by"),
        sa.ForeignKeyConstraint(["last_run_id"], ["run.run_id"], name="quarantine_last_run"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name="quarantine_run"),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("quarantine_key")),
        comment="Records that could not be stored, and why",
    )
    op.create_index("quarantine_record", "quarantine", ["scope", "record_key"], unique=False)
    op.create_index("quarantine_row", "quarantine", ["row_hash"], unique=False)
    op.create_table(
        "chunk_result",
        sa.Column("run_id", Id(), autoincrement=False, nullable=False),
        sa.Column("start_offset", Id(), autoincrement=False, nullable=False),
        sa.Column("read", Integer(), nullable=False),
        sa.Column("inserted", Integer(), nullable=False),
        sa.Column("updated", Integer(), nullable=False),
        sa.Column("unchanged", Integer(), nullable=False),
        sa.Column("quarantined", Integer(), nullable=False),
        sa.Column("skipped", Integer(), nullable=False),
        sa.Column("notes", Integer(), nullable=False),
        sa.Column("blank_lines", Integer(), nullable=False),
        sa.Column("seconds_validating", Real(), nullable=False),
        sa.Column("seconds_writing", Real(), nullable=False),
        sa.Column("committed_at", Moment(), nullable=False),
        sa.CheckConstraint(
            # As an expression: `read` is a reserved word, which each database quotes in its own way.
            sa.column("read")
            == sa.column("inserted")
            + sa.column("updated")
            + sa.column("unchanged")
            + sa.column("quarantined")
            + sa.column("skipped"),
            name="chunk_result_balance",
        ),
        sa.ForeignKeyConstraint(
            ["run_id", "start_offset"], ["chunk.run_id", "chunk.start_offset"], name="chunk_result_chunk"
        ),
        sa.PrimaryKeyConstraint("run_id", "start_offset", name=op.f("chunk_result_key")),
        comment="Results: inserted last in a chunk's transaction; never changed",
    )
