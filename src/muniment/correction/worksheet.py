"""The worksheet: rejected records as a table that people mend in a spreadsheet program; pure.

What a cell shows is not always what it is: formulas are disarmed, what no program can display is escaped,
very long cells are cut. So a cell that comes back as it was shown, or as a spreadsheet program rewrites it
(`reformatting`), stands for the original text, which is taken from the quarantine and not from the
worksheet. Only cells that somebody changed are taken.

Muniment's own columns come first: the reasons can be seen without scrolling past sixty columns, and a row
that was damaged at its end still knows its entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muniment.correction.reformatting import is_reformatted
from muniment.errors import UsageError
from muniment.records import Problem, reasons, shortened

ID = "muniment_id"
SURPLUS = "muniment_surplus"
LEADING = (ID, "muniment_line", "muniment_field", "muniment_problem", "muniment_hint")
"""The columns before those of the source: which entry it is, where it stood, and what is wrong."""

GUARD = "'"
"""What spreadsheet programs take for the beginning of text, whatever follows."""

SHOWN_CHARACTERS = 16_000
"""How much of a cell is shown: Excel cuts cells at 32,767 units of UTF-16, and a character has up to two."""

CUT_MARK = "… [Muniment: this cell has {length} characters; leave it as it is to keep them all]"

_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_CUT = re.compile(re.escape(CUT_MARK).replace(r"\{length\}", "[0-9]+"))
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def shown(text: str) -> str:
    """A cell as the worksheet shows it: harmless to every spreadsheet program, and readable."""
    visible = _UNSEEN.sub(lambda found: _escape(found.group()), text)
    if len(visible) > SHOWN_CHARACTERS:
        visible = visible[:SHOWN_CHARACTERS] + CUT_MARK.format(length=len(text))
    return GUARD + visible if _FORMULA.match(visible) else visible


def _escape(character: str) -> str:
    r"""`\x00`; a byte that could not be decoded as itself, `\xe9`."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


def header_row(columns: Sequence[str]) -> list[str]:
    """The worksheet's header for a source with these columns; raises `UsageError` where they are taken."""
    own = {*LEADING, SURPLUS}
    if taken := [name for name in columns if name in own]:
        raise UsageError(
            f"the source has columns that are called like those of a worksheet: {', '.join(taken)}",
            hint="Was a worksheet loaded as an export? Hand it in with `muniment quarantine resubmit`",
        )
    return [*LEADING, *(shown(name) for name in columns), SURPLUS]


def worksheet_row(
    entry_id: int, place: str, problems: Sequence[Problem], cells: Sequence[str], width: int
) -> list[str]:
    """The worksheet's row of one entry, with its line or place; the source has `width` columns."""
    told = reasons(problems)
    about = (
        ", ".join(
            dict.fromkeys(
                problem.column or problem.field for problem in told if problem.column or problem.field
            )
        ),
        "; ".join(problem.message for problem in told),
        "; ".join(dict.fromkeys(problem.hint for problem in told if problem.hint)),
    )
    padded = [*cells[:width], *[""] * (width - len(cells))]
    return [str(entry_id), place, *map(shown, (*about, *padded)), _surplus(cells[width:])]


def _surplus(cells: Sequence[str]) -> str:
    return shown(" | ".join(cells))


@dataclass(frozen=True, slots=True)
class Reformatted:
    """A cell that a spreadsheet program has rewritten: its column's index, what it was and what it became."""

    column: int
    original: str
    cell: str


@dataclass(frozen=True, slots=True)
class Merged:
    """A record as it was corrected.

    Attributes:
        cells: what it consists of now.
        changed: the indexes of the columns that somebody changed; the surplus has the index after the last.
        reformatted: cells that were kept though they look different.
        problem: why it still is not well formed; None where it is.
    """

    cells: tuple[str, ...]
    changed: tuple[int, ...]
    reformatted: tuple[Reformatted, ...] = ()
    problem: Problem | None = None


def merge(original: Sequence[str], given: Mapping[int, str], width: int) -> Merged:
    """Put together what a record was and what the worksheet makes of it.

    Args:
        original: the record's cells as they were first read, maybe more or fewer than `width`.
        given: by index of the column, the worksheet's cells; at `width` the surplus. A column that was
            dropped from the worksheet is unchanged.
        width: the number of the source's columns.
    """
    before = [*original[:width], *[""] * (width - len(original)), " | ".join(original[width:])]
    after, changed, reformatted = list(before), [], []
    for index, cell in sorted(given.items()):
        if cell == shown(before[index]):
            continue
        if is_reformatted(cell, shown(before[index])) or is_reformatted(cell, before[index]):
            reformatted.append(Reformatted(index, before[index], cell))
        else:
            after[index] = taken(cell, before[index])
            changed.append(index)
    if not changed:
        return Merged(tuple(original), (), tuple(reformatted))
    surplus = after.pop()
    cells = (*after, surplus) if surplus.strip() else tuple(after)
    return Merged(cells, tuple(changed), tuple(reformatted), _still_wrong(cells, changed, width))


def taken(cell: str, original: str) -> str:
    """What somebody wrote into a cell: without our guard, and with what escapes stand for."""
    if cell.startswith(GUARD) and _FORMULA.match(cell[len(GUARD) :]):
        cell = cell[len(GUARD) :]
    for character in sorted(set(_UNSEEN.findall(original)), reverse=True):
        cell = cell.replace(_escape(character), character)
    return cell if "\r" in original else cell.replace("\r\n", "\n")


def _still_wrong(cells: Sequence[str], changed: Sequence[int], width: int) -> Problem | None:
    if len(cells) > width:
        hint = f"Move the cells of {SURPLUS} to where they belong, and empty it"
        return Problem(
            "ragged", "the record has more cells than there are columns", hint, value=shortened(cells[-1])
        )
    if cut := [cells[index] for index in changed if index < width and _CUT.search(cells[index])]:
        hint = "Export the entry again and leave the cell as it is, or write all of it"
        return Problem(
            "cut", "a cell that was shown shortened was changed in part", hint, value=shortened(cut[0])
        )
    for cell in cells:
        if found := _UNSTORABLE.search(cell):
            value = _UNSTORABLE.sub(lambda match: _escape(match.group()), cell)
            hint = f"Write the character that should stand in place of {_escape(found.group())}"
            message = "a cell still holds what could not be read as text"
            return Problem("undecodable", message, hint, value=shortened(value))
    return None
