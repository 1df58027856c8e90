"""Muniment: collection exports into a database, every record accounted for.

A name is imported with what it needs when it is first asked for. A program that reads pays nothing for
loading, one that loads tables nothing for museum objects, and a worker nothing for either's surroundings.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from muniment.api import check, load
    from muniment.async_loops import async_batches
    from muniment.config import RejectBudget, Settings
    from muniment.databases.async_engines import async_engine, async_sessions
    from muniment.databases.engines import engine
    from muniment.databases.sessions import sessions
    from muniment.errors import MunimentError
    from muniment.exporting import export
    from muniment.exports.writing import Exported
    from muniment.loops import batches
    from muniment.museum.mapping import Mapping
    from muniment.museum.record import LidoRecord
    from muniment.read.queries import Query
    from muniment.records import Account, Problem
    from muniment.run import Run
    from muniment.sources.format import Format
    from muniment.table import Lookup, PrimaryKey, TableMapping
else:
    HOMES = {
        "muniment.api": ("check", "load"),
        "muniment.async_loops": ("async_batches",),
        "muniment.config": ("RejectBudget", "Settings"),
        "muniment.databases.async_engines": ("async_engine", "async_sessions"),
        "muniment.databases.engines": ("engine",),
        "muniment.databases.sessions": ("sessions",),
        "muniment.errors": ("MunimentError",),
        "muniment.exporting": ("export",),
        "muniment.exports.writing": ("Exported",),
        "muniment.loops": ("batches",),
        "muniment.museum.mapping": ("Mapping",),
        "muniment.museum.record": ("LidoRecord",),
        "muniment.read.queries": ("Query",),
        "muniment.records": ("Account", "Problem"),
        "muniment.run": ("Run",),
        "muniment.sources.format": ("Format",),
        "muniment.table": ("Lookup", "PrimaryKey", "TableMapping"),
    }
    HOME_OF = {name: home for home, names in HOMES.items() for name in names}
    MODULES = ("errors", "events", "read", "table")  # whoever imports `muniment` alone finds them too

    def __getattr__(name: str) -> Any:
        if name in MODULES:
            return importlib.import_module(f"muniment.{name}")
        if name not in HOME_OF:
            raise AttributeError(f"module 'muniment' has no attribute {name!r}")
        value = globals()[name] = getattr(importlib.import_module(HOME_OF[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "Account",
    "Exported",
    "Format",
    "LidoRecord",
    "Lookup",
    "Mapping",
    "MunimentError",
    "PrimaryKey",
    "Problem",
    "Query",
    "RejectBudget",
    "Run",
    "Settings",
    "TableMapping",
    "async_batches",
    "async_engine",
    "async_sessions",
    "batches",
    "check",
    "engine",
    "export",
    "load",
    "sessions",
]
