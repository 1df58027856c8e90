"""What an export probably is: encoding, dialect, columns, from a sample. It advises; nothing relies on it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from muniment.errors import SourceError, UsageError
from muniment.guess.columns import NULLS, ColumnProfile, count_nulls, profile
from muniment.guess.dialect import Dialect, Table, read_table
from muniment.guess.encoding import (
    EncodingGuess,
    ascii_safe,
    controls,
    given_encoding,
    guess_encoding,
    remarks_on_text,
)
from muniment.guess.sample import Sample, read_sample
from muniment.guess.tables import JSON_LINES, SampledTable, read_sampled
from muniment.sources.format import Format, Workbook
from muniment.sources.heading import unique

__all__ = ["ColumnProfile", "Dialect", "EncodingGuess", "Guess", "guess"]

TEXT = "text"
"""The kind of a delimited text."""

CONTROL_SHARE = 0.05
"""From so many control characters on, bytes that fit no encoding are no text: of random ones a tenth are."""

ESCAPED_NULL = "N"
"""What `\\N`, the null of MySQL, is once the escape character is taken away."""

ALL_OF_IT = Workbook()
"""Nothing is said of what of a workbook is read."""

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", ":": "colon", '"': "double quote"}


@dataclass(frozen=True)
class Guess:
    """What a sample of a file tells of it.

    Attributes:
        path: of the file, as given.
        size: bytes of the file as stored.
        compression: `gzip`, `zstd`, `zip` or `plain`.
        sampled_bytes: decompressed bytes that were looked at.
        whole: they are the whole file.
        encoding, dialect: how it is written.
        records: records of the sample.
        nulls: strings that mean null, or may mean it, with how many cells hold each.
        columns: a profile of each column.
        remarks: what a reader of the report should know, a sentence each.
        kind: `text`, or what says itself how it is written: `JSON lines`, `Parquet`, `workbook`.
        workbook: what of a workbook was looked at.
    """

    path: str
    size: int
    compression: str
    sampled_bytes: int
    whole: bool
    encoding: EncodingGuess
    dialect: Dialect
    records: int
    nulls: dict[str, int]
    columns: tuple[ColumnProfile, ...]
    remarks: tuple[str, ...] = ()
    kind: str = TEXT
    workbook: Workbook = ALL_OF_IT

    @property
    def null(self) -> tuple[str, ...]:
        """The strings seen that mean null for certain."""
        escaped = (ESCAPED_NULL,) if self.dialect.escape else ()
        return tuple(text for text in self.nulls if text in NULLS + escaped)

    @property
    def format(self) -> Format:
        """The guess as the `[source]` part of a mapping."""
        if self.kind != TEXT:
            return Format(null=self.null)
        return Format(
            encoding=self.encoding.name,
            delimiter=self.dialect.delimiter,
            quote=self.dialect.quote,
            escape=self.dialect.escape,
            header=self.dialect.header,
            columns=() if self.dialect.header else tuple(column.name for column in self.columns),
            skip_lines=self.dialect.skip_lines,
            null=self.null,
        )

    def as_dict(self) -> dict[str, object]:
        """The guess as plain data for JSON."""
        return {
            "path": self.path,
            "kind": self.kind,
            "size": self.size,
            "compression": self.compression,
            "sampled_bytes": self.sampled_bytes,
            "whole": self.whole,
            "encoding": {
                "name": self.encoding.name,
                "certainty": self.encoding.certainty,
                "reason": self.encoding.reason,
                "words": list(self.encoding.words),
                "others": {name: list(words) for name, words in self.encoding.others},
                "byte_order_mark": self.encoding.byte_order_mark,
            },
            "line_ends": dict(self.dialect.line_ends),
            "delimiter": self.dialect.delimiter,
            "quote": self.dialect.quote,
            "escape": self.dialect.escape,
            "header": self.dialect.header,
            "skip_lines": self.dialect.skip_lines,
            "nulls": self.nulls,
            "records": self.records,
            "columns": [column.as_dict() for column in self.columns],
            "remarks": list(self.remarks),
        }

    def report(self) -> list[str]:
        """The guess as lines of text."""
        extent = "all of it" if self.whole else f"a sample of {self.sampled_bytes:,} bytes"
        packed = "" if self.compression == "plain" else f", compressed with {self.compression}"
        line_ends = ", ".join(f"{name} ({count:,})" for name, count in self.dialect.line_ends)
        nulls = ", ".join(f"{text} ({count:,})" for text, count in self.nulls.items())
        written = [
            f"encoding   {self._encoding()}",
            f"line ends  {line_ends or 'none'}",
            f"cells      {self._cells()}",
            f"header     {self._header()}",
        ]
        lines = [
            f"{self.path}: {self.size:,} bytes{packed}",
            f"looked at  {extent}, {counted(self.records, 'record')}",
            *(
                [f"kind       {self.kind}; {counted(len(self.columns), 'column')}"]
                if self.kind != TEXT
                else written
            ),
            f"nulls      {nulls or 'none seen'}",
        ]
        for name, words in self.encoding.others:
            lines.append(f"           in {name} the same words would be {', '.join(map(ascii_safe, words))}")
        return [*lines, *(f"remark     {remark}" for remark in self.remarks), "", *self._columns()]

    def _encoding(self) -> str:
        words = ", ".join(map(ascii_safe, self.encoding.words))
        guessed = f"{self.encoding.name}, {self.encoding.certainty}: {self.encoding.reason}"
        return f"{guessed}; see {words}" if words else guessed

    def _cells(self) -> str:
        dialect = self.dialect
        special = {"delimiter": dialect.delimiter, "quote": dialect.quote, "escape": dialect.escape}
        told = ", ".join(f"{what} {named(character)}" for what, character in special.items())
        return f"{told}; {dialect.evenness:.1%} of the records have as many as the header"

    def _header(self) -> str:
        if not self.dialect.header:
            return f"none; {counted(len(self.columns), 'column')}"
        return f"on line {self.dialect.skip_lines + 1}; {counted(len(self.columns), 'column')}"

    def _columns(self) -> list[str]:
        width = max((len(column.name) for column in self.columns), default=0)
        lines = [f"{'column':{width}}  filled  different  looks like"]
        for column in self.columns:
            kind = f"{column.kind}, several by {named(column.separator)}" if column.separator else column.kind
            examples = " · ".join(column.examples)
            lines.append(
                f"{column.name:{width}}  {column.fill:6.1%}  {column.distinct:9,}  {kind}: {examples}"
            )
        return lines


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def named(character: str) -> str:
    """A special character as a reader can tell it."""
    if not character:
        return "none"
    code = f"U+{ord(character):04X}"
    return _NAMES.get(character) or (character if character.isprintable() else code)


def guess(
    path: str,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    workbook: Workbook = ALL_OF_IT,
) -> Guess:
    """Read a sample of an export, plain or compressed, and tell what it probably is.

    Args:
        path: of the file.
        encoding: taken as known.
        delimiter: taken as known.
        workbook: what of a workbook is looked at: the sheet, the row of its header ...

    Raises:
        SourceError: the file cannot be read, is empty, or is no text.
        UsageError: there is no such encoding, or the delimiter is not one character.
    """
    if delimiter is not None and (len(delimiter) != 1 or delimiter in "\r\n\0"):
        raise UsageError("a delimiter is one character, and no line end", hint=r"For a tab give $'\t'")
    sampled = read_sampled(path, workbook)
    if sampled is not None:
        return _of_table(path, sampled, workbook)
    sample = read_sample(path)
    if not sample.head.strip():
        raise SourceError("the file is empty", hint="Export it again", where=path)
    told = given_encoding(encoding, sample) if encoding else guess_encoding(sample)
    if told.certainty == "unsure" and (share := controls(sample.head)) > CONTROL_SHARE:
        raise SourceError(
            f"this is no text: {share:.0%} of its bytes are control characters",
            hint="Export it as CSV, JSON lines, Parquet or .xlsx; if it is text, say its --encoding",
            where=path,
        )
    text = told.decode(sample.head)
    table = read_table(text, whole=sample.whole, delimiter=delimiter)
    nulls = _nulls(text, table)
    certain = [text for text in nulls if text in NULLS or text == ESCAPED_NULL]
    return Guess(
        path=path,
        size=sample.size,
        compression=sample.compression,
        sampled_bytes=sample.bytes_read(),
        whole=sample.whole,
        encoding=told,
        dialect=table.dialect,
        records=len(table.rows) + table.uneven,
        nulls=nulls,
        columns=profile(unique(table.given or [""] * table.width), table.rows, certain),
        remarks=tuple(_remarks(text, table, sample)),
    )


def _of_table(path: str, sampled: SampledTable, workbook: Workbook) -> Guess:
    """What the sample of a file tells that says itself how it is written."""
    nulls = count_nulls(sampled.rows)
    remarks = []
    if sampled.broken:
        remarks.append(f"{counted(sampled.broken, 'line')} without a record would be quarantined")
    if sampled.kind == JSON_LINES and not sampled.whole:
        remarks.append("Objects further down may have more keys, which are columns too")
    return Guess(
        path=path,
        size=sampled.size,
        compression=sampled.compression,
        sampled_bytes=sampled.read,
        whole=sampled.whole,
        encoding=EncodingGuess("utf-8", "certain", f"it is {sampled.kind}"),
        dialect=Dialect(",", '"', "", header=True, skip_lines=0, line_ends=(), evenness=1.0),
        records=len(sampled.rows) + sampled.broken,
        nulls=nulls,
        columns=profile(unique(sampled.names), sampled.rows, [text for text in nulls if text in NULLS]),
        remarks=tuple(remarks),
        kind=sampled.kind,
        workbook=workbook,
    )


def _nulls(text: str, table: Table) -> dict[str, int]:
    nulls = count_nulls(table.rows)
    if table.dialect.escape:
        delimiter = re.escape(table.dialect.delimiter)
        escaped = len(re.findall(rf"(?:(?<={delimiter})|(?<=[\r\n]))\\N(?={delimiter}|[\r\n]|\Z)", text))
        nulls |= {ESCAPED_NULL: escaped} if escaped else {}
    return nulls


def _remarks(text: str, table: Table, sample: Sample) -> list[str]:
    remarks = remarks_on_text(text)
    if table.uneven:
        remarks.append(f"{counted(table.uneven, 'record')} not of {table.width} cells would be quarantined")
    repeated = sorted({name for name in table.given if table.given.count(name) > 1})
    if repeated:
        remarks.append(f"Columns share a name: {', '.join(repeated)}; the second is called `{repeated[0]}#2`")
    if not sample.whole and sample.compression != "plain":
        remarks.append("Of a compressed file only the beginning was looked at")
    return remarks
