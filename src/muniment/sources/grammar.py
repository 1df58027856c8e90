"""The grammar of delimited text, as regular expressions over bytes or over text.

    record  = cell (delimiter cell)* (line end | end of file)
    cell    = quoted | plain
    quoted  = quote (anything but a quote | two quotes | escape any)* quote
    plain   = (anything but delimiter, line end | escape any)*, not beginning with a quote

A quote within a plain cell is literal: `12" x 8"`. Line ends are LF, CRLF and bare CR, mixed at will.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from muniment.sources.encodings import Encoding
from muniment.sources.format import Format

Content: TypeAlias = Any
"""What is scanned, `bytes` or `str`: the patterns of one grammar are all for the same of the two."""

NOTHING_ELSE = "(?!)"
"""A last alternative that never matches. In Python 3.11.0 to 3.11.4 (Debian 12 has 3.11.2), a possessive
repetition whose last round fails half-way goes on from there, and not from where the round began (gh-106052);
trying one more alternative puts the place back."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """The patterns for one format in one encoding.

    Attributes:
        record: a well-formed record; group 1 is its line end.
        cells: the well-formed cells from the start of a record that a delimiter follows.
        quoted: what stands within quotes, up to the quote that closes or to the end.
        plain: a cell without quotes, or the rest of one.
        line: up to a line end, which is group 1.
        delimiter, quote, escape, line_feed, carriage_return: "" or b"" where the format has none.
    """

    record: re.Pattern[Any]
    cells: re.Pattern[Any]
    quoted: re.Pattern[Any]
    plain: re.Pattern[Any]
    line: re.Pattern[Any]
    delimiter: Content
    quote: Content
    escape: Content
    line_feed: Content
    carriage_return: Content

    def line_ends(self, content: Content, start: int, stop: int) -> int:
        """How many lines end between two places, neither of which is within a CRLF."""
        line_feed, carriage_return = self.line_feed, self.carriage_return
        returns = content.count(carriage_return, start, stop)
        both = content.count(carriage_return + line_feed, start, stop) if returns else 0
        return int(content.count(line_feed, start, stop)) + int(returns - both)


def grammar(given: Format, encoding: Encoding) -> Grammar:
    """The grammar of a format, over bytes where the encoding lets structure be found in them."""

    def special(character: str) -> str:
        """One character of a pattern; for bytes, the Latin-1 character of the same number."""
        return character.encode(encoding.codec).decode("latin-1") if encoding.as_bytes else character

    def pattern(text: str) -> re.Pattern[Any]:
        return re.compile(finished(text), re.DOTALL)

    def finished(text: str) -> Content:
        return text.encode("latin-1") if encoding.as_bytes else text

    escape_character = "" if given.escape == given.quote else given.escape
    line_feed, carriage_return = special("\n"), special("\r")
    delimiter, quote, escape = special(given.delimiter), special(given.quote), special(escape_character)
    d, q, e = re.escape(delimiter), re.escape(quote), re.escape(escape)
    ends = re.escape(carriage_return) + re.escape(line_feed)
    line_end = f"(?:{re.escape(carriage_return)}{re.escape(line_feed)}|[{ends}])"
    escaped = f"|{e}." if e else ""
    plain = f"(?:[^{d}{e}{ends}]++{escaped})*+"
    quoted = f"(?:[^{q}{e}]++|{q}{q}{escaped})*+"
    closed = rf"{q}{quoted}{q}(?=[{d}{ends}]|\Z)"
    cell = f"(?:{closed}|(?!{q}){plain})" if q else plain
    return Grammar(
        record=pattern(rf"{cell}(?:{d}{cell}|{NOTHING_ELSE})*+({line_end}|\Z)"),
        cells=pattern(f"(?:{cell}{d}|{NOTHING_ELSE})*+"),
        quoted=pattern(quoted if q else "(?!)"),
        plain=pattern(plain),
        line=pattern(f"[^{ends}]*+({line_end})"),
        delimiter=finished(delimiter),
        quote=finished(quote),
        escape=finished(escape),
        line_feed=finished(line_feed),
        carriage_return=finished(carriage_return),
    )
