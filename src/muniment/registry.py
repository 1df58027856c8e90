"""The profiles there are, by the names that the ledger keeps: from a run back to what it loaded by."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa
from pydantic import BaseModel

from muniment import batch_items, evidence, ledger, quarantine, run_parts
from muniment.databases.types import metadata
from muniment.errors import MunimentError, UsageError
from muniment.museum import tables as museum
from muniment.profile import Archive, Profile
from muniment.sources.format import Format
from muniment.table import TableMapping, TableProfile
from muniment.table.mapping import PROFILE as TABLE
from muniment.table.replacing import STAGED
from muniment.table.writing import row_seen
from muniment.validation.filters import Condition
from muniment.validation.mapping_files import mapping_text, read_toml

if TYPE_CHECKING:
    from muniment.museum.mapping import Mapping as MuseumMapping

KEPT_IN = (batch_items, evidence, ledger, museum, quarantine, run_parts)
"""The modules that add Muniment's own tables to `metadata`, which is whole once this one is imported."""


def read_mapping(path: str | os.PathLike[str]) -> MuseumMapping | TableMapping:
    """Read a mapping file, of whichever profile it says that it is; raises `MappingError`."""
    text, where = mapping_text(path), str(path)
    if read_toml(text, where).get("profile") == TABLE:
        return TableMapping.parse(text, where=where)
    from muniment.museum.mapping import Mapping as MuseumMapping

    return MuseumMapping.parse(text, where=where)


def own_tables() -> Mapping[str, sa.Table]:
    """The tables of the engine and of the museum profile, by name."""
    return metadata.tables


def tables_of_all_profiles() -> list[sa.Table]:
    """All tables that Muniment itself may have in a database; those of models come besides."""
    return [*own_tables().values(), row_seen]


def staged_beside(table: str) -> str:
    """The name of the table that there is beside one whose rows are replaced as a whole."""
    return f"{table}{STAGED}"


def archive() -> Archive:
    """Where records are found by what people call them: rows of the `table` profile bear no lineage."""
    from muniment.museum.tracing import MuseumArchive

    return MuseumArchive()


def profile_of(name: str, text: str, model: type[BaseModel] | None = None) -> Profile:
    """The profile that an earlier run loaded by.

    Args:
        name: the profile's name, as the run has it.
        text: its mapping or model, as the run has it.
        model: for the `table` profile, the model; else it is imported under the name that it had.

    Raises:
        UsageError: the model cannot be imported.
        MappingError: this version of Muniment does not understand the mapping any more.
    """
    if name == TableProfile.name:
        return _table_profile(text, model)
    from muniment.museum.profile import MuseumProfile
    from muniment.museum.tracing import stored_mapping

    return MuseumProfile(stored_mapping(text))


def format_of(name: str, text: str) -> Format:
    """How the source of such a run was written."""
    if name == TableProfile.name:
        return Format.model_validate(json.loads(text)["source"])
    from muniment.museum.tracing import stored_mapping

    return stored_mapping(text).source


def _table_profile(text: str, model: type[BaseModel] | None) -> TableProfile:
    told = json.loads(text)
    if "mapping" in told:
        mapping = TableMapping.model_validate(told["mapping"] | ({"model": model} if model else {}))
        extra = [Condition.model_validate(condition) for condition in told["only"][len(mapping.only) :]]
        return TableProfile.of(mapping, extra)
    conditions = [Condition.model_validate(condition) for condition in told["only"]]
    return TableProfile(
        model or _imported(told["model"]),
        told["table"],
        only=conditions,
        source=Format.model_validate(told["source"]),
        row_lineage=told["row_lineage"],
    )


def _imported(path: str) -> type[BaseModel]:
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, MunimentError) as error:
        raise UsageError(
            f"the model {path}, by which these rows were first loaded, cannot be imported",
            hint="Go to the folder where it is, or give the model",
        ) from error
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise UsageError(
            f"{path} is no Pydantic model any more", hint="Give the model by which the rows were loaded"
        )
    return found
