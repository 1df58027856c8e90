"""Judging museum records by column comes to the verdicts, values and words of judging row by row."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from itertools import chain
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.museum.cells import CONTROL_CHARACTERS
from muniment.museum.column_reading import with_control_characters
from muniment.museum.dates import _remembered, parse_dates
from muniment.museum.dimensions import _parsed, _shapes, canonical_unit, parse_dimensions
from muniment.museum.mapping import Mapping
from muniment.museum.profile import MuseumProfile
from muniment.museum.white_space import WHITE_SPACE
from muniment.records import Records, Verdicts
from muniment.sources import Format, open_source
from muniment.validation.filters import Condition

MAPPING = """
[source]
null = ["N/A"]

[institution]
name = "Town Museum"
id = "town"

[record]
KEY

[fields]
accession = "number"
title = ["title", { column = "other titles", split = "|", type = "alternative" }]
identifier = { column = "old number", type = "former number", null = ["none"] }
category = "kind"
department = { columns = ["department", "room"] }
location = "room"
manifest = { column = "manifest", rights = "rights" }
image = { column = "image", rights = "rights" }
creator = { name = "maker", id = "maker id", uri = "maker uri", role = "role", split = "|" }
owner = { name = "owner", split = "|" }
keeper = { constant = "Town Museum" }
date = { column = "made", earliest = "from", latest = "until" }
place = "place"
material = { column = "material", split = ";", uri_column = "material uri" }
subject = ["subject", { column = "place", pattern = "([A-Z][a-z]+)", uri = "https://example.org/{value}" }]
dimension = ["size", { column = "weight", type = "weight", unit = "kg" }]
description = "text"
credit_line = { constant = "A gift" }
web_page = "page"
rights = "rights"
acquisition = { method = "method", source = "donor", date = "acquired", text = "text" }
ocr = { column = "read", engine = "engine", confidence = "certainty" }

[fields.object_type]
column = "kind"
vocabulary = "kinds"
allowed = ["vase", "print"]
"""

COLUMNS = (
    "id",
    "number",
    "title",
    "other titles",
    "old number",
    "kind",
    "department",
    "room",
    "manifest",
    "image",
    "rights",
    "maker",
    "maker id",
    "maker uri",
    "role",
    "owner",
    "made",
    "from",
    "until",
    "place",
    "material",
    "material uri",
    "subject",
    "size",
    "weight",
    "text",
    "page",
    "method",
    "donor",
    "acquired",
    "read",
    "engine",
    "certainty",
)

GOOD = {"id": "1", "number": "1999.1", "title": "A vase", "kind": "vase"}

CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "N/A",
            "none",
            "a",
            " b\u00a0",
            "\x1cc",
            "Anna|Zoë",
            "Anna|",
            "|",
            "clay; glaze",
            "clay;glaze; clay",
            "Zoë|Anna|Zoë",
            "vase",
            "print",
            "1923-05-17",
            "c. 1850",
            "1850-1840",
            "200 BCE",
            "sometime",
            "0",
            "12.5",
            "1,234",
            "95%",
            "8 1/2 x 11 in. (21.6 x 27.9 cm)",
            "10 x 12 cm",
            "7 ft. 2 in.",
            "large",
            "https://example.org/iiif/1/manifest.json",
            "HTTP://example.org/b",
            "https://example.org/a b",
            "http://vocab.getty.edu/ulan/1|http://vocab.getty.edu/ulan/2",
            "urn:x",
            "attributed to|potter",
            "a\x07b",
            "\u0085",
            "x" * 256,
            "two\nlines",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)

ROWS = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS), CELLS, max_size=8).map(lambda cells: GOOD | cells),
    min_size=1,
    max_size=6,
)

KEYS = ('key = "id"', "")


def records_of(rows: list[dict[str, str]], mapping: Mapping) -> tuple[MuseumProfile, Records]:
    """Rows as a source gives them by column."""
    profile = MuseumProfile(mapping)
    given = [{name: row.get(name, "") for name in COLUMNS} for row in rows]
    source = open_source(given, Format(), Settings())
    (chunk,) = source.chunks(source.first)
    records = source.records(chunk, by_column=True)
    source.close()
    return profile, records


def both_ways(
    rows: list[dict[str, str]], key: str, only: tuple[Condition, ...] = (), text: str = MAPPING
) -> tuple[Verdicts, Verdicts]:
    """What columns and what rows make of the same records."""
    mapping = Mapping.parse(text.replace("KEY", key))
    _, records = records_of(rows, mapping)
    assert records.columns is not None
    profile = MuseumProfile(mapping, only)
    by_column, by_row = profile.bind(records.header), profile.bind(records.header)
    by_row.judge_only_rows()
    return by_column.judge(records), by_row.judge(replace(records, columns=None))


def told(verdicts: Verdicts) -> tuple[Any, ...]:
    """All that verdicts say, with the hashes of what is accepted."""
    accepted = verdicts.accepted
    return (
        list(accepted.indexes),
        list(accepted.keys),
        list(accepted.values),
        accepted.values.hashes(),  # type: ignore[attr-defined]  # held by column
        list(verdicts.rejections),
        list(verdicts.skipped),
        list(verdicts.notes),
    )


@settings(deadline=None)  # a judge is made for each example
@given(ROWS, st.sampled_from(KEYS))
def test_columns_come_to_what_rows_say(rows: list[dict[str, str]], key: str) -> None:
    by_column, by_row = both_ways(rows, key)
    assert told(by_column) == told(by_row)


@settings(deadline=None)  # a judge is made for each example
@given(ROWS, CELLS, st.sampled_from(KEYS))
def test_columns_leave_out_the_same_records(rows: list[dict[str, str]], wanted: str, key: str) -> None:
    by_column, by_row = both_ways(rows, key, (Condition(column="room", equals=(wanted.strip(), "a")),))
    assert told(by_column) == told(by_row)


def test_what_records_share_and_what_is_their_own_come_back_record_by_record() -> None:
    rows = [
        GOOD | {"id": str(number), "material": "clay; glaze", "size": f"{number} x 12 cm", "made": "c. 1850"}
        for number in range(1, 8)
    ]
    by_column, by_row = both_ways(rows, KEYS[0])
    assert told(by_column) == told(by_row)
    assert [record.dimensions[0].value for record in by_column.accepted.values] == [1, 2, 3, 4, 5, 6, 7]
    assert len(set(by_column.accepted.values.hashes())) == 7  # type: ignore[attr-defined]  # held by column
    part = by_column.accepted.part(2, 4)
    assert [record.key for record in part.values] == ["3", "4"]
    assert part.values.hashes() == by_column.accepted.values.hashes()[2:4]  # type: ignore[attr-defined]


def test_white_space_is_what_python_strips() -> None:
    assert set(WHITE_SPACE) == {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=5))
def test_control_characters_are_those_of_rows(cells: list[str]) -> None:
    found = with_control_characters(pa.array(cells, pa.string())).tolist()
    assert found == [number for number, cell in enumerate(cells) if CONTROL_CHARACTERS.search(cell)]


@given(st.integers(1000, 2200), st.integers(0, 13), st.integers(0, 32))
def test_a_whole_day_is_read_as_any_other_date(year: int, month: int, day: int) -> None:
    text = f"{year}-{month:02}-{day:02}"
    assert parse_dates(text) == _remembered(text)


@settings(deadline=None)  # a judge is made for each example
@given(
    st.lists(
        st.builds("{:04}-{:02}-{:02}".format, *map(st.integers, (900, 0, 0), (2200, 13, 32)))
        | st.sampled_from(
            ["", "c. 1850", "1923-05-17 ", "2001-02-29", "2000-02-29", "1700-02-29", "２000-01-01"]
        ),
        min_size=1,
    ),
    st.sampled_from(["", "verbatim = true", 'split = "-"', 'pattern = "[0-9]+"', 'null = ["1923-05-17"]']),
)
def test_a_column_of_whole_days_is_read_as_rows_read_it(days: list[str], how: str) -> None:
    rows = [GOOD | {"id": str(number), "acquired": day} for number, day in enumerate(days)]
    date = '{ column = "acquired", ' + how + " }" if how else '"acquired"'
    text = MAPPING.replace('date = "acquired"', f"date = {date}")
    by_column, by_row = both_ways(rows, KEYS[0], text=text)
    assert told(by_column) == told(by_row)


WORDS = (
    "in. cm mm kg lb ft. x × by ( ) [ ] , ; : / . - – 1/2 7/7 H. W. height diameter frame of panel ½ ' h min "
    "s to each 1st approx."
)

PIECES = st.lists(
    st.one_of(
        st.sampled_from([*WORDS.split(), '"']),
        st.integers(0, 1_300).map(str),
        st.decimals(0, 300, places=1).map(str),
    ),
    max_size=9,
)


@given(PIECES, st.sampled_from(["", " "]), st.lists(st.integers(0, 9), min_size=20, max_size=20))
def test_texts_that_differ_in_their_digits_are_read_as_if_alone(
    pieces: list[str], between: str, digits: list[int]
) -> None:
    text = between.join(pieces)
    given_digits = iter(digits * 4)
    like_it = re.sub("[0-9]", lambda _: str(next(given_digits)), text)
    for one in (text, like_it, text.replace("1", "11"), like_it):
        if any(character.isdecimal() or character == "½" for character in one):
            assert parse_dimensions(one, "cm") == _parsed(one, canonical_unit("cm"))


def like(text: str, digits: list[int]) -> str:
    """A text that differs in its digits, and in how many there are."""
    given_digits = iter(digits * 9)
    return re.sub("[0-9]+", lambda run: "".join(str(next(given_digits)) for _ in run[0] + "0"), text)


DIGITS = st.lists(st.integers(0, 9), min_size=20, max_size=20)

FAMILIES = st.builds(
    lambda pieces, between, digits: [like(between.join(pieces), each) for each in digits],
    PIECES,
    st.sampled_from(["", " ", "  "]),
    st.lists(DIGITS, max_size=9),
)

IN_TWO_SYSTEMS = st.lists(
    st.builds(
        lambda height, width, share, form: form.format(height, width, height * share, width * share),
        st.integers(1, 80),
        st.integers(1, 80),
        st.sampled_from([2.54, 2.54 * 1.03, 2.55, 2.6, 2.54 / 0.97, 3]),
        st.sampled_from(
            [
                "{} × {} in. ({:.1f} × {:.2f} cm)",
                "H. {2:.1f} cm, W. {3:.1f} cm ({0} by {1} in)",
                "{3:.1f} x {2:.1f} cm",
            ]
        ),
    ),
    max_size=12,
)


@settings(deadline=None)  # a judge is made for each example
@given(
    st.lists(st.one_of(FAMILIES, IN_TWO_SYSTEMS), min_size=1, max_size=3).map(
        lambda parts: list(chain(*parts))
    ),
    st.sampled_from(
        ["", 'unit = "mm"', 'extent = "frame"', 'extent_column = "text"', 'unit_column = "room"']
    ),
    st.sampled_from(["en", "de"]),
)
@example([f"H. {n}.250 x {n},5 cm" for n in range(1, 9)], "", "de")
@example([f"{n},125 x 1.{n} mm (N.{n}00 m)" for n in range(100, 109)], "", "de")
def test_sizes_of_one_shape_are_read_together_as_rows_read_them(
    sizes: list[str], how: str, language: str
) -> None:
    rows = [
        GOOD | {"id": str(number), "size": size, "text": "rim", "room": "in"}
        for number, size in enumerate([*sizes, "12.5 x 8 cm"])
    ]
    text = MAPPING.replace('null = ["N/A"]', 'null = ["N/A", "10 cm", "12.5 x 8 cm"]')
    text = text.replace('id = "town"', f'id = "town"\nlanguage = "{language}"')
    if how:
        text = text.replace('dimension = ["size"', 'dimension = [{ text = "size", ' + how + " }")
    by_column, by_row = both_ways(rows, KEYS[0], text=text)
    assert told(by_column) == told(by_row)


@pytest.mark.parametrize("first", ["H. 9.0 cm, W. 9.0 cm (1 by 1 in)", "H. 2.5 cm, W. 2.5 cm (1 by 1 in)"])
def test_sizes_that_disagree_are_noted_whichever_text_of_their_shape_was_read_first(first: str) -> None:
    _shapes.clear()
    widths = ["9.0", "2.5", "2.6", "3.0", "2.5", "8.1"]
    sizes = [first, *(f"H. 2.5 cm, W. {width} cm (1 by 1 in)" for width in widths)]
    rows = [GOOD | {"id": str(number), "size": size} for number, size in enumerate(sizes)]
    by_column, by_row = both_ways(rows[:1], KEYS[0])
    assert told(by_column) == told(by_row)
    by_column, by_row = both_ways(rows, KEYS[0])
    assert told(by_column) == told(by_row)
    assert {note.index for note in by_column.notes} == {1, 4, 6} | ({0} if "9.0" in first else set())
