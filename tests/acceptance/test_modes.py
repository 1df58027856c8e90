"""What holds in every mode of the `table` profile: however loads are disturbed, they come to the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from muniment import RejectBudget, Run, Settings, TableMapping, api
from muniment.databases import connect
from muniment.errors import UsageError
from muniment.events import ChunkCommitted
from muniment.table import TableProfile
from tests.acceptance.loading import counts, load, opened, query, write
from tests.acceptance.modes import MODES, Mode
from tests.torture.failing import FailingDatabase
from tests.workers.shuffled import Shuffled

SETTINGS = Settings(chunk_rows=14, max_rejects=RejectBudget(percent=100))

IN_EVERY_MODE = pytest.mark.parametrize("mode", MODES, ids=[mode.name for mode in MODES])

INTRICATE = [mode for mode in MODES if mode.name in ("type 2", "header and lines", "replace, wait")]
"""Those that do most in the database: these are disturbed on servers too, where each load takes longer."""

IN_INTRICATE_MODES = pytest.mark.parametrize("mode", INTRICATE, ids=[mode.name for mode in INTRICATE])

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ON_SERVERS = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)

Load = Callable[[Path, str, str], Run]
"""Loads a file by a mapping into a database, to the end."""


def calmly(source: Path, mapping: str, url: str, **options: Any) -> Run:
    return load(source, url, mapping=TableMapping.parse(mapping), settings=SETTINGS, **options)


def told(mode: Mode, folder: Path, url: str, each: Load = calmly) -> list[dict[str, int]]:
    """The accounts of all loads of a mode's story; asserts that it ends as it must."""
    accounts = []
    for name, mapping, columns, rows in mode.story():
        run = each(write(folder / f"{name}.csv", rows, columns), mapping, url)
        assert run.status in ("done", "already loaded")
        accounts.append(counts(run))
    assert sorted(query(url, mode.select), key=repr) == mode.outcome()
    return accounts


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Mode], list[dict[str, int]]]:
    """The accounts of a mode's story, loaded into SQLite by one process that nothing happens to."""

    @cache
    def accounts(mode: Mode) -> list[dict[str, int]]:
        folder = tmp_path_factory.mktemp("undisturbed")
        return told(mode, folder, f"sqlite:///{folder / 'calm.db'}")

    return accounts


Undisturbed = Callable[[Mode], list[dict[str, int]]]


def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the tables of the story that are there already."""
    with opened(url) as database:
        there = {"price", "shop"} & {*sa.inspect(database.engine).get_table_names()}
    return {name: sorted(query(url, f"SELECT * FROM {name}"), key=repr) for name in there}


def once_more(source: Path, mapping: str, url: str) -> Run:
    """Load; assert that the same file, loaded again, changes nothing, or is refused where it would."""
    run = calmly(source, mapping, url)
    rows = rows_of(url)
    assert calmly(source, mapping, url).status == "already loaded"
    if TableProfile.of(TableMapping.parse(mapping)).mode == "append":
        with pytest.raises(UsageError, match=r"no key to compare by|only adds rows"):
            calmly(source, mapping, url, again=True)
    else:
        repeated = counts(calmly(source, mapping, url, again=True))
        assert ("inserted" in repeated, "updated" in repeated) == ("replace" in mapping, False)
    assert rows_of(url) == rows
    return run


@IN_EVERY_MODE
@ON_SQLITE
def test_a_newer_file_leads_to_what_the_mode_says_and_the_same_once_more_to_nothing(
    mode: Mode, database_url: str, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    assert told(mode, tmp_path, database_url, once_more) == undisturbed(mode)


def failing_after_each_chunk(source: Path, mapping: str, url: str) -> Run:
    failures = 0

    def fail(event: object) -> None:
        if isinstance(event, ChunkCommitted):
            raise ConnectionResetError

    while True:
        try:
            run = calmly(source, mapping, url, observer=fail)
        except ConnectionResetError:
            failures += 1
        else:
            assert failures == run.chunks
            return run


@IN_EVERY_MODE
@ON_SQLITE
def test_loads_that_fail_after_each_chunk_go_on_to_the_same(
    mode: Mode, database_url: str, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    assert told(mode, tmp_path, database_url, failing_after_each_chunk) == undisturbed(mode)


STRIDE = 37
"""Operations that each sitting does more than the one before it, which was killed."""


class Kill:
    """The process is killed at the operation with this number."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, _operation: str) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def load_until_killed(source: Path, mapping: str, url: str, at: int) -> None:
    """In a process of its own: load, unless it is killed before."""
    kill = Kill(at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "connect", lambda to: FailingDatabase(connect(to), kill))
        calmly(source, mapping, url)


class KilledAgainAndAgain:
    """Loads in processes that are killed at a later operation each time, until one reaches the end.

    They are forked, for that takes a moment, by a process that has no threads and has imported all.
    """

    def __init__(self) -> None:
        self.kills = 0
        self._processes = multiprocessing.get_context("forkserver")
        self._processes.set_forkserver_preload([__name__])

    def __call__(self, source: Path, mapping: str, url: str) -> Run:
        at = STRIDE
        while "price" in mapping or self.kills:  # before that, only the other table is filled
            process = self._processes.Process(target=load_until_killed, args=(source, mapping, url, at))
            process.start()
            process.join()
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            self.kills, at = self.kills + 1, at + STRIDE
        return calmly(source, mapping, url)


def must_survive_kills(mode: Mode, folder: Path, url: str, expected: list[dict[str, int]]) -> None:
    killing = KilledAgainAndAgain()
    assert told(mode, folder, url, killing) == expected
    assert killing.kills >= 4


@IN_EVERY_MODE
@ON_SQLITE
def test_loads_that_are_killed_again_and_again_come_to_the_same(
    mode: Mode, database_url: str, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    must_survive_kills(mode, tmp_path, database_url, undisturbed(mode))


@IN_INTRICATE_MODES
@ON_SERVERS
def test_loads_into_servers_that_are_killed_again_and_again_come_to_the_same(
    mode: Mode, database_url: str, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    must_survive_kills(mode, tmp_path, database_url, undisturbed(mode))


def _shuffled(count: int, database: str, _modules: Sequence[str], *, seed: int) -> Shuffled:
    """Instead of processes."""
    return Shuffled(count, database, seed, losing=0.3)


@IN_EVERY_MODE
@ON_SERVERS
def test_workers_who_do_at_random_what_could_be_next_come_to_the_same(
    mode: Mode,
    database_url: str,
    tmp_path: Path,
    undisturbed: Undisturbed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "Processes", partial(_shuffled, seed=len(mode.name)))
    assert told(mode, tmp_path, database_url, partial(calmly, workers=3)) == undisturbed(mode)


@pytest.mark.parametrize("mode", INTRICATE[1:2], ids=[INTRICATE[1].name])
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_mapping_is_loaded_by_two_processes_as_by_one(
    mode: Mode, database_url: str, tmp_path: Path, undisturbed: Undisturbed
) -> None:
    assert told(mode, tmp_path, database_url, partial(calmly, workers=2)) == undisturbed(mode)
