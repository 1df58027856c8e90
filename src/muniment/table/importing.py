"""Finding the Pydantic model that `package.module:Class` names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from pydantic import BaseModel

from muniment.errors import UsageError


def import_model(name: str, where: str = "") -> type[BaseModel]:
    """The model `package.module:Class`, looked for in the current folder too.

    Args:
        name: so written.
        where: what asks for it, for messages; else the option `--model`.

    Raises:
        UsageError: there is no such module or class, importing it fails, or it is no Pydantic model.
    """
    where = where or f"--model {name}"
    module_name, colon, class_name = name.partition(":")
    if not (module_name and colon and class_name):
        raise UsageError(f"{name!r} names no model", hint="Write it as package.module:Class")
    look_in_current_folder()
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module may raise anything at all
        raise UsageError(
            f"importing {module_name} fails: {type(error).__name__}: {error}",
            where=where,
            hint="A module is looked for in the current folder and where Python finds packages",
        ) from error
    found = getattr(module, class_name, None)
    if found is None:
        models = [key for key, value in vars(module).items() if _is_model(value)]
        told = f"Its models are {', '.join(models)}" if models else "It holds no Pydantic model"
        raise UsageError(f"{module_name} has no {class_name}", where=where, hint=told)
    if not _is_model(found):
        raise UsageError(
            f"{class_name} is no Pydantic model",
            where=where,
            hint="It must inherit from pydantic.BaseModel",
        )
    model: type[BaseModel] = found
    return model


def look_in_current_folder() -> None:
    """Let modules of the current folder be imported, where Python does not look by itself."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _is_model(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel) and value is not BaseModel
