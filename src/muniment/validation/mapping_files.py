"""Reading mapping files: TOML in UTF-8, of bounded size, each fault with its place."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from muniment.errors import MappingError
from muniment.validation.messages import mapping_problems

MAPPING_CHARACTERS = 1024 * 1024
"""The longest mapping, a hundred times longer than any yet: what is longer is a file of another kind."""

HOW_TO_BEGIN = "`muniment guess SOURCE` writes a first one for you"

WHAT_CAN_STAND = "`muniment mapping schema` lists all that can stand here"


class MappingPart(BaseModel):
    """A part of a mapping: it cannot be changed, and knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Part = TypeVar("Part", bound=BaseModel)


def several(value: Any) -> Any:
    """What is alone is written without a list."""
    return value if isinstance(value, list | tuple) else (value,)


def mapping_text(path: str | os.PathLike[str]) -> str:
    """The text of a mapping file; raises `MappingError` where it cannot be read, or is none."""
    where = str(path)
    try:
        with Path(path).open(encoding="utf-8-sig") as file:  # Windows' editors begin it with a mark
            text = file.read(MAPPING_CHARACTERS + 1)
    except OSError as error:
        told = f"the mapping cannot be read: {error.strerror}"
        raise MappingError(told, where=where, hint=HOW_TO_BEGIN) from error
    except UnicodeDecodeError as error:
        raise MappingError("the mapping is not UTF-8 text", where=where, hint="Save it as UTF-8") from error
    if len(text) > MAPPING_CHARACTERS:
        raise MappingError(
            f"this is longer than {MAPPING_CHARACTERS:,} characters, and no mapping is",
            where=where,
            hint="Name the mapping, not the export",
        )
    return text


def read_toml(text: str, where: str) -> dict[str, Any]:
    """The content of a mapping's text; raises `MappingError` where it is not TOML."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(f"this is not TOML: {error}", where=where) from error


def checked(model: type[Part], content: dict[str, Any], where: str) -> Part:
    """The mapping that this content is; raises `MappingError`, which tells each fault."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise MappingError(mapping_problems(error, model), where=where, hint=WHAT_CAN_STAND) from error
