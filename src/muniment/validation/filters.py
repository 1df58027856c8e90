"""Conditions on a row: which records of a source a run loads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from muniment.errors import HeaderError, UsageError
from muniment.records import Header


def _several(value: object) -> object:
    """One value is written without a list."""
    return (value,) if isinstance(value, str) else value


class Condition(BaseModel):
    """What a column must hold for a record to be loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: Annotated[str, Field(description="The column that decides.")]
    equals: Annotated[
        tuple[str, ...],
        BeforeValidator(_several, json_schema_input_type=str | tuple[str, ...]),
        Field(description="One of these values, after trimming."),
    ] = ()
    first: Annotated[str, Field(description="The lower end of a range, in the natural order of numbers.")] = (
        ""
    )
    last: Annotated[
        str,
        Field(
            description="The upper end of a range; it includes this and what begins with it: 1999 has 1999.4."
        ),
    ] = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if bool(self.equals) == bool(self.first or self.last):
            raise ValueError("give either `equals`, or `first` and `last`, the ends of a range")
        first, last = natural(self.first), natural(self.last)
        if last and first[: len(last)] > last:
            raise ValueError(f"the range ends, with {self.last}, before it begins, with {self.first}")
        return self

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read `column=value` or `column=first..last`; raises `UsageError` for anything else."""
        column, equals_sign, value = text.partition("=")
        if not equals_sign or not column.strip():
            raise UsageError(
                f"{text!r} is no condition", hint="Write it as column=value or column=first..last"
            )
        first, dots, last = value.partition("..")
        if dots and not (first.strip() or last.strip()):
            raise UsageError(
                f"{text!r} is a range without ends", hint="Give at least one: column=first..last"
            )
        if dots:
            try:
                return cls(column=column.strip(), first=first.strip(), last=last.strip())
            except ValidationError:
                hint = "Write the lower end first: column=first..last"
                raise UsageError(f"{text!r} is a range that ends before it begins", hint=hint) from None
        return cls(column=column.strip(), equals=(value.strip(),))

    def holds(self, cell: str) -> bool:
        """Whether a cell fulfils the condition."""
        stripped = cell.strip()
        if self.equals:
            return stripped in self.equals
        number, last = natural(stripped), natural(self.last)
        return bool(number) and natural(self.first) <= number and (not last or number[: len(last)] <= last)


def natural(text: str) -> list[tuple[int, int, str]]:
    """A sort key that orders `1999.10` after `1999.9`: digits count as numbers, however many."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [_weight(part) for part in parts]


def _weight(part: str) -> tuple[int, int, str]:
    if part[0] not in "0123456789":
        return (1, 0, part)
    digits = part.lstrip("0")
    return (0, len(digits), digits)


def row_filter(conditions: Sequence[Condition], header: Header) -> Callable[[Sequence[str]], bool] | None:
    """A function that tells whether a row fulfils all conditions; None where there are none.

    Raises:
        HeaderError: a condition names a column that the source does not have.
    """
    if not conditions:
        return None
    for condition in conditions:
        if condition.column not in header.names:
            near = get_close_matches(condition.column, header.names, n=3)
            raise HeaderError(
                f"the source has no column {condition.column!r} to choose records by",
                hint=f"The nearest are: {', '.join(near) or header}",
            )
    checks = [(header.names.index(condition.column), condition.holds) for condition in conditions]
    return lambda row: all(holds(row[index]) for index, holds in checks)
