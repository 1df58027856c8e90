"""Peak memory of an export does not depend on how many objects it has.

Each export is a process of its own. The further objects are copies under other numbers: they have parts of
their own, and share the actors, terms and places of the first.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.export import FORMATS, LOADED, collection, exported, multiply
from benchmarks.memory import ALLOWED_GROWTH
from tests.conftest import DIALECTS

FEW, MANY = 10_000, 30_000
"""Few are more than all that is remembered of what comes again, and so many pages that caches are full."""

SOME = ("lido", "csv")


@pytest.fixture(scope="module")
def peaks() -> Iterator[dict[str, tuple[int, int]]]:
    """The peaks for few objects and for many, by format."""
    with collection("sqlite", FEW) as url:
        few = {what: exported(what, url, FEW, 1)["peak_bytes"] for what in SOME}
        multiply(url, FEW, FEW, MANY)
        many = {what: exported(what, url, MANY, 1)["peak_bytes"] for what in SOME}
        yield {what: (few[what], many[what]) for what in SOME}


@pytest.mark.parametrize("what", SOME)
def test_many_times_the_objects_take_no_more_memory(what: str, peaks: dict[str, tuple[int, int]]) -> None:
    few, many = peaks[what]
    assert many <= ALLOWED_GROWTH * few, f"{few:,} became {many:,} bytes"


@pytest.mark.long
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_million_objects_take_no_more_memory_than_a_hundred_thousand(dialect: str) -> None:
    with collection(dialect, LOADED) as url:
        few = {what: exported(what, url, LOADED, 1)["peak_bytes"] for what in FORMATS}
        multiply(url, LOADED, LOADED, 1_000_000)
        for what in FORMATS:
            many = exported(what, url, 1_000_000, 1)["peak_bytes"]
            assert many <= ALLOWED_GROWTH * few[what], f"{what}: {few[what]:,} became {many:,} bytes"
