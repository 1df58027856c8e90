"""`quarantine resubmit`: corrected records, loaded as the export was from which they came."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from muniment.config import RejectBudget, Settings
from muniment.correction.corrected import Attempt, CorrectedSource, Tally, columns_of, entry_number
from muniment.correction.entries import content_query, contents_in
from muniment.correction.recognition import worksheet_format
from muniment.databases.database import Database, rows_in
from muniment.databases.patience import persistently
from muniment.errors import UsageError
from muniment.events import Observer, SourceRemark, telling_failures, unobserved
from muniment.ledger import committed_at, reading, run_table
from muniment.quarantine import quarantine_table
from muniment.records import Header, Origin, Problem
from muniment.registry import profile_of
from muniment.run import Run, run_load
from muniment.sources import open_source
from muniment.sources.heading import unique
from muniment.sources.source import Source
from muniment.stopping import StopRequest

CORRECTED_ROWS = 50
"""Records of a chunk: their originals, which may be a MiB each, are held beside them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the entries of one worksheet have in common: how the export was read that they came from."""

    profile: str
    mapping: str
    header: str

    def columns(self) -> list[str]:
        """The columns of the export."""
        columns: list[str] = json.loads(self.header)
        return columns


def resubmit(
    database: Database,
    path: str | os.PathLike[str],
    settings: Settings | None = None,
    observer: Observer = unobserved,
    *,
    model: type[BaseModel] | None = None,
    again: bool = False,
) -> Run:
    """Load a corrected worksheet: a run of its own, by the mapping of the run that rejected the records.

    Of each row, cells that nobody changed are taken from the quarantine, changed ones from the worksheet.
    What is good now is stored, and closes its entry; what is not becomes an entry that takes the former
    one's place. A row in which nothing was changed counts as quarantined, and its entry stays as it is. A
    row whose entry is closed or dismissed by now counts as skipped. A row without a known entry is
    quarantined. What was stored since the record was last rejected is never overwritten.

    Args:
        database: where the records were rejected.
        path: the worksheet, as any spreadsheet program saves it: a workbook (.xlsx), or CSV with comma,
            semicolon or tab, in UTF-8, UTF-16 or cp1252.
        settings: bounds; its chunks have at most `CORRECTED_ROWS` records, and it has no reject budget.
        observer: is called with each event.
        model: for rows of the `table` profile, their model; else it is imported under its own name.
        again: hand in once more a worksheet that was handed in before, unaltered.

    Raises:
        UsageError: this is no worksheet, or it names no entry of this database.
        MunimentError: as in `muniment.load`.
    """
    chosen = _bounded(settings or Settings())
    with closing(open_source(path, worksheet_format(path), chosen)) as worksheet:
        patiently = partial(
            persistently, settings=chosen, stop=StopRequest(), failed=telling_failures(observer)
        )
        kind = patiently(partial(_kind_of, database, worksheet))
        given = tuple(kind.columns())
        source = CorrectedSource(
            worksheet,
            Header(unique(given), given),
            lambda numbers: patiently(partial(attempts_of, database, kind, numbers)),
        )
        if source.ignored:
            message = f"the columns {', '.join(source.ignored)} are not those of the export; they are ignored"
            observer(SourceRemark(source.name, Problem("added-columns", message)))
        profile = profile_of(kind.profile, kind.mapping, model)
        with StopRequest() as stop:
            # What was edited again replaces what was interrupted: what was committed has closed its entries.
            run = run_load(
                source,
                profile,
                database,
                settings=chosen,
                again=again,
                abandon=True,
                observer=observer,
                stop=stop,
            )
    told = (
        *_told(
            "cell",
            source.reformatted,
            "had only been rewritten by a spreadsheet program: the original text was kept",
        ),
        *_told("row", source.left_out, "left out as settled already"),
        *_told("row", source.unchanged, "not changed: counted as quarantined, each entry stays as it was"),
    )
    return replace(run, messages=(*run.messages, *told))


def _bounded(settings: Settings) -> Settings:
    """The settings with small chunks, and without a reject budget: a worksheet holds nothing but rejects."""
    rows = min(settings.chunk_rows, CORRECTED_ROWS)
    return settings.model_copy(update={"chunk_rows": rows, "max_rejects": RejectBudget()})


def _kind_of(database: Database, worksheet: Source) -> Kind:
    """How the export was read from which the first entry came that the worksheet names.

    Raises:
        UsageError: it names none.
    """
    place, _ = columns_of(worksheet.header, Header((), ()))
    for chunk in worksheet.chunks(worksheet.first):
        numbers = [entry_number(row, place) for row in worksheet.records(chunk).rows]
        for row in _rows(database, [number for number in numbers if number is not None]):
            return Kind(row.profile, row.mapping, row.header)
    raise UsageError(
        "the worksheet names no entry of this database's quarantine",
        where=worksheet.name,
        hint=f"Is {database.label} the database from which it was exported? --db names another",
    )


def attempts_of(database: Database, kind: Kind, numbers: Sequence[int]) -> dict[int, Attempt]:
    """The entries with these numbers, and whether they are of this kind."""
    rows = _rows(database, numbers)
    first = _rows(database, [row.corrects_id for row in rows if row.corrects_id is not None])
    origins = {
        row.quarantine_id: Origin(row.quarantine_id, row.last_run_id, row.rejected_at)
        for row in (*rows, *first)
    }
    attempts = {}
    with reading(database) as connection:
        contents = contents_in(connection, rows)
    for content, row in zip(contents, rows, strict=True):
        origin = origins[row.corrects_id or row.quarantine_id]
        fits = kind == Kind(row.profile, row.mapping, row.header)
        attempts[row.quarantine_id] = Attempt(content, origin, fits)
    return attempts


def _rows(database: Database, numbers: Sequence[int]) -> list[sa.Row[Any]]:
    """The entries with these numbers, their bytes and cells, how their export was read, and when last."""
    c = quarantine_table.c
    rejected_at = committed_at(c.last_run_id, c.last_record_number).label("rejected_at")
    query = content_query().add_columns(run_table.c.profile, run_table.c.mapping, rejected_at)
    with reading(database) as connection:
        return list(rows_in(connection.execute, query, c.quarantine_id, sorted(set(numbers))))


def _told(noun: str, tally: Tally, said: str) -> list[str]:
    """What was done to a worksheet, as a message; none where nothing was."""
    counted = f"1 {noun}" if tally.count == 1 else f"{tally.count:,} {noun}s"
    return [f"{counted} {said} ({'; '.join(tally.examples)})"] if tally.count else []
