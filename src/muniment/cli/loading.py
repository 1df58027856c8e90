"""`muniment load` and `muniment check`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ValidationError

from muniment import api
from muniment.cli import options
from muniment.cli.account import (
    CANNOT_FORESEE,
    OF_A_TRIAL,
    Rejections,
    show_account,
    show_next_steps,
    show_rejections,
    show_remarks,
    summed,
)
from muniment.cli.memory_report import memory_report as recording_memory
from muniment.cli.options import LogFormat
from muniment.cli.output import Output, reporting
from muniment.cli.target import as_option
from muniment.cli.watching import Watching, watched
from muniment.config import RejectBudget, Settings
from muniment.errors import MunimentError, UsageError
from muniment.registry import read_mapping
from muniment.run import Run
from muniment.sources.format import Format, Workbook
from muniment.table import TableMapping
from muniment.table.importing import import_model

GOES_ON = ("done", "already loaded")
"""After a run that ends so, the next source is loaded; quarantined records do not matter here."""

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="Exports, each a run of its own: .csv, .jsonl, .parquet, .xlsx; .gz, .zst, .zip; - is stdin.",
    ),
]
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="The export: .csv, .jsonl, .parquet, .xlsx; .gz, .zst, .zip; - is stdin."
    ),
]


def load(  # noqa: PLR0913  # typer reads the options from the signature
    sources: Sources = None,
    *,
    mapping: options.MappingFile = None,
    db: options.DatabaseUrl = None,
    only: options.Only = None,
    again: Annotated[
        bool, typer.Option("--again", help="Load a source once more, comparing by content.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="The export is complete: mark what it does not hold as withdrawn.")
    ] = False,
    withdraw_many: Annotated[
        bool,
        typer.Option(
            "--withdraw-many", help="With --full: mark even where that is more than half of the objects."
        ),
    ] = False,
    from_url: options.FromUrl = None,
    query: options.QueryText = None,
    key: options.QueryKey = None,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="Give up an interrupted run whose source has changed since.")
    ] = False,
    model: options.Model = None,
    table: options.TableNames = None,
    row_lineage: options.RowLineage = False,
    encoding: options.Encoding = None,
    delimiter: options.Delimiter = None,
    nested: options.NestedAs = None,
    sheet: options.Sheet = None,
    header_row: options.HeaderRow = None,
    cells: options.CellsRange = None,
    column_type: options.ColumnTypes = None,
    max_rejects: options.MaxRejects = None,
    chunk_bytes: options.ChunkBytes = None,
    chunk_rows: options.ChunkRows = None,
    part: options.Parts = None,
    archive: options.Archive = None,
    archive_move: options.ArchiveMove = False,
    workers: options.Workers = 1,
    dask: options.Dask = None,
    memory_report: options.MemoryReport = None,
    no_progress: options.NoProgress = False,
    log_format: options.LogFormatOption = LogFormat.TEXT,
    log_level: options.LogLevelOption = None,
    log_values: options.LogValues = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Load exports into a database, every record accounted for.

    Creates or upgrades the tables. A record that cannot be stored is quarantined with its bytes and its
    problems, and its neighbours load. Interrupted? Run the same command again: it goes on where it was.
    Run on a source that is loaded already, it changes nothing. A newer export updates what has changed.

    Examples:
      muniment load export.csv --mapping museum.toml
      muniment load export.csv.gz -m museum.toml --to postgresql://me@localhost/collection
      muniment load export.csv -m museum.toml --only department=Prints
      muniment load loans.csv --model loans:Loan --table loan
      muniment load visits.csv --mapping visits.toml
      muniment load --from postgresql://me@shop/sales --table visit --mapping visits.toml

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped by --max-rejects, 130 interrupted.
    """
    with reporting(json=json, debug=debug) as output:
        given: list[Any] = list(sources or ())
        if from_url:
            from muniment.read.queries import Query

            given.append(Query(from_url, table=(not query and table) or "", sql=query or "", key=key or ()))
            table = table if query else None
        _must_be_from_one_place(sources, from_url, query, key)
        if full and len(given) > 1:
            raise UsageError(
                "--full takes one source: each run would withdraw what the others hold",
                hint="Join the exports into one, or load them without --full",
            )
        task = _task(mapping, model, table, only, row_lineage=row_lineage) | {
            "source_format": _format(
                model,
                encoding=encoding,
                delimiter=delimiter,
                nested=nested,
                workbook=_workbook(sheet=sheet, header_row=header_row, range=cells, types=column_type),
            ),
            "settings": _settings(max_rejects, chunk_bytes, chunk_rows),
            "parts": _parts(part),
        }
        loading: dict[str, Any] = {
            "to": db,
            "again": again,
            "full": full,
            "abandon": abandon,
            "row_lineage": row_lineage,
        }
        loading["withdraw_many"] = withdraw_many
        loading |= {"archive": archive, "archive_move": archive_move}
        loading |= {"workers": workers, "dask": dask}
        watching = Watching(log_format, log_level, log_values, verbose, quiet, no_progress)
        with recording_memory(memory_report) as recorded:
            _load_each(output, given, task | loading, replace(watching, recorded=recorded))


def check(  # noqa: PLR0913  # typer reads the options from the signature
    source: Source,
    *,
    mapping: options.MappingFile = None,
    db: options.ScratchUrl = None,
    only: options.Only = None,
    model: options.Model = None,
    table: options.TableName = None,
    encoding: options.Encoding = None,
    delimiter: options.Delimiter = None,
    nested: options.NestedAs = None,
    sheet: options.Sheet = None,
    header_row: options.HeaderRow = None,
    cells: options.CellsRange = None,
    column_type: options.ColumnTypes = None,
    max_rejects: options.MaxRejects = None,
    chunk_bytes: options.ChunkBytes = None,
    chunk_rows: options.ChunkRows = None,
    part: options.Parts = None,
    no_progress: options.NoProgress = False,
    log_format: options.LogFormatOption = LogFormat.TEXT,
    log_level: options.LogLevelOption = None,
    log_values: options.LogValues = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Try a whole load, and keep nothing.

    It runs in a throwaway database, by the same code as `muniment load`, constraints included. It tells
    what would be quarantined and why, and what a trial cannot foresee.

    Examples:
      muniment check export.csv --mapping museum.toml
      muniment check export.csv -m museum.toml --db postgresql://me@localhost/collection
    """
    with reporting(json=json, debug=debug) as output:
        task = _task(mapping, model, table, only, row_lineage=False) | {
            "source_format": _format(
                model,
                encoding=encoding,
                delimiter=delimiter,
                nested=nested,
                workbook=_workbook(sheet=sheet, header_row=header_row, range=cells, types=column_type),
            ),
            "settings": _settings(max_rejects, chunk_bytes, chunk_rows),
            "parts": _parts(part),
        }
        watching = Watching(log_format, log_level, log_values, verbose, quiet, no_progress)
        rejections = Rejections()
        with watched(watching, rejections) as observer:
            run = api.check(source, db=db, observer=observer, **task)
        if run.status in OF_A_TRIAL:
            run = replace(run, messages=(OF_A_TRIAL[run.status],))
        output.exit_code = run.exit_code
        show_account(output, run, trial=True)
        show_remarks(output, rejections)
        show_rejections(output, rejections)
        output.heading("What a trial cannot foresee")
        output.say(CANNOT_FORESEE)
        if mapping and not only and run.status == "done":
            command = f"muniment load {quote(source)} --mapping {quote(str(mapping))}"
            output.next_steps([(command, "the load itself")])
        told = run.as_dict() | {"problems": rejections.as_data(), "cannot_foresee": CANNOT_FORESEE}
        output.finish(told)


def _must_be_from_one_place(
    sources: Sequence[str] | None, from_url: str | None, query: str | None, key: Sequence[str] | None
) -> None:
    if bool(sources) == bool(from_url):
        raise UsageError(
            "say what is to be loaded: either files, or a table or query of another database",
            hint="`muniment load export.csv ...`, or `muniment load --from URL --table NAME ...`",
        )
    if (query or key) and not from_url:
        raise UsageError("--query and --key go with --from")


def _load_each(output: Output, sources: Sequence[Any], task: dict[str, Any], watching: Watching) -> None:
    """One run for each source; the first that does not end well is the last."""
    runs: list[Run] = []
    problems: list[dict[str, Any]] = []
    for number, source in enumerate(sources, start=1):
        rejections = Rejections()
        try:
            with watched(watching, rejections) as observer:
                run = api.load(source, observer=observer, **task)
        except MunimentError:
            _tell_left_out(output, [_called(source) for source in sources[number:]])
            raise
        runs.append(run)
        output.done_before = {"runs": [run.as_dict() for run in runs]}
        problems += rejections.as_data()
        output.exit_code = run.exit_code
        show_account(output, run)
        show_remarks(output, rejections)
        show_rejections(output, rejections)
        if run.status not in GOES_ON:
            _tell_left_out(output, [_called(source) for source in sources[number:]])
            break
    show_next_steps(output, runs[-1], as_option(task["to"]), of_objects=_is_of_objects(task["mapping"]))
    output.finish(summed(runs) | {"problems": problems})


def _is_of_objects(mapping: Any) -> bool:
    return mapping is not None and not isinstance(mapping, TableMapping)


def _called(source: Any) -> str:
    return source if isinstance(source, str) else str(source.name)


def _tell_left_out(output: Output, sources: Sequence[str]) -> None:
    if sources:
        output.say(f"Not begun: {', '.join(sources)}", style="yellow")


def _task(
    mapping: Path | None, model: str | None, table: str | None, only: list[str] | None, *, row_lineage: bool
) -> dict[str, Any]:
    """What `load` and `check` are both told, checked."""
    for given, option in ((table, "--table"), (row_lineage, "--row-lineage")):
        if given and not model:
            raise UsageError(
                f"{option} goes with --model", hint="The tables of a mapping have their own names and lineage"
            )
    imported: type[BaseModel] | None = import_model(model) if model else None
    read = read_mapping(mapping) if mapping else None
    return {"mapping": read, "model": imported, "table": table, "only": only or ()}


def _parts(given: list[str] | None) -> dict[str, str]:
    """The files that are given for parts, by their names."""
    parts: dict[str, str] = {}
    for text in given or ():
        name, equals_sign, path = text.partition("=")
        if not equals_sign or not name or not path:
            raise UsageError(
                f"{text!r} names no part and its file", hint="Write it as --part titles=titles.csv"
            )
        parts[name.strip()] = path
    return parts


def _workbook(**given: Any) -> Workbook | None:
    """What of a workbook is to be read; None where nothing is said of it."""
    chosen = {name: value for name, value in given.items() if value}
    if "types" in chosen:
        pairs = [pair.rpartition("=") for pair in chosen["types"]]
        chosen["types"] = {column: kind for column, _, kind in pairs}
    try:
        return Workbook(**chosen) if chosen else None
    except ValidationError as error:
        raise _unfit(error) from None


def _format(model: str | None, **given: Any) -> Format | None:
    """How the source of a model is written; None where nothing is said of it."""
    chosen = {name: value for name, value in given.items() if value}
    if not chosen:
        return None
    if not model:
        told = {
            "encoding": "--encoding",
            "delimiter": "--delimiter",
            "nested": "--nested",
            "workbook": "options of workbooks",
        }
        raise UsageError(
            f"{' and '.join(told[name] for name in chosen)} go with --model",
            hint="In a mapping, [source] says how the source is written",
        )
    try:
        return Format(**chosen)
    except ValidationError as error:
        raise _unfit(error) from None


def _settings(max_rejects: RejectBudget | None, chunk_bytes: int | None, chunk_rows: int | None) -> Settings:
    given = {"max_rejects": max_rejects, "chunk_bytes": chunk_bytes, "chunk_rows": chunk_rows}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise _unfit(error) from None


def _unfit(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    option = f"--{str(first['loc'][0]).replace('_', '-')}" if first["loc"] else ""
    hint = "`muniment load --help` shows what it takes"
    return UsageError(first["msg"].removeprefix("Value error, "), where=option, hint=hint)
