"""Random histories of an export: edited, cut short, loaded, killed, taken up again, corrected, loaded anew.

After each step the database is compared with a model of a few lines: what is stored, what is open in the
quarantine, and each run's account. The model knows how far a killed run has come from the ledger only.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from muniment import RejectBudget, Settings, correction
from muniment.databases import Database, connect
from muniment.errors import DatabaseUnavailable, SourceChanged
from muniment.events import ChunkCommitted
from muniment.migrations import upgrade
from muniment.museum.mapping import Mapping as MuseumMapping
from muniment.museum.profile import MuseumProfile
from muniment.run import Run, run_load
from muniment.sources import open_source
from muniment.stopping import StopRequest
from tests.acceptance.loading import COLUMNS, MAPPING, vase
from tests.torture.failing import ConnectionLoss, Death, FailingDatabase, ProcessDeath, Strike, never

CHUNK_ROWS = 2
SETTINGS = Settings(chunk_rows=CHUNK_ROWS, max_rejects=RejectBudget(percent=100))

EXAMPLES = 40
"""With the steps below some 15 seconds on a quiet machine."""

MANY_EXAMPLES = 2_000
"""A quarter of an hour, by hand."""

STEPS = 12

CUT = "cut short"
"""Stands in the model for the key of a record that nobody can read."""

UNFINISHED = ("running", "failed", "interrupted")

KEYS = st.integers(1, 9).map("O{}".format)
STRIKES = st.builds(
    lambda kind, at: kind(at), st.sampled_from([ProcessDeath, ConnectionLoss]), st.integers(1, 130)
)


@dataclass
class Edition:
    """A state of the export: records by key, a title missing where it is bad; and where it was cut short."""

    number: int
    titles: dict[str, str]
    cut_before: int | None = None

    @property
    def records(self) -> list[tuple[str, str]]:
        """In order; the first makes each edition another file. One that is cut short is a bad one."""
        records = [("O0", f"Edition {self.number}"), *self.titles.items()][: self.cut_before]
        return records if self.cut_before is None else [*records, (CUT, "")]

    def data(self) -> bytes:
        """As CSV; where it is cut, it ends within quotes."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writeheader()
        for key, title in self.records:
            if key != CUT:
                writer.writerow(vase(int(key[1:]), title=title))
        # What is cut has a key of its own: with that of another record it would be what is mended of it.
        return text.getvalue().encode() + (b'"O10' if self.cut_before is not None else b"")


@dataclass
class Progress:
    """A run as the model knows it: its edition, and how many of its records are in the database."""

    edition: Edition
    applied: int = 0


@dataclass
class Model:
    """What the database should hold."""

    stored: dict[str, str] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    runs: dict[int, Progress] = field(default_factory=dict)

    def goes_on(self, run: int, edition: Edition, committed: int) -> None:
        """A run has come so far."""
        progress = self.runs.setdefault(run, Progress(edition))
        for key, title in progress.edition.records[progress.applied : committed]:
            if title:
                self.stored[key] = title
                self.open.discard(key)
            elif key != CUT:
                self.open.add(key)
        progress.applied = committed


@dataclass
class Template:
    """A database that is made empty for each history; its engine, which stays open, knows the statements."""

    database: Database
    path: Path
    empty: sqlite3.Connection

    def restore(self) -> None:
        with closing(sqlite3.connect(self.path)) as target:
            self.empty.backup(target)


class Histories(RuleBasedStateMachine):
    """See the module."""

    template: Template

    def __init__(self) -> None:
        super().__init__()
        self.template.restore()
        self.database = self.template.database
        self.model = Model()
        self.folder = tempfile.TemporaryDirectory(prefix="muniment-history-")
        self.export = Path(self.folder.name) / "export.csv"
        self.worksheets = 0

    @initialize(titles=st.dictionaries(KEYS, st.sampled_from(["A", "B", ""]), max_size=6))
    def first_edition(self, titles: dict[str, str]) -> None:
        self.publish(Edition(1, titles))

    def publish(self, edition: Edition) -> None:
        self.edition = edition
        self.export.write_bytes(edition.data())

    @rule(changes=st.dictionaries(KEYS, st.sampled_from(["A", "B", "C", "", None]), min_size=1, max_size=3))
    def edit(self, changes: dict[str, str | None]) -> None:
        titles = {**self.edition.titles, **changes}
        left = {key: title for key, title in titles.items() if title is not None}
        self.publish(Edition(self.edition.number + 1, left))

    @rule(before=st.integers(1, 6))
    def cut(self, before: int) -> None:
        self.publish(Edition(self.edition.number + 1, self.edition.titles, before))

    @rule(strike=STRIKES)
    def load_and_fail(self, strike: Strike) -> None:
        self.load(strike)

    @rule(chunks=st.integers(1, 3))
    def load_and_stop(self, chunks: int) -> None:
        run = self.load(never, stop_after=chunks)
        assert run is not None
        assert run.status in ("interrupted", "done", "incomplete")

    @rule()
    def load_to_the_end(self) -> None:
        query = "SELECT run_id, status FROM run ORDER BY run_id"
        mine = {run for run, told in self.model.runs.items() if told.edition.number == self.edition.number}
        before = [row for row in self.select(query) if row[0] in mine]
        run = self.load(never)
        assert run is not None
        assert run.status == ("done" if self.edition.cut_before is None else "incomplete")
        assert run.account.read == len(self.edition.records)
        # What is done is loaded as another run; what is not, goes on.
        if before and before[-1][1] != "done":
            assert run.run == before[-1][0]
        else:
            assert run.run not in mine

    def load(self, strike: Strike, stop_after: int | None = None) -> Run | None:
        """Load the export; where another edition was not finished, that is refused until it is given up."""
        left = self.unfinished()
        changed = left is not None and self.model.runs[left].edition.number != self.edition.number
        if changed:
            with pytest.raises(SourceChanged):
                self.attempt(never)
        try:
            return self.attempt(strike, abandon=changed, stop_after=stop_after)
        except (Death, DatabaseUnavailable):
            return None
        finally:
            self.see_progress()

    def see_progress(self) -> None:
        """Tell the model how far the ledger says that runs have come."""
        corrections = self.corrections()
        committed = dict(self.select("SELECT run_id, max(end_record) - 1 FROM chunk GROUP BY run_id"))
        for (run,) in self.select("SELECT run_id FROM run ORDER BY run_id"):
            if run not in corrections:
                self.model.goes_on(run, self.edition, committed.get(run, 0))

    def attempt(self, strike: Strike, *, abandon: bool = False, stop_after: int | None = None) -> Run:
        profile = MuseumProfile(MuseumMapping.parse(MAPPING))
        chunks = 0
        with closing(open_source(self.export, profile.source, SETTINGS)) as source, StopRequest() as stop:

            def observe(event: object) -> None:
                nonlocal chunks
                chunks += isinstance(event, ChunkCommitted)
                if chunks == stop_after:
                    stop.requested = True

            return run_load(
                source,
                profile,
                FailingDatabase(self.database, strike),
                settings=SETTINGS,
                again=True,
                abandon=abandon,
                observer=observe,
                stop=stop,
            )

    @precondition(lambda self: self.model.open)
    @rule(strike=STRIKES, data=st.data())
    def resubmit(self, strike: Strike, data: st.DataObject) -> None:
        mended = data.draw(st.sets(st.sampled_from(sorted(self.model.open)), min_size=1))
        worksheet = self.worksheet(mended)
        try:
            correction.resubmit(FailingDatabase(self.database, strike), worksheet)
        except (Death, DatabaseUnavailable):
            run = correction.resubmit(self.database, worksheet)
            assert run.status in ("done", "already loaded")
        self.model.open -= mended
        self.model.stored |= dict.fromkeys(mended, f"Mended {self.worksheets}")

    def worksheet(self, mended: set[str]) -> Path:
        """The open entries of these records, each with a title."""
        exported = io.BytesIO()
        correction.export(self.database, exported)
        rows = list(csv.DictReader(io.StringIO(exported.getvalue().decode("utf-8-sig"), newline="")))
        # The same record may have been rejected in several states: the last is the one that counts.
        last = {row["id"]: row for row in rows if row["id"] in mended}
        self.worksheets += 1
        path = Path(self.folder.name) / f"worksheet{self.worksheets}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(row | {"title": f"Mended {self.worksheets}"} for row in last.values())
        return path

    @invariant()
    def the_content_is_the_models(self) -> None:
        stored = self.select("SELECT record_key, title FROM object JOIN object_title USING (object_id)")
        assert sorted(stored) == sorted(self.model.stored.items())
        entries = self.select(
            "SELECT DISTINCT record_key FROM quarantine"
            " WHERE state = 'open' AND problems NOT LIKE '%incomplete%'"
        )
        assert {key for (key,) in entries} == self.model.open

    @invariant()
    def every_account_is_the_models(self) -> None:
        told = {
            run: (read, stored, quarantined)
            for run, read, stored, quarantined in self.select(
                "SELECT run_id, sum(read), sum(inserted + updated + unchanged), sum(quarantined)"
                " FROM chunk_result GROUP BY run_id"
            )
        }
        for run, progress in self.model.runs.items():
            titles = [title for _, title in progress.edition.records[: progress.applied]]
            bad = titles.count("")
            assert told.get(run, (0, 0, 0)) == (len(titles), len(titles) - bad, bad)

    @invariant()
    def chunks_follow_one_another(self) -> None:
        chunks = self.select(
            "SELECT run_id, start_offset, end_offset, first_record, end_record FROM chunk ORDER BY 1, 2"
        )
        place: dict[int, tuple[int, int]] = {}
        for run, start, end, first, last in chunks:
            assert place.get(run, (start, 1)) == (start, first)
            place[run] = (end, last)

    def unfinished(self) -> int | None:
        """The newest load that did not come to its end."""
        runs = self.select("SELECT run_id, status FROM run ORDER BY run_id")
        left = [run for run, status in runs if status in UNFINISHED and run not in self.corrections()]
        return left[-1] if left else None

    def corrections(self) -> set[int]:
        """Runs of worksheets."""
        return {run for (run,) in self.select("SELECT run_id FROM run WHERE name LIKE '%worksheet%'")}

    def select(self, query: str) -> list[tuple[Any, ...]]:
        with self.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]

    def teardown(self) -> None:
        self.folder.cleanup()


@pytest.fixture
def template(tmp_path: Path) -> Iterator[Template]:
    path = tmp_path / "history.db"
    with closing(connect(f"sqlite:///{path}")) as database:
        upgrade(database, "museum")
        with closing(sqlite3.connect(":memory:")) as empty:
            with closing(sqlite3.connect(path)) as made:
                made.backup(empty)
            yield Template(database, path, empty)


def assert_histories_come_out(template: Template, examples: int) -> None:
    class Machine(Histories):
        pass

    Machine.template = template
    chosen = hypothesis_settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=chosen)


def test_whatever_happens_to_an_export_the_database_holds_what_it_should(template: Template) -> None:
    assert_histories_come_out(template, EXAMPLES)


@pytest.mark.long
def test_many_more_histories_come_out(template: Template) -> None:
    assert_histories_come_out(template, MANY_EXAMPLES)
