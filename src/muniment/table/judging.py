"""Judging rows by a Pydantic model."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from muniment.databases.types import KEY_CHARACTERS
from muniment.errors import HeaderError
from muniment.records import Accepted, Header, Problem, Records, Rejection, Verdicts, shortened
from muniment.table.model import Row, is_key, plain_type, storable
from muniment.validation.filters import Condition, row_filter
from muniment.validation.messages import problems_of

INTEGER_BITS = 63
"""Integers that every database holds: 64 bits with the sign."""

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_DECIMAL = re.compile(r"\s*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?\s*")


class TableJudge:
    """Judges rows by a Pydantic model."""

    def __init__(
        self, model: type[BaseModel], header: Header, conditions: Sequence[Condition], null: frozenset[str]
    ) -> None:
        self._model = model
        self._null = null
        self._wanted = row_filter(conditions, header)
        self._columns = _columns_by_field(model, header)
        self._names = list(self._columns)
        self._positions = [header.names.index(column) for column in self._columns.values()]
        self._whole = self._positions == list(range(len(header)))
        fields = model.model_fields
        # Pydantic takes a field by its alias where it has one.
        self._inputs = [fields[name].validation_alias or fields[name].alias or name for name in self._names]
        self._keys = [list(fields).index(name) for name, field in fields.items() if is_key(field)]
        self._numbers = [
            (position, name, _INTEGER if issubclass(kind, int) else _DECIMAL)
            for position, name in zip(self._positions, self._names, strict=True)
            if issubclass(kind := plain_type(fields[name].annotation), int | float | Decimal)
            and not issubclass(kind, bool | enum.Enum)
        ]
        self._plain = all(plain_type(f.annotation) in (str, int, float, bool) for f in fields.values())

    def judge(self, records: Records) -> Verdicts:
        """Say of each record whether it is accepted, rejected or left out."""
        indexes: list[int] = []
        values: list[Row] = []
        rejections: list[Rejection] = []
        skipped: list[int] = []
        for index, row in enumerate(records.rows):
            if index in records.unreadable:
                rejections.append(Rejection(index, (records.unreadable[index],)))
            elif self._wanted is not None and not self._wanted(row):
                skipped.append(index)
            else:
                judged = self._judge_row(row)
                if isinstance(judged, list):
                    rejections.append(Rejection(index, tuple(judged), self._readable_key(row)))
                else:
                    indexes.append(index)
                    values.append(judged)
        keys = [self._key(value) for value in values] if self._keys else [""] * len(values)
        return Verdicts(Accepted(indexes, keys, values), rejections, skipped)

    def _judge_row(self, row: Sequence[str]) -> Row | list[Problem]:
        cells = row if self._whole else [row[position] for position in self._positions]
        given: dict[Any, str] = dict(zip(self._inputs, cells, strict=True))
        if not all(map(str.strip, cells)) or not self._null.isdisjoint(cells):
            given = {name: cell for name, cell in given.items() if cell.strip() and cell not in self._null}
        odd = self._odd_numbers(row)
        if odd:
            return odd
        try:
            instance = self._model.model_validate(given)
        except ValidationError as error:
            return problems_of(error, self._columns)
        values = tuple(instance.__dict__.values())
        return values if self._plain else tuple(storable(value) for value in values)

    def _odd_numbers(self, row: Sequence[str]) -> list[Problem]:
        """Numbers that Python reads and no collection manager wrote: `1_000`, `nan`, 30 digits."""
        odd = []
        for position, name, form in self._numbers:
            cell = row[position]
            if not cell.strip() or cell in self._null:
                continue
            # 17 digits are the shortest that may not fit.
            large = (
                len(cell) > 17
                and form is _INTEGER
                and form.fullmatch(cell)
                and abs(int(cell[:400])) >> INTEGER_BITS
            )
            infinite = form is _DECIMAL and form.fullmatch(cell) and not math.isfinite(float(cell))
            if large or infinite or (("_" in cell or cell.strip().isalpha()) and not form.fullmatch(cell)):
                words = "too large a number" if large or infinite else "not a number"
                message = f"{name.replace('_', ' ')} is {words}"
                odd.append(
                    Problem(
                        "number", message, "Write it in digits", name, self._columns[name], shortened(cell)
                    )
                )
        return odd

    def _key(self, value: Row) -> str:
        return "\x1f".join(str(value[index]) for index in self._keys)

    def _readable_key(self, row: Sequence[str]) -> str | None:
        names = list(self._model.model_fields)
        cells = []
        for index in self._keys:
            if names[index] not in self._names:
                return None
            cells.append(row[self._positions[self._names.index(names[index])]].strip())
        return "\x1f".join(cells)[:KEY_CHARACTERS] if cells and all(cells) else None


def _columns_by_field(model: type[BaseModel], header: Header) -> dict[str, str]:
    """By field, the column that fills it: named as the field or its alias."""
    columns: dict[str, str] = {}
    missing = []
    for name, field in model.model_fields.items():
        names = [given for given in (field.alias, name) if given in header.names]
        if names and names[0]:
            columns[name] = names[0]
        elif field.is_required():
            wanted = field.alias or name
            near = get_close_matches(wanted, header.names, n=3)
            missing.append(f"{wanted!r} (the nearest: {', '.join(near)})" if near else repr(wanted))
    if missing:
        raise HeaderError(
            f"the model {model.__name__} needs columns that the source does not have: {'; '.join(missing)}",
            hint=f"The source has: {', '.join(header.names)}",
        )
    return columns
