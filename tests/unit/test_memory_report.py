"""The report of what a load uses of memory."""

from __future__ import annotations

from itertools import pairwise

from muniment.cli.memory_report import MOST_POINTS, MemoryReport
from muniment.events import ChunkCommitted, RunStarted
from muniment.records import Account


def test_a_report_of_many_chunks_has_few_samples_at_even_distances() -> None:
    report = MemoryReport()
    report(RunStarted(1, "a.csv", 0, resumed=False))
    for number in range(1, 5 * MOST_POINTS):
        report(ChunkCommitted(1, number, Account(read=1), 0, 0.0, 0.0, 0.0))
    told = [sample.records for sample in report.samples]
    distances = {later - earlier for earlier, later in pairwise(told)}
    assert MOST_POINTS / 2 <= len(told) <= MOST_POINTS
    assert distances == {8}
    assert report.image().startswith("<svg ")
