"""The mapping applied to whole columns: a faster way to what `reading` makes of each row.

A source of a part is read once for each distinct value of its cells, and what was read is remembered, up to
a bound. Texts that pass through unchanged are not even that: they stay in Arrow's arrays. Columns only
accept: a record of which a source finds anything to reject, or that they cannot judge, is doubtful, and rows
decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, get_type_hints

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
from pydantic import TypeAdapter, ValidationError

from muniment.columns import Column
from muniment.databases.types import KEY_CHARACTERS
from muniment.museum.blocks import Block, Mask, Section
from muniment.museum.cells import Columns
from muniment.museum.date_columns import WholeDays
from muniment.museum.dimension_columns import MeasuredTexts
from muniment.museum.distinct_reading import Distinct
from muniment.museum.fields import Cells, DateField, DimensionField, ResourceField, TextField
from muniment.museum.reading import Bound
from muniment.museum.record import URI_CHARACTERS, Text, Uri
from muniment.museum.record_columns import FORMS, VALUE, Form, PartColumns, repeated, type_of
from muniment.museum.white_space import trimmed

pc: Any = pyarrow.compute

SHARED = frozenset(("location", "production.place", "acquisition.source"))
"""Texts for which a shared row is looked up: once for each distinct one, and not for each record."""

CERTAINLY_WEB = r"^https?://[!-.0-~][!-~]*$"
"""URLs of plain ASCII, which are such under every notion of what a space is."""

CERTAINLY_URI = r"^[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~]+$"
"""URIs of plain ASCII, without what may not stand in one."""

CONTROL = np.zeros(256, np.bool_)
CONTROL[[*range(1, 9), 11, 12, *range(14, 32), 127, 0xC2]] = True
"""Bytes of UTF-8, of which texts with control characters have one; those of C1 begin as others do."""

CONTROL_CHARACTERS = r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x{9f}]"
"""`cells.CONTROL_CHARACTERS`, as RE2 spells them."""


def sections_of(sources: Sequence[Bound], columns: Columns) -> list[Section]:
    """The quickest ways to read some sources, in their order.

    What a record has once is read of all its sources together.
    """
    sections: list[Section] = []
    for path, bounds in groupby(sources, key=attrgetter("path")):
        if FORMS[path].once is not None:
            sections.append(Distinct(list(bounds), columns))
        else:
            sections += [_quickest(bound, columns) for bound in bounds]
    return sections


def _quickest(bound: Bound, columns: Columns) -> Section:
    source = bound.source
    if not columns.guarded:
        if isinstance(source, DimensionField) and source.text and source.sources() == (source.text,):
            return MeasuredTexts(bound, columns)
        if isinstance(source, DateField) and source.sources() == (source.column,) and _as_it_stands(source):
            return WholeDays(bound, columns)
    return _plain(bound, columns) or Distinct([bound], columns)


def _as_it_stands(source: DateField) -> bool:
    """Whether the whole cell is read as a date."""
    return not (source.pattern or source.split or source.verbatim)


def with_control_characters(column: Column) -> npt.NDArray[np.int64]:
    """The records whose cell holds control characters."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)
    first, end = int(offsets[column.offset]), int(offsets[column.offset + len(column)])
    content = np.frombuffer(column.buffers()[2] or b"", np.uint8)[first:end]
    if not CONTROL[content].any():
        return np.zeros(0, np.int64)
    found: Mask = pc.match_substring_regex(column, CONTROL_CHARACTERS).to_numpy(zero_copy_only=False)
    return np.flatnonzero(found)


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
