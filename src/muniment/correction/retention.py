"""How long the quarantine keeps what settled records held: purging, for the sake of personal data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from muniment.databases.database import Database, Transaction
from muniment.errors import UsageError
from muniment.ledger import now, reading
from muniment.quarantine import PURGED, quarantine_table

SETTLED = ("closed", "dismissed")
"""The states of entries that can be purged; what is open still has to be mended."""

PURGED_AT_ONCE = 500
"""Entries purged in one transaction: few enough that nobody who loads meanwhile waits for them."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What was purged, or on trial would be: entries of each state, and bytes of their records."""

    closed: int = 0
    dismissed: int = 0
    bytes: int = 0

    def __add__(self, other: Purged) -> Purged:
        return Purged(self.closed + other.closed, self.dismissed + other.dismissed, self.bytes + other.bytes)


def purge(
    database: Database, older_than: timedelta, states: Sequence[str] = SETTLED, *, trial: bool = False
) -> Purged:
    """Remove what settled records held: their bytes, their cells, and the words of their problems.

    What accounts and audits need stays: run, position, length, key, hash, the codes, fields and columns of
    the problems, who settled the entry, when and why. Tables that are only inserted into are not touched.

    Args:
        database: whose quarantine.
        older_than: how long ago an entry was closed or dismissed at least.
        states: some of `SETTLED`.
        trial: only tell what would be purged.

    Raises:
        UsageError: the age is negative or beyond the calendar, a state cannot be purged, or nothing was
            ever loaded.
    """
    if unfit := sorted(set(states) - set(SETTLED)):
        raise UsageError(
            f"entries that are {', '.join(unfit)} are not purged", hint="Only closed and dismissed ones are"
        )
    condition = _settled_before(older_than, states)
    with reading(database) as connection:
        if trial:
            return _counted(connection.execute(_query().where(condition)).all())
    total, last = Purged(), 0
    while True:
        with database.transaction() as transaction:
            query = _query().where(condition, quarantine_table.c.quarantine_id > last)
            rows = transaction.execute(query.limit(PURGED_AT_ONCE)).all()
            if not rows:
                return total
            _purge(transaction, rows)
        total, last = total + _counted(rows), rows[-1].quarantine_id


def _settled_before(older_than: timedelta, states: Sequence[str]) -> sa.ColumnElement[bool]:
    c = quarantine_table.c
    try:
        before = now() - older_than
    except OverflowError:
        raise UsageError("that is longer ago than the calendar goes", hint="Such as 90 days") from None
    if older_than < timedelta(0):
        raise UsageError("the age is negative", hint="Such as 90 days")
    held = sa.or_(sa.func.length(c.raw) > 0, c.cells.is_not(None))
    return sa.and_(c.state.in_(states), c.state_since <= before, held)


def _query() -> sa.Select[tuple[int, str, str, int]]:
    c = quarantine_table.c
    size = sa.func.length(c.raw).label("size")
    return sa.select(c.quarantine_id, c.state, c.problems, size).order_by(c.quarantine_id)


def _purge(transaction: Transaction, rows: Sequence[sa.Row[tuple[int, str, str, int]]]) -> None:
    c = quarantine_table.c
    transaction.execute(
        quarantine_table.update()
        .where(c.quarantine_id == sa.bindparam("entry"), sa.or_(*(c.state == state for state in SETTLED)))
        .values(raw=b"", cells=None, problems=sa.bindparam("told")),
        [{"entry": row.quarantine_id, "told": _without_words(row.problems)} for row in rows],
    )


def _without_words(problems: str) -> str:
    """Problems without whatever may quote a cell."""
    kept = ("code", "field", "column", "severity")
    return json.dumps(
        [
            {name: problem[name] for name in kept if name in problem} | {"message": PURGED}
            for problem in json.loads(problems)
        ],
        ensure_ascii=False,
    )


def _counted(rows: Sequence[sa.Row[tuple[int, str, str, int]]]) -> Purged:
    states = [row.state for row in rows]
    return Purged(states.count("closed"), states.count("dismissed"), sum(row.size for row in rows))
