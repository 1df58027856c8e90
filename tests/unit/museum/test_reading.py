"""From cells to the parts of a record, as the mapping says."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.museum.cells import Columns, Findings
from muniment.museum.mapping import Mapping
from muniment.museum.reading import RecordReader
from muniment.records import Header

BASE: dict[str, Any] = {"accession": "number", "title": "title", "object_type": "kind"}


def read(cells: dict[str, str], fields: dict[str, Any], **rest: Any) -> tuple[dict[str, Any], Findings]:
    """The parts that a row with these cells is read as, and what was found; columns are those named."""
    mapping = Mapping.model_validate(
        {"institution": {"name": "Town Museum", "id": "town"}, "fields": BASE | fields} | rest
    )
    header = tuple(dict.fromkeys((*mapping.sources(), *cells)))
    row = [({"number": "1", "title": "T", "kind": "vase"} | cells).get(name, "") for name in header]
    return RecordReader(mapping, Columns(mapping, Header(header, header))).read(row)


def part(name: str, cells: dict[str, str], fields: dict[str, Any], **rest: Any) -> Any:
    return read(cells, fields, **rest)[0].get(name)


def codes(cells: dict[str, str], fields: dict[str, Any], **rest: Any) -> list[tuple[str, str]]:
    findings = read(cells, fields, **rest)[1]
    return [(problem.field, problem.code) for problem in (*findings.hard, *findings.soft)]


# --- null strings, joining, constants, splitting, patterns -------------------------------------------


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Room 1", "Room 1"),
        ("  Room 1\n", "Room 1"),
        ("N/A", None),
        (" N/A ", None),
        ("-", None),
        ("n/a", "n/a"),
    ],
)
def test_null_strings_mean_that_nothing_is_known(cell: str, expected: str | None) -> None:
    assert part("location", {"room": cell}, {"location": "room"}, source={"null": ["N/A", "-"]}) == expected


def test_a_field_may_have_null_strings_of_its_own() -> None:
    fields = {"location": {"column": "room", "null": ["unknown"]}, "department": "room"}
    parts, _ = read({"room": "unknown"}, fields)
    assert "location" not in parts
    assert parts["department"] == "unknown"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"town": "Ghent", "country": "Belgium"}, "Ghent; Belgium"),
        ({"town": "", "country": "Belgium"}, "Belgium"),
        ({"town": "Ghent", "country": "N/A"}, "Ghent"),
        ({"town": " ", "country": ""}, None),
    ],
)
def test_columns_are_joined_where_they_are_filled(cells: dict[str, str], expected: str | None) -> None:
    fields = {"place": {"columns": ["town", "country"], "join": "; "}}
    production = part("production", cells, fields, source={"null": ["N/A"]}) or {}
    assert production.get("place") == expected


def test_a_constant_is_the_same_for_every_record() -> None:
    parts, findings = read({}, {"category": {"constant": "art"}, "owner": {"constant": "The town"}})
    assert parts["category"] == "art"
    assert parts["owners"] == [{"name": "The town"}]
    assert (findings.hard, findings.soft) == ([], [])


def test_cells_are_split_and_empty_pieces_left_out() -> None:
    fields = {"title": ["title", {"column": "others", "split": "|", "type": "alternative"}]}
    titles = part("titles", {"others": " One |N/A|| Two|"}, fields, source={"null": ["N/A"]})
    assert [title["title"] for title in titles] == ["T", "One", "Two"]
    assert [title.get("type") for title in titles] == [None, "alternative", "alternative"]
    assert {title["language"] for title in titles} == {"en"}


@pytest.mark.parametrize(
    ("pattern", "cell", "expected"),
    [
        (r"\d{4}", "no. 1234, 5678", ["1234", "5678"]),
        (r"no\. (\d+)", "no. 12; no. 34", ["12", "34"]),
        (r"(?P<value>\w+) \((?P<id>\d+)\)", "vase (7)", ["vase"]),
        (r"(?P<label>\w+) \((?P<id>\d+)\)", "vase (7)", ["vase"]),
    ],
)
def test_a_pattern_finds_values(pattern: str, cell: str, expected: list[str]) -> None:
    found = part("identifiers", {"old": cell}, {"identifier": {"column": "old", "pattern": pattern}})
    assert [number["identifier"] for number in found] == expected


def test_what_a_pattern_does_not_find_is_kept_and_told() -> None:
    fields = {"identifier": {"column": "old", "pattern": r"\d+", "split": ";"}}
    parts, findings = read({"old": "12; none; 34"}, fields)
    assert [number["identifier"] for number in parts["identifiers"]] == ["12", "none", "34"]
    (problem,) = findings.soft
    assert (problem.field, problem.column, problem.value) == ("identifier", "old", "none")
    assert codes({"old": "none"}, fields, rules={"pattern": "reject"}) == [("identifier", "pattern")]


# --- terms ------------------------------------------------------------------------------------------


def test_terms_have_a_vocabulary_a_language_and_uris_parallel_to_them() -> None:
    fields = {
        "material": {"column": "m", "split": "|", "uri_column": "u", "vocabulary": "AAT", "language": "de"}
    }
    cells = {"m": "Ton | Glas", "u": "http://aat/1| http://aat/2"}
    assert part("materials", cells, fields) == [
        {"label": "Ton", "vocabulary": "AAT", "uri": "http://aat/1", "language": "de"},
        {"label": "Glas", "vocabulary": "AAT", "uri": "http://aat/2", "language": "de"},
    ]
    assert part("object_types", {}, {})[0]["vocabulary"] == "town object type"


@pytest.mark.parametrize("uris", ["http://aat/1", "http://aat/1|http://aat/2|http://aat/3"])
def test_lists_of_different_length_are_told_and_nothing_is_given_to_the_wrong_term(uris: str) -> None:
    fields = {"material": {"column": "m", "split": "|", "uri_column": "u"}}
    cells = {"m": "Ton|Glas", "u": uris}
    assert [term.get("uri") for term in part("materials", cells, fields)] == [None, None]
    assert codes(cells, fields) == [("material", "parallel-lists-unequal")]
    assert codes({"m": "Ton|Glas", "u": ""}, fields) == []


def test_uris_must_be_uris_of_the_vocabulary() -> None:
    fields = {"material": {"column": "m", "uri_column": "u", "uri_prefix": ["http://aat/", "https://aat/"]}}
    assert codes({"m": "Ton", "u": "https://aat/1"}, fields) == []
    assert codes({"m": "Ton", "u": "http://wikidata/1"}, fields) == [("material", "uri")]
    assert codes({"m": "Ton", "u": "aat 1"}, fields) == [("material", "uri")]
    findings = read({"m": "Ton", "u": "aat 1"}, fields)[1]
    assert findings.soft == []
    assert (findings.hard[0].column, findings.hard[0].value) == ("u", "aat 1")


def test_a_closed_vocabulary_names_what_is_not_in_it() -> None:
    fields = {"material": {"column": "m", "split": ";", "allowed": ["clay", "glass"]}}
    parts, findings = read({"m": "clay; Glass"}, fields)
    assert [term["label"] for term in parts["materials"]] == ["clay", "Glass"]
    assert [(problem.code, problem.value) for problem in findings.soft] == [("term", "Glass")]


def test_a_template_makes_uris_of_what_the_pattern_found() -> None:
    pattern = r"(?P<label>[^;(]+?)\s*\(AAT:(?P<id>\d+)\)"
    fields = {"material": {"column": "m", "pattern": pattern, "uri": "http://aat/{id}"}}
    found = part("materials", {"m": "clay (AAT:12); glass (AAT:34)"}, fields)
    assert [(term["label"], term["uri"]) for term in found] == [
        ("clay", "http://aat/12"),
        ("glass", "http://aat/34"),
    ]
    assert [term.get("uri") for term in part("materials", {"m": "clay"}, fields)] == [None]
    plain = {"material": {"column": "m", "uri": "http://aat/{value}"}}
    assert part("materials", {"m": "clay"}, plain)[0]["uri"] == "http://aat/clay"


# --- actors -----------------------------------------------------------------------------------------


def test_names_roles_and_particulars_are_parallel() -> None:
    parallel = {"name": "who", "id": "id", "role": "role", "birth": "b", "split": "|"}
    fields = {"creator": parallel | {"default_role": "artist"}}
    cells = {"who": "Anna | Zoë", "id": "1|2", "role": "potter|", "b": "1850|"}
    assert part("production", cells, fields)["actors"] == [
        {"actor": {"name": "Anna", "id": "1", "birth": "1850"}, "role": "potter"},
        {"actor": {"name": "Zoë", "id": "2"}, "role": "artist"},
    ]
    assert codes(cells | {"id": "1"}, fields) == [("creator", "parallel-lists-unequal")]


def test_an_attribution_is_the_actor_and_a_qualifier() -> None:
    fields = {"creator": {"name": "who", "role": "role"}}
    (actor,) = part("production", {"who": "Anna", "role": "attributed to"}, fields)["actors"]
    assert actor["actor"] == {"name": "Anna"}
    assert actor["qualifier"] == "attributed to"


def test_a_maker_whose_name_is_not_known_is_nobody() -> None:
    fields = {"creator": {"name": "who", "id": "id", "split": "|"}}
    assert part("production", {"who": "", "id": "1"}, fields) is None
    found = part("production", {"who": "Anna|N/A", "id": "1|2"}, fields, source={"null": ["N/A"]})
    assert [actor["actor"]["name"] for actor in found["actors"]] == ["Anna"]


# --- dates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"made": "c. 1850"}, ("c. 1850", 1845, 1855)),
        ({"made": "206 BCE"}, ("206 BCE", -206, -206)),
        ({"made": "old", "from": "-0206-01-01", "to": "0009-12-31"}, ("old", -206, 9)),
        ({"made": "", "from": "1800", "to": "1810"}, (None, 1800, 1810)),
        ({"made": "1890", "from": "1899", "to": "1880"}, ("1890", None, None)),
        ({"made": "", "from": "", "to": ""}, None),
    ],
)
def test_dates_keep_their_text_and_have_signed_years(cells: dict[str, str], expected: Any) -> None:
    fields = {"date": {"column": "made", "earliest": "from", "latest": "to"}}
    production = part("production", cells, fields)
    if expected is None:
        assert production is None
        return
    span = production["date"]
    display, first, last = expected
    assert (span.get("display"), span.get("earliest_year")) == (display, first)
    assert span.get("latest_year") == last


def test_bounds_before_christ_are_told_with_a_sign() -> None:
    span = part("production", {"made": "206 BCE"}, {"date": "made"})["date"]
    assert (span["earliest"], span["latest"]) == ("-0206-01-01", "-0206-12-31")


def test_what_is_odd_about_dates_is_noted() -> None:
    fields = {"date": {"column": "made", "earliest": "from", "latest": "to"}}
    assert codes({"made": "1890", "from": "1899", "to": "1880"}, fields) == [("date", "date-inverted")]
    assert ("date", "date-not-understood") in codes({"made": "when the mill stood"}, fields)
    acquired = {"acquisition": {"date": {"column": "got"}}}
    assert codes({"got": "some time"}, acquired) == [("acquisition", "date-not-understood")]


# --- dimensions, texts, resources --------------------------------------------------------------------


def test_dimensions_come_from_columns_and_from_text() -> None:
    fields = {"dimension": [{"column": "h", "type": "height", "unit": "cm"}, {"text": "size"}]}
    found = part("dimensions", {"h": "12,5", "size": "10 x 18 in."}, fields)
    assert {(d["type"], d["value"], d["unit"]) for d in found} >= {
        ("height", 12.5, "cm"),
        ("height", 10.0, "in"),
    }
    assert part("texts", {"size": "10 x 18 in."}, fields)[0]["text"] == "10 x 18 in."
    assert part("dimensions", {"h": "0"}, fields) is None


@pytest.mark.parametrize("cell", ["tall", "1_000", "1,234", "nan", "inf", "-5", "1e3", "1.2.3"])
def test_a_measure_that_is_no_number_is_noted(cell: str) -> None:
    fields = {"dimension": {"column": "h", "type": "height", "unit": "cm"}}
    assert part("dimensions", {"h": cell}, fields) is None
    assert codes({"h": cell}, fields) == [("dimension", "number")]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [("0.9", 0.9), ("90%", 0.9), ("90", 0.9), ("1", 1.0), ("0", 0.0), ("", None), ("good", None)],
)
def test_the_confidence_of_machine_read_text_is_from_0_to_1(cell: str, expected: float | None) -> None:
    fields = {"ocr": {"column": "text", "engine": "engine", "confidence": "sure"}}
    (text,) = part("texts", {"text": "LOREM", "engine": "tess", "sure": cell}, fields)
    assert (text["type"], text["engine"]) == ("ocr", "tess")
    assert text.get("confidence") == expected
    assert bool(codes({"text": "LOREM", "sure": cell}, fields)) == (cell == "good")


def test_images_that_are_no_urls_are_noted_and_kept() -> None:
    parts, findings = read(
        {"picture": "C:\\1.jpg", "r": "CC0"}, {"image": {"column": "picture", "rights": "r"}}
    )
    assert parts["resources"] == [
        {"kind": "image", "url": "C:\\1.jpg", "rights": "CC0", "finding": "image-url"}
    ]
    assert [problem.code for problem in findings.soft] == ["image-url"]


# --- control characters -------------------------------------------------------------------------------


def test_control_characters_are_noted_for_each_column_that_is_read() -> None:
    awkward = "Titel, deutsch"
    fields = {"title": ["title", awkward], "description": "title"}
    found = read({"title": "a\x1fb", awkward: "c\x85d", "unmapped": "\x07"}, fields)[1].soft
    assert [(p.field, p.column, p.code) for p in found] == [
        ("title", "title", "control-characters"),
        ("title", awkward, "control-characters"),
        ("description", "title", "control-characters"),
    ]
    assert codes({"title": "tab\tand\r\nline ends are fine"}, fields) == []


# --- what is taken as it stands ------------------------------------------------------------------------


def test_numbers_may_stand_in_parallel_lists() -> None:
    fields = {
        "dimension": {
            "column": "value",
            "type_column": "what",
            "unit_column": "unit",
            "extent_column": "part",
            "display_column": "shown",
            "split": "|",
            "zero_is_unknown": False,
        }
    }
    cells = {"value": "12.5|0", "what": "height|weight", "unit": "cm|", "part": "|frame", "shown": "12½ cm|"}
    assert part("dimensions", cells, fields) == [
        {"type": "height", "value": 12.5, "unit": "cm", "display": "12½ cm"},
        {"type": "weight", "value": 0.0, "extent": "frame"},
    ]


def test_lists_of_numbers_that_are_not_parallel_are_told() -> None:
    fields = {"dimension": {"column": "value", "type_column": "what", "type": "size", "split": "|"}}
    cells = {"value": "1|2", "what": "height"}
    assert [d["type"] for d in part("dimensions", cells, fields)] == ["size", "size"]
    assert codes(cells, fields) == [("dimension", "parallel-lists-unequal")]


def test_a_verbatim_date_has_the_bounds_that_are_given_and_no_others() -> None:
    fields = {"date": {"column": "made", "earliest": "from", "latest": "to", "verbatim": True}}
    bounds = {"from": "-12000-01-01", "to": "0800-02-29"}
    date = part("production", {"made": "about 1850"} | bounds, fields)["date"]
    assert (date["display"], date["earliest"], date["latest"]) == ("about 1850", *bounds.values())
    assert (date["earliest_year"], date["latest_year"]) == (-12000, 800)
    assert part("production", {"made": "1850"}, fields) == {"date": {"display": "1850"}}
    assert codes({"from": "1850"}, fields) == [("date", "date-bound-not-understood")]


def test_verbatim_names_and_roles_keep_their_qualifiers() -> None:
    fields = {"creator": {"name": "who", "role": "role", "verbatim": True}}
    (maker,) = part("production", {"who": "after Rubens", "role": "attributed to"}, fields)["actors"]
    assert maker == {"actor": {"name": "after Rubens"}, "role": "attributed to"}


def test_a_guarded_cell_is_read_without_its_apostrophe() -> None:
    guarded = {"formula_guard": True}
    fields = {"location": "room", "department": "unit"}
    cells = {"room": "'=1+1", "unit": "'s-Hertogenbosch"}
    parts, _ = read(cells, fields, source=guarded)
    assert (parts["location"], parts["department"]) == ("=1+1", "'s-Hertogenbosch")
    assert part("location", cells, fields) == "'=1+1"
