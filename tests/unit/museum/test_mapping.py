"""Reading a mapping: what it may say, and what is wrong with one that cannot be meant so."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from muniment.databases.types import KEY_CHARACTERS
from muniment.errors import MappingError
from muniment.museum.mapping import ID_CHARACTERS, RECORD_SOURCE_CHARACTERS, Mapping
from muniment.museum.profile import MuseumProfile

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/mapping.toml"))

SMALLEST = """
[institution]
name = "Town Museum"
id = "town"

[fields]
accession = "number"
title = "title"
object_type = "kind"
"""


def test_a_mapping_needs_an_institution_and_three_fields() -> None:
    mapping = Mapping.parse(SMALLEST)
    assert mapping.text == SMALLEST
    assert mapping.record_source == "Town Museum"
    assert mapping.sources() == ("number", "title", "kind")
    assert (mapping.source.encoding, mapping.source.delimiter, mapping.source.quote) == ("utf-8", ",", '"')
    assert mapping.rules.manifest == "reject"
    assert mapping.rules.date == "note"


def test_everything_that_a_mapping_reads_is_among_its_sources() -> None:
    text = (
        SMALLEST
        + """
creator = { name = "maker", id = "maker id", role = "role", qualifier = "q", birth = "b" }
date = { column = "made", earliest = "from", latest = "to" }
material = [{ column = "medium", uri_column = "medium uri" }, "technique"]
dimension = ["size", { column = "height", type = "height", unit_column = "unit" }]
acquisition = { method = "how", source = "whence", date = { column = "when" }, text = "told" }
ocr = { column = "ocr", engine = "engine", confidence = "sure" }
image = { column = "picture", rights = "picture rights" }
place = { columns = ["town", "country"] }
category = { constant = "art" }
[record]
key = "id"
[[only]]
column = "department"
equals = "Prints"
"""
    )
    assert set(Mapping.parse(text).sources()) == {
        *("number", "title", "kind", "maker", "maker id", "role", "q", "b", "made", "from", "to", "medium"),
        *(
            "medium uri",
            "technique",
            "size",
            "height",
            "unit",
            "how",
            "whence",
            "when",
            "told",
            "ocr",
            "engine",
        ),
        *("sure", "picture", "picture rights", "town", "country", "id", "department"),
    }


@pytest.mark.parametrize(
    ("addition", "told"),
    [
        ("titel = 'x'\n", "fields.titel: nothing of this name can stand here (did you mean title?)"),
        ("place = {}\n", "give exactly one of `column`, `columns` and `constant`"),
        ("place = { column = 'a', constant = 'b' }\n", "give exactly one of"),
        ("date = { column = 'a', constant = 'b', earliest = 'c' }\n", "give exactly one of"),
        ("place = { column = 'a', pattern = '(' }\n", "the pattern is not a regular expression"),
        ("creator = { name = 'a', pattern = '[' }\n", "the pattern is not a regular expression"),
        ("creator = {}\n", "give either `name`"),
        ("creator = { name = 'a', constant = 'b' }\n", "give either `name`"),
        ("dimension = { column = 'a' }\n", "say with `type` what the column measures"),
        ("dimension = { column = 'a', text = 'b', type = 'height' }\n", "give either `text` or `column`"),
        (
            "material = { column = 'm', uri = 'http://x/{id}' }\n",
            "the template names id, but there are only value",
        ),
        ("material = { column = 'm', uri = 'http://x/{' }\n", "is no template"),
        ("material = { column = 'm', uri = '{}' }\n", "the template names"),
        ("material = { column = 'm', uri = '{value.__class__}' }\n", "the template names"),
        ("[record]\naccession_repeats = true\n", "another `key` must identify"),
        ("[rules]\ndate = 'ignore'\n", "rules.date"),
        ("[rules]\nmanifest_pattern = '*'\n", "the pattern is not a regular expression"),
        ("[source]\nencoding = 'utf-9'\n", "no encoding called 'utf-9'"),
        ("[source]\nencoding = 'hex'\n", "not a text encoding"),
        ("[source]\ndelimiter = ';;'\n", "source.delimiter"),
        ("[source]\ndelimiter = '\"'\n", "the delimiter must differ"),
        ("[source]\nheader = false\n", "needs `columns`"),
        ("[only]\ncolumn = 'a'\n", "give either `equals`"),
        ("[sorce]\n", "sorce: nothing of this name can stand here (did you mean source?)"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(addition: str, told: str) -> None:
    with pytest.raises(MappingError) as caught:
        Mapping.parse(SMALLEST + addition, where="museum.toml")
    assert told in str(caught.value)
    assert str(caught.value).startswith("museum.toml: ")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"name": "", "id": "m"}, "institution.name"),
        ({"name": "M", "id": "a museum"}, "institution.id"),
        ({"name": "M", "id": "m" * 61}, "institution.id"),
        ({"name": "M", "id": "m", "language": "English"}, "institution.language"),
        ({"id": "m"}, "institution.name: this is missing"),
    ],
)
def test_an_institution_has_a_name_and_a_short_id(given: dict[str, str], told: str) -> None:
    text = "[institution]\n" + "".join(f'{name} = "{value}"\n' for name, value in given.items())
    with pytest.raises(MappingError) as caught:
        Mapping.parse(text + SMALLEST[SMALLEST.index("[fields]") :])
    assert told in str(caught.value)


def test_a_file_that_is_no_mapping_says_so(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"missing\.toml: the mapping cannot be read.*muniment guess"):
        Mapping.read(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes('[institution]\nname = "Müseum"'.encode("latin-1"))
    with pytest.raises(MappingError, match=r"latin\.toml: the mapping is not UTF-8"):
        Mapping.read(tmp_path / "latin.toml")
    (tmp_path / "text.toml").write_text("accession: number")
    with pytest.raises(MappingError, match=r"text\.toml: this is not TOML: .*line 1"):
        Mapping.read(tmp_path / "text.toml")


def test_a_mapping_made_in_python_has_a_text_that_says_the_same() -> None:
    given = {
        "institution": {"name": "M", "id": "m"},
        "fields": {
            "accession": "a",
            "title": ["t", {"column": "u", "split": "|"}],
            "object_type": {"constant": "x"},
        },
    }
    mapping = Mapping.model_validate(given)
    assert Mapping.model_validate_json(mapping.text) == mapping


def test_a_mapping_is_frozen() -> None:
    mapping = Mapping.parse(SMALLEST)
    with pytest.raises(ValidationError, match="frozen"):
        mapping.institution.name = "Another"  # type: ignore[misc]  # which is what the test is about


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_mappings_that_ship_are_mappings(path: Path) -> None:
    mapping = Mapping.read(path)
    assert mapping.sources()
    assert mapping.text == path.read_text(encoding="utf-8")


def test_there_are_mappings_for_three_collections_and_the_sample() -> None:
    assert {path.parent.name for path in EXAMPLES} >= {"carnegie", "tate", "colby", "sample"}


@pytest.mark.parametrize("uri", ["", "item", "http://example.org/a b"])
def test_a_record_type_uri_that_is_none_is_refused_before_it_rejects_every_record(uri: str) -> None:
    with pytest.raises(MappingError, match="type_uri"):
        Mapping.parse(f'{SMALLEST}\n[record]\ntype_uri = "{uri}"\n')


def test_the_longest_id_and_record_source_make_a_scope_that_is_a_key() -> None:
    institution = {"name": "n", "id": "i" * ID_CHARACTERS}
    record = {"source": "s" * RECORD_SOURCE_CHARACTERS}
    fields = {"accession": "number", "title": "title", "object_type": "kind"}
    mapping = Mapping.model_validate({"institution": institution, "record": record, "fields": fields})
    assert len(MuseumProfile(mapping).scope) == KEY_CHARACTERS


@pytest.mark.parametrize(
    "pattern",
    ["a{99999}", "(a", "(?=a)", "(?<!a)b", r"(a)\1", r"a\Z"],
    ids=["large", "open", "lookahead", "lookbehind", "backreference", "end"],
)
def test_a_pattern_that_cannot_be_compiled_is_refused(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        MappingError, match=r"mapping: fields.place.pattern: .*not a regular expression of RE2"
    ):
        Mapping.parse(SMALLEST + f"\nplace = {{ column = 'town', pattern = '{pattern}' }}")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("template", ["{value:>1000000000}", "{value!r}", "{value:d}", "{value:{value}}"])
def test_a_template_may_name_a_value_but_not_format_it(template: str) -> None:
    with pytest.raises(MappingError, match="formats what it names"):
        Mapping.parse(SMALLEST + f"\nmaterial = {{ column = 'medium', uri = 'http://a/{template}' }}")


def test_a_mapping_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "museum.toml"
    path.write_text(SMALLEST, encoding="utf-8-sig")
    assert Mapping.read(path).text == SMALLEST


def test_a_file_that_is_too_long_for_a_mapping_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "museum.toml"
    with path.open("wb") as file:
        file.truncate(64 * 1024**3)
    with pytest.raises(MappingError, match=r"museum.toml: this is longer than .* Name the mapping"):
        Mapping.read(path)


def test_a_mapping_of_bottomless_lists_is_refused() -> None:
    with pytest.raises(MappingError, match="this is not TOML"):
        Mapping.parse("x = " + "[" * 100_000)
