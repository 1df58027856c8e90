"""A table to read, on a database of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from muniment.databases import Database, connect
from muniment.databases.types import Blob, Flag, Id, Key, Moment, Real, Text

metadata = sa.MetaData()

works = sa.Table(
    "works",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("accession", Key, nullable=False, unique=True),
    sa.Column("title", Text),
    sa.Column("height", Real),
    sa.Column("on_view", Flag),
    sa.Column("seen", Moment),
    sa.Column("data", Blob),
)

BEGIN = datetime(2024, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def work(number: int) -> tuple[Any, ...]:
    """The row with this number; every seventh has nothing but its keys."""
    keys = (number, f"{1900 + number % 100}.{number}")
    if number % 7 == 0:
        return (*keys, None, None, None, None, None)
    title = f"Étude, “no. {number}”\n\t\\N 富嶽" if number % 5 else ""
    return (
        *keys,
        title,
        number / 8,
        number % 2 == 0,
        BEGIN + timedelta(microseconds=number),
        bytes([0, number % 256, 255]),
    )


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = connect(database_url)
    yield opened
    opened.close()


def fill(database: Database, count: int) -> list[tuple[Any, ...]]:
    """Make the table, with works from 1 to `count`; returns their rows."""
    rows = [work(number) for number in range(1, count + 1)]
    with database.schema_lock() as transaction:
        metadata.create_all(transaction.connection)
    with database.engine.begin() as connection:
        for start in range(0, count, 1_000):
            names = works.c.keys()
            part = [dict(zip(names, row, strict=True)) for row in rows[start : start + 1_000]]
            connection.execute(works.insert(), part)
    return rows
