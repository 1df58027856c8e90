"""A judge that heeds what the reader of a source has found out beside the text of its cells.

Only what concerns columns that are read matters, and no profile's own judge need know of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from muniment.profile import Judge
from muniment.records import Note, Problem, Records, Rejection, Verdicts
from muniment.sources.findings import ALONE, NOTE


class Heeding:
    """A judge that heeds what the reader of a source has found; see `muniment.profile.Judge`.

    Args:
        judge: of the profile.
        columns: the names of the columns that are read.
        null: texts that mean nothing is known: an error among them is none.
    """

    def __init__(self, judge: Judge, columns: Iterable[str], null: Iterable[str]) -> None:
        self._judge = judge
        self._columns = frozenset(columns) | {""}
        self._null = frozenset(null)

    @property
    def judges_columns(self) -> bool:
        """As the judge."""
        return self._judge.judges_columns

    def judge(self, records: Records) -> Verdicts:
        """What the judge says, with what was found."""
        verdicts = self._judge.judge(records)
        found = {
            index: heeded
            for index, problems in records.findings.items()
            if (heeded := tuple(problem for problem in problems if self._heeds(problem)))
        }
        return _with(verdicts, found) if found else verdicts

    def _heeds(self, problem: Problem) -> bool:
        if problem.severity == ALONE:
            return True
        known = problem.severity != NOTE and problem.value in self._null
        return problem.column in self._columns and not known


def _with(verdicts: Verdicts, found: dict[int, tuple[Problem, ...]]) -> Verdicts:
    accepted = verdicts.accepted
    kept: list[int] = []
    notes: list[Note] = []
    rejections = [
        replace(rejection, problems=_together(rejection.problems, found.get(rejection.index, ())))
        for rejection in verdicts.rejections
    ]
    for place, (index, key) in enumerate(zip(accepted.indexes, accepted.keys, strict=True)):
        problems = found.get(index, ())
        if any(problem.severity != NOTE for problem in problems):
            rejections.append(Rejection(index, _together((), _reasons_first(problems)), key or None))
            continue
        kept.append(place)
        notes += [Note(index, replace(problem, severity=""), key) for problem in problems]
    rejections.sort(key=lambda rejection: rejection.index)
    left = accepted if len(kept) == len(accepted) else accepted.at(kept)
    return replace(verdicts, accepted=left, rejections=rejections, notes=_merged(verdicts.notes, notes))


def _together(said: Sequence[Problem], found: Sequence[Problem]) -> tuple[Problem, ...]:
    """The problems of a rejected record: where it is none, nothing but what makes it so."""
    alone = tuple(replace(problem, severity="") for problem in found if problem.severity == ALONE)
    return alone or (*said, *found)


def _reasons_first(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.severity == NOTE))


def _merged(first: Sequence[Note], second: Sequence[Note]) -> list[Note]:
    """Notes of both, record by record."""
    return sorted((*first, *second), key=lambda note: note.index)
