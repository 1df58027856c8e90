"""JSON lines: each line a record with its position, whatever is wrong with others."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.errors import HeaderError, SourceError
from muniment.sources import Format, open_source
from muniment.sources import json_lines as module
from muniment.sources.json_cells import cells_of
from tests.unit.sources.reading import Reading, read, read_all, settings
from tests.unit.sources.strategies import bounds


class Named(io.BytesIO):
    """A file whose name tells what it is."""

    name = "export.jsonl"


def named(data: bytes, form: Format | None = None, bounded: Settings | None = None) -> Reading:
    source = open_source(Named(data), form or Format(), bounded or Settings())
    try:
        return read_all(source)
    finally:
        source.close()


def lines(*objects: Any) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in objects).encode()


def cells(line: str, **options: Any) -> dict[str, str]:
    return cells_of(line, Format(**options))


def only_row(line: str) -> Reading:
    return read(b'{"a": "1", "b": "2"}\n' + line.encode() + b'\n{"a": "3"}\n')


@pytest.mark.parametrize(
    "written", ["2010.70", "0", "-0.0", "1e400", "123456789012345678901234567890", "1E-7", "9" * 5_000]
)
def test_numbers_keep_the_text_that_they_are_written_in(written: str) -> None:
    assert cells(f'{{"n": {written}, "list": [{written}], "in": {{"n": {written}}}}}') == {
        "n": written,
        "list": written,
        "in.n": written,
    }
    assert cells(f'{{"in": {{"n": [{written}, "1"]}}}}', nested="text") == {
        "in": f'{{"n": [{written}, "1"]}}'
    }


def test_null_is_nothing_and_truth_is_a_word() -> None:
    assert cells('{"a": null, "b": true, "c": false, "d": ""}') == {
        "a": "",
        "b": "true",
        "c": "false",
        "d": "",
    }


def test_lists_are_joined_and_objects_have_columns_of_their_own() -> None:
    line = (
        '{"m": ["x", 1, null], "o": {"p": {"q": 1}, "e": {}},'
        ' "l": [{"n": "A", "r": 1}, {"n": "B", "s": {"t": 2}}]}'
    )
    assert cells(line) == {"m": "x|1|", "o.p.q": "1", "l.n": "A|B", "l.r": "1|", "l.s.t": "|2"}
    assert cells('{"m": ["x", "y|z"], "e": []}', list_separator="; ") == {"m": "x; y|z", "e": ""}


def test_what_is_nested_may_stay_json() -> None:
    assert cells('{"m": ["ä", 1.50, null, true], "o": {"p": []}}', nested="text") == {
        "m": '["ä", 1.50, null, true]',
        "o": '{"p": []}',
    }


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nonsense", "json"),
        ('{"a": 1', "json"),
        ('{"a": 1} {"a": 2}', "json"),
        ("{'a': 1}", "json"),
        ('{"a": 01}', "json"),
        ('{"a": "tab\there"}', "json"),
        ("   ", "json"),
        ("[1, 2]", "json-object"),
        ("null", "json-object"),
        ("17", "json-object"),
        ('{"a": 1, "a": 2}', "json-repeated"),
        ('{"b": {"x": 1}, "b.x": 2}', "json-repeated"),
        ('{"b": {"x": 1, "x": 1}}', "json-repeated"),
        ('{"a": NaN}', "json-number"),
        ('{"a": [-Infinity]}', "json-number"),
        ('{"a": [[1]]}', "json-nested"),
        ('{"a": [{"b": [1]}]}', "json-nested"),
        ('{"a": [1, {"b": 1}]}', "json-nested"),
        ('{"a": ' + "[" * 100_000, "json-nested"),
        ('{"a": ' * 300 + "1" + "}" * 300, ""),
        ('{"a": ' * 900 + "1" + "}" * 900, "json-nested"),
        ('{"' + "k" * 1_025 + '": 1}', "json-nested"),
        ('{"a": ["x|y"]}', "json-separator"),
        (r'{"a": "\ud800"}', "surrogate"),
        (r'{"\udfff": 1}', "surrogate"),
        (r'{"a": "\u0000"}', "nul"),
        (r'{"a": "\ud83d\ude00"}', ""),
    ],
)
def test_a_line_that_is_no_record_is_told_and_its_neighbours_stand(line: str, code: str) -> None:
    found = only_row(line)
    assert found.problems.get(1, "") == code
    assert (found.rows[0][:2], found.rows[2][:2]) == (["1", "2"], ["3", ""])
    assert (found.positions[1].line, found.positions[1].offset, found.raw[1]) == (2, 21, line.encode())
    if code in ("json", "json-object"):
        assert found.rows[1] == [*[""] * len(found.header), line]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('{"a": NaN, "b": 1.50}', ["NaN", "1.50"]),
        ('{"a": 1, "b": 2, "a": 3}', ["3", "2"]),
        ('{"a": [[1.0]], "b": "2"}', ["[[1.0]]", "2"]),
        ('{"a": ["x|y"], "b": ["z", "z"]}', ['["x|y"]', "z|z"]),
        ('{"a": NaN, "c": "beyond", "d": null}', ["NaN", "", "c: beyond"]),
        (r'{"a": "\ud800", "b": "2"}', ["\ud800", "2"]),
    ],
)
def test_what_can_be_told_of_a_rejected_object_stands_in_its_columns(line: str, row: list[str]) -> None:
    found = only_row(line)
    assert (found.rows[1], list(found.problems)) == (row, [1])


def test_undecodable_bytes_are_marked_in_their_cell() -> None:
    found = read(b'{"a": "1", "b": "x"}\n{"a": "\xe9", "b": "2"}\n')
    assert found.rows[1] == ["\udce9", "2"]


def test_bytes_that_are_no_text_spoil_only_their_line() -> None:
    found = read(b'{"a": "\xe9"}\n{"a": "\xc3\xa9"}\n')
    assert (found.problems, found.good) == ({0: "undecodable"}, [["é"]])


def test_a_line_that_is_too_long_is_passed_over() -> None:
    data = lines({"a": "1"}, {"a": "x" * 5_000}, {"a": "3"})
    found = read(data, None, settings(max_record_bytes=1_024, chunk_bytes=1_024))
    assert (found.problems, found.good) == ({1: "too-long"}, [["1"], ["3"]])
    assert [position.line for position in found.positions] == [1, 2, 3]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marks_line_ends_and_blank_lines_are_no_records(line_end: str, encoding: str) -> None:
    text = line_end.join(['{"a": "é"}', "", '{"a": "2"}', "", ""]).encode(encoding)
    found = named(text, Format(encoding=encoding))
    assert (found.rows, found.blank_lines, found.incomplete) == ([["é"], ["2"]], 2, False)
    assert [position.line for position in found.positions] == [1, 3]


@pytest.mark.parametrize(
    "end", ['{"a": "3"', '{"a": "3', '{"a": "}', '{"a": ["3"', '{"a": {"b": 1}', '{"a": "\\"}']
)
def test_a_file_that_ends_in_mid_object_is_incomplete(end: str) -> None:
    found = read(lines({"a": "1"}) + end.encode())
    assert (found.incomplete, found.problems) == (True, {1: "incomplete"})


@pytest.mark.parametrize("end", ['{"a": "{"}', "nonsense", '{"a": 1}}'])
def test_a_last_line_without_a_line_end_is_whole_where_nothing_is_open(end: str) -> None:
    assert not read(lines({"a": "1"}) + end.encode()).incomplete


def test_columns_are_the_keys_of_all_objects_as_they_appear() -> None:
    found = read(lines({"b": "1"}, {"a": "2", "b": "3"}, {"c": {"d": "4"}}))
    assert found.header.given == ("b", "a", "c.d")
    assert found.rows == [["1", "", ""], ["3", "2", ""], ["", "", "4"]]


def test_a_key_that_is_none_of_the_columns_named_rejects_its_record() -> None:
    found = read(lines({"a": "1"}, {"a": "2", "c": "3"}), Format(columns=("b", "a")))
    assert (found.rows[0], found.problems) == (["", "1"], {1: "json-column"})


def test_nothing_in_place_of_what_has_columns_of_its_own_is_no_column() -> None:
    objects: tuple[Any, ...] = (
        {"m": [], "p": None},
        {"m": [{"n": 1}, None], "p": {"q": 2}},
        {"m": None, "e": None},
    )
    found = read(lines(*objects))
    assert found.header.given == ("m.n", "p.q", "e")
    assert (found.rows, found.problems) == ([["", "", ""], ["1|", "2", ""], ["", "", ""]], {})


def test_names_that_repeat_but_for_spaces_are_told_apart() -> None:
    found = read(lines({"a": "1", " a": "2", "": "3"}))
    assert (found.header.names, found.rows) == (("a", "a#2", "column 3"), [["1", "2", "3"]])


@pytest.mark.parametrize("data", [b"", b"\n\n", b"nonsense\n", b"{}\n"])
def test_without_any_key_there_are_no_columns(data: bytes) -> None:
    with pytest.raises(HeaderError, match="the columns are not known"):
        named(data)


def test_more_keys_than_there_may_be_columns_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_COLUMN", 3)
    with pytest.raises(HeaderError, match="more than 3 different keys"):
        read(lines({"a": 1, "b": 2}, {"c": 3, "d": 4}))


def test_objects_that_leave_out_most_of_many_keys_come_in_small_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HELD_CELLS", 100)
    found = read(lines({f"k{n}": n for n in range(50)}, *[{"k1": 1}] * 5))
    assert [len(chunk.layout.lines) for chunk in found.chunks if chunk.layout] == [2, 2, 2]


def test_parallel_lists_of_objects_with_nothing_in_common_are_refused() -> None:
    line = json.dumps({"a": [{f"k{n}": 1} for n in range(400)]})
    assert only_row(line).problems == {1: "json-nested"}


def test_json_lines_are_known_by_their_content_or_their_name(tmp_path: Path) -> None:
    assert read(b' \n{ "a": "1"}\n').header.given == ("a",)
    assert read(b"{a},b\n1,2\n").header.given == ("{a}", "b")
    path = tmp_path / "export.ndjson"
    path.write_bytes(b"nonsense\n" + lines({"a": "1"}))
    source = open_source(path, Format(), Settings())
    assert read_all(source).problems == {0: "json"}
    source.close()


def test_one_list_of_objects_is_refused_with_what_makes_lines_of_it() -> None:
    with pytest.raises(SourceError, match="jq -c"):
        read(b'[\n  {"a": 1},\n  {"a": 2}\n]\n')


KEY = (
    st.text(st.sampled_from('ab "\\é漢😀\x7f\u2028{}[]:,|'), min_size=1, max_size=4)
    .map(str.strip)
    .filter(bool)
)
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)


@given(
    objects=st.lists(st.dictionaries(KEY, TEXT, min_size=1, max_size=4), min_size=1, max_size=8),
    bounded=bounds(),
    ascii_only=st.booleans(),
    ended=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_what_is_written_as_json_comes_back_from_wherever_reading_starts(
    objects: list[dict[str, str]], bounded: Settings, ascii_only: bool, ended: bool, line_end: str
) -> None:
    text = line_end.join(json.dumps(each, ensure_ascii=ascii_only) for each in objects)
    data = (text + (line_end if ended else "")).encode()
    source = open_source(Named(data), Format(), bounded)
    whole = read_all(source)
    names = list(dict.fromkeys(name for each in objects for name in each))
    assert list(whole.header.given) == names
    assert whole.rows == [[each.get(name, "") for name in names] for each in objects]
    assert not whole.problems
    for chunk in whole.chunks:
        records = source.records(chunk, by_column=True)
        assert [list(row) for row in records.columns or ()] == records.rows
        assert chunk.data == source.read_bytes(chunk.start.offset, len(chunk.data))
        rest = read_all(source, chunk.end)
        assert rest.positions == [one for one in whole.positions if one.number >= chunk.end.number]
    source.close()


@given(data=st.binary(max_size=200).map(lambda given: b'{"a": 1}\n' + given), bounded=bounds())
def test_whatever_bytes_there_are_each_line_is_a_record_or_blank(data: bytes, bounded: Settings) -> None:
    found = named(data, Format(), bounded)
    expected = [line for line in data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n") if line]
    assert found.raw == expected
    for index, row in enumerate(found.rows):
        assert (len(row) == len(found.header)) == (index not in found.problems)
