"""`quarantine export`: rejected records as a worksheet, written page by page."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from muniment.correction.entries import CONTENTS_AT_ONCE, chosen, content_query, contents_in
from muniment.correction.worksheet import header_row, worksheet_row
from muniment.databases.database import Database
from muniment.errors import MunimentError, UsageError
from muniment.extras import needed
from muniment.ledger import reading, run_table
from muniment.quarantine import quarantine_table
from muniment.sources.heading import unique

ENCODING = "utf-8-sig"
"""UTF-8 with a byte order mark: without it Excel takes UTF-8 for the local code page."""

WORKBOOK = ".xlsx"
OTHER_SPREADSHEETS = frozenset((".xls", ".xlsm", ".xlsb", ".ods", ".numbers"))
"""What the name of a file ends with that is to be a workbook."""

WORKSHEET_MODE = 0o600
"""A worksheet may hold personal data, such as names and addresses of donors: only its owner reads it."""


def export(
    database: Database,
    to: str | os.PathLike[str] | IO[bytes],
    run: int | None = None,
    state: str = "open",
    code: str | None = None,
) -> int:
    """Write rejected records as a spreadsheet: why each was rejected, and the source's own columns.

    CSV in UTF-8 with a byte order mark, CRLF, comma: what every spreadsheet program opens. Or a workbook, in
    which no program takes text for a number or a date. See `muniment.correction.worksheet` for what the cells
    hold, and `resubmit` for the way back.

    Args:
        database: whose quarantine.
        to: a path, at which there is no file yet, or an open binary file. To a path that ends with `.xlsx`
            a workbook is written; that needs the extra `xlsx`.
        run: only what this run rejected.
        state: one of `muniment.correction.entries.STATES`.
        code: only entries with such a problem.

    Returns:
        How many entries were written; where there are none, nothing is.

    Raises:
        UsageError: the entries come from exports with different columns or mappings, the file exists, or it
            would have to be another kind of spreadsheet.
    """
    suffix = Path(to).suffix.lower() if isinstance(to, str | os.PathLike) else ""
    if suffix in OTHER_SPREADSHEETS:
        raise UsageError(f"no {suffix} is written", hint="Give a name that ends with .csv or .xlsx")
    columns = _columns(database, run, state, code)
    if columns is None:
        return 0
    header = header_row(columns)
    rows = _rows(database, run, state, code, len(columns))
    with _opened(to) as stream:
        return (_write_workbook if suffix == WORKBOOK else _write_csv)(stream, header, rows)


def _write_csv(stream: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    text = io.TextIOWrapper(stream, encoding=ENCODING, newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    count = 0
    for row in rows:
        writer.writerow(row)
        count += 1
    text.detach()
    return count


def _write_workbook(stream: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    xlsxwriter = needed("xlsxwriter", "xlsx", "writing workbooks")
    book = xlsxwriter.Workbook(stream, {"constant_memory": True, "use_zip64": True})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    count = 0
    for count, row in enumerate(chain([header], rows)):
        for column, cell in enumerate(row):
            if cell and sheet.write_string(count, column, cell):
                raise UsageError(
                    "a sheet of a workbook does not hold so many entries, or columns",
                    hint="Choose fewer with --run or --code, or write CSV",
                )
    book.close()
    return count


def _columns(database: Database, run: int | None, state: str, code: str | None) -> tuple[str, ...] | None:
    """The columns that all chosen entries have; None where there are no entries.

    Raises:
        UsageError: they do not all have the same, or were not read by the same mapping.
    """
    chosen_runs = sa.select(quarantine_table.c.run_id).where(chosen(run, state, code)).distinct()
    query = sa.select(run_table).where(run_table.c.run_id.in_(chosen_runs)).order_by(run_table.c.run_id)
    kinds: dict[Any, list[int]] = {}
    with reading(database) as connection:
        for row in connection.execute(query):
            kinds.setdefault((row.profile, row.mapping, row.header), []).append(row.run_id)
    if len(kinds) > 1:
        told = "; ".join(f"runs {', '.join(map(str, numbers))}" for numbers in kinds.values())
        raise UsageError(
            f"the entries come from exports with different columns or mappings: {told}",
            hint="Choose one run with --run: each kind needs a worksheet of its own",
        )
    headers = [header for _, _, header in kinds]
    return unique(json.loads(headers[0])) if headers else None


def _rows(
    database: Database, run: int | None, state: str, code: str | None, width: int
) -> Iterator[list[str]]:
    last, found = 0, 1
    while found:
        query = content_query().where(chosen(run, state, code), quarantine_table.c.quarantine_id > last)
        with reading(database) as connection:
            rows = connection.execute(query.limit(CONTENTS_AT_ONCE)).all()
            contents = contents_in(connection, rows)
        found = len(contents)
        for content in contents:
            entry = content.entry
            last = entry.id
            problems = (
                entry.problems if content.cells is not None else (*entry.problems, content.without_cells)
            )
            yield worksheet_row(
                entry.id, entry.place.removeprefix("line "), problems, content.cells or (), width
            )


@contextmanager
def _opened(to: str | os.PathLike[str] | IO[bytes]) -> Iterator[IO[bytes]]:
    """The file to write to; one that could not be finished is removed."""
    if not isinstance(to, str | os.PathLike):
        yield to
        return
    path = Path(to)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, WORKSHEET_MODE)
    except FileExistsError:
        hint = "It may hold corrections that were not handed in yet: give another name, or remove it"
        raise UsageError("there is a file of this name already", where=str(to), hint=hint) from None
    except OSError as error:
        raise MunimentError(f"the file cannot be written: {error.strerror}", where=str(to)) from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
    except BaseException:
        path.unlink(missing_ok=True)
        raise
