"""`muniment export`: what the database holds, as files."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from muniment import exporting
from muniment.cli import options
from muniment.cli.account import counted
from muniment.cli.output import Output, reporting
from muniment.cli.progress import SECONDS_BETWEEN_LINES, on_terminal
from muniment.cli.target import existing_database
from muniment.exports.writing import Exported, Observer, Progress


def export(  # noqa: PLR0913  # typer reads the options from the signature
    what: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(exporting.FORMATS)}.")],
    *,
    to_dir: Annotated[
        str | None,
        typer.Option("--to-dir", metavar="FOLDER", help="A folder for the files, or a URL such as s3://..."),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help="Instead of a folder: one file.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="COLUMN=VALUE", help="Objects like this; or COLUMN=FIRST..LAST. Several: all."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="RUN|DATE", help="What changed after it, and what was withdrawn."),
    ] = None,
    accessions: Annotated[
        Path | None,
        typer.Option("--accessions", metavar="FILE", help="Objects with these numbers, one a line."),
    ] = None,
    tables: Annotated[
        bool, typer.Option("--tables", help="Instead of objects: all tables of the museum profile.")
    ] = False,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", metavar="NAME", help="Instead of objects: this table. Several: each."),
    ] = None,
    rows_as: Annotated[
        str, typer.Option("--as", metavar="FORMAT", help="How quarantine and audit are written; else csv.")
    ] = "",
    compress: Annotated[str, typer.Option("--compress", metavar="gz|zst", help="Compress each file.")] = "",
    records_per_file: Annotated[
        int | None,
        typer.Option(
            "--records-per-file",
            metavar="N",
            min=1,
            help=f"Begin a new file after N records. Default {exporting.RECORDS_PER_FILE:,} rows, "
            f"{exporting.DOCUMENTS_PER_FILE:,} documents.",
        ),
    ] = None,
    file_per_record: Annotated[
        bool, typer.Option("--file-per-record", help="The same as --records-per-file 1.")
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Write with so many processes.")
    ] = 1,
    again: Annotated[
        bool, typer.Option("--again", help="Replace an export that is there, or begin anew.")
    ] = False,
    db: options.DatabaseUrl = None,
    no_progress: options.NoProgress = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write what the database holds as files that others can read, with a manifest.

    An interrupted export is taken up by the same command: whole files are kept. Files appear when they are
    whole, and manifest.json when everything is there, with the records, bytes and SHA-256 of each file.

    Examples:
      muniment export csv --out objects.csv
      muniment export jsonl --since 3 --where department=Prints --to-dir delta
      muniment export parquet --tables --to-dir tables
      muniment export jsonl --table loan --out loan.jsonl.gz --compress gz
      muniment export quarantine --as xlsx --to-dir quarantine
    """
    with reporting(json=json, debug=debug) as output, existing_database(db):
        with _showing(wanted=not no_progress) as observer:
            exported = exporting.export(
                what,
                to_dir=to_dir,
                out=out,
                db=db,
                rows_as=rows_as,
                tables=tables or table or (),
                where=where or (),
                since=since,
                accessions=None if accessions is None else _lines(accessions),
                compress=compress,
                records_per_file=1 if file_per_record else records_per_file,
                workers=workers,
                again=again,
                observer=observer,
            )
        _show(output, exported)
        output.finish(exported.as_dict())


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8-sig")
    return [line.strip() for line in text.splitlines() if line.strip()]


def _show(output: Output, exported: Exported) -> None:
    output.say(f"{exported.manifest}: {exported.status}")
    output.pairs([(name, f"{count:,}") for name, count in exported.records.items()])
    if exported.cut:
        output.say(
            f"{counted(exported.cut, 'cell or character|cells or characters')} could not be held by this "
            "format as they are: cells are cut and marked, characters replaced by U+FFFD."
        )
    output.say(f"  {counted(exported.files, 'file')}; the manifest has the SHA-256 of each.")
    for note in exported.notes:
        output.say(f"  {note}")


@contextmanager
def _showing(*, wanted: bool) -> Iterator[Observer]:
    """An observer that shows how far an export is: a bar on a terminal, now and then a line elsewhere."""
    if not wanted:
        yield lambda _progress: None
    elif on_terminal():
        columns = (
            TextColumn("exporting"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.completed:,} records"),
            TimeRemainingColumn(compact=True),
        )
        with Bar(*columns, console=Console(stderr=True, markup=False), transient=True) as bar:
            task = bar.add_task("exporting", total=None)
            yield lambda progress: bar.update(task, completed=progress.written, total=progress.items)
    else:
        yield _plain_lines()


def _plain_lines() -> Observer:
    last = time.monotonic()

    def observe(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            line = f"progress: {progress.written:,} of {progress.items:,} records"
            print(line, file=sys.stderr, flush=True)  # noqa: T201  # shown so

    return observe
