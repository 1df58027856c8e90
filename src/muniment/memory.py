"""Memory of this process: how much it has used, what it keeps, and how often Python looks for garbage."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

if sys.platform != "win32":  # which has no such module
    import resource

NEW_OBJECTS = 100_000
"""New objects after which Python looks for cycles while a load or an export goes on. With its own 700 it
looks through each chunk's records over and over, which have none: judging a real collection took 1.5 times as
long, and reading objects for an export twice."""

M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -8, -3, -1
"""What glibc's `mallopt` calls the number of heaps, the size from which on a piece of memory stands alone and
is given back as soon as it is free, and what of a heap may be free at its end (malloc.h)."""

ALONE_BYTES = 8 * 1024 * 1024
"""The size of such a piece: huge records take some, and no ordinary chunk does, again and again."""

FREE_BYTES = 4 * 1024 * 1024
"""What may be free at the end of the heap: about as much as a chunk takes and gives back."""

ARROW_VARIABLE, ARROW_KEEPS = "JE_ARROW_MALLOC_CONF", "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0"
"""What jemalloc, where pyarrow brings it, is to do (jemalloc(3), TUNING): one heap for all threads, of which
what was free for 0.1 s is given back, once or twice a chunk. At once would cost half a second more of the
kernel's time for a million rows; its own second, and heaps for each thread, keep some 10 MB more."""

POOL_BY_USER = "ARROW_DEFAULT_MEMORY_POOL"
"""By this variable a user says where Arrow takes memory from."""

WITH_JEMALLOC = ("linux", "x86_64")
"""The machines whose wheels of pyarrow have jemalloc: those for Linux on ARM are built without it (Arrow's
python_wheel_xlinux_build.sh)."""

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


def arrange_arrow() -> None:
    """Have Arrow keep little that it does not use, as `economise` does; before pyarrow is imported.

    Then nothing of it takes from mimalloc, its own choice, which keeps some 6 MB however little it is asked
    for. Only of its wheels for this machine does one know that they have jemalloc: where a build does not,
    Arrow would tell each user so.
    """
    os.environ.setdefault(ARROW_VARIABLE, ARROW_KEEPS)
    found = find_spec("pyarrow")
    folders = (found and found.submodule_search_locations) or ()
    is_wheel = any(next(Path(folder).glob("libarrow.so*"), None) for folder in folders)
    if is_wheel and (sys.platform, platform.machine()) == WITH_JEMALLOC:
        os.environ.setdefault(POOL_BY_USER, "jemalloc")


def economise() -> None:
    """Let this process keep little that it does not use. For those of our own: it concerns all of a program.

    Each thread would have a heap to itself, and keep most of what it ever held. Of what Arrow can take memory
    from, jemalloc keeps least, and no more with each chunk, as the heap itself would. And pyarrow would
    import pandas, where it is installed, with its first array: 45 MB, and 0.2 s. Here it looks for it in
    vain, once and for all: whoever imports pandas finds it, but its own `to_pandas` does not.
    """
    import pyarrow as pa

    if sys.platform == "linux":
        c_library = ctypes.CDLL(None)
        with suppress(AttributeError):  # musl has no such function, and no need of it
            c_library.mallopt(M_ARENA_MAX, 1)
            c_library.mallopt(M_MMAP_THRESHOLD, ALONE_BYTES)
            c_library.mallopt(M_TRIM_THRESHOLD, FREE_BYTES)
    if POOL_BY_USER not in os.environ and "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    if "pandas" not in sys.modules:
        sys.meta_path.insert(0, _NoPandas)  # None in `sys.modules` would be taken for pandas itself
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
