r"""What Arrow can tell of a column as surely as Pydantic: cells that are valid, and mean what they say.

Sound, not complete: of a cell that is not certain nothing is said. Where Arrow's regular expressions (RE2)
and Pydantic's (Rust's `regex`) differ, RE2 matches less: its `\\d`, `\\w` and `\\s` are ASCII's alone. What
turns that round, negation above all, is not compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import pyarrow.compute

from muniment.columns import Column

pc: Any = pyarrow.compute

Certain = Callable[[Column], Column]
"""Of each cell, whether it is valid and its value is the text itself, read as its type."""

INTEGER = "^-?(0|[1-9][0-9]{0,14})$"
"""Integers that every database, and a 64-bit float, holds."""

REAL = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?$"

_NUMBERS = {"int": INTEGER, "float": REAL}

_TEXT_RULES = {"type", "min_length", "max_length", "pattern", "strip_whitespace"}

_SAME_EVERYWHERE = re.compile(
    r"""\^?(?:
        (?: [A-Za-z0-9\ _/:;,@#%&=~!<>"'-]          # a plain character
          | \\[.\-+*?()\[\]{}|^$/\\dws]             # an escaped one, or a class
          | \[ (?:[A-Za-z0-9_/:;,.@\ ]|[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|\\[dws.\-])+ \]
          | \.
        )
        (?: [*+?] | \{[0-9]{1,2}(?:,(?:[0-9]{1,2})?)?\} )?
    )*\$?""",
    re.VERBOSE,
)
"""Patterns that mean the same to RE2 and to Rust's `regex`, but for the classes: see above."""


def certain_cells(rules: Mapping[str, Any]) -> Certain | None:
    """The test for values that follow these rules of a core schema of Pydantic's; None where none is known.

    Text without rules is never in doubt, and needs no test.
    """
    if rules.keys() == {"type"} and rules["type"] in _NUMBERS:
        pattern = _NUMBERS[rules["type"]]
        return lambda cells: pc.match_substring_regex(cells, pattern)
    if rules["type"] == "str" and rules.keys() <= _TEXT_RULES:
        return _certain_text(rules)
    return None


def _certain_text(rules: Mapping[str, Any]) -> Certain | None:
    tests: list[Certain] = []
    if "pattern" in rules:
        pattern = rules["pattern"]
        if not isinstance(pattern, str) or not _SAME_EVERYWHERE.fullmatch(pattern):
            return None
        tests.append(lambda cells: pc.match_substring_regex(cells, pattern))
    if "min_length" in rules:
        tests.append(lambda cells: pc.greater_equal(pc.utf8_length(cells), rules["min_length"]))
    if "max_length" in rules:
        tests.append(lambda cells: pc.less_equal(pc.utf8_length(cells), rules["max_length"]))
    if rules.get("strip_whitespace"):
        tests.append(lambda cells: pc.equal(pc.utf8_trim_whitespace(cells), cells))
    return (lambda cells: reduce(pc.and_, (test(cells) for test in tests))) if tests else None
