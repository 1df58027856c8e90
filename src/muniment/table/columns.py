"""Judging whole columns at once: a faster way to what the model says of each row.

Only acceptance is decided here. A row of which some column says anything else, or that leaves a required
cell empty, is doubtful: it goes to the model itself, whose words are the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from muniment.databases.database import Value
from muniment.table.model import Row, allows_none, is_structured, plain_type
from muniment.table.numbers import NumberCheck, number_check

PLAIN = (str, int, float, bool)
"""Types whose values are stored as they are."""

_CALLING = ("default_factory", "post_init", "custom_init", "validate_default")


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """Checks the cells of one field.

    Attributes:
        position: of its column; None where the source has none.
        validate: Pydantic's own check of a list of cells; None where it takes every text as it is.
        required: whether an empty cell is for the model to judge; else it comes to `default`.
        number: tells cells that Pydantic would take for numbers and nobody wrote as such.
    """

    position: int | None
    validate: Callable[[list[str]], list[Value]] | None
    required: bool
    default: Value
    number: NumberCheck | None

    def values(self, cells: Sequence[str], nothing: frozenset[str], doubtful: set[int]) -> Sequence[Value]:
        """The field's value in each row; adds to `doubtful` those for which there is none."""
        left_out: set[int] = set()
        if not nothing.isdisjoint(map(str.strip, cells)):
            left_out = {index for index, cell in enumerate(cells) if cell.strip() in nothing}
            if self.required:
                doubtful |= left_out
        if self.number is not None:
            odd = {i for i, cell in enumerate(cells) if i not in left_out and self.number(cell)}
            doubtful |= odd
            left_out |= odd
        if self.validate is None and not left_out:
            return cells
        while True:
            kept = [i for i in range(len(cells)) if i not in left_out] if left_out else range(len(cells))
            try:
                given = [cells[i] for i in kept] if left_out else list(cells)
                valid: Sequence[Value] = self.validate(given) if self.validate else given
                break
            except ValidationError as error:
                wrong = {kept[place] for place in _places(error)}
                doubtful |= wrong
                left_out |= wrong
        if not left_out:
            return valid
        values = [self.default] * len(cells)
        for index, value in zip(kept, valid, strict=True):
            values[index] = value
        return values


def _places(error: ValidationError) -> set[int]:
    told = error.errors(include_url=False, include_context=False, include_input=False)
    return {int(one["loc"][0]) for one in told}


def column_checks(model: type[BaseModel], positions: dict[str, int]) -> list[ColumnCheck] | None:
    """A check for each field; None where the model's verdict on a row is more than those on its cells."""
    fields = model.model_fields
    plain = all(plain_type(f.annotation) in PLAIN and not is_structured(f) for f in fields.values())
    if not plain or _calls_functions(model.__pydantic_core_schema__):
        return None
    return [
        ColumnCheck(
            positions.get(name),
            _validator(field.rebuild_annotation(), _config(model)),
            field.is_required() and not allows_none(field),
            None if field.is_required() else field.default,
            number_check(plain_type(field.annotation)),
        )
        for name, field in fields.items()
    ]


def _validator(annotation: Any, config: Any) -> Callable[[list[str]], list[Value]] | None:
    schema: Any = TypeAdapter(annotation, config=config).core_schema
    inner = schema["schema"] if schema["type"] == "nullable" else schema
    if inner == {"type": "str"} and not config:
        return None
    adapter: TypeAdapter[Any] = TypeAdapter(list[annotation], config=config)
    return adapter.validate_python


def _config(model: type[BaseModel]) -> Any:
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
    checks: Sequence[ColumnCheck], rows: Sequence[Sequence[str]], nothing: frozenset[str]
) -> tuple[list[Row], set[int]]:
    """The values of some rows, and the places among them of those that are doubtful."""
    doubtful: set[int] = set()
    if not rows:
        return [], doubtful
    cells = list(zip(*rows, strict=True))
    values = [
        [check.default] * len(rows)
        if check.position is None
        else check.values(cells[check.position], nothing, doubtful)
        for check in checks
    ]
    return list(zip(*values, strict=True)), doubtful
