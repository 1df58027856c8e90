"""Which records that wait for a key were overtaken: once it is there, they must not undo what is newer."""

from __future__ import annotations

import sqlalchemy as sa

from muniment.ledger import run_table
from muniment.quarantine import quarantine_table
from muniment.table.writing import REPLACED, row_seen


def by_a_newer_record() -> sa.ColumnElement[bool]:
    """Whether a record with the same key, which a later load met, waits too: only that one is tried again."""
    waiting, newer = quarantine_table.c, quarantine_table.alias("newer")
    return sa.exists().where(
        newer.c.scope == waiting.scope,
        newer.c.record_key == waiting.record_key,
        newer.c.last_run_id > waiting.last_run_id,
        newer.c.state == "open",
        newer.c.waits_for.is_not(None),
    )


def by_a_replacement(scope: str) -> sa.ColumnElement[bool]:
    """Whether a later load has replaced all rows: what it did not bring is gone."""
    replaced = sa.select(sa.func.coalesce(sa.func.max(row_seen.c.run_id), 0)).join(
        run_table, run_table.c.run_id == row_seen.c.run_id
    )
    last = replaced.where(row_seen.c.key_hash == REPLACED, run_table.c.scope == scope).scalar_subquery()
    return quarantine_table.c.last_run_id < last
