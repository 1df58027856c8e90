"""Records that waited for a key of another table, tried again by later runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from muniment.config import RejectBudget, Settings
from muniment.correction.corrected import Attempt, CorrectedSource
from muniment.correction.resubmission import Kind, attempts_of
from muniment.correction.worksheet import ID
from muniment.databases.database import Database, behind
from muniment.events import unobserved
from muniment.ledger import run_table
from muniment.quarantine import LEFT_OUT, NOT_APPLIED, quarantine_table
from muniment.records import Header, Problem, Records
from muniment.registry import profile_of
from muniment.run import Run, run_load
from muniment.sources import open_source
from muniment.sources.format import Format
from muniment.sources.heading import unique
from muniment.sources.source import Source
from muniment.stopping import StopRequest

NAME = "<waiting>"
"""What a source of records that waited is called."""

RETRIED_ROWS = 200
"""Records of a chunk: the bytes of all, which may be a MiB each, are held beside them."""

ENTRIES_A_PAGE = 10_000
"""Numbers of entries that are fetched together."""


class WaitingSource(CorrectedSource):
    """The records of waiting entries, as they are; see `muniment.sources.source.Source`."""

    def __init__(self, numbers: Source, header: Header, lookup: Any) -> None:
        super().__init__(numbers, header, lookup)
        self.name = self.location = NAME

    def _corrected(
        self,
        read: Records,  # noqa: ARG002 - it holds numbers of entries alone
        index: int,  # noqa: ARG002 - likewise
        attempt: Attempt | None,
    ) -> tuple[Any, Problem | None]:
        if attempt is None or not attempt.fits or attempt.content.entry.state != "waiting":
            return [""] * len(self.header), Problem(LEFT_OUT, "the entry waits no more")
        cells = attempt.content.cells
        if cells is None:
            told = attempt.content.without_cells
            return [""] * len(self.header), Problem(NOT_APPLIED, told.message, told.hint)
        return cells, None


def retry_waiting(
    database: Database,
    run_id: int,
    scope: str,
    table: str,
    settings: Settings,
    stop: StopRequest,
    model: type[BaseModel] | None = None,
) -> list[Run]:
    """Load records again that waited; each kind of them is a run of its own.

    Args:
        database: in whose quarantine they are.
        run_id: the run before; what began to wait in it still does.
        scope: its scope, whose records of earlier runs are tried again.
        table: into which it loaded; whatever waits for a key of it is tried again.
        settings: bounds; the chunks have at most `RETRIED_ROWS` records, and there is no reject budget.
        stop: asks for an early end.
        model: that of the run before, where its records are of a model.
    """
    c = quarantine_table.c
    waits = sa.and_(
        c.state == "open",
        c.waits_for.is_not(None),
        c.run_id != run_id,
        sa.or_(c.scope == scope, c.waits_for == table),
    )
    joined = quarantine_table.join(run_table, c.run_id == run_table.c.run_id)
    of_kind = (run_table.c.profile, run_table.c.mapping, run_table.c.header)
    with database.transaction() as transaction:
        query = sa.select(*of_kind, c.scope).select_from(joined).where(waits).distinct()
        kinds = [tuple(row) for row in transaction.execute(query)]
    bounded = settings.model_copy(
        update={"chunk_rows": min(settings.chunk_rows, RETRIED_ROWS), "max_rejects": RejectBudget()}
    )
    runs = []
    for *told, own_scope in kinds:
        if stop.requested:
            break
        kind = Kind(*told)
        query = sa.select(c.quarantine_id).select_from(joined)
        matches = [column == value for column, value in zip(of_kind, told, strict=True)]
        profile = profile_of(kind.profile, kind.mapping, model if own_scope == scope else None)
        wanted = sa.and_(waits, c.scope == own_scope, sa.not_(profile.overtaken()))
        numbers = _numbers(database, query.where(wanted, *matches))
        first = next(numbers, None)
        if first is None:
            continue
        given = tuple(kind.columns())
        with closing(open_source(chain([first], numbers), Format(), bounded)) as listed:
            header = Header(unique(given), given)
            source = WaitingSource(listed, header, lambda ids, kind=kind: _retried(database, kind, ids))
            runs.append(
                run_load(
                    source,
                    profile,
                    database,
                    settings=bounded,
                    again=True,
                    abandon=True,
                    observer=unobserved,
                    stop=stop,
                )
            )
    return runs


def _retried(database: Database, kind: Kind, numbers: Any) -> dict[int, Attempt]:
    found = attempts_of(database, kind, numbers)
    return {
        number: replace(attempt, origin=replace(attempt.origin, is_retried=True))
        for number, attempt in found.items()
    }


def _numbers(database: Database, query: sa.Select[Any]) -> Iterator[dict[str, int]]:
    """The numbers of entries, page by page, as records of a source; in the order in which loads met them."""
    c = quarantine_table.c
    place = (c.last_run_id, c.last_record_number, c.quarantine_id)
    ordered = query.with_only_columns(*place).order_by(*place).limit(ENTRIES_A_PAGE)
    page = ordered
    while True:
        with database.transaction() as transaction:
            found = [tuple(row) for row in transaction.execute(page)]
        yield from ({ID: number} for *_, number in found)
        if len(found) < ENTRIES_A_PAGE:
            return
        page = ordered.where(behind(place, found[-1]))
