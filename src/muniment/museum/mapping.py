"""The mapping: one TOML file per institution that says which column is which part of the record.

Everything here is data; `museum/reading.py` applies it to rows. `docs/reference/mapping.md` describes it.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema

from muniment.databases.types import KEY_CHARACTERS
from muniment.museum.fields import Cells, Fields
from muniment.museum.parts import divided
from muniment.museum.patterns import Pattern
from muniment.museum.record import Line, Uri
from muniment.sources.format import Format
from muniment.validation.filters import Condition
from muniment.validation.mapping_files import MappingPart, checked, mapping_text, read_toml, several

Severity = Literal["reject", "note"]

MANIFEST_PATTERN = r"(?i)^https?://[^/\s]+/\S*(manifest|/iiif/)\S*$"
"""What an IIIF manifest's URL looks like unless the mapping says otherwise: nearly all name `manifest`
or lie below `/iiif/`."""


ID_CHARACTERS = 60
"""The longest id of an institution."""

RECORD_SOURCE_CHARACTERS = KEY_CHARACTERS - len("/") - ID_CHARACTERS
"""The longest record source: the id of the institution and it make a key, the scope of its records."""


class Institution(MappingPart):
    """Whose records these are."""

    name: Annotated[
        str, Field(min_length=1, max_length=RECORD_SOURCE_CHARACTERS, description="The institution's name.")
    ]
    id: Annotated[
        str,
        Field(
            pattern=rf"^[A-Za-z0-9._-]{{1,{ID_CHARACTERS}}}$",
            description="A short id, such as an ISIL; its actors' ids are told apart by it.",
        ),
    ]
    uri: Annotated[str, Field(description="A URI that identifies the institution.")] = ""
    base_uri: Annotated[
        str,
        Field(
            pattern=r"^(https?://[^\s<>\x22{}|\\^`#]+)?$",
            description="What the identifiers of exported records begin with, an http(s) URI.",
        ),
    ] = ""
    language: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
            description="The language of the records, by which numbers in dimensions are read.",
        ),
    ] = "en"


class RecordIdentity(MappingPart):
    """What identifies a record, and what kind of record it is."""

    key: Annotated[
        Cells | None,
        Field(description="What identifies the object from one export to the next; else its accession."),
    ] = None
    accession_repeats: Annotated[
        bool, Field(description="Whether several objects may bear one accession number; needs a `key`.")
    ] = False
    source: Annotated[
        str,
        Field(
            max_length=RECORD_SOURCE_CHARACTERS,
            description="The record source; else the institution's name.",
        ),
    ] = ""
    type: Annotated[Line, Field(description="LIDO's record type.")] = "item-level record"
    type_uri: Annotated[Uri, Field(description="The record type's URI.")] = (
        "http://terminology.lido-schema.org/lido00141"
    )

    @model_validator(mode="after")
    def _identified(self) -> Self:
        if self.accession_repeats and self.key is None:
            raise ValueError("where accessions repeat, another `key` must identify the object")
        return self


class Rules(MappingPart):
    """What a problem leads to: `reject` quarantines the record, `note` stores it with a note."""

    manifest: Annotated[
        Severity,
        Field(description="An IIIF manifest's URL that is no http(s) URL, or not like a manifest's."),
    ] = "reject"
    image: Annotated[Severity, Field(description="An image's URL that is no http(s) URL.")] = "note"
    uri: Annotated[
        Severity, Field(description="A URI of a term or actor that is none, or not of its `uri_prefix`.")
    ] = "reject"
    date: Annotated[
        Severity, Field(description="A date that is not understood, inverted, or of several events.")
    ] = "note"
    dimension: Annotated[
        Severity, Field(description="Dimensions that are not understood, or disagree; or are no number.")
    ] = "note"
    term: Annotated[Severity, Field(description="A term that is not in its `allowed` list.")] = "note"
    pattern: Annotated[Severity, Field(description="A value that its `pattern` finds nothing in.")] = "note"
    parallel: Annotated[Severity, Field(description="Parallel lists of unequal length.")] = "note"
    control_characters: Annotated[Severity, Field(description="Control characters in a text.")] = "note"
    number: Annotated[Severity, Field(description="A confidence that is no number.")] = "note"
    manifest_pattern: Annotated[Pattern, Field(description="What a manifest's URL looks like.")] = (
        MANIFEST_PATTERN
    )


class Mapping(MappingPart):
    """A whole mapping file. `Mapping.read` reads one; `Mapping.parse` takes its text."""

    institution: Institution
    fields: Fields
    source: Format = Format()
    record: RecordIdentity = RecordIdentity()
    rules: Rules = Rules()
    only: Annotated[
        tuple[Condition, ...],
        BeforeValidator(several, json_schema_input_type=Condition | tuple[Condition, ...]),
        Field(description="Which records are loaded; all conditions hold."),
    ] = ()
    _text: str = ""

    @model_validator(mode="after")
    def _part_lists(self) -> Self:
        """Columns of parts are lists already: see `muniment.sources.assembling`."""
        if self.source.parts:
            object.__setattr__(self, "fields", divided(self.fields, self.source.parts.keys()))
        return self

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Mapping:
        """Read a mapping file; raises `MappingError` with the place of each fault."""
        return cls.parse(mapping_text(path), where=str(path))

    @classmethod
    def parse(cls, text: str, *, where: str = "mapping") -> Mapping:
        """Read the text of a mapping; raises `MappingError`, which names `where`."""
        mapping = checked(cls, read_toml(text, where), where)
        object.__setattr__(mapping, "_text", text)
        return mapping

    @classmethod
    def as_json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of mapping files, which says of which edition of JSON Schema it is."""
        return {"$schema": GenerateJsonSchema.schema_dialect} | cls.model_json_schema()

    @property
    def text(self) -> str:
        """The text as it was read; of a mapping made in Python, its JSON."""
        return self._text or self.model_dump_json(indent=2)

    @property
    def record_source(self) -> str:
        """LIDO's record source: as the mapping says, else the institution's name."""
        return self.record.source or self.institution.name

    def sources(self) -> tuple[str, ...]:
        """Every column that the mapping reads, the key and the conditions included."""
        key = self.record.key.sources() if self.record.key else ()
        return tuple(dict.fromkeys((*key, *self.fields.sources(), *(c.column for c in self.only))))
