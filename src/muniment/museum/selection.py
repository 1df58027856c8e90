"""Which objects are read: chosen by column, accession number or change, and walked in the order of ids."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from muniment.databases.database import rows_in
from muniment.errors import UsageError
from muniment.museum import tables
from muniment.validation.filters import Condition

PAGE_IDS = 20_000
"""Ids read at a time where nothing else is read of the objects: a megabyte."""

_o = tables.object_.c

CHOSEN_BY: dict[str, sa.ColumnElement[str]] = {
    "institution": tables.actor.c.actor_key,
    "record_source": _o.record_source,
    "record_type": _o.record_type,
    "record_key": _o.record_key,
    "accession": _o.accession,
    "category": _o.category,
    "department": _o.department,
    "rights": _o.rights,
}
"""What objects can be chosen by, with the column that holds it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects are read; all that is given must hold. Frozen and plain, so that any process may have it.

    Attributes:
        conditions: on the columns of `CHOSEN_BY`; `department=Prints`, `accession=1999..2001`.
        changed_by: only objects of which one of these runs wrote something: their own rows, or an actor,
            place or term that they name.
        object_ids: only these objects, ascending.
        withdrawn: False for the objects that are there, True for those that were withdrawn, None for all.
        last: no object with a larger id.
    """

    conditions: tuple[Condition, ...] = ()
    changed_by: tuple[int, ...] | None = None
    object_ids: tuple[int, ...] | None = None
    withdrawn: bool | None = False
    last: int | None = None

    def __post_init__(self) -> None:
        for condition in self.conditions:
            if condition.column not in CHOSEN_BY:
                raise UsageError(
                    f"objects cannot be chosen by {condition.column!r}",
                    hint=f"They can by {', '.join(CHOSEN_BY)}",
                )

    def page(self, connection: sa.Connection, after: int | None, size: int) -> list[int]:
        """The ids of the next `size` objects behind the id `after`, ascending; fewer only at the end."""
        found: list[int] = []
        while len(found) < size:
            ids, last = self._candidates(connection, after, size)
            found += ids
            if last is None:
                break
            after = last
        return found[:size]

    def _candidates(
        self, connection: sa.Connection, after: int | None, size: int
    ) -> tuple[list[int], int | None]:
        """Ids of the next objects that fulfil the conditions, and the last one looked at; None at the end."""
        query = self._query().limit(size)
        if self.object_ids is not None:
            first = bisect_right(self.object_ids, after) if after is not None else 0
            wanted = self.object_ids[first : first + size]
            rows = sorted(rows_in(connection.execute, query.limit(None), _o.object_id, wanted))
            last = wanted[-1] if len(wanted) == size else None
        else:
            behind = query.where(_o.object_id > after) if after is not None else query
            rows = list(connection.execute(behind))
            last = rows[-1][0] if len(rows) == size else None
        return [row[0] for row in rows if self._holds(row)], last

    def query(self) -> sa.Select[tuple[int]] | None:
        """A query of the ids of the chosen objects; None where no query can choose them."""
        ranges = any(not condition.equals or "" in condition.equals for condition in self.conditions)
        if ranges or self.object_ids is not None:
            return None
        return self._query().with_only_columns(_o.object_id).order_by(None)

    def pages(self, connection: sa.Connection) -> Iterator[list[int]]:
        """The ids of the chosen objects, ascending, page by page."""
        after: int | None = None
        while page := self.page(connection, after, PAGE_IDS):
            after = page[-1]
            yield page

    def _query(self) -> sa.Select[tuple[int]]:
        columns = [CHOSEN_BY[condition.column] for condition in self.conditions]
        query = sa.select(_o.object_id, *columns).select_from(tables.object_).order_by(_o.object_id)
        if any(condition.column == "institution" for condition in self.conditions):
            query = query.join(tables.actor, tables.actor.c.actor_id == _o.institution_id)
        for condition, column in zip(self.conditions, columns, strict=True):
            if condition.equals and "" not in condition.equals:
                query = query.where(column.in_(condition.equals))
        if self.withdrawn is not None:
            query = query.where(_o.withdrawn_run_id.is_not(None) == self.withdrawn)
        if self.changed_by is not None:
            query = query.where(sa.or_(*_changed_by(self.changed_by)))
        if self.last is not None:
            query = query.where(_o.object_id <= self.last)
        return query

    def _holds(self, row: sa.Row[tuple[int]]) -> bool:
        cells: Sequence[str | None] = row[1:]
        return all(
            condition.holds(cell or "") for condition, cell in zip(self.conditions, cells, strict=True)
        )


_NAMED: tuple[tuple[sa.Column[int], tuple[sa.Column[int], ...]], ...] = (
    (
        tables.term.c.term_id,
        tuple(link.c.term_id for link in (tables.object_type, tables.object_material, tables.object_subject)),
    ),
    (
        tables.actor.c.actor_id,
        (
            _o.institution_id,
            tables.production_actor.c.actor_id,
            tables.object_owner.c.actor_id,
            tables.object_keeper.c.actor_id,
            tables.provenance_event.c.from_id,
            tables.provenance_event.c.to_id,
        ),
    ),
    (tables.place.c.place_id, (_o.location_id, tables.production.c.place_id)),
)
"""The ids of shared rows, each with the columns by which objects name them."""


def _changed_by(runs: Sequence[int]) -> list[sa.ColumnElement[bool]]:
    """Conditions of which one holds where one of the runs wrote the object or what it names."""
    conditions: list[sa.ColumnElement[bool]] = [_o.run_id.in_(runs), _o.withdrawn_run_id.in_(runs)]
    for shared, links in _NAMED:
        written = sa.select(shared).where(shared.table.c.run_id.in_(runs))
        conditions += [
            _o.object_id.in_(sa.select(link.table.c.object_id).where(link.in_(written))) for link in links
        ]
    return conditions


def ids_of_accessions(
    connection: sa.Connection, accessions: Iterable[str]
) -> tuple[tuple[int, ...], list[str]]:
    """The ids of the objects with these accession numbers, ascending, and the numbers that none bears."""
    query = sa.select(_o.object_id, _o.accession)
    wanted = sorted(set(accessions))
    found = [tuple(row) for row in rows_in(connection.execute, query, _o.accession, wanted)]
    borne = {accession for _, accession in found}
    return tuple(sorted(i for i, _ in found)), [number for number in wanted if number not in borne]
