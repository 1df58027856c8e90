"""The first load into empty tables of PostgreSQL: its foreign keys are built after the rows."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import muniment
from muniment import first_load
from muniment.databases import connect, foreign_keys
from muniment.databases.database import Database, Transaction
from muniment.databases.foreign_keys import keys_of, missing, take_away
from muniment.doctor import diagnose
from muniment.errors import DatabaseError
from muniment.museum import tables
from muniment.museum.mapping import Mapping
from muniment.museum.profile import MuseumProfile
from muniment.run import prepare
from tests.acceptance.loading import MAPPING, mapping, vase, write
from tests.acceptance.loading import load as load_by
from tests.acceptance.program import PATIENCE_SECONDS

SAMPLE = Path(__file__).parent.parent.parent / "examples" / "sample"
PROFILE = MuseumProfile(Mapping.read(SAMPLE / "mapping.toml"))
LARGE = first_load.WORTH_IT_BYTES


pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the museum's tables, and nothing in them."""
    with closing(connect(database_url)) as opened:
        prepare(opened, PROFILE)
        yield opened


def lacking(database: Database) -> list[str]:
    """The names of the foreign keys that are not there."""
    with database.engine.connect() as connection:
        return [str(key.name) for key in missing(connection, tables.ALL)]


def load(database: Database) -> muniment.Run:
    """Load the sample."""
    url = database.engine.url.render_as_string(hide_password=False)
    return muniment.load(SAMPLE / "sample_export.csv", mapping=SAMPLE / "mapping.toml", to=url)


def test_all_foreign_keys_are_there_after_the_migrations(database: Database) -> None:
    assert lacking(database) == []
    assert len(keys_of(tables.ALL)) > 20


def test_a_first_load_takes_them_away_and_builds_them_at_its_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    finish = first_load.finish

    def watched(database: Database, profile: MuseumProfile) -> None:
        seen.append(len(lacking(database)))
        finish(database, profile)

    monkeypatch.setattr(first_load, "WORTH_IT_BYTES", 0)
    monkeypatch.setattr(first_load, "finish", watched)
    assert load(database).account.inserted == 955
    assert seen == [len(keys_of(tables.ALL))]
    assert lacking(database) == []


def test_objects_that_refer_to_nothing_but_their_institution_refer_to_it_from_the_first_chunk_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_load, "WORTH_IT_BYTES", 0)
    text = MAPPING.replace('location = "room"\n', "")
    url = database.engine.url.render_as_string(hide_password=False)
    export = write(tmp_path / "export.csv", [vase(number) for number in range(1, 10)])
    run = load_by(export, url, mapping=mapping(text), chunk_rows=2)
    assert (run.status, run.account.inserted, lacking(database)) == ("done", 9, [])


def test_a_small_source_leaves_them_where_they_are(database: Database) -> None:
    assert first_load.begin(database, PROFILE, LARGE - 1, resumed=False) == ()
    assert lacking(database) == []


def test_tables_that_hold_something_keep_them(database: Database) -> None:
    load(database)
    first_load.begin(database, PROFILE, LARGE, resumed=False)
    assert lacking(database) == []


def half_built(database: Database) -> None:
    """Leave the state of a first load that died."""
    load(database)
    with database.schema_lock() as transaction:
        take_away(transaction, keys_of(tables.ALL))


def test_the_doctor_tells_a_load_that_died_and_the_next_one_mends_it(database: Database) -> None:
    half_built(database)
    url = database.engine.url.render_as_string(hide_password=False)
    (told,) = [finding for finding in diagnose(url) if finding.subject == "foreign keys"]
    assert "are not there or not checked, such as" in told.message
    first_load.begin(database, PROFILE, LARGE, resumed=False)
    assert lacking(database) == []
    assert [finding for finding in diagnose(url) if finding.subject == "foreign keys"] == []


def test_keys_that_a_load_declared_and_did_not_live_to_check_are_missing_and_checked_by_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_built(database)
    with monkeypatch.context() as dying:
        dying.setattr(foreign_keys._Checks, "check", lambda *_given: None)
        first_load.finish(database, PROFILE)
    assert len(lacking(database)) == len(keys_of(tables.ALL))
    first_load.begin(database, PROFILE, LARGE, resumed=False)
    assert lacking(database) == []


def test_others_may_write_while_keys_are_checked(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    half_built(database)
    checked: list[Transaction] = []
    whole = foreign_keys._Checks._among_running
    names = ", ".join(f'"{table.name}"' for table in tables.ALL)

    @contextmanager
    def meanwhile(checks: foreign_keys._Checks, transaction: Transaction) -> Iterator[None]:
        with whole(checks, transaction):
            yield
            with others.transaction() as other:  # while the check still holds its locks
                other.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'"))
                other.execute(sa.text(f"LOCK TABLE {names} IN ROW EXCLUSIVE MODE"))
            checked.append(transaction)

    monkeypatch.setattr(foreign_keys._Checks, "_among_running", meanwhile)
    with closing(connect(database.engine.url.render_as_string(hide_password=False))) as others:
        first_load.finish(database, PROFILE)
    assert len(checked) == len(keys_of(tables.ALL))
    assert lacking(database) == []


def test_whoever_ends_a_load_while_its_keys_are_checked_waits_for_no_check(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_built(database)
    first, second, asleep = threading.Lock(), threading.Lock(), threading.Event()

    def sleepy(checks: foreign_keys._Checks, _key: Any) -> None:
        if first.acquire(blocking=False):
            with database.transaction() as transaction, checks._among_running(transaction):
                asleep.set()
                transaction.execute(sa.text("SELECT pg_sleep(600)"))
        elif asleep.wait(PATIENCE_SECONDS) and second.acquire(blocking=False):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(foreign_keys._Checks, "check", sleepy)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        first_load.finish(database, PROFILE)
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert lacking(database)


def test_keys_that_are_declared_and_not_checked_are_taken_away_from_empty_tables_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.schema_lock() as transaction:
        take_away(transaction, keys_of(tables.ALL))
    monkeypatch.setattr(foreign_keys._Checks, "check", lambda *_given: None)
    first_load.finish(database, PROFILE)
    first_load.begin(database, PROFILE, LARGE, resumed=False)
    declared = sa.text("SELECT conname FROM pg_constraint WHERE contype = 'f'")
    with database.engine.connect() as connection:
        assert not {str(key.name) for key in keys_of(tables.ALL)} & set(connection.scalars(declared))


def test_a_load_that_goes_on_does_so_without_them(database: Database) -> None:
    half_built(database)
    first_load.begin(database, PROFILE, LARGE, resumed=True)
    assert len(lacking(database)) == len(keys_of(tables.ALL))
    first_load.finish(database, PROFILE)
    assert lacking(database) == []


def test_a_key_that_cannot_be_built_names_its_rows(database: Database) -> None:
    half_built(database)
    with database.transaction() as transaction:
        lost = transaction.execute(sa.select(sa.func.min(tables.object_material.c.term_id))).scalar_one()
        transaction.execute(
            tables.object_material.update()
            .where(tables.object_material.c.term_id == lost)
            .values(term_id=-tables.object_material.c.object_id)
        )
    with pytest.raises(
        DatabaseError, match=r"object_material_term cannot be built.*term: object_id \d+, term_id -\d+"
    ):
        first_load.finish(database, PROFILE)
    assert "object_material_term" in lacking(database)


def test_whoever_does_not_own_the_tables_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_load, "may_be_taken_away", lambda _transaction, _tables: False)
    (said,) = first_load.begin(database, PROFILE, LARGE, resumed=False)
    assert "user who owns the tables" in said
    assert lacking(database) == []
