"""Copies of sources: made when a run is done, compared, never over anything else, and found by `trace`."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest
import zstandard

import muniment.archiving
from muniment import audit
from muniment.archiving import FolderArchive
from muniment.errors import MunimentError, UsageError
from muniment.events import ChunkCommitted
from muniment.sources.stored import Stored
from tests.acceptance.loading import load, opened, query, vase, write
from tests.conftest import ROOT


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write(tmp_path / "export.csv", [vase(n) for n in range(1, 51)])


def name_of(content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}.zst"


def unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read()


def test_a_source_is_kept_once_it_is_loaded(database_url: str, archive: Path, export: Path) -> None:
    run = load(export, database_url, archive=archive)
    (kept,) = archive.iterdir()
    assert kept.name == name_of(export.read_bytes())
    assert unpacked(kept) == export.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert query(database_url, "SELECT source_id, place FROM source_copy") == [(1, str(kept))]
    assert str(kept) in run.messages[-1]
    assert load(export, database_url, archive=archive).status == "already loaded"
    assert list(archive.iterdir()) == [kept]
    assert len(query(database_url, "SELECT * FROM source_copy")) == 1


def test_a_compressed_source_is_kept_as_it_lies_there(tmp_path: Path, archive: Path, export: Path) -> None:
    packed = tmp_path / "export.csv.gz"
    packed.write_bytes(gzip.compress(export.read_bytes()))
    load(packed, f"sqlite:///{tmp_path / 'a.db'}", archive=archive)
    assert unpacked(archive / name_of(packed.read_bytes())) == packed.read_bytes()


def test_a_source_that_is_gone_is_found_in_the_archive_by_trace(
    database_url: str, archive: Path, export: Path
) -> None:
    load(export, database_url, archive=archive)
    export.unlink()
    with opened(database_url) as database:
        (trace,) = audit.trace(database, "1999.7")
    assert trace.source.found_at == str(next(archive.iterdir()))
    assert trace.intact
    assert "a copy was archived" in trace.source.remark


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_no_source_is_removed_while_the_database_may_lose_what_it_has_committed(
    database_url: str, archive: Path, export: Path
) -> None:
    with opened(database_url) as database:
        durable = database.is_durable()
    if durable:
        load(export, database_url, archive=archive, archive_move=True)
    else:
        with pytest.raises(MunimentError, match="may lose in a crash"):
            load(export, database_url, archive=archive, archive_move=True)
    assert export.exists() != durable


@pytest.mark.parametrize("place", ["memory://exports", "file://{folder}/exports"])
def test_an_archive_may_be_at_a_url(tmp_path: Path, export: Path, place: str) -> None:
    pytest.importorskip("fsspec")
    url = f"sqlite:///{tmp_path / 'a.db'}"
    load(export, url, archive=place.format(folder=tmp_path), archive_move=True)
    with opened(url) as database:
        (trace,) = audit.trace(database, "1999.7")
    assert trace.intact
    assert trace.source.found_at.startswith(place[:7])


def test_something_else_under_the_name_of_a_copy_is_left_alone(
    tmp_path: Path, archive: Path, export: Path
) -> None:
    taken = archive / name_of(export.read_bytes())
    for content in (b"something else", zstandard.compress(b"something else")):
        taken.write_bytes(content)
        with pytest.raises(MunimentError, match="is not the source, and is left alone"):
            load(export, f"sqlite:///{tmp_path / 'a.db'}", archive=archive, archive_move=True)
        assert taken.read_bytes() == content
        assert export.exists()


def test_no_link_is_followed(tmp_path: Path, archive: Path, export: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    elsewhere = tmp_path / "elsewhere"
    (archive / name_of(export.read_bytes())).symlink_to(elsewhere)
    with pytest.raises(MunimentError, match="is left alone"):
        load(export, url, archive=archive)
    assert not elsewhere.exists()
    link = tmp_path / "link.csv"
    link.symlink_to(export)
    (archive / name_of(export.read_bytes())).unlink()
    with pytest.raises(MunimentError, match="stays where it is: it is a symbolic link"):
        load(link, url, archive=archive, archive_move=True)
    assert export.exists()


def test_the_name_of_a_source_leads_nowhere_else(tmp_path: Path, archive: Path) -> None:
    folder = tmp_path / "..%2f..%2f"
    folder.mkdir()
    export = write(folder / "..\\..\\evil;.csv", [vase(1)])
    load(export, f"sqlite:///{tmp_path / 'a.db'}", archive=archive)
    assert [path.name for path in archive.iterdir()] == [name_of(export.read_bytes())]


def test_a_file_that_changed_after_its_load_is_not_removed(
    tmp_path: Path, archive: Path, export: Path
) -> None:
    loaded = export.read_bytes()

    def append(event: object) -> None:
        if isinstance(event, ChunkCommitted):
            export.write_bytes(loaded + b"O99,1999.99,Late,vessel,,1900,\n")

    with pytest.raises(MunimentError, match="it is not the file any more that was loaded"):
        load(export, f"sqlite:///{tmp_path / 'a.db'}", archive=archive, archive_move=True, observer=append)
    assert export.exists()
    assert unpacked(archive / name_of(loaded)) == loaded


@pytest.mark.parametrize("meanwhile", ["appended", "replaced"])
def test_a_file_that_changes_while_it_is_hashed_again_is_not_removed(
    tmp_path: Path, archive: Path, export: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    loaded = export.read_bytes()
    later = loaded + b"O99,1999.99,Late,vessel,,1900,\n"
    hash_of = Stored.hash_of

    def hashed(stored: Stored, size: int) -> bytes:
        found = hash_of(stored, size)
        if list(archive.glob("*.zst")):  # it is the second time: what was loaded is kept by now
            changed = export if meanwhile == "appended" else tmp_path / "later.csv"
            changed.write_bytes(later)
            changed.replace(export)
        return found

    monkeypatch.setattr(Stored, "hash_of", hashed)
    with pytest.raises(MunimentError, match="it is not the file any more that was loaded"):
        load(export, f"sqlite:///{tmp_path / 'a.db'}", archive=archive, archive_move=True)
    assert export.read_bytes() == later


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_while_a_copy_is_written_is_not_overwritten(
    archive: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    def put(file: IO[bytes]) -> None:
        file.write(b"ours")

    def compare(file: IO[bytes]) -> None:
        if file.read() != b"ours":
            raise MunimentError("another")
        if not (archive / "name").exists():
            (archive / "name").write_bytes(theirs)

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    theirs = b"ours"
    FolderArchive(str(archive)).add("name", put, compare)
    (archive / "name").unlink()
    theirs = b"theirs"
    with pytest.raises(MunimentError, match="another"):
        FolderArchive(str(archive)).add("name", put, compare)
    assert [path.read_bytes() for path in archive.iterdir()] == [b"theirs"]


def test_an_archive_may_be_where_there_are_no_hard_links(
    tmp_path: Path, archive: Path, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(errno.ENOTSUP, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    load(export, f"sqlite:///{tmp_path / 'a.db'}", archive=archive)
    assert [unpacked(path) for path in archive.iterdir()] == [export.read_bytes()]


def test_archiving_can_be_imported_where_links_cannot_be_refused() -> None:
    """As on Windows, whose `os` lacks these names."""
    code = "import os; del os.O_NOFOLLOW, os.O_NONBLOCK; import muniment.archiving"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_that_is_not_done_archives_nothing(tmp_path: Path, archive: Path) -> None:
    export = write(tmp_path / "bad.csv", [vase(n, title="") for n in range(1, 50)])
    run = load(export, f"sqlite:///{tmp_path / 'a.db'}", archive=archive, archive_move=True)
    assert run.status == "stopped"
    assert list(archive.iterdir()) == []
    assert export.exists()


@pytest.mark.parametrize("dies_in", ["_compress", "_compare", "remove_original"])
def test_a_program_that_dies_while_it_archives_is_simply_run_again(
    tmp_path: Path, archive: Path, export: Path, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    content = export.read_bytes()

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(muniment.archiving, dies_in, die)
        dying.setattr(f"muniment.api.{dies_in}", die, raising=False)
        with pytest.raises(KeyboardInterrupt):
            load(export, url, archive=archive, archive_move=True)
    assert export.read_bytes() == content
    assert load(export, url, archive=archive, archive_move=True).status == "already loaded"
    assert [unpacked(path) for path in archive.iterdir()] == [content]
    assert not export.exists()


def test_what_cannot_be_is_said_before_anything_is_loaded(tmp_path: Path, export: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    for options, told in (
        ({"archive": tmp_path / "missing"}, "no such folder"),
        ({"archive_move": True}, "goes with --archive"),
        ({"archive": "s3://me:secret@bucket/x"}, "no user or password"),
    ):
        with pytest.raises(UsageError, match=told):
            load(export, url, **options)
    with pytest.raises(UsageError, match="goes with a file"):
        load([vase(1)], url, archive=tmp_path, archive_move=True)
    assert not (tmp_path / "a.db").exists() or query(url, "SELECT name FROM sqlite_schema") == []


KILLED = """
import os, signal, sys
import muniment, muniment.archiving
from tests.acceptance.loading import mapping
muniment.archiving.{dies_in} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
muniment.load({export!r}, mapping=mapping(), to={url!r}, archive={place!r})
"""


@pytest.mark.parametrize("dies_in", ["_compress", "_compare"])
@pytest.mark.parametrize("place", ["{folder}", "file://{folder}"])
def test_what_a_killed_archiver_leaves_the_next_one_removes(
    tmp_path: Path, archive: Path, export: Path, place: str, dies_in: str
) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    where = place.format(folder=archive)
    code = KILLED.format(dies_in=dies_in, export=str(export), url=url, place=where)
    died = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    (left,) = archive.iterdir()
    assert left.name.endswith(".partial")
    (archive / "other.partial").touch()  # not ours
    assert load(export, url, archive=where).status == "already loaded"
    assert {path.name for path in archive.iterdir()} == {name_of(export.read_bytes()), "other.partial"}


@pytest.mark.parametrize("place", ["{folder}", "file://{folder}"])
def test_two_that_archive_the_same_do_not_keep_each_other_from_it(
    tmp_path: Path, archive: Path, export: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    where = place.format(folder=archive)
    compare, calls = muniment.archiving._compare, []

    def compare_while_another_archives(*given: Any) -> None:
        calls.append(given)
        if len(calls) == 1:
            load(export, f"sqlite:///{tmp_path / 'b.db'}", archive=where)
        compare(*given)

    monkeypatch.setattr(muniment.archiving, "_compare", compare_while_another_archives)
    load(export, f"sqlite:///{tmp_path / 'a.db'}", archive=where)
    (kept,) = archive.iterdir()
    assert unpacked(kept) == export.read_bytes()
