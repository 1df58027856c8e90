"""Lookups, on a real database of each kind."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from muniment import read
from muniment.databases import Database
from muniment.errors import DatabaseError, UsageError
from tests.read.conftest import fill, works
from tests.read.test_pages import fill_parts, odd, parts


class Statements:
    """How many statements an engine executes."""

    def __init__(self, engine: sa.Engine) -> None:
        self.count = 0
        sa.event.listen(engine, "before_cursor_execute", self._counted)

    def _counted(self, *_: Any) -> None:
        self.count += 1


def test_keys_are_found_and_others_left_out(database: Database) -> None:
    rows = fill(database, 1_200)
    found = read.lookup(database, works, "accession", "id").find([*(row[1] for row in rows), "none"])
    assert found == {row[1]: row[0] for row in rows}


def test_what_was_found_is_not_asked_for_again_and_what_was_not_is(database: Database) -> None:
    rows = fill(database, 10)
    known = read.lookup(database, works, "accession", "id")
    known.find([row[1] for row in rows])
    statements = Statements(database.engine)
    assert known.find([rows[3][1], rows[4][1]]) == {rows[3][1]: 4, rows[4][1]: 5}
    assert known.get(rows[5][1]) == 6
    assert statements.count == 0
    assert known.get("new") is None
    with database.engine.begin() as connection:
        connection.execute(works.insert(), {"id": 99, "accession": "new"})
    assert known.get("new") == 99


def test_no_more_is_remembered_than_the_bound_and_the_latest_stay(database: Database) -> None:
    rows = fill(database, 10)
    keys = [row[1] for row in rows]
    known = read.lookup(database, works, "accession", "id", remembered=3)
    assert known.find(keys) == {row[1]: row[0] for row in rows}
    known.get(keys[7])  # the oldest of the three becomes the latest
    known.get(keys[0])
    statements = Statements(database.engine)
    known.find([keys[7], keys[9], keys[0]])
    assert statements.count == 0
    known.get(keys[8])
    assert statements.count > 0


def test_a_key_of_several_columns_is_a_tuple(database: Database) -> None:
    rows = fill_parts(database)
    known = read.lookup(database, parts, ["work", "place", "side"], "note")
    keys = [row[:3] for row in rows]
    assert known.find([*keys, (9, 9, "back")]) == {row[:3]: row[3] for row in rows}


def test_many_keys_are_asked_for_in_few_statements(database: Database) -> None:
    rows = fill(database, 1_000)
    known = read.lookup(database, works, "accession", "id")
    known.get("none")
    statements = Statements(database.engine)
    known.find(row[1] for row in rows)
    assert statements.count <= 4


def test_on_a_connection_its_own_rows_are_found(database: Database) -> None:
    fill(database, 2)
    with database.engine.connect() as connection:
        connection.execute(works.insert(), {"id": 50, "accession": "mine"})
        assert read.lookup(connection, works, "accession", "id").get("mine") == 50
        connection.rollback()
    assert read.lookup(database, works, "accession", "id").get("mine") is None


def test_a_key_that_several_rows_may_have_is_refused(database: Database) -> None:
    fill_parts(database)
    with pytest.raises(UsageError, match="plain do not identify"):
        read.lookup(database, odd, "plain", "number").get(5)
    assert read.lookup(database, odd, "maybe", "number").get(5) is None


@pytest.mark.parametrize(
    ("key", "value", "remembered"), [("none", "id", 5), ("id", "none", 5), ([], "id", 5), ("id", "id", 0)]
)
def test_a_lookup_that_can_find_nothing_is_refused(
    database: Database, key: Any, value: str, remembered: int
) -> None:
    with pytest.raises(UsageError):
        read.lookup(database, works, key, value, remembered=remembered)


def test_a_table_that_is_not_there_is_an_error(database: Database) -> None:
    with pytest.raises((UsageError, DatabaseError), match="works"):
        read.lookup(database, works, "id", "id").get(1)
