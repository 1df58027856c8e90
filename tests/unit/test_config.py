"""Settings, the reject budget, and what the environment says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from muniment import RejectBudget, Settings
from muniment.config import DEFAULT_DATABASE, database_url, operator


@pytest.mark.parametrize(
    ("text", "quarantined", "read", "allowed"),
    [
        ("10%", 100, 1_000, True),
        ("10%", 101, 1_000, False),
        ("0%", 0, 1_000, True),
        ("0%", 1, 1_000, False),
        ("100%", 1_000, 1_000, True),
        (" 0.5 % ", 5, 1_000, True),
        (" 0.5 % ", 6, 1_000, False),
        ("250", 250, 251, True),
        ("250", 251, 10**9, False),
        ("0", 1, 10, False),
        ("0", 0, 0, True),
        ("10%", 0, 0, True),
    ],
)
def test_a_budget_is_a_number_or_a_share(text: str, quarantined: int, read: int, allowed: bool) -> None:
    assert RejectBudget.parse(text).allows(quarantined, read) is allowed


@pytest.mark.parametrize("text", ["", "%", "ten", "-1", "-1%", "101%", "1.5", "nan%", "inf%", "10 %%"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        RejectBudget.parse(text)


def test_what_cannot_be_read_as_a_budget_is_told_how_one_is_written() -> None:
    with pytest.raises(
        ValueError, match=r"'8 percent' is neither a number of records, as 250, nor a share, as 10%"
    ):
        RejectBudget.parse("8 percent")


@given(st.integers(0, 10**6) | st.floats(0, 100).map(lambda share: f"{share:g}%"))
def test_a_budget_is_written_as_it_is_read(written: object) -> None:
    budget = RejectBudget.parse(str(written))
    assert RejectBudget.parse(str(budget).removesuffix(" records")) == budget


@pytest.mark.parametrize(
    "given",
    [
        {"chunk_rows": 0},
        {"chunk_bytes": 10},
        {"max_record_bytes": -1},
        {"max_compression_ratio": 0},
        {"rows": 1},
    ],
)
def test_settings_have_bounds(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(given)


def test_the_database_is_the_one_given_else_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUNIMENT_DB", raising=False)
    assert database_url(None) == DEFAULT_DATABASE
    monkeypatch.setenv("MUNIMENT_DB", "sqlite:///here.db")
    assert database_url(None) == "sqlite:///here.db"
    assert database_url("sqlite:///there.db") == "sqlite:///there.db"


def test_the_operator_is_who_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MUNIMENT_OPERATOR", "USER", "LOGNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert operator()  # whoever the operating system says, if anybody
    monkeypatch.setenv("LOGNAME", "anna")
    assert operator() == "anna"
    monkeypatch.setenv("MUNIMENT_OPERATOR", "nightly job")
    assert operator() == "nightly job"


def test_a_budget_says_how_much_it_allows() -> None:
    told = [str(budget) for budget in (RejectBudget(count=3), RejectBudget(percent=2.5), RejectBudget())]
    assert told == ["3 records", "2.5%", "any number of records"]
