"""What holds for a source of every kind: the same records come to the same, whatever they are written in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

import muniment
from muniment import Format, PrimaryKey, Query, RejectBudget, Settings, correction
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
    quarantined,
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
    ((stored,),) = query(url, "SELECT COUNT(*) FROM chunk_result")
    assert stored == 2 or url.startswith("postgresql")  # where one may be stored beside the one that is told
    chunks: list[object] = []
    run = loaded(source, url, observer=chunks.append)
    assert (run.run, run.status, run.account.read, run.account.quarantined) == (1, "done", 120, 2)
    assert sum(isinstance(event, ChunkCommitted) and event.account.read > 0 for event in chunks) == 5 - stored
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
def test_what_is_mended_in_a_workbook_of_rejected_records_is_stored(kind: Kind, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    guarded = [row | {"maker": "-Smith"} for row in records()]
    loaded(kind.made(tmp_path, guarded), url)
    path = tmp_path / "bad.xlsx"
    with opened(url) as database:
        assert correction.export(database, path) == 2
        book = openpyxl.load_workbook(path)
        sheet = book.worksheets[0]
        names = [cell.value for cell in sheet[1]]
        for row in sheet.iter_rows(min_row=2):
            row[names.index("title")].value = "Mended"
            number = row[names.index("number")]
            number.value = float(str(number.value))  # as a program makes 1999.3 of 1999.30
        book.save(path)
        told = correction.resubmit(database, path)
    assert told.account.inserted == 2
    assert "number: '1999.3' stays '1999.30'" in told.messages[0]
    assert places(url) == []
    stored = "SELECT accession FROM object JOIN object_title USING (object_id) WHERE title = 'Mended'"
    assert query(url, f"{stored} ORDER BY accession") == [("1999.30",), ("1999.77",)]
    assert query(url, "SELECT name FROM actor WHERE name LIKE '%Smith'") == [("-Smith",)]


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


class Maker(BaseModel):
    name: str
    born: int | None = None


class Work(BaseModel):
    """A row with a value of every type."""

    number: Annotated[str, PrimaryKey()]
    title: str | None = None
    count: int | None = None
    price: Decimal | None = None
    weight: float | None = None
    sold: bool | None = None
    day: date | None = None
    moment: datetime | None = None
    opens: time | None = None


WORKS = (
    {"number": "001", "title": "=1+1", "count": "-9007199254740993", "price": "2010.70", "weight": "0.1"},
    {
        "number": "002",
        "title": 'Zürich\r\n|\t"',
        "sold": "true",
        "day": "0206-01-05",
        "opens": "13:45:30.000001",
    },
    {"number": "003", "moment": "1883-12-31T13:45:00.000001+02:00", "sold": "false", "price": "0.00"},
    {"number": "004", "opens": "13:45:30.000001"},
    {"number": "005"},
)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_table_that_is_exported_comes_back_as_it_was(form: str, database_url: str, tmp_path: Path) -> None:
    rows = [{name: row.get(name, "") for name in Work.model_fields} for row in WORKS]
    assert muniment.load(rows, model=Work, to=database_url).account.inserted == len(WORKS)
    exported = tmp_path / f"work.{form}"
    muniment.export(form, db=database_url, tables=["work"], out=exported)
    back = muniment.load(exported, model=Work, to=database_url)
    assert (back.account.read, back.account.unchanged) == (len(WORKS), len(WORKS))


class Show(BaseModel):
    title: Annotated[str, PrimaryKey()]
    tags: list[str]
    maker: Maker


def test_lists_and_models_within_a_model_are_read_as_json(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    source = tmp_path / "shows.jsonl"
    shows = [
        {"title": f"Show {n}", "tags": ["a|b", "c"], "maker": {"name": "Ä", "born": n}} for n in range(3)
    ]
    source.write_text("".join(json.dumps(show) + "\n" for show in shows))
    run = muniment.load(source, model=Show, to=url, source_format=Format(nested="text"))
    assert run.account.inserted == 3
    (tags, maker) = query(url, "SELECT tags, maker FROM show WHERE title = 'Show 2'")[0]
    assert (json.loads(tags), json.loads(maker)) == (["a|b", "c"], {"name": "Ä", "born": 2})
    pq.write_table(pa.Table.from_pylist(shows), tmp_path / "shows.parquet")
    again = muniment.load(tmp_path / "shows.parquet", model=Show, to=url, source_format=Format(nested="text"))
    assert again.account.unchanged == 3


def test_json_lines_that_were_cut_short_go_on_once_they_are_whole(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    path = KINDS[3].made(tmp_path, records())
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    run = loaded(path, url)
    assert (run.status, run.account.quarantined) == ("incomplete", 3)
    assert {problem["code"] for (problem,) in quarantined(url).values()} == {"missing", "incomplete"}
    path.write_bytes(whole)
    assert counts(loaded(path, url, abandon=True)) == {
        "read": 120,
        "inserted": 1,
        "unchanged": 117,
        "quarantined": 2,
    }


def test_records_and_parts_may_be_json_lines_and_parquet(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    (tmp_path / "objects.jsonl").write_text(
        "".join(f'{{"id": {n}, "number": "1999.{n}"}}\n' for n in range(1, 4))
    )
    titles = {"object": [1, 1, 2, 9], "title": ["Vase", "The vase", "Jug", "No one's"]}
    pq.write_table(pa.table(titles), tmp_path / "titles.parquet")
    mapped = muniment.Mapping.parse("""
        [source.parts.titles]
        file = "titles.parquet"
        key = "object"
        parent = "id"
        [institution]
        name = "Town Museum"
        id = "town"
        [fields]
        accession = "number"
        title = "titles.title"
        object_type = { constant = "vessel" }
    """)
    run = loaded(tmp_path / "objects.jsonl", url, mapping=mapped)
    assert counts(run) == {"read": 4, "inserted": 2, "quarantined": 2}
    assert [title for (title,) in query(url, "SELECT title FROM object_title ORDER BY title")] == [
        "Jug",
        "The vase",
        "Vase",
    ]
    assert places(url) == ["line 3", f"{tmp_path / 'titles.parquet'}, row 4"]


def test_an_object_that_was_rejected_is_mended_where_it_is_wrong(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'target.db'}"
    path = KINDS[3].made(tmp_path, records(5))
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace('"1802"', "NaN")
    path.write_text("\n".join(lines))
    assert loaded(path, url).account.quarantined == 1
    sheet = tmp_path / "bad.csv"
    with opened(url) as database:
        correction.export(database, sheet)
        sheet.write_text(sheet.read_text(encoding="utf-8-sig").replace("NaN,", "1802,"))
        correction.resubmit(database, sheet)
    assert places(url) == []
    assert query(url, "SELECT display_date FROM production ORDER BY object_id")[-1] == ("1802",)
    assert loaded(path, url, again=True).account.quarantined == 1
