"""Peak memory of reading does not depend on how much is read.

Each reading is a process of its own. The small variants have small batches, so that what would pile up from
batch to batch weighs more; the long ones have the sizes and the settings of real use.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.memory import ALLOWED_GROWTH
from benchmarks.read import SIZES, filled, measured, ways_on
from tests.conftest import DIALECTS, Servers

FEW, MANY, BATCH = 10_000, 100_000, 1_000


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with filled("sqlite", MANY) as made:
        yield made


def peaks(way: str, url: str) -> tuple[int, int]:
    few, many = (measured(way, url, rows, BATCH)["peak_bytes"] for rows in (FEW, MANY))
    return few, many


@pytest.mark.parametrize("way", ways_on("sqlite", of_ours=True))
def test_ten_times_the_rows_take_no_more_memory(way: str, url: str) -> None:
    few, many = peaks(way, url)
    assert many <= ALLOWED_GROWTH * few, f"{few:,} became {many:,} bytes"


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb"])
def test_neither_do_they_where_a_server_sends_faster_than_the_reader_reads(
    dialect: str, test_servers: Servers
) -> None:
    with filled(dialect, MANY, test_servers.url(dialect)) as made:
        for way in ("muniment tuples", "muniment arrow", "muniment tuples, engine", "muniment async"):
            few, many = peaks(way, made)
            assert many <= ALLOWED_GROWTH * few, f"{way}: {few:,} became {many:,} bytes"


def test_rows_that_are_kept_are_seen_to_take_more_memory(url: str) -> None:
    few, many = peaks("tuples, kept", url)
    assert many > ALLOWED_GROWTH * few


@pytest.mark.long
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_million_rows_take_no_more_memory_than_a_hundred_thousand(dialect: str) -> None:
    with filled(dialect, max(SIZES)) as made:
        for way in ways_on(dialect, of_ours=True):
            few, many = (measured(way, made, rows, 5_000)["peak_bytes"] for rows in SIZES)
            assert many <= ALLOWED_GROWTH * few, f"{way}: {few:,} became {many:,} bytes"
