"""Progress: a bar by bytes on a terminal, now and then a plain line elsewhere; on stderr both."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from muniment.cli.output import visible
from muniment.events import (
    AttemptFailed,
    ChunkCommitted,
    Event,
    Observer,
    RunEnded,
    RunStarted,
    unobserved,
)
from muniment.memory import peak_rss

SECONDS_BETWEEN_LINES = 5.0
"""Plain progress goes to log files and CI pages: often enough to see life, seldom enough to read."""

PARTS = 1_000_000
"""Steps of the bar from nothing to all: fine enough for the smallest chunk of a large file."""

NAME_CHARACTERS = 40
"""How much of a source's name stands before the bar: its end, which tells more than its folders."""


class Tally:
    """What the sitting has done so far; `observe` an event first, then ask for `text`."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.began = time.monotonic()
        self.read = 0
        self.quarantined = 0
        self.fraction = 0.0

    def observe(self, event: Event) -> None:
        """Count what a chunk brings; a new run begins at zero."""
        if isinstance(event, RunStarted):
            self._start()
        elif isinstance(event, ChunkCommitted):
            self.read += event.account.read
            self.quarantined += event.account.quarantined
            self.fraction = event.fraction_done

    @property
    def text(self) -> str:
        """Records read and quarantined, rate, memory."""
        rate = self.read / max(time.monotonic() - self.began, 0.001)
        told = (f"{self.read:,} rows", f"{rate:,.0f} rows/s", f"{self.quarantined:,} quarantined")
        return " · ".join((*told, memory(peak_rss())))


def memory(size: int) -> str:
    """A number of bytes in MiB, for people."""
    return f"{size / 2**20:,.0f} MiB"


def on_terminal() -> bool:
    """Whether stderr is a terminal on which a line can be written again and again."""
    console = Console(stderr=True)
    return console.is_terminal and not console.is_dumb_terminal


@contextmanager
def showing_progress(*, wanted: bool) -> Iterator[Observer]:
    """An observer that shows how far a load has come, as far as this is `wanted`."""
    if not wanted:
        yield unobserved
    elif on_terminal():
        with _bar() as observer:
            yield observer
    else:
        yield plain_lines(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201  # shown so


@contextmanager
def _bar() -> Iterator[Observer]:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        TimeRemainingColumn(compact=True),
    )
    tally = Tally()
    with Progress(*columns, console=Console(stderr=True, markup=False), transient=True) as progress:
        task = progress.add_task("reading the source", total=None, said="")
        resumed = False

        def observe(event: Event) -> None:
            nonlocal resumed
            tally.observe(event)
            if isinstance(event, RunStarted):
                resumed = event.resumed
                progress.reset(task, total=PARTS, description=_short(event.source), said="")
            elif isinstance(event, ChunkCommitted):
                done = int(tally.fraction * PARTS)
                if resumed:
                    # Else the bytes of the former sitting would count as read in no time.
                    progress.reset(task, total=PARTS, completed=done)
                    resumed = False
                progress.update(task, completed=done, said=tally.text)
            elif isinstance(event, AttemptFailed):
                told = visible(event.message)
                progress.update(task, said=f"waiting: {told}" if event.waiting else f"trying again: {told}")

        yield observe


def plain_lines(write: Callable[[str], None], seconds: float = SECONDS_BETWEEN_LINES) -> Observer:
    """An observer that writes a line at most every so many seconds, and one at the end of a run."""
    tally = Tally()
    last = time.monotonic()

    def observe(event: Event) -> None:
        nonlocal last
        tally.observe(event)
        ended = isinstance(event, RunEnded)
        if ended or (isinstance(event, ChunkCommitted) and time.monotonic() - last >= seconds):
            last = time.monotonic()
            share = "end" if ended else f"{tally.fraction:.0%}"
            write(f"progress: {share} · {tally.text}")

    return observe


def _short(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= NAME_CHARACTERS else "…" + shown[1 - NAME_CHARACTERS :]
