"""How a delimited text is written: the `[source]` part of a mapping."""

from __future__ import annotations

import codecs
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Format(BaseModel):
    """The dialect of a delimited text file. Declared, never guessed: guessing only advises."""

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

    formula_guard: Annotated[
        bool,
        Field(
            description="Whether an apostrophe before what would be a formula is not part of the cell, "
            "as in tables that Muniment exports."
        ),
    ] = False

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
