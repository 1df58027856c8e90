"""A source that ends too early is never taken for a whole one."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
import zstandard

from muniment.errors import HeaderError, SourceError
from muniment.sources import Format, open_source
from tests.faults.catalogue import fault
from tests.unit.sources.reading import Reading, read, read_all, settings

EXPORT = (
    "id,title,note\r\n"
    '1,"Boys, playing","A note\r\nof ""several"" lines,\r\n with, commas"\r\n'
    "2,Café,ü\r\n"
    '3,"漢字","last\r\nnote"\r\n'
)


def whole(text: str) -> bool:
    """Whether a text is a complete file of three columns, by the standard library's own reading."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return False
    return all(len(row) == 3 for row in rows if row)


@fault(39)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
@pytest.mark.parametrize("rows", [1, 2, 5_000])
def test_a_cut_anywhere_is_reported_unless_a_complete_file_is_left(encoding: str, rows: int) -> None:
    data = EXPORT.encode(encoding)
    complete = read(data, Format(encoding=encoding))
    assert not complete.incomplete
    for size in range(len(data)):
        try:
            reading = read(data[:size], Format(encoding=encoding), settings(chunk_rows=rows, chunk_bytes=50))
        except SourceError:
            assert len(data[:size].decode(encoding, "ignore")) <= len("id,title,note\r\n")
            continue
        try:
            text = data[:size].decode(encoding)
        except UnicodeDecodeError:
            assert reading.incomplete
            continue
        if len(reading.header) == 3:
            assert reading.incomplete == (not whole(text))
        assert_only_whole_records_are_good(reading, complete)


def assert_only_whole_records_are_good(reading: Reading, complete: Reading) -> None:
    """The last record may have lost the end of its last cell, which nobody could tell."""
    if len(reading.header) == 3:
        assert reading.good[:-1] == complete.good[: max(0, len(reading.good) - 1)]
    if reading.incomplete:
        assert list(reading.problems) == [len(reading.rows) - 1]
        assert set(reading.problems.values()) == {"incomplete"}


@fault(39)
@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_compressed_file_cut_anywhere_is_reported(compress: object) -> None:
    assert callable(compress)
    data = compress(EXPORT.encode())
    for size in range(4, len(data)):
        try:
            reading = read(data[:size])
        except HeaderError:
            continue
        assert reading.incomplete
    assert not read(data).incomplete


def test_a_last_record_without_line_end_is_complete() -> None:
    reading = read(b"a,b\n1,2\n3,4")
    assert reading.good == [["1", "2"], ["3", "4"]]
    assert not reading.incomplete


def test_a_last_record_without_line_end_and_with_cells_missing_is_incomplete() -> None:
    reading = read(b"a,b,c\n1,2,3\n4,5")
    assert reading.problems == {1: "incomplete"}
    assert reading.incomplete


def test_a_last_record_with_a_line_end_and_cells_missing_is_ragged() -> None:
    reading = read(b"a,b,c\n1,2,3\n4,5\n")
    assert reading.problems == {1: "ragged"}
    assert not reading.incomplete


def test_a_last_character_of_which_bytes_are_missing_is_incomplete() -> None:
    reading = read(b"a,b\n1,caf\xc3")
    assert reading.problems == {0: "incomplete"}
    assert reading.incomplete


def test_a_last_escape_is_incomplete() -> None:
    assert read(b"a,b\n1,2\\", Format(escape="\\")).incomplete


def test_in_one_column_a_quote_left_open_is_incomplete() -> None:
    reading = read(b'a\n1\n"2\n3\n')
    assert reading.problems == {1: "incomplete"}
    assert reading.raw[1] == b'"2\n3\n'
    assert reading.incomplete


def test_a_record_too_long_that_the_file_ends_in_is_incomplete() -> None:
    reading = read(b'a,b\n1,"' + b"text\n" * 10_000, bounds=settings(max_record_bytes=1_024))
    assert reading.problems == {0: "too-long"}
    assert reading.positions[0].length == 50_003
    assert reading.incomplete


def test_reading_that_goes_on_from_the_very_end_still_tells() -> None:
    source = open_source(io.BytesIO(b'a,b\n1,2\n3,"4'), Format(), settings(chunk_rows=1))
    end = read_all(source).chunks[-1].end
    again = read_all(source, end)
    source.close()
    assert again.chunks == []
    assert again.incomplete


def test_the_last_chunk_comes_before_the_error() -> None:
    reading = read(b'a,b\n1,2\n3,"4', bounds=settings(chunk_rows=1))
    assert [chunk.last for chunk in reading.chunks] == [False, True]
    assert reading.incomplete
