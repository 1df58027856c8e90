"""The JSON Schema of mappings, which editors use: it accepts what Muniment accepts."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from muniment import Mapping

MAPPINGS = sorted((Path(__file__).parents[3] / "examples").glob("*/mapping.toml"))


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.parent.name)
def test_the_schema_accepts_every_mapping_that_ships(path: Path) -> None:
    validator = Draft202012Validator(Mapping.model_json_schema())
    faults = [
        error.message for error in validator.iter_errors(tomllib.loads(path.read_text(encoding="utf-8")))
    ]
    assert faults == []


@pytest.mark.parametrize(
    "fragment",
    [
        {"fields": {"accession": "a", "title": 1, "object_type": "t"}},
        {"fields": {"accession": "a"}},
        {"sorce": {}},
    ],
)
def test_the_schema_refuses_what_cannot_be_read(fragment: dict[str, object]) -> None:
    whole = {
        "institution": {"name": "M", "id": "m"},
        "fields": {"accession": "a", "title": "b", "object_type": "t"},
    }
    validator = Draft202012Validator(Mapping.model_json_schema())
    assert not list(validator.iter_errors(whole))
    assert list(validator.iter_errors(whole | fragment))


def test_the_schema_says_of_which_edition_it_is_and_describes_every_rule() -> None:
    described = Mapping.as_json_schema()
    assert described["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    rules = described["$defs"]["Rules"]["properties"]
    assert [name for name, rule in rules.items() if not rule.get("description")] == []
