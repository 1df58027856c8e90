"""Work that is tried again while the database cannot do it."""

from __future__ import annotations

import os
import random
import signal

import pytest

from muniment import Settings
from muniment.databases import patience
from muniment.databases.patience import persistently
from muniment.errors import (
    DatabaseError,
    DatabaseExhausted,
    DatabaseUnavailable,
    DatabaseUnreachable,
    Interrupted,
    StatementTimeout,
)
from muniment.stopping import StopRequest
from tests.faults.catalogue import fault


class Work:
    """Fails so often, then succeeds."""

    def __init__(self, *failures: type[DatabaseError]) -> None:
        self.attempts = 0
        self._failures = failures

    def __call__(self) -> str:
        self.attempts += 1
        if self.attempts <= len(self._failures):
            raise self._failures[self.attempts - 1]("not now")
        return "done"


class Failures(list[tuple[int, str]]):
    """Is told of failed attempts."""

    def __call__(self, attempt: int, error: Exception) -> None:
        self.append((attempt, type(error).__name__))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(patience, "LONGEST_WAIT_SECONDS", 0.001)


def done(work: Work, failed: Failures | None = None, **settings: float) -> str:
    chosen = Settings.model_validate(settings)
    return persistently(
        work, settings=chosen, stop=StopRequest(), failed=Failures() if failed is None else failed
    )


def test_what_fails_twice_succeeds_the_third_time_and_each_failure_is_told() -> None:
    work, failures = Work(DatabaseUnavailable, StatementTimeout), Failures()
    assert done(work, failures) == "done"
    assert work.attempts == 3
    assert failures == [(1, "DatabaseUnavailable"), (2, "StatementTimeout")]


def test_other_errors_are_told_and_not_waited_for() -> None:
    work, failures = Work(DatabaseError), Failures()
    with pytest.raises(DatabaseError, match="not now"):
        done(work, failures)
    assert (work.attempts, failures) == (1, [(1, "DatabaseError")])


@pytest.mark.parametrize("kind", [DatabaseUnreachable, DatabaseExhausted])
def test_what_is_final_is_not_tried_again_though_its_kind_is(kind: type[DatabaseError]) -> None:
    work, failures = Work(DatabaseUnavailable, kind), Failures()
    with pytest.raises(kind):
        persistently(work, settings=Settings(), stop=StopRequest(), failed=failures, final=(kind,))
    assert (work.attempts, failures) == (2, [(1, "DatabaseUnavailable")])


def test_patience_ends_after_so_many_attempts() -> None:
    work = Work(*[DatabaseUnavailable] * 9)
    with pytest.raises(DatabaseUnavailable, match="not now"):
        done(work, retry_attempts=4)
    assert work.attempts == 4


def test_patience_ends_after_so_many_seconds() -> None:
    work = Work(*[DatabaseUnavailable] * 9)
    with pytest.raises(DatabaseUnavailable, match="not now"):
        done(work, retry_seconds=1e-9)
    assert work.attempts == 1


def test_a_full_disk_is_waited_for_beyond_the_attempts_at_other_faults() -> None:
    work = Work(DatabaseUnavailable, *[DatabaseExhausted] * 20, DatabaseUnavailable)
    assert done(work, retry_attempts=2) == "done"
    assert work.attempts == 23


def test_a_full_disk_is_not_waited_for_beyond_the_bound() -> None:
    work = Work(*[DatabaseExhausted] * 20)
    with pytest.raises(DatabaseExhausted, match="not now"):
        done(work, pause_seconds=1e-9)
    assert work.attempts == 1


@pytest.mark.parametrize("kind", [DatabaseUnavailable, DatabaseExhausted])
def test_who_asked_for_the_end_during_an_attempt_is_not_kept_waiting(kind: type[DatabaseError]) -> None:
    def work() -> None:
        stop.requested = True
        failures.append((0, "tried"))
        raise kind("not now")

    stop, failures = StopRequest(), Failures()
    with pytest.raises(Interrupted):
        persistently(work, settings=Settings(), stop=stop, failed=failures)
    assert failures == [(0, "tried"), (1, kind.__name__)]


@fault(4)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_a_pause(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def pause(_shortest: float, _longest: float) -> float:
        # Arrives while the process sleeps: the program sends it to itself, once, a moment later.
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        return 600

    former = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), number))
    monkeypatch.setattr(random, "uniform", pause)
    work = Work(DatabaseExhausted)
    try:
        with StopRequest() as stop, pytest.raises(KeyboardInterrupt):
            persistently(work, settings=Settings(), stop=stop, failed=Failures())
    finally:
        signal.signal(signal.SIGALRM, former)
    assert (work.attempts, stop.requested, stop.idle) == (1, True, False)
