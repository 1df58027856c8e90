"""Cells that Pydantic takes for numbers or dates and nobody wrote as such, by the fields that they fill."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from muniment.table.model import plain_type
from muniment.table.numbers import number_check
from muniment.validation.messages import DATE_HINT, MOMENT_HINT


@dataclass(frozen=True, slots=True)
class Oddity:
    """What is looked for in the cells of a field.

    Attributes:
        fault: what is wrong with a cell; "" for nothing, and where Pydantic will say it.
        code, hint: of the problem that it is.
    """

    fault: Callable[[str], str]
    code: str
    hint: str


_BARE_NUMBER = re.compile(r"\s*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?\s*")

_DAY = Oddity(lambda cell: _unless_bare(cell, "date"), "date", DATE_HINT)
_MOMENT = Oddity(lambda cell: _unless_bare(cell, "date and time"), "date", MOMENT_HINT)

_DATES = {
    frozenset({"date"}): _DAY,
    frozenset({"datetime"}): _MOMENT,
    frozenset({"date", "datetime"}): _MOMENT,
}
"""By the types of the values that a field may have."""

_MODEL_SAYS_ITSELF = ("function-before", "function-wrap", "function-plain")
"""Validators around a whole model that see the cells before its fields do."""


def oddities(model: type[BaseModel]) -> dict[str, Oddity]:
    """By field, what is looked for in its cells; nothing in those of fields that are not named.

    A bare number is no date: Pydantic takes it for seconds since 1970, and who writes one means a year, or
    a day without its hyphens. Where a field has validators of its own, or its model says by
    `val_temporal_unit` that it means timestamps, the model decides.
    """
    found = {
        name: Oddity(check, "number", "Write it in digits")
        for name, field in model.model_fields.items()
        if (check := number_check(plain_type(field.annotation)))
    }
    if "val_temporal_unit" in model.model_config:
        return found
    schema: Any = model.__pydantic_core_schema__
    definitions = {one["ref"]: one for one in schema.get("definitions", ())}
    for name, field in _fields(schema, definitions).items():
        if one := _DATES.get(frozenset(_types(field["schema"], definitions))):
            found[name] = one
    return found


def _fields(schema: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The core schemas of a model's fields; none where a validator of the whole model comes before them."""
    while schema["type"] != "model-fields":
        if schema["type"] in _MODEL_SAYS_ITSELF:
            return {}
        schema = definitions[schema["schema_ref"]] if "schema_ref" in schema else schema["schema"]
    fields: Mapping[str, Any] = schema["fields"]
    return fields


def _types(schema: Any, definitions: Mapping[str, Any]) -> Iterator[str]:
    """The types of the values that a core schema allows, besides None; a validator is one of its own."""
    if schema["type"] in ("default", "nullable"):
        yield from _types(schema["schema"], definitions)
    elif schema["type"] == "definition-ref":
        yield from _types(definitions[schema["schema_ref"]], definitions)
    elif schema["type"] == "union":
        for choice in schema["choices"]:
            yield from _types(choice[0] if isinstance(choice, tuple) else choice, definitions)
    else:
        yield schema["type"]


def is_bare_number(cell: str) -> bool:
    """Whether a text is nothing but a number, of which Pydantic would make a moment."""
    return _BARE_NUMBER.fullmatch(cell) is not None


def _unless_bare(cell: str, wanted: str) -> str:
    return f"is a bare number, and not a {wanted}" if is_bare_number(cell) else ""
