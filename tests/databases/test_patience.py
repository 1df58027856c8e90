"""Work that is tried again while the database is unavailable."""

from __future__ import annotations

import pytest

from muniment.databases import patience
from muniment.databases.patience import persistently
from muniment.errors import DatabaseError, DatabaseUnavailable


class Work:
    """Fails so often, then succeeds."""

    def __init__(self, failures: int, error: type[DatabaseError] = DatabaseUnavailable) -> None:
        self.attempts = 0
        self._failures = failures
        self._error = error

    def __call__(self) -> str:
        self.attempts += 1
        if self.attempts <= self._failures:
            raise self._error("not now")
        return "done"


def test_what_fails_twice_succeeds_the_third_time() -> None:
    work = Work(failures=2)
    assert persistently(work, give_up=lambda: False) == "done"
    assert work.attempts == 3


def test_other_errors_are_not_waited_for() -> None:
    work = Work(failures=1, error=DatabaseError)
    with pytest.raises(DatabaseError, match="not now"):
        persistently(work, give_up=lambda: False)
    assert work.attempts == 1


def test_whoever_wants_to_stop_need_not_wait() -> None:
    work = Work(failures=2)
    with pytest.raises(DatabaseUnavailable):
        persistently(work, give_up=lambda: True)
    assert work.attempts == 1


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST_PAUSE_SECONDS", 0.001)
    work = Work(failures=patience.ATTEMPTS)
    with pytest.raises(DatabaseUnavailable, match="not now"):
        persistently(work, give_up=lambda: False)
    assert work.attempts == patience.ATTEMPTS
