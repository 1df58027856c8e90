"""What a load uses of memory, chunk by chunk: `--memory-report`."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from muniment.cli.curves import curves
from muniment.errors import UsageError
from muniment.events import ChunkCommitted, Event, Observer, RunStarted, unobserved
from muniment.memory import peak_rss, rss

MOST_POINTS = 1_000
"""Chunks that a report tells: from then on every second, every fourth ... so that it stays small itself."""

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """The memory of the process, in bytes, when so many records were committed.

    Attributes:
        rss: what is resident of the process, its libraries included.
        peak_rss: the most that was so far.
        python: what Python's own objects take now, as `tracemalloc` tells it.
        python_peak: the most that they took since the chunk before.
    """

    records: int
    rss: int
    peak_rss: int
    python: int
    python_peak: int


class MemoryReport:
    """An observer that takes a sample after each chunk."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._records = self._chunks = 0
        self._every = 1

    def __call__(self, event: Event) -> None:
        """Take a sample, where the event is one of a chunk or a run's beginning."""
        if isinstance(event, ChunkCommitted):
            self._records += event.account.read
            self._chunks += 1
        elif not isinstance(event, RunStarted):
            return
        if self._chunks % self._every:
            return
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        self.samples.append(Sample(self._records, rss(), peak_rss(), now, peak))
        if len(self.samples) > MOST_POINTS:
            self.samples = self.samples[::2]
            self._every *= 2

    def image(self) -> str:
        """The samples as curves."""
        lines = {
            "resident": [(float(one.records), one.rss / MEBIBYTE) for one in self.samples],
            "peak resident": [(float(one.records), one.peak_rss / MEBIBYTE) for one in self.samples],
            "Python objects": [(float(one.records), one.python_peak / MEBIBYTE) for one in self.samples],
        }
        return curves("Memory of a load", "records", "MiB", lines)


@contextmanager
def memory_report(image: Path | None) -> Iterator[Observer]:
    """An observer whose report is written when the block ends, also by an error.

    Args:
        image: an SVG file for the curves; the figures go beside it, as JSON. None: nothing is recorded.

    Raises:
        UsageError: it is no .svg file.
    """
    if image is None:
        yield unobserved
        return
    if image.suffix.lower() != ".svg":
        hint = "Name a file such as memory.svg: the figures go into memory.json beside it"
        raise UsageError("the memory report is an SVG image", where=str(image), hint=hint)
    report = MemoryReport()
    tracemalloc.start()
    try:
        yield report
    finally:
        tracemalloc.stop()
        if report.samples:
            figures = json.dumps([asdict(one) for one in report.samples], indent=1)
            image.with_suffix(".json").write_text(figures + "\n", encoding="utf-8")
            image.write_text(report.image(), encoding="utf-8")
