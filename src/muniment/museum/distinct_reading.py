"""Sources whose cells repeat: read once for each distinct value, which is remembered, up to a bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from pydantic import TypeAdapter, ValidationError

from muniment.columns import Column
from muniment.museum.blocks import Block, Mask
from muniment.museum.cells import Columns, Findings
from muniment.museum.reading import Bound
from muniment.museum.record_columns import FORMS, Item, PartColumns, part_of_items
from muniment.records import Integers, Problem

pc: Any = pyarrow.compute

CACHED_READINGS = 4_096
"""Remembered of each source: the terms, makers and dates of most exports, in about a kilobyte each."""

CACHED_CHARACTERS = 300
"""Of cells whose reading is remembered: longer ones hardly repeat."""


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


@dataclass(frozen=True, slots=True)
class Told:
    """What a source says in each of some cells.

    Attributes:
        counts, starts: how many parts, and the first of these in `fields`.
        fields: what they say, by name: a column each.
        refused: whether rows must say what is wrong.
        notes: what is remarkable, by the place of the cells.
    """

    counts: Integers
    starts: Integers
    fields: Mapping[str, Column]
    refused: Mask
    notes: Mapping[int, Sequence[Problem]]

    def to(self, codes: Integers) -> Block:
        """The same of records, of which each has the cells with its code."""
        owned = self.counts[codes]
        owners = np.repeat(np.arange(len(codes)), owned)
        firsts = np.cumsum(owned) - owned
        items = self.starts[codes][owners] + np.arange(len(owners)) - firsts[owners]
        notes = [
            (number, note)
            for code, told in self.notes.items()
            for number in np.flatnonzero(codes == code).tolist()
            for note in told
        ]
        return Block(PartColumns(owners, items, self.fields), np.flatnonzero(self.refused[codes]), notes)


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
        return self._told(values).to(codes)

    def _told(self, values: Sequence[tuple[str, ...]]) -> Told:
        """What it says in some cells."""
        readings = [self._reading(value) for value in values]
        part = part_of_items(self._form, (), [item for reading in readings for item in reading.items])
        counts = np.array([len(reading.items) for reading in readings], np.int64)
        refused = np.array([reading.refused for reading in readings], np.bool_)
        notes = {place: reading.notes for place, reading in enumerate(readings) if reading.notes}
        return Told(counts, np.cumsum(counts) - counts, part.fields, refused, notes)

    def _reading(self, cells: tuple[str, ...]) -> Reading:
        return self._remembered.get(cells) or self._read(cells)

    def _read(self, cells: tuple[str, ...]) -> Reading:
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


def distinct(columns: Sequence[Column], count: int) -> tuple[Integers, list[tuple[str, ...]]]:
    """The distinct rows of some columns of text, and for each of `count` rows which of them it is."""
    codes = np.zeros(count, np.int64)
    firsts = np.zeros(min(count, 1), np.int64)
    for column in columns:
        encoded = pc.dictionary_encode(column)
        codes = codes * len(encoded.dictionary) + encoded.indices.to_numpy()
        _, firsts, codes = np.unique(codes, return_index=True, return_inverse=True)
    taken = [column.take(pa.array(firsts)).to_pylist() for column in columns]
    return codes, list(zip(*taken, strict=True)) if taken else [()] * len(firsts)
