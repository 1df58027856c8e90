"""A column of texts about dimensions: those of one shape are read together, as arrays.

A shape (see `dimension_shapes`) tells where in its texts the numbers stand, and what becomes of them; so one
of its texts is read, and of the others only the numbers are cut out, and the words around them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

from muniment.columns import Column
from muniment.museum.blocks import Block, Mask
from muniment.museum.cells import Columns
from muniment.museum.decimal_marks import MAY_BE_AMBIGUOUS
from muniment.museum.dimension_shapes import ANY_DIGITS, Comparison, Place, Shape, Span, runs_of, value_of
from muniment.museum.dimensions import CACHED_CHARACTERS, shape_known
from muniment.museum.distinct_reading import Distinct, Told, distinct
from muniment.museum.measurements import ROUNDING, TOLERANCE
from muniment.museum.reading import Bound
from muniment.museum.record_columns import FORMS, Item
from muniment.museum.white_space import trimmed
from muniment.records import Integers

pc: Any = pyarrow.compute
_strings: Any = pa.array  # of which stubs do not see that they are of texts
_buffer: Any = pa.py_buffer  # which by Arrow's stubs takes no array of numpy's

FEW = 4
"""Texts of a shape that are read together: arrays cost nearly the same, however short they are."""

MARGIN = 1e-9
"""Where two sizes are so near to the border, in centimetres and for each of them, decimals tell on which side
they are: binary numbers are exact to some 1e-15 of a value, and what is computed here of three."""

Numbers = npt.NDArray[np.float64]

_FORM = FORMS["dimensions"]
_DISPLAY = _FORM.fields.index("display")


@dataclass(frozen=True, slots=True)
class Example:
    """How one text was read, after which the others of its shape are."""

    shape: Shape
    items: Sequence[Item]


@dataclass(frozen=True, slots=True)
class Together:
    """What was read of some texts.

    Attributes:
        places: of these texts.
        counts: of the measurements of each.
        fields: of the measurements, by name, in the order of `places`.
    """

    places: Integers
    counts: Integers
    fields: dict[str, Column]


def read_together(texts: Column, example: Callable[[str], Example | None]) -> Together:
    """Read those texts that many others are like.

    Args:
        texts: trimmed, none of them twice.
        example: reads one; None where others cannot be read after it.
    """
    cut = _Cut(texts)
    alike = pc.replace_substring_regex(texts, pattern=ANY_DIGITS, replacement="0").dictionary_encode()
    lengths = pc.utf8_length(texts).to_numpy()
    shapes = np.where(lengths <= CACHED_CHARACTERS, alike.indices.to_numpy(), len(alike.dictionary))
    order = np.argsort(shapes, kind="stable")
    ends = np.cumsum(np.bincount(shapes, minlength=len(alike.dictionary) + 1))[:-1]
    groups: list[_Group] = []
    for members in np.split(order, ends)[:-1]:
        if len(members) >= FEW:
            first: str = texts[int(members[0])].as_py()
            read = example(first)
            if read is not None:
                groups.append(_Group(read, first, members, cut))
    return _measured(groups, cut)


class MeasuredTexts(Distinct):
    """A column of texts about dimensions."""

    def __init__(self, bound: Bound, columns: Columns) -> None:
        super().__init__([bound], columns)
        self._decimal_comma = columns.decimal_comma
        (self._position,) = self._positions
        self._null = pa.array(sorted(columns.null), pa.string())
        self._unit: str = bound.source.unit

    def read(self, cells: Sequence[Column], count: int) -> Block:
        """What it says in `count` records, given all columns."""
        codes, values = distinct([trimmed(cells[self._position])], count)
        texts = pa.array([text for (text,) in values], pa.string())
        apart = pc.is_in(texts, value_set=self._null)
        if self._decimal_comma:  # what is read otherwise than it stands there is read by itself
            apart = pc.or_(apart, pc.match_substring_regex(texts, MAY_BE_AMBIGUOUS))
        meaning = pc.indices_nonzero(pc.invert(apart))
        found = read_together(texts.take(meaning), self._example)
        places = meaning.to_numpy()[found.places]
        others = np.setdiff1d(np.arange(len(values)), places)
        told = self._told([values[place] for place in others.tolist()])
        return _in_one(told, others, found, places).to(codes)

    def _example(self, text: str) -> Example | None:
        reading = self._reading((text,))
        shape = shape_known(text, self._unit)
        if shape is None or shape.problems or reading.refused or reading.notes:
            return None
        if shape.read(text) is None or len(reading.items) != len(shape.outputs):
            return None  # it was not read as others of its shape
        runs = runs_of(text)
        shown = [output.display.of(text, runs) for output in shape.outputs]
        as_it_stands = shown == [item[_DISPLAY] for item in reading.items]
        return Example(shape, reading.items) if as_it_stands else None


def _in_one(told: Told, others: Integers, found: Together, places: Integers) -> Told:
    """What was told of `others` and found of texts in `places`, which are all texts."""
    if not len(places):
        return told
    count = len(others) + len(places)
    counts, starts = np.zeros(count, np.int64), np.zeros(count, np.int64)
    refused = np.zeros(count, np.bool_)
    counts[others], starts[others], refused[others] = told.counts, told.starts, told.refused
    counts[places] = found.counts
    starts[places] = told.counts.sum() + np.cumsum(found.counts) - found.counts
    fields = {name: pa.concat_arrays([said, found.fields[name]]) for name, said in told.fields.items()}
    notes = {int(others[place]): noted for place, noted in told.notes.items()}
    return Told(counts, starts, fields, refused, notes)


class _Cut:
    """Texts as bytes, and where in these digits stand; what is cut out of them."""

    def __init__(self, texts: Column) -> None:
        # With a blank after each, so that digits of two texts do not meet; and made anew, without an offset.
        apart = pc.binary_join_element_wise(texts, pa.scalar(""), pa.scalar(" "))
        self.offsets = np.frombuffer(apart.buffers()[1], np.int32)[: len(texts) + 1].astype(np.int64)
        self._content = np.frombuffer(apart.buffers()[2] or b"", np.uint8)
        is_digit = (self._content >= ord("0")) & (self._content <= ord("9"))
        changes = np.diff(is_digit.view(np.int8), prepend=0, append=0)
        self._starts, self._ends = np.flatnonzero(changes == 1), np.flatnonzero(changes == -1)

    def ends(self, members: Integers, runs: int) -> Integers:
        """Where the digits end of texts with so many runs of them: a row for each text."""
        firsts = np.searchsorted(self._starts, self.offsets[members])
        ends: Integers = self._ends[firsts[:, np.newaxis] + np.arange(runs)]
        return ends

    def out(self, starts: Integers, ends: Integers) -> Column:
        """What stands in these places."""
        lengths = ends - starts
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        ends_there: Any = pa.array(offsets).cast(pa.int32()).buffers()[1]  # raises where 2 GiB do not do
        return pa.StringArray.from_buffers(len(starts), ends_there, _buffer(self._content[places]))


class _Group:
    """The texts of one shape."""

    def __init__(self, read: Example, first: str, members: Integers, cut: _Cut) -> None:
        self.shape = read.shape
        self.items = read.items
        self.members = members
        self._first = first
        self._runs = runs_of(first)
        self._begins = cut.offsets[members]
        self._ends = cut.ends(members, len(self._runs))
        self.words = self._places(self.shape.numbers)

    def settle(self, values: Numbers) -> tuple[Numbers, Integers, Integers]:
        """Drop the texts that must be read in full; the values of the others, and where their words are.

        Args:
            values: a row for each text, a column for each number.
        """
        fine = ~np.isnan(values).any(axis=1)
        for comparison in self.shape.comparisons:
            fine &= _as_expected(values, comparison)
        self.members = self.members[fine]
        starts, ends = self._places([output.display for output in self.shape.outputs])
        return values[fine][:, [output.number for output in self.shape.outputs]], starts[fine], ends[fine]

    def _places(self, spans: Sequence[Span]) -> tuple[Integers, Integers]:
        """Where some spans begin and end: a row for each text, a column for each span."""
        starts = np.stack([self._place(span.start) for span in spans], axis=1)
        return starts, np.stack([self._place(span.end) for span in spans], axis=1)

    def _place(self, place: Place) -> Integers:
        before = self._runs[place.runs - 1][1] if place.runs else 0
        beyond = len(self._first[before : before + place.beyond].encode())
        return beyond + (self._ends[:, place.runs - 1] if place.runs else self._begins)


def _as_expected(values: Numbers, comparison: Comparison) -> Mask:
    """Of which texts it is certain that this comparison comes out as it did."""
    one, other = (
        values[:, [number for number, _ in measures]] * [float(size) for _, size in measures]
        for measures in (comparison.one, comparison.other)
    )
    larger = np.maximum(one, other)
    difference, allowed = np.abs(one - other), np.maximum(float(ROUNDING), float(TOLERANCE) * larger)
    certain = np.abs(difference - allowed) > MARGIN * (1 + larger)
    same = (difference <= allowed).all(axis=1)
    as_expected: Mask = certain.all(axis=1) & (same == comparison.same)
    return as_expected


def _measured(groups: Sequence[_Group], cut: _Cut) -> Together:
    """The measurements of the texts of some groups."""
    if not groups:
        return Together(np.zeros(0, np.int64), np.zeros(0, np.int64), {})
    words = [np.concatenate([group.words[side].ravel() for group in groups]) for side in (0, 1)]
    found = cut.out(*words).dictionary_encode()
    known = [float(value_of(word) or "nan") for word in found.dictionary.to_pylist()]
    values = np.array(known)[found.indices.to_numpy()]
    said: list[Item] = []
    which, sizes, starts, ends = [], [], [], []
    at = 0
    for group in groups:
        until = at + group.words[0].size
        each, begin, end = group.settle(values[at:until].reshape(group.words[0].shape))
        which.append(np.tile(np.arange(len(said), len(said) + len(group.items)), len(group.members)))
        said += group.items
        sizes.append(each.ravel())
        starts.append(begin.ravel())
        ends.append(end.ravel())
        at = until
    taken = pa.array(np.concatenate(which))
    fields: dict[str, Column] = {
        name: _strings(column, pa.string()).take(taken)
        for name, column in zip(_FORM.fields, zip(*said, strict=True), strict=True)
        if name not in ("value", "display")
    }
    fields["value"] = pa.array(np.concatenate(sizes))
    fields["display"] = cut.out(np.concatenate(starts), np.concatenate(ends))
    counts = [np.full(len(group.members), len(group.items)) for group in groups]
    return Together(
        np.concatenate([group.members for group in groups]),
        np.concatenate(counts),
        {name: fields[name] for name in _FORM.fields},
    )
