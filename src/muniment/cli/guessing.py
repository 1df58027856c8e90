"""`muniment guess` and `muniment mapping schema`: before the first load."""

from __future__ import annotations

import json as json_text
import sys
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from muniment.cli import options
from muniment.cli.output import Output, reporting
from muniment.cli.teaching import add_command
from muniment.errors import MunimentError, UsageError
from muniment.guess import guess as guess_source
from muniment.museum.drafting import draft_mapping, institution_id
from muniment.museum.mapping import Mapping
from muniment.sources.format import Workbook
from muniment.table import TableMapping


def guess(  # noqa: PLR0913  # typer reads the options from the signature
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="The export: .csv, .jsonl, .parquet, .xlsx; .gz, .zst, .zip."),
    ],
    *,
    out: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the draft goes; else SOURCE's name with .toml; - is stdout.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the draft's file.")] = False,
    encoding: Annotated[
        str | None, typer.Option("--encoding", metavar="NAME", help="You know it: say it.")
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(
            "--delimiter",
            metavar="CHARACTER",
            parser=options.parse_delimiter,
            help="You know it: ; or tab ...",
        ),
    ] = None,
    sheet: Annotated[
        list[str] | None,
        typer.Option("--sheet", metavar="NAME", help="The sheet of a workbook; several, or *."),
    ] = None,
    header_row: Annotated[
        int | None, typer.Option("--header-row", metavar="N", min=1, help="The row of the sheet's header.")
    ] = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Look at an export, and write a first mapping for it.

    Reads a sample and tells encoding, delimiter and columns, with how full they are and examples. The
    draft is a commented TOML file. Read and correct it, for guesses only advise.

    Examples:
      muniment guess export.csv
      muniment guess export.csv -o museum.toml
      muniment guess catalogue.xlsx --sheet Objects
    """
    with reporting(json=json, debug=debug) as output:
        path = _draft_path(source, out)
        if path and path.exists() and not force:
            raise UsageError(
                f"{path} exists already",
                hint="Give another name with -o, or --force to overwrite it",
                where=source,
            )
        chosen = {"sheet": tuple(sheet or ()), "header_row": header_row or 0}
        workbook = Workbook.model_validate(chosen)
        guessed = guess_source(source, encoding=encoding, delimiter=delimiter, workbook=workbook)
        draft = draft_mapping(guessed, str(path) if path else None)
        _show(output, source, "\n".join(guessed.report()), path, draft)
        drafted = str(path) if path else None
        output.finish(
            {"status": "done", "source": source, "draft": drafted, "mapping": draft} | guessed.as_dict()
        )


def _draft_path(source: str, out: str | None) -> Path | None:
    """Where the draft goes; None is stdout."""
    if out == "-":
        return None
    if out:
        return Path(out)
    return Path(f"{institution_id(source)}.toml")


def _show(output: Output, source: str, report: str, path: Path | None, draft: str) -> None:
    if path is None:
        # The draft alone on stdout, so that it can be redirected; with --json it is in the object.
        output.aside(report)
        if not output.json:
            sys.stdout.write(draft)
        return
    output.say(report)
    try:
        path.write_text(draft, encoding="utf-8")
    except OSError as error:
        raise MunimentError(f"the draft cannot be written: {error.strerror}", where=str(path)) from error
    output.heading("What next")
    output.say(f"  Read and correct the draft mapping {path}, then try the whole load:")
    output.say(f"  muniment check {quote(source)} --mapping {quote(str(path))}")


class ProfileName(StrEnum):
    """Whose mapping files are described."""

    MUSEUM = "museum"
    TABLE = "table"


def schema(
    *,
    profile: Annotated[ProfileName, typer.Option("--profile", help="Whose mapping files.")] = (
        ProfileName.MUSEUM
    ),
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Print the JSON Schema of mapping files, by which editors complete and check them.

    Examples:
      muniment mapping schema > muniment-mapping.schema.json
      muniment mapping schema --profile table
    """
    with reporting(json=json, debug=debug) as output:
        described = (TableMapping if profile is ProfileName.TABLE else Mapping).as_json_schema()
        if not output.json:
            output.say(json_text.dumps(described, indent=2))
        output.finish(described)


mapping_app = typer.Typer(help="What a mapping file may hold.", rich_markup_mode=None)
add_command(mapping_app, "schema", schema)
