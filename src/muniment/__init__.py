"""Muniment: collection exports into a database, every record accounted for."""

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
