"""How a delimited text is written, and what of a workbook is read: the `[source]` part of a mapping."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from muniment.positions import column_number
from muniment.validation.filters import Condition

LAST_COLUMN = 16_384
"""Columns of a sheet, in Excel as in LibreOffice."""

LAST_ROW = 10**9
"""More rows than any sheet has."""

PART_NAME = re.compile(r"[A-Za-z0-9_-]+")
"""Names of parts stand before a dot in names of columns."""

NOT_SHARED = {"parts", "header", "columns", "skip_lines", "workbook"}
"""What a part's file does not take from that of its records: these say what stands in one file."""

ColumnType = Literal["auto", "text", "number", "date", "time"]

_RANGE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,8})?(?::([A-Z]{1,3})([1-9][0-9]{0,8})?)?")


@dataclass(frozen=True, slots=True)
class CellRange:
    """A range of cells; `bounded` tells whether its columns were named."""

    columns: range = range(LAST_COLUMN)
    first_row: int = 1
    last_row: int = LAST_ROW
    bounded: bool = False

    @classmethod
    def parse(cls, text: str) -> CellRange:
        """Read `B3:F200`, `B:F`, or `B3`, which begins there and has no end; raises `ValueError`."""
        found = _RANGE.fullmatch(text.replace("$", "").upper())
        if found is None:
            raise ValueError(f"{text!r} is no range of cells, such as B3:F200, B:F or B3")
        first, top, last, bottom = found.groups()
        columns = range(column_number(first), column_number(last) + 1 if last else LAST_COLUMN)
        given = cls(columns, int(top or 1), int(bottom or LAST_ROW), bool(last))
        if not columns or columns.stop > LAST_COLUMN or given.first_row > given.last_row:
            raise ValueError(f"the range {text!r} holds no cells")
        return given


class Workbook(BaseModel):
    """What of a workbook is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sheet: Annotated[
        str | tuple[str, ...],
        Field(
            description="The sheet to read, or several with the same columns; `*` is all that are shown. "
            "Needed where more than one holds anything."
        ),
    ] = ()
    header_row: Annotated[
        int, Field(ge=0, description="The row of the header; else the first that holds anything.")
    ] = 0
    range: Annotated[
        str, Field(description="The cells of the table with its header: B3:F200, B:F, or B3 onwards.")
    ] = ""
    types: Annotated[
        dict[str, ColumnType],
        Field(
            description="By column, how its numbers are told: `text` as they are shown, `number` without "
            "their format, `date` or `time` though they are not formatted so; else by their format."
        ),
    ] = {}
    merged: Annotated[
        Literal["first", "all"],
        Field(description="Whether the value of merged cells stands in the first of them or in all."),
    ] = "first"
    hidden_rows: Annotated[bool, Field(description="Whether rows that are not shown are read.")] = True
    hidden_sheets: Annotated[
        bool, Field(description="Whether sheets that are not shown are read without being named.")
    ] = False
    sheet_column: Annotated[
        str, Field(description="A column to add that holds the name of the record's sheet.")
    ] = ""

    @field_validator("range")
    @classmethod
    def _is_range(cls, text: str) -> str:
        if text:
            CellRange.parse(text)
        return text

    @property
    def cells(self) -> CellRange:
        """The range."""
        return CellRange.parse(self.range) if self.range else CellRange()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the sheets."""
        return (self.sheet,) if isinstance(self.sheet, str) else self.sheet


class Format(BaseModel):
    """How a source is written. Declared, never guessed: guessing only advises.

    Workbooks, Parquet and JSON lines are known by their content, JSON lines also by their name. Of what
    concerns text, `null` holds for all of them, `header` for workbooks, `columns` for workbooks and JSON
    lines, and `encoding` for JSON lines.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: Annotated[
        str, Field(description="Any encoding that Python decodes: utf-8, utf-16, cp1252, ...")
    ] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1, description="What stands between cells.")] = (
        ","
    )
    quote: Annotated[str, Field(max_length=1, description='What encloses cells; "" where nothing does.')] = (
        '"'
    )
    escape: Annotated[
        str,
        Field(
            max_length=1, description='What makes the next character ordinary; "" where only doubling does.'
        ),
    ] = ""
    header: Annotated[bool, Field(description="Whether the first record names the columns.")] = True
    columns: Annotated[
        tuple[str, ...], Field(description="The names of the columns, for a file without a header.")
    ] = ()
    skip_lines: Annotated[
        int, Field(ge=0, description="Physical lines before the header, such as a report's title.")
    ] = 0
    null: Annotated[
        tuple[str, ...],
        Field(description="Cells that mean nothing is known, after trimming; an empty cell always does."),
    ] = ()

    parts: Annotated[
        dict[str, Part],
        Field(description="Parts of records that stand in files of their own, by the names they have here."),
    ] = {}

    formula_guard: Annotated[
        bool,
        Field(
            description="Whether an apostrophe before what would be a formula is not part of the cell, "
            "as in tables that Muniment exports."
        ),
    ] = False

    workbook: Annotated[Workbook | None, Field(description="What of a workbook is read.")] = None

    nested: Annotated[
        Literal["columns", "text"],
        Field(
            description="In JSON lines and Parquet, `columns`: lists are joined, and objects have columns of "
            "their own, such as `maker.name`; `text`: either stands as JSON in one cell."
        ),
    ] = "columns"
    list_separator: Annotated[
        str, Field(min_length=1, description="There, what stands between the values of a list.")
    ] = "|"

    @model_serializer(mode="wrap")
    def _without_what_is_not_given(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As plain data, the same as before there were workbooks: it identifies the runs of a model."""
        plain: dict[str, Any] = serialize(self)
        for name in ("workbook", "parts", "nested", "list_separator"):
            if getattr(self, name) == Format.model_fields[name].default:
                plain.pop(name, None)
        return plain

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            info = codecs.lookup(encoding)
        except LookupError:
            raise ValueError(f"Python knows no encoding called {encoding!r}") from None
        if not info._is_text_encoding:
            raise ValueError(f"{encoding!r} is not a text encoding")
        return info.name

    @field_validator("parts")
    @classmethod
    def _named(cls, parts: dict[str, Part]) -> dict[str, Part]:
        for name in parts:
            if not PART_NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be a part's name: it has letters, digits, - and _ only")
        return parts

    @model_validator(mode="after")
    def _distinct(self) -> Format:
        special = [c for c in (self.delimiter, self.quote, self.escape) if c]
        if any(c in "\r\n\0" for c in special):
            raise ValueError("a line end or NUL cannot be a delimiter, quote or escape character")
        if self.delimiter in (self.quote, self.escape):
            raise ValueError("the delimiter must differ from the quote and the escape character")
        if not self.header and not self.columns:
            raise ValueError("a source without a header needs `columns`, the names of its columns")
        return self


def _names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Part(Format):
    """A file whose rows are parts of the records of another: its titles, its makers, its images.

    What is not said of its format is as the other file has it.
    """

    file: Annotated[
        str,
        Field(
            min_length=1,
            description="Its path from the other file's folder; `{suffix}` stands for the other's suffix.",
        ),
    ]
    key: Annotated[
        tuple[str, ...],
        BeforeValidator(_names, json_schema_input_type=str | tuple[str, ...]),
        Field(min_length=1, description="The column, or columns, that tell to which record a row belongs."),
    ]
    parent: Annotated[
        tuple[str, ...],
        BeforeValidator(_names, json_schema_input_type=str | tuple[str, ...]),
        Field(description="The columns of the other file that hold the key; else those of the same names."),
    ] = ()
    order: Annotated[
        str, Field(description="A column that orders the rows of a record, by number or text.")
    ] = ""
    only: Annotated[
        tuple[Condition, ...],
        BeforeValidator(
            lambda value: value if isinstance(value, list | tuple) else (value,),
            json_schema_input_type=Condition | tuple[Condition, ...],
        ),
        Field(description="Which rows are meant; all conditions hold."),
    ] = ()

    @model_validator(mode="after")
    def _as_many_columns(self) -> Part:
        if self.parent and len(self.parent) != len(self.key):
            raise ValueError("`key` and `parent` name as many columns, which belong together")
        return self

    def within(self, other: Format) -> Part:
        """This part, with what is not said of its format taken from that of the file that it is a part of."""
        kept = Format.model_fields.keys() - self.model_fields_set - NOT_SHARED
        return self.model_copy(update={name: getattr(other, name) for name in kept})


def joining_columns(given: Format, above: str = "") -> frozenset[str]:
    """The columns by which records and their parts are put together, as they are called in a record.

    These are the keys of parts, what they refer to, and what orders or chooses their rows.
    """
    found: set[str] = set()
    for name, part in given.parts.items():
        own = (*part.key, *filter(None, [part.order]), *(condition.column for condition in part.only))
        found |= {f"{above}{column}" for column in part.parent or part.key}
        found |= {f"{above}{name}.{column}" for column in own}
        found |= joining_columns(part, f"{above}{name}.")
    return frozenset(found)
