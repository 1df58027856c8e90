"""`muniment doctor`: what will go wrong with a database, before it does."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment.cli import options
from muniment.cli.output import Output, reporting
from muniment.config import database_url
from muniment.databases.url import label, parsed
from muniment.doctor import Finding, Level, diagnose

STYLES = {Level.FATAL: "bold red", Level.WARNING: "yellow", Level.FINE: "green"}


def doctor(
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="The database; else MUNIMENT_DB, else sqlite:///muniment.db."),
    ] = None,
    *,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="How many are to load at once.")
    ] = 1,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Look at a database and its server before a load: what is wrong, and how to change it.

    Nothing is changed. Exit code 1 where a finding is fatal: a load would refuse to begin.

    Examples:
      muniment doctor
      muniment doctor postgresql://loader@db.example.org/collection --workers 4
    """
    url = url or db
    with reporting(json=json, debug=debug) as output:
        findings = diagnose(url, workers=workers)
        unfit = any(finding.level is Level.FATAL for finding in findings)
        output.exit_code = 1 if unfit else 0
        output.say(label(parsed(database_url(url))), style="bold")
        _show(output, findings)
        status = "unfit" if unfit else "fit"
        output.finish({"status": status, "database": label(parsed(database_url(url))), "findings": findings})


def _show(output: Output, findings: list[Finding]) -> None:
    for finding in findings:
        output.say(f"{finding.level:<7}  {finding.subject}: {finding.message}", style=STYLES[finding.level])
        if finding.change:
            output.say(f"         {finding.change}")
