"""Regular expressions and templates in a mapping: refused at once where they could never work.

The expressions are those of RE2, which takes time in proportion to the text, whatever the expression: one
that runs away under backtracking, such as `^(a+)+$`, would hold up a load for good, deaf to signals.
"""

from __future__ import annotations

import functools
from string import Formatter
from typing import Annotated, Protocol

import re2
from pydantic import AfterValidator

PATTERN_CHARACTERS = 100_000
"""The longest text in which all matches are looked for. A single match takes linear time, but each may have
looked ahead to the text's end: the square of this takes seconds. Names and terms are far shorter."""


class Match(Protocol):
    """What is used of a match."""

    def __getitem__(self, group: int) -> str | None:
        """What a group has found; 0 is the whole match."""
        ...


@functools.cache
def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False  # else RE2 writes them to stderr by itself
    return options


class Expression:
    """A compiled pattern; raises `ValueError` for one that RE2 does not take.

    Attributes:
        groups: how many groups it has.
        names: by name, the number of a group. RE2 makes both anew whenever it is asked.
    """

    def __init__(self, pattern: str) -> None:
        try:
            self._compiled = re2.compile(pattern, _options())
        except (re2.error, UnicodeError) as error:
            said = error.args[0].decode(errors="replace") if isinstance(error, re2.error) else str(error)
            raise ValueError(
                f"the pattern is not a regular expression of RE2: {said}. It has no lookaround such as (?=, "
                r"no backreferences such as \1, and \z in place of \Z"
            ) from None
        self.groups: int = self._compiled.groups
        self.names: dict[str, int] = self._compiled.groupindex

    def search(self, text: str) -> Match | None:
        """The first match."""
        found: Match | None = self._compiled.search(text)
        return found

    def matches(self, text: str) -> list[Match]:
        """All matches that are not empty and do not overlap; none in a text that is too long."""
        if len(text) > PATTERN_CHARACTERS:
            return []
        return [match for match in self._compiled.finditer(text) if match[0]]

    def named(self, match: Match) -> dict[str, str]:
        """What the named groups have found; "" where one has found nothing."""
        return {name: match[number] or "" for name, number in self.names.items()}


def _regular_expression(pattern: str) -> str:
    Expression(pattern)
    return pattern


Pattern = Annotated[str, AfterValidator(_regular_expression)]
"""A regular expression of RE2 (https://github.com/google/re2/wiki/Syntax)."""


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
    known = {"value", *Expression(pattern).names}
    if unknown := sorted(names - known):
        raise ValueError(
            f"the template names {', '.join(unknown)}, but there are only {', '.join(sorted(known))}"
        )
