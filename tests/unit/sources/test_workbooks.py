"""Workbooks as sources: what a person sees in a sheet is what is read, and where it stands is told."""

from __future__ import annotations

import datetime
import gzip
import io
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import python_calamine
import xlsxwriter  # type: ignore[import-untyped]  # it has no types
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.errors import HeaderError, SourceError, SourceTooLarge
from muniment.sources import Format, open_source
from muniment.sources.format import Workbook
from muniment.sources.spooled import SpooledSource
from muniment.sources.workbook import strings, xml
from tests.unit.sources.reading import Reading, read, read_all, settings
from tests.unit.sources.workbooks import HEADER, Made, cell, one_sheet, texts


def chosen(**options: Any) -> Format:
    return Format(workbook=Workbook(**options))


def rows(data: bytes, **options: Any) -> list[list[str]]:
    return read(data, chosen(**options)).rows


def column(*cells: str, **made: Any) -> list[str]:
    """What a column of cells holds, below a header."""
    data = one_sheet(HEADER, *(f'<row r="{n}">{one}</row>' for n, one in enumerate(cells, 2)), **made)
    options = made.pop("options", {})
    return [row[0] for row in rows(data, **options)]


def findings(data: bytes, **options: Any) -> list[tuple[int, str, str, str]]:
    """The number of the record, code, column and message of all that was found."""
    source = open_source(io.BytesIO(data), chosen(**options), Settings(chunk_rows=2))
    try:
        return [
            (chunk.start.number + index, problem.code, problem.column, problem.message)
            for chunk in source.chunks(source.first)
            for index, problems in source.records(chunk).findings.items()
            for problem in problems
        ]
    finally:
        source.close()


def test_numbers_are_told_as_they_are_seen() -> None:
    numbers = {"1.1000000000000001": "1.1", "5.0": "5", "5": "5", "0.30000000000000004": "0.3", "-0": "0"}
    numbers |= {
        "1E+15": "1000000000000000",
        "1.5E-3": "0.0015",
        "9780141036144": "9780141036144",
        "1e300": "1e+300",
    }
    assert column(*(cell("A2", number) for number in numbers)) == list(numbers.values())


@given(st.floats(-1e300, 1e300))
def test_no_number_loses_more_than_what_a_spreadsheet_does_not_show(number: float) -> None:
    (told,) = column(cell("A2", repr(number)))
    assert math.isclose(float(told), number, rel_tol=1e-14)


def test_zeros_that_a_format_adds_are_kept_and_no_digit_is_rounded_away() -> None:
    formats = ["000", "0.00", "#,##0.00", '"NMC-"0000', "0.00%", '0" cm"', "0.00E+00", "# ?/?", "@"]
    numbers = ["7", "2010.7", "1234.5", "12", "0.5", "30", "1234", "0.5", "12"]
    cells = [cell("A2", number, style=style) for style, number in enumerate(numbers, 1)]
    told = ["007", "2010.70", "1234.50", "0012", "0.5", "30", "1234", "0.5", "12"]
    assert column(*cells, formats=formats) == told
    assert column(cell("A2", "2010.705", style=1), formats=["0.00"]) == ["2010.705"]


def test_a_column_of_type_text_is_told_just_as_it_is_shown_and_one_of_type_number_without_its_format() -> (
    None
):
    formats = ["000", "#,##0.00", '"NMC-"0000', "0%", '0.0" cm"']
    numbers = ["7", "1234.567", "12", "0.5", "30.25"]
    cells = [cell("A2", number, style=style) for style, number in enumerate(numbers, 1)]
    data = one_sheet(HEADER, *(f"<row>{one}</row>" for one in cells), formats=formats)
    told = [row[0] for row in rows(data, types={"a": "text"})]
    assert told == ["007", "1,234.57", "NMC-0012", "50%", "30.3 cm"]
    assert [row[0] for row in rows(data, types={"a": "number"})] == numbers


@pytest.mark.parametrize(
    ("serial", "shown", "told"),
    [
        ("16372", "d-mmm-yy", "1944-10-27"),
        ("1", "yyyy\\-mm\\-dd", "1900-01-01"),
        ("59", "d/m/yyyy", "1900-02-28"),
        ("60", "d/m/yyyy", "1900-02-29"),
        ("61", "[$-407]d. mmmm yyyy;@", "1900-03-01"),
        ("44197.5", "d/m/yyyy h:mm", "2021-01-01T12:00:00"),
        ("44197", "d/m/yyyy h:mm", "2021-01-01T00:00:00"),
        ("44197.5", "d/m/yyyy", "2021-01-01T12:00:00"),
        ("44197.000011574", "d/m/yyyy h:mm:ss", "2021-01-01T00:00:01"),
        ("0.75", "h:mm AM/PM", "18:00:00"),
        ("0.0000057870", "mm:ss.0", "00:00:00.500"),
        ("1.5", "[h]:mm", "36:00:00"),
        ("2958465", "yyyy", "9999-12-31"),
    ],
)
def test_days_are_told_by_the_calendar(serial: str, shown: str, told: str) -> None:
    assert column(cell("A2", serial, style=1), formats=[shown]) == [told]


def test_days_are_counted_from_1904_where_the_workbook_says_so() -> None:
    assert column(cell("A2", "42735", style=1), formats=["d/m/yy"], since_1904=True) == ["2021-01-01"]


@pytest.mark.parametrize("since_1904", [False, True])
def test_a_time_of_day_has_no_day_from_whenever_days_are_counted(*, since_1904: bool) -> None:
    cells = cell("A2", "0", style=1), cell("A3", "0.75", style=1)
    assert column(*cells, formats=["hh:mm"], since_1904=since_1904) == ["00:00:00", "18:00:00"]


def test_the_days_of_xlsxwriter_come_back(tmp_path: Path) -> None:
    days = [datetime.date(1900, 1, 2) + datetime.timedelta(days=step) for step in range(0, 60_000, 997)]
    for since_1904 in (False, True):
        path = tmp_path / "days.xlsx"
        with xlsxwriter.Workbook(path, {"date_1904": since_1904}) as workbook:
            form = workbook.add_format({"num_format": "dd mmm yyyy"})
            sheet = workbook.add_worksheet()
            written = [day for day in days if not since_1904 or day.year >= 1904]
            sheet.write_column(0, 0, ["day"])
            for number, day in enumerate(written, 1):
                sheet.write_datetime(number, 0, datetime.datetime.combine(day, datetime.time()), form)
        assert rows(path.read_bytes()) == [[day.isoformat()] for day in written]


def test_a_column_of_type_date_is_a_date_though_it_is_not_formatted_so() -> None:
    data = one_sheet(HEADER, *(f"<row>{cell('A2', serial)}</row>" for serial in ("44197", "44197.75")))
    assert rows(data, types={"a": "date"}) == [["2021-01-01"], ["2021-01-01"]]
    text = one_sheet(HEADER, texts(2, "c. 1854"))
    assert rows(text, types={"a": "date"}) == [["c. 1854"]]


def test_every_kind_of_cell_is_read() -> None:
    cells = [
        cell("A2", "1", "b"),
        cell("A2", "0", "b"),
        cell("A2", "2021-01-01T10:10:10", "d"),
        cell("A2", "computed", "str", formula="A1"),
        cell("A2", "0", "s"),
        cell("A2", "1", "s"),
        cell("A2", "2", "s"),
        cell("A2", "a_x000D_b_x005F_x", "str"),
        cell("A2", "  as it is ", "text"),
    ]
    shared = [
        "<t>plain &amp; simple</t>",
        "<r><t>ri</t></r><r><rPr><b/></rPr><t xml:space='preserve'>ch </t></r>",
        "<t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh><phoneticPr fontId='1'/>",
    ]
    told = ["TRUE", "FALSE", "2021-01-01T10:10:10", "computed", "plain & simple", "rich ", "東京"]
    assert column(*cells, strings=shared) == [*told, "a\rb_x", "  as it is "]


def test_cells_without_references_follow_each_other() -> None:
    header = "<row><c t='str'><v>a</v></c><c t='str'><v>b</v></c></row>"
    assert rows(one_sheet(header, "<row><c><v>1</v></c><c><v>2</v></c></row>")) == [["1", "2"]]


@pytest.mark.parametrize("made", [{"strict": True}, {"prefix": "x"}, {"folder": "worksheets/Sheet"}, {}])
def test_a_workbook_is_read_whatever_its_names_and_namespaces(made: dict[str, Any]) -> None:
    p = f"{made['prefix']}:" if "prefix" in made else ""
    row = '<{p}row r="{n}"><{p}c r="A{n}" t="s"><{p}v>{s}</{p}v></{p}c></{p}row>'
    data = "".join(row.format(p=p, n=n, s=n - 1) for n in (1, 2))
    strings = [f"<{p}t>{text}</{p}t>" for text in ("a", "x")]
    assert rows(bytes(Made({"S": data}, strings=strings, **made))) == [["x"]]


def test_a_workbook_is_known_by_its_content_through_whatever_it_is_packed_in(tmp_path: Path) -> None:
    data = one_sheet(texts(1, "a"), texts(2, "x"))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("export.csv", data)
    for packed in (data, gzip.compress(data), zstandard.compress(data), zipped.getvalue()):
        path = tmp_path / "export.csv"
        path.write_bytes(packed)
        source = open_source(path, Format(), Settings())
        assert isinstance(source, SpooledSource)
        assert read_all(source).rows == [["x"]]
        assert source.fingerprint.size == len(packed)
        source.close()


def test_positions_are_those_of_the_sheet() -> None:
    data = one_sheet(texts(3, "a", "b", first=2), texts(4, "1", "2", first=2), texts(7, "3", "4", first=2))
    source = open_source(io.BytesIO(data), Format(), Settings())
    reading = read_all(source)
    assert [position.line for position in reading.positions] == [4, 7]
    assert reading.blank_lines == 2
    (chunk,) = reading.chunks
    records = source.records(chunk)
    assert [records.told(index, name) for index in (0, 1) for name in "ab"] == [
        *("Objects!C4", "Objects!D4"),
        *("Objects!C7", "Objects!D7"),
    ]
    source.close()


def test_reading_goes_on_at_the_end_of_any_chunk() -> None:
    gaps = [n + n // 3 for n in range(2, 40)]
    cells = [(cell(f"A{n}", str(n), formula="1" if n % 5 == 0 else "")) for n in gaps]
    data = one_sheet(HEADER, *(f'<row r="{n}">{one}</row>' for n, one in zip(gaps, cells, strict=True)))
    source = open_source(io.BytesIO(data), Format(), Settings(chunk_rows=4))
    whole = read_all(source)
    assert [position.line for position in whole.positions] == gaps
    for place, chunk in enumerate(whole.chunks):
        rest = list(source.chunks(chunk.start))
        assert [(c.start, c.end, c.sha256) for c in rest] == [
            (c.start, c.end, c.sha256) for c in whole.chunks[place:]
        ]
        assert [c.layout and dict(c.layout.findings) for c in rest] == [
            c.layout and dict(c.layout.findings) for c in whole.chunks[place:]
        ]
    source.close()


def test_the_spool_of_a_workbook_is_always_the_same() -> None:
    data = one_sheet(texts(1, "a", "b"), *(texts(n, f"x{n}", 'y\r\n"z"') for n in range(2, 500)))
    spools = []
    for _ in range(2):
        source = open_source(io.BytesIO(data), Format(), Settings())
        spools.append(source.read_bytes(0, 10**6))
        source.close()
    assert spools[0] == spools[1]


def test_a_formula_is_told_of_and_one_that_was_never_computed_is_empty() -> None:
    data = one_sheet(
        texts(1, "a", "b"),
        f'<row r="2">{cell("A2", "3", formula="1+2")}{cell("B2", formula="NOW()")}</row>',
    )
    assert rows(data) == [["3", ""]]
    told = [(number, code, name) for number, code, name, _ in findings(data)]
    assert told == [(1, "formula", "a"), (1, "formula-not-computed", "b")]
    assert findings(data)[0][3].startswith("Objects!A2 holds a formula")


def test_an_error_is_no_text() -> None:
    data = one_sheet(HEADER, f'<row r="2">{cell("A2", "#REF!", "e")}</row>')
    assert findings(data) == [(1, "error-cell", "a", "Objects!A2 holds the error #REF!")]


def test_a_date_among_other_things_is_told_of_and_one_among_dates_is_not() -> None:
    numbers = [texts(n, f"1998.{n}", "27 Oct 44") for n in range(2, 6)]
    damaged = f'<row r="6">{cell("A6", "36231", style=1)}{cell("B6", "16372", style=1)}</row>'
    dates = [f'<row r="{n}">{cell(f"B{n}", str(n), style=1)}</row>' for n in range(7, 20)]
    data = one_sheet(texts(1, "Accession", "Made"), *numbers, damaged, *dates, formats=["d-mmm"])
    assert [(number, code, name) for number, code, name, _ in findings(data)] == [
        (5, "date-damage", "Accession")
    ]
    assert [found[:3] for found in findings(data, types={"Made": "text"})][:2] == [
        (5, "date-damage", "Accession"),
        (5, "date-damage", "Made"),
    ]


def test_a_number_that_is_no_day_is_told_of() -> None:
    data = one_sheet(HEADER, f'<row r="2">{cell("A2", "-5", style=1)}</row>', formats=["d/m/yy"])
    assert rows(data) == [["-5"]]
    assert [found[1] for found in findings(data)] == ["no-date"]


def test_what_stands_beside_the_table_is_told_of() -> None:
    filled = [texts(n, f"x{n}") for n in range(2, 150)]
    data = one_sheet(texts(1, "a"), *filled, texts(150, "x", "", "check this"))
    assert [(number, message) for number, _, _, message in findings(data)] == [
        (149, "Objects!C150 holds 'check this', and no header stands above it; it is not loaded")
    ]


def test_columns_without_a_name_have_one_where_they_hold_something() -> None:
    data = one_sheet(texts(1, "", "a"), texts(2, "1", "x", "y"))
    assert read(data).header.names == ("column 1", "a", "column 3")
    assert rows(data) == [["1", "x", "y"]]


def test_rows_and_columns_that_were_only_formatted_are_not_there() -> None:
    styled = "".join(f'<row r="{n}"><c r="A{n}" s="1"/><c r="XFD{n}" s="1"/></row>' for n in range(3, 3_000))
    data = one_sheet(texts(1, "a", "b"), texts(2, "x", "y"), styled, formats=["0"])
    reading = read(data)
    assert (reading.header.names, reading.rows, reading.blank_lines) == (("a", "b"), [["x", "y"]], 0)


def test_header_range_and_columns_can_be_chosen() -> None:
    sheet = [
        texts(1, "Inventory 2020"),
        texts(3, "", "a", "b", "note"),
        texts(4, "", "1", "2", "z"),
        texts(9, "total"),
    ]
    data = one_sheet(*sheet)
    assert rows(data, header_row=3, range="B3:C5") == [["1", "2"]]
    assert rows(data, range="B3") == [["1", "2", "z"]]
    assert rows(data, range="B:C") == [["1", "2"]]
    bare = read(data, Format(header=False, columns=("p", "q"), workbook=Workbook(range="B4:C4")))
    assert (bare.header.names, bare.rows) == (("p", "q"), [["1", "2"]])


@pytest.mark.parametrize("text", ["", "B", "3:4", "F1:B2", "B9:C3", "ZZZ1", "B3:F200:G"])
def test_a_range_that_holds_no_cells_is_refused(text: str) -> None:
    if text:
        with pytest.raises(ValueError, match="range"):
            Workbook(range=text) if text != "B" else Workbook(range="1B")
    assert Workbook(range="$B$3:$F$200").cells.columns == range(1, 6)


SHEETS = {
    "2019": texts(1, "id", "title") + texts(2, "1", "x"),
    "2020": texts(2, "title", "id") + texts(3, "y", "2") + texts(5, "z", "3"),
    "Legend": "",
}


def test_several_sheets_are_one_table_whatever_the_order_of_their_columns() -> None:
    source = open_source(io.BytesIO(bytes(Made(SHEETS))), chosen(sheet="*", sheet_column="Year"), Settings())
    reading = read_all(source)
    assert reading.header.names == ("id", "title", "Year")
    assert reading.rows == [["1", "x", "2019"], ["2", "y", "2020"], ["3", "z", "2020"]]
    records = source.records(reading.chunks[0])
    assert [records.told(index, "title") for index in range(3)] == ["'2019'!B2", "'2020'!B3", "'2020'!B5"]
    source.close()


def test_which_of_several_sheets_is_meant_must_be_said() -> None:
    data = bytes(Made(SHEETS))
    with pytest.raises(SourceError, match="several sheets with content: '2019', '2020'"):
        read(data)
    assert rows(data, sheet="2020") == [["y", "2"], ["z", "3"]]
    with pytest.raises(SourceError, match=r"no sheet 'Objects'\. It has '2019', '2020', 'Legend'"):
        rows(data, sheet="Objects")


def test_a_sheet_with_other_columns_is_refused() -> None:
    data = bytes(Made(SHEETS | {"Legend": texts(1, "id", "name")}))
    with pytest.raises(HeaderError, match="'Legend' has other columns than '2019': it lacks 'title'"):
        rows(data, sheet="*")


def test_hidden_sheets_are_read_only_where_they_are_wanted() -> None:
    data = bytes(Made(SHEETS, states={"2020": "veryHidden"}))
    source = open_source(io.BytesIO(data), Format(), Settings())
    assert read_all(source).rows == [["1", "x"]]
    assert [remark.message for remark in source.remarks] == ["sheets that are hidden are not read: '2020'"]
    source.close()
    assert len(rows(data, sheet="*", hidden_sheets=True)) == 3
    assert len(rows(data, sheet="2020")) == 2


def test_hidden_rows_are_left_out_only_where_that_is_wanted() -> None:
    data = one_sheet(texts(1, "a"), texts(2, "x", hidden="1"), texts(3, "y"))
    assert rows(data) == [["x"], ["y"]]
    source = open_source(io.BytesIO(data), chosen(hidden_rows=False), Settings())
    assert read_all(source).rows == [["y"]]
    assert [remark.message for remark in source.remarks] == ["1 hidden rows are left out"]
    source.close()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"xl/worksheets/sheet1.xml": b"<worksheet><sheetData>"}, "damaged"),
        (
            {"xl/worksheets/sheet1.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet>&a;</worksheet>'},
            "document type",
        ),
        ({"xl/workbook.xml": b"no xml"}, "damaged"),
        ({"_rels/.rels": b"<Relationships/>"}, "does not say where"),
        ({"_rels/.rels": b'<R><Relationship Type="a/officeDocument" Target="xl/workbook.bin"/></R>'}, "xlsb"),
    ],
)
def test_a_broken_workbook_is_refused_in_words(changed: dict[str, bytes], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read(one_sheet(HEADER, texts(2, "x"), changed=changed))


def test_a_workbook_that_was_cut_short_is_refused() -> None:
    data = one_sheet(HEADER, *(texts(n, "x" * 50) for n in range(2, 400)))
    with pytest.raises(SourceError):
        read(data[: len(data) // 2])


def test_a_cell_that_names_no_string_is_refused() -> None:
    with pytest.raises(SourceError, match="row 2 names a text that is not there"):
        column(cell("A2", "17", "s"))


def test_strings_beyond_a_bound_are_read_from_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = [f"<t>text {n} é</t>" for n in range(500)]
    order = [(7 * n) % 500 for n in range(500)]
    cells = [cell("A2", str(n), "s") for n in order]
    monkeypatch.setattr(strings, "HELD_BYTES", 1_000)
    assert column(*cells, strings=shared) == [f"text {n} é" for n in order]


def test_a_cell_longer_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strings, "TEXT_CHARACTERS", 100_000)
    with pytest.raises(SourceTooLarge, match="a cell holds more"):
        column(cell("A2", "0", "s"), strings=[f"<t>{'x' * 200_000}</t>"])


def test_a_tag_longer_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "TOKEN_BYTES", 100_000)
    with pytest.raises(SourceTooLarge, match="tag"):
        read(one_sheet(HEADER, f'<row r="2" spans="{"x" * 2_000_000}"/>'))


def test_a_record_longer_than_the_bound_is_refused() -> None:
    data = one_sheet(texts(1, "a", "b"), texts(2, "x" * 3_000, "y" * 3_000))
    with pytest.raises(SourceTooLarge, match="Objects 2: the record is longer"):
        read(data, None, settings(max_record_bytes=5_000))


def test_a_sheet_that_decompresses_beyond_all_measure_is_refused() -> None:
    data = one_sheet(HEADER, " " * 80_000_000)
    with pytest.raises(SourceTooLarge, match="decompresses"):
        read(data)


def in_calamine(path: Path, sheet: str) -> dict[tuple[int, int], Any]:
    found = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_name(sheet)
    table = found.to_python(skip_empty_area=False)
    return {
        (number, place): value
        for number, row in enumerate(table, 1)
        for place, value in enumerate(row)
        if str(value).strip()
    }


def agrees(told: str, value: Any) -> bool:
    """Whether a text is what calamine holds, which tells numbers and days as such, and trims."""
    if isinstance(value, bool):
        return told == str(value).upper()
    if isinstance(value, int | float):
        return math.isclose(float(told), value, rel_tol=1e-14)
    if isinstance(value, datetime.timedelta):
        hours, minutes, seconds = map(int, told.split(":"))
        return datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds) == value
    if isinstance(value, datetime.date | datetime.time):
        return told in (value.isoformat(), value.isoformat().removesuffix("T00:00:00"))
    return told.strip().replace("\r", "") == str(value).strip().replace("\r", "")


def sheets_of(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    return [
        (path, name)
        for path in paths
        if "pass_protected" not in path.name
        for name in python_calamine.CalamineWorkbook.from_path(path).sheet_names
        if name != "Chart"
    ]


FOLDERS = ("nasty/calamine", "data/npg", "data/autry")


def test_workbooks_of_others_are_read_as_calamine_reads_them(reference: Path) -> None:
    workbooks = sorted(path for folder in FOLDERS for path in (reference / folder).rglob("*.xlsx"))
    assert len(workbooks) > 40
    for path, sheet in sheets_of(workbooks):
        wanted = in_calamine(path, sheet)
        wide = Format(
            header=False, columns=tuple("c" * n for n in range(1, 80)), workbook=Workbook(sheet=sheet)
        )
        reading = Reading(header=None, first=None) if not wanted else read(path.read_bytes(), wide)  # type: ignore[arg-type]  # empty
        told = {
            (position.line, place): text
            for position, row in zip(reading.positions, reading.rows, strict=True)
            for place, text in enumerate(row)
            if text.strip() and not text.startswith("#")  # calamine leaves errors out
        }
        assert told.keys() == wanted.keys(), f"{path.name}, {sheet}"
        assert all(agrees(told[place], value) for place, value in wanted.items()), f"{path.name}, {sheet}"


def test_an_encrypted_workbook_is_refused_with_what_to_do() -> None:
    data = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(90)
    )
    with pytest.raises(SourceError, match=r"encrypted.*without"):
        read(data)
    with pytest.raises(SourceError, match=r"\.xls\).*save it as \.xlsx"):
        read(data[:500])


def test_a_spreadsheet_of_open_document_is_told_of() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office:document-content/>")
    with pytest.raises(SourceError, match=r"OpenDocument.*save it as \.xlsx"):
        read(file.getvalue())
