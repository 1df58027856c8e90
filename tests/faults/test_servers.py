"""Servers that die in the middle of a load and come back; these are servers of our own."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from muniment.errors import DatabaseError
from tests.acceptance.loading import load
from tests.faults.catalogue import fault
from tests.faults.loading import SETTINGS, Watcher, administer, database_on, load_amid, must_be_whole
from tests.servers import Server

NOT_DURABLE = {
    "postgresql": ("ALTER DATABASE {name} SET synchronous_commit = off", "SELECT 1"),
    "mariadb": (
        "SET GLOBAL innodb_flush_log_at_trx_commit = 0",
        "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
    ),
}
"""How a server is told not to wait for its disk, and to wait again."""

SITTINGS = 2
"""How often the load may have to be run: the crash may take back that it began."""


class Crash:
    """Kills a server, and has it start again meanwhile."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._starting = threading.Thread(target=server.start_again)

    def __call__(self) -> None:
        self._server.crash()
        self._starting.start()

    def over(self) -> None:
        self._starting.join()


@fault(10, "postgresql", "mariadb")
@fault(12, "postgresql", "mariadb")
def test_a_server_that_is_killed_and_starts_again_loses_nothing(export: Path, own_server: Server) -> None:
    with database_on(own_server.url) as url:
        crash = Crash(own_server)
        watcher = load_amid(export, url, crash)
        crash.over()
        assert watcher.failed
        must_be_whole(export, url)


@fault(11, "postgresql", "mariadb")
def test_what_a_crash_takes_back_after_its_commit_is_loaded_again(export: Path, own_server: Server) -> None:
    kind = own_server.url.partition(":")[0]
    lax, strict = NOT_DURABLE[kind]
    with database_on(own_server.url) as url:
        administer(own_server.url, lax.format(name=url.rpartition("/")[2]))
        crash = Crash(own_server)
        watcher, told = Watcher(crash), list[str]()
        for _ in range(SITTINGS):
            try:
                load(export, url, settings=SETTINGS, observer=watcher)
                break
            except DatabaseError as error:
                told.append(str(error))
        crash.over()
        administer(own_server.url, strict)
        assert all("has lost run" in error for error in told), told
        must_be_whole(export, url)


@fault(11, "postgresql")
@pytest.mark.parametrize("own_server", ["postgresql"], indirect=True)
@pytest.mark.parametrize("workers", [1, 2])
def test_chunks_that_a_crash_takes_back_are_loaded_again_by_the_same_load(
    export: Path, own_server: Server, workers: int
) -> None:
    with database_on(own_server.url) as url:
        try:
            administer(own_server.url, "ALTER SYSTEM SET wal_writer_delay = '10s'")
            administer(own_server.url, "SELECT pg_reload_conf()")
            crash = Crash(own_server)
            watcher = load_amid(export, url, crash, workers=workers)
            crash.over()
        finally:
            administer(own_server.url, "ALTER SYSTEM RESET wal_writer_delay")
            administer(own_server.url, "SELECT pg_reload_conf()")
        assert watcher.committed.count(1) == 2
        must_be_whole(export, url)
