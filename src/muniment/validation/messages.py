"""Pydantic's errors in a registrar's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from muniment.records import Problem, shortened

MANY_PROBLEMS = 50
"""Problems kept of one record: more of them help nobody, and a hostile record could have thousands."""

DATE_HINT = "Write dates as 1883-12-31"
MOMENT_HINT = "Write dates as 1883-12-31, with their time as 1883-12-31T13:45:00"

_WORDING: Mapping[str, tuple[str, str, str]] = {
    # Pydantic's type: our code, the message after the field's name, the hint
    "missing": ("missing", "is missing", "Fill it in at the source"),
    "string_too_short": ("missing", "is missing", "Fill it in at the source"),
    "too_short": ("missing", "is missing", "Fill it in at the source"),
    "string_too_long": ("too-long", "is longer than {max_length} characters", "Shorten it at the source"),
    "string_pattern_mismatch": (
        "pattern",
        "does not have the form that is asked for",
        "Its form is {pattern}",
    ),
    "string_unicode": (
        "surrogate",
        "holds characters that are no valid Unicode",
        "Export the file again as UTF-8",
    ),
    "int_parsing": ("number", "is not a whole number", "Leave the cell empty where the number is not known"),
    "int_parsing_size": ("number", "is too large a number", "Correct it at the source"),
    "int_from_float": ("number", "is not a whole number", "Correct it at the source"),
    "float_parsing": ("number", "is not a number", "Leave the cell empty where the number is not known"),
    "decimal_parsing": ("number", "is not a number", "Leave the cell empty where the number is not known"),
    "finite_number": (
        "number",
        "is not a finite number",
        "Leave the cell empty where the number is not known",
    ),
    "decimal_max_places": (
        "number",
        "has more decimal places than {decimal_places}",
        "Round it at the source, or allow more",
    ),
    "decimal_max_digits": (
        "number",
        "has more digits than {max_digits}",
        "Correct it at the source, or allow more",
    ),
    "decimal_whole_digits": (
        "number",
        "has more digits before the point than {whole_digits}",
        "Correct it at the source, or allow more",
    ),
    "list_type": ("structure", "is not a list", 'Write it as ["one", "two"]'),
    "set_type": ("structure", "is not a list", 'Write it as ["one", "two"]'),
    "tuple_type": ("structure", "is not a list", 'Write it as ["one", "two"]'),
    "dict_type": ("structure", "is no set of names and values", 'Write it as {{"name": "value"}}'),
    "model_type": ("structure", "is no set of names and values", 'Write it as {{"name": "value"}}'),
    "bool_parsing": ("truth", "is neither yes nor no", "Write true or false, yes or no, 1 or 0"),
    "date_parsing": ("date", "is not a date", DATE_HINT),
    "date_from_datetime_parsing": ("date", "is not a date", DATE_HINT),
    "date_from_datetime_inexact": ("date", "is a date with a time of day, and is to have none", DATE_HINT),
    "datetime_parsing": ("date", "is not a date and time", MOMENT_HINT),
    "datetime_from_date_parsing": ("date", "is not a date and time", MOMENT_HINT),
    "time_parsing": ("time", "is not a time of day", "Write times as 13:45:00"),
    "url_parsing": ("uri", "is not a URL", "It begins with http:// or https://"),
    "url_scheme": ("uri", "is not a URL of an allowed kind", "It begins with {expected_schemes}"),
    "enum": ("not-allowed", "is not one of the values allowed", "Allowed are {expected}"),
    "literal_error": ("not-allowed", "is not one of the values allowed", "Allowed are {expected}"),
    "greater_than": ("out-of-range", "is not greater than {gt}", "Correct it at the source"),
    "greater_than_equal": ("out-of-range", "is less than {ge}", "Correct it at the source"),
    "less_than": ("out-of-range", "is not less than {lt}", "Correct it at the source"),
    "less_than_equal": ("out-of-range", "is greater than {le}", "Correct it at the source"),
}


def problems_of(
    error: ValidationError,
    columns: Mapping[str, str],
    fields: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> list[Problem]:
    """The problems that a failed validation found, each field once for each kind.

    Args:
        error: what Pydantic raised.
        columns: by field, the source's column or columns, for the problem to name.
        fields: by a field of the model, or such a one and one within it, what it is called; else as it is.
        names: by field, what a registrar calls it; else its own name with spaces.
    """
    found: dict[tuple[str, str], Problem] = {}
    for detail in error.errors(include_url=False, include_context=True)[:MANY_PROBLEMS]:
        field = _field_of(detail["loc"], fields or {})
        problem = _problem(
            detail, field, columns.get(field, ""), (names or {}).get(field, field.replace("_", " "))
        )
        found.setdefault((field, problem.code), problem)
    return list(found.values())


def _field_of(location: tuple[int | str, ...], fields: Mapping[str, str]) -> str:
    whole, first = ".".join(map(str, location[:2])), str(location[0]) if location else ""
    return fields.get(whole) or fields.get(first, first)


def _problem(detail: ErrorDetails, field: str, column: str, name: str) -> Problem:
    code, predicate, hint = _WORDING.get(detail["type"], ("invalid", "", ""))
    context: dict[str, Any] = detail.get("ctx", {})
    if predicate:
        message = f"{name} {predicate.format_map(context)}"
    else:
        # A validator's own words: Pydantic puts the kind of exception before them.
        said = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        message = f"{name}: {said}" if name else said
    value = detail["input"]
    told = shortened(value) if isinstance(value, str) else ""
    return Problem(code, message, hint.format_map(context), field=field, column=column, value=told)


def mapping_problems(error: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong with a mapping, one fault after another, each with its path and near names."""
    faults = []
    for detail in error.errors(include_url=False):
        path = ".".join(str(step) for step in detail["loc"])
        if detail["type"] == "extra_forbidden":
            *above, name = detail["loc"]
            near = _near(str(name), _names(model.model_json_schema(), above))
            faults.append(f"{path}: nothing of this name can stand here{near}")
        elif detail["type"] == "missing":
            faults.append(f"{path}: this is missing")
        else:
            faults.append(f"{path}: {detail['msg'].removeprefix('Value error, ')}")
    return "; ".join(faults)


def _near(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, [other for other in known if other != name], n=3)
    return f" (did you mean {', '.join(close)}?)" if close else ""


def _names(schema: dict[str, Any], above: Sequence[int | str]) -> set[str]:
    """The names that can stand below a place of what a JSON Schema describes.

    Args:
        schema: with its definitions.
        above: the names and indexes that lead there; one that the schema does not know is a tag by which
            Pydantic tells the alternatives of a union apart.
    """
    parts = list(_alternatives(schema, schema))
    for step in above:
        below = [part for known in parts if (part := _below(known, step)) is not None]
        parts = [one for part in below for one in _alternatives(part, schema)] or parts
    return {name for part in parts for name in part.get("properties", {})}


def _below(part: dict[str, Any], step: int | str) -> dict[str, Any] | None:
    if isinstance(step, int):
        found = [part.get("items")]
    else:
        freely = (*part.get("patternProperties", {}).values(), part.get("additionalProperties"))
        found = [part.get("properties", {}).get(step), *freely]
    return next((known for known in found if isinstance(known, dict)), None)


def _alternatives(part: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A part of a schema, or all that it leaves open, references followed."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    yield part
    for one in (*part.get("anyOf", ()), *part.get("oneOf", ())):
        yield from _alternatives(one, schema)
