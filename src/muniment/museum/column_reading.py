"""The mapping applied to whole columns: a faster way to what `reading` makes of each row.

A source of a part is read once for each distinct value of its cells, and what was read is remembered, up to
a bound. Texts that pass through unchanged are not even that: they stay in Arrow's arrays. Columns only
accept: a record of which a source finds anything to reject, or that they cannot judge, is doubtful, and rows
decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol, get_type_hints

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
from pydantic import TypeAdapter, ValidationError

from muniment.columns import Column
from muniment.databases.types import KEY_CHARACTERS
from muniment.museum.cells import Columns, Findings
from muniment.museum.fields import Cells, ResourceField, TextField
from muniment.museum.reading import Bound
from muniment.museum.record import URI_CHARACTERS, Text, Uri
from muniment.museum.record_columns import (
    FORMS,
    VALUE,
    Form,
    Item,
    PartColumns,
    part_of_items,
    repeated,
    type_of,
)
from muniment.records import Problem

pc: Any = pyarrow.compute

Mask = npt.NDArray[np.bool_]

SHARED = frozenset(("location", "production.place", "acquisition.source"))
"""Texts for which a shared row is looked up: once for each distinct one, and not for each record."""

CACHED_READINGS = 4_096
"""Remembered of each source: the terms, makers and dates of most exports, in about a kilobyte each."""

CACHED_CHARACTERS = 300
"""Of cells whose reading is remembered: longer ones hardly repeat."""

WHITE_SPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What `str.strip` removes. Arrow's own notion of white space is another."""

CERTAINLY_WEB = r"^https?://[!-.0-~][!-~]*$"
"""URLs of plain ASCII, which are such under every notion of what a space is."""

CERTAINLY_URI = r"^[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~]+$"
"""URIs of plain ASCII, without what may not stand in one."""

CONTROL = np.zeros(256, np.bool_)
CONTROL[[*range(1, 9), 11, 12, *range(14, 32), 127, 0xC2]] = True
"""Bytes of UTF-8, of which texts with control characters have one; those of C1 begin as others do."""

CONTROL_CHARACTERS = r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}]"
"""`cells.CONTROL_CHARACTERS`, as RE2 spells them."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one source says of the parts of a chunk's records.

    Attributes:
        part: what it says of those that are not doubtful.
        doubtful: the records, by number, that rows must decide.
        notes: on records, by number, that may still be doubtful for another reason.
    """

    part: PartColumns
    doubtful: npt.NDArray[np.int64]
    notes: Sequence[tuple[int, Problem]] = ()


class Section(Protocol):
    """One source of one part, read by column.

    Attributes:
        path: of the part.
    """

    @property
    def path(self) -> str: ...  # noqa: D102 - above

    def read(self, cells: Sequence[Column], count: int) -> Block:
        """What it says in `count` records, given all columns."""
        ...


def sections_of(sources: Sequence[Bound], columns: Columns) -> list[Section]:
    """The quickest ways to read some sources, in their order.

    What a record has once is read of all its sources together.
    """
    sections: list[Section] = []
    for path, bounds in groupby(sources, key=attrgetter("path")):
        if FORMS[path].once is not None:
            sections.append(Distinct(list(bounds), columns))
        else:
            sections += [_plain(bound, columns) or Distinct([bound], columns) for bound in bounds]
    return sections


def with_control_characters(column: Column) -> npt.NDArray[np.int64]:
    """The records whose cell holds control characters."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)
    first, end = int(offsets[column.offset]), int(offsets[column.offset + len(column)])
    content = np.frombuffer(column.buffers()[2] or b"", np.uint8)[first:end]
    if not CONTROL[content].any():
        return np.zeros(0, np.int64)
    found: Mask = pc.match_substring_regex(column, CONTROL_CHARACTERS).to_numpy(zero_copy_only=False)
    return np.flatnonzero(found)


# --- texts that pass through ----------------------------------------------------------------------


class Plain:
    """A column whose cells are the values, as they are but for the white space around them."""

    def __init__(self, bound: Bound, position: int, null: frozenset[str], field: str) -> None:
        self.path = bound.path
        self._form = FORMS[bound.path]
        self._position = position
        self._null = pa.array(sorted(null), pa.string())
        self._field = field
        self._always = {
            name: pa.scalar(bound.said.get(name), type_of(self._form, name)) for name in self._form.fields
        }
        self._kind = _kind_of(self._form, field)

    def read(self, cells: Sequence[Column], count: int) -> Block:
        """What it says in `count` records, given all columns."""
        values = trimmed(cells[self._position])
        given = ~pc.is_in(values, value_set=self._null).to_numpy(zero_copy_only=False)
        doubtful = given & ~_certain(self._kind, values)
        owners = np.flatnonzero(given & ~doubtful)
        fields = {name: repeated(said, count) for name, said in self._always.items()}
        part = PartColumns(owners, owners, fields | {self._field: values} | self._besides(cells))
        return Block(part, np.flatnonzero(doubtful))

    def _besides(self, cells: Sequence[Column]) -> dict[str, Column]:  # noqa: ARG002 - for subclasses
        """What other columns say of the same part."""
        return {}


class PlainResource(Plain):
    """A column of URLs about which there is nothing to find, and one with their rights."""

    def __init__(
        self, bound: Bound, columns: Columns, position: int, null: frozenset[str], pattern: str | None
    ) -> None:
        super().__init__(bound, position, null, "url")
        self._rights = columns.index(bound.source.rights) if bound.source.rights else None
        self._no_rights = pa.array(sorted(columns.null), pa.string())
        self._pattern = pattern

    def read(self, cells: Sequence[Column], count: int) -> Block:
        """What it says in `count` records, given all columns."""
        block = super().read(cells, count)
        urls = block.part.fields["url"]
        fine: Mask = pc.match_substring_regex(urls, CERTAINLY_WEB).to_numpy(zero_copy_only=False)
        if self._pattern is not None:
            fine = fine & pc.match_substring_regex(urls, self._pattern).to_numpy(zero_copy_only=False)
        given = np.zeros(len(urls), np.bool_)
        given[block.part.owners] = True
        return Block(block.part.only(fine), np.union1d(block.doubtful, np.flatnonzero(given & ~fine)))

    def _besides(self, cells: Sequence[Column]) -> dict[str, Column]:
        if self._rights is None:
            return {}
        rights = trimmed(cells[self._rights])
        nothing = pc.is_in(rights, value_set=self._no_rights)
        return {"rights": pc.if_else(nothing, pa.scalar(None, pa.string()), rights)}


def trimmed(column: Column) -> Column:
    """The cells without the white space around them, as `str.strip` has it."""
    return pc.utf8_trim(column, characters=WHITE_SPACE)


def _kind_of(form: Form, field: str) -> Any:
    return form.type if form.fields == (VALUE,) else get_type_hints(form.type, include_extras=True)[field]


def _certain(kind: Any, values: Column) -> Mask:
    """Which values Pydantic would take for this kind of text."""
    if kind == Text:
        return np.ones(len(values), np.bool_)
    limit = URI_CHARACTERS if kind == Uri else KEY_CHARACTERS
    certain: Mask = pc.utf8_length(values).to_numpy(zero_copy_only=False) <= limit
    if kind == Uri:
        certain = certain & pc.match_substring_regex(values, CERTAINLY_URI).to_numpy(zero_copy_only=False)
    return certain


def _plain(bound: Bound, columns: Columns) -> Section | None:
    """The section of a source whose texts pass through; None for any other."""
    source, form = bound.source, FORMS[bound.path]
    if type(source) not in (Cells, TextField, ResourceField) or columns.guarded or bound.path in SHARED:
        return None
    if not source.column or source.split or source.pattern:
        return None
    position, null = columns.index(source.column), columns.null | frozenset(source.null)
    if isinstance(source, ResourceField):
        return PlainResource(
            bound, columns, position, null, columns.manifests if bound.field == "manifest" else None
        )
    field = next(name for name in form.fields if name not in bound.said)
    example = form.as_mapping(
        tuple(bound.said.get(name, "x" if name == field else None) for name in form.fields)
    )
    try:
        TypeAdapter(form.type).validate_python("x:x" if form.type == Uri else example)
    except ValidationError:  # what the mapping says of every value is refused
        return None
    return Plain(bound, position, null, field)


# --- values that repeat ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source says in some cells.

    Attributes:
        items: the parts, valid; none where it is refused.
        refused: whether rows must say what is wrong.
        notes: what is remarkable about it.
    """

    items: tuple[Item, ...]
    refused: bool
    notes: tuple[Problem, ...]


class Distinct:
    """Sources of one part that are read once for each distinct value of their cells."""

    def __init__(self, bounds: Sequence[Bound], columns: Columns) -> None:
        self.path = bounds[0].path
        self._form = FORMS[self.path]
        self._sources = [bound.read for bound in bounds]
        names = dict.fromkeys(name for bound in bounds for name in bound.columns)
        self._positions = [columns.index(name) for name in names]
        self._row = [""] * len(columns.header)
        kind: Any = tuple.__class_getitem__((self._form.type, ...)) if self._form.several else self._form.type
        self._validate = TypeAdapter(kind).validate_python
        self._remembered: dict[tuple[str, ...], Reading] = {}

    def read(self, cells: Sequence[Column], count: int) -> Block:
        """What it says in `count` records, given all columns."""
        codes, values = distinct([cells[position] for position in self._positions], count)
        readings = [self._remembered.get(value) or self._reading(value) for value in values]
        counts = np.array([len(reading.items) for reading in readings])
        part = part_of_items(self._form, (), [item for reading in readings for item in reading.items])
        starts = np.cumsum(counts) - counts
        owned = counts[codes]
        owners = np.repeat(np.arange(len(codes)), owned)
        firsts = np.cumsum(owned) - owned
        items = starts[codes][owners] + np.arange(len(owners)) - firsts[owners]
        refused = np.array([reading.refused for reading in readings])
        notes: list[tuple[int, Problem]] = []
        for code in [code for code, reading in enumerate(readings) if reading.notes]:
            told = readings[code].notes
            notes += [(number, note) for number in np.flatnonzero(codes == code).tolist() for note in told]
        return Block(PartColumns(owners, items, part.fields), np.flatnonzero(refused[codes]), notes)

    def _reading(self, cells: tuple[str, ...]) -> Reading:
        findings = Findings()
        for position, cell in zip(self._positions, cells, strict=True):
            self._row[position] = cell
        parts = [source(self._row, findings) for source in self._sources]
        said = [one for part in parts for one in part] if self._form.several else parts[0]
        reading = self._valid(said, findings)
        if sum(map(len, cells)) <= CACHED_CHARACTERS:
            if len(self._remembered) >= CACHED_READINGS:
                self._remembered.clear()
            self._remembered[cells] = reading
        return reading

    def _valid(self, part: Any, findings: Findings) -> Reading:
        items: tuple[Item, ...] = ()
        refused = bool(findings.hard)
        if part:
            try:
                valid = self._validate(part)
                valid = self._form.once(valid) if self._form.once else valid
                items = tuple(map(self._form.item, valid if self._form.several else (valid,)))
            except ValidationError:
                refused = True
        return Reading(() if refused else items, refused, tuple(findings.soft))


def distinct(columns: Sequence[Column], count: int) -> tuple[npt.NDArray[np.int64], list[tuple[str, ...]]]:
    """The distinct rows of some columns of text, and for each of `count` rows which of them it is."""
    codes = np.zeros(count, np.int64)
    firsts = np.zeros(min(count, 1), np.int64)
    for column in columns:
        encoded = pc.dictionary_encode(column)
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
        _, firsts, codes = np.unique(codes, return_index=True, return_inverse=True)
    taken = [column.take(pa.array(firsts)).to_pylist() for column in columns]
    return codes, list(zip(*taken, strict=True)) if taken else [()] * len(firsts)
