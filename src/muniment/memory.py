"""Memory of this process: how much it has used, and how often Python looks for garbage."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":  # which has no such module
    import resource

NEW_OBJECTS = 100_000
"""New objects after which Python looks for cycles while a load or an export goes on. With its own 700 it
looks through each chunk's records over and over, which have none: judging a real collection took 1.5 times as
long, and reading objects for an export twice."""


STATUS = Path("/proc/self/status")
"""Where Linux tells a process's own peak. That of `getrusage` begins with its parent's."""


def rss() -> int:
    """The resident size of this process now, in bytes; where Linux does not tell it, the largest so far."""
    return _told("VmRSS:") if STATUS.exists() else peak_rss()


def _told(name: str) -> int:
    told = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(told.split()[1]) * 1024


def peak_rss() -> int:
    """The largest resident size of this process so far, in bytes; 0 on Windows, where it is not asked for."""
    if STATUS.exists():
        return _told("VmHWM:")
    if sys.platform == "win32":
        return 0
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


@contextmanager
def rare_collections() -> Iterator[None]:
    """Within the block Python looks for cycles every `NEW_OBJECTS` new objects; then as before."""
    former = gc.get_threshold()
    if former[0]:  # somebody may have turned it off
        gc.set_threshold(max(NEW_OBJECTS, former[0]), *former[1:])
    try:
        yield
    finally:
        gc.set_threshold(*former)
