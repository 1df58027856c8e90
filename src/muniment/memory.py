"""Memory of this process: how much it has used, what it keeps, and how often Python looks for garbage."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

if sys.platform != "win32":  # which has no such module
    import resource

NEW_OBJECTS = 100_000
"""New objects after which Python looks for cycles while a load or an export goes on. With its own 700 it
looks through each chunk's records over and over, which have none: judging a real collection took 1.5 times as
long, and reading objects for an export twice."""

M_ARENA_MAX = -8
"""What glibc's `mallopt` calls the number of its heaps (malloc.h)."""

POOL_BY_USER = "ARROW_DEFAULT_MEMORY_POOL"
"""By this variable a user says where Arrow takes memory from."""

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


def economise() -> None:
    """Let this process keep little that it does not use. For those of our own: it concerns all of a program.

    Each thread would have a heap to itself, and Arrow one more, and each keeps most of what it ever held. And
    pyarrow would import pandas, wherever that is installed, as soon as it makes an array. A load of flat rows
    peaks at 198 MiB instead of 222, or 257 with pandas; one of museum records at 232 instead of 283.
    """
    import pyarrow as pa

    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none, nor heaps for threads
        if mallopt is not None:
            mallopt(M_ARENA_MAX, 1)
    if POOL_BY_USER not in os.environ:
        pa.set_memory_pool(pa.system_memory_pool())
    if "pandas" not in sys.modules:
        _have_arrow_do_without_pandas(pa)


class _NoPandas:
    """Finds no pandas: see `importlib.abc.MetaPathFinder`."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _have_arrow_do_without_pandas(pa: ModuleType) -> None:
    """Let it look for pandas in vain, which it does once; whoever imports pandas later finds it."""
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(_NoPandas)
