"""Regular expressions and templates in a mapping: refused at once where they could never work."""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator


def _regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"the pattern is not a regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_regular_expression)]
"""A regular expression."""


def must_be_template(template: str, pattern: str) -> None:
    """Raise `ValueError` unless a template names nothing but `value` and the groups of a pattern.

    A format, as in `{value:>9}`, is refused: one cell could be made to fill the memory.
    """
    try:
        parts = [part for part in Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"`{template}` is no template: {error}") from None
    if any(format_ or conversion for _, _, format_, conversion in parts):
        raise ValueError(f"`{template}` formats what it names; write nothing but {{value}} or {{group}}")
    names = {str(name) for _, name, _, _ in parts}
    known = {"value", *re.compile(pattern).groupindex}
    if unknown := sorted(names - known):
        raise ValueError(
            f"the template names {', '.join(unknown)}, but there are only {', '.join(sorted(known))}"
        )
