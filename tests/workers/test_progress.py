"""What is known to be committed is looked for before more is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from muniment import ledger
from muniment.chunk_load import must_follow
from muniment.config import Settings
from muniment.databases.database import Database
from muniment.errors import CommitsLost
from muniment.records import Place, Progress
from muniment.sources import Format, open_source
from tests.acceptance.loading import allow_changes, execute, load, opened, vase, write

ROWS, CHUNK_ROWS = 60, 10


@contextmanager
def loaded(url: str, folder: Path) -> Iterator[tuple[Database, Any, list[tuple[int, Place]]]]:
    """A database with six chunks of a run, what is told of it, and each chunk's start and end."""
    export = write(folder / "export.csv", [vase(number) for number in range(1, ROWS + 1)])
    load(export, url, chunk_rows=CHUNK_ROWS)
    allow_changes(url)
    with closing(open_source(export, Format(), Settings())) as source, opened(url) as database:
        job = SimpleNamespace(source=source, run_id=1, database=database, writer=object())
        with database.transaction() as transaction:
            chunks = list(ledger.committed_chunks(transaction, 1))
        yield database, job, chunks


def lose(url: str, start: int) -> None:
    """Undo a chunk's claim and result, as a crash would."""
    for table in ("chunk_result", "chunk"):
        execute(url, f"DELETE FROM {table} WHERE start_offset = {start}")


def test_a_chunk_that_is_gone_is_missed_by_name_or_by_place_and_what_nobody_knew_of_is_not(
    database_url: str, tmp_path: Path
) -> None:
    with loaded(database_url, tmp_path) as (database, job, chunks):
        starts, ends = zip(*chunks, strict=True)
        lose(database_url, starts[2])
        for progress in (
            Progress(ends[1]),
            Progress(ends[1], frozenset({starts[3], starts[5]})),
            Progress(ends[0], frozenset({starts[1], starts[4]})),
        ):
            with database.transaction() as transaction:
                must_follow(transaction, job, progress)
        for lost in (Progress(ends[2]), Progress(ends[5]), Progress(ends[1], frozenset({starts[2]}))):
            with pytest.raises(CommitsLost, match="has lost records"), database.transaction() as transaction:
                must_follow(transaction, job, lost)


def test_a_connection_looks_again_for_the_last_chunk_and_a_new_one_for_all(
    database_url: str, tmp_path: Path
) -> None:
    with loaded(database_url, tmp_path) as (database, job, chunks):
        starts, ends = zip(*chunks, strict=True)
        with database.transaction() as transaction:
            must_follow(transaction, job, Progress(ends[5]))
        lose(database_url, starts[5])
        with pytest.raises(CommitsLost), database.transaction() as transaction:
            must_follow(transaction, job, Progress(ends[5]))
        lose(database_url, starts[1])
        database.engine.dispose()
        with pytest.raises(CommitsLost), database.transaction() as transaction:
            must_follow(transaction, job, Progress(ends[4]))
