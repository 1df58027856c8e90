"""`muniment quarantine ...`: looking at what could not be stored, mending it, dismissing it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from shlex import quote
from typing import Annotated, Any

import typer

from muniment import correction
from muniment.cli import options
from muniment.cli.account import Rejections, counted, show_account, show_rejections
from muniment.cli.options import LogFormat
from muniment.cli.output import Output, reporting
from muniment.cli.target import as_option, existing_database
from muniment.cli.teaching import add_command
from muniment.cli.watching import Watching, watched
from muniment.correction import Content, Entry
from muniment.correction.retention import SETTLED
from muniment.errors import UsageError
from muniment.positions import at, by_unit
from muniment.records import Problem, reasons
from muniment.table.importing import import_model, look_in_current_folder

SHOWN_BYTES = 4_000
"""How much of a record's bytes `show` prints; `--json` has all that the quarantine keeps."""


class State(StrEnum):
    """What can be asked for by --state."""

    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"
    DISMISSED = "dismissed"
    RESUBMITTED = "resubmitted"
    ALL = "all"

    @property
    def condition(self) -> str | None:
        """The state to ask the quarantine for; None for all."""
        return None if self is State.ALL else self.value


RunNumber = Annotated[
    int | None,
    typer.Option(
        "--run",
        metavar="N",
        max=options.LARGEST_NUMBER,
        help="What this run was the first or the last to quarantine.",
    ),
]
StateOption = Annotated[State, typer.Option("--state", help="Entries in this state.")]
Code = Annotated[
    str | None, typer.Option("--code", metavar="CODE", help="Entries with this kind of problem: missing ...")
]
Ids = Annotated[
    list[int],
    typer.Argument(
        metavar="ID", max=options.LARGEST_NUMBER, help="Numbers of entries, as `list` shows them."
    ),
]


def list_entries(
    *,
    run: RunNumber = None,
    state: StateOption = State.OPEN,
    code: Code = None,
    limit: options.Limit = options.LISTED,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List the records that could not be stored, each with its line and what is wrong.

    Examples:
      muniment quarantine list
      muniment quarantine list --run 3 --code missing --limit 500
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        found = list(correction.entries(database, run, state.condition, code, limit + 1))
        listed, more = found[:limit], len(found) > limit
        if listed:
            unit, places = by_unit([entry.place for entry in listed])
            names = ("id", "run", unit, "key", "state", "problem", "what to do")
            output.table(names, map(_row, listed, places), right=("id", "run", unit))
        else:
            output.say(f"No entries{'' if state is State.ALL else f' that are {state}'}.")
        if more:
            output.say(f"... and more: --limit lists more than {limit:,}")
        _suggest(output, listed, as_option(db))
        output.finish({"status": "done", "entries": [_entry_data(entry) for entry in listed], "more": more})


def show(
    entry_id: Annotated[
        int,
        typer.Argument(
            metavar="ID", max=options.LARGEST_NUMBER, help="The entry's number, as `list` shows it."
        ),
    ],
    *,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show one entry: all its problems, its cells by column, and its bytes.

    Example:
      muniment quarantine show 12
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        content = correction.entry(database, entry_id)
        _show_entry(output, content.entry, content.attempts)
        _show_content(output, content)
        told = {
            "cells": content.cells_by_column,
            "raw": content.raw.decode("utf-8", "backslashreplace"),
            "raw_hex": content.raw.hex(),
            "attempts": content.attempts,
        }
        output.finish(_entry_data(content.entry) | told)


def export(
    *,
    out: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="A new file for the entries; - is stdout.")
    ],
    run: RunNumber = None,
    state: StateOption = State.OPEN,
    code: Code = None,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Write the entries as a spreadsheet, to be mended and handed in again: CSV, or a workbook (.xlsx).

    First come the entry's number, its line and what is wrong, then the columns of the export. Mend the cells,
    leave muniment_id as it is, and delete what you do not want to hand in.

    Example:
      muniment quarantine export -o bad.csv
      muniment quarantine resubmit bad.csv
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        if state is State.ALL:
            raise UsageError("one state can be exported at a time", hint="Such as --state open")
        to_stdout = out == "-"
        if to_stdout and json:
            raise UsageError("stdout cannot hold both the entries and the JSON object", hint="Give -o a file")
        target = sys.stdout.buffer if to_stdout else out
        count = correction.export(database, target, run, state.value, code)
        if to_stdout:
            return
        if count:
            output.say(f"{counted(count, 'entry|entries')} written to {out}. Mend them there, and then:")
            output.say(f"  muniment quarantine resubmit {quote(out)}{as_option(db)}")
        else:
            output.say(f"There are no {state} entries; nothing was written.")
        output.finish({"status": "done", "exported": count, "file": out if count else None})


def resubmit(  # noqa: PLR0913  # typer reads the options from the signature
    fixed: Annotated[str, typer.Argument(metavar="FIXED.csv", help="The mended spreadsheet, CSV or .xlsx.")],
    *,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="PACKAGE.MODULE:CLASS", help="For rows that were loaded by a model."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Hand in the same file once more.")] = False,
    db: options.DatabaseUrl = None,
    no_progress: options.NoProgress = False,
    log_format: options.LogFormatOption = LogFormat.TEXT,
    log_level: options.LogLevelOption = None,
    log_values: options.LogValues = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Load a mended spreadsheet, by the mapping that first rejected its records.

    Cells that nobody changed keep their original bytes, whatever the spreadsheet program made of them. What
    is good now is stored and closes its entry. What was stored since is never overwritten.

    Example:
      muniment quarantine resubmit bad.csv
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        look_in_current_folder()
        imported = import_model(model) if model else None
        watching = Watching(log_format, log_level, log_values, verbose, quiet, no_progress)
        rejections = Rejections()
        with watched(watching, rejections) as observer:
            run = correction.resubmit(database, fixed, observer=observer, model=imported, again=again)
        output.exit_code = run.exit_code
        show_account(output, run)
        show_rejections(output, rejections)
        output.finish(run.as_dict() | {"problems": rejections.as_data()})


def dismiss(
    ids: Ids,
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: it is kept with the entry.")],
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Leave records out for good: when they come again they count as skipped.

    Example:
      muniment quarantine dismiss 12 13 --reason "deaccessioned in 1998"
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        count = correction.dismiss(database, ids, reason)
        output.say(
            f"{counted(count, 'entry|entries')} dismissed. `muniment quarantine reopen` takes that back."
        )
        output.finish({"status": "done", "dismissed": count})


def reopen(
    ids: Ids,
    *,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Take a dismissal back.

    Example:
      muniment quarantine reopen 12
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        count = correction.reopen(database, ids)
        output.say(f"{counted(count, 'entry|entries')} open again.")
        output.finish({"status": "done", "reopened": count})


def purge(
    *,
    older_than: Annotated[
        timedelta,
        typer.Option(
            "--older-than",
            metavar="AGE",
            parser=options.parse_age,
            help="Entries closed or dismissed so long ago: 90d, 12w or 2y.",
        ),
    ],
    closed_only: Annotated[
        bool, typer.Option("--closed-only", help="Leave dismissed entries alone.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; else it is only told what would be done.")
    ] = False,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Remove the bytes and cells of records that were settled long ago, for the sake of personal data.

    The entries stay, with run, position, key, and the kinds of their problems: accounts balance as before.
    What is purged does not come back.

    Examples:
      muniment quarantine purge --older-than 90d
      muniment quarantine purge --older-than 90d --yes
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        states = ("closed",) if closed_only else SETTLED
        purged = correction.purge(database, older_than, states, trial=not yes)
        entries = counted(purged.closed + purged.dismissed, "entry|entries")
        what = f"{entries} ({purged.closed:,} closed, {purged.dismissed:,} dismissed), {purged.bytes:,} bytes"
        output.say(
            f"Purged: {what}." if yes else f"Would be purged: {what}. Nothing was done yet: add --yes."
        )
        told = {"closed": purged.closed, "dismissed": purged.dismissed, "bytes": purged.bytes}
        output.finish({"status": "done", "trial": not yes} | told)


def _row(entry: Entry, place: str) -> tuple[object, ...]:
    told = reasons(entry.problems)
    messages = "; ".join(map(_message, told))
    hints = "; ".join(dict.fromkeys(problem.hint for problem in told if problem.hint))
    return entry.id, entry.run, place, entry.key or "", entry.state, messages, hints


def _message(problem: Problem) -> str:
    return f"{problem.message}: {problem.value}" if problem.value else problem.message


def _suggest(output: Output, listed: list[Entry], database: str) -> None:
    still_open = [entry for entry in listed if entry.state in ("open", "waiting")]
    if still_open:
        output.next_steps(
            [
                (
                    f"muniment quarantine show {still_open[0].id}{database}",
                    "one entry with its cells and bytes",
                ),
                (f"muniment quarantine export{database} -o bad.csv", "all as a spreadsheet, to be mended"),
            ]
        )


def _show_entry(output: Output, entry: Entry, attempts: Sequence[int]) -> None:
    several = f"entries {', '.join(map(str, attempts))}: the last one counts" if len(attempts) > 1 else None
    output.heading(f"Entry {entry.id}: {entry.state}")
    closed = f"by run {entry.closed_by_run}, record {entry.closed_by_record}" if entry.closed_by_run else None
    output.pairs(
        [
            ("source", entry.source),
            ("run", entry.run),
            ("record", f"{entry.record:,}, {at(entry.place)}"),
            ("bytes", f"{entry.byte_length:,} from {entry.byte_offset:,} on"),
            ("key", entry.key),
            ("seen", f"{counted(entry.times_seen, 'time')}, last by run {entry.last_run}"),
            ("corrects", entry.corrects and f"entry {entry.corrects}"),
            ("attempts", several),
            ("closed", closed),
            ("since", f"{entry.since:%Y-%m-%d %H:%M}" + (f", by {entry.by}" if entry.by else "")),
            ("reason", entry.reason),
        ]
    )
    told = reasons(entry.problems)
    for heading, problems in (
        ("Problems", told),
        ("Also remarkable, though no reason to reject it", [p for p in entry.problems if p not in told]),
    ):
        if problems:
            output.heading(heading)
            rows = [(p.code, p.column or p.field, _message(p), p.hint) for p in problems]
            output.table(("code", "column", "problem", "what to do"), rows)


def _show_content(output: Output, content: Content) -> None:
    output.heading("Cells")
    if content.cells is None:
        purged = content.entry.purged
        output.say(f"  {'They were purged.' if purged else 'The record is too long for them to be kept.'}")
    output.pairs([(name, cell or "(empty)") for name, cell in content.cells_by_column.items()])
    output.heading("Bytes")
    output.say(f"  {content.raw[:SHOWN_BYTES]!r}")
    if len(content.raw) > SHOWN_BYTES:
        output.say(f"  ... and {len(content.raw) - SHOWN_BYTES:,} more; --json shows them")


def _entry_data(entry: Entry) -> dict[str, Any]:
    told = {name: getattr(entry, name) for name in Entry.__slots__ if name != "problems"}
    return told | {"problems": [problem.as_dict() for problem in entry.problems]}


app = typer.Typer(
    help="What could not be stored: look at it, mend it, hand it in again, or dismiss it.",
    rich_markup_mode=None,
)
add_command(app, "list", list_entries)
add_command(app, "show", show)
add_command(app, "export", export)
add_command(app, "resubmit", resubmit)
add_command(app, "dismiss", dismiss)
add_command(app, "reopen", reopen)
add_command(app, "purge", purge)
