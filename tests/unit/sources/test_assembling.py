"""Records are put together with the rows of their parts by key, and nothing is left out."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.errors import HeaderError
from muniment.sources import DelimitedSource, Format, open_source
from muniment.sources.assembling import (
    ORIGIN,
    REPEATED_PART,
    SEPARATOR,
    UNKNOWN_PARENT,
)
from muniment.sources.format import Part
from muniment.sources.source import Source
from muniment.sources.stored import Stored
from muniment.sources.together import put_together as put_together_source

SMALL = Settings(chunk_rows=3)


def source(name: str, rows: Sequence[Sequence[str]], shape: Format) -> DelimitedSource:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    stored = Stored(io.BytesIO(text.getvalue().encode()), name, name, SMALL)
    return DelimitedSource(stored, Format.model_validate({"encoding": shape.encoding}), SMALL)


class Told(dict[str, str]):
    """An assembled record, with what was found and where it stands."""

    problems: list[str]
    messages: str
    place: str


def put_together(
    records: Sequence[Sequence[str]], parts: dict[str, Any], files: dict[str, Sequence[Sequence[str]]]
) -> list[Told]:
    shape = Format.model_validate({"parts": parts})
    parent = source("objects", records, shape)

    def open_part(_name: str, part: Part, _other: Source) -> DelimitedSource:
        return source(part.file, files[part.file], part)

    opened = put_together_source(parent, shape, SMALL, open_part)
    told = []
    for chunk in opened.chunks(opened.first):
        read = opened.records(chunk)
        for index, row in enumerate(read.rows):
            position = read.position(index)
            record = Told(zip(opened.header.names, row, strict=True))
            record.problems = [problem.code for problem in read.findings.get(index, ())]
            record.messages = " ".join(problem.message for problem in read.findings.get(index, ()))
            record.place = opened.positions.told(position.number, position.line)
            told.append(record)
    opened.close()
    return told


OBJECTS = [("ID", "Number"), ("1", "1908.1"), ("2", "1908.2")]
TITLES = {"file": "titles", "key": "ID", "order": "Order"}


def test_a_record_gets_the_rows_of_its_parts_in_their_order() -> None:
    titles = [("ID", "Title", "Order"), ("1", "Second", "10"), ("2", "Only", "1"), ("1", "First", "9")]
    first, second = put_together(OBJECTS, {"titles": TITLES}, {"titles": titles})
    assert (first["Number"], first["titles.Title"]) == ("1908.1", f"First{SEPARATOR}Second")
    assert second["titles.Title"] == "Only"


def test_the_origin_of_a_record_tells_where_its_parts_stand() -> None:
    titles = [("ID", "Title", "Order"), ("1", "Second", "2"), ("1", "First", "1")]
    first, _ = put_together(OBJECTS, {"titles": TITLES}, {"titles": titles})
    assert first.place == "line 2"
    assert first[ORIGIN] == '{"titles": ["titles, line 3", "titles, line 2"]}'


def test_a_row_of_an_unknown_record_is_a_record_that_says_so_and_has_its_key() -> None:
    titles = [("ID", "Title", "Order"), ("9", "Nobody's", "1"), ("", "Without a key", "1")]
    *_, stray, keyless = put_together(OBJECTS, {"titles": TITLES}, {"titles": titles})
    assert (stray["ID"], stray["titles.Title"], stray["Number"]) == ("9", "Nobody's", "")
    assert (stray.place, keyless.place) == ("titles, line 2", "titles, line 3")
    for row, said in ((stray, "the record 9, which objects does not have"), (keyless, "does not say")):
        assert row.problems == [UNKNOWN_PARENT]
        assert said in row.messages


def test_a_part_is_completed_by_another_row_by_row() -> None:
    links = [("ID", "PersonID"), ("1", "7"), ("1", "8"), ("1", "99"), ("2", "7")]
    people = [("PersonID", "Name", "Born"), ("8", "Bouchard", ""), ("7", "Piranesi", "1720")]
    parts = {
        "makers": {"file": "links", "key": "ID", "parts": {"person": {"file": "people", "key": "PersonID"}}}
    }
    first, second = put_together(OBJECTS, parts, {"links": links, "people": people})
    assert first["makers.person.Name"].split(SEPARATOR) == ["Piranesi", "Bouchard", ""]
    assert first["makers.person.Born"].split(SEPARATOR) == ["1720", "", ""]
    assert second["makers.person.Name"] == "Piranesi"


def test_the_second_row_that_would_complete_a_part_is_set_aside() -> None:
    links = [("ID", "PersonID"), ("1", "7")]
    people = [("PersonID", "Name"), ("7", "Piranesi"), ("7", "Piranesi, G. B.")]
    parts = {
        "makers": {"file": "links", "key": "ID", "parts": {"person": {"file": "people", "key": "PersonID"}}}
    }
    first, _, repeated = put_together(OBJECTS, parts, {"links": links, "people": people})
    assert first["makers.person.Name"] == "Piranesi"
    assert repeated.problems == [REPEATED_PART]
    assert repeated["makers.person.Name"] == "Piranesi, G. B."


def test_one_file_can_be_two_parts_by_conditions_on_its_rows() -> None:
    links = [("ID", "Role", "Name"), ("1", "1", "Painter"), ("1", "19", "Sitter"), ("2", "19", "Sitter too")]
    parts = {
        name: {"file": "links", "key": "ID", "only": {"column": "Role", "equals": role}}
        for name, role in (("artists", "1"), ("sitters", "19"))
    }
    first, second = put_together(OBJECTS, parts, {"links": links})
    assert (first["artists.Name"], first["sitters.Name"]) == ("Painter", "Sitter")
    assert (second["artists.Name"], second["sitters.Name"]) == ("", "Sitter too")


def test_words_that_mean_nothing_are_empty_places_in_a_parallel_list() -> None:
    titles = [("ID", "Title", "Type"), ("1", "One", "NULL"), ("1", "Two", "former")]
    parts = {"titles": {"file": "titles", "key": "ID", "null": ["NULL"]}}
    first, _ = put_together(OBJECTS, parts, {"titles": titles})
    assert first["titles.Type"] == f"{SEPARATOR}former"


def test_a_ragged_row_of_a_part_is_set_aside_with_its_problem() -> None:
    titles = [("ID", "Title", "Order"), ("1", "Too short"), ("1", "Good", "1")]
    first, _, broken = put_together(OBJECTS, {"titles": TITLES}, {"titles": titles})
    assert first["titles.Title"] == "Good"
    assert broken.problems == ["ragged"]


def test_a_cell_with_the_separator_in_it_is_set_aside() -> None:
    titles = [("ID", "Title", "Order"), ("1", f"Two{SEPARATOR}in one", "1")]
    first, _, mixed = put_together(OBJECTS, {"titles": TITLES}, {"titles": titles})
    assert first["titles.Title"] == ""
    assert mixed.problems == ["part-separator"]


def test_a_record_with_more_of_a_part_than_can_be_held_says_so() -> None:
    titles = [("ID", "Title", "Order"), *(("1", "x" * 1000, "1") for _ in range(2_000))]
    first, second = put_together(OBJECTS, {"titles": TITLES}, {"titles": titles})
    assert first.problems == ["part-too-large"]
    assert second.problems == []


def test_a_key_that_the_other_file_lacks_is_an_error_with_the_nearest() -> None:
    with pytest.raises(HeaderError, match="ObjectID") as error:
        put_together(
            [("ObjektID", "Number")],
            {"titles": {"file": "titles", "key": "ObjectID"}},
            {"titles": [("ObjectID", "T")]},
        )
    assert "ObjektID" in error.value.hint


KEYS = st.sampled_from(["", "1", "2", "3", "03", "a", "A", "á"])
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=f"\0{SEPARATOR}"), max_size=3)


@settings(deadline=None)
@given(
    records=st.lists(st.tuples(KEYS, CELLS), max_size=8),
    titles=st.lists(st.tuples(KEYS, CELLS, st.integers(-3, 12)), max_size=12),
)
def test_putting_together_is_a_join_and_loses_nothing(
    records: list[tuple[str, str]], titles: list[tuple[str, str, int]]
) -> None:
    own: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for key, title, order in titles:
        own[key].append((order, title))
    rows = put_together(
        [("ID", "Number"), *records],
        {"titles": TITLES},
        {"titles": [("ID", "Title", "Order"), *((key, title, str(order)) for key, title, order in titles)]},
    )
    assert [(row["ID"], row["Number"]) for row in rows[: len(records)]] == records
    for row in rows[: len(records)]:
        expected = (
            [title for _, title in sorted(own[row["ID"]], key=lambda pair: pair[0])] if row["ID"] else []
        )
        assert row["titles.Title"] == (SEPARATOR.join(expected) if any(expected) else "")
    known = {key for key, _ in records if key}
    stray = [(key, title) for key, title, _ in titles if key not in known]
    assert [(row["ID"], row["titles.Title"]) for row in rows[len(records) :]] == stray


def test_parts_are_found_beside_the_file_and_by_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "titles").mkdir()
    (tmp_path / "objects.csv").write_text("ID,Number\n1,1908.1\n")
    (tmp_path / "titles" / "titles3.csv").write_text("ID,Title\n1,Bather\n")
    shape = Format.model_validate({"parts": {"titles": {"file": "titles/titles3{suffix}", "key": "ID"}}})
    opened = open_source(tmp_path / "objects.csv", shape, Settings())
    rows = [list(row) for chunk in opened.chunks(opened.first) for row in opened.records(chunk).rows]
    opened.close()
    assert [row[:4] for row in rows] == [["1", "1908.1", "1", "Bather"]]
