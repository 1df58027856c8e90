"""What is published, as the exporter takes it: objects, and what they share.

See `muniment.exports.dataset.Dataset`: items in the order of a key, page by page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from muniment.museum.publishing.assembly import objects
from muniment.museum.publishing.objects import MuseumObject, Shared
from muniment.museum.publishing.shared import KINDS, departments
from muniment.museum.selection import Selection

Format = TypeVar("Format")


@dataclass(frozen=True)
class Objects(Generic[Format]):
    """The chosen objects, in the order of their ids."""

    format: Format
    selection: Selection
    told: str = ""
    """What else decides what the files hold, such as the base of identifiers."""

    name = "objects"
    optional = False

    def description(self) -> str:
        """The choice, in words that are the same for the same choice."""
        return f"objects {self.selection} {self.told}"

    def cuts(self, connection: sa.Connection, size: int) -> Iterator[tuple[int, int]]:
        """The last id of each `size` successive objects, and how many they are."""
        yield from cut(self.selection.pages(connection), size)

    def pages(
        self, connection: sa.Connection, after: int | None, last: int | None
    ) -> Iterator[Sequence[MuseumObject]]:
        """The objects behind the id `after` up to `last`."""
        ends = [end for end in (last, self.selection.last) if end is not None]
        within = replace(self.selection, last=min(ends, default=None))
        for page in objects(connection, within, after=after):
            connection.rollback()  # nothing stays open while a page is written
            yield page


@dataclass(frozen=True)
class SharedRecords(Generic[Format]):
    """Actors, places or concepts to which the chosen objects refer; `kind` is among `KINDS`."""

    format: Format
    selection: Selection
    name: str
    kind: str
    told: str = ""
    optional = True

    def description(self) -> str:
        """See `Objects`."""
        return f"{self.kind} {self.selection} {self.told}"

    def cuts(self, connection: sa.Connection, size: int) -> Iterator[tuple[int, int]]:
        """See `Objects`."""
        yield from cut(iter([KINDS[self.kind].ids(connection, self.selection)]), size)

    def pages(
        self, connection: sa.Connection, after: int | None, last: int | None
    ) -> Iterator[Sequence[Shared]]:
        """See `Objects`."""
        for page in KINDS[self.kind].pages(connection, self.selection, after, last):
            connection.rollback()
            yield page


@dataclass(frozen=True)
class Departments(Generic[Format]):
    """The departments of the chosen objects: a few, in one file."""

    format: Format
    selection: Selection
    told: str = ""
    name = "departments"
    optional = True

    def description(self) -> str:
        """See `Objects`."""
        return f"departments {self.selection} {self.told}"

    def cuts(self, connection: sa.Connection, size: int) -> Iterator[tuple[Any, int]]:  # noqa: ARG002 - one file
        """See `Objects`."""
        count = len(departments(connection, self.selection))
        if count:
            yield None, count

    def pages(self, connection: sa.Connection, after: Any, last: Any) -> Iterator[Sequence[Shared]]:  # noqa: ARG002 - as above
        """See `Objects`."""
        yield departments(connection, self.selection)


def cut(pages: Iterator[Sequence[int]], size: int) -> Iterator[tuple[int, int]]:
    """The last of each `size` successive ids, and how many they are; the last may be fewer."""
    count, last = 0, 0
    for page in pages:
        for last in page:
            count += 1
            if count == size:
                yield last, count
                count = 0
    if count:
        yield last, count
