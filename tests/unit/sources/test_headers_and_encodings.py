"""What stands at the beginning of a source: byte order mark, title lines, header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.errors import HeaderError, SourceError
from muniment.sources import Format
from muniment.sources.encodings import resolved
from muniment.sources.heading import unique
from tests.unit.sources.reading import read


def test_names_are_stripped_filled_in_and_told_apart() -> None:
    reading = read(b'id, Title ,,"Na""me",Title,Title\n')
    assert reading.header.names == ("id", "Title", "column 3", 'Na"me', "Title#2", "Title#3")
    assert reading.header.given == ("id", " Title ", "", 'Na"me', "Title", "Title")


@given(st.lists(st.text("ab #2 ", max_size=4), max_size=12))
def test_names_are_always_unique(given_names: list[str]) -> None:
    names = unique(given_names)
    assert len(set(names)) == len(names) == len(given_names)
    assert all(names)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_a_source_without_a_header_is_refused(data: bytes) -> None:
    with pytest.raises(HeaderError, match="no header") as caught:
        read(data)
    assert caught.value.hint
    assert caught.value.where


@pytest.mark.parametrize(
    "data", [b'"id,title\n1,2\n', b'id,"ti"tle\n1,2\n', b"id,t\xeftle\n1,2\n", b"id,ti\0\n"]
)
def test_a_header_that_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(HeaderError) as caught:
        read(data)
    assert caught.value.hint


def test_lines_before_the_header_are_skipped_but_counted() -> None:
    reading = read(b'Report "of\r2024\r\n\nid,"ti\ntle"\n1,2\n', Format(skip_lines=2))
    assert reading.header.names == ("id", "ti\ntle")
    assert (reading.first.line, reading.first.number, reading.first.offset) == (6, 1, 30)
    assert reading.positions[0].line == 6


def test_a_source_may_have_no_header_at_all() -> None:
    reading = read(b"1,2\n3,4\n", Format(header=False, columns=("a", "b")))
    assert reading.header.names == ("a", "b")
    assert reading.rows == [["1", "2"], ["3", "4"]]
    assert reading.positions[0].line == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-32-be"])
def test_a_byte_order_mark_is_skipped_and_counted_in_offsets(encoding: str) -> None:
    body = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)
    data = "\ufeffid,b\n1,é\n".encode(body)
    reading = read(data, Format(encoding=encoding))
    assert reading.header.names == ("id", "b")
    assert reading.rows == [["1", "é"]]
    assert reading.positions[0].offset == len("\ufeffid,b\n".encode(body))


def test_utf_16_takes_its_byte_order_from_the_mark() -> None:
    data = "\ufeffid\né\n".encode("utf-16-be")
    assert read(data, Format(encoding="utf-16")).rows == [["é"]]
    assert read("id\né\n".encode("utf-16-le"), Format(encoding="utf-16")).rows == [["é"]]


@pytest.mark.parametrize(
    ("declared", "actual"),
    [
        ("utf-8", "utf-16-le"),
        ("utf-8", "utf-16-be"),
        ("utf-8", "utf-32-le"),
        ("cp1252", "utf-16-le"),
        ("utf-16-le", "utf-16-be"),
        ("utf-16", "utf-8"),
        ("mac_roman", "utf-8"),
    ],
)
def test_a_beginning_that_contradicts_the_encoding_is_refused(declared: str, actual: str) -> None:
    # Nothing tells UTF-8 without a byte order mark from other encodings; NULs tell the others.
    for mark in ("\ufeff",) if actual == "utf-8" else ("\ufeff", ""):
        refuse(f"{mark}id,title\n1,2\n".encode(actual), declared, actual)


def refuse(data: bytes, declared: str, actual: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(data, Format(encoding=declared))
    assert f"encoding = '{actual}'" in caught.value.hint


@pytest.mark.parametrize("encoding", ["iso2022_jp", "iso2022_kr", "hz", "utf_7", "punycode"])
def test_encodings_that_keep_a_state_are_refused(encoding: str) -> None:
    with pytest.raises(SourceError, match="read from the middle") as caught:
        read(b"id,title\n1,2\n", Format(encoding=encoding))
    assert "UTF-8" in caught.value.hint


@pytest.mark.parametrize(
    ("encoding", "delimiter", "as_bytes"),
    [
        ("utf-8", ",", True),
        ("utf-8", "þ", False),
        ("cp1252", "þ", True),
        ("shift_jis", ",", True),
        ("shift_jis", "|", False),
        ("gb18030", "|", False),
        ("euc_jp", "|", True),
        ("cp037", ",", True),
        ("utf-16-le", ",", False),
    ],
)
def test_structure_is_sought_in_bytes_only_where_they_cannot_mislead(
    encoding: str, delimiter: str, as_bytes: bool
) -> None:
    form = Format(encoding=encoding, delimiter=delimiter)
    assert resolved(form, b"", "").as_bytes is as_bytes


def test_a_trail_byte_that_looks_like_the_delimiter_is_none() -> None:
    data = "id|title\n1|ポスター\n".encode("shift_jis")
    assert b"|" in "ポ".encode("shift_jis")
    reading = read(data, Format(encoding="shift_jis", delimiter="|"))
    assert reading.rows == [["1", "ポスター"]]


def test_undecodable_bytes_keep_their_place_in_decoded_text() -> None:
    data = "id|b\n1|é\n".encode("cp1252") + b"2|\x81\x8d\n" + b"3|4\n"
    reading = read(data, Format(encoding="utf-8", delimiter="|"))
    assert reading.problems == {0: "undecodable", 1: "undecodable"}
    text = "id¦b\n1¦é\n".encode() + b"2\xc2\xa6\xff\xfe\n" + "3¦4\n".encode()
    reading = read(text, Format(delimiter="¦"))
    assert reading.problems == {1: "undecodable"}
    assert reading.raw == ["1¦é".encode(), b"2\xc2\xa6\xff\xfe", "3¦4".encode()]
