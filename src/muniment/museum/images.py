"""Objects as they were before a run changed them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from muniment.databases.database import Transaction, rows_in
from muniment.museum import tables


def before_images(transaction: Transaction, object_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """All rows of each object, by table, as plain data."""
    images: dict[int, dict[str, Any]] = {object_id: {} for object_id in object_ids}
    for table in (tables.object_, *tables.PARTS_OF_OBJECT):
        for row in rows_in(transaction.execute, table.select(), table.c.object_id, object_ids):
            _add_image(images, table.name, row)
    # The actors' attributes as they were: a later export may correct them for all their objects.
    p = tables.production_actor
    actors = sa.select(p.c.object_id, tables.actor).join_from(p, tables.actor)
    for row in rows_in(transaction.execute, actors, p.c.object_id, object_ids):
        _add_image(images, "actor", row)
    return images


def _add_image(images: dict[int, dict[str, Any]], table: str, row: sa.Row[Any]) -> None:
    plain = {name: _plain(value) for name, value in row._mapping.items() if value is not None}
    images[plain.pop("object_id")].setdefault(table, []).append(plain)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
