"""What there is to say of cells beyond their text: as notes, or as reasons not to store the record.

A reader of workbooks finds it out while it reads; `muniment.heeding` adds it to what a profile's judge says.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from muniment.records import Problem, shortened
from muniment.sources.tabular import Finding

NOTE = "note"

ALONE = "alone"
"""The severity of what makes a record none: nothing else need be said of it."""

TOLD = "told"
"""The code of a finding whose value is a whole problem, as JSON."""

BEYOND = "beyond-header"
"""The code of a cell above which no header stands."""

CELL_PROBLEMS = {
    "formula": (
        "{cell} holds a formula: what it came to when the workbook was last computed is taken",
        "Replace it by its value, if it must not change",
        NOTE,
    ),
    "formula-not-computed": (
        "{cell} holds a formula that no program has computed; it counts as empty",
        "Open the workbook in a spreadsheet program and save it",
        NOTE,
    ),
    "error-cell": (
        "{cell} holds the error {value}",
        "Repair the formula, or list the error under `null` in [source] if it means that nothing is known",
        "",
    ),
    "date-damage": (
        "{cell} is a date, {value}, in a column of other things: was it a number such as 3-12 once?",
        "Compare it with the object or the old list; write it as text, with an apostrophe before it",
        NOTE,
    ),
    "no-date": (
        "{cell} is formatted as a date, but no day has the number {value}",
        "Write the date anew, or format the cell as a number",
        NOTE,
    ),
    BEYOND: (
        "{cell} holds {value!r}, and no header stands above it; it is not loaded",
        "Write a header above it if it matters, or remove it",
        NOTE,
    ),
}
"""By code: the message, what to do, and the severity."""


def told(problem: Problem, *, alone: bool = True) -> Finding:
    """A problem that is in words already, as a finding; `alone` where it makes the record none."""
    severe = replace(problem, severity=ALONE) if alone else problem
    return Finding(-1, TOLD, "", json.dumps(severe.as_dict()))


def problem_of(finding: Finding, names: Sequence[str], sheet: str) -> Problem:
    """A finding in words."""
    if finding.code == TOLD:
        return Problem(**json.loads(finding.value))
    message, hint, severity = CELL_PROBLEMS[finding.code]
    value = shortened(finding.value)
    column = names[finding.place] if finding.place >= 0 else ""
    told = message.format(cell=f"{sheet}{finding.cell}", value=value)
    return Problem(finding.code, told, hint, column=column, value=value, severity=severity)
