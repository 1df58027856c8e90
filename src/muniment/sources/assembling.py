"""Records whose parts stand in files of their own, put together by key before anything is judged.

Each part's rows are staged on disk; then the records are read, and each gets the rows that are its own:
a column of a part holds their cells, parted by `SEPARATOR`, so that the columns of one part are parallel
lists. What is left over, since no record has its key, is a record that says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import count, groupby
from operator import attrgetter, itemgetter
from pathlib import PurePath

from muniment.errors import HeaderError
from muniment.positions import Part as Sheet
from muniment.records import Header, Problem, Records, shortened
from muniment.sources.findings import NOTE, told
from muniment.sources.format import Format, Part
from muniment.sources.guard import unguarded
from muniment.sources.source import Source
from muniment.sources.staging import NOT_MEANT, JoinedRow, StagedPart, StagedRow, Staging
from muniment.sources.tabular import Finding, Row, Stretch
from muniment.validation.filters import row_filter

SEPARATOR = "\u241f"
"""The symbol for a unit separator: visible to whoever mends a record, and in no text of a collection."""

KEY_SEPARATOR = "\u241e"
"""Between the cells of a key of several columns: the symbol for a record separator."""

ORIGIN = "(origin)"
"""The column that tells where the rows of a record's parts stand."""

MISSING_TOLD = 100
"""Notes on one part of one record about rows that are not there; the others are counted by one note more."""

PART_CHARACTERS = 1024 * 1024
"""Characters of one part in one record, beyond which the record is refused rather than held: a thousand
titles of a thousand characters."""

UNKNOWN_PARENT = "parent-unknown"
UNKNOWN_PART = "part-unknown"
REPEATED_PART = "part-repeated"
MIXED_CELL = "part-separator"
LARGE_PART = "part-too-large"


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """A part whose file is open.

    Attributes:
        name: with those of the parts that it completes, parted by dots.
        given: its format.
        source: its file.
        parent: where the columns of the key stand in the other file.
        completed_by: the parts that complete it.
    """

    name: str
    given: Part
    source: Source
    parent: tuple[int, ...]
    completed_by: tuple[OpenedPart, ...]

    @property
    def completes(self) -> bool:
        """Whether it completes the rows of another part."""
        return "." in self.name

    @property
    def completing(self) -> list[tuple[OpenedPart, OpenedPart]]:
        """Each part that completes this one, or one of those, after the one that it completes."""
        return [pair for other in self.completed_by for pair in ((self, other), *other.completing)]

    @property
    def columns(self) -> list[str]:
        """The names of its columns, and of those that complete it, in an assembled record."""
        own = [f"{self.name}.{column}" for column in self.source.header.names]
        return own + [column for other in self.completed_by for column in other.columns]


OpenPart = Callable[[str, Part, Source], Source]
"""Opens the file of the part with this name, whose path is told from the folder of the other source."""


def opened_parts(
    other: Source, given: Format, open_part: OpenPart, above: str = ""
) -> tuple[OpenedPart, ...]:
    """The parts of the records of a source, and those that complete them.

    Raises:
        SourceError: a file cannot be read.
        HeaderError: a column of a key is missing.
    """
    opened = []
    for name, part in given.parts.items():
        within, called = part.within(given), f"{above}{name}"
        source = open_part(called, within, other)
        parent = _positions(other, part.parent or part.key)
        _positions(source, (*part.key, *filter(None, [part.order])))
        completed_by = opened_parts(source, within, open_part, f"{called}.")
        opened.append(OpenedPart(called, within, source, parent, completed_by))
    return tuple(opened)


def _positions(source: Source, names: Sequence[str]) -> tuple[int, ...]:
    header = source.header
    missing = [name for name in names if name not in header.names]
    if missing:
        near = get_close_matches(missing[0], header.names, n=3)
        raise HeaderError(
            f"there is no column {missing[0]!r}, by which parts and records are put together",
            hint=f"The nearest are: {', '.join(near) or header}",
            where=source.name,
        )
    return tuple(header.names.index(name) for name in names)


def _stage(part: OpenedPart, staging: Staging, numbers: Iterator[int]) -> StagedPart:
    completed_by = tuple(_stage(other, staging, numbers) for other in part.completed_by)
    staged = StagedPart(next(numbers), len(part.source.header), completed_by)
    staging.stage(staged, _rows(part))
    return staged


def _rows(part: OpenedPart) -> Iterator[StagedRow]:
    """The rows of a part's file that are meant, read and cleaned."""
    header, given = part.source.header, part.given
    wanted = row_filter(given.only, header)
    key = _positions(part.source, given.key)
    order = header.names.index(given.order) if given.order else None
    clean = _cleaner(given)
    for chunk in part.source.chunks(part.source.first):
        records = part.source.records(chunk)
        for index, row in enumerate(records.rows):
            position = records.position(index)
            place = f"{part.source.name}, {part.source.positions.told(position.number, position.line)}"
            if index in records.unreadable:
                cells = [*row, *[""] * len(header)][: len(header)]
                fault = json.dumps(records.unreadable[index].as_dict())
                yield StagedRow("", "", position.line, place, cells, [""] * len(part.completed_by), fault)
                continue
            cells = [clean(cell) for cell in row]
            if wanted is None or wanted(row):
                references = [_key(row, other.parent) for other in part.completed_by]
                rank = row[order].strip() if order is not None else ""
                found = _found(part, records.findings.get(index, ()))
                yield StagedRow(
                    *(_key(row, key), rank, position.line, place, cells, references),
                    fault=_fault(cells, header),
                    findings=found,
                )
            elif part.completes:
                nothing = [""] * len(part.completed_by)
                yield StagedRow(_key(row, key), "", position.line, place, (), nothing, NOT_MEANT)


def _cleaner(given: Format) -> Callable[[str], str]:
    """Cells as they are, but for those that say nothing, and for apostrophes that guard formulas."""
    nothing = frozenset(given.null)

    def clean(cell: str) -> str:
        plain = unguarded(cell) if given.formula_guard else cell
        return "" if plain.strip() in nothing else plain

    return clean


def _key(cells: Sequence[str], positions: Sequence[int]) -> str:
    """The key in these cells; "" where one of them is empty."""
    parts = [cells[position].strip() for position in positions]
    return KEY_SEPARATOR.join(parts) if all(parts) else ""


def _fault(cells: Sequence[str], header: Header) -> str:
    """What makes a row of a part unusable, as JSON; "" where nothing does."""
    for name, cell in zip(header.names, cells, strict=True):
        if SEPARATOR in cell:
            message = f"the cell holds the character {SEPARATOR}, which parts the rows of one record"
            problem = Problem(MIXED_CELL, message, "Write it otherwise", column=name, value=shortened(cell))
            return json.dumps(problem.as_dict())
    return ""


def _found(part: OpenedPart, problems: Sequence[Problem]) -> str:
    """What was found in the cells of a row, told of the columns of an assembled record, as JSON."""
    told = [replace(problem, column=f"{part.name}.{problem.column}").as_dict() for problem in problems]
    return json.dumps(told) if told else ""


def _keys(part: OpenedPart, records: Records) -> Iterator[str]:
    """Of each record, the key by which it has rows of a part; "" where it cannot be read."""
    for index, row in enumerate(records.rows):
        yield "" if index in records.unreadable else _key(row, part.parent)


class Assembly:
    """Records put together with the rows of their parts: see `muniment.sources.tabular.Tabular`.

    What is wrong with a record that cannot be read, or with a row that no record has, is a finding.

    Args:
        parent: the source of the records.
        parts: their parts.
    """

    def __init__(self, parent: Source, parts: Sequence[OpenedPart]) -> None:
        self.unit = parent.positions.unit
        self.names: Sequence[str] = [
            *parent.header.given,
            *(column for part in parts for column in part.columns),
            ORIGIN,
        ]
        self._parent = parent
        self._opened = parts
        self._width = len(parent.header)

    def stretches(self) -> Iterator[Stretch]:
        """The records; then, part by part, the rows that are left over."""
        with closing(Staging()) as staging:
            numbers = count()
            parts = [(part, _stage(part, staging, numbers)) for part in self._opened]
            for sheet, rows in groupby(self._records(parts, staging), itemgetter(0)):
                name, first_column = (sheet.name, sheet.first_column) if sheet else ("", 0)
                yield Stretch(name, first_column, (row for _, row in rows))
            first = self._width
            for part, staged, completes in _each(parts):
                left = staging.repeated(staged) if completes else staging.unused(staged)
                left_over = self._left_over(part, left, first, completes=completes)
                unit = part.source.positions.unit
                yield Stretch("", 0, left_over, part.source.name, unit if unit != self.unit else None)
                first += len(part.source.header)

    def believes(self, finding: Finding) -> bool:  # noqa: ARG002 - the protocol's
        """Each of them."""
        return True

    def remarks(self) -> list[Problem]:
        """What there is to say of each file."""
        sources = {source.location: source for source in (self._parent, *_sources(self._opened))}
        return [problem for source in sources.values() for problem in source.remarks]

    def close(self) -> None:
        """Nothing: the files are closed with the source."""

    def _records(
        self, parts: Sequence[tuple[OpenedPart, StagedPart]], staging: Staging
    ) -> Iterator[tuple[Sheet | None, Row]]:
        """The records of the file, each with the rows of its parts."""
        parent = self._parent
        for chunk in parent.chunks(parent.first):
            records = parent.records(chunk)
            numbers = range(records.start.number, records.start.number + len(records))
            for part, staged in parts:
                staging.want(staged, zip(numbers, _keys(part, records), strict=True))
            gathered = [_rows_of(part, staged, numbers, staging) for part, staged in parts]
            for index, (cells, *rows) in enumerate(zip(records.rows, *gathered, strict=True)):
                position = records.position(index)
                row = Row(position.line, self._assembled(cells, rows), _findings(records, index, rows))
                yield parent.positions.part_of(position.number), row
            for _ in range(records.blank_lines):
                yield parent.positions.part_of(numbers.start), Row(0, ())

    def _assembled(self, cells: Sequence[str], rows: Sequence[_Gathered]) -> list[str]:
        own = [*cells, *[""] * self._width][: self._width]
        places = {part.name: of.places for part, of in zip(self._opened, rows, strict=True) if of.places}
        told = json.dumps(places, ensure_ascii=False) if places else ""
        return [*own, *(cell for of in rows for cell in of.cells), told]

    def _left_over(
        self, part: OpenedPart, left: Iterable[StagedRow], first: int, *, completes: bool
    ) -> Iterator[Row]:
        """Rows of a part, each as a record of its own, with the key by which it would belong to another."""
        for row in left:
            cells = [""] * len(self.names)
            cells[first : first + len(row.cells)] = row.cells
            if not completes and row.key:
                for position, cell in zip(part.parent, row.key.split(KEY_SEPARATOR), strict=True):
                    cells[position] = cell
            problem = _repeated(part) if completes else _unknown(part, row, self._parent.name)
            yield Row(row.line, cells, [told(Problem(**json.loads(row.fault)) if row.fault else problem)])


def _rows_of(part: OpenedPart, staged: StagedPart, numbers: range, staging: Staging) -> Iterator[_Gathered]:
    """For each record, the rows of a part that are its own."""
    groups = groupby(staging.joined(staged, numbers), attrgetter("record"))
    number, group = next(groups, (0, iter(())))
    for wanted in numbers:
        if number == wanted:
            yield _gathered(part, group)
            number, group = next(groups, (0, iter(())))
        else:
            yield _gathered(part, iter(()))


def _findings(records: Records, index: int, rows: Sequence[_Gathered]) -> list[Finding]:
    """What is wrong with a record, or remarkable about it, before it is put together and after."""
    broken = records.unreadable.get(index) or next((of.problem for of in rows if of.problem), None)
    found = [told(broken)] if broken else []
    noted = [*records.findings.get(index, ()), *(problem for of in rows for problem in of.notes)]
    return found + [told(problem, alone=False) for problem in noted]


def _unknown(part: OpenedPart, row: StagedRow, records: str) -> Problem:
    if not row.key:
        message = f"a row of {part.name} does not say to which record it belongs"
        return Problem(UNKNOWN_PARENT, message, "Fill in its key", column=", ".join(part.given.key))
    key = row.key.replace(KEY_SEPARATOR, " / ")
    message = (
        f"a row of {part.name} belongs to the record {key}, which {PurePath(records).name} does not have"
    )
    hint = "It is taken up by itself once the record is there; else correct its key"
    return Problem(UNKNOWN_PARENT, message, hint, value=shortened(key))


def _sources(parts: Iterable[OpenedPart]) -> Iterator[Source]:
    """The files of all parts."""
    for part in parts:
        yield part.source
        yield from _sources(part.completed_by)


def _each(
    parts: Iterable[tuple[OpenedPart, StagedPart]], *, completing: bool = False
) -> Iterator[tuple[OpenedPart, StagedPart, bool]]:
    """All parts, those that complete others after them, and whether they do."""
    for part, staged in parts:
        yield part, staged, completing
        yield from _each(zip(part.completed_by, staged.completed_by, strict=True), completing=True)


def _repeated(part: OpenedPart) -> Problem:
    return Problem(
        REPEATED_PART,
        f"a row of {part.name} has the key of a row before it, which is the one that is used",
        "Remove one of the two, or order them with `order`",
        column=", ".join(part.given.key),
    )


@dataclass(frozen=True, slots=True)
class _Gathered:
    """The rows of one part in one record: a cell for each column, where they stand, what they lack."""

    cells: Sequence[str]
    places: Sequence[str]
    problem: Problem | None = None
    notes: Sequence[Problem] = ()


def _gathered(part: OpenedPart, rows: Iterator[JoinedRow]) -> _Gathered:
    """The rows of a part, as many as can be held."""
    columns: list[list[str]] = [[] for _ in part.columns]
    places: list[str] = []
    notes: list[Problem] = []
    completing = [(*pair, _referring(part, *pair)) for pair in part.completing]
    size = lacking = missing = 0
    for row in rows:
        size += sum(map(len, row.cells)) + len(row.place)
        if size > PART_CHARACTERS:
            message = f"its rows of {part.name} have together more than {PART_CHARACTERS:,} characters"
            problem = Problem(LARGE_PART, message, "Do all of them have the right key?", value=places[0])
            return _Gathered([cells[0] for cells in columns], places[:1], problem)
        places.append(row.place)
        for cells, cell in zip(columns, row.cells, strict=True):
            cells.append(cell)
        found = [Problem(**one) for text in row.findings for one in json.loads(text)]
        notes += found
        for (completed, other, referring), key in zip(completing, row.missing, strict=True):
            if key and all(row.cells[place].strip() for place in referring):
                lacking += 1
                if missing < MISSING_TOLD:
                    missing += 1
                    notes.append(_missing(completed, other, key, _short(part, row.place)))
    if lacking > missing:
        notes.append(_more_missing(part, lacking - missing))
    return _Gathered([SEPARATOR.join(cells) if any(cells) else "" for cells in columns], places, None, notes)


def _short(part: OpenedPart, place: str) -> str:
    """A place of a part without the folder of its file."""
    name = part.source.name
    return PurePath(name).name + place.removeprefix(name)


def _referring(part: OpenedPart, completed: OpenedPart, other: OpenedPart) -> list[int]:
    """Where, among the columns of a part, those stand by which a row refers to one that completes it."""
    names = completed.source.header.names
    return [part.columns.index(f"{completed.name}.{names[place]}") for place in other.parent]


def _missing(completed: OpenedPart, other: OpenedPart, key: str, place: str) -> Problem:
    """That a row refers to one of another part that is not there."""
    shown = key.replace(KEY_SEPARATOR, " / ")
    return Problem(
        UNKNOWN_PART,
        f"{other.name} has no {', '.join(other.given.key)} {shortened(shown)}, to which {place} refers",
        f"Add the row to {PurePath(other.source.name).name}, or correct the key",
        column=f"{completed.name}.{completed.source.header.names[other.parent[0]]}",
        value=shortened(shown),
        severity=NOTE,
    )


def _more_missing(part: OpenedPart, count: int) -> Problem:
    message = f"as many as {count:,} further rows that complete {part.name} are not there"
    return Problem(UNKNOWN_PART, message, "Do the files belong together?", severity=NOTE)
