"""A small load with something going wrong in its middle, and what must have come of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from muniment import Settings
from muniment.databases.url import parsed
from muniment.events import AttemptFailed, ChunkCommitted
from tests.acceptance.loading import content_of, load, query
from tests.faults.conftest import CHUNK_ROWS, ROWS

SETTINGS = Settings(chunk_rows=CHUNK_ROWS)

CHUNKS = ROWS // CHUNK_ROWS


class Watcher:
    """An observer that does something once, after the first chunk is committed, and keeps what it is told.

    Those are the attempts that failed, and by their first record the chunks that were committed.
    """

    def __init__(self, after_first_chunk: Callable[[], object]) -> None:
        self._do: Callable[[], object] | None = after_first_chunk
        self.failed: list[AttemptFailed] = []
        self.committed: list[int | None] = []

    def __call__(self, event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.account.read:
            self.committed.append(event.start_record)
        if isinstance(event, ChunkCommitted) and event.start_record == 1 and self._do is not None:
            after_first_chunk, self._do = self._do, None
            after_first_chunk()
        if isinstance(event, AttemptFailed):
            self.failed.append(event)


def load_amid(export: Path, url: str, fault: Callable[[], object], **options: Any) -> Watcher:
    """Load to the end, though `fault` happens after the first of three chunks."""
    watcher = Watcher(fault)
    run = load(export, url, observer=watcher, settings=options.pop("settings", SETTINGS), **options)
    assert (run.status, run.chunks, run.account.read) == ("done", CHUNKS, ROWS)
    return watcher


def must_be_whole(export: Path, url: str, chunks: int = CHUNKS) -> None:
    """Assert that a database holds what an undisturbed load of the export makes, and its ledger agrees."""
    calm = f"sqlite:///{export.parent / 'undisturbed.db'}"
    load(export, calm, settings=SETTINGS)
    assert content_of(url) == content_of(calm)
    assert query(url, "SELECT count(*), sum(c.read) FROM chunk_result c") == [(chunks, ROWS)]
    assert query(url, "SELECT status FROM run") == [("done",)]


def of_a_later_chunk(failed: AttemptFailed) -> bool:
    """Whether this is told of a chunk after the first, amid which the fault happened."""
    return (failed.first_record or 0) > CHUNK_ROWS


@contextmanager
def database_on(server: str) -> Iterator[str]:
    """The URL of a new database on a server."""
    name = f"test_{secrets.token_hex(6)}"
    administer(server, f"CREATE DATABASE {name}")
    yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    force = " WITH (FORCE)" if server.startswith("postgresql") else ""
    administer(server, f"DROP DATABASE {name}{force}")


def administer(url: str, *statements: str) -> list[sa.Row[Any]]:
    """Execute statements outside of any transaction; the rows of the last, where it gives some."""
    engine = sa.create_engine(parsed(url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    rows: list[sa.Row[Any]] = []
    with engine.connect() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
            rows = list(result.all()) if result.returns_rows else []
    return rows
