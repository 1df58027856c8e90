"""White space as Python has it, in columns; Arrow's own notion of it is another."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

from muniment.columns import Column

pc: Any = pyarrow.compute

WHITE_SPACE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What `str.strip` removes."""


def trimmed(column: Column) -> Column:
    """The cells without the white space around them, as `str.strip` has it."""
    return pc.utf8_trim(column, characters=WHITE_SPACE)
