"""Full loads: what a complete export does not hold is marked as withdrawn, and never deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muniment import RejectBudget, Settings, evidence
from muniment.correction import dismiss
from muniment.errors import DatabaseUnavailable, MunimentError, UsageError
from muniment.museum.writing import MuseumWriter
from tests.acceptance.loading import MAPPING, counts, load, mapping, opened, query, vase, write

SETTINGS = Settings(max_rejects=RejectBudget(percent=100), chunk_rows=3)

WITHDRAWN = "SELECT record_key, withdrawn_run_id FROM object WHERE withdrawn_run_id IS NOT NULL ORDER BY 1"


def test_objects_that_a_full_export_lacks_are_withdrawn(tmp_path: Path, database_url: str) -> None:
    load(write(tmp_path / "1.csv", [vase(n) for n in range(1, 9)]), database_url, settings=SETTINGS)
    others = mapping(MAPPING.replace('key = "id"', 'key = "id"\nsource = "Archive"'))
    county = mapping(MAPPING.replace('id = "town"', 'id = "county"'))
    load(write(tmp_path / "2.csv", [vase(20)]), database_url, mapping=others)
    load(write(tmp_path / "3.csv", [vase(3)]), database_url, mapping=county)
    part = [vase(1), vase(2, title="Renamed"), vase(4, title=""), vase(5, number="1999.1"), vase(9)]
    run = load(write(tmp_path / "4.csv", part), database_url, settings=SETTINGS, full=True)
    # 4 could not be stored, and neither could 5, whose accession number is taken: but they were seen.
    assert counts(run) == {"read": 5, "inserted": 1, "updated": 1, "unchanged": 1, "quarantined": 2}
    assert (run.status, run.withdrawn, run.messages) == ("done", 4, ())
    assert query(database_url, WITHDRAWN) == [(f"O{n}", run.run) for n in (3, 6, 7, 8)]


def test_what_comes_back_is_no_longer_withdrawn(tmp_path: Path, database_url: str) -> None:
    load(write(tmp_path / "1.csv", [vase(1), vase(2), vase(3)]), database_url)
    gone = load(write(tmp_path / "2.csv", [vase(1)]), database_url, full=True, withdraw_many=True)
    assert gone.withdrawn == 2
    assert query(database_url, WITHDRAWN) == [("O2", gone.run), ("O3", gone.run)]
    assert len(query(database_url, "SELECT * FROM object_title")) == 3  # nothing is deleted
    back = load(write(tmp_path / "3.csv", [vase(2), vase(1)]), database_url, full=True)
    assert counts(back) == {"read": 2, "updated": 1, "unchanged": 1}
    assert (back.withdrawn, query(database_url, WITHDRAWN)) == (0, [("O3", gone.run)])
    again = load(tmp_path / "3.csv", database_url, full=True, again=True)
    assert (counts(again), again.withdrawn) == ({"read": 2, "unchanged": 2}, 0)


def test_nothing_is_withdrawn_where_a_key_could_not_be_read(tmp_path: Path, database_url: str) -> None:
    load(write(tmp_path / "1.csv", [vase(n) for n in range(1, 6)]), database_url)
    export = write(tmp_path / "2.csv", [vase(1), vase(2, id="")])
    with export.open("a", encoding="utf-8") as file:
        file.write("O3,too few cells\n")
    run = load(export, database_url, settings=SETTINGS, full=True)
    assert (run.status, run.withdrawn) == ("done", 0)
    assert "quarantined records without a readable key: 2" in run.messages[0]
    assert query(database_url, WITHDRAWN) == []
    with opened(database_url) as database:
        dismiss(database, [1, 2], "not objects at all")
    told = load(export, database_url, settings=SETTINGS, full=True, again=True, withdraw_many=True)
    assert counts(told) == {"read": 3, "unchanged": 1, "skipped": 2}
    assert (told.withdrawn, told.messages) == (4, ())


def test_only_a_complete_run_withdraws(tmp_path: Path, database_url: str) -> None:
    load(write(tmp_path / "1.csv", [vase(n) for n in range(1, 6)]), database_url)
    broken = write(tmp_path / "2.csv", [vase(1)])
    with broken.open("a", encoding="utf-8") as file:
        file.write('O2,1999.2,"Vase')
    assert load(broken, database_url, settings=SETTINGS, full=True).status == "incomplete"
    stopped = write(tmp_path / "3.csv", [vase(1), vase(2, title="")])
    assert load(stopped, database_url, full=True).status == "stopped"
    assert query(database_url, WITHDRAWN) == []
    budget = Settings(max_rejects=RejectBudget(count=1))
    done = load(stopped, database_url, settings=budget, full=True, withdraw_many=True)
    assert (done.status, done.withdrawn) == ("done", 3)


def test_a_run_that_dies_before_it_withdraws_does_so_when_it_goes_on(
    tmp_path: Path, database_url: str
) -> None:
    load(write(tmp_path / "1.csv", [vase(n) for n in range(1, 6)]), database_url)

    def die(event: object) -> None:
        if type(event).__name__ == "ChunkCommitted":
            raise SystemExit

    export = write(tmp_path / "2.csv", [vase(1), vase(2)])
    with pytest.raises(SystemExit):
        load(export, database_url, full=True, observer=die)
    assert query(database_url, WITHDRAWN) == []
    run = load(export, database_url, full=True, withdraw_many=True)
    assert (counts(run), run.withdrawn) == ({"read": 2, "unchanged": 2}, 3)


def test_full_on_a_source_that_is_loaded_already_says_what_to_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    load(write(tmp_path / "1.csv", [vase(1), vase(2)]), url)
    load(write(tmp_path / "2.csv", [vase(1)]), url)
    run = load(tmp_path / "2.csv", url, full=True)
    assert (run.status, run.withdrawn) == ("already loaded", 0)
    assert "--again" in run.messages[0]
    assert load(tmp_path / "2.csv", url, full=True, again=True).withdrawn == 1


def test_a_load_of_some_records_cannot_be_full(tmp_path: Path) -> None:
    url, export = f"sqlite:///{tmp_path / 'a.db'}", write(tmp_path / "a.csv", [vase(1)])
    with pytest.raises(UsageError, match="some records"):
        load(export, url, full=True, only=["kind=print"])
    conditional = mapping(MAPPING + '[only]\ncolumn = "kind"\nequals = "print"\n')
    with pytest.raises(UsageError, match="conditions"):
        load(export, url, full=True, mapping=conditional)


@pytest.mark.parametrize("rows", [[], [vase(1, title="")]], ids=["empty", "rejected"])
def test_an_export_of_which_nothing_could_be_stored_withdraws_nothing(
    tmp_path: Path, rows: list[dict[str, str]]
) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    load(write(tmp_path / "1.csv", [vase(1), vase(2)]), url)
    run = load(write(tmp_path / "2.csv", rows), url, settings=SETTINGS, full=True)
    assert (run.status, run.withdrawn) == ("done", 0)
    assert run.messages == (
        "nothing was marked as withdrawn: the source holds no record that could be stored",
    )
    assert query(url, WITHDRAWN) == []


def test_an_export_that_lacks_more_than_half_withdraws_only_where_that_is_asked_for(
    tmp_path: Path, database_url: str
) -> None:
    load(write(tmp_path / "1.csv", [vase(n) for n in range(1, 8)]), database_url)
    half = write(tmp_path / "2.csv", [vase(1), vase(2), vase(3), vase(8), vase(9)])
    run = load(half, database_url, full=True)
    assert (run.status, run.withdrawn, query(database_url, WITHDRAWN)) == ("done", 0, [])
    assert "the export lacks 4 of the 7 objects that were there, more than 50%" in run.messages[0]
    again = load(half, database_url, full=True, again=True, withdraw_many=True)
    assert (again.withdrawn, again.messages) == (4, ())
    assert [key for key, _ in query(database_url, WITHDRAWN)] == ["O4", "O5", "O6", "O7"]


def test_withdrawing_many_goes_with_a_full_load(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="goes with --full"):
        load(write(tmp_path / "1.csv", [vase(1)]), f"sqlite:///{tmp_path / 'a.db'}", withdraw_many=True)


def fail_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, error: MunimentError) -> list[int]:
    """Let a function raise after its work, the first time; returns one item for each call."""
    calls: list[int] = []
    work = getattr(owner, name)

    def attempt(*given: Any) -> Any:
        calls.append(len(given))
        found = work(*given)
        if len(calls) == 1:
            raise error
        return found

    monkeypatch.setattr(owner, name, attempt)
    return calls


def test_marking_what_is_gone_is_tried_again(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(write(tmp_path / "1.csv", [vase(1), vase(2), vase(3)]), database_url)
    calls = fail_once(monkeypatch, MuseumWriter, "withdraw_unseen", DatabaseUnavailable("deadlock"))
    run = load(write(tmp_path / "2.csv", [vase(1), vase(3)]), database_url, full=True)
    assert (run.status, run.withdrawn, len(calls)) == ("done", 1, 2)
    assert query(database_url, WITHDRAWN) == [("O2", run.run)]


def test_what_was_marked_before_a_run_failed_is_told_when_it_ends(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(write(tmp_path / "1.csv", [vase(1), vase(2), vase(3)]), database_url)
    export = write(tmp_path / "2.csv", [vase(1), vase(3)])
    fail_once(monkeypatch, evidence, "seal_run", MunimentError("the power failed"))
    with pytest.raises(MunimentError, match="the power failed"):
        load(export, database_url, full=True)
    run = load(export, database_url, full=True)
    assert (run.status, run.withdrawn) == ("done", 1)
    assert query(database_url, WITHDRAWN) == [("O2", run.run)]


def test_what_was_marked_with_withdraw_many_stays_marked_and_is_told_without_it(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(write(tmp_path / "1.csv", [vase(n) for n in range(1, 6)]), database_url)
    export = write(tmp_path / "2.csv", [vase(1)])
    fail_once(monkeypatch, evidence, "seal_run", MunimentError("the power failed"))
    with pytest.raises(MunimentError, match="the power failed"):
        load(export, database_url, full=True, withdraw_many=True)
    run = load(export, database_url, full=True)
    assert (run.status, run.withdrawn, run.messages) == ("done", 4, ())
    assert query(database_url, WITHDRAWN) == [(f"O{n}", run.run) for n in range(2, 6)]


def test_what_another_load_adds_meanwhile_is_judged_anew(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(write(tmp_path / "1.csv", [vase(1), vase(2), vase(3)]), database_url)
    export = write(tmp_path / "2.csv", [vase(1)])
    fail_once(monkeypatch, evidence, "seal_run", MunimentError("the power failed"))
    with pytest.raises(MunimentError, match="the power failed"):
        load(export, database_url, full=True, withdraw_many=True)
    load(write(tmp_path / "3.csv", [vase(n) for n in range(4, 9)]), database_url)
    run = load(export, database_url, full=True)
    assert (run.status, run.withdrawn) == ("done", 2)
    assert "nothing more was marked as withdrawn: the export lacks 7 of the 8" in run.messages[0]
    assert query(database_url, WITHDRAWN) == [("O2", run.run), ("O3", run.run)]
