"""Runs and their accounts, as the ledger has them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import Database
from muniment.errors import UsageError
from muniment.evidence import seal_of, seal_table
from muniment.ledger import chunk_result_table, reading, run_table, source_table
from muniment.quarantine import quarantine_table
from muniment.records import Account, Problem, reasons

ROWS_AT_ONCE = 500
"""Rows that a driver hands over at a time, so that a long list is never held as a whole."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """One loading of one source by one mapping, as the ledger has it.

    Attributes:
        run: its number.
        status: `running`, `done`, `stopped`, `incomplete`, `failed`, `interrupted` or `abandoned`.
        account: what became of the records read so far, in `chunks` commits.
        source: the source's own name; `location` is its absolute path, where it has one.
        sha256, size: of the source as it lies there; the hash in hexadecimal.
        profile, scope: what loaded it, and whose records these are.
        mapping_version: the hash of all that decided what is loaded, in hexadecimal.
        load: 1, and one more for each time the same source was loaded again.
        started_at, ended_at: the beginning, and the end where there is one.
        seconds_validating, seconds_writing: summed over all chunks.
        problems: by code, how many of the quarantine's entries that this run saw last, or first, have it.
            Told by `run_status` only.
        seal: the hash of its newest seal, in hexadecimal; "" where it has none. Told by `run_status` only.
    """

    run: int
    status: str
    account: Account
    chunks: int
    source: str
    location: str
    sha256: str
    size: int
    profile: str
    scope: str
    mapping_version: str
    load: int
    operator: str
    program: str
    started_at: datetime
    ended_at: datetime | None
    seconds_validating: float
    seconds_writing: float
    problems: Mapping[str, int] = field(default_factory=dict)
    seal: str = ""


def runs(database: Database) -> list[RunStatus]:
    """All runs, the newest first; raises `UsageError` where nothing was ever loaded."""
    with reading(database) as connection:
        return [_status(row) for row in connection.execute(_query().order_by(run_table.c.run_id.desc()))]


def run_status(database: Database, run_id: int) -> RunStatus:
    """One run, with what was wrong with the records that it quarantined.

    Raises:
        UsageError: there is no such run.
    """
    with reading(database) as connection:
        row = connection.execute(_query().where(run_table.c.run_id == run_id)).first()
        if row is None:
            newest = connection.scalar(sa.select(sa.func.max(run_table.c.run_id)))
            raise UsageError(
                f"there is no run {run_id}",
                where=database.label,
                hint=f"The newest is run {newest}; `muniment status` lists all"
                if newest
                else "Nothing was loaded yet",
            )
        return replace(_status(row), problems=_problems(connection, run_id), seal=_seal(connection, run_id))


def _query() -> sa.Select[Any]:
    r = chunk_result_table.c
    names = [f.name for f in fields(Account)]
    sums = [sa.func.sum(r[name]).label(name) for name in (*names, "seconds_validating", "seconds_writing")]
    count = sa.func.count().label("chunks")
    account = sa.select(r.run_id.label("of_run"), count, *sums).group_by(r.run_id).subquery()
    joined = run_table.join(source_table).outerjoin(account, account.c.of_run == run_table.c.run_id)
    first_name = source_table.c.name.label("source_name")
    source = (source_table.c.sha256, source_table.c.size, first_name)
    return sa.select(run_table, *source, account).select_from(joined)


def _status(row: sa.Row[Any]) -> RunStatus:
    found = row._mapping
    return RunStatus(
        run=row.run_id,
        status=row.status,
        account=Account(*(int(found[f.name] or 0) for f in fields(Account))),
        chunks=int(row.chunks or 0),
        source=PurePath(row.name).name,
        location=row.name,
        sha256=bytes(row.sha256).hex(),
        size=row.size,
        profile=row.profile,
        scope=row.scope,
        mapping_version=bytes(row.mapping_version).hex(),
        load=found["pass"],
        operator=row.operator,
        program=row.program,
        started_at=row.started_at,
        ended_at=row.ended_at,
        seconds_validating=float(row.seconds_validating or 0),
        seconds_writing=float(row.seconds_writing or 0),
    )


def _seal(connection: sa.Connection, run_id: int) -> str:
    if not sa.inspect(connection).has_table(seal_table.name):
        return ""  # the database was made before there were any
    seal = seal_of(connection.execute, run_id)
    return seal.sha256.hex() if seal else ""


def _problems(connection: sa.Connection, run_id: int) -> dict[str, int]:
    c = quarantine_table.c
    query = sa.select(c.problems).where(sa.or_(c.run_id == run_id, c.last_run_id == run_id))
    counts: Counter[str] = Counter()
    with connection.scalars(query.execution_options(yield_per=ROWS_AT_ONCE)) as found:
        for problems in found:
            told = reasons(Problem(**problem) for problem in json.loads(problems))
            counts.update({problem.code for problem in told})
    return dict(counts.most_common())
