"""Packages that only some formats and places need: each belongs to an extra of Muniment's own."""

from __future__ import annotations

import importlib
from typing import Any

from muniment.errors import UsageError


def needed(module: str, extra: str, what: str) -> Any:
    """A module; raises `UsageError` where its package is not installed.

    Args:
        module: its full name.
        extra: which of Muniment's extras brings it.
        what: what it is needed for.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"{what} needs {module.partition('.')[0]}",
            hint=f'Install it: pip install "muniment[{extra}]", or in a clone pip install ".[{extra}]"',
        ) from error
