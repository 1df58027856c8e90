"""A broken record is one unreadable record, and its neighbours are read."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.sources import Format
from tests.faults.catalogue import fault
from tests.unit.sources.reading import read, settings

pytestmark = pytest.mark.usefixtures("stretches")

SMALL = settings(chunk_bytes=2_000, chunk_rows=100, max_record_bytes=1_024)


def test_a_quote_inside_an_unquoted_cell_is_literal() -> None:
    reading = read(b'id,size\n1,12" x 8"\n2,"12"" x 8"""\n')
    assert reading.rows == [["1", '12" x 8"'], ["2", '12" x 8"']]
    assert reading.problems == {}


def test_line_ends_may_be_mixed() -> None:
    reading = read(b'a,b\r1,2\n3,4\r\n5,"6\r7\n8\r\n9"\r10,11')
    assert reading.rows == [["1", "2"], ["3", "4"], ["5", "6\r7\n8\r\n9"], ["10", "11"]]
    assert [position.line for position in reading.positions] == [2, 3, 4, 8]


def test_blank_lines_are_no_records_but_count_as_lines() -> None:
    reading = read(b"a,b\n\n\r\n1,2\n\n3,4\n\n\n", bounds=settings(chunk_rows=1))
    assert reading.rows == [["1", "2"], ["3", "4"]]
    assert [position.line for position in reading.positions] == [4, 6]
    assert reading.blank_lines == 5


def test_a_line_of_blanks_is_a_record() -> None:
    assert read(b"a\n \n").rows == [[" "]]


def test_a_source_with_a_header_only_has_no_chunks() -> None:
    reading = read(b"a,b\n")
    assert reading.chunks == []
    assert not reading.incomplete


def test_without_a_quote_character_quotes_are_text() -> None:
    reading = read(b'a,b\n"1,2"\n', Format(quote=""))
    assert reading.rows == [['"1', '2"']]


def test_an_escape_makes_the_next_character_literal_within_and_without_quotes() -> None:
    form = Format(escape="\\")
    reading = read(b'a,b\n1\\,2,"3\\"4""5"\n6\\\n7,8\\\\\n', form)
    assert reading.rows == [["1,2", '3"4"5'], ["6\n7", "8\\"]]
    assert [position.line for position in reading.positions] == [2, 3]


def test_text_after_a_closing_quote_breaks_only_that_line() -> None:
    reading = read(b'a,b\n1,2\n3,"4" 5\n6,7\n')
    assert reading.problems == {1: "quote"}
    assert reading.raw[1] == b'3,"4" 5'
    assert reading.good == [["1", "2"], ["6", "7"]]


def test_a_broken_record_of_several_lines_is_its_first_line_only() -> None:
    reading = read(b'a,b\n1,"2\n3,4\n5,"6"\n7,8\n')
    assert reading.problems == {0: "quote"}
    assert reading.raw[0] == b'1,"2'
    assert reading.good == [["3", "4"], ["5", "6"], ["7", "8"]]


def test_a_stray_quote_that_nothing_closes_swallows_no_neighbour() -> None:
    lines = b"".join(b"%d,x\n" % n for n in range(500))
    reading = read(b'a,b\n"1,2\n' + lines)
    assert reading.problems == {0: "quote-unclosed"}
    assert reading.good == [[str(n), "x"] for n in range(500)]
    assert not reading.incomplete


def test_a_stray_quote_is_found_where_the_file_goes_on_beyond_the_longest_record() -> None:
    lines = b"".join(b"%d,x\n" % n for n in range(5_000))
    reading = read(b'a,b\n1,2\n3,"4\n' + lines, bounds=SMALL)
    assert reading.problems == {1: "quote-unclosed"}
    assert reading.raw[1] == b'3,"4'
    assert len(reading.good) == 5_001
    assert not reading.incomplete


@fault(35)
@given(st.integers(0, 30), st.integers(0, 30), st.booleans())
def test_one_stray_quote_costs_one_record_wherever_it_stands(before: int, after: int, quoted: bool) -> None:
    row = b'1,"two, three",4\n' if quoted else b"1,two,4\n"
    reading = read(b"a,b,c\n" + row * before + b'1,"stray,4\n' + row * (after + 1))
    assert list(reading.problems) == [before]
    assert len(reading.good) == before + after + 1
    assert not reading.incomplete


@pytest.mark.parametrize("size", [1_500, 3_000, 3_000_000])
def test_a_record_too_long_is_passed_over_to_its_real_end(size: int) -> None:
    text = (b"some words of a long text\n" * (size // 26 + 1))[:size]
    data = b'a,b,c\n1,2,3\n4,"' + text + b'",5\n6,7,8\n'
    reading = read(data, bounds=SMALL)
    assert reading.problems == {1: "too-long"}
    position = reading.positions[1]
    assert data[position.offset : position.offset + position.length] == b'4,"' + text + b'",5'
    assert data.startswith(reading.raw[1], position.offset)
    assert len(reading.raw[1]) <= SMALL.max_record_bytes
    assert reading.good == [["1", "2", "3"], ["6", "7", "8"]]
    assert reading.positions[2].line == 4 + text.count(b"\n")
    assert reading.positions[2].number == 3
    assert not reading.incomplete


def test_a_physical_line_too_long_is_one_record() -> None:
    data = b"a,b\r\n1,2\r\n" + b"x" * 5_000_000 + b"\r\n3,4\r\n"
    reading = read(data, bounds=SMALL)
    assert reading.problems == {1: "too-long"}
    assert reading.positions[1].length == 5_000_000
    assert reading.good == [["1", "2"], ["3", "4"]]
    assert [position.line for position in reading.positions] == [2, 3, 4]


@pytest.mark.parametrize("encoding", ["utf-16-le", "shift_jis"])
def test_a_record_too_long_is_passed_over_in_decoded_text_as_well(encoding: str) -> None:
    delimiter = "|"
    text = 'a|b\r\n1|"' + "ソ表\r\n" * 5_000 + '"\r\n3|4\r\n'
    reading = read(text.encode(encoding), Format(encoding=encoding, delimiter=delimiter), SMALL)
    assert reading.problems == {0: "too-long"}
    assert reading.good == [["3", "4"]]
    assert reading.positions[1].line == 5_003
    assert reading.positions[1].offset == len(text[:-5].encode(encoding))


@fault(34)
def test_a_field_of_any_size_below_the_bound_is_read() -> None:
    thumbnail = "QUJD" * 1_000_000
    reading = read(f'a,b\n1,{thumbnail}\n2,"{thumbnail}"\n'.encode())
    assert reading.rows == [["1", thumbnail], ["2", thumbnail]]
    assert reading.problems == {}


def test_rows_with_other_numbers_of_cells_are_ragged() -> None:
    reading = read(b"a,b,c\n1,2\n1,2,3\n1,2,3,4\nx\n")
    assert reading.problems == {0: "ragged", 2: "ragged", 3: "ragged"}
    assert reading.messages[0] == "row has 2 cells, the header has 3"
    assert reading.messages[3] == "row has 1 cell, the header has 3"
    assert reading.rows[2] == ["1", "2", "3", "4"]


@fault(36)
def test_an_undecodable_byte_costs_its_record_only() -> None:
    reading = read(b"a,b\n1,2\n3,Boys\x92\n5,\xc3\xa9\n")
    assert reading.problems == {1: "undecodable"}
    assert reading.messages[1] == "byte 0x92, byte 7 of the record, is not utf-8"
    assert reading.rows[1] == ["3", "Boys\udc92"]
    assert reading.good == [["1", "2"], ["5", "é"]]


@fault(30)
def test_a_nul_costs_its_record_only() -> None:
    reading = read(b"a,b\n1,2\n3,4\x005\n6,7\n")
    assert reading.problems == {1: "nul"}
    assert reading.rows[1] == ["3", "4\x005"]
    assert len(reading.good) == 2


@fault(31)
@pytest.mark.parametrize("half", [b"\x00\xd8", b"\x00\xdc"])
def test_half_a_character_in_utf_16_costs_its_record_only(half: bytes) -> None:
    data = "a,b\n1,2\n3,".encode("utf-16-le") + half + "\n5,6\n".encode("utf-16-le")
    reading = read(data, Format(encoding="utf-16-le"))
    assert reading.problems == {1: "surrogate"}
    assert reading.good == [["1", "2"], ["5", "6"]]


def test_a_problem_can_be_stored_as_text() -> None:
    for data in (b"a,b\n1,\xff\n", b"a,b\n1,\0\n", b'a,b\n1,"2"\xff\n'):
        reading = read(data)
        chunk = reading.chunks[0]
        assert reading.problems
        assert chunk.layout is not None
    reading = read("a\n\n".encode("utf-16-le") + b"\x00\xd8\n\x00", Format(encoding="utf-16"))
    assert reading.problems == {0: "surrogate"}


HOSTILE = {
    "a quote on each line": b'1,"x\n',
    "doubled quotes": b'"",""x\n',
    "each line opens what no line closes": b'a",",b\n',
    "among good lines": b'a",",b\nx,y\nx,y\nx,y\n',
    "bare CR": b'"\r',
    "quotes only": b'"""\n',
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_quotes_cost_linear_time(line: bytes) -> None:
    bounds = settings(max_record_bytes=64 * 1024)

    def seconds(size: int) -> float:
        started = time.process_time()
        reading = read(b"a,b\n" + line * (size // len(line)), bounds=bounds)
        assert reading.rows
        return time.process_time() - started

    small, large = seconds(100_000), seconds(400_000)
    # Quadratic time would be sixteenfold; four is linear, and the rest is for caches that others fill.
    assert large < 9 * small + 1


def test_settings_do_not_bound_cells_in_the_standard_library() -> None:
    cell = "x" * 200_000
    assert read(f"a\n{cell}\n".encode(), bounds=Settings()).rows == [[cell]]
