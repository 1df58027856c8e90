"""What a writer wrote comes back, with positions that lead to its bytes, however it is cut."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.errors import SourceError
from muniment.records import Chunk, Place
from muniment.sources import Format, open_source
from muniment.sources.cutting import Cutter
from muniment.sources.decompression import kind_of
from muniment.sources.encodings import resolved
from muniment.sources.grammar import grammar
from muniment.sources.parsing import Parser
from muniment.sources.scanning import scan
from muniment.sources.windows import ByteWindow, TextWindow
from tests.faults.catalogue import fault
from tests.unit.sources.reading import read, read_all, settings
from tests.unit.sources.strategies import Written, bounds, written

pytestmark = pytest.mark.usefixtures("stretches")


class Bytes:
    """A stream over bytes in memory, which gives a few at a time."""

    truncated = False

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, 7))

    def consumed(self) -> int:
        return self._file.tell()


def cut(data: bytes, form: Format, chosen: Settings, width: int, *, arrays: bool) -> Iterator[Chunk]:
    """The chunks of a text without header, with or without the way by arrays."""
    encoding = resolved(form, data, "")
    parser = Parser(form, encoding)
    stream = Bytes(data[encoding.bom :])
    window = (
        ByteWindow(stream, encoding.bom)
        if encoding.as_bytes
        else TextWindow(stream, encoding.bom, encoding, "")
    )
    cutter = Cutter(grammar(form, encoding), parser, chosen, width, "", arrays)
    return cutter.chunks(window, Place(encoding.bom, 1, 1))


def ends(text: str) -> int:
    """How many lines end in a text."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def decoded(data: bytes, form: Format) -> str:
    return data.decode({"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(form.encoding, form.encoding))


@given(written(), bounds())
def test_every_dialect_and_encoding_comes_back_as_it_was_written(text: Written, chosen: Settings) -> None:
    reading = read(text.data, text.format, chosen)
    # A row of one empty cell would be a blank line; the writer quotes it, so that it is none.
    assert [list(reading.header.given), *reading.rows] == text.rows
    assert reading.problems == {}
    assert not reading.incomplete
    assert reading.blank_lines == 0


@fault(37)
@given(written(), bounds())
def test_positions_lead_to_the_bytes_and_line_of_each_record(text: Written, chosen: Settings) -> None:
    source = open_source(io.BytesIO(text.data), text.format, chosen)
    reading = read_all(source)
    for number, (position, raw) in enumerate(zip(reading.positions, reading.raw, strict=True), 1):
        stored = source.read_bytes(position.offset, position.length)
        before = source.read_bytes(0, position.offset)
        assert position.number == number
        assert stored == raw == text.data[position.offset : position.offset + position.length]
        assert position.line == 1 + ends(decoded(before, text.format))
        alone = read(stored, text.format.model_copy(update={"header": False, "columns": tuple(text.rows[0])}))
        assert alone.rows == [text.rows[number]]
    source.close()


@given(written(), bounds())
def test_reading_can_go_on_from_the_end_of_any_chunk(text: Written, chosen: Settings) -> None:
    source = open_source(io.BytesIO(text.data), text.format, chosen)
    whole = list(source.chunks(source.first))
    for index, chunk in enumerate(whole):
        assert chunk.start == (whole[index - 1].end if index else source.first)
        assert chunk.last == (index == len(whole) - 1)
        rest = list(source.chunks(chunk.end))
        assert [(c.start, c.end, c.data, c.last) for c in rest] == [
            (c.start, c.end, c.data, c.last) for c in whole[index + 1 :]
        ]
    source.close()


@given(written(), bounds())
def test_arrays_find_the_same_records_as_reading_one_by_one(text: Written, chosen: Settings) -> None:
    by_arrays = list(cut(text.data, text.format, chosen, len(text.rows[0]), arrays=True))
    one_by_one = list(cut(text.data, text.format, chosen, len(text.rows[0]), arrays=False))
    assert [(c.start, c.end, c.data, c.last) for c in by_arrays] == [
        (c.start, c.end, c.data, c.last) for c in one_by_one
    ]
    for fast, slow in zip(by_arrays, one_by_one, strict=True):
        assert fast.layout is not None
        assert slow.layout is not None
        assert fast.layout.lines.tolist() == slow.layout.lines.tolist()
        assert fast.layout.offsets.tolist() == slow.layout.offsets.tolist()
        assert fast.layout.lengths.tolist() == slow.layout.lengths.tolist()
        assert fast.layout.faults == slow.layout.faults == {}
        assert fast.layout.blank_lines == slow.layout.blank_lines


@pytest.mark.parametrize("arrays", [True, False])
def test_no_chunk_has_more_records_than_it_may_also_before_one_with_loose_quotes(arrays: bool) -> None:
    data = b'1,2\n1,2\n1,12" x 8"\n3,4\n5,6\n'
    form, chosen = Format(header=False, columns=("a", "b")), settings(chunk_rows=2)
    chunks = list(cut(data, form, chosen, 2, arrays=arrays))
    assert [chunk.end.number - chunk.start.number for chunk in chunks] == [2, 2, 1]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("length", [16, 17])
def test_how_long_a_record_may_be_does_not_depend_on_its_neighbours(length: int, line_end: bytes) -> None:
    data = b"1,2" + line_end + b"3,".ljust(length, b"x") + line_end + b"5,6" + line_end
    form, chosen = Format(header=False, columns=("a", "b")), with_longest(settings(), 16)
    by_arrays, one_by_one = (list(cut(data, form, chosen, 2, arrays=arrays)) for arrays in (True, False))
    assert found(by_arrays) == found(one_by_one)


def test_records_up_to_an_escape_character_are_found_by_arrays() -> None:
    form = Format(header=False, columns=("a", "b"), escape="\\")
    text = b"1,2\n" * 1_000 + b"3,\\,\n"
    stretch = scan(text, 0, len(text), True, grammar(form, resolved(form, text, "")), 5_000, 100)
    assert len(stretch.starts) == 1_000
    assert not stretch.sound


NASTY_PIECES = rb'a|bc|,|,|"|"|""|\|","|x,"y"'.split(b"|")
NASTY_PIECES += [b"\n", b"\n", b"\r\n", b"\r", b"\n\n", b"1,2\n", b"\0", b"\xff", b"\xc3\xa9", b"\xe2\x82"]
NASTY_BYTES = st.lists(st.sampled_from(NASTY_PIECES), max_size=40).map(b"".join)

FORMS = st.sampled_from(
    [
        Format(header=False, columns=("a", "b")),
        Format(header=False, columns=("a", "b"), escape="\\"),
        Format(header=False, columns=("a", "b"), quote=""),
        Format(header=False, columns=("a",)),
        Format(header=False, columns=("a", "b"), encoding="cp037"),
        Format(header=False, columns=("a", "b"), encoding="shift_jis", delimiter="|"),
        Format(header=False, columns=("a", "b"), encoding="utf-16-le"),
        Format(header=False, columns=("a", "b"), encoding="utf-32-be"),
        Format(header=False, columns=("a", "b", "c"), delimiter="é"),
    ]
)


@given(NASTY_BYTES | st.binary(max_size=200), FORMS, bounds(), st.sampled_from([16, 64, 1 << 20]))
def test_no_bytes_are_lost_between_records_of_garbage(
    data: bytes, form: Format, chosen: Settings, longest: int
) -> None:
    assume(kind_of(data) == "plain")
    try:
        reading = read(data, form, with_longest(chosen, longest))
    except SourceError:
        return
    place = reading.first.offset
    for position in reading.positions:
        between = decoded(data[place : position.offset], form)
        assert set(between) <= {"\r", "\n"}
        assert position.length > 0
        place = position.offset + position.length
    assert set(decoded(data[place:], form)) <= {"\r", "\n"}
    for index, row in enumerate(reading.rows):
        if index not in reading.problems:
            assert len(row) == len(reading.header)
            assert not any("\0" in cell or any("\ud800" <= c <= "\udfff" for c in cell) for cell in row)


@given(NASTY_BYTES | st.binary(max_size=200), FORMS, bounds(), st.booleans())
def test_how_garbage_is_cut_does_not_change_its_records(
    data: bytes, form: Format, chosen: Settings, arrays: bool
) -> None:
    try:
        whole = list(cut(data, form, Settings(), 2, arrays=not arrays))
        parts = list(cut(data, form, chosen, 2, arrays=arrays))
    except SourceError:
        return
    assert found(whole) == found(parts)
    assert all(chunk.end.number - chunk.start.number <= chosen.chunk_rows for chunk in parts)


@given(NASTY_BYTES | st.binary(max_size=200), FORMS, bounds(), st.sampled_from([16, 64, 1 << 20]))
def test_reading_of_garbage_can_go_on_from_the_end_of_any_chunk(
    data: bytes, form: Format, chosen: Settings, longest: int
) -> None:
    try:
        source = open_source(io.BytesIO(data), form, with_longest(chosen, longest))
    except SourceError:
        return
    whole = read_all(source)
    for index, chunk in enumerate(whole.chunks):
        rest = read_all(source, chunk.end)
        assert [(c.start, c.end, c.data, c.last) for c in rest.chunks] == [
            (c.start, c.end, c.data, c.last) for c in whole.chunks[index + 1 :]
        ]
        assert rest.rows == whole.rows[len(whole.rows) - len(rest.rows) :]
    source.close()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "shift_jis"])
def test_reading_goes_on_in_the_same_chunks_behind_a_record_that_is_too_long(encoding: str) -> None:
    form = Format(header=False, columns=("a", "b"), delimiter="|", encoding=encoding)
    data = ("1|2\n" * 5 + "3|" + "x" * 900 + "\n" + "4|5\n" * 200).encode(encoding)
    source = open_source(io.BytesIO(data), form, settings(chunk_bytes=64, max_record_bytes=32))
    whole = list(source.chunks(source.first))
    for index, chunk in enumerate(whole):
        rest = list(source.chunks(chunk.end))
        assert [(c.start, c.end) for c in rest] == [(c.start, c.end) for c in whole[index + 1 :]]
    source.close()


def with_longest(chosen: Settings, longest: int) -> Settings:
    return settings(chunk_bytes=chosen.chunk_bytes, chunk_rows=chosen.chunk_rows, max_record_bytes=longest)


def found(chunks: list[Chunk]) -> list[tuple[int, int, int, str | None]]:
    """Line, offset, length and fault of each record."""
    records = []
    for chunk in chunks:
        assert chunk.layout is not None
        layout = chunk.layout
        places = zip(layout.lines.tolist(), layout.offsets.tolist(), layout.lengths.tolist(), strict=True)
        records += [(*place, layout.faults.get(index)) for index, place in enumerate(places)]
    return records
