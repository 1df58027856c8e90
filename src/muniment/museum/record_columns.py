"""Records by column: each part of all records of a chunk in arrays, from which the tables' rows are made.

A part that many records share, such as a material, stands there once. `RecordColumns` is a sequence of
`LidoRecord`s all the same: a record is made of the arrays when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute

from muniment.columns import Column
from muniment.museum.record import (
    Actor,
    Dimension,
    Identifier,
    Involvement,
    LidoRecord,
    Line,
    ObjectText,
    Resource,
    Term,
    Text,
    TimeSpan,
    Title,
    Uri,
    actors_once,
    terms_once,
)
from muniment.records import Integers

pc: Any = pyarrow.compute
_LISTS: Any = pa.ListArray  # of whose offsets Arrow's stubs know no array of numpy's

Item = tuple[Any, ...]
"""One title, one term ...: what its fields say, in the order of `Form.fields`."""

VALUE = "value"
"""The field of a part that is nothing but a text."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a part of a record consists of.

    Attributes:
        type: of one such part, for Pydantic.
        fields: names of what it says.
        several: whether a record may have more than one.
        once: makes one of those that tell the same, which a record has once.
    """

    type: Any
    fields: tuple[str, ...]
    several: bool
    once: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None = None

    def item(self, value: Any) -> Item:
        """What a part says, by field."""
        if self.fields == (VALUE,):
            return (value,)
        said: Item = _getters[self.fields](value)
        return said

    def as_mapping(self, item: Item) -> Any:
        """What `item` was made of, for Pydantic to read."""
        if self.fields == (VALUE,):
            return item[0]
        made: dict[str, Any] = {}
        for name, value in zip(self.fields, item, strict=True):
            holder, _, last = name.rpartition(".")
            (made.setdefault(holder, {}) if holder else made)[last] = value
        return made


def _of(model: Any, once: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None = None) -> Form:
    return Form(model, tuple(model.model_fields), several=True, once=once)


def _single(kind: Any) -> Form:
    return Form(kind, (VALUE,), several=False)


_SPAN: Final = Form(TimeSpan, tuple(TimeSpan.model_fields), several=False)

FORMS: Final[Mapping[str, Form]] = {
    "accession": _single(Line),
    "category": _single(Line),
    "department": _single(Line),
    "location": _single(Line),
    "web_page": _single(Uri),
    "rights": _single(Text),
    "key": _single(Line),
    "titles": _of(Title),
    "identifiers": _of(Identifier),
    "object_types": _of(Term, terms_once),
    "materials": _of(Term, terms_once),
    "subjects": _of(Term, terms_once),
    "production.actors": Form(
        Involvement,
        (*(f"actor.{name}" for name in Actor.model_fields), "role", "qualifier"),
        several=True,
    ),
    "production.date": _SPAN,
    "production.place": _single(Line),
    "dimensions": _of(Dimension),
    "acquisition.method": _single(Line),
    "acquisition.source": _single(Text),
    "acquisition.date": _SPAN,
    "acquisition.text": _single(Text),
    "texts": _of(ObjectText),
    "owners": _of(Actor, actors_once),
    "keepers": _of(Actor, actors_once),
    "resources": _of(Resource),
}
"""The parts of a record by their path in `LidoRecord`, in the order in which they are hashed."""

_getters: Final[dict[tuple[str, ...], Callable[[Any], Item]]] = {
    form.fields: attrgetter(*form.fields) for form in FORMS.values() if form.fields != (VALUE,)
}

_TYPES: Final[Mapping[str, pa.DataType]] = {
    "earliest_year": pa.int64(),
    "latest_year": pa.int64(),
    "confidence": pa.float64(),
}


def type_of(form: Form, name: str) -> pa.DataType:
    """Arrow's type of a field; text, where it is no number."""
    if form.type is Dimension and name == "value":
        return pa.float64()
    return _TYPES.get(name, pa.string())


@dataclass(frozen=True, slots=True)
class PartColumns:
    """One part of many records.

    Attributes:
        owners: the records that have it, by number; ascending, one that has several stands there as often.
        items: for each of these, its place in `fields`.
        fields: what the items say, by name: a column each.
    """

    owners: Integers
    items: Integers
    fields: Mapping[str, Column]

    def said(self, name: str) -> Column:
        """A field for each of `owners`."""
        return self.fields[name].take(pa.array(self.items))

    def by_record(self, name: str, records: Integers) -> Column:
        """A field of a part that is single, for each of some records; null where one has none."""
        places = np.full(int(records.max(initial=-1)) + 1, -1, np.int64)
        known = self.owners < len(places)
        places[self.owners[known]] = self.items[known]
        wanted = places[records]
        return self.fields[name].take(pa.array(wanted, mask=wanted < 0))

    def only(self, kept: np.ndarray[Any, np.dtype[np.bool_]]) -> PartColumns:
        """Without the parts of records that are not `kept`."""
        those = kept[self.owners]
        return self if those.all() else PartColumns(self.owners[those], self.items[those], self.fields)


def repeated(value: Any, count: int) -> Column:
    """A column that says the same so many times."""
    repeat: Any = pa.repeat  # of which Arrow's stubs know too few types
    return repeat(value, count)


def part_of_items(form: Form, owners: Sequence[int], items: Sequence[Item]) -> PartColumns:
    """A part whose items are given one by one."""
    columns = zip(*items, strict=True) if items else ((),) * len(form.fields)
    fields = {
        name: pa.array(column, type_of(form, name)) for name, column in zip(form.fields, columns, strict=True)
    }
    return PartColumns(np.array(owners, np.int64), np.arange(len(items)), fields)


def together(form: Form, parts: Sequence[PartColumns]) -> PartColumns:
    """One part of many records, from what several sources say of it, in their order within each record."""
    said = [part for part in parts if len(part.owners)]
    if len(said) == 1:
        return said[0]
    if not said:
        return part_of_items(form, (), ())
    sizes = [len(next(iter(part.fields.values()))) for part in said]
    offsets = np.cumsum([0, *sizes[:-1]])
    owners = np.concatenate([part.owners for part in said])
    items = np.concatenate([part.items + offset for part, offset in zip(said, offsets, strict=True)])
    order = np.argsort(owners, kind="stable")
    fields = {name: pa.concat_arrays([part.fields[name] for part in said]) for name in form.fields}
    return PartColumns(owners[order], items[order], fields)


class RecordColumns(Sequence[LidoRecord]):
    """Some records, held by column.

    Args:
        parts: all of `FORMS`.
        constants: the fields that are the same in all records.
        numbers: of the records that are meant, as in `PartColumns.owners`, in their order.
    """

    __slots__ = ("constants", "numbers", "parts")

    def __init__(
        self, parts: Mapping[str, PartColumns], constants: Mapping[str, str], numbers: Integers
    ) -> None:
        self.parts = parts
        self.constants = constants
        self.numbers = numbers

    @classmethod
    def of(cls, records: Sequence[LidoRecord], constants: Mapping[str, str]) -> RecordColumns:
        """These records by column."""
        numbers = range(len(records))
        parts = {path: of_records(path, records, numbers) for path in FORMS}
        return cls(parts, constants, np.arange(len(records)))

    def __len__(self) -> int:
        return len(self.numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of a list

    @overload
    def __getitem__(self, place: int) -> LidoRecord: ...
    @overload
    def __getitem__(self, place: slice) -> RecordColumns: ...
    def __getitem__(self, place: int | slice) -> LidoRecord | RecordColumns:
        if isinstance(place, slice):
            return RecordColumns(self.parts, self.constants, self.numbers[place])
        number = int(self.numbers[place])
        made: dict[str, Any] = dict(self.constants)
        for path, form in FORMS.items():
            values = [form.as_mapping(item) for item in _items_of(self.parts[path], number)]
            if values:
                holder, _, name = path.rpartition(".")
                (made.setdefault(holder, {}) if holder else made)[name] = (
                    values if form.several else values[0]
                )
        return LidoRecord.model_validate(made)

    def take(self, places: Sequence[int]) -> RecordColumns:
        """The records at these places."""
        return RecordColumns(self.parts, self.constants, self.numbers[np.asarray(places, np.int64)])

    def texts(self, path: str) -> list[str]:
        """What a part that every record has, and that is a single text, says in each."""
        said: list[str] = self.parts[path].by_record(VALUE, self.numbers).to_pylist()
        return said

    def hashes(self) -> list[bytes]:
        """The SHA-256 of all that each record says, its constants included: equal content, equal hash.

        Hashed are the parts in the order of `FORMS`: of each, how many the record has, and their fields, all
        ended by NULs, which no text holds.
        """
        if not len(self.numbers):
            return []
        count = int(self.numbers.max()) + 1
        said = [_joined(self.parts[path], form, count) for path, form in FORMS.items()]
        whole = pc.binary_join_element_wise(*said, pa.scalar(b"", pa.binary()))
        ends = np.frombuffer(whole.buffers()[1], np.int32).tolist()
        content = memoryview(whole.buffers()[2] or b"")
        common = sha256(
            "\0".join(f"{name}\0{self.constants[name]}" for name in sorted(self.constants)).encode()
        )
        hashes = []
        for number in self.numbers.tolist():
            one = common.copy()
            one.update(content[ends[number] : ends[number + 1]])
            hashes.append(one.digest())
        return hashes


def of_records(path: str, records: Sequence[LidoRecord], numbers: Iterable[int]) -> PartColumns:
    """One part of some records, which have these numbers."""
    form = FORMS[path]
    owners: list[int] = []
    items: list[Item] = []
    for number, record in zip(numbers, records, strict=True):
        value: Any = record
        for name in path.split("."):
            value = getattr(value, name) if value is not None else None
        for one in value if form.several else () if value is None else (value,):
            owners.append(number)
            items.append(form.item(one))
    return part_of_items(form, owners, items)


def _items_of(part: PartColumns, number: int) -> list[Item]:
    first, end = np.searchsorted(part.owners, [number, number + 1]).tolist()
    places = part.items[first:end].tolist()
    return [tuple(column[place].as_py() for column in part.fields.values()) for place in places]


def _joined(part: PartColumns, form: Form, count: int) -> Column:
    """For each of the first `count` records, what `RecordColumns.hashes` hashes of this part."""
    if not len(part.owners):
        return pa.scalar(b"0\0\0", pa.binary())
    columns = [_as_bytes(part.fields[name]) for name in form.fields]
    nul, nothing = pa.scalar(b"\0", pa.binary()), pa.scalar(b"", pa.binary())
    ended = pc.binary_join_element_wise(*columns, nothing, nul, null_handling="replace", null_replacement=b"")
    ends = np.searchsorted(part.owners, np.arange(count + 1)).astype(np.int32)
    lists = _LISTS.from_arrays(pa.array(ends), ended.take(pa.array(part.items)))
    counts = pa.array(np.diff(ends)).cast(pa.string()).cast(pa.binary())
    return pc.binary_join_element_wise(counts, pc.binary_join(lists, nul), nothing, nul)


def _as_bytes(column: Column) -> Column:
    if column.type == pa.float64():
        once = column.view(pa.int64()).dictionary_encode()  # by bits: -0.0 is not 0.0
        shown = [repr(value) for value in once.dictionary.view(pa.float64()).to_pylist()]
        column = pa.array(shown, pa.string()).take(once.indices)
    return (column if column.type == pa.string() else column.cast(pa.string())).cast(pa.binary())
