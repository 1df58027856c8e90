"""The fields of a mapping: which columns are which parts of a record, and how their cells are read.

Everything here is data; `museum/reading.py` applies it to rows. `docs/reference/mapping.md` describes it.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema

from muniment.museum.patterns import Pattern, must_be_template
from muniment.validation.mapping_files import MappingPart, several


class _NamedByColumn(MappingPart):
    """A part that may be written as nothing but the name of its column."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        part = handler(core_schema)
        name = {"type": "string", "description": "The column's name in the header."}
        return {"anyOf": [name, handler.resolve_ref_schema(part)]}


class Cells(_NamedByColumn):
    """Where a value comes from: one column, several joined, or a constant; a bare string is a column."""

    column: Annotated[str, Field(description="The column's name in the header.")] = ""
    columns: Annotated[
        tuple[str, ...], Field(description="Several columns, joined where they are filled.")
    ] = ()
    join: Annotated[str, Field(description="What is put between joined columns.")] = ", "
    constant: Annotated[str, Field(description="The same value for every record.")] = ""
    split: Annotated[str, Field(description="What separates several values in one cell.")] = ""
    pattern: Annotated[
        Pattern,
        Field(description="A regular expression that finds the value: its group `value`, the first, or all."),
    ] = ""
    null: Annotated[
        tuple[str, ...], Field(description="Cells that mean nothing is known, for this field only.")
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = sum((bool(self.column), bool(self.columns), bool(self.constant)))
        if given > 1 or (given == 0 and self._needs_origin()):
            raise ValueError("give exactly one of `column`, `columns` and `constant`")
        return self

    def _needs_origin(self) -> bool:
        return True

    def sources(self) -> tuple[str, ...]:
        """The columns that this part reads."""
        return (self.column,) if self.column else self.columns


class TextField(Cells):
    """Text with, where it is known, its kind and its language."""

    type: Annotated[str, Field(description="The kind of title, number or text.")] = ""
    language: Annotated[
        str, Field(description="The language of the text, as in `en`; else the mapping's.")
    ] = ""


class TermField(Cells):
    """Terms of a vocabulary: types, materials, subjects."""

    vocabulary: Annotated[str, Field(description="Its name; else the institution's id and the field.")] = ""
    uri: Annotated[
        str,
        Field(description="The term's URI: a template over the pattern's groups, such as `http://.../{id}`."),
    ] = ""
    uri_column: Annotated[
        str, Field(description="A column with the terms' URIs, parallel to the labels.")
    ] = ""
    uri_prefix: Annotated[
        tuple[str, ...],
        BeforeValidator(several, json_schema_input_type=str | tuple[str, ...]),
        Field(description="What URIs begin with."),
    ] = ()
    allowed: Annotated[tuple[str, ...], Field(description="The terms of a closed list.")] = ()
    language: Annotated[str, Field(description="The language of the labels.")] = ""

    @model_validator(mode="after")
    def _template_can_be_filled(self) -> Self:
        must_be_template(self.uri, self.pattern)
        return self

    def sources(self) -> tuple[str, ...]:
        """The columns that this part reads."""
        return super().sources() + ((self.uri_column,) if self.uri_column else ())


class ActorField(_NamedByColumn):
    """People and groups; each part is a column, parallel to `name` where `split` parts the cells."""

    name: Annotated[str, Field(description="Column of the names.")] = ""
    constant: Annotated[str, Field(description="The same name for every record.")] = ""
    id: Annotated[str, Field(description="Column of the export's own ids of actors.")] = ""
    uri: Annotated[str, Field(description="Column of URIs, such as ULAN's.")] = ""
    role: Annotated[str, Field(description="Column of roles; attribution words in it become qualifiers.")] = (
        ""
    )
    default_role: Annotated[str, Field(description="The role where none is given.")] = ""
    qualifier: Annotated[str, Field(description="Column of attribution qualifiers.")] = ""
    kind: Annotated[str, Field(description="Column that tells people from groups.")] = ""
    nationality: Annotated[str, Field(description="Column of nationalities.")] = ""
    birth: Annotated[str, Field(description="Column of dates of birth or foundation.")] = ""
    death: Annotated[str, Field(description="Column of dates of death or dissolution.")] = ""
    split: Annotated[str, Field(description="What separates several values in one cell.")] = ""
    pattern: Annotated[Pattern, Field(description="A regular expression that finds the name.")] = ""
    verbatim: Annotated[
        bool, Field(description="Whether names and roles are kept whole, no qualifier taken from them.")
    ] = False

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _named(self) -> Self:
        if bool(self.name) == bool(self.constant):
            raise ValueError("give either `name`, the column of the names, or `constant`")
        return self

    def columns_by_part(self) -> dict[str, str]:
        """The columns that are given, by the part of the actor that they hold."""
        parts = ("name", "id", "uri", "role", "qualifier", "kind", "nationality", "birth", "death")
        return {part: column for part in parts if (column := getattr(self, part))}

    def sources(self) -> tuple[str, ...]:
        """The columns that this part reads."""
        return tuple(self.columns_by_part().values())


class DateField(Cells):
    """A date as displayed, with bounds where the export gives them."""

    earliest: Annotated[str, Field(description="Column of the earliest date.")] = ""
    latest: Annotated[str, Field(description="Column of the latest date.")] = ""
    verbatim: Annotated[
        bool, Field(description="Whether the bounds are those two columns' and the text is not read.")
    ] = False

    def _needs_origin(self) -> bool:
        return not (self.earliest or self.latest)

    def sources(self) -> tuple[str, ...]:
        """The columns that this part reads."""
        return tuple(name for name in (*super().sources(), self.earliest, self.latest) if name)


class DimensionField(_NamedByColumn):
    """Measurements: a text to be read, or a column with numbers, with columns parallel to it."""

    text: Annotated[str, Field(description="Column with dimensions as text, such as `10 x 18 in.`.")] = ""
    column: Annotated[str, Field(description="Column with one number, or several where it is split.")] = ""
    type: Annotated[
        str, Field(description="What `column` measures: height, width, depth, diameter, weight ...")
    ] = ""
    unit: Annotated[str, Field(description="The unit of `column`, or of text that names none.")] = ""
    unit_column: Annotated[str, Field(description="Column with the unit.")] = ""
    extent: Annotated[str, Field(description="The part measured: support, frame, plate ...")] = ""
    type_column: Annotated[str, Field(description="Column that tells what each number measures.")] = ""
    extent_column: Annotated[str, Field(description="Column that tells the part measured.")] = ""
    display_column: Annotated[str, Field(description="Column with each measurement as displayed.")] = ""
    split: Annotated[str, Field(description="What separates several numbers in one cell.")] = ""
    zero_is_unknown: Annotated[bool, Field(description="Whether 0 means that nothing was measured.")] = True

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"text": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if bool(self.text) == bool(self.column):
            raise ValueError("give either `text` or `column`")
        if self.column and not (self.type or self.type_column):
            raise ValueError("say with `type` what the column measures")
        return self

    def sources(self) -> tuple[str, ...]:
        """The columns that this part reads."""
        return tuple(
            dict.fromkeys((*filter(None, (self.text, self.unit_column)), *self.columns_by_part().values()))
        )

    def columns_by_part(self) -> dict[str, str]:
        """The columns that are given of numbers and what is parallel to them, by what they hold."""
        columns = {
            "value": self.column,
            "type": self.type_column,
            "unit": self.unit_column,
            "extent": self.extent_column,
            "display": self.display_column,
        }
        return {part: column for part, column in columns.items() if column}


class AcquisitionField(MappingPart):
    """How the object came to the institution."""

    method: Annotated[Cells | None, Field(description="Gift, purchase, bequest ...")] = None
    source: Annotated[Cells | None, Field(description="From whom it was acquired.")] = None
    date: Annotated[DateField | None, Field(description="When.")] = None
    text: Annotated[Cells | None, Field(description="The acquisition in the export's own words.")] = None

    def sources(self) -> tuple[str, ...]:
        """The columns that this part reads."""
        parts = (self.method, self.source, self.date, self.text)
        return tuple(name for part in parts if part for name in part.sources())


class OcrField(Cells):
    """Text read by a machine."""

    engine: Annotated[str, Field(description="Column with the name of the program that read it.")] = ""
    confidence: Annotated[str, Field(description="Column with its confidence, 0 to 1 or in per cent.")] = ""
    language: Annotated[str, Field(description="The language of the text.")] = ""

    def sources(self) -> tuple[str, ...]:
        """The columns that this part reads."""
        return tuple(name for name in (*super().sources(), self.engine, self.confidence) if name)


class ResourceField(Cells):
    """URLs of images or of IIIF manifests."""

    rights: Annotated[str, Field(description="Column with the rights of the image.")] = ""

    def sources(self) -> tuple[str, ...]:
        """The columns that this part reads."""
        return super().sources() + ((self.rights,) if self.rights else ())


Texts = Annotated[
    tuple[TextField, ...], BeforeValidator(several, json_schema_input_type=TextField | tuple[TextField, ...])
]
Terms = Annotated[
    tuple[TermField, ...], BeforeValidator(several, json_schema_input_type=TermField | tuple[TermField, ...])
]
Actors = Annotated[
    tuple[ActorField, ...],
    BeforeValidator(several, json_schema_input_type=ActorField | tuple[ActorField, ...]),
]
Dimensions = Annotated[
    tuple[DimensionField, ...],
    BeforeValidator(several, json_schema_input_type=DimensionField | tuple[DimensionField, ...]),
]
Resources = Annotated[
    tuple[ResourceField, ...],
    BeforeValidator(several, json_schema_input_type=ResourceField | tuple[ResourceField, ...]),
]


class Fields(MappingPart):
    """For each part of the record, where it comes from. One source or a list of them."""

    accession: Annotated[Cells, Field(description="The accession or inventory number.")]
    title: Annotated[Texts, Field(description="Titles; the first that is filled is the preferred one.")]
    object_type: Annotated[Terms, Field(description="What kind of thing it is: painting, vase, drawing ...")]
    identifier: Annotated[Texts, Field(description="Former and other numbers.")] = ()
    category: Annotated[Cells | None, Field(description="The object's category.")] = None
    department: Annotated[Cells | None, Field(description="The department that keeps it.")] = None
    location: Annotated[Cells | None, Field(description="Where it is now.")] = None
    material: Annotated[Terms, Field(description="Materials and media.")] = ()
    subject: Annotated[Terms, Field(description="What it shows or is about.")] = ()
    creator: Annotated[Actors, Field(description="Who made it.")] = ()
    date: Annotated[DateField | None, Field(description="When it was made.")] = None
    place: Annotated[Cells | None, Field(description="Where it was made.")] = None
    dimension: Annotated[Dimensions, Field(description="Its measurements.")] = ()
    acquisition: Annotated[AcquisitionField | None, Field(description="How it was acquired.")] = None
    provenance: Annotated[Texts, Field(description="The provenance narrative, kept word for word.")] = ()
    description: Annotated[Texts, Field(description="Descriptions.")] = ()
    credit_line: Annotated[Texts, Field(description="The credit line.")] = ()
    text: Annotated[Texts, Field(description="Any other text, with its `type`: inscription, label ...")] = ()
    ocr: Annotated[OcrField | None, Field(description="Text read by a machine.")] = None
    owner: Annotated[Actors, Field(description="Who owns it.")] = ()
    keeper: Annotated[Actors, Field(description="Who keeps it.")] = ()
    manifest: Annotated[Resources, Field(description="IIIF manifests.")] = ()
    image: Annotated[Resources, Field(description="Images.")] = ()
    web_page: Annotated[Cells | None, Field(description="The object's page on the web.")] = None
    rights: Annotated[Cells | None, Field(description="The rights in the object or its images.")] = None

    def sources(self) -> tuple[str, ...]:
        """Every column that some field reads, each once, in the order of the fields."""
        names: dict[str, None] = {}
        for field in type(self).model_fields:
            value = getattr(self, field)
            for part in value if isinstance(value, tuple) else (value,):
                names.update(dict.fromkeys(part.sources() if part is not None else ()))
        return tuple(names)
