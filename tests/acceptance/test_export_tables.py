"""Tables as files: what stands in them, their account, and what interrupts an export."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openpyxl
import psutil
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
import zstandard

import muniment
from muniment.errors import MunimentError, UsageError
from muniment.exporting import MUSEUM_TABLES
from muniment.exports import dataset as datasets
from muniment.exports import writing
from muniment.exports.writing import Progress
from muniment.museum import tables
from muniment.sources.guard import unguarded
from tests.acceptance.loading import execute, load, opened, vase, write
from tests.acceptance.program import PATIENCE_SECONDS, program_in

OBJECTS = 25


@pytest.fixture
def loaded(database_url: str, tmp_path: Path) -> str:
    rows = [vase(n, title=f'=Vase, "{n}"\r\nÄ—{n}') for n in range(1, OBJECTS + 1)]
    load(write(tmp_path / "vases.csv", rows), database_url)
    return database_url


@pytest.fixture
def filled(tmp_path: Path) -> str:
    """A SQLite database, for what does not depend on the kind of database."""
    url = f"sqlite:///{tmp_path / 'filled.db'}"
    load(write(tmp_path / "vases.csv", [vase(n) for n in range(1, OBJECTS + 1)]), url)
    return url


def stored(url: str, table: sa.Table) -> list[dict[str, Any]]:
    """The rows of a table, in the order of its key."""
    with opened(url) as database, database.engine.connect() as connection:
        rows = connection.execute(sa.select(table).order_by(*table.primary_key.columns))
        return [dict(row._mapping) for row in rows]


def manifest(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return told


def files(folder: Path) -> dict[str, bytes]:
    """All files of an export, the manifest aside."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
        return [dict(zip(header, map(unguarded, row), strict=True)) for row in rows]


def plain(value: Any) -> str:
    return "" if value is None else value.hex() if isinstance(value, bytes) else str(value)


def test_csv_has_every_row_of_every_table(loaded: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(datasets, "PAGE_ROWS", 4)
    muniment.export("csv", tables=True, to_dir=tmp_path / "out", db=loaded)
    for table in MUSEUM_TABLES:
        rows = [{name: plain(value) for name, value in row.items()} for row in stored(loaded, table)]
        assert read_csv(tmp_path / "out" / f"{table.name}.csv") == rows


def test_json_lines_keep_what_is_not_there(loaded: str, tmp_path: Path) -> None:
    muniment.export("jsonl", tables=["object_title"], to_dir=tmp_path / "out", db=loaded)
    lines = (tmp_path / "out" / "object_title.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == stored(loaded, tables.object_title)


def test_parquet_keeps_the_types(loaded: str, tmp_path: Path) -> None:
    muniment.export("parquet", tables=["object", "run"], to_dir=tmp_path / "out", db=loaded)
    rows = pq.read_table(tmp_path / "out" / "object.parquet").to_pylist()
    assert rows == stored(loaded, tables.object_)
    (run,) = pq.read_table(tmp_path / "out" / "run.parquet").to_pylist()
    assert run["started_at"].tzinfo is not None


def test_a_workbook_holds_formulas_as_text(loaded: str, tmp_path: Path) -> None:
    muniment.export("xlsx", tables=["object_title"], out=tmp_path / "titles.xlsx", db=loaded)
    sheet = openpyxl.load_workbook(tmp_path / "titles.xlsx").worksheets[0]
    header, *rows = ([str(cell.value) for cell in row] for row in sheet.iter_rows())
    assert header[:3] == ["object_id", "position", "title"]
    titles = [row["title"].replace("\r", "_x000D_") for row in stored(loaded, tables.object_title)]
    assert [unguarded(row[2]) for row in rows] == titles
    assert all(row[2].startswith("'=") for row in rows)


def test_a_workbook_tells_what_its_cells_could_not_hold(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'long.db'}"
    load(write(tmp_path / "vases.csv", [vase(1, title="a" * 32_768), vase(2)]), url)
    ended = program_in(tmp_path)("export", "xlsx", "--to-dir", "out", "--db", url)
    assert ended.exit_code == 0
    assert "1 cell or character could not be held by this format as they are" in ended.out
    assert manifest(tmp_path / "out")["cut"] == 1
    sheet = openpyxl.load_workbook(tmp_path / "out" / "objects.xlsx").worksheets[0]
    titles = [
        str(cell.value) for column in sheet.iter_cols() if column[0].value == "title" for cell in column
    ]
    assert len(titles[1]) == 32_767
    assert titles[1].endswith("[cut: this cell has 32,768 characters]")


def test_the_manifest_accounts_for_each_file(filled: str, tmp_path: Path) -> None:
    done = muniment.export("csv", tables=["object", "term"], to_dir=tmp_path, db=filled, records_per_file=10)
    told = manifest(tmp_path)
    assert done.records == told["records"] == {"object": OBJECTS, "term": 1}
    assert [(file["name"], file["records"]) for file in told["files"]] == [
        ("object-00001.csv", 10),
        ("object-00002.csv", 10),
        ("object-00003.csv", 5),
        ("term.csv", 1),
    ]
    for file in told["files"]:
        content = (tmp_path / file["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])


def test_compressed_files_hold_the_same(filled: str, tmp_path: Path) -> None:
    for compression in ("", "gz", "zst"):
        muniment.export(
            "csv", tables=["object"], to_dir=tmp_path / f"x{compression}", db=filled, compress=compression
        )
    expected = (tmp_path / "x" / "object.csv").read_bytes()
    assert gzip.decompress((tmp_path / "xgz" / "object.csv.gz").read_bytes()) == expected
    packed = (tmp_path / "xzst" / "object.csv.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == expected


def test_each_record_can_have_a_file_of_its_own(filled: str, tmp_path: Path) -> None:
    muniment.export("jsonl", tables=["object"], to_dir=tmp_path / "out", db=filled, records_per_file=1)
    written = files(tmp_path / "out")
    assert len(written) == OBJECTS
    assert json.loads(written["object/00001/00000007.jsonl"])["record_key"] == "O7"


def test_several_processes_write_the_same_files(loaded: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(writing, "PART_ITEMS", 10)
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        muniment.export("csv", tables=True, to_dir=folder, db=loaded, records_per_file=10, workers=workers)
    assert files(tmp_path / "1") == files(tmp_path / "2")
    assert manifest(tmp_path / "1") == manifest(tmp_path / "2")


def test_an_export_can_go_to_a_url(filled: str, tmp_path: Path) -> None:
    muniment.export("csv", tables=["object"], to_dir="memory://exports/first", db=filled, records_per_file=10)
    muniment.export("csv", tables=["object"], to_dir=tmp_path / "out", db=filled, records_per_file=10)
    memory = importlib.import_module("fsspec").filesystem("memory")  # it has no types
    names = [name for name in memory.find("/exports/first") if not name.endswith("manifest.json")]
    assert {name.rpartition("/")[2]: memory.cat(name) for name in names} == files(tmp_path / "out")
    assert json.loads(memory.cat("/exports/first/manifest.json")) == manifest(tmp_path / "out")
    memory.rm("/exports", recursive=True)


class Enough(Exception):
    """Ends an export from within."""


def ending_after(items: int) -> Any:
    def observe(progress: Progress) -> None:
        if progress.written >= items:
            raise Enough

    return observe


def test_an_interrupted_export_keeps_its_whole_files_and_goes_on(
    filled: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(writing, "PART_ITEMS", 1)
    choice: dict[str, Any] = {"tables": ["object"], "db": filled, "records_per_file": 10}
    with pytest.raises(Enough):
        muniment.export("csv", to_dir=tmp_path / "a", observer=ending_after(10), **choice)
    first = tmp_path / "a" / "object-00001.csv"
    assert not (tmp_path / "a" / "manifest.json").exists()
    written = first.stat()
    seen: list[Progress] = []
    muniment.export("csv", to_dir=tmp_path / "a", observer=seen.append, **choice)
    assert seen[0].items == OBJECTS - 10
    assert first.stat().st_mtime_ns == written.st_mtime_ns
    muniment.export("csv", to_dir=tmp_path / "b", **choice)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert manifest(tmp_path / "a") == manifest(tmp_path / "b")


@contextmanager
def exporting_many(url: str, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is amid an export of six files into the folder `killed`, and will not end well."""
    execute(url, "CREATE TABLE many (n INTEGER PRIMARY KEY, text TEXT)")
    execute(
        url,
        "INSERT INTO many WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000) "
        "SELECT n, 'row ' || n FROM c",
    )
    program = program_in(folder)
    command = program.command(*many(url, "killed"), *options)
    with subprocess.Popen(
        command, cwd=folder, env=program.environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not list((folder / "killed").glob("many-*.csv")):
            pass
        yield process


def many(url: str, name: str) -> list[str]:
    return ["export", "csv", "--table", "many", "--records-per-file", "10000", "--db", url, "--to-dir", name]


def must_go_on(url: str, folder: Path, there: dict[str, bytes]) -> None:
    """The same command completes what is there, and changes none of its whole files."""
    program = program_in(folder)
    assert program(*many(url, "killed")).exit_code == 0
    assert program(*many(url, "whole")).exit_code == 0
    whole = files(folder / "whole")
    assert files(folder / "killed") == whole
    assert there.items() <= whole.items()


def whole_files(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(folder).items() if name.startswith("many")}


def test_a_killed_export_leaves_no_half_file_under_its_name_and_goes_on(filled: str, tmp_path: Path) -> None:
    with exporting_many(filled, tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    assert not (tmp_path / "killed" / "manifest.json").exists()
    must_go_on(filled, tmp_path, whole_files(tmp_path / "killed"))


def test_the_processes_of_a_killed_export_end_with_it(filled: str, tmp_path: Path) -> None:
    with exporting_many(filled, tmp_path, "--workers", "2") as process:
        writing_ones = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    assert len(writing_ones) >= 2
    assert psutil.wait_procs(writing_ones, timeout=PATIENCE_SECONDS)[1] == []
    must_go_on(filled, tmp_path, whole_files(tmp_path / "killed"))


def test_an_export_of_which_a_process_is_killed_says_so_and_can_go_on(filled: str, tmp_path: Path) -> None:
    with exporting_many(filled, tmp_path, "--workers", "2", "--no-progress") as process:
        for child in psutil.Process(process.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert b"was ended from outside" in said
    assert b"Traceback" not in said
    must_go_on(filled, tmp_path, whole_files(tmp_path / "killed"))


def test_the_same_export_again_finds_everything_there(filled: str, tmp_path: Path) -> None:
    choice: dict[str, Any] = {"tables": ["object"], "db": filled, "to_dir": tmp_path / "out"}
    first = muniment.export("csv", **choice)
    second = muniment.export("csv", **choice)
    assert (first.status, second.status) == ("done", "already exported")
    assert first.records == second.records


def test_a_database_that_changed_since_needs_a_new_beginning(filled: str, tmp_path: Path) -> None:
    choice: dict[str, Any] = {
        "tables": ["object"],
        "db": filled,
        "to_dir": tmp_path / "out",
        "records_per_file": 10,
    }
    muniment.export("csv", **choice)
    load(write(tmp_path / "more.csv", [vase(n) for n in range(1, 4)]), filled, full=True)
    with pytest.raises(UsageError, match="another state"):
        muniment.export("csv", **choice)
    assert len(files(tmp_path / "out")) == 3
    muniment.export("csv", again=True, **choice | {"tables": ["term"]})
    assert list(files(tmp_path / "out")) == ["term.csv"]


def test_a_database_that_changes_meanwhile_is_noticed(filled: str, tmp_path: Path) -> None:
    def meddle(progress: Progress) -> None:
        if not progress.written:
            load(write(tmp_path / "more.csv", [vase(99)]), filled)

    with pytest.raises(MunimentError, match="changed while"):
        muniment.export("csv", tables=["object"], db=filled, to_dir=tmp_path / "out", observer=meddle)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_table_of_anybodys_can_be_exported_even_without_a_key(filled: str, tmp_path: Path) -> None:
    execute(
        filled, "CREATE TABLE loose (a TEXT, b REAL)", "INSERT INTO loose VALUES ('x', 1.5), (NULL, NULL)"
    )
    muniment.export("jsonl", tables=["loose"], out=tmp_path / "loose.jsonl", db=filled)
    lines = (tmp_path / "loose.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(map(json.loads, lines)) == [{"a": "x", "b": 1.5}, {"a": None, "b": None}]


def test_quarantine_and_audit_are_exported_as_their_tables(loaded: str, tmp_path: Path) -> None:
    load(write(tmp_path / "bad.csv", [vase(77, title="")]), loaded, settings=None)
    muniment.export("quarantine", to_dir=tmp_path / "q", db=loaded)
    (entry,) = read_csv(tmp_path / "q" / "quarantine.csv")
    assert (entry["record_key"], entry["state"]) == ("O77", "open")
    done = muniment.export("audit", rows_as="jsonl", to_dir=tmp_path / "a", db=loaded)
    assert done.records["run"] == 2
    assert done.records["chunk"] == done.records["chunk_result"] == 2


def test_an_audit_export_tells_where_copies_of_the_sources_are_kept(
    database_url: str, tmp_path: Path
) -> None:
    export = write(tmp_path / "export.csv", [vase(1)])
    load(export, database_url)
    before = muniment.export("audit", to_dir=tmp_path / "a", db=database_url)
    assert before.records.get("source_copy", 0) == 0
    load(export, database_url, archive=tmp_path)
    with pytest.raises(UsageError, match="another state of the database"):
        muniment.export("audit", to_dir=tmp_path / "a", db=database_url)
    muniment.export("audit", to_dir=tmp_path / "a", db=database_url, again=True)
    (copy,) = read_csv(tmp_path / "a" / "source_copy.csv")
    assert Path(copy["place"]).parent == tmp_path


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"tables": ["nothing"], "out": "x"}, "there is no table 'nothing'"),
        ({"tables": True, "out": "x"}, "several tables do not go into one file"),
        ({"tables": True}, "say where"),
        ({"tables": True, "to_dir": "x", "out": "y"}, "say where"),
        ({"tables": True, "to_dir": "x", "compress": "rar"}, "no compression called 'rar'"),
        ({"tables": ["object"], "out": "x", "records_per_file": 3}, "one file has all records"),
        ({"tables": ["object"], "out": "."}, "this names no file"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    filled: str, tmp_path: Path, choice: dict[str, Any], said: str
) -> None:
    places = {name: tmp_path / value for name, value in choice.items() if name in ("to_dir", "out")}
    with pytest.raises(UsageError, match=said):
        muniment.export("csv", db=filled, **choice | places)
    assert not files(tmp_path).keys() & {"x", "y"}


def test_parquet_is_not_compressed_twice(filled: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="compressed as they are"):
        muniment.export("parquet", tables=True, to_dir=tmp_path, compress="gz", db=filled)
