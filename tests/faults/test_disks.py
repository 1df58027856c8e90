"""Full disks: the load waits for room, says so, and goes on when somebody has made some."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from muniment import Settings
from muniment.events import AttemptFailed, ChunkCommitted
from tests.acceptance.loading import load, query, write
from tests.faults.catalogue import fault
from tests.faults.loading import administer
from tests.servers import Server

ROWS = 60

SETTINGS = Settings(chunk_rows=20, pause_seconds=120)

DISK_MEGABYTES = 48
"""Room for an empty database, and for the rows."""

PAGES = 200
"""To begin with, a SQLite file may have so many pages more than it has: less than two chunks need."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


class Thing(BaseModel):
    number: int
    text: str


@pytest.fixture
def things(tmp_path: Path) -> Path:
    """Rows that no database can make smaller: 40,000 characters each."""
    chance = Random(5)
    rows = [{"number": str(n), "text": f"{chance.getrandbits(160_000):040000x}"} for n in range(ROWS)]
    return write(tmp_path / "things.csv", rows, ("number", "text"))


class Relief:
    """An observer that fills the disk after the first chunk, and makes room once the load says it waits."""

    def __init__(self, url: str, fill: Any, make_room: Any) -> None:
        self._url = url
        self._fill = fill
        self._make_room = make_room
        self.waited: list[AttemptFailed] = []

    def __call__(self, event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record == 1:
            self._fill()
        if isinstance(event, AttemptFailed):
            assert event.waiting, event
            assert event.first_record is not None
            # What was committed is there, and nothing of the chunk that had no room.
            assert query(self._url, "SELECT count(*) FROM thing") == [(event.first_record - 1,)]
            self.waited.append(event)
            self._make_room()


def must_wait_and_go_on(things: Path, url: str, relief: Relief) -> None:
    run = load(things, url, model=Thing, settings=SETTINGS, observer=relief)
    assert (run.status, run.account.inserted) == ("done", ROWS)
    assert relief.waited
    assert query(url, "SELECT count(*), sum(length(text)) FROM thing") == [(ROWS, ROWS * 40_000)]


@fault(26, "sqlite")
def test_a_load_into_a_file_that_cannot_grow_waits_and_goes_on(things: Path, tmp_path: Path) -> None:
    connections: list[Any] = []

    def note(connection: Any, _record: object) -> None:
        connections.append(connection)

    def allow(pages: int) -> None:
        for connection in connections:
            with suppress(Exception):  # those that are closed
                (size,) = connection.execute("PRAGMA page_count").fetchone()
                connection.execute(f"PRAGMA max_page_count = {size + pages}").fetchall()

    url = f"sqlite:///{tmp_path / 'things.db'}"
    sa.event.listen(sa.Engine, "connect", note)
    try:
        must_wait_and_go_on(things, url, Relief(url, lambda: allow(PAGES), lambda: allow(1_000_000)))
    finally:
        sa.event.remove(sa.Engine, "connect", note)


@contextmanager
def small_disk(folder: Path, like: Path) -> Iterator[None]:
    """A disk of its own on a folder, which belongs to whom another folder belongs."""
    owner = like.stat()
    options = f"size={DISK_MEGABYTES}m,uid={owner.st_uid},gid={owner.st_gid},mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> None:
    """Leave no room on the disk."""
    with (folder / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(bytes(4_096))


@contextmanager
def database_on_small_disk(server: Server, name: str) -> Iterator[tuple[str, Path]]:
    """The URL of a database of PostgreSQL whose tables lie on a small disk, and that disk's folder."""
    data = server.place.folder / "data"
    url = sa.make_url(server.url).set(database=name).render_as_string(hide_password=False)
    # Below the server's own folder, which is open to it; its log of changes stays on the large disk.
    disk = server.place.folder / name
    disk.mkdir()
    with small_disk(disk, data):
        administer(
            server.url,
            f"CREATE TABLESPACE {name} LOCATION '{disk}'",
            f"CREATE DATABASE {name} TABLESPACE {name}",
        )
        yield url, disk
        administer(server.url, f"DROP DATABASE {name} WITH (FORCE)", f"DROP TABLESPACE {name}")
    shutil.rmtree(disk)


@needs_root
@fault(26, "postgresql")
def test_a_load_into_a_server_whose_disk_is_full_waits_and_goes_on(
    things: Path, own_servers: dict[str, Server]
) -> None:
    with database_on_small_disk(own_servers["postgresql"], f"small_{os.getpid()}") as (url, disk):
        ballast = disk / "ballast"
        relief = Relief(url, lambda: fill(disk), lambda: ballast.unlink(missing_ok=True))
        must_wait_and_go_on(things, url, relief)
