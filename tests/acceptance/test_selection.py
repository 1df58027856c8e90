"""Choosing the objects that are read, on every kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from muniment.errors import UsageError
from muniment.museum.selection import Selection, ids_of_accessions
from muniment.validation.filters import Condition
from tests.acceptance.loading import MAPPING as PLAIN
from tests.acceptance.loading import load, mapping, opened, vase, write

MAPPING = PLAIN + 'department = "room"\n'


def keys(url: str, selection: Selection, size: int = 3) -> list[int]:
    """The record numbers of the selected objects, page by page."""
    found: list[int] = []
    with opened(url) as database, database.engine.connect() as connection:
        after = None
        while page := selection.page(connection, after, size):
            assert len(page) <= size
            found += [object_id & 0xFFFFFFFFF for object_id in page]
            after = page[-1]
    return found


def where(*texts: str) -> Selection:
    return Selection(conditions=tuple(map(Condition.parse, texts)))


@pytest.fixture
def loaded(database_url: str, tmp_path: Path) -> str:
    load(
        write(tmp_path / "vases.csv", [vase(n) for n in range(1, 11)]), database_url, mapping=mapping(MAPPING)
    )
    return database_url


def test_all_objects_are_walked_in_the_order_of_their_ids(loaded: str) -> None:
    assert keys(loaded, Selection()) == list(range(1, 11))


def test_conditions_choose_by_value_and_by_range(loaded: str) -> None:
    assert keys(loaded, where("department=Room 3")) == [3, 8]
    assert keys(loaded, where("accession=1999.8..1999.10")) == [8, 9, 10]
    assert keys(loaded, where("institution=town", "department=Room 3", "accession=..1999.5")) == [3]
    assert keys(loaded, where("institution=country")) == []
    assert keys(loaded, where("category=")) == list(range(1, 11))


def test_a_column_that_objects_cannot_be_chosen_by_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be chosen by 'colour'"):
        where("colour=red")


def test_accession_numbers_choose_the_objects_that_bear_them(loaded: str) -> None:
    with opened(loaded) as database, database.engine.connect() as connection:
        chosen, unborne = ids_of_accessions(connection, ["1999.9", "1999.2", "none", "1999.4", "1999.3"])
        assert unborne == ["none"]
    assert keys(loaded, Selection(object_ids=chosen), size=2) == [2, 3, 4, 9]
    assert keys(loaded, Selection(object_ids=chosen, last=chosen[1])) == [2, 3]


def test_a_change_of_an_actor_counts_as_a_change_of_the_objects_that_name_it(
    loaded: str, tmp_path: Path
) -> None:
    text = MAPPING.replace('creator = "maker"', 'creator = {name = "maker", birth = "made"}')
    load(write(tmp_path / "next.csv", [vase(11, maker="Maker 1")]), loaded, mapping=mapping(text))
    changed = Selection(changed_by=(2,))
    assert keys(loaded, changed) == [1, 4, 7, 10, 1]


def test_withdrawn_objects_are_chosen_only_when_asked_for(loaded: str, tmp_path: Path) -> None:
    less = write(tmp_path / "less.csv", [vase(1), vase(2)])
    load(less, loaded, mapping=mapping(MAPPING), full=True, withdraw_many=True)
    assert keys(loaded, Selection()) == [1, 2]
    assert keys(loaded, Selection(withdrawn=True)) == list(range(3, 11))
    assert keys(loaded, Selection(withdrawn=None)) == list(range(1, 11))
    assert keys(loaded, Selection(withdrawn=True, changed_by=(2,))) == list(range(3, 11))
