"""Selected objects as something to export, and what a table of them needs to be known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from muniment.ledger import run_table
from muniment.museum import tables
from muniment.museum.flat_mapping import Scope
from muniment.museum.flat_table import FlatTable
from muniment.museum.publishing.assembly import objects
from muniment.museum.publishing.datasets import Objects
from muniment.museum.publishing.identifiers import Identifiers
from muniment.museum.publishing.objects import MuseumObject
from muniment.museum.selection import Selection
from muniment.museum.tracing import stored_mapping

Format = TypeVar("Format")

_O = tables.object_.c


@dataclass(frozen=True)
class WithdrawnObjects(Objects[Format]):
    """The list of those that were withdrawn; where there are none, there is no file."""

    name = "withdrawn"
    optional = True


def surveyed(connection: sa.Connection, selection: Selection) -> FlatTable:
    """The table with one row an object that these objects need: all of them are looked at once."""
    table = FlatTable()
    for page in objects(connection, selection):
        connection.rollback()  # nothing stays open while a page is looked at
        for item in page:
            table.observe(item)
    table.settle()
    return table


def scopes(connection: sa.Connection, table: FlatTable) -> list[Scope]:
    """Whose records a table has, with what the newest mapping of each says beyond its tables."""
    found = []
    run = run_table.c
    for institution, source, kind, uri in table.scopes:
        scope = f"{institution.key}/{source}"
        newest = sa.select(run.mapping).where(run.profile == "museum", run.scope == scope)
        text = connection.scalar(newest.order_by(run.run_id.desc()).limit(1))
        repeats = sa.select(sa.exists().where(_O.record_source == source, _O.unique_accession.is_(None)))
        about: dict[str, Any] = {}
        if text is not None:
            mapping = stored_mapping(text)
            about = {
                "language": mapping.institution.language,
                "base_uri": mapping.institution.base_uri,
                "manifest_pattern": mapping.rules.manifest_pattern,
            }
        found.append(
            Scope(institution, source, kind, uri, accession_repeats=bool(connection.scalar(repeats)), **about)
        )
    return found


WITHDRAWN_COLUMNS = ("institution", "record_source", "record_key", "accession", "uri", "withdrawn_by_run")
"""The columns of the list of withdrawn objects."""


@dataclass(frozen=True)
class WithdrawnRow:
    """Makes of an object its row in the list of those that were withdrawn."""

    identifiers: Identifiers

    def __call__(self, item: MuseumObject) -> Sequence[Any]:
        """The row."""
        uri = self.identifiers.of_object(item)
        key = item.institution.key
        return key, item.record_source, item.record_key, item.accession, uri, item.withdrawn_run
