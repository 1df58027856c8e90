"""Loads that are killed again and again come to what an undisturbed load comes to: `benchmarks.torture`, run.

In a process of its own, for it forks, and a process of tests may have threads.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.torture import missing
from tests.conftest import ROOT
from tests.faults.catalogue import fault

PATIENCE_SECONDS = 600
"""A minute is plenty on a quiet machine; thousands of kills have ten times as long."""


def torture(*arguments: str | int, patience: int = PATIENCE_SECONDS) -> tuple[int, dict[str, Any]]:
    """The exit code, and what was counted."""
    command = [sys.executable, "-W", "error", "-m", "benchmarks.torture", "--json", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=patience)
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, result


def place(database_url: str) -> str:
    """What `--to` takes: a test's own SQLite file is none of it."""
    return "sqlite" if database_url.startswith("sqlite") else database_url


@fault(1)
@pytest.mark.parametrize("profile", ["museum", "table"])
def test_twenty_kills_lose_nothing_and_double_nothing(database_url: str, profile: str) -> None:
    to = place(database_url)
    code, result = torture("--kills", 20, "--to", to, "--rows", 400, "--profile", profile, "--seed", 3)
    assert (result["kills"], result["lost"], result["duplicated"], code) == (20, 0, 0, 0)
    assert result["of"].keys() == ({"process"} if to == "sqlite" else {"process", "connection"})


def test_a_checkpoint_file_in_place_of_the_ledger_is_seen_to_double_rows() -> None:
    code, result = torture("--kills", 40, "--to", "sqlite", "--rows", 1_000, "--without-ledger")
    assert result["lost"] == 0
    assert result["duplicated"] > 0
    assert (code, result["kills"]) == (1, 40)


@pytest.mark.long
@pytest.mark.parametrize("to", ["sqlite", "postgresql", "mariadb"])
def test_a_thousand_kills_lose_nothing_and_double_nothing(to: str) -> None:
    code, result = torture("--kills", 1_000, "--to", to, patience=10 * PATIENCE_SECONDS)
    assert (result["kills"], result["lost"], result["duplicated"], code) == (1_000, 0, 0, 0)


@pytest.mark.long
@pytest.mark.parametrize("to", ["postgresql", "mariadb"])
def test_a_hundred_crashes_of_a_server_lose_nothing_and_double_nothing(to: str) -> None:
    code, result = torture("--kills", 300, "--server", "--to", to, patience=10 * PATIENCE_SECONDS)
    assert (result["of"]["server"], result["lost"], result["duplicated"], code) == (100, 0, 0, 0)


ROWS = st.dictionaries(
    st.sampled_from("abc"), st.lists(st.tuples(st.sampled_from("xyz")), max_size=6), max_size=3
)


@given(ROWS, ROWS)
def test_what_is_missing_makes_up_the_difference(
    wanted: dict[str, list[tuple[str, ...]]], found: dict[str, list[tuple[str, ...]]]
) -> None:
    lost, extra = missing(wanted, found), missing(found, wanted)
    for table in wanted.keys() | found.keys():
        counts = len(wanted.get(table, ())) - lost.get(table, 0) + extra.get(table, 0)
        assert counts == len(found.get(table, ()))
    nothing_differs = not sum(lost.values()) and not sum(extra.values())
    same = {t: Counter(rows) for t, rows in wanted.items() if rows} == {
        t: Counter(rows) for t, rows in found.items() if rows
    }
    assert nothing_differs == same
