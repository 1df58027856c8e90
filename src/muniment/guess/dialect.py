"""How a delimited text is written: tried out, and judged by how even its records come out."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from muniment.sources.parsing import FIELD_BYTES

DELIMITERS = (",", ";", "\t", "|", ":", "^", "~", "¦", "þ", "§", "\x01", "\x14", "\x1c", "\x1e", "\x1f")
"""What is tried, the usual first: Concordance has \\x14, several old collection systems ^, ~ or ¦."""

QUOTES = ('"', "'", "þ", "`")
"""What is tried; `þ` is Concordance's."""

ESCAPE = "\\"
"""The one escape character in use; MySQL writes it."""

TRIAL_CHARACTERS = 96 * 1024
"""Characters on which each combination is tried: a hundred records decide."""

CONDENSED_CHARACTERS = 4 * 1024 * 1024
"""Characters from which those of a trial are taken: pictures in base64 leave little of them."""

REPORT_LINES = 20
"""Records that may precede the header, such as a report's title and date."""

EVEN_SHARE = 0.5
"""The share of records of one width below which a delimiter is not believed."""

QUOTED_SHARE = 0.3
"""The share of quoted cells from which on a quote other than the usual one is plain to see."""

LONGEST_NAME = 100
"""Characters of a column's name, beyond which a first record is no header."""

_DATA = re.compile(r"[-+]?[0-9]+([.,][0-9]+)*|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|https?://\S+")
_RUN = re.compile(r"[A-Za-z0-9+/=]{100,}")
_LINE_ENDS = {"\r\n": "CRLF", "\n": "LF", "\r": "CR"}


@dataclass(frozen=True)
class Dialect:
    """How a text is written; the words are those of `muniment.sources.format.Format`.

    Attributes:
        delimiter, quote, escape, header, skip_lines: as there.
        line_ends: `CRLF`, `LF` and `CR` with how often each occurs, within cells included, the most
            frequent first.
        evenness: the share of records that have as many cells as the header, 0 to 1.
    """

    delimiter: str
    quote: str
    escape: str
    header: bool
    skip_lines: int
    line_ends: tuple[tuple[str, int], ...]
    evenness: float


@dataclass(frozen=True)
class Table:
    """A text read in a dialect.

    Attributes:
        given: the header's cells; none where there is no header.
        rows: the records that have as many cells as most have.
        uneven: how many have more or fewer.
        width: how many cells most records have.
    """

    dialect: Dialect
    given: tuple[str, ...]
    rows: list[list[str]]
    uneven: int
    width: int


@dataclass(frozen=True)
class _Trial:
    delimiter: str
    quote: str
    escape: str
    score: float = 0.0

    def read(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Each record that is not blank, with the number of physical lines before it."""
        options: dict[str, Any] = {"delimiter": self.delimiter, "escapechar": self.escape or None}
        if self.quote:
            options["quotechar"] = self.quote
        else:
            options["quoting"] = csv.QUOTE_NONE
        if csv.field_size_limit() < FIELD_BYTES:
            csv.field_size_limit(FIELD_BYTES)
        reader, line = csv.reader(io.StringIO(text, newline=""), **options), 0
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num


def read_table(text: str, *, whole: bool, delimiter: str | None = None) -> Table:
    """Guess the dialect of a text, and read the text in it.

    Args:
        text: the beginning of a file, without its byte order mark.
        whole: it is all of the file; else its last record may be cut, and is left out.
        delimiter: taken as known.
    """
    trial = _best_trial(_for_trial(text), delimiter)
    records = list(trial.read(text))
    if not whole and len(records) > 1:
        records.pop()
    width = _usual_width([row for _, row in records])
    first = _first_of_table([row for _, row in records[: REPORT_LINES + 1]], width)
    skip = records[first][0] if first else 0
    rows = [row for _, row in records[first:]]
    header = bool(rows) and _is_header(rows[0], [row for row in rows[1:] if len(row) == width])
    body = rows[1:] if header else rows
    even = [row for row in body if len(row) == width]
    evenness = len(even) / len(body) if body else 1.0
    dialect = Dialect(trial.delimiter, trial.quote, trial.escape, header, skip, _line_ends(text), evenness)
    return Table(dialect, tuple(rows[0]) if header else (), even, len(body) - len(even), width)


def _for_trial(text: str) -> str:
    """The beginning of the text, in whole lines, without the long runs that no delimiter interrupts."""
    condensed = _RUN.sub("x", text[:CONDENSED_CHARACTERS])
    part = condensed[:TRIAL_CHARACTERS]
    if len(part) == len(condensed):
        return part
    end = max(part.rfind("\n"), part.rfind("\r")) + 1
    return part[:end] if end else part


def _line_ends(text: str) -> tuple[tuple[str, int], ...]:
    both = text.count("\r\n")
    counts = {"\r\n": both, "\n": text.count("\n") - both, "\r": text.count("\r") - both}
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])
    return tuple((_LINE_ENDS[end], count) for end, count in ranked if count)


def _best_trial(text: str, delimiter: str | None) -> _Trial:
    """The combination that reads the text best; a single column where none reads it evenly."""
    delimiters = (delimiter,) if delimiter else tuple(d for d in DELIMITERS if d in text)
    quotes = tuple(q for q in QUOTES if q == '"' or q in text) + (("",) if '"' in text else ())
    trials = [
        _judged(_Trial(d, q, e), text)
        for d in delimiters
        for q in quotes
        for e in (("", ESCAPE) if ESCAPE in text else ("",))
        if q != d
    ]
    usual = _Trial(delimiter or ",", '"', "")
    return (
        max(trials, key=lambda trial: trial.score, default=usual) if any(t.score for t in trials) else usual
    )


def _judged(trial: _Trial, text: str) -> _Trial:
    """The trial with its score: even records, many cells, and quotes that open and close as they should."""
    fit = _quotes_fit(trial, text)
    if not fit:
        return trial
    widths = Counter(len(row) for _, row in trial.read(text))
    width, even = max(widths.items(), key=lambda pair: (pair[0] > 1, pair[1] * pair[0]), default=(1, 0))
    share = even / max(1, sum(widths.values()))
    if share < EVEN_SHARE:
        return trial
    score = share**2 * (1.01 - 1 / width) * fit
    return _Trial(trial.delimiter, trial.quote, trial.escape, score)


def _quotes_fit(trial: _Trial, text: str) -> float:
    """How well the quotes of the text are those of the trial, 0 (not at all) to about 1."""
    opened, closed = _quoted_cells(trial, text)
    if not trial.quote:
        return 0.9 * (1 - closed / opened) if opened else 0.0
    if not opened:
        return 1.0 if trial.quote == '"' else 0.0
    cells = text.count(trial.delimiter) + text.count("\n") + 1
    plain = closed > QUOTED_SHARE * cells
    return closed / opened * (1.3 if plain else 1.0 if trial.quote == '"' else 0.97)


def _quoted_cells(trial: _Trial, text: str) -> tuple[int, int]:
    """How many cells begin with a quote, and how many of these also end with theirs."""
    d, q, escape = (re.escape(c) for c in (trial.delimiter, trial.quote or '"', trial.escape))
    begin = rf"(?:(?<={d})|(?<=[\r\n])|\A){q}"
    inner = rf"(?:[^{q}{escape}]|{escape}.|{q}{q})*+" if escape else rf"(?:[^{q}]|{q}{q})*+"
    opened = len(re.findall(begin, text))
    closed = sum(1 for _ in re.finditer(rf"{begin}{inner}{q}(?=[\r\n]|{d}|\Z)", text, re.DOTALL))
    return max(opened, closed), closed


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    widths = Counter(map(len, rows))
    return max(widths, key=lambda width: (widths[width], width), default=1)


def _first_of_table(rows: Sequence[Sequence[str]], width: int) -> int:
    """The index of the first row that is not of a report's title: as wide as the table, and filled."""
    for index, row in enumerate(rows):
        filled = sum(bool(cell.strip()) for cell in row)
        if len(row) == width and (width < 3 or filled > max(1, width // 4)):
            return index
    return 0


def _is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: it is unlike what stands below it."""
    names = [cell.strip() for cell in first]
    if not any(names) or any(len(name) > LONGEST_NAME for name in names):
        return False
    unlike = alike = 0
    for index, name in enumerate(names):
        cells = [row[index].strip() for row in body if index < len(row) and row[index].strip()]
        data = sum(bool(_DATA.fullmatch(cell)) for cell in cells) > 0.9 * len(cells)
        if name and cells and data:
            unlike, alike = unlike + (not _DATA.fullmatch(name)), alike + bool(_DATA.fullmatch(name))
        elif name and name in cells:
            alike += 1
    if unlike == alike:
        return not any(_DATA.fullmatch(name) for name in names)
    return unlike > alike
