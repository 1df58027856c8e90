"""The mapping of the `table` profile: a TOML file that says which table, and what fills its columns.

Everything here is data; `model_of` makes a Pydantic model of it, by which all else goes as with any model.
`docs/reference/table-mapping.md` describes it.
"""

from __future__ import annotations

import os
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema, SkipJsonSchema
from pydantic_core import SchemaError

from muniment.sources.format import Format
from muniment.table.importing import import_model
from muniment.table.lookups import Lookup, Missing
from muniment.table.model import PrimaryKey
from muniment.table.oddities import is_bare_number
from muniment.validation.filters import Condition
from muniment.validation.mapping_files import MappingPart, checked, mapping_text, read_toml, several

PROFILE: Literal["table"] = "table"
"""What a mapping of this profile calls it."""

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"
"""Names that every database takes for a table or a column, and Pydantic for a field."""

TYPES: dict[str, type] = {
    "text": str,
    "integer": int,
    "real": float,
    "decimal": Decimal,
    "boolean": bool,
    "date": date,
    "datetime": datetime,
    "time": time,
}

TypeName = Literal["text", "integer", "real", "decimal", "boolean", "date", "datetime", "time"]

_NUMBERS_AND_DAYS = ("integer", "real", "decimal", "date", "datetime")

_TYPES_OF_BOUNDS = {
    "min": _NUMBERS_AND_DAYS,
    "max": _NUMBERS_AND_DAYS,
    "decimal_places": ("decimal",),
    "min_length": ("text",),
    "max_length": ("text",),
    "pattern": ("text",),
    "allowed": ("text",),
}

Names = Annotated[tuple[str, ...], BeforeValidator(several, json_schema_input_type=str | tuple[str, ...])]

ColumnName = Annotated[str, Field(pattern=NAME)]

Optional = Annotated[
    bool, Field(description="Whether the source may lack the column, which then counts as empty.")
]

Bound = int | float | date | datetime


class Mode(StrEnum):
    """What a load does with what the table holds already; see `docs/how-to/any-table.md`."""

    APPEND = "append"
    UPSERT = "upsert"
    REPLACE = "replace"
    HISTORY = "history"


class TableOptions(MappingPart):
    """The table that is loaded into."""

    name: Annotated[str, Field(pattern=NAME, description="The table's name.")]
    mode: Annotated[
        Mode | None,
        Field(
            description="`append`, `upsert` by the key, `replace` the whole table, or keep `history`; else "
            "upsert where there is a key, and append where there is none."
        ),
    ] = None
    key: Annotated[Names, Field(description="The column or columns that identify a row.")] = ()
    surrogate: Annotated[
        str,
        Field(
            pattern=f"^$|{NAME}",
            description="A column for a number that the database gives each row; it is then the primary key.",
        ),
    ] = ""
    row_lineage: Annotated[
        bool, Field(description="Whether each row has columns that tell its run, record and line.")
    ] = False


class Plain(MappingPart):
    """A column that is filled from the source."""

    type: Annotated[TypeName, Field(description="The type of its values.")] = "text"
    column: Annotated[str, Field(description="The source's column; else it is called the same.")] = ""
    required: Annotated[bool, Field(description="Whether a record without it is rejected.")] = False
    optional: Optional = False
    default: Annotated[
        str | int | float | bool | date | None, Field(description="What an empty cell stands for.")
    ] = None
    min: Annotated[Bound | None, Field(description="The least value.")] = None
    max: Annotated[Bound | None, Field(description="The greatest value.")] = None
    min_length: Annotated[int | None, Field(ge=0, description="The fewest characters.")] = None
    max_length: Annotated[int | None, Field(ge=1, description="The most characters.")] = None
    decimal_places: Annotated[int | None, Field(ge=0, description="The most decimal places.")] = None
    pattern: Annotated[str, Field(description="A regular expression that is found in its text.")] = ""
    allowed: Annotated[tuple[str, ...], Field(description="The only texts that it may have.")] = ()
    description: Annotated[str, Field(description="A comment on the database's column.")] = ""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _must_be_one(required=self.required, optional=self.optional)
        given = {name for name in _TYPES_OF_BOUNDS if getattr(self, name) not in (None, "", ())}
        unfit = sorted(name for name in given if self.type not in _TYPES_OF_BOUNDS[name])
        if unfit:
            raise ValueError(f"{self.type} has no {', '.join(unfit)}")
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(self.annotation(required=True))
            if self.default is not None:
                self._must_be_no_timestamp()
                adapter.validate_python(self._default)
        except ValidationError as error:
            raise ValueError(f"the default is none: {error.errors()[0]['msg']}") from None
        except SchemaError as error:
            raise ValueError(f"the pattern is none: {error}") from None
        return self

    def _must_be_no_timestamp(self) -> None:
        is_number = isinstance(self.default, int | float) or is_bare_number(str(self.default))
        if is_number and self.type in ("date", "datetime", "time"):
            raise ValueError(f"the default is none: {self.default} is a bare number, and not a {self.type}")

    @property
    def _default(self) -> Any:
        return str(self.default) if self.type in ("text", "decimal") else self.default

    def annotation(self, *, required: bool) -> Any:
        """The type of its values, with their bounds."""
        kind: Any = Literal[self.allowed] if self.allowed else TYPES[self.type]
        exact = self.type == "decimal"
        bounds: dict[str, Any] = {
            "ge": Decimal(str(self.min)) if exact and self.min is not None else self.min,
            "le": Decimal(str(self.max)) if exact and self.max is not None else self.max,
            "min_length": self.min_length,
            "max_length": self.max_length,
            "decimal_places": self.decimal_places,
            "pattern": self.pattern or None,
        }
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        typed = Annotated[kind, Field(**given)] if given else kind
        return typed if required or self.default is not None else typed | None

    def needed(self, name: str) -> list[str]:
        """The source's columns that it cannot do without."""
        return [] if self.optional else [self.column or name]

    def field(self, name: str, *, is_key: bool) -> Any:
        """The annotation and the field of a Pydantic model for it."""
        required = self.required or is_key
        told: dict[str, Any] = {"alias": self.column or name, "description": self.description or None}
        if not required:
            adapter: TypeAdapter[Any] = TypeAdapter(self.annotation(required=False))
            told["default"] = None if self.default is None else adapter.validate_python(self._default)
        annotation = self.annotation(required=required)
        return (Annotated[annotation, PrimaryKey()] if is_key else annotation, Field(**told))


class LookUp(MappingPart):
    """A column whose value is looked up in another table."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    lookup: Annotated[str, Field(pattern=NAME, description="The other table.")]
    by: Annotated[Names, Field(description="Its column or columns with the key.")]
    from_: Annotated[
        Names,
        Field(alias="from", description="The source's columns with the key; else they are called the same."),
    ] = ()
    value: Annotated[str, Field(description="The column that is wanted; else the primary key.")] = ""
    type: Annotated[TypeName, Field(description="The type of its values.")] = "integer"
    missing: Annotated[
        Missing,
        Field(
            description="What a record whose key is not there leads to: `reject`, `null`, `insert`, `wait`."
        ),
    ] = "reject"
    required: Annotated[bool, Field(description="Whether a record without a key is rejected.")] = False
    optional: Optional = False
    columns: Annotated[
        dict[ColumnName, Plain],
        Field(default_factory=dict, description="With `insert`, further columns of the added row."),
    ]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        _must_be_one(required=self.required, optional=self.optional)
        if self.columns and self.missing != "insert":
            raise ValueError('`columns` go with missing = "insert"')
        if len(self.by) != len(self.from_ or self.by):
            raise ValueError("`from` has another number of columns than `by`")
        if self.required and self.missing == "null":
            raise ValueError('what is required cannot be null: give another `missing` than "null"')
        return self

    def needed(self, name: str) -> list[str]:  # noqa: ARG002 - as of any column
        """The source's columns that it cannot do without: those of its key, and of what it adds beside it."""
        key = () if self.optional else self.from_ or self.by
        added = (part.needed(column) for column, part in self.columns.items() if column not in self.by)
        return [*key, *chain.from_iterable(added)]

    def field(self, name: str, *, is_key: bool) -> Any:  # noqa: ARG002 - as of any column
        """The annotation and the field of a Pydantic model for it."""
        row = None
        if self.columns:
            given: Any = {n: part.field(n, is_key=n in self.by) for n, part in self.columns.items()}
            row = create_model(self.lookup, **given)
        lookup = Lookup(self.lookup, self.by, self.from_, self.value, self.missing, row)
        required = self.required or is_key
        kind: Any = TYPES[self.type] if required else TYPES[self.type] | None
        marks = (lookup, PrimaryKey()) if is_key else (lookup,)
        return (Annotated[(kind, *marks)], Field() if required else Field(default=None))


def _must_be_one(*, required: bool, optional: bool) -> None:
    if required and optional:
        raise ValueError("what is required cannot be optional")


def _kind_of_column(given: Any) -> str:
    return (
        "lookup" if isinstance(given, LookUp) or (isinstance(given, dict) and "lookup" in given) else "plain"
    )


Column = Annotated[
    Annotated[Plain, Tag("plain")] | Annotated[LookUp, Tag("lookup")], Discriminator(_kind_of_column)
]


class TableMapping(MappingPart):
    """A whole mapping file of the `table` profile. `read` reads one; `parse` takes its text.

    In Python `model` may be the class itself.
    """

    profile: Annotated[Literal["table"], Field(description="Says that the file is of this kind.")] = PROFILE
    table: TableOptions
    columns: Annotated[
        dict[ColumnName, Column],
        Field(default_factory=dict, description="The columns of the table, each with what fills it."),
    ]
    model: Annotated[
        str | SkipJsonSchema[type[BaseModel]],
        Field(description="Instead of `columns`: a Pydantic model, as `package.module:Class`."),
    ] = ""
    source: Annotated[Format, Field(description="How the text is written.")] = Format()
    only: Annotated[
        tuple[Condition, ...],
        BeforeValidator(several, json_schema_input_type=Condition | tuple[Condition, ...]),
        Field(description="Which records are loaded; all conditions hold."),
    ] = ()

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if bool(self.columns) == bool(self.model):
            raise ValueError("give either `columns` or a `model`")
        if self.model and self.table.key:
            raise ValueError("a model says itself what its key is, by PrimaryKey()")
        unknown = [name for name in self.table.key if name not in self.columns]
        if unknown:
            raise ValueError(f"the key has columns that the table has not: {', '.join(unknown)}")
        optional = [name for name in self.table.key if self.columns[name].optional]
        if optional:
            raise ValueError(f"the key has columns that are optional: {', '.join(optional)}")
        return self

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> TableMapping:
        """Read a mapping file; raises `MappingError` with the place of each fault."""
        return cls.parse(mapping_text(path), where=str(path))

    @classmethod
    def parse(cls, text: str, *, where: str = "mapping") -> TableMapping:
        """Read the text of a mapping; raises `MappingError`, which names `where`."""
        return checked(cls, read_toml(text, where), where)

    @classmethod
    def as_json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of mapping files, which says of which edition of JSON Schema it is."""
        return {"$schema": GenerateJsonSchema.schema_dialect} | cls.model_json_schema()

    def as_data(self) -> dict[str, Any]:
        """All that it says, as plain data, of which the same mapping can be made; a model by its name."""
        told = self.model_dump(mode="json", by_alias=True, exclude={"model"}, exclude_defaults=True)
        if isinstance(self.model, type):
            return told | {"model": f"{self.model.__module__}:{self.model.__qualname__}"}
        return told | ({"model": self.model} if self.model else {})

    def needed(self) -> list[str]:
        """The source's columns that it cannot do without; a model says them itself."""
        return list(chain.from_iterable(part.needed(name) for name, part in self.columns.items()))

    def model_of(self) -> type[BaseModel]:
        """The Pydantic model of a row; raises `UsageError` where it cannot be imported."""
        if isinstance(self.model, type):
            return self.model
        if self.model:
            return import_model(self.model, where=f"model = {self.model!r}")
        fields: Any = {
            name: part.field(name, is_key=name in self.table.key) for name, part in self.columns.items()
        }
        return create_model(self.table.name, **fields)
