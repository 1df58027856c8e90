"""The account of a load, for a registrar: what became of the records, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from muniment.cli.output import Output
from muniment.cli.progress import memory
from muniment.events import Event, RecordRejected, SourceRemark
from muniment.positions import by_unit
from muniment.records import Account, Problem, reasons, shortened
from muniment.run import Run

MANY_GROUPS = 200
"""Kinds of problems told apart while a load runs; a mapping has far fewer fields and rules."""

GROUPS_SHOWN = 10
"""Kinds of problems shown after a load: what is wrong in most records is among the first."""

NUMBERS = ("read", "inserted", "updated", "unchanged", "quarantined", "skipped")
"""The numbers of an account: the first is the sum of the others."""

IN_THE_ACCOUNT = ("unmapped-columns", "absent-columns", "unsettled-mapping")
"""Remarks that stand in the account too: what is not loaded, or not decided, is no mere warning of a log."""

OF_A_TRIAL = {
    "stopped": "more records were quarantined than --max-rejects allows: a load would stop here too. With "
    "--max-rejects 100% the trial goes on to the end",
    "interrupted": "interrupted; a trial begins anew each time",
}
"""What there is to say of a trial, where a load would say that one can go on."""

CANNOT_FORESEE = (
    "This was a trial in a throwaway database, and nothing is kept. It cannot foresee what an empty database "
    "does not have: records that are there already (they would be updated or unchanged), numbers taken by "
    "records of another export, entries dismissed in quarantine, a full disk, and what others do meanwhile."
)


@dataclass
class ProblemGroup:
    """Problems of one kind in one field: how many there are, and the first of them."""

    problem: Problem
    line: int
    place: str
    count: int = 0


class Rejections:
    """Counts the problems of rejected records by kind, in bounded memory; an observer.

    Attributes:
        groups: by code and field.
        others: how many problems were of kinds beyond those.
        remarks: what there was to say of the source's columns and of the mapping.
    """

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], ProblemGroup] = {}
        self.others = 0
        self.remarks: list[Problem] = []

    def __call__(self, event: Event) -> None:
        """Count a rejection's problems."""
        if isinstance(event, SourceRemark) and event.problem.code in IN_THE_ACCOUNT:
            self.remarks.append(event.problem)
        if isinstance(event, RecordRejected):
            told = reasons(event.problems)
            for problem, place in zip(event.problems, event.places, strict=True):
                if problem in told:
                    self._count(problem, event.line, place)

    def _count(self, problem: Problem, line: int, place: str) -> None:
        kind = (problem.code, problem.field)
        if kind not in self.groups and len(self.groups) >= MANY_GROUPS:
            self.others += 1
            return
        self.groups.setdefault(kind, ProblemGroup(problem, line, place)).count += 1

    def commonest(self) -> list[ProblemGroup]:
        """The groups, the largest first."""
        return sorted(self.groups.values(), key=lambda group: -group.count)

    def as_data(self) -> list[dict[str, Any]]:
        """The groups as plain data, without any value of a row."""
        return [
            {
                "code": group.problem.code,
                "field": group.problem.field,
                "count": group.count,
                "first_line": group.line,
                "first_place": group.place,
                "message": group.problem.message,
                "hint": group.problem.hint,
            }
            for group in self.commonest()
        ]


def show_account(output: Output, run: Run, *, trial: bool = False) -> None:
    """What became of the records, or on trial would, whether that adds up, and how long it took."""
    account = run.account
    output.heading(f"{run.source}: {f'trial {run.status}' if trial else f'{run.status}, run {run.run}'}")
    if trial:
        output.say("  Nothing was kept. A load into an empty database would come to this:")
    show_numbers(output, account)
    if run.withdrawn:
        output.say(f"  Besides: {counted(run.withdrawn, 'object')} marked as withdrawn.")
    if run.status == "already loaded":
        output.say("  It was loaded before by this mapping, and has not changed; --again compares once more.")
        _show_messages(output, run)
        return
    output.say(
        f"  {duration(run.seconds)}, {run.rows_per_second:,.0f} rows/s, {counted(run.chunks, 'commit')}, "
        f"peak memory {memory(run.peak_rss_bytes)}."
    )
    if run.seal and not trial:
        output.say(f"  Seal: {run.seal}")
    _show_messages(output, run)


def _show_messages(output: Output, run: Run) -> None:
    for message in run.messages:
        # One that begins with the source's name must not change it.
        told = message if message.startswith(run.source) else message[:1].upper() + message[1:]
        output.say(f"  {told}.", style="yellow")


def show_numbers(output: Output, account: Account) -> None:
    """The numbers of an account below each other, and whether they add up."""
    width = len(f"{account.read:,}")
    for name in NUMBERS:
        output.say(f"  {name:<12}{getattr(account, name):>{width},}")
    account.must_balance()
    output.say(f"  The account balances: {counted(account.read, 'record')} read, and as many accounted for.")
    if account.notes:
        output.say(f"  Besides: {counted(account.notes, 'note')} on stored records.")
    if account.blank_lines:
        output.say(f"  Besides: {counted(account.blank_lines, 'blank line')}.")


def counted(number: int, what: str) -> str:
    """`1 record`, `1,952 records`; an irregular plural stands after a `|`."""
    singular, _, plural = what.partition("|")
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def show_remarks(output: Output, rejections: Rejections) -> None:
    """Which columns are not loaded, or are not there, and what the mapping leaves open."""
    for remark in rejections.remarks:
        output.say(f"  Besides: {shortened(remark.message)}.", style="yellow")


def show_rejections(output: Output, rejections: Rejections) -> None:
    """The kinds of problems that this sitting found, the commonest first."""
    groups = rejections.commonest()
    if not groups:
        return
    output.heading("Why records were quarantined")
    unit, places = by_unit([group.place for group in groups[:GROUPS_SHOWN]])
    rows = [
        (f"{group.count:,}", group.problem.code, place, group.problem.message, group.problem.hint)
        for group, place in zip(groups[:GROUPS_SHOWN], places, strict=True)
    ]
    output.table(
        ("count", "problem", f"first {unit}", "such as", "what to do"), rows, right=("count", f"first {unit}")
    )
    rest = sum(group.count for group in groups[GROUPS_SHOWN:]) + rejections.others
    if rest:
        output.say(f"... and {rest:,} problems of other kinds")


def show_next_steps(output: Output, run: Run, database: str, *, of_objects: bool) -> None:
    """What one would type next: `database` is the option that names it; only objects can be traced."""
    steps = []
    if run.account.quarantined:
        steps.append((f"muniment quarantine list{database}", "the records that were not stored, and why"))
        steps.append(
            (f"muniment quarantine export{database} -o bad.csv", "... as a spreadsheet, to be mended")
        )
    if run.account.notes:
        steps.append(
            (f"muniment notes {run.run}{database}", "what was remarkable about records that were stored")
        )
    if of_objects and run.account.inserted + run.account.updated + run.account.unchanged:
        steps.append(
            (f"muniment trace ACCESSION{database}", "from a stored object back to its bytes in the file")
        )
    steps.append((f"muniment status {run.run}{database}", "this account again"))
    output.next_steps(steps)


def duration(seconds: float) -> str:
    """A time for people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def summed(runs: list[Run]) -> dict[str, Any]:
    """One result for several runs: numbers added up, run and status those of the last, `runs` all of them."""
    last = runs[-1]
    if len(runs) == 1:
        return last.as_dict()
    account = sum((run.account for run in runs), Account())
    seconds = round(sum(run.seconds for run in runs), 3)
    read_now = sum(run.rows_per_second * run.seconds for run in runs)
    return (
        {"run": last.run, "status": last.status}
        | {field.name: getattr(account, field.name) for field in fields(account)}
        | {
            "chunks": sum(run.chunks for run in runs),
            "seconds": seconds,
            "rows_per_second": round(read_now / seconds, 1) if seconds else 0.0,
            "peak_rss_bytes": max(run.peak_rss_bytes for run in runs),
            "withdrawn": sum(run.withdrawn for run in runs),
            "messages": [message for run in runs for message in run.messages],
            "runs": [run.as_dict() for run in runs],
        }
    )
