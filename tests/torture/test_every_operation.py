"""A load whose N-th database operation fails, for every N: run again, it comes to the same content.

Each N has an export of its own, and all of them go into one database, beside which the same exports are
loaded undisturbed into another. A load compares by content, updates, finds unchanged, quarantines,
notes and marks as withdrawn, so that each kind of operation is met.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from muniment import RejectBudget, Settings
from muniment.databases import Database
from muniment.errors import DatabaseUnavailable
from muniment.events import unobserved
from muniment.museum.mapping import Mapping as MuseumMapping
from muniment.museum.profile import MuseumProfile
from muniment.run import run_load
from muniment.sources import open_source
from muniment.stopping import StopRequest
from tests.acceptance.loading import MAPPING, opened, vase, write
from tests.content import Content, content, ledger_content
from tests.torture.failing import ConnectionLoss, Death, FailingDatabase, ProcessDeath, Strike, never

RECORDS = 8
CHUNK_ROWS = 4
SETTINGS = Settings(chunk_rows=CHUNK_ROWS, max_rejects=RejectBudget(percent=100))
SAMPLED = 6
"""Operations that fail on each server in a run of all tests; on SQLite every one does."""

FEWEST_OPERATIONS = 80
"""A load has at least so many."""

Kind = type[ConnectionLoss]
both_kinds = pytest.mark.parametrize("kind", [ConnectionLoss, ProcessDeath])


def export(folder: Path, edition: int) -> Path:
    """Objects that stay, change, come and go; a bad one, a duplicate, and one to be remarked on."""
    first = edition % 3 + 1
    rows = [vase(n, title=f"Vase {n}, {edition if n % 2 else 0}") for n in range(first, first + RECORDS)]
    rows[2]["title"] = ""
    rows[4]["made"] = f"when the mill stood for {edition} years"
    rows[7]["id"] = rows[0]["id"]
    rows[5] = vase(100 + edition)  # so that each edition has an object to insert
    rows[6]["room"] = f"Room {100 + edition}"
    return write(folder / f"{edition}.csv", rows)


class Disturbed:
    """Two databases: into one exports are loaded with failures, into the other without.

    Both stay open: an engine that has met its statements before is several times as fast.
    """

    def __init__(self, database: Database, undisturbed: Database, folder: Path) -> None:
        self.database = database
        self.undisturbed = undisturbed
        self.folder = folder
        self.edition = 0

    def fails_at(self, kind: Kind, number: int) -> str:
        """The operation that failed, "" where there were fewer; asserts that a plain re-run mends it."""
        self.edition += 1
        source, strike = export(self.folder, self.edition), kind(number)
        with suppress(Death, DatabaseUnavailable):
            self.load(source, self.database, strike)
        assert self.load(source, self.database) in ("done", "already loaded")
        assert self.load(source, self.undisturbed) == "done"
        told = f"{strike.failed_at}, operation {number}"
        assert stored(self.database) == stored(self.undisturbed), told
        return strike.failed_at

    def load(self, source: Path, database: Database, strike: Strike = never) -> str:
        """Load as a program does, all over again."""
        profile = MuseumProfile(MuseumMapping.parse(MAPPING))
        with closing(open_source(source, profile.source, SETTINGS)) as opened, StopRequest() as stop:
            return run_load(
                opened,
                profile,
                FailingDatabase(database, strike),
                settings=SETTINGS,
                full=True,
                observer=unobserved,
                stop=stop,
            ).status


def stored(database: Database) -> Content:
    return content(database) | ledger_content(database)


@pytest.fixture
def disturbed(database_url: str, tmp_path: Path) -> Iterator[Disturbed]:
    undisturbed_url = f"sqlite:///{tmp_path / 'undisturbed.db'}"
    with opened(database_url) as database, opened(undisturbed_url) as undisturbed:
        yield Disturbed(database, undisturbed, tmp_path)


def assert_every_operation_may_fail(disturbed: Disturbed, kind: Kind) -> None:
    failed: Counter[str] = Counter()
    number = 1
    while operation := disturbed.fails_at(kind, number):
        failed[operation] += 1
        number += 1
    assert min(failed["COMMIT"], failed["after COMMIT"]) > RECORDS // CHUNK_ROWS
    assert failed.keys() > {"BEGIN", "execute", "insert object", "SAVEPOINT", "RELEASE"}
    assert all(stored(disturbed.database)[table] for table in ("quarantine", "note", "change"))


@both_kinds
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whichever_operation_fails_a_plain_rerun_ends_in_the_same_content(
    disturbed: Disturbed, kind: Kind
) -> None:
    assert_every_operation_may_fail(disturbed, kind)


@both_kinds
@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_on_servers_as_well_a_rerun_ends_in_the_same_content(disturbed: Disturbed, kind: Kind) -> None:
    numbers = Random(kind.__name__).sample(range(1, FEWEST_OPERATIONS), SAMPLED)
    assert all(disturbed.fails_at(kind, number) for number in numbers)


@pytest.mark.long
@both_kinds
@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_whichever_operation_fails_on_a_server_a_plain_rerun_ends_in_the_same_content(
    disturbed: Disturbed, kind: Kind
) -> None:
    assert_every_operation_may_fail(disturbed, kind)


def losing_the_commit_after(operation: str) -> Strike:
    """The first COMMIT after this operation fails; what was done before it is rolled back."""
    done: list[str] = []

    def strike(coming: str) -> None:
        done.append(coming)
        if coming == "COMMIT" and operation in done and "lost" not in done:
            done.append("lost")
            raise DatabaseUnavailable("the connection is lost", where="a test")

    return strike


def test_ids_learnt_in_a_chunk_that_was_rolled_back_are_not_believed(disturbed: Disturbed) -> None:
    source = export(disturbed.folder, 1)
    assert disturbed.load(source, disturbed.database, losing_the_commit_after("insert object")) == "done"
    assert disturbed.load(source, disturbed.undisturbed) == "done"
    assert stored(disturbed.database) == stored(disturbed.undisturbed)
