"""Cells that a spreadsheet program would take for formulas, disarmed so that it can be undone; pure."""

from __future__ import annotations

import re

GUARD = "'"
"""What spreadsheet programs take for the beginning of text, whatever follows."""

_DANGEROUS = re.compile(r"'*(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""The beginning of a formula, also where apostrophes stand before it already: so each text has one
guarded form, and each guarded form stands for one text."""


def guarded(text: str) -> str:
    """`text`, with an apostrophe before it where it would be taken for a formula."""
    return GUARD + text if _DANGEROUS.match(text) else text


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if text.startswith(GUARD) and _DANGEROUS.match(text) else text
