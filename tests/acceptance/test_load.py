"""What a load does: every record of a source stored or quarantined, whatever is wrong with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

import muniment
from muniment import RejectBudget, Settings
from muniment.errors import HeaderError, Interrupted, OutOfBalance, UsageError
from muniment.events import ChunkCommitted, RunEnded, RunStarted, SourceRemark, unobserved
from muniment.migrations import upgrade
from muniment.museum.profile import MuseumProfile
from muniment.profile import Applied, RunContext, Writer
from muniment.records import Accepted, Problem, Records
from muniment.run import run_load
from muniment.sources import Format, open_source
from muniment.stopping import StopRequest
from tests.acceptance.loading import (
    COLUMNS,
    MAPPING,
    Rejections,
    content_of,
    counts,
    execute,
    load,
    mapping,
    opened,
    quarantined,
    query,
    vase,
    write,
)
from tests.faults.catalogue import fault

SAMPLE = Path(__file__).parent.parent.parent / "examples" / "sample"

REFUSE_FORGERIES = {
    "sqlite": "CREATE TRIGGER no_forgeries BEFORE INSERT ON object_title WHEN NEW.title LIKE '%forged%'"
    " BEGIN SELECT RAISE(ABORT, 'no forgeries'); END",
    "postgresql": "ALTER TABLE object_title ADD CONSTRAINT no_forgeries CHECK (title NOT LIKE '%forged%')",
    "mysql": "ALTER TABLE object_title ADD CONSTRAINT no_forgeries CHECK (title NOT LIKE '%forged%')",
}

LOADER = """
import sys, muniment
from muniment import Settings
run = muniment.load(sys.argv[1], mapping=sys.argv[2], to=sys.argv[3], settings=Settings(chunk_rows=20))
print(run.status)
"""


def test_the_sample_comes_out_as_its_maker_tells(database_url: str) -> None:
    truth = json.loads((SAMPLE / "sample_export.truth.json").read_text())
    outcome = {kind: facts["outcome"] for kind, facts in truth["kinds"].items()}
    places: dict[str, set[tuple[int, int]]] = {"quarantined": set(), "noted": set()}
    for defect in truth["positions"]:
        if outcome[defect["kind"]] in places:
            places[outcome[defect["kind"]]].add((defect["record"], defect["line"]))
    run = muniment.load(SAMPLE / "sample_export.csv", mapping=SAMPLE / "mapping.toml", to=database_url)
    expected = truth["expected"]
    assert run.account.read == expected["read"]
    assert run.account.inserted == expected["inserted"]
    assert run.account.quarantined == expected["quarantined"]
    assert run.account.blank_lines == expected["blank_lines"]
    assert {*query(database_url, "SELECT record_number, line FROM quarantine")} == places["quarantined"]
    assert {*query(database_url, "SELECT record_number, line FROM note")} == places["noted"]
    stored = {number for (number,) in query(database_url, "SELECT record_number FROM object")}
    assert stored == set(range(1, 1001)) - {number for number, _ in places["quarantined"]}
    for kind in ("missing-title", "duplicate", "ragged-short", "nul", "invalid-utf8", "overlong-accession"):
        code = truth["kinds"][kind]["code"]
        numbers = [d["record"] for d in truth["positions"] if d["kind"] == kind]
        assert numbers
        assert {quarantined(database_url)[number][0]["code"] for number in numbers} == {code}


def test_a_row_that_only_the_database_refuses_is_found_and_its_neighbours_load(
    tmp_path: Path, database_url: str
) -> None:
    with opened(database_url) as database:
        upgrade(database, "museum")
        execute(database_url, REFUSE_FORGERIES[database.engine.dialect.name])
    bad = {3, 4, 17, 40}
    rows = [vase(n, **({"title": f"forged {n}"} if n in bad else {})) for n in range(1, 41)]
    seen = Rejections()
    run = load(
        write(tmp_path / "a.csv", rows),
        database_url,
        chunk_rows=25,
        observer=seen,
        settings=Settings(chunk_rows=25, max_rejects=RejectBudget(percent=50)),
    )
    assert counts(run) == {"read": 40, "inserted": 36, "quarantined": 4}
    assert {rejected.record for rejected in seen} == bad
    assert {problem.code for rejected in seen for problem in rejected.problems} == {"database"}
    stored = {key for (key,) in query(database_url, "SELECT record_key FROM object")}
    assert stored == {f"O{n}" for n in range(1, 41) if n not in bad}
    for table in ("object_title", "object_type", "production", "production_actor"):
        assert len(query(database_url, f"SELECT * FROM {table}")) == 36
    assert {key for (key,) in query(database_url, "SELECT record_key FROM quarantine")} == {
        f"O{n}" for n in bad
    }


def test_the_same_key_twice_is_a_duplicate_that_names_the_line_of_the_first(
    tmp_path: Path, database_url: str
) -> None:
    rows = [
        vase(1, title=""),  # record 1, line 2: rejected, so that it cannot win
        vase(2),  # record 2, line 3: wins
        vase(1),  # record 3, line 4: the first that is good
        vase(2, title="Same chunk"),  # record 4
        vase(3),
        vase(2, title="Next chunk"),  # record 6
        vase(1, title="Next chunk"),  # record 7
        vase(9, number="1999.2"),  # record 8: the accession number of record 2 under another key
        vase(10, number="1999.77"),
        vase(11, number="1999.77"),  # record 10: and so within a chunk
    ]
    budget = RejectBudget(percent=100)
    run = load(
        write(tmp_path / "a.csv", rows), database_url, settings=Settings(chunk_rows=5, max_rejects=budget)
    )
    assert counts(run) == {"read": 10, "inserted": 4, "quarantined": 6}
    stored = dict(query(database_url, "SELECT record_key, record_number FROM object"))
    assert stored == {"O2": 2, "O1": 3, "O3": 5, "O10": 9}
    problems = quarantined(database_url)
    assert {number: found[0]["code"] for number, found in problems.items()} == {
        1: "missing",
        4: "duplicate",
        6: "duplicate",
        7: "duplicate",
        8: "duplicate",
        10: "duplicate",
    }
    assert "record 2 on line 3" in problems[4][0]["message"]
    assert "record 2 on line 3" in problems[6][0]["message"]
    assert "record 3 on line 4" in problems[7][0]["message"]
    assert "the key O2" in problems[8][0]["message"]
    assert "the key O10" in problems[10][0]["message"]


def test_accession_numbers_may_repeat_where_the_mapping_says_so(tmp_path: Path, database_url: str) -> None:
    repeating = mapping(MAPPING.replace('key = "id"', 'key = "id"\naccession_repeats = true'))
    rows = [vase(1, number="A"), vase(2, number="A")]
    run = load(write(tmp_path / "a.csv", rows), database_url, mapping=repeating)
    assert counts(run) == {"read": 2, "inserted": 2}
    assert query(database_url, "SELECT DISTINCT accession, unique_accession FROM object") == [("A", None)]


def test_keys_that_differ_in_case_accents_or_final_spaces_only_are_different_keys(
    tmp_path: Path, database_url: str
) -> None:
    keys = ["a1", "A1", "á1", "a\u0301 1", "a 1", "a  1", "ss1", "ß1", "a1\u00a0x", "１"]
    rows = [vase(n, id=key, number=key, maker=key) for n, key in enumerate(keys)]
    run = load(write(tmp_path / "a.csv", rows), database_url)
    assert counts(run) == {"read": len(keys), "inserted": len(keys)}
    assert {key for (key,) in query(database_url, "SELECT record_key FROM object")} == {*keys}
    makers = query(database_url, "SELECT name FROM actor WHERE kind IS NULL")
    assert {name for (name,) in makers} >= {*keys} - {"á1", "a\u0301 1"}


def test_only_what_the_conditions_name_is_loaded_and_the_rest_is_skipped(
    tmp_path: Path, database_url: str
) -> None:
    export = write(tmp_path / "a.csv", [vase(n, kind="print" if n % 2 else "vessel") for n in range(1, 21)])
    prints = load(export, database_url, only=["kind=print"])
    assert counts(prints) == {"read": 20, "inserted": 10, "skipped": 10}
    some = load(export, database_url, only=["kind=vessel", "number=1999.9..1999.14"])
    assert counts(some) == {"read": 20, "inserted": 3, "skipped": 17}
    keys = {key for (key,) in query(database_url, "SELECT record_key FROM object WHERE run_id = 2")}
    assert keys == {"O10", "O12", "O14"}
    department = mapping(MAPPING + '[only]\ncolumn = "room"\nequals = "Room 3"\n')
    assert counts(load(export, database_url, mapping=department)) == {
        "read": 20,
        "unchanged": 2,
        "inserted": 2,
        "skipped": 16,
    }
    assert load(export, database_url, only=["kind=print"]).status == "already loaded"


@pytest.mark.parametrize("profile", ["mapping", "model"])
def test_a_condition_on_a_column_that_is_not_there_says_which_are(tmp_path: Path, profile: str) -> None:
    class Line(BaseModel):
        title: str

    export = write(tmp_path / "a.csv", [vase(1)])
    options: dict[str, Any] = {"model": Line} if profile == "model" else {"mapping": mapping()}
    with pytest.raises(HeaderError, match=r"no column 'kin'.*kind"):
        muniment.load(export, to=f"sqlite:///{tmp_path / 'a.db'}", only=["kin=x"], **options)


class TestBudget:
    """Every tenth record is bad."""

    ROWS = 1_500

    def export(self, folder: Path, bad: Callable[[int], bool]) -> Path:
        rows = [vase(n, **({"title": ""} if bad(n) else {})) for n in range(1, self.ROWS + 1)]
        return write(folder / "a.csv", rows)

    @fault(44)
    def test_a_run_over_its_budget_stops_and_a_larger_one_lets_it_go_on(
        self, tmp_path: Path, database_url: str
    ) -> None:
        export = self.export(tmp_path, lambda n: n % 5 == 0)
        stopped = load(export, database_url, settings=Settings(chunk_rows=400))
        assert (stopped.status, stopped.exit_code) == ("stopped", 3)
        assert counts(stopped) == {"read": 1_200, "inserted": 960, "quarantined": 240}
        assert stopped.chunks == 3
        assert "240 of 1,200" in stopped.messages[0]
        assert len(query(database_url, "SELECT object_id FROM object")) == 960
        larger = Settings(chunk_rows=400, max_rejects=RejectBudget.parse("20%"))
        done = load(export, database_url, settings=larger)
        assert (done.run, done.status, done.exit_code) == (stopped.run, "done", 0)
        assert counts(done) == {"read": 1_500, "inserted": 1_200, "quarantined": 300}
        assert query(database_url, "SELECT status FROM run") == [("done",)]

    def test_fewer_than_a_thousand_records_are_judged_at_the_end_only(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'a.db'}"
        export = self.export(tmp_path, lambda n: n <= 100)
        assert load(export, url, settings=Settings(chunk_rows=100)).status == "done"
        few = write(tmp_path / "few.csv", [vase(n, title="" if n < 3 else "x") for n in range(1, 11)])
        stopped = load(few, url)
        assert (stopped.status, counts(stopped)) == ("stopped", {"read": 10, "inserted": 8, "quarantined": 2})
        assert load(few, url).status == "stopped"
        assert load(few, url, settings=Settings(max_rejects=RejectBudget(count=2))).status == "done"

    def test_a_number_of_records_is_a_budget_too(self, tmp_path: Path) -> None:
        export = self.export(tmp_path, lambda n: n % 100 == 0)
        budget = RejectBudget.parse("9")
        url = f"sqlite:///{tmp_path / 'a.db'}"
        stopped = load(export, url, settings=Settings(chunk_rows=100, max_rejects=budget))
        assert (stopped.status, stopped.account.read) == ("stopped", 1_000)


@fault(39)
def test_a_source_that_ends_in_mid_record_is_never_done(tmp_path: Path, database_url: str) -> None:
    export = write(tmp_path / "a.csv", [vase(n) for n in range(1, 31)])
    with export.open("a", encoding="utf-8") as file:
        file.write('O31,1999.31,"Vase with no e')
    for _ in range(2):
        run = load(export, database_url, chunk_rows=10)
        assert (run.status, run.exit_code) == ("incomplete", 1)
        assert run.account.read == run.account.inserted + run.account.quarantined
        assert run.account.inserted == 30
        assert "ends in" in run.messages[0]
    assert query(database_url, "SELECT status FROM run") == [("incomplete",)]


class Forgetful:
    """A writer that says nothing of the last record of a chunk."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.encode = writer.encode
        self.settle = writer.settle
        self.complete = writer.complete
        self.footprint = writer.footprint
        self.withdraw_unseen = writer.withdraw_unseen

    def apply(self, transaction: object, records: Records, accepted: Accepted) -> Applied:
        applied = self._writer.apply(transaction, records, accepted)  # type: ignore[arg-type]  # handed on
        return Applied(inserted=applied.inserted[:-1])


class ForgetfulProfile(MuseumProfile):
    def writer(self, run: RunContext) -> Forgetful:  # type: ignore[override]  # as a faulty profile would
        return Forgetful(super().writer(run))


def test_a_profile_that_loses_a_record_fails_the_run_and_nothing_of_the_chunk_is_kept(
    tmp_path: Path, database_url: str
) -> None:
    source = open_source(write(tmp_path / "a.csv", [vase(1), vase(2, title="")]), Format(), Settings())
    with opened(database_url) as database, StopRequest() as stop:
        profile = ForgetfulProfile(mapping())
        with pytest.raises(OutOfBalance, match="2 records were read, but 1"):
            run_load(source, profile, database, settings=Settings(), observer=unobserved, stop=stop)
    source.close()
    for table in ("object", "object_title", "actor", "quarantine", "chunk", "chunk_result", "note"):
        assert query(database_url, f"SELECT * FROM {table}") == []
    assert query(database_url, "SELECT status FROM run") == [("failed",)]


def test_two_loaders_of_the_same_source_do_the_work_once(tmp_path: Path, database_url: str) -> None:
    rows = [vase(n, **({"title": ""} if n % 50 == 0 else {})) for n in range(1, 301)]
    rows += [vase(7, title="again"), vase(250, title="again")]
    export = write(tmp_path / "a.csv", rows)
    (tmp_path / "m.toml").write_text(MAPPING)
    assert at_once(database_url, tmp_path, [export, export, export]) >= {"done"}
    assert query(database_url, "SELECT sum(inserted), sum(quarantined), count(*) FROM chunk_result") == [
        (295, 7, 16)
    ]
    assert query(database_url, "SELECT status FROM run") == [("done",)]
    alone = f"sqlite:///{tmp_path / 'alone.db'}"
    load(export, alone, chunk_rows=20)
    assert content_of(database_url) == content_of(alone)


def test_two_loaders_of_different_sources_share_makers_rooms_and_objects(
    tmp_path: Path, database_url: str
) -> None:
    exports = [
        write(tmp_path / f"{part}.csv", [vase(n) for n in order])
        for part, order in enumerate((range(1, 301), range(450, 150, -1)))
    ]
    (tmp_path / "m.toml").write_text(MAPPING)
    assert at_once(database_url, tmp_path, exports) == {"done"}
    assert query(database_url, "SELECT count(*) FROM object") == [(450,)]
    assert query(database_url, "SELECT count(*) FROM place") == [(5,)]
    ((inserted, updated, unchanged, bad),) = query(
        database_url,
        "SELECT sum(inserted), sum(updated), sum(unchanged), sum(quarantined) FROM chunk_result",
    )
    assert (inserted, updated, unchanged, bad) == (450, 0, 150, 0)


def at_once(url: str, folder: Path, exports: list[Path]) -> set[str]:
    """Load these at the same time, each in a process of its own; returns the statuses of the runs."""
    command = [sys.executable, "-c", LOADER]
    started = [
        subprocess.Popen(
            [*command, str(export), str(folder / "m.toml"), url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for export in exports
    ]
    told = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * len(started), told
    return {out.strip() for out, _ in told}


def test_a_column_that_is_not_there_stops_the_load_with_the_nearest_names(tmp_path: Path) -> None:
    export = write(tmp_path / "a.csv", [], ("id", "Number", "titel", "kind", "maker", "made", "room"))
    with pytest.raises(HeaderError) as caught:
        load(export, f"sqlite:///{tmp_path / 'a.db'}")
    assert "'number' (the nearest: Number" in str(caught.value)
    assert "'title' (the nearest: titel" in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "a.db").exists() or query_tables(tmp_path) == []


def query_tables(folder: Path) -> list[tuple[str]]:
    return query(f"sqlite:///{folder / 'a.db'}", "SELECT name FROM sqlite_schema")


def test_columns_that_nothing_reads_and_names_that_repeat_are_told(tmp_path: Path) -> None:
    long = "Sammlungsgeschichte und Erwerbungsumstände, soweit sie aus den Akten bekannt sind"
    header = (*COLUMNS, "weight", "", "title", long, long + " 2")
    text = ",".join(f'"{name}"' for name in header) + "\n" + "O1,1,Vase,vessel,,,,5,x,Second,past,later\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    more = f'provenance = ["{long}", "{long} 2", "title#2"]\n'
    remarks: list[Problem] = []

    def observe(event: object) -> None:
        if isinstance(event, SourceRemark):
            remarks.append(event.problem)

    url = f"sqlite:///{tmp_path / 'a.db'}"
    run = load(tmp_path / "a.csv", url, mapping=mapping(MAPPING + more), observer=observe)
    assert counts(run) == {"read": 1, "inserted": 1}
    assert query(url, "SELECT text FROM object_text ORDER BY position") == [
        ("past",),
        ("later",),
        ("Second",),
    ]
    said = {remark.code: remark.message for remark in remarks}
    assert said.keys() == {"header-names", "unmapped-columns"}
    assert "'column 9'" in said["header-names"]
    assert "'title#2'" in said["header-names"]
    assert "weight" in said["unmapped-columns"]
    assert long not in said["unmapped-columns"]


def test_a_watcher_is_told_of_everything_in_order(tmp_path: Path) -> None:
    events: list[object] = []
    rows = [vase(n, **({"title": ""} if n == 2 else {})) for n in range(1, 31)]
    url = f"sqlite:///{tmp_path / 'a.db'}"
    run = load(write(tmp_path / "a.csv", rows), url, chunk_rows=10, observer=events.append)
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["RunStarted", "RecordRejected", *["ChunkCommitted"] * 3, "RunEnded"]
    started, ended = events[0], events[-1]
    assert isinstance(started, RunStarted)
    assert not started.resumed
    assert isinstance(ended, RunEnded)
    assert (ended.run, ended.status, ended.account) == (run.run, "done", run.account)
    fractions = [event.fraction_done for event in events if isinstance(event, ChunkCommitted)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_trial_finds_what_a_load_finds_and_keeps_nothing(tmp_path: Path, database_url: str) -> None:
    rows = [vase(1), vase(2, title=""), vase(1)]
    export = write(tmp_path / "a.csv", rows)
    budget = Settings(max_rejects=RejectBudget(percent=100))
    tried = muniment.check(export, mapping=mapping(), db=database_url, settings=budget)
    assert counts(tried) == {"read": 3, "inserted": 1, "quarantined": 2}
    with opened(database_url) as database:
        assert sa.inspect(database.engine).get_table_names() == []
    assert counts(load(export, database_url, settings=budget)) == counts(tried)


@pytest.mark.parametrize(
    ("error", "raised", "status"),
    [(RuntimeError("odd"), RuntimeError, "failed"), (KeyboardInterrupt(), Interrupted, "interrupted")],
)
def test_a_watcher_is_told_of_a_run_that_an_error_ends(
    tmp_path: Path, error: BaseException, raised: type[BaseException], status: str
) -> None:
    events: list[object] = []

    def watch(event: object) -> None:
        events.append(event)
        if isinstance(event, ChunkCommitted):
            raise error

    url = f"sqlite:///{tmp_path / 'a.db'}"
    with pytest.raises(raised):
        load(write(tmp_path / "a.csv", [vase(n) for n in range(1, 31)]), url, chunk_rows=10, observer=watch)
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.status, ended.account.read) == (status, 10)
    assert query(url, "SELECT status FROM run") == [(status,)]
    run = load(tmp_path / "a.csv", url, chunk_rows=10)
    assert (run.status, run.account.read) == ("done", 30)


def test_a_database_in_memory_is_refused(tmp_path: Path) -> None:
    for url in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(UsageError, match="in memory"):
            load(write(tmp_path / "a.csv", [vase(1)]), url)
