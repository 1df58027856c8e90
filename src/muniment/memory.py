"""Memory of this process: how much it has used, what it keeps, and how often Python looks for garbage."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":  # which has no such module
    import resource

NEW_OBJECTS = 100_000
"""New objects after which Python looks for cycles while a load or an export goes on. With its own 700 it
looks through each chunk's records over and over, which have none: judging a real collection took 1.5 times as
long, and reading objects for an export twice."""

LARGE_BYTES = 8 * 1024 * 1024
"""A piece of memory that is given back to the system as soon as it is free: what a huge record takes, and
none of those that each chunk takes anew."""

MALLOPT = {-8: 1, -3: LARGE_BYTES, -1: LARGE_BYTES // 2}
"""Parameters of glibc's `mallopt` (malloc.h): M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD."""

ARROW_POOL = "ARROW_DEFAULT_MEMORY_POOL"
"""The variable that says where Arrow takes memory from."""

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

    Each thread would have a heap to itself, and Arrow one more, and each keeps most of what it ever held: of
    huge records several, of chunks of a museum's records 50 MB. To be called before Arrow is imported.
    """
    os.environ.setdefault(ARROW_POOL, "system")
    if sys.platform == "linux":
        c_library = ctypes.CDLL(None)
        for parameter, value in MALLOPT.items():
            with suppress(AttributeError):  # musl has no such function, and no need of it
                c_library.mallopt(parameter, value)


def without_pandas() -> None:
    """Have pyarrow do without pandas, which it imports with the first array: 45 MB and 0.2 s.

    It looks for it once, here in vain. Whoever imports pandas later finds it. For processes of our own.
    """
    import pyarrow as pa

    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NoPandas)
        try:
            pa.array([])
        finally:
            sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """Finds no pandas: see `importlib.abc.MetaPathFinder`."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)
