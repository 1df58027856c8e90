"""Work done by several processes, in no order: whatever ends them, none goes on alone."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait as wait_for
from typing import TypeVar

from muniment.errors import MunimentError

Item = TypeVar("Item")

WAITING_ITEMS = 2
"""Items handed to each process ahead of time."""


def done_by_processes(work: Callable[[Item], None], items: Iterable[Item], processes: int) -> Iterator[Item]:
    """Each item as soon as the work on it is done. Work and items are plain data, and go to any process.

    Raises:
        MunimentError: a process was ended from outside; and whatever the work raises.
    """
    # Forked processes would share this one's connections.
    context = multiprocessing.get_context("spawn")
    coming = iter(items)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent) as pool:
        running: dict[Future[None], Item] = {}
        try:
            while True:
                for item in islice(coming, processes * WAITING_ITEMS - len(running)):
                    running[pool.submit(work, item)] = item
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    future.result()
                    yield running.pop(future)
        except BrokenProcessPool as error:
            raise MunimentError(
                "a process that wrote files was ended from outside",
                hint="Run the same command again, with fewer workers if memory was short",
            ) from error
        finally:
            for future in running:
                future.cancel()


def _end_with_parent() -> None:
    """Let this process end when the one that started it has died, or it would go on for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(parent: int) -> None:
    wait_for([parent])
    os._exit(1)
