"""`muniment audit`: whether what is kept of the runs is as it was."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from muniment import audit
from muniment.cli import options
from muniment.cli.account import counted
from muniment.cli.output import Output, reporting
from muniment.cli.target import existing_database
from muniment.cli.teaching import add_command

app = typer.Typer(help="Whether what is kept of the runs is as it was.", rich_markup_mode=None)

AS_SEALED = "The evidence is as it was sealed"

FINDINGS_SHOWN = 50
"""Findings printed for people; `--json` has up to a thousand."""


def verify(
    *,
    expect: Annotated[
        str | None,
        typer.Option("--expect", metavar="HASH", help="The hash of a seal, as it was written down."),
    ] = None,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Compute the hashes of the evidence again, and compare them with the seals.

    Finds a row of the ledger, of the changes, notes or seals that was changed, is missing, or was added,
    and an entry of the quarantine that is not of the record that it was of. It prints the hash of the newest
    seal: whoever writes it down elsewhere, and gives it later with --expect, will know whether the whole
    chain was made anew.

    Examples:
      muniment audit verify
      muniment audit verify --expect 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

    Exit codes: 0 all is as it was sealed, 1 it is not, 2 wrong usage.
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        verification = audit.verify(database, expect)
        _show(output, verification, expect)
        output.exit_code = 1 if verification.found else 0
        output.finish({"status": verification.status} | asdict(verification))


def _show(output: Output, verification: audit.Verification, expect: str | None) -> None:
    output.heading(
        f"The evidence is {'as it was sealed' if not verification.found else 'NOT as it was sealed'}"
    )
    told = [counted(verification.seals, "seal"), counted(verification.runs, "run")]
    output.say(f"  Compared: {', '.join(told)}, {counted(verification.chunks, 'chunk')}.")
    if verification.not_sealed:
        numbers = ", ".join(map(str, verification.not_sealed[:FINDINGS_SHOWN]))
        output.say(f"  Not sealed, since they go on, failed, or ended before seals were kept: run {numbers}.")
    if verification.findings:
        rows = [
            (finding.table, finding.run or "", finding.message)
            for finding in verification.findings[:FINDINGS_SHOWN]
        ]
        output.table(("table", "run", "what is wrong"), rows, right=("run",))
    if verification.found > FINDINGS_SHOWN:
        output.say(f"... and {verification.found - FINDINGS_SHOWN:,} more")
    if verification.head:
        output.say(f"  Head: {verification.head}")
        if not expect:
            output.say("  Write it down where nobody who can change the database can change it.")


add_command(app, "verify", verify)
