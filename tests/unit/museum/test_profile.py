"""The museum profile's judgement of whole rows: mandatory fields, severities, messages, keys."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.errors import HeaderError
from muniment.museum.mapping import Mapping
from muniment.museum.profile import MuseumProfile
from muniment.records import Header, Problem, Verdicts, reasons
from muniment.sources import Format, open_source
from muniment.validation.filters import Condition

MAPPING = """
[institution]
name = "Town Museum"
id = "town"

[fields]
accession = "number"
title = "title"
object_type = { column = "kind", vocabulary = "kinds", allowed = ["vase", "print"] }
manifest = "manifest"
creator = { name = "maker", uri = "maker uri", role = "role", split = "|" }
date = "made"
place = "place"
web_page = "page"
department = "department"
"""

COLUMNS = (
    "number",
    "title",
    "kind",
    "manifest",
    "maker",
    "maker uri",
    "role",
    "made",
    "place",
    "page",
    "department",
)

GOOD = {
    "number": "1999.1",
    "title": "A vase",
    "kind": "vase",
    "manifest": "https://example.org/iiif/1/manifest.json",
    "maker": "Anna|Zoë",
    "maker uri": "http://vocab.getty.edu/ulan/1|http://vocab.getty.edu/ulan/2",
    "role": "potter|painter",
    "made": "c. 1850",
}


def judged(*rows: dict[str, str], text: str = MAPPING, only: tuple[Condition, ...] = ()) -> Verdicts:
    """What the profile says of rows."""
    profile = MuseumProfile(Mapping.parse(text), only)
    given = [{name: row.get(name, "") for name in COLUMNS} for row in rows]
    source = open_source(given, Format(), Settings())
    judge = profile.bind(source.header)
    (chunk,) = source.chunks(source.first)
    verdicts = judge.judge(source.records(chunk))
    source.close()
    return verdicts


def rejected(row: dict[str, str], text: str = MAPPING) -> tuple[Problem, ...]:
    verdicts = judged(row, text=text)
    assert not len(verdicts.accepted)
    (rejection,) = verdicts.rejections
    return rejection.problems


def noted(row: dict[str, str], text: str = MAPPING) -> list[Problem]:
    verdicts = judged(row, text=text)
    assert verdicts.rejections == []
    return [note.problem for note in verdicts.notes]


def test_a_good_record_is_accepted_without_a_note() -> None:
    verdicts = judged(GOOD)
    assert (verdicts.accepted.keys, verdicts.rejections, verdicts.notes) == (["1999.1"], [], [])
    record = verdicts.accepted.values[0]
    assert [part.actor.name for part in record.production.actors] == ["Anna", "Zoë"]
    assert record.record_source == "Town Museum"
    assert record.record_type == "item-level record"


@pytest.mark.parametrize(
    ("changes", "field", "column", "message"),
    [
        ({"title": ""}, "title", "title", "title is missing"),
        ({"title": " \u00a0\t"}, "title", "title", "title is missing"),
        ({"kind": ""}, "object_type", "kind", "object type is missing"),
        ({"number": ""}, "accession", "number", "accession number is missing"),
        ({"number": "9" * 256}, "accession", "number", "accession number is longer than 255 characters"),
        ({"place": "x" * 256}, "place", "place", "place is longer than 255 characters"),
        ({"department": "x" * 256}, "department", "department", "department is longer than 255 characters"),
        (
            {"role": "x" * 256 + "|y"},
            "creator",
            "maker, maker uri, role",
            "creator is longer than 255 characters",
        ),
        (
            {"page": "see the website"},
            "web_page",
            "page",
            "web page does not have the form that is asked for",
        ),
        (
            {"manifest": "manifest.json"},
            "manifest",
            "manifest",
            "the URL of the IIIF manifest is not an http or https URL",
        ),
        (
            {"manifest": "https://example.org/1.jpg"},
            "manifest",
            "manifest",
            "the URL is not that of an IIIF manifest",
        ),
        ({"maker uri": "ulan 1|ulan 2"}, "creator", "maker uri", "the URI of creator is not a URI"),
    ],
)
def test_a_hard_problem_is_told_in_a_registrars_words(
    changes: dict[str, str], field: str, column: str, message: str
) -> None:
    problem = rejected(GOOD | changes)[0]
    assert (problem.field, problem.column, problem.message) == (field, column, message)
    assert len(problem.value) <= 200


def test_a_row_is_rejected_with_all_its_problems_the_soft_ones_as_well() -> None:
    changes = {"number": "", "title": "", "manifest": "x", "made": "when the mill stood", "kind": "chair"}
    assert {(problem.field, problem.code) for problem in rejected(GOOD | changes)} == {
        ("accession", "missing"),
        ("title", "missing"),
        ("manifest", "manifest-url"),
        ("object_type", "term"),
        ("date", "date-not-understood"),
    }


def test_a_row_without_anything_is_told_as_such() -> None:
    assert [problem.code for problem in rejected({"title": "  "})] == ["empty-row"]
    null = MAPPING + '[source]\nnull = ["N/A"]\n'
    assert [problem.code for problem in rejected({"title": "N/A"}, null)] == ["empty-row"]


@pytest.mark.parametrize(
    ("rule", "changes", "code"),
    [
        ("manifest", {"manifest": "https://example.org/1.jpg"}, "manifest-url"),
        ("uri", {"maker uri": "ulan 1|ulan 2"}, "uri"),
        ("date", {"made": "when the mill stood"}, "date-not-understood"),
        ("term", {"kind": "chair"}, "term"),
        ("parallel", {"maker uri": "http://vocab.getty.edu/ulan/1"}, "parallel-lists-unequal"),
        ("control_characters", {"title": "Boy\x92s head"}, "control-characters"),
    ],
)
def test_the_mapping_says_how_severe_a_rule_is(rule: str, changes: dict[str, str], code: str) -> None:
    strict = MAPPING + f'[rules]\n{rule} = "reject"\n'
    lenient = MAPPING + f'[rules]\n{rule} = "note"\n'
    assert {problem.code for problem in rejected(GOOD | changes, strict)} == {code}
    assert {problem.code for problem in noted(GOOD | changes, lenient)} == {code}


def test_what_is_odd_is_kept_to_the_letter_beside_its_note() -> None:
    odd = GOOD | {
        "made": "when the mill stood",
        "title": "Boy\x92s head",
        "manifest": "https://example.org/1.jpg",
    }
    verdicts = judged(odd, text=MAPPING + '[rules]\nmanifest = "note"\n')
    record = verdicts.accepted.values[0]
    assert record.production.date.display == "when the mill stood"
    assert record.production.date.earliest is None
    assert record.titles[0].title == "Boy\x92s head"
    assert record.resources[0].url == "https://example.org/1.jpg"
    assert record.resources[0].finding == "manifest-url"
    hints = {note.problem.code: note.problem for note in verdicts.notes}
    assert "in Windows-1252 it would be ’" in hints["control-characters"].message
    assert {note.key for note in verdicts.notes} == {"1999.1"}


def test_the_pattern_of_manifests_is_the_mappings() -> None:
    own = MAPPING + "[rules]\nmanifest_pattern = '^https://iiif\\.town\\.example/\\d+$'\n"
    assert noted(GOOD | {"manifest": "https://iiif.town.example/77"}, own) == []
    assert rejected(GOOD, own)[0].code == "manifest-url"


class TestKeys:
    KEYED = MAPPING + '[record]\nkey = "department"\n'

    def test_the_key_is_the_accession_number_unless_the_mapping_says_otherwise(self) -> None:
        assert judged(GOOD).accepted.keys == ["1999.1"]
        assert judged(GOOD | {"department": " D7 "}, text=self.KEYED).accepted.keys == ["D7"]

    def test_a_key_that_is_mapped_and_missing_is_not_replaced_by_another(self) -> None:
        assert [(p.field, p.message) for p in rejected(GOOD, self.KEYED)] == [("key", "key is missing")]

    def test_a_rejected_record_keeps_its_key_where_that_can_be_read(self) -> None:
        def key(changes: dict[str, str], text: str = MAPPING) -> Any:
            return judged(GOOD | changes, text=text).rejections[0].key

        assert key({"title": ""}) == "1999.1"
        assert key({"manifest": "x"}) == "1999.1"
        assert key({"number": ""}) is None
        assert key({"number": "9" * 256}) is None
        assert key({"title": "", "department": "D7"}, self.KEYED) == "D7"
        assert key({"number": "", "department": "D7"}, self.KEYED) == "D7"


def test_conditions_of_the_mapping_and_of_the_run_must_both_hold() -> None:
    text = MAPPING + '[only]\ncolumn = "department"\nequals = ["Prints", "Drawings"]\n'
    rows = [
        GOOD | {"department": name, "number": str(n)}
        for n, name in enumerate(("Prints", "Drawings", "Vases", ""))
    ]
    verdicts = judged(*rows, text=text, only=(Condition.parse("number=1..3"),))
    assert (verdicts.accepted.indexes, verdicts.skipped) == ([1], [0, 2, 3])


def test_another_mapping_or_another_condition_is_another_version() -> None:
    one = MuseumProfile(Mapping.parse(MAPPING))
    assert one.version == MuseumProfile(Mapping.parse(MAPPING)).version
    others = [
        MuseumProfile(Mapping.parse(MAPPING + "\n")),
        MuseumProfile(Mapping.parse(MAPPING), [Condition.parse("kind=vase")]),
        MuseumProfile(Mapping.parse(MAPPING), [Condition.parse("kind=print")]),
    ]
    assert len({one.version, *(other.version for other in others)}) == 4
    assert ("kind",) in others[1].columns()


def test_a_header_without_the_mapped_columns_is_refused_with_all_that_are_missing() -> None:
    profile = MuseumProfile(Mapping.parse(MAPPING))
    with pytest.raises(HeaderError) as caught:
        profile.bind(Header(("Number", "tilte", *COLUMNS[2:]), ("Number", "tilte", *COLUMNS[2:])))
    assert "'number' (the nearest: Number" in str(caught.value)
    assert "'title' (the nearest: tilte" in str(caught.value)
    assert "The source has: Number, tilte, kind" in caught.value.hint


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, CELLS)), min_size=1, max_size=6))
def test_any_row_is_in_exactly_one_place_and_judging_it_twice_says_the_same(
    rows: list[dict[str, str]],
) -> None:
    first, second = judged(*rows), judged(*rows)
    assert first == second
    places = [*first.accepted.indexes, *(r.index for r in first.rejections), *first.skipped]
    assert sorted(places) == list(range(len(rows)))
    assert {note.index for note in first.notes} <= {*first.accepted.indexes}
    assert all(rejection.problems for rejection in first.rejections)


def test_what_is_soft_about_a_rejected_record_is_told_apart_from_the_reasons() -> None:
    problems = rejected(GOOD | {"title": "", "made": "no date at all"})
    assert [(problem.code, problem.severity) for problem in problems] == [
        ("missing", ""),
        ("date-not-understood", "note"),
    ]
    assert [problem.code for problem in reasons(problems)] == ["missing"]
