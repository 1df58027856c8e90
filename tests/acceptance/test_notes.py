"""What was remarkable about stored records, and how it is found again."""

from __future__ import annotations

from pathlib import Path

import pytest

import muniment
from muniment import audit
from muniment.errors import UsageError
from tests.acceptance.loading import MAPPING, opened, vase, write
from tests.acceptance.program import Program, program_in

UNREADABLE = "on a Tuesday"
"""A date that is not understood, which its text is kept of."""


@pytest.fixture
def noted(tmp_path: Path, database_url: str) -> str:
    """A database with two runs: one has notes about records 2, 4 (two), 6 and 8, the other about record 1."""
    (tmp_path / "museum.toml").write_text(MAPPING)
    rows = [vase(n, made=UNREADABLE) if n % 2 == 0 else vase(n) for n in range(1, 10)]
    rows[3]["title"] = "Boys\x92 club"
    for name, written in (("first.csv", rows), ("second.csv", [vase(20, made=UNREADABLE)])):
        path = write(tmp_path / name, written)
        assert muniment.load(path, mapping=tmp_path / "museum.toml", to=database_url).status == "done"
    return database_url


def test_notes_are_listed_in_the_order_of_runs_and_records_however_many_are_fetched_at_once(
    noted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at_once in (1, 3, 500):
        monkeypatch.setattr("muniment.audit.noted.NOTES_AT_ONCE", at_once)
        with opened(noted) as database:
            found = list(audit.notes(database))
            assert [(note.run, note.record, note.key) for note in found] == [
                *((1, n, f"O{n}") for n in (2, 4, 4, 6, 8)),
                (2, 1, "O20"),
            ]
            assert len(list(audit.notes(database, limit=2))) == 2
            assert [note.run for note in audit.notes(database, run=2)] == [2]
            assert list(audit.notes(database, code="missing")) == []
    assert {note.problem.code for note in found[1:3]} == {"control-characters", "date-not-understood"}
    assert (found[0].problem.column, found[0].problem.value) == ("made", UNREADABLE)
    assert [note.place for note in found[:2]] == ["line 3", "line 5"]


def test_kinds_of_notes_are_counted(noted: str) -> None:
    with opened(noted) as database:
        assert audit.note_kinds(database) == [
            audit.NoteKind("date-not-understood", "date", "made", 5),
            audit.NoteKind("control-characters", "title", "title", 1),
        ]
        assert [kind.count for kind in audit.note_kinds(database, run=2)] == [1]
        assert audit.note_kinds(database, code="missing") == []


def test_nothing_is_listed_of_a_database_that_nothing_was_loaded_into(database_url: str) -> None:
    with opened(database_url) as database, pytest.raises(UsageError):
        list(audit.notes(database))


def test_an_account_leads_to_its_notes(tmp_path: Path) -> None:
    program: Program = program_in(tmp_path)
    (tmp_path / "museum.toml").write_text(MAPPING)
    write(tmp_path / "export.csv", [vase(1), vase(2, made=UNREADABLE), vase(3, made=UNREADABLE)])
    assert "muniment notes 1" in program("load", "export.csv", "-m", "museum.toml").out
    told = program("notes", "1", "--limit", "1")
    assert told.exit_code == 0
    for part in ("date-not-understood", "made", "O2", UNREADABLE, "1 more"):
        assert part in told.out
    assert "O3" not in told.out
    result = program("notes", "--json").result
    assert [kind["count"] for kind in result["kinds"]] == [2]
    assert [note["problem"]["value"] for note in result["notes"]] == [UNREADABLE] * 2
    assert program("notes", "--code", "missing").out == "No notes.\n"
    assert program("notes", "7").exit_code == 2
