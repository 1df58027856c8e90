"""Judging whole columns at once: a faster way to what the model says of each row.

Only acceptance is decided here. A row of which some column says anything else, or that leaves a required
cell empty, is doubtful: it goes to the model itself, whose words are the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from muniment.columns import Column, ColumnarRows, cell_lengths
from muniment.databases.database import Value
from muniment.databases.types import Blob, Flag, Id, Real
from muniment.table.certainty import Certain, certain_cells
from muniment.table.model import allows_none, form_of, is_structured, plain_type
from muniment.table.oddities import Oddity, oddities

pc: Any = pyarrow.compute

PLAIN = (str, int, float, bool)
"""Types whose values are stored as they are."""

ARROW_TYPES: dict[Any, pa.DataType] = {
    Id: pa.int64(),
    Real: pa.float64(),
    Flag: pa.bool_(),
    Blob: pa.binary(),
}
"""By the type of a database column, that of its values here; of all others it is text."""

MAY_BE_SPACE = np.zeros(256, np.bool_)
"""Bytes with which a character that Unicode calls white space may begin in UTF-8."""
MAY_BE_SPACE[[chr(code).encode()[0] for code in range(0x10000) if chr(code).isspace()]] = True

_CALLING = ("default_factory", "post_init", "custom_init", "validate_default")


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """Checks the cells of one field.

    Attributes:
        position: of its column; None where the source has none.
        validate: Pydantic's own check of a list of cells; None where it takes every text as it is.
        certain: tells cells that Pydantic takes for what they say; the others it is asked about.
        stored: what becomes of a valid value; None where it is stored as it is.
        required: whether an empty cell is for the model to judge; else it comes to `default`.
        odd: tells cells that Pydantic would take for numbers or dates and nobody wrote as such.
        type: of the values.
    """

    position: int | None
    validate: Callable[[list[str]], list[Any]] | None
    certain: Certain | None
    stored: Callable[[Any], Value] | None
    required: bool
    default: Value
    odd: Oddity | None
    type: pa.DataType

    def values(self, cells: Column, nothing: Column) -> tuple[Column, Column | None]:
        """The field's value in each row, and which rows have none, where any has none.

        Args:
            cells: text.
            nothing: what means that a cell is empty, stripped.
        """
        empty = _empty(cells, nothing)
        values, doubtful = cells, empty if self.required else None
        if self.validate is not None:
            values, wrong = self._validated(cells, empty)
            doubtful = wrong if doubtful is None else doubtful if wrong is None else pc.or_(doubtful, wrong)
        if empty is not None:
            values = pc.if_else(empty, pa.scalar(self.default, self.type), values)
        return values, doubtful

    def _validated(self, cells: Column, empty: Column | None) -> tuple[Column, Column | None]:
        """The values of cells that are not empty, and which of them are wrong."""
        open_to_doubt = None if empty is None else pc.invert(empty)
        values: Column | None = None
        if self.certain is not None:
            certain = self.certain(cells)
            rest = pc.invert(certain if empty is None else pc.or_(certain, empty))
            if not pc.any(rest).as_py() and empty is None:
                return cells.cast(self.type), None
            values = pc.if_else(certain, cells, pa.scalar(None, pa.string())).cast(self.type)
            open_to_doubt = _where(rest)
            if open_to_doubt is None:
                return values, None
        asked = pc.unique(cells if open_to_doubt is None else cells.filter(open_to_doubt))
        answers, wrong = self._ask(asked.to_pylist())
        told = pa.array(answers, self.type).take(pc.index_in(cells, value_set=asked))
        faulty = pc.is_in(cells, value_set=asked.take(wrong)) if len(wrong) else None
        return told if values is None else pc.if_else(open_to_doubt, told, values), faulty

    def _ask(self, cells: list[str]) -> tuple[list[Value], list[int]]:
        """The value of each cell, and the places of those that are wrong."""
        wrong = {place for place, cell in enumerate(cells) if self.odd and self.odd.fault(cell)}
        while True:
            kept = [place for place in range(len(cells)) if place not in wrong]
            try:
                valid = self.validate([cells[place] for place in kept]) if self.validate else []
                break
            except ValidationError as error:
                wrong |= {kept[place] for place in _places(error)}
        answers: list[Value] = [None] * len(cells)
        for place, value in zip(kept, valid, strict=True):
            answers[place] = value if self.stored is None or value is None else self.stored(value)
        return answers, sorted(wrong)


def _empty(cells: Column, nothing: Column) -> Column | None:
    """Which cells mean nothing once they are stripped; None where none does.

    Most columns are told by their lengths and first bytes: only what may begin with white space, or is no
    longer than the words for nothing, is looked at.
    """
    lengths = cell_lengths(cells)
    suspect = lengths <= int(cell_lengths(nothing).max(initial=0))
    content = cells.buffers()[2]
    if content is not None and content.size:
        offsets = np.frombuffer(cells.buffers()[1], np.int32)[cells.offset : cells.offset + len(cells)]
        firsts = np.frombuffer(content, np.uint8)[np.minimum(offsets, content.size - 1)]
        suspect |= MAY_BE_SPACE[firsts]
    places = np.flatnonzero(suspect)
    if not len(places):
        return None
    looked_at = cells if len(places) == len(cells) else cells.take(pa.array(places))
    found = pc.is_in(pc.utf8_trim_whitespace(looked_at), value_set=nothing)
    mask = np.zeros(len(cells), np.bool_)
    mask[places] = found.to_numpy(zero_copy_only=False)
    return _where(pa.array(mask))


def _where(mask: Column) -> Column | None:
    """The mask, or None where it is nowhere true."""
    return mask if pc.any(mask).as_py() else None


def _places(error: ValidationError) -> set[int]:
    told = error.errors(include_url=False, include_context=False, include_input=False)
    return {int(one["loc"][0]) for one in told}


def column_checks(model: type[BaseModel], positions: dict[str, int]) -> list[ColumnCheck] | None:
    """A check for each field; None where the model's verdict on a row is more than those on its cells."""
    fields = model.model_fields
    if any(map(is_structured, fields.values())) or _calls_functions(model.__pydantic_core_schema__):
        return None
    odd, config = oddities(model), _config(model)
    return [_check(field, positions.get(name), config, odd.get(name)) for name, field in fields.items()]


def _check(field: FieldInfo, position: int | None, config: Any, odd: Oddity | None) -> ColumnCheck:
    annotation: Any = field.rebuild_annotation()
    rules = _rules(annotation, config)
    cells: Any = list.__class_getitem__(annotation)
    adapter: TypeAdapter[Any] = TypeAdapter(cells, config=config)
    form = form_of(field)
    stored = None if plain_type(field.annotation) in PLAIN else form.stored
    default = None if field.is_required() else field.default
    return ColumnCheck(
        position=position,
        validate=None if rules == {"type": "str"} else adapter.validate_python,
        certain=certain_cells(rules),
        stored=stored,
        required=field.is_required() and not allows_none(field),
        default=default if default is None or stored is None else stored(default),
        odd=odd,
        type=ARROW_TYPES.get(form.column, pa.string()),
    )


def _rules(annotation: Any, config: Any) -> dict[str, Any]:
    """The core schema of a cell's text or number, with what the model's configuration adds to it."""
    schema: Any = TypeAdapter(annotation, config=config).core_schema
    inner = schema["schema"] if schema["type"] == "nullable" else schema
    if inner["type"] == "str":
        added = {name.removeprefix("str_"): value for name, value in config.items()}
    else:
        added = {name: value for name, value in config.items() if not name.startswith("str_")}
    return added | {name: rule for name, rule in inner.items() if name != "metadata"}


def _config(model: type[BaseModel]) -> dict[str, Any]:
    """What of a model's configuration bears on its cells."""
    return {name: value for name, value in model.model_config.items() if name.startswith(("str_", "strict"))}


def _calls_functions(schema: Any) -> bool:
    """Whether a schema has functions of the model's author in it, which may look at whole rows."""
    if isinstance(schema, dict):
        if str(schema.get("type", "")).startswith("function") or any(map(schema.get, _CALLING)):
            return True
        return any(_calls_functions(part) for name, part in schema.items() if name != "metadata")
    return isinstance(schema, list | tuple) and any(map(_calls_functions, schema))


def judge_columns(
    checks: Sequence[ColumnCheck], cells: ColumnarRows, nothing: frozenset[str]
) -> tuple[ColumnarRows, list[int]]:
    """The values of rows, and the places of those that are doubtful."""
    empty = pa.array(sorted(nothing), pa.string())
    values: list[Column] = []
    doubtful = np.zeros(len(cells), np.bool_)
    for check in checks:
        if check.position is None:
            values.append(pa.array([check.default], check.type).take(np.zeros(len(cells), np.int64)))
            continue
        column, doubted = check.values(cells.columns[check.position], empty)
        values.append(column)
        if doubted is not None:
            doubtful |= doubted.to_numpy(zero_copy_only=False)
    return ColumnarRows(values), np.flatnonzero(doubtful).tolist()
