"""What a database has gone through, as its ledger tells: whether it changed, and what changed it since."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from muniment.errors import UsageError
from muniment.evidence import source_copy_table
from muniment.ledger import chunk_result_table, run_table
from muniment.quarantine import quarantine_table


def state_of(connection: sa.Connection) -> dict[str, Any]:
    """What differs as soon as anything was loaded, withdrawn, corrected, dismissed or archived.

    Whatever changes an object commits a chunk's result with it, or ends a run after it; so two equal states
    are one state of all objects.
    """
    run, chunk, entry = run_table.c, chunk_result_table.c, quarantine_table.c
    counts = {
        "runs": sa.select(sa.func.max(run.run_id)),
        "ended": sa.select(sa.func.max(run.ended_at)),
        "chunks": sa.select(sa.func.count()).select_from(chunk_result_table),
        "committed": sa.select(sa.func.max(chunk.committed_at)),
        "quarantine": sa.select(sa.func.max(entry.state_since)),
        "seen": sa.select(sa.func.sum(entry.times_seen)),
    }
    if sa.inspect(connection).has_table(source_copy_table.name):  # a database of before has none
        counts["copies"] = sa.select(sa.func.max(source_copy_table.c.copy_id))
    state = {name: connection.scalar(query) for name, query in counts.items()}
    return {name: _plain(value) for name, value in state.items()}


def _plain(value: Any) -> str | None:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.isoformat()
    return None if value is None else str(value)


def last_run(connection: sa.Connection) -> int | None:
    """The newest run."""
    newest: int | None = connection.scalar(sa.select(sa.func.max(run_table.c.run_id)))
    return newest


def runs_since(connection: sa.Connection, since: str) -> tuple[int, ...]:
    """The runs that may have changed something after a run or a moment.

    A run that began earlier and was finished later is among them: rather an object too many than one too few.

    Args:
        connection: reads.
        since: the number of a run, or an ISO date or time; without a zone it is UTC.

    Raises:
        UsageError: there is no such run, or it is no date.
    """
    run = run_table.c
    if since.isdecimal():
        one = connection.execute(sa.select(run.ended_at).where(run.run_id == int(since))).first()
        if one is None:
            raise UsageError(f"there is no run {since}", hint="`muniment status` lists the runs")
        later = (
            [run.run_id > int(since), run.ended_at > one.ended_at]
            if one.ended_at
            else [run.run_id >= int(since)]
        )
    else:
        later = [run.ended_at >= _moment(since)]
    query = sa.select(run.run_id).where(sa.or_(run.ended_at.is_(None), *later)).order_by(run.run_id)
    return tuple(connection.scalars(query))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text!r} is neither a run nor a date",
            hint="Write the number of a run, or a date such as 2026-01-31",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
