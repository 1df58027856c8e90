"""Cells that are read by column are those that are read by row, and so is what is wrong with the others."""

from __future__ import annotations

import io
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.errors import MunimentError
from muniment.records import Records
from muniment.sources import Format, columnar, open_source, reader
from tests.unit.sources.reading import settings
from tests.unit.sources.strategies import Written, bounds, written

pytestmark = pytest.mark.usefixtures("stretches")

PLAIN = Format(header=False, columns=("a", "b"))

FORMS = [
    PLAIN,
    Format(header=False, columns=("a",)),
    Format(header=False, columns=("a", "b"), quote=""),
    Format(header=False, columns=("a", "b"), delimiter=";", quote="'"),
    Format(header=False, columns=("a", "b"), encoding="cp1252"),
    Format(header=False, columns=("a", "b"), encoding="shift_jis"),
    Format(header=False, columns=("a", "b"), encoding="utf-16-le"),
]

PIECES = [b"a", b"bc,", b",", b'"x"', b'"",', b'"x\ny",z\n', b'"d""q",e\n', b"1,2\n", b"1,2\r\n", b"\n"]
PIECES += [b"\r", b";", b"'", b"\0", b"\xff", b"\xc3\xa9", b"\xe2\x82", b" ", b"1,2,3\n", b"1,2\n", b"3,4\n"]


def both_ways(data: bytes, form: Format, chosen: Settings) -> list[tuple[Records, Records]]:
    """The records of each chunk, by column and by row."""
    source = open_source(io.BytesIO(data), form, chosen)
    found = []
    try:
        for chunk in source.chunks(source.first):
            found.append((source.records(chunk, by_column=True), source.records(chunk)))
    except MunimentError:
        pass  # a source that ends too early ends so either way
    finally:
        source.close()
    return found


def must_agree(by_column: Records, by_row: Records) -> None:
    assert by_column.unreadable == by_row.unreadable
    assert list(map(list, by_column.rows)) == list(map(list, by_row.rows))
    if by_column.columns is None:
        return
    assert len(by_column.columns) == len(by_row)
    for index, row in enumerate(by_row.rows):
        if index not in by_row.unreadable:
            assert list(by_column.columns[index]) == list(row)


@given(written(), bounds())
def test_every_dialect_and_encoding_reads_the_same_by_column(text: Written, chosen: Settings) -> None:
    for pair in both_ways(text.data, text.format, chosen):
        must_agree(*pair)


@given(written(), bounds())
def test_huge_records_read_the_same_though_their_rows_come_from_columns(
    text: Written, chosen: Settings
) -> None:
    with patch.object(reader, "HUGE_BYTES", 0), patch.object(columnar, "HUGE_BYTES", 0):
        huge = [records for _, records in both_ways(text.data, text.format, chosen)]
    for records, (_, by_row) in zip(huge, both_ways(text.data, text.format, chosen), strict=True):
        must_agree(records, by_row)


def test_a_record_larger_than_a_chunk_is_read_by_column() -> None:
    data = b'1,"' + b"so,\n" * 500 + b'""b"""\n2,\n'
    (huge, _), (_, _) = both_ways(data, PLAIN, settings(chunk_bytes=1_024))
    assert huge.columns is not None
    assert list(huge.columns) == [("1", "so,\n" * 500 + '"b"')]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join), st.sampled_from(FORMS), bounds())
def test_damaged_text_reads_the_same_by_column(data: bytes, form: Format, chosen: Settings) -> None:
    for pair in both_ways(data, form, chosen):
        must_agree(*pair)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"x\0,y", "nul"),
        (b"\xff,y", "undecodable"),
        (b"1,2,3", "ragged"),
        (b"1", "ragged"),
        (b'"x"y,z', "quote"),
    ],
)
def test_a_bad_record_does_not_keep_its_neighbours_from_being_read_by_column(bad: bytes, code: str) -> None:
    data = b'1,"two\nlines"\n' + bad + b"\n\n3,4\n" + bad + b"\n5,6"
    ((by_column, by_row),) = both_ways(data, PLAIN, settings())
    assert by_column.columns is not None
    must_agree(by_column, by_row)
    assert {index: problem.code for index, problem in by_column.unreadable.items()} == {1: code, 3: code}
    assert by_column.columns[2] == ("3", "4")
    assert by_column.columns[4] == ("5", "6")


def test_cells_with_quotes_that_quote_nothing_do_not_keep_others_from_being_read_by_column() -> None:
    ((by_column, _),) = both_ways(b'1,"a\nb"\n2,12" x 4"\n5" disk,\n', PLAIN, settings())
    assert by_column.columns is not None
    assert list(by_column.columns) == [("1", "a\nb"), ("2", '12" x 4"'), ('5" disk', "")]


def test_a_record_that_cannot_be_decoded_does_not_keep_others_from_being_read_by_column() -> None:
    form = Format(header=False, columns=("a", "b"), encoding="cp1252")
    ((by_column, by_row),) = both_ways(b"1,\xe9\n2,\x81\n3,4\n", form, settings())
    assert by_column.columns is not None
    must_agree(by_column, by_row)
    assert [problem.code for problem in by_column.unreadable.values()] == ["undecodable"]
    assert by_column.columns[0] == ("1", "é")


def test_text_that_is_well_formed_is_read_by_column() -> None:
    ((by_column, _),) = both_ways(b'1,"a ""b"""\r\n2,\n', PLAIN, settings())
    assert by_column.columns is not None
    assert list(by_column.columns) == [("1", 'a "b"'), ("2", "")]
