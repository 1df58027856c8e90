"""Files as they lie there: compressed, piped, growing, shrinking, missing, hostile."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from muniment.config import Settings
from muniment.errors import SourceChanged, SourceError, SourceTooLarge
from muniment.sources import Format, open_source
from tests.faults.catalogue import fault
from tests.unit.sources.reading import read, read_all, settings

ROWS = [[str(number), f"title {number * 7919 % 1000}"] for number in range(5_000)]
TEXT = b"id,title\n" + b"".join(f"{a},{b}\n".encode() for a, b in ROWS)


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


STORED: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "gzip of two members": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]) + b"\0" * 9,
    "zstd": zstandard.compress,
    "zstd of two frames": lambda data: zstandard.compress(data[:100]) + zstandard.compress(data[100:]),
    "zip": lambda data: zipped(("folder/", b""), ("folder/a.csv", data), ("__MACOSX/._a.csv", b"x")),
    "stored zip": lambda data: zipped(("a.csv", data), method=zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("store", STORED.values(), ids=STORED.keys())
def test_a_file_is_read_by_what_it_is_not_by_its_name(
    store: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "export.dat"
    path.write_bytes(store(TEXT))
    source = open_source(path, Format(), settings(chunk_bytes=10_000))
    reading = read_all(source)
    assert reading.rows == ROWS
    assert source.name == source.location == str(path)
    assert source.fingerprint.size == path.stat().st_size
    assert source.fingerprint.sha256 == hashlib.sha256(path.read_bytes()).digest()
    assert source.stored_position(reading.chunks[-1].end) == path.stat().st_size or "zip" in repr(
        store(TEXT)[:2]
    )
    middle = reading.chunks[len(reading.chunks) // 2]
    assert source.read_bytes(middle.start.offset, len(middle.data)) == middle.data
    assert read_all(source, middle.end).rows == ROWS[middle.end.number - 1 :]
    source.close()


@pytest.mark.parametrize("store", [gzip.compress, zstandard.compress, lambda data: zipped(("a", data))])
def test_a_decompression_bomb_is_stopped(store: Callable[[bytes], bytes]) -> None:
    bomb = store(b"id\n" + b"0" * 60_000_000)
    with pytest.raises(SourceTooLarge, match="times its size"):
        read(bomb)
    with pytest.raises(SourceTooLarge, match="larger than"):
        read(store(TEXT), bounds=settings(max_decompressed_bytes=50_000))


@pytest.mark.parametrize("store", [gzip.compress, zstandard.compress, lambda data: zipped(("a", data))])
def test_damaged_compressed_data_is_an_error(store: Callable[[bytes], bytes]) -> None:
    data = bytearray(store(TEXT))
    for place in range(len(data) // 2, len(data) // 2 + 16):
        data[place] ^= 0xFF
    with pytest.raises(SourceError) as caught:
        assert not read(bytes(data)).incomplete
    assert "damaged" in caught.value.message
    assert caught.value.where


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (zipped(), "0 files"),
        (zipped(("a.csv", TEXT), ("b.csv", TEXT)), "2 files"),
        (zipped(("a.csv", TEXT), method=zipfile.ZIP_LZMA), "deflate"),
        (zipped(("a.csv", TEXT))[:-30], "damaged"),
    ],
)
def test_a_zip_file_that_is_not_one_deflated_file_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(data)


def test_a_workbook_is_recognised() -> None:
    with pytest.raises(SourceError, match="the workbook is damaged"):
        read(zipped(("[Content_Types].xml", b""), ("xl/workbook.xml", b"")))


@fault(40)
def test_what_is_appended_while_reading_does_not_belong_to_the_source(tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_bytes(TEXT)
    source = open_source(path, Format(), settings(chunk_rows=10))
    chunks = source.chunks(source.first)
    next(chunks)
    with path.open("ab") as file:
        file.write(b"x,y\n" * 1_000)
    assert sum(len(source.records(chunk)) for chunk in chunks) == len(ROWS) - 10
    source.close()


@fault(38)
def test_a_file_that_becomes_shorter_while_it_is_read_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "shrinking.csv"
    path.write_bytes(TEXT)
    source = open_source(path, Format(), settings(chunk_bytes=1_024))
    chunks = source.chunks(source.first)
    next(chunks)
    os.truncate(path, len(TEXT) // 2)
    with pytest.raises(SourceChanged, match="shorter"):
        list(chunks)
    assert source.read_bytes(0, 9) == b"id,title\n"
    assert len(source.read_bytes(0, len(TEXT))) < len(TEXT)
    source.close()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read") as caught:
        open_source(tmp_path / "none.csv", Format(), Settings())
    assert caught.value.where.endswith("none.csv")
    with pytest.raises(SourceError, match="folder"):
        open_source(tmp_path, Format(), Settings())


def test_a_pipe_is_copied_so_that_it_can_be_read_again(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"printf 'a,b\\n1,2\\n' > '{pipe}'"]) as writer:
        source = open_source(pipe, Format(), Settings())
        assert writer.wait() == 0
    assert read_all(source).rows == [["1", "2"]]
    assert read_all(source).rows == [["1", "2"]]
    source.close()


READ_STDIN = """
import sys
from muniment.config import Settings
from muniment.sources import Format, open_source
source = open_source("-", Format(), Settings(max_decompressed_bytes=int(sys.argv[1])))
print(source.name, sum(len(source.records(chunk)) for chunk in source.chunks(source.first)))
source.close()
"""


def test_standard_input_is_copied_up_to_a_bound() -> None:
    def run(bound: int) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-c", READ_STDIN, str(bound)]
        path = os.pathsep.join(sys.path)
        return subprocess.run(
            command,
            input=gzip.compress(TEXT),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )

    assert run(1_000_000).stdout.split() == [b"<stdin>", b"5000"]
    assert b"SourceTooLarge: <stdin>: " in run(1_000).stderr


def test_a_file_whose_name_is_not_text_has_a_name_that_can_be_stored(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9tats.csv")
    try:
        Path(path).write_bytes(TEXT)
    except OSError:
        pytest.skip("this file system takes no names that are not UTF-8")
    source = open_source(path, Format(), settings())
    assert (source.name, source.location) == (f"{tmp_path}/\\udce9tats.csv",) * 2
    assert read_all(source).rows == ROWS
    source.close()


def test_of_a_plain_file_no_more_counts_as_read_than_its_chunks_hold(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(TEXT)
    source = open_source(path, Format(), settings(chunk_bytes=1_024))
    chunk = next(iter(source.chunks(source.first)))
    assert source.stored_position(chunk.end) == chunk.end.offset < path.stat().st_size
    source.close()
