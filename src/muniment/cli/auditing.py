"""`muniment status`, `notes` and `trace`: what was done, and where things come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from shlex import quote
from typing import Annotated, Any

import typer

from muniment import audit
from muniment.audit import FieldTrace, NoteKind, RunStatus, StoredNote, Trace
from muniment.cli import options
from muniment.cli.account import NUMBERS, counted, duration, show_numbers
from muniment.cli.output import Output, reporting
from muniment.cli.target import as_option, existing_database
from muniment.positions import at, by_unit

Run = Annotated[
    int | None,
    typer.Argument(metavar="RUN", min=1, max=options.LARGEST_NUMBER, help="The run's number; else all runs."),
]

TEXT_CHARACTERS = 2_000
"""How much of a record's text, or of one cell, `trace` prints; `--json` has all of it."""


def status(
    run: Run = None,
    *,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show the runs and their accounts, or all about one run.

    Examples:
      muniment status
      muniment status 3 --json
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        if run is None:
            runs = audit.runs(database)
            _show_runs(output, runs)
            output.finish({"status": "done", "runs": [_run_data(each) for each in runs]})
            return
        one = audit.run_status(database, run)
        _show_run(output, one)
        output.finish(_run_data(one))


def notes(
    run: Run = None,
    *,
    code: Annotated[
        str | None, typer.Option("--code", metavar="CODE", help="Notes of this kind: date-not-understood ...")
    ] = None,
    limit: options.Limit = options.LISTED,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """List what was remarkable about records that were stored, such as dates that were not understood.

    First come the kinds of notes, then the notes themselves, each with its line and what stands there.

    Examples:
      muniment notes 3
      muniment notes --code date-not-understood --limit 500
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        kinds = audit.note_kinds(database, run, code)
        listed = list(audit.notes(database, run, code, limit))
        more = sum(kind.count for kind in kinds) - len(listed)
        if kinds:
            _show_notes(output, kinds, listed)
        else:
            if run is not None:
                audit.run_status(database, run)  # which says where there is no such run
            output.say("No notes.")
        if more:
            output.say(f"... and {more:,} more: --limit lists more than {limit:,}")
        told = [asdict(note) | {"problem": note.problem.as_dict()} for note in listed]
        output.finish({"status": "done", "kinds": kinds, "notes": told, "more": more > 0})


def trace(
    accession: Annotated[
        str, typer.Argument(metavar="ACCESSION", help="An accession number, or a record's key.")
    ],
    *,
    field: Annotated[
        str | None, typer.Option("--field", "-f", metavar="FIELD", help="One field: title, date, creator ...")
    ] = None,
    look_in: Annotated[
        list[str] | None,
        typer.Option(
            "--look-in", metavar="PATH", help="A file or folder where a source may be that has moved."
        ),
    ] = None,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Trace a stored object, or one of its fields, back to the bytes that it came from.

    Tells the run and its time, the file and its hash, record, line and bytes, and what changed since. With
    --field also the cells, the rule of the mapping, and what is stored. A file that has moved is recognised
    by its hash.

    Examples:
      muniment trace 1908.1
      muniment trace 1908.1 --field date
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        traces = audit.trace(database, accession, field, look_in or ())
        if len(traces) > 1:
            output.say(f"{counted(len(traces), 'object')} bear this number.")
        for one in traces:
            _show_trace(output, one)
        _show_next_steps(output, traces, f"muniment trace {quote(accession)}", field, as_option(db))
        output.finish({"status": "done", "traces": [_trace_data(one) for one in traces]})


def _show_next_steps(
    output: Output, traces: Sequence[Trace], command: str, field: str | None, database: str
) -> None:
    steps = []
    if field is None:
        steps.append((f"{command} --field title{database}", "one field of it"))
    if any(not one.source.found_at for one in traces):
        steps.append((f"{command} --look-in FOLDER{database}", "where the file may be now"))
    if steps:
        output.next_steps(steps)


def _show_runs(output: Output, runs: list[RunStatus]) -> None:
    rows = [
        (
            run.run,
            f"{run.started_at:%Y-%m-%d %H:%M}",
            run.source,
            run.status,
            *(f"{getattr(run.account, name):,}" for name in NUMBERS),
        )
        for run in runs
    ]
    output.table(("run", "begun (UTC)", "source", "status", *NUMBERS), rows, right=("run", *NUMBERS))


def _show_notes(output: Output, kinds: Sequence[NoteKind], listed: Sequence[StoredNote]) -> None:
    counts = [(f"{kind.count:,}", kind.code, kind.column or kind.field) for kind in kinds]
    output.table(("count", "note", "column"), counts, right=("count",))
    output.say()
    unit, places = by_unit([note.place for note in listed])
    rows = [
        (note.run, place, note.key or "", note.problem.message, note.problem.value, note.problem.hint)
        for note, place in zip(listed, places, strict=True)
    ]
    output.table(("run", unit, "key", "note", "what stands there", "what to do"), rows, right=("run", unit))


def _show_run(output: Output, run: RunStatus) -> None:
    output.heading(f"{run.source}: {run.status}, run {run.run}")
    show_numbers(output, run.account)
    output.say()
    ended = f"{run.ended_at:%Y-%m-%d %H:%M:%S} UTC" if run.ended_at else "not yet"
    output.pairs(
        [
            ("source", run.location),
            ("size, SHA-256", f"{run.size:,} bytes, {run.sha256}"),
            ("profile", f"{run.profile}, for {run.scope}"),
            ("mapping", f"version {run.mapping_version}"),
            ("load", "the first of this source" if run.load == 1 else f"number {run.load} of this source"),
            (
                "begun",
                f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC by {run.operator}, with Muniment {run.program}",
            ),
            ("ended", ended),
            ("commits", f"{run.chunks:,}"),
            ("validating", f"{duration(run.seconds_validating)}, summed over all chunks"),
            ("writing", f"{duration(run.seconds_writing)}, summed over all chunks"),
            ("seal", run.seal),
        ]
    )
    if run.problems:
        output.heading("Problems of its records in quarantine")
        output.table(
            ("count", "problem"), [(f"{n:,}", code) for code, n in run.problems.items()], right=("count",)
        )


def _run_data(run: RunStatus) -> dict[str, Any]:
    """The account's numbers beside the rest, as in the result of a load."""
    plain = asdict(run)
    account = plain.pop("account")
    first = {"run": plain.pop("run"), "status": plain.pop("status")}
    return {**first, **account, **plain}


def _show_trace(output: Output, one: Trace) -> None:
    output.heading(f"{one.accession}, {one.holder}")
    run, source = one.run, one.source
    several = bool(source.parts)
    moved = source.found_at if source.found_at != source.location else None
    output.pairs(
        [
            ("key", one.key if one.key != one.accession else None),
            ("withdrawn", one.withdrawn_by and f"run {one.withdrawn_by} did not see it any more"),
            ("stored by", f"run {run.run} on {run.started_at:%Y-%m-%d %H:%M:%S} UTC, by {run.operator}"),
            ("program", f"Muniment {run.program}, mapping version {run.mapping_version}"),
            ("from", source.location),
            ("and from", ", ".join(dict.fromkeys(source.parts)) or None),
            ("now at", moved),
            ("remark", source.remark),
            ("size, SHA-256", f"{source.size:,} bytes, {source.sha256}"),
            ("record", f"{one.record:,}, {at(one.place)}"),
            (
                "bytes",
                f"{one.byte_length:,} from {one.byte_offset:,} on{' of what they make' if several else ''}",
            ),
            ("their hash", FILES_DIFFER if several and one.intact is None else _INTACT[one.intact]),
        ]
    )
    if one.text:
        output.heading("As it is put together of the files" if several else "As it stands in the file")
        output.say(shortened_lines(one.text))
    if one.field:
        _show_field(output, one.field, "files are not all" if several else "file is not")
    _show_history(output, one)


_INTACT = {
    True: "is the one that was noted when they were loaded",
    False: "is NOT the one that was noted when they were loaded",
    None: "cannot be compared, for the file that was loaded is not there",
}


def shortened_lines(text: str) -> str:
    """A record's text for the screen: a large thumbnail inside it is not shown."""
    more = len(text) - TEXT_CHARACTERS
    return text if more <= 0 else f"{text[:TEXT_CHARACTERS]} ... and {more:,} characters more"


FILES_DIFFER = "cannot be compared, for not all files that were loaded are there as they were"


def _show_field(output: Output, field: FieldTrace, lacking: str) -> None:
    output.heading(f"The field {field.field}")
    output.pairs([("rule", field.rule or "the mapping has none")])
    for column, cell in field.cells.items():
        told = f"(cannot be read: the {lacking} there)" if cell is None else shortened_lines(cell)
        output.pairs([(f"cell {column}", told or "(empty)")])
    if not field.stored:
        output.say("  Nothing is stored of it.")
    for row in field.stored:
        told = ", ".join(
            f"{name} {value}" for name, value in row.items() if value is not None and name != "table"
        )
        output.pairs([(f"stored in {row.get('table', 'object')}", shortened_lines(told))])


def _show_history(output: Output, one: Trace) -> None:
    told = [
        (f"{s.at:%Y-%m-%d %H:%M}", f"run {s.run} found it unchanged, {at(s.place)}") for s in one.sightings
    ]
    told += [(f"{c.at:%Y-%m-%d %H:%M}", f"run {c.run} changed it; what it was is kept") for c in one.changes]
    corrected = {entry.id for entry in one.corrects}
    for entry in (*one.corrects, *one.quarantine):
        what = "mended by this record" if entry.id in corrected else entry.state
        problems = "; ".join(problem.message for problem in entry.problems)
        line = f"run {entry.run} quarantined it (entry {entry.id}, {entry.place}: {problems}); {what}"
        told.append((f"{entry.since:%Y-%m-%d %H:%M}", line))
    if told:
        output.heading("What else happened to it")
        output.pairs(sorted(set(told)))


def _trace_data(one: Trace) -> dict[str, Any]:
    """A trace as plain data; its bytes as text and, exactly, in hexadecimal."""
    plain = asdict(one)
    raw = plain.pop("raw")
    return plain | {"raw_hex": None if raw is None else raw.hex()}
