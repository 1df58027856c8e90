"""Judging rows by a Pydantic model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from operator import itemgetter
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ValidationError

from muniment.columns import ColumnarRows, TextColumn, cell_lengths, chosen
from muniment.databases.types import KEY_CHARACTERS, Flag
from muniment.errors import HeaderError
from muniment.records import Accepted, Header, Problem, Records, Rejection, Verdicts, shortened
from muniment.table.columns import column_checks, judge_columns
from muniment.table.model import (
    Row,
    aliases_of,
    allows_none,
    form_of,
    is_key,
    is_structured,
    key_of,
    plain_type,
)
from muniment.table.oddities import Oddity, oddities
from muniment.validation.filters import Condition, row_filter
from muniment.validation.messages import problems_of


class TableJudge:
    """Judges rows by a Pydantic model."""

    def __init__(
        self, model: type[BaseModel], header: Header, conditions: Sequence[Condition], null: frozenset[str]
    ) -> None:
        fields = model.model_fields
        self._model = model
        self._nothing = null | {""}
        self._wanted = row_filter(conditions, header)
        self._columns = _columns_by_field(model, header)
        self._positions = {name: header.names.index(column) for name, column in self._columns.items()}
        self._inputs = [(aliases_of(fields[name]) or [name])[0] for name in self._columns]
        self._named = dict(zip(self._inputs, self._columns, strict=True))  # Pydantic tells aliases
        self._words = {
            name: column if aliases_of(fields[name]) else name.replace("_", " ")
            for name, column in self._columns.items()
        }
        self._whole = list(self._positions.values()) == list(range(len(header)))
        # A field that may be nothing but has no default must be told so: its empty cell says it.
        self._unless_given: dict[str, Any] = {
            given: None
            for given, name in zip(self._inputs, self._columns, strict=True)
            if fields[name].is_required() and allows_none(fields[name])
        }
        self._structured = [
            given
            for given, name in zip(self._inputs, self._columns, strict=True)
            if is_structured(fields[name])
        ]
        odd = oddities(model)
        self._odd: list[tuple[int, str, Oddity]] = [
            (position, name, odd[name]) for name, position in self._positions.items() if name in odd
        ]
        self._checks = column_checks(model, self._positions)
        self._fields = tuple(fields)
        self._keys = [name for name, field in fields.items() if is_key(field)]
        self._key_places = [self._fields.index(name) for name in self._keys]
        plain = all(plain_type(field.annotation) in (str, int, float, bool) for field in fields.values())
        self._stored = None if plain else [form_of(field).stored for field in fields.values()]
        self._values = itemgetter(*self._fields) if len(fields) > 1 else None

    @property
    def judges_columns(self) -> bool:
        """Whether whole columns are judged at once; else the model has more to say than its fields."""
        return self._checks is not None

    def judge_only_rows(self) -> None:
        """Judge row by row, which is the definition of what judging by columns comes to."""
        self._checks = None

    def judge(self, records: Records) -> Verdicts:
        """Say of each record whether it is accepted, rejected or left out."""
        unreadable, rows = records.unreadable, records.rows
        rejections = [Rejection(index, (problem,)) for index, problem in unreadable.items()]
        indexes: Sequence[int] = range(len(rows))
        if unreadable:
            indexes = [index for index in indexes if index not in unreadable]
        wanted, skipped = self._wanted_among(records, indexes)
        values, rejected = self._judge_rows(records, wanted)
        for place, problems in rejected.items():
            index = wanted[place]
            rejections.append(Rejection(index, tuple(problems), self._readable_key(rows[index])))
        if rejected:
            kept = [place for place in range(len(wanted)) if place not in rejected]
            wanted, values = chosen(wanted, kept), chosen(values, kept)
        rejections.sort(key=lambda rejection: rejection.index)
        return Verdicts(Accepted(wanted, self._keys_of(values), values), rejections, skipped)

    def _wanted_among(self, records: Records, indexes: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
        """The records that fulfil the conditions, and those that do not."""
        if self._wanted is None:
            return indexes, ()
        skipped = [index for index in indexes if not self._wanted(records.rows[index])]
        return sorted(set(indexes).difference(skipped)), skipped

    def _keys_of(self, values: Sequence[Row]) -> Sequence[str]:
        places = self._key_places
        if not places:
            return [""] * len(values)
        if isinstance(values, ColumnarRows) and len(places) == 1:
            column = values.columns[places[0]]
            if column.type == pa.string() and int(cell_lengths(column).max(initial=0)) <= KEY_CHARACTERS:
                return TextColumn(column)
        return [key_of([row[place] for place in places]) for row in values]

    def _judge_rows(
        self, records: Records, indexes: Sequence[int]
    ) -> tuple[Sequence[Row], dict[int, list[Problem]]]:
        """The values of some records, and by place the problems of those that are rejected."""
        values: Sequence[Row] = [()] * len(indexes)
        doubtful: Sequence[int] = range(len(indexes))
        if self._checks is not None and len(indexes):
            cells = _cells_by_column(records, indexes)
            values, doubtful = judge_columns(self._checks, cells, self._nothing)
        rejected: dict[int, list[Problem]] = {}
        accepted: dict[int, Row] = {}
        for place in doubtful:
            judged = self._judge_row(records.rows[indexes[place]])
            if isinstance(judged, list):
                rejected[place] = judged
            else:
                accepted[place] = judged
        if accepted:
            values = [accepted.get(place, row) for place, row in enumerate(values)]
        return values, rejected

    def _judge_row(self, row: Sequence[str]) -> Row | list[Problem]:
        cells = row if self._whole else [row[position] for position in self._positions.values()]
        given: dict[str, Any] = dict(zip(self._inputs, cells, strict=True))
        if not self._nothing.isdisjoint(map(str.strip, cells)):
            filled = {name: cell for name, cell in given.items() if cell.strip() not in self._nothing}
            given = self._unless_given | filled
        if self._structured:
            self._read_structures(given)
        if odd := self._odd_cells(row):
            return odd
        try:
            return self._row_of(self._model.model_validate(given))
        except ValidationError as error:
            return problems_of(error, self._columns, self._named, self._words)
        except Exception as error:  # noqa: BLE001 - a model's own validators may raise anything
            told = f"the model {self._model.__name__} fails on it: {type(error).__name__}: {error}"
            return [Problem("invalid", shortened(told), "Correct the record, or the model")]

    def _row_of(self, instance: BaseModel) -> Row:
        found = instance.__dict__
        values: Row = self._values(found) if self._values else (found[self._fields[0]],)
        if self._stored is None:
            return values
        pairs = zip(self._stored, values, strict=True)
        return tuple(None if value is None else stored(value) for stored, value in pairs)

    def _read_structures(self, given: dict[str, Any]) -> None:
        """Lists and nested models stand in their cells as JSON; of anything else Pydantic says what it is."""
        for name in self._structured:
            try:
                given[name] = json.loads(given[name])
            except (KeyError, TypeError, ValueError):
                continue

    def _odd_cells(self, row: Sequence[str]) -> list[Problem]:
        odd = []
        for position, name, one in self._odd:
            cell = row[position]
            fault = one.fault(cell)
            if fault and cell.strip() not in self._nothing:
                message, column = f"{self._words[name]} {fault}", self._columns[name]
                odd.append(Problem(one.code, message, one.hint, name, column, shortened(cell)))
        return odd

    def _readable_key(self, row: Sequence[str]) -> str | None:
        """The key of a rejected row, where each of its parts is valid by itself."""
        if not self._keys or not self._positions.keys() >= set(self._keys):
            return None
        parts = []
        for name in self._keys:
            form, cell = form_of(self._model.model_fields[name]), row[self._positions[name]]
            if cell.strip() in self._nothing or form.column is Flag:
                return None
            try:
                parts.append(form.stored(cell))
            except (ValueError, TypeError, ArithmeticError):
                return None
        return key_of(parts)


def _cells_by_column(records: Records, indexes: Sequence[int]) -> ColumnarRows:
    """The cells of some records, by column however they were read."""
    if records.columns is None:
        cells = zip(*(records.rows[index] for index in indexes), strict=True)
        return ColumnarRows([pa.array(column, pa.string()) for column in cells])
    everything = len(indexes) == len(records)
    return records.columns if everything else records.columns.take(indexes)


def _columns_by_field(model: type[BaseModel], header: Header) -> dict[str, str]:
    """By field, the column that fills it: named as the field or an alias of it."""
    columns: dict[str, str] = {}
    missing = []
    for name, field in model.model_fields.items():
        names = [*aliases_of(field), name]
        present = [given for given in names if given in header.names]
        if present:
            columns[name] = present[0]
        elif field.is_required():
            near = get_close_matches(names[0], header.names, n=3)
            told = f" (the nearest: {', '.join(near)})" if near else ""
            missing.append(f"{names[0]!r}{told}")
    if missing:
        raise HeaderError(
            f"the model {model.__name__} needs columns that the source does not have: {'; '.join(missing)}",
            hint=f"The source has: {header}",
        )
    return columns
