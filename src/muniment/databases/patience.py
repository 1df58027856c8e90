"""Doing work again that the database could not do just now.

    DatabaseUnavailable     a deadlock, a restart, a lost connection: again soon, so many times, so long
    DatabaseExhausted       no room, no writes: again now and then, until somebody has helped, up to a bound

Pauses are of random length up to a bound that doubles ("full jitter"), so that loaders that met in a
deadlock do not meet again: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TypeVar

import stamina
from stamina.instrumentation import get_on_retry_hooks, set_on_retry_hooks
from stamina.typing import RetryHook

from muniment.config import Settings
from muniment.errors import DatabaseError, DatabaseExhausted, DatabaseUnavailable, Interrupted
from muniment.stopping import StopRequest

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.1
"""The longest first pause; a deadlock needs no more. Each further one may be twice as long."""

LONGEST_PAUSE_SECONDS = 30.0
"""No pause is longer: nobody wants to wait for a server that is back."""

FIRST_WAIT_SECONDS = 2.0
"""The same for a database without room: it comes back as soon as a person, or a clean-up, has made some."""

LONGEST_WAIT_SECONDS = 60.0
"""A wait for room is no longer: so often a full disk can be asked without burdening it."""

MOST_DOUBLINGS = 16
"""Beyond this a pause is at its longest anyway, and the power would outgrow a float."""

GO_ON_LATER = "Run the same command again to go on"


def persistently(
    work: Callable[[], T],
    *,
    settings: Settings,
    stop: StopRequest,
    failed: Callable[[int, Exception], None],
    final: tuple[type[DatabaseError], ...] = (),
) -> T:
    """What `work`, a whole transaction, returns, tried again where the database could not do it.

    Args:
        work: must be safe to repeat, even where it was done already and only the reply was lost.
        settings: how often and how long: `retry_attempts`, `retry_seconds`, `pause_seconds`.
        stop: while there is a pause, the first request to stop ends it.
        failed: is told of each attempt that failed, by its number, from 1, and its error.
        final: errors after which there is no other attempt, though they are of a kind that may pass; whoever
            handles them tells them.

    Raises:
        DatabaseError: what the last attempt raised.
        Interrupted: an attempt failed and the end was asked for.
    """
    attempts = 0

    def attempt() -> T:
        nonlocal attempts
        stop.idle = False
        attempts += 1
        try:
            with _pausing(ours=False):
                return work()
        except Exception as error:
            if not isinstance(error, final):
                failed(attempts, error)
            raise

    def repeatedly() -> T:
        backoff = _backoff(DatabaseUnavailable, final, stop, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        again = stamina.RetryingCaller(settings.retry_attempts, settings.retry_seconds)
        return again(backoff, attempt)

    backoff = _backoff(DatabaseExhausted, final, stop, FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
    try:
        with untold_by_stamina():
            return stamina.RetryingCaller(None, settings.pause_seconds)(backoff, repeatedly)
    finally:
        stop.idle = False


_ours = ContextVar("ours", default=False)
"""Whether a pause of stamina's would be one of ours, and not of a program that uses it too."""


def untold_by_stamina() -> AbstractContextManager[None]:
    """Let stamina print nothing of what this block tries again: events tell that, to those who want to know.

    Hooks that a program has set by itself are told all the same.
    """
    _part_hooks()
    return _pausing(ours=True)


@contextmanager
def _pausing(*, ours: bool) -> Iterator[None]:
    before = _ours.set(ours)
    try:
        yield
    finally:
        _ours.reset(before)


@cache
def _part_hooks() -> None:
    hooks = get_on_retry_hooks()
    set_on_retry_hooks(
        [_of_others(hook) if hook.__module__.startswith("stamina.") else hook for hook in hooks]
    )


def _of_others(hook: RetryHook) -> RetryHook:
    return lambda details: None if _ours.get() else hook(details)


def _backoff(
    kind: type[DatabaseError],
    final: tuple[type[DatabaseError], ...],
    stop: StopRequest,
    first: float,
    longest: float,
) -> Callable[[Exception], bool | float]:
    """What says of an error whether, and after how many seconds, to try again."""
    failures = 0

    def backoff(error: Exception) -> bool | float:
        nonlocal failures
        if not isinstance(error, kind) or isinstance(error, final):
            return False
        if stop.requested:
            raise Interrupted("interrupted", hint=GO_ON_LATER) from error
        stop.idle = True
        failures += 1
        most = min(longest, first * 2 ** min(failures - 1, MOST_DOUBLINGS))
        return random.uniform(0, most)  # noqa: S311 - a pause is no secret

    return backoff
