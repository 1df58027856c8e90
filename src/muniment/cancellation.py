"""What a cancelled task must still wait for: a thread, which nothing stops, or a closing connection."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def surely(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns; wait until it is done, though this task be cancelled meanwhile, once or again.

    Raises:
        asyncio.CancelledError: this task was cancelled; `work` is done, and what it raised is not told.
    """
    task = asyncio.ensure_future(work)
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # else asyncio would complain that nobody asked
        raise cancelled
    return task.result()
