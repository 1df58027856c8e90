"""Patterns of a mapping: in linear time, whatever they are, and as Python's where both know them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from muniment.museum.cells import Columns
from muniment.museum.mapping import Mapping
from muniment.museum.patterns import PATTERN_CHARACTERS, Expression
from muniment.museum.reading import RecordReader
from muniment.records import Header

HOSTILE = "^(a+)+$"
"""Under backtracking, each further letter of the text doubles the time."""

ENDS_AT_ONCE = 30.0
"""Seconds of the processor: thousands of times more than is needed; backtracking takes centuries."""

ATOMS = st.sampled_from(
    ["a", "b", "[ab]", "[^a]", ".", r"\d", r"[0-9]+", "é", r"\.", "(?:a|b)", "ab?", "b*?", "a{1,2}"]
)


@pytest.mark.parametrize(
    "fields",
    [
        f"identifier = {{ column = 'text', pattern = '{HOSTILE}' }}",
        f"creator = {{ name = 'text', pattern = '{HOSTILE}' }}",
        f"manifest = 'url'\n[rules]\nmanifest_pattern = 'https://{HOSTILE[1:]}'",
    ],
    ids=["cells", "actor", "manifest"],
)
def test_a_pattern_that_would_run_away_ends_at_once(fields: str) -> None:
    mapping = Mapping.parse(
        "[institution]\nname = 'Town'\nid = 'town'\n"
        f"[fields]\naccession = 'n'\ntitle = 't'\nobject_type = 'k'\n{fields}"
    )
    header = ("n", "t", "k", "text", "url")
    text = "a" * 10_000 + "!"
    began = time.process_time()
    RecordReader(mapping, Columns(mapping, Header(header, header))).read(
        ["1", "T", "vase", text, f"https://{text}"]
    )
    assert time.process_time() - began < ENDS_AT_ONCE


def test_a_text_that_is_too_long_is_not_searched_but_kept_and_told() -> None:
    mapping = Mapping.model_validate(
        {
            "institution": {"name": "Town", "id": "town"},
            "fields": {
                "accession": "n",
                "title": "t",
                "object_type": "k",
                "description": {"column": "text", "pattern": "a"},
            },
        }
    )
    header = ("n", "t", "k", "text")
    text = "a" * (PATTERN_CHARACTERS + 1)
    parts, findings = RecordReader(mapping, Columns(mapping, Header(header, header))).read(
        ["1", "T", "v", text]
    )
    assert [item["text"] for item in parts["texts"]] == [text]
    assert (
        findings.soft[0].message
        == "description is longer than the 100,000 characters in which a pattern is looked for"
    )


@given(st.lists(ATOMS, min_size=1, max_size=6), st.text("ab1é. \n", max_size=30))
@example(["b*?", "a"], "bba")
def test_what_both_know_is_found_alike_by_python(atoms: list[str], text: str) -> None:
    pattern = "".join(f"({atom})" if index % 2 else atom for index, atom in enumerate(atoms))
    mine, theirs = Expression(pattern), re.compile(pattern, re.ASCII)
    assert mine.groups == theirs.groups
    found, match = mine.search(text), theirs.search(text)
    groups = range(mine.groups + 1)
    assert (found and [found[group] for group in groups]) == (match and [match[group] for group in groups])


@given(
    st.sampled_from(["a+", "a|b", "[0-9]+", "(?P<one>a)(?P<two>b)?", "é.", "ab?"]),
    st.text("ab1é. \n", max_size=30),
)
def test_all_matches_are_found_alike_by_python(pattern: str, text: str) -> None:
    mine, theirs = Expression(pattern), re.compile(pattern)
    found = [(match[0], mine.named(match)) for match in mine.matches(text)]
    assert found == [(match[0], match.groupdict("")) for match in theirs.finditer(text)]
