"""Peak memory does not depend on how large a source is, nor on how much of it is bad.

Each load runs as the program does, in a process of its own. The small variants use small chunks, so that
what would pile up from chunk to chunk weighs more, yet so many that a process has filled its caches, which
takes 20 MiB; the long ones have the sizes and the settings of real use.
"""

from __future__ import annotations

import pytest

from benchmarks.flat import HUGE_BYTES
from benchmarks.memory import ALLOWED_GROWTH, KINDS, load
from tests.conftest import DIALECTS, Servers

MEBIBYTE = 1024 * 1024

SMALL_CHUNKS = ("--chunk-rows", 500)

MOST_OF_ORDINARY = 220 * MEBIBYTE

NEARLY = 0.9
"""Of the records that one expects at the least: defects such as unclosed quotes make one row into several."""


def assert_flat(kind: str, small: int, large: int, server: str | None, *options: str | int) -> None:
    first, second = (load(kind, rows, server, *options) for rows in (small, large))
    assert first.account["status"] == second.account["status"] == "done"
    assert second.account["read"] > NEARLY * large / small * first.account["read"]
    told = f"{first.peak_bytes / MEBIBYTE:.1f} MiB became {second.peak_bytes / MEBIBYTE:.1f} MiB"
    assert second.peak_bytes <= ALLOWED_GROWTH * first.peak_bytes, told


@pytest.mark.parametrize(
    ("kind", "small", "large", "options"),
    [
        ("table good", 100_000, 1_000_000, ()),
        ("table all-bad", 10_000, 50_000, SMALL_CHUNKS),
        ("museum good", 8_000, 36_000, SMALL_CHUNKS),
        ("museum all-bad", 6_000, 24_000, SMALL_CHUNKS),
        ("records", 30_000, 200_000, ()),
        ("jsonl", 20_000, 120_000, ()),
        ("parquet", 60_000, 400_000, ()),
    ],
)
def test_a_load_of_many_times_the_rows_takes_no_more_memory(
    kind: str, small: int, large: int, options: tuple[str | int, ...]
) -> None:
    assert_flat(kind, small, large, None, *options)


@pytest.mark.long
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_million_rows_take_no_more_memory_than_a_hundred_thousand(
    kind: str, dialect: str, test_servers: Servers
) -> None:
    server = None if dialect == "sqlite" else test_servers.url(dialect)
    assert_flat(kind, 100_000, 1_000_000, server)


@pytest.mark.parametrize(
    ("kind", "dialect"), [*(("table huge", dialect) for dialect in DIALECTS), ("museum huge", "sqlite")]
)
def test_huge_records_take_no_more_than_six_times_their_size_beside_what_ordinary_ones_take(
    kind: str, dialect: str, test_servers: Servers
) -> None:
    loaded = load(kind, 5, None if dialect == "sqlite" else test_servers.url(dialect))
    assert loaded.account["inserted"] == 5
    assert loaded.peak_bytes < MOST_OF_ORDINARY + 6 * HUGE_BYTES, f"{loaded.peak_bytes / MEBIBYTE:.1f} MiB"


def test_a_chunk_that_holds_all_rows_is_seen_to_take_more_memory() -> None:
    many_chunks = load("table good", 20_000, None, *SMALL_CHUNKS)
    one_chunk = load("table good", 20_000, None, "--chunk-rows", 1_000_000, "--chunk-bytes", 64 * MEBIBYTE)
    assert one_chunk.account["chunks"] == 1
    assert one_chunk.peak_bytes > ALLOWED_GROWTH * many_chunks.peak_bytes


def test_what_the_starting_process_holds_does_not_count() -> None:
    alone = load("records", 10, None)
    held = b"x" * (4 * alone.peak_bytes)
    beside = load("records", 10, None)
    assert beside.peak_bytes < len(held) / 2
