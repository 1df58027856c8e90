"""What holds for a source of every kind: the same records come to the same, whatever they are written in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import muniment
from muniment import Query, RejectBudget, Settings, correction
from muniment.audit import trace
from muniment.errors import SourceChanged
from muniment.events import ChunkCommitted
from tests.acceptance.loading import (
    MAPPING,
    Row,
    counts,
    held,
    load,
    opened,
    query,
    vase,
)
from tests.acceptance.sources import KINDS, Kind, csv_text

CHUNK_ROWS = 25

OF_EVERY_KIND = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])

BAD = (30, 77)
"""The numbers of records without a title."""

LOADER = """
import os, sys, muniment
from muniment.events import ChunkCommitted

def die(event):
    if isinstance(event, ChunkCommitted):
        os.kill(os.getpid(), 9)

source = eval(sys.argv[1], {"Query": muniment.Query})
settings = muniment.Settings(chunk_rows=25, max_rejects=muniment.RejectBudget(percent=100))
muniment.load(source, mapping=sys.argv[2], to=sys.argv[3], settings=settings, observer=die)
"""


def records(count: int = 120) -> list[dict[str, str]]:
    return [vase(n, title="" if n in BAD else f'Väse {n}, "so-called"') for n in range(1, count + 1)]


def loaded(source: Any, url: str, **options: Any) -> muniment.Run:
    settings = Settings(chunk_rows=CHUNK_ROWS, max_rejects=RejectBudget(percent=100))
    return load(source, url, settings=settings, **options)


def as_csv(rows: Sequence[Row], folder: Path) -> str:
    """The URL of a database into which the records were loaded as CSV."""
    (folder / "plain").mkdir()
    url = f"sqlite:///{folder / 'plain.db'}"
    loaded(KINDS[0].made(folder / "plain", rows), url)
    return url


def places(url: str) -> list[str]:
    with opened(url) as database:
        return [entry.place for entry in correction.entries(database)]


@OF_EVERY_KIND
def test_the_same_records_come_to_the_same_and_a_second_load_changes_nothing(
    kind: Kind, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    source = kind.made(tmp_path, records())
    run = loaded(source, url)
    assert (run.status, counts(run)) == ("done", {"read": 120, "inserted": 118, "quarantined": 2})
    assert held(url) == held(as_csv(records(), tmp_path))
    assert [place.replace("!C", "!A") for place in places(url)] == [kind.place(n) for n in BAD]
    again = loaded(source, url)
    assert (again.status, again.run, counts(again)) == ("already loaded", run.run, counts(run))
    compared = loaded(source, url, again=True)
    assert counts(compared) == {"read": 120, "unchanged": 118, "quarantined": 2}


@OF_EVERY_KIND
def test_a_loader_that_is_killed_after_a_chunk_goes_on_there(kind: Kind, tmp_path: Path) -> None:
    _dies_and_goes_on(kind, f"sqlite:///{tmp_path / 'target.db'}", tmp_path)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", KINDS[3:6], ids=[kind.name for kind in KINDS[3:6]])
def test_a_loader_that_is_killed_goes_on_in_a_servers_database_too(
    kind: Kind, database_url: str, tmp_path: Path
) -> None:
    _dies_and_goes_on(kind, database_url, tmp_path)


def _dies_and_goes_on(kind: Kind, url: str, folder: Path) -> None:
    source = kind.made(folder, records())
    (folder / "mapping.toml").write_text(MAPPING)
    told = repr(str(source))
    if isinstance(source, Query):
        told = f"Query({source.url!r}, sql={source.sql!r}, key={source.key!r})"
    for _ in range(2):
        command = [sys.executable, "-c", LOADER, told, str(folder / "mapping.toml"), url]
        assert subprocess.run(command, check=False).returncode == -9
    assert query(url, "SELECT COUNT(*) FROM chunk_result") == [(2,)]
    chunks: list[object] = []
    run = loaded(source, url, observer=chunks.append)
    assert (run.run, run.status, run.account.read, run.account.quarantined) == (1, "done", 120, 2)
    assert sum(isinstance(event, ChunkCommitted) for event in chunks) == 3
    assert held(url) == held(as_csv(records(), folder))
    assert loaded(source, url).status == "already loaded"


@OF_EVERY_KIND
def test_a_source_that_grew_or_was_replaced_in_the_middle_of_a_run_is_told(
    kind: Kind, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    chunks = iter(range(2))

    def fail(event: object) -> None:
        if isinstance(event, ChunkCommitted) and next(chunks) == 1:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        loaded(kind.made(tmp_path, records()), url, observer=fail)
    with pytest.raises(SourceChanged) as caught:
        loaded(kind.made(tmp_path, records(140)), url)
    told = "it has grown by" if kind.grows else "50 records that were committed are the same"
    assert told in str(caught.value)
    with pytest.raises(SourceChanged, match="not even its first records are the same"):
        loaded(kind.made(tmp_path, [row | {"room": "Annexe"} for row in records()]), url)
    run = loaded(kind.made(tmp_path, records(140)), url, abandon=True)
    assert (run.run, counts(run)["read"], counts(run)["unchanged"]) == (2, 140, 49)


@OF_EVERY_KIND
def test_a_full_load_of_some_withdraws_the_others_and_filters_leave_out(kind: Kind, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    chosen = loaded(kind.made(tmp_path, records()), url, only=["room=Room 1"])
    assert counts(chosen)["skipped"] == 96
    loaded(kind.made(tmp_path, records()), url)
    assert loaded(kind.made(tmp_path, records(100)), url, full=True).withdrawn == 20


@OF_EVERY_KIND
def test_what_is_mended_in_a_worksheet_is_stored(kind: Kind, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    loaded(kind.made(tmp_path, records()), url)
    sheet = tmp_path / "bad.csv"
    with opened(url) as database:
        assert correction.export(database, sheet) == 2
    header, *rows = csv_text(sheet)
    for row in rows:
        row[header.index("title")] = "Mended"
    mended = "\n".join(",".join(row) for row in [header, *rows])
    sheet.write_text(mended, encoding="utf-8")
    with opened(url) as database:
        correction.resubmit(database, sheet)
    assert places(url) == []
    assert query(url, "SELECT COUNT(*) FROM object") == [(120,)]


@OF_EVERY_KIND
def test_a_stored_value_is_traced_to_its_record(kind: Kind, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    loaded(kind.made(tmp_path, records()), url)
    with opened(url) as database:
        (told,) = trace(database, "1999.55", field="title")
    assert (told.record, told.place.replace("!B", "!A")) == (55, kind.place(55))
    if kind.name != "query":
        assert told.intact
        assert told.field is not None
        assert told.field.cells["title"] == 'Väse 55, "so-called"'


@pytest.mark.parametrize("kind", [KINDS[3], KINDS[5]], ids=["jsonl", "parquet"])
def test_several_workers_come_to_the_same(kind: Kind, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    assert loaded(kind.made(tmp_path, records()), url, workers=2).status == "done"
    assert held(url) == held(as_csv(records(), tmp_path))
