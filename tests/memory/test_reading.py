"""Peak memory of reading does not depend on how much is read.

Each reading is a process of its own. The small variants have small batches, so that what would pile up from
batch to batch weighs more; the long ones have the sizes and the settings of real use.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.memory import ALLOWED_GROWTH
from benchmarks.read import FLAT, filled, measured
from tests.conftest import DIALECTS

FEW, MANY, BATCH = 10_000, 100_000, 1_000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with filled("sqlite", MANY) as made:
        yield made


def peaks(way: str, url: str) -> tuple[int, int]:
    few, many = (measured(way, url, rows, BATCH)["peak_bytes"] for rows in (FEW, MANY))
    return few, many


@pytest.mark.parametrize("way", ["muniment tuples", "muniment arrow", "muniment pages", "muniment async"])
def test_ten_times_the_rows_take_no_more_memory(way: str, url: str) -> None:
    few, many = peaks(way, url)
    assert many <= ALLOWED_GROWTH * few, f"{few:,} became {many:,} bytes"


def test_rows_that_are_kept_are_seen_to_take_more_memory(url: str) -> None:
    few, many = peaks("tuples, kept", url)
    assert many > ALLOWED_GROWTH * few


@pytest.mark.long
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_million_rows_take_no_more_memory_than_a_hundred_thousand(dialect: str) -> None:
    with filled(dialect, 1_000_000) as made:
        for way in FLAT:
            few, many = (measured(way, made, rows, 5_000)["peak_bytes"] for rows in (100_000, 1_000_000))
            assert many <= ALLOWED_GROWTH * few, f"{way}: {few:,} became {many:,} bytes"
