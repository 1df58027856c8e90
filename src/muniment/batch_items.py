"""Which items of users' own loops are stored: see `loops.py`, which needs SQLAlchemy's ORM besides."""

from __future__ import annotations

import sqlalchemy as sa

from muniment.databases.types import Key, Moment, metadata

batch_item_table = sa.Table(
    "batch_item",
    metadata,
    sa.Column("name", Key, primary_key=True, comment="what the program calls this work"),
    sa.Column("item", Key, primary_key=True, comment="the item's key, or its number in their order"),
    sa.Column("sitting", Key, nullable=False, comment="random: the same for one sitting of the program"),
    sa.Column("committed_at", Moment, nullable=False),
    comment="Items of users' own loops: inserted in the transaction that stores them",
)
