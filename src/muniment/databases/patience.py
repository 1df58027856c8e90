"""Doing work again that the database could not do just now: a deadlock, a restart, a lost connection."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from muniment.errors import DatabaseUnavailable

T = TypeVar("T")

ATTEMPTS = 9
"""With the pauses below, some 25 seconds on average: a server restarts in less."""

FIRST_PAUSE_SECONDS = 0.1
"""The longest first pause; a deadlock needs no more. Each further one may be twice as long."""

LONGEST_PAUSE_SECONDS = 10.0
"""No pause is longer: nobody wants to wait for a server that is back."""


def persistently(work: Callable[[], T], *, give_up: Callable[[], bool]) -> T:
    """What `work`, a whole transaction, returns, tried again where it raises `DatabaseUnavailable`.

    Args:
        work: must be safe to repeat, even where it was done already and only the reply was lost.
        give_up: whether to stop trying, such as when somebody asked for the end.

    Raises:
        DatabaseUnavailable: it still is so at the last attempt.
    """
    for attempt in range(ATTEMPTS):
        try:
            return work()
        except DatabaseUnavailable:
            if attempt == ATTEMPTS - 1 or give_up():
                raise
        # Of random length, so that two that met in a deadlock do not meet again.
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**attempt)
        time.sleep(random.uniform(0, longest))  # noqa: S311 - a pause is no secret
    raise AssertionError("the last attempt returns or raises")
