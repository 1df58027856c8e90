"""Regular expressions and templates in a mapping: refused at once where they could never work."""

from __future__ import annotations

import re
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator


def _regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the pattern is not a regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_regular_expression)]
"""A regular expression."""


def must_be_template(template: str, pattern: str) -> None:
    """Raise `ValueError` unless a template names nothing but `value` and the groups of a pattern."""
    try:
        names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"`{template}` is no template: {error}") from None
    known = {"value", *re.compile(pattern).groupindex}
    if unknown := sorted(names - known):
        raise ValueError(
            f"the template names {', '.join(unknown)}, but there are only {', '.join(sorted(known))}"
        )
