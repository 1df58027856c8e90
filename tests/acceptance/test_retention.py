"""Purging the quarantine: what settled records held goes, what accounts and audits need stays."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

import muniment
from muniment import correction
from muniment.audit import runs
from muniment.cli import app
from muniment.databases import connect
from muniment.errors import UsageError
from muniment.ledger import reading
from muniment.quarantine import PURGED, quarantine_table
from tests.acceptance.loading import load, vase, write

AT_ONCE = timedelta(0)

SECRET = "12 Elm Street"
"""What stands in each record that is rejected, and must be gone after a purge."""


def bad(count: int) -> dict[str, str]:
    return vase(count, title="", room=SECRET)


@pytest.fixture
def url(database_url: str, tmp_path: Path) -> str:
    """A database with four entries: the first mended and so closed, the second dismissed, two open."""
    load(write(tmp_path / "first.csv", [bad(1), bad(2), bad(3), bad(4), vase(5)]), database_url)
    load(write(tmp_path / "second.csv", [vase(1), vase(6)]), database_url)
    with closing(connect(database_url)) as database:
        correction.dismiss(database, [2], "lost")
    return database_url


def everything(url: str) -> str:
    with closing(connect(url)) as database, database.engine.connect() as connection:
        return repr(connection.execute(sa.select(quarantine_table)).all())


def states(url: str) -> list[tuple[int, str, bool]]:
    with closing(connect(url)) as database:
        return [(entry.id, entry.state, entry.purged) for entry in correction.entries(database, state=None)]


def test_what_is_settled_is_purged_and_what_is_open_stays(url: str) -> None:
    with closing(connect(url)) as database:
        on_trial = correction.purge(database, AT_ONCE, trial=True)
        assert states(url) == [
            (1, "closed", False),
            (2, "dismissed", False),
            (3, "open", False),
            (4, "open", False),
        ]
        purged = correction.purge(database, AT_ONCE)
        assert purged == on_trial
        assert (purged.closed, purged.dismissed) == (1, 1)
        assert purged.bytes > 2 * len(SECRET)
        assert correction.purge(database, AT_ONCE) == correction.Purged()
        (first, second, third) = (correction.entry(database, number) for number in (1, 2, 3))
    assert states(url) == [
        (1, "closed", True),
        (2, "dismissed", True),
        (3, "open", False),
        (4, "open", False),
    ]
    assert (first.raw, first.cells, first.cells_by_column) == (b"", None, {})
    assert [(p.code, p.field, p.message, p.value) for p in first.entry.problems] == [
        ("missing", "title", PURGED, "")
    ]
    assert (second.entry.key, second.entry.reason, second.entry.line) == ("O2", "lost", 3)
    assert SECRET.encode() in third.raw
    assert everything(url).count(SECRET) == 2 * 2  # the bytes and the cells of the two that are open


def test_what_was_settled_lately_stays(url: str) -> None:
    with closing(connect(url)) as database:
        assert correction.purge(database, timedelta(days=1)) == correction.Purged()
        assert correction.purge(database, AT_ONCE, ["closed"]).dismissed == 0
    assert [purged for _, _, purged in states(url)] == [True, False, False, False]


def test_accounts_problems_by_kind_and_worksheets_are_as_before(url: str, tmp_path: Path) -> None:
    with closing(connect(url)) as database:
        before = list(runs(database))
        correction.purge(database, AT_ONCE)
        assert list(runs(database)) == before
        correction.reopen(database, [2])
        assert correction.export(database, tmp_path / "bad.csv") == 3
    told = (tmp_path / "bad.csv").read_text(encoding="utf-8-sig")
    assert "the record's bytes and cells were purged" in told
    handed_in = correction_of(url, tmp_path / "bad.csv")
    assert (handed_in.account.read, handed_in.account.quarantined) == (3, 3)


def correction_of(url: str, path: Path) -> muniment.Run:
    with closing(connect(url)) as database:
        return correction.resubmit(database, path)


def test_a_dismissed_record_is_still_known_and_a_closed_one_comes_again_with_its_bytes(
    url: str, tmp_path: Path
) -> None:
    with closing(connect(url)) as database:
        correction.purge(database, AT_ONCE)
    again = load(write(tmp_path / "third.csv", [bad(1), bad(2), vase(5)]), url)
    assert (again.account.quarantined, again.account.skipped) == (1, 1)
    newest, state, is_purged = states(url)[-1]  # MariaDB leaves out numbers where rows come in bulk
    assert (state, is_purged) == ("open", False)
    with closing(connect(url)) as database:
        assert SECRET.encode() in correction.entry(database, newest).raw


def test_what_is_open_cannot_be_purged(url: str) -> None:
    with closing(connect(url)) as database:
        with pytest.raises(UsageError, match="open are not purged"):
            correction.purge(database, AT_ONCE, ["open"])
        with pytest.raises(UsageError, match="negative"):
            correction.purge(database, timedelta(days=-1))
        with pytest.raises(UsageError, match="calendar"):
            correction.purge(database, timedelta.max)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_purges_only_when_told_to(url: str) -> None:
    def run(*arguments: str) -> dict[str, object]:
        ended = CliRunner().invoke(app, ["quarantine", *arguments, "--db", url, "--json"])
        assert ended.exit_code == 0, ended.output
        told: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
        return told

    told = run("purge", "--older-than", "0d", "--closed-only")
    assert (told["trial"], told["closed"], told["dismissed"]) == (True, 1, 0)
    assert not any(purged for _, _, purged in states(url))
    assert run("purge", "--older-than", "0w", "--yes")["trial"] is False
    assert [purged for _, _, purged in states(url)] == [True, True, False, False]
    assert run("show", "1")["cells"] == {}
    assert len(run("list", "--state", "all")["entries"]) == 4  # type: ignore[arg-type]  # a list
    ended = CliRunner().invoke(app, ["trace", "1999.1", "--db", url])
    assert PURGED in " ".join(ended.output.split())
    assert (
        CliRunner().invoke(app, ["quarantine", "purge", "--older-than", "ninety", "--db", url]).exit_code == 2
    )


def test_who_reads_begins_without_a_transaction(url: str) -> None:
    with closing(connect(url)) as database, reading(database) as connection:
        assert not connection.in_transaction()
