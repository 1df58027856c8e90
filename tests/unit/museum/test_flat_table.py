"""One row an object: where its values stand, and that they keep their order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import MunimentError
from muniment.museum.flat_table import SEPARATORS, FlatTable, number, own_id
from muniment.museum.part_readers import plain_number
from muniment.museum.publishing.objects import Actor, MuseumObject, Representation, Title

TOWN = Actor("town", "Town Museum")


def made(**parts: Any) -> MuseumObject:
    return MuseumObject(1, TOWN, "K1", "1999.1", "export", "item", **parts)


def settled(*items: MuseumObject) -> FlatTable:
    table = FlatTable()
    for item in items:
        table.observe(item)
    table.settle()
    return table


def cells(table: FlatTable, item: MuseumObject) -> dict[str, str]:
    """The cells of an object's row that hold something."""
    row = zip(table.columns, table.row(item), strict=True)
    return {name: cell for name, cell in row if cell is not None}


TITLES = st.lists(
    st.builds(
        Title,
        st.text(st.sampled_from("ab|¦ é"), min_size=1).filter(lambda text: text == text.strip()),
        st.sampled_from([None, "old", "Old", "new"]),
        st.sampled_from([None, "en", "de"]),
        st.none(),
    ),
    max_size=6,
).map(tuple)


@given(st.lists(TITLES, min_size=1, max_size=6))
def test_each_objects_values_can_be_read_back_in_their_order(each: list[tuple[Title, ...]]) -> None:
    items = [made(titles=titles) for titles in each]
    table = settled(*items)
    assert len(set(table.columns)) == len(table.columns)
    for item in items:
        row = cells(table, item)
        back: list[Title] = []
        for group in table.groups["title"]:
            cell = row.get(group.names[0], "")
            values = cell.split(group.separator) if group.several else [cell]
            back += [Title(value, group.shape[0], group.shape[1]) for value in values if value]
        assert tuple(back) == item.titles


def test_values_of_one_kind_share_a_cell() -> None:
    item = made(titles=(Title("A", None, "en"), Title("B", None, "en"), Title("C", "old", "de")))
    row = cells(settled(item), item)
    assert (row["title"], row["title_old"]) == ("A|B", "C")


def test_a_separator_is_none_of_the_characters_of_its_column() -> None:
    item = made(titles=(Title("A|B"), Title("C¦D")))
    assert cells(settled(item), item)["title"] == "A|B‖C¦D"


def test_where_every_separator_occurs_the_export_is_refused() -> None:
    item = made(titles=(Title(SEPARATORS), Title("B")))
    with pytest.raises(MunimentError, match="no separator is left"):
        settled(item).row(item)


def test_what_the_survey_has_not_seen_is_no_row() -> None:
    table = settled(made(titles=(Title("A"),)))
    with pytest.raises(MunimentError, match="changed while"):
        table.row(made(titles=(Title("A", "old"),)))


def test_images_with_other_rights_begin_another_column() -> None:
    images = [Representation("image", f"http://a.example/{n}", rights) for n, rights in enumerate("aab")]
    item = made(representations=tuple(images))
    row = cells(settled(item), item)
    assert (row["image"], row["image_rights"]) == ("http://a.example/0|http://a.example/1", "a")
    assert (row["image_2"], row["image_2_rights"]) == ("http://a.example/2", "b")


@given(st.floats(min_value=1e-12, max_value=1e14))
def test_a_number_is_written_so_that_it_reads_as_the_same(value: float) -> None:
    assert plain_number(number(value)) == value


@pytest.mark.parametrize(
    ("key", "own"), [("town/id/7/a", "7/a"), ("town/name/id/7", None), ("town", None), ("town/id/", "")]
)
def test_an_actors_own_id_is_told_by_its_key(key: str, own: str | None) -> None:
    assert own_id(key) == own
