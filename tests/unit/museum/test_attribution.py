"""Creators keep their own roles, and nobody gets what may be another's."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.museum.attribution import (
    UNEQUAL,
    Attribution,
    Parallel,
    QualifiedName,
    qualified_name,
    qualifier,
    split_parallel,
)

QUALIFIERS = [
    "attributed to",
    "formerly attributed to",
    "doubtfully attributed to",
    "possibly by",
    "probably by",
    "studio of",
    "workshop of",
    "circle of",
    "follower of",
    "pupil of",
    "imitator of",
    "copyist of",
    "manner of",
    "style of",
    "after",
]


def test_lists_of_one_length_are_paired_in_order() -> None:
    lists = split_parallel({"name": "Piranesi|Bouchard", "role": "printmaker| publisher"}, "|")
    assert lists.items == (
        {"name": "Piranesi", "role": "printmaker"},
        {"name": "Bouchard", "role": "publisher"},
    )
    assert lists.problems == ()


def test_an_empty_value_between_separators_keeps_its_place() -> None:
    lists = split_parallel({"name": "Raphael|Raimondi", "role": "after|"}, "|")
    assert [item["role"] for item in lists.items] == ["after", ""]


def test_an_empty_column_says_nothing_of_anybody() -> None:
    lists = split_parallel({"name": "Raphael|Raimondi", "birth": ""}, "|")
    assert [item["birth"] for item in lists.items] == ["", ""]
    assert lists.problems == ()


def test_one_role_holds_for_all_names() -> None:
    lists = split_parallel({"name": "Holabird|Root", "role": "architects"}, "|")
    assert [item["role"] for item in lists.items] == ["architects", "architects"]
    assert lists.problems == ()


def test_one_id_for_several_names_is_given_to_nobody() -> None:
    lists = split_parallel({"name": "Holabird|Root", "id": "17"}, "|")
    assert [item["id"] for item in lists.items] == ["", ""]
    assert lists.problems == (UNEQUAL,)


def test_a_list_of_another_length_is_given_to_nobody_and_the_others_are_paired() -> None:
    cells = {
        "name": "unknown Austrian|Wegelin Fils",
        "role": "possibly by|retailer",
        "nationality": "Austrian|French | Swiss",
    }
    assert split_parallel(cells, "|") == Parallel(
        (
            {"name": "unknown Austrian", "role": "possibly by", "nationality": ""},
            {"name": "Wegelin Fils", "role": "retailer", "nationality": ""},
        ),
        (UNEQUAL,),
    )


def test_the_list_of_names_rules_wherever_it_stands() -> None:
    lists = split_parallel({"role": "author|editor|printer", "name": "Ruscha"}, "|")
    assert lists.items == ({"role": "", "name": "Ruscha"},)
    assert lists.problems == (UNEQUAL,)


def test_without_a_separator_each_cell_is_one_value() -> None:
    assert split_parallel({"name": " A|B ", "role": "artist"}, "").items == (
        {"name": "A|B", "role": "artist"},
    )


def test_empty_cells_are_nobody() -> None:
    assert split_parallel({"name": "", "role": " "}, "|") == Parallel()
    assert split_parallel({}, "|") == Parallel()


values = st.text(st.characters(exclude_characters="|", exclude_categories=["Z", "C"]), max_size=8)


@given(
    st.lists(
        st.fixed_dictionaries({"name": values.filter(bool), "id": values, "role": values}),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_joined_is_split_again(items: list[dict[str, str]]) -> None:
    cells = {column: "|".join(item[column] for item in items) for column in ("name", "id", "role")}
    assert split_parallel(cells, "|") == Parallel(tuple(items))


@given(
    st.dictionaries(st.sampled_from(["name", "id", "role", "kind"]), st.text("ab| ", max_size=12)),
    st.sampled_from("| a"),
)
def test_no_value_is_invented_or_moved(cells: dict[str, str], separator: str) -> None:
    lists = split_parallel(cells, separator)
    for item in lists.items:
        assert item.keys() == cells.keys()
        assert all(value in cells[column] for column, value in item.items())


@pytest.mark.parametrize("words", QUALIFIERS)
def test_a_qualifier_alone_is_no_role(words: str) -> None:
    assert qualifier(words) == qualifier(f" {words.title()} ") == Attribution("", words)


@pytest.mark.parametrize("words", QUALIFIERS)
def test_a_qualifier_is_parted_from_the_role_that_it_is_written_with(words: str) -> None:
    expected = Attribution("printmaker", words)
    assert qualifier(f"printmaker, {words}") == expected
    assert qualifier(f"printmaker ({words})") == expected
    assert qualifier(f"{words}: printmaker") == expected


@pytest.mark.parametrize(
    ("text", "role", "words"),
    [
        ("artist", "artist", ""),
        (" Printmaker ", "Printmaker", ""),
        ("attributed manufacturer", "manufacturer", "attributed to"),
        ("attributed clockworks maker", "clockworks maker", "attributed to"),
        ("possible architects", "architects", "possibly by"),
        ("probably", "", "probably by"),
        ("prints after", "", "after"),
        ("Attr. to", "", "attributed to"),
        ("in the manner of", "", "manner of"),
        ("and studio", "", "and studio"),
        ("and a pupil", "", "and a pupil"),
        ("and other artists", "", "and other artists"),
        ("copyist", "copyist", ""),
        ("editor and publisher", "editor and publisher", ""),
        ("publisher?", "publisher?", ""),
        ("", "", ""),
    ],
)
def test_roles_and_qualifiers_are_told_apart(text: str, role: str, words: str) -> None:
    assert qualifier(text) == Attribution(role, words)


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("Attributed to Rembrandt", "Rembrandt", "attributed to"),
        ("attributed to van Dyck", "van Dyck", "attributed to"),
        ("Formerly attributed to Rembrandt", "Rembrandt", "formerly attributed to"),
        ("Rembrandt (attributed to)", "Rembrandt", "attributed to"),
        ("Rijn, Rembrandt van (studio of)", "Rijn, Rembrandt van", "studio of"),
        ("Rijn, Rembrandt van, school of", "Rijn, Rembrandt van", "school of"),
        ("after Raphael", "Raphael", "after"),
        ("Possibly John Smith", "John Smith", "possibly by"),
        ("In the manner of Tintoretto", "Tintoretto", "manner of"),
        ("Rubens and studio", "Rubens", "and studio"),
        ("Rubens and his workshop", "Rubens", "and his workshop"),
    ],
)
def test_a_qualifier_is_cut_from_a_name(text: str, name: str, words: str) -> None:
    assert qualified_name(text) == QualifiedName(name, words)


@pytest.mark.parametrize(
    "name",
    [
        "Unknown",
        "anonymous",
        "unknown American, PA, Pittsburgh",
        "British (?) School",
        "School of Paris",
        "Pseudo Jacopino",
        "after the fall",
        "Attributed to",
        "Smith and Studio",
        "Studio Yi",
        "Probable",
        "Sant'Elia, Antonio",
        "  spaces  stay ",
        "",
    ],
)
def test_a_name_that_only_looks_qualified_is_kept_as_it_is(name: str) -> None:
    assert qualified_name(name) == QualifiedName(name)


@given(st.text(max_size=60))
def test_any_text_has_a_role_or_a_name_made_of_its_own_words(text: str) -> None:
    attribution, named = qualifier(text), qualified_name(text)
    assert attribution.role in text
    assert attribution.qualifier or attribution.role == text.strip()
    assert named.qualifier or named.name == text
    assert set(named.name.split()) <= {*text.split(), named.name}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_every_role_of_carnegie_and_tate_is_a_role_or_a_qualifier(reference: Path) -> None:
    carnegie = {role for row in rows_of(reference / "data/cmoa/cmoa.csv") for role in row["role"].split("|")}
    tate = {row["artistRole"] for row in rows_of(reference / "data/tate/artwork_data.csv")}
    read = {text: qualifier(text) for text in carnegie | tate if text}
    signs = ("attribut", "possib", "probab", "after", " of", "and a", "and s", "and other", "pseudo")
    for text, attribution in read.items():
        assert bool(attribution.qualifier) == any(sign in text for sign in signs), text
        assert attribution.role == "" or attribution.role in text
    assert len(read) > 80


def test_creators_of_carnegie_are_paired_save_one_row_with_a_literal_pipe(reference: Path) -> None:
    columns = {
        "name": "full_name",
        "id": "artist_id",
        "role": "role",
        "nationality": "nationality",
        "birth": "birth_date",
    }
    unequal = []
    for row in rows_of(reference / "data/cmoa/cmoa.csv"):
        lists = split_parallel({part: row[column] for part, column in columns.items()}, "|")
        assert [item["name"] for item in lists.items] == [
            n.strip() for n in row["full_name"].split("|") if row["full_name"]
        ]
        if lists.problems:
            unequal.append(row["nationality"])
    assert unequal == ["Austrian|French | Swiss"]
