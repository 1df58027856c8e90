"""What a sample tells of a file's encoding, dialect and columns."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import tomllib
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.errors import SourceError, UsageError
from muniment.guess import Guess, guess
from muniment.guess.columns import NULLS
from muniment.guess.encoding import CANDIDATES, guess_encoding
from muniment.guess.sample import HEAD_BYTES, Sample
from muniment.museum.drafting import draft_mapping
from muniment.sources import open_source
from muniment.sources.format import Workbook

NAMES = ("number", "title", "maker", "place")
FRENCH = [
    ("1", "Café de la gare", "Élodie Lefèvre", "Orléans"),
    ("2", "Nature morte à la pêche", "René Müller", "Genève"),
    ("3", "La forêt en été", "Zoë Brontë", "Besançon"),
    ("4", "L’hôtel près du château", "Jérôme Noël", "Alès"),
] * 5
RUSSIAN = [
    ("1", "Портрет неизвестной", "Иванов", "Москва"),
    ("2", "Утро в лесу", "Шишкин", "Казань"),
    ("3", "Девятый вал", "Айвазовский", "Феодосия"),
] * 6
JAPANESE = [
    ("1", "ふじさんの風景をのぞむ", "葛飾北斎", "東京"),
    ("2", "雨の中の橋をわたる人々", "歌川広重", "京都"),
    ("3", "茶わんと花のある絵", "作者不詳", "大阪"),
] * 6
CHINESE = [
    ("1", "山水画的风景", "中国画家", "北京"),
    ("2", "青花瓷的花瓶", "无名的工人", "上海"),
    ("3", "人物和马的图画", "作者不明", "西安"),
] * 6


def written(rows: Sequence[tuple[str, ...]], encoding: str = "utf-8", **dialect: object) -> bytes:
    """A table with a header, as `csv` writes it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, **{"lineterminator": "\n"} | dialect)  # type: ignore[arg-type]  # any dialect
    writer.writerows([NAMES[: len(rows[0])], *rows])
    return text.getvalue().encode(encoding)


def guessed(folder: Path, data: bytes, name: str = "export.csv") -> Guess:
    path = folder / name
    path.write_bytes(data)
    return guess(str(path))


@pytest.mark.parametrize(
    ("encoding", "rows"),
    [
        ("cp1252", FRENCH),
        ("mac_roman", FRENCH),
        ("cp1251", RUSSIAN),
        ("koi8_r", RUSSIAN),
        ("cp866", RUSSIAN),
        ("cp932", JAPANESE),
        ("euc_jp", JAPANESE),
        ("gb18030", CHINESE),
        ("utf-8", FRENCH),
        ("utf-16", FRENCH),
        ("utf-16-le", FRENCH),
        ("utf-16-be", JAPANESE),
        ("utf-32", RUSSIAN),
    ],
)
def test_an_encoding_is_recognised_by_the_words_it_makes(
    tmp_path: Path, encoding: str, rows: Sequence[tuple[str, ...]]
) -> None:
    found = guessed(tmp_path, written(rows, encoding))
    assert found.encoding.name == encoding
    assert found.encoding.certainty in ("certain", "likely")
    assert found.encoding.words
    assert all(word in " ".join(map(" ".join, rows)) for word in found.encoding.words)
    assert found.columns[1].values[0] == rows[0][1]


@pytest.mark.parametrize("encoding", ["cp850", "cp437"])
def test_text_from_dos_is_told_from_that_of_windows(tmp_path: Path, encoding: str) -> None:
    rows = [tuple(cell.replace("’", "'") for cell in row) for row in FRENCH]
    found = guessed(tmp_path, written(rows, encoding))
    assert found.encoding.name in ("cp850", "cp437")
    assert found.columns[1].values[0] == "Café de la gare"


def test_ascii_is_called_utf_8() -> None:
    found = guess_encoding(Sample(b"a,b\n1,2\n", (), True, "plain", 8))
    assert (found.name, found.words) == ("utf-8", ())


def test_a_byte_order_mark_decides_and_is_no_part_of_the_header(tmp_path: Path) -> None:
    found = guessed(tmp_path, b"\xef\xbb\xbf" + written(FRENCH))
    assert found.encoding.byte_order_mark
    assert found.encoding.certainty == "certain"
    assert found.columns[0].name == "number"


def test_a_few_damaged_lines_do_not_make_utf_8_another_encoding(tmp_path: Path) -> None:
    found = guessed(tmp_path, written(FRENCH * 3) + b"9,Caf\xe9,x,y\n")
    assert found.encoding.name == "utf-8"
    assert "all but 1" in found.encoding.reason


def test_accents_far_behind_the_beginning_are_seen(tmp_path: Path) -> None:
    plain = b"1,plain words,Vermeer," + b"Delft " * 50 + b"\n"
    data = b"number,title,maker,place\n" + plain * (HEAD_BYTES // len(plain) + 1)
    assert guessed(tmp_path, data + "2,Café,René,Zürich\n".encode("cp1252") * 9_000).encoding.name == "cp1252"
    assert guessed(tmp_path, data + "2,Café,René,Zürich\n".encode() * 9_000).encoding.certainty == "certain"


def test_characters_that_the_edges_of_a_sample_cut_do_not_count_against_utf_8() -> None:
    text = "é中🎨".encode() * 20
    for cut in range(1, 9):
        windows = (text[cut : -9 + cut],)
        found = guess_encoding(Sample(text[:-cut], windows, False, "plain", len(text)))
        assert (found.name, found.certainty) == ("utf-8", "certain")


def test_text_that_was_misread_before_is_remarked_on(tmp_path: Path) -> None:
    rows = [tuple(cell.encode().decode("latin-1") for cell in row) for row in FRENCH]
    remarks = " ".join(guessed(tmp_path, written(rows)).remarks)
    assert "wrong encoding" in remarks
    assert "CafÃ©" in remarks


@given(st.binary(min_size=1, max_size=400))
def test_any_bytes_have_some_encoding_that_decodes_them(data: bytes) -> None:
    found = guess_encoding(Sample(data, (), True, "plain", len(data)))
    assert found.name in (*CANDIDATES, "utf-8", "utf-16", "utf-32") or found.name.startswith("utf-")
    assert isinstance(found.decode(data), str)


WORDS = (
    st.text("abcdefghijklmnopqrstuvwxyzABCDEFGH éüñ", min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda word: word not in ("", *NULLS))
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    data=st.data(),
    columns=st.integers(3, 7),
    delimiter=st.sampled_from(",;\t|:^~\x1f\x14¦"),
    quote=st.sampled_from("\"'"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_table_of_plain_words_is_read_as_it_was_written(
    tmp_path: Path,
    data: st.DataObject,
    columns: int,
    delimiter: str,
    quote: str,
    quoting: int,
    line_end: str,
) -> None:
    row = st.lists(WORDS, min_size=columns, max_size=columns)
    rows = data.draw(st.lists(row, min_size=20, max_size=30))
    names = [f"column_{chr(97 + n)}" for n in range(columns)]
    assume(not any(name in row for row in rows for name in names))
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=delimiter,
        quotechar=quote,
        quoting=quoting,  # type: ignore[arg-type]  # one of the constants of `csv`
        lineterminator=line_end,
    )
    writer.writerows([names, *rows])
    found = guessed(tmp_path, text.getvalue().encode())
    assert found.dialect.delimiter == delimiter
    assert found.dialect.header
    assert [column.name for column in found.columns] == names
    assert found.records == len(rows)
    for index, column in enumerate(found.columns):
        assert set(column.values) <= {row[index] for row in rows}
        assert column.distinct == len({row[index] for row in rows})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "\x14", "¦", "þ"])
def test_cells_that_hold_delimiters_quotes_and_line_breaks_do_not_mislead(
    tmp_path: Path, delimiter: str
) -> None:
    cells = ("12", f"a{delimiter} b; c, d | e", 'he said "no"', "two\nlines\nhttp://example.org/a:b")
    found = guessed(tmp_path, written([cells] * 20, delimiter=delimiter))
    assert (found.dialect.delimiter, found.dialect.quote, found.dialect.escape) == (delimiter, '"', "")
    assert [column.values for column in found.columns] == [(cell,) for cell in cells]
    assert found.columns[3].multiline


def test_the_dialect_of_concordance_is_recognised(tmp_path: Path) -> None:
    found = guessed(tmp_path, written(FRENCH, delimiter="\x14", quotechar="þ", quoting=csv.QUOTE_ALL))
    assert (found.dialect.delimiter, found.dialect.quote) == ("\x14", "þ")


def test_backslashes_that_escape_are_told_from_those_that_do_not(tmp_path: Path) -> None:
    escaped = '1,"a \\"quoted\\", word","b",\\N\n' * 20
    found = guessed(tmp_path, f"number,title,maker,place\n{escaped}".encode())
    assert found.dialect.escape == "\\"
    assert found.columns[1].values == ('a "quoted", word',)
    assert found.null == ("N",)
    windows = '1,"C:\\images\\","b",c\n' * 20
    assert guessed(tmp_path, f"number,title,maker,place\n{windows}".encode()).dialect.escape == ""


def test_inches_that_begin_cells_are_not_taken_for_quotes(tmp_path: Path) -> None:
    rows = '1|"Old" Master|12" x 8"|x\n' * 30
    found = guessed(tmp_path, f"number|title|size|place\n{rows}".encode())
    assert (found.dialect.delimiter, found.dialect.quote) == ("|", "")
    assert found.columns[1].values == ('"Old" Master',)


def test_apostrophes_that_begin_cells_are_not_taken_for_quotes(tmp_path: Path) -> None:
    rows = "1,'s-Gravenhage,'t Hooft,x\n2,Delft,Vermeer,y\n" * 10
    found = guessed(tmp_path, f"number,title,maker,place\n{rows}".encode())
    assert found.dialect.quote == '"'
    assert found.columns[1].values[0] == "'s-Gravenhage"


@pytest.mark.parametrize("report", ["Collection report 2024\n\n", "Report;;;\nPrinted 2024-01-02;;;\n"])
def test_a_title_above_the_header_is_skipped(tmp_path: Path, report: str) -> None:
    found = guessed(tmp_path, report.encode() + written(FRENCH, delimiter=";"))
    assert found.dialect.skip_lines == 2
    assert tuple(column.name for column in found.columns) == NAMES


def test_a_file_without_a_header_is_recognised_by_its_first_row(tmp_path: Path) -> None:
    rows = "".join(f"{n},Title {n},painting\n" for n in range(30))
    found = guessed(tmp_path, rows.encode())
    assert not found.dialect.header
    assert found.records == 30
    assert found.format.columns == ("column 1", "column 2", "column 3")


def test_a_single_column_is_read_as_one(tmp_path: Path) -> None:
    found = guessed(tmp_path, b"title\nOld Trees\nA Bowl\nTextile fragment, red\n")
    assert [column.name for column in found.columns] == ["title"]
    assert found.columns[0].distinct == 2
    assert "1 record not of 1 cells" in found.remarks[0]


def test_line_ends_are_counted_and_the_most_frequent_told_first(tmp_path: Path) -> None:
    found = guessed(tmp_path, b"a,b\r\n1,2\r\n3,4\r\n5,6\n7,8\r9,10\n")
    assert found.dialect.line_ends == (("CRLF", 3), ("LF", 2), ("CR", 1))


def test_strings_for_null_are_told_apart_from_those_that_may_be_data(tmp_path: Path) -> None:
    rows = "1,NULL,Delft\n2,unknown,NULL\n3,Vermeer,-\n"
    found = guessed(tmp_path, f"number,maker,place\n{rows}".encode())
    assert found.nulls == {"NULL": 2, "unknown": 1, "-": 1}
    assert found.null == ("NULL",)
    assert [column.filled for column in found.columns] == [3, 2, 2]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "22", "-3"], "whole number"),
        (["1.5", "1,200.5", "7"], "number"),
        (["1883-01-01", "-0206-01-05", "1900-02"], "ISO date"),
        (["c. 1860", "19th century", "1920s"], "date text"),
        (["http://a.example/x", "https://b.example/y"], "URL"),
        (["cmoa:things/1", "urn:uuid:2"], "URI"),
        (["10 x 18 cm", "26 1/4 in. x 40 in.", "3 kg"], "measurements"),
        (["word " * 60, "text " * 70], "long text"),
        (["painting", "vase"], "text"),
    ],
)
def test_a_column_is_told_by_what_stands_in_it(tmp_path: Path, values: list[str], kind: str) -> None:
    rows = [("x", value, "y") for value in values] * 3
    assert guessed(tmp_path, written(rows)).columns[1].kind == kind


def test_several_values_in_a_cell_are_told_with_their_separator(tmp_path: Path) -> None:
    sentence = "sold at the great auction of the year; bought by the museum from the estate of its last owner"
    rows = [("a|b", "red; blue", sentence, "http://a.example/x|http://a.example/y" + "z" * 50)] * 5
    separators = [column.separator for column in guessed(tmp_path, written(rows)).columns]
    assert separators == ["|", ";", "", "|"]


def test_compressed_files_are_looked_into(tmp_path: Path) -> None:
    data = written(FRENCH)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("export.csv", data)
    plain = guessed(tmp_path, data)
    for kind, packed in (
        ("gzip", gzip.compress(data)),
        ("zstd", zstandard.compress(data)),
        ("zip", zipped.getvalue()),
    ):
        found = guessed(tmp_path, packed)
        assert (found.compression, found.columns, found.dialect) == (kind, plain.columns, plain.dialect)


def test_a_cut_gzip_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    rows = [(str(n), f"Title {n * 7919 % 1000}", "Vermeer", "Delft") for n in range(5_000)]
    packed = gzip.compress(written(rows))
    found = guessed(tmp_path, packed[: len(packed) // 2])
    assert not found.whole
    assert [column.name for column in found.columns] == list(NAMES)


def test_pictures_within_cells_do_not_hide_the_delimiter(tmp_path: Path) -> None:
    rows = [(str(n), "Old Trees; a study", "QUJD" * 60_000, "here") for n in range(6)]
    found = guessed(tmp_path, written(rows))
    assert found.dialect.delimiter == ","
    assert found.records == 6


@pytest.mark.parametrize(("data", "message"), [(b"", "empty"), (b"\n\n", "empty")])
def test_an_empty_file_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        guessed(tmp_path, data)


def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.csv"):
        guess(str(tmp_path / "nowhere.csv"))


def test_what_the_user_knows_is_taken_for_true(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(written(FRENCH, "mac_roman", delimiter=";"))
    found = guess(str(path), encoding="macroman", delimiter=";")
    assert (found.encoding.name, found.encoding.certainty) == ("mac-roman", "given")
    assert found.columns[1].values[0] == "Café de la gare"
    with pytest.raises(UsageError, match="klingon"):
        guess(str(path), encoding="klingon")
    with pytest.raises(UsageError, match="one character"):
        guess(str(path), delimiter="||")


def test_the_report_and_the_json_tell_the_same(tmp_path: Path) -> None:
    found = guessed(tmp_path, written(FRENCH, "cp1252", delimiter=";"))
    told = json.loads(json.dumps(found.as_dict()))
    report = "\n".join(found.report())
    assert told["delimiter"] == ";"
    assert "semicolon" in report
    for word in told["encoding"]["words"]:
        assert word in report
    for column in told["columns"]:
        assert column["name"] in report


def test_real_exports_are_read_as_the_standard_library_reads_them(reference: Path) -> None:
    paths = sorted((reference / "data").rglob("*.csv")) + sorted((reference / "nasty").rglob("*.csv"))
    assert len(paths) > 20
    for path in paths:
        found = guess(str(path))
        assert (found.encoding.name, found.dialect.delimiter, found.dialect.quote) == ("utf-8", ",", '"')
        assert (found.dialect.escape, found.dialect.header, found.dialect.skip_lines) == ("", True, 0)
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in itertools.islice(csv.reader(file), 20_000) if row]
        assert [column.name for column in found.columns] == rows[0]
        if found.whole and len(rows) < 20_000:
            assert found.records == len(rows) - 1


def test_a_source_can_be_opened_in_the_format_that_was_guessed(tmp_path: Path) -> None:
    report = b"Collection report 2024\n\n"
    found = guessed(tmp_path, report + written(FRENCH, "mac_roman", delimiter="^", lineterminator="\r\n"))
    source = open_source(found.path, found.format, Settings())
    assert source.header.names == tuple(column.name for column in found.columns) == NAMES
    rows = [tuple(row) for chunk in source.chunks(source.first) for row in source.records(chunk).rows]
    source.close()
    assert rows == FRENCH


def test_the_columns_of_json_lines_are_told_of_as_much_as_is_looked_at(tmp_path: Path) -> None:
    line = '{"id": 1, "title": "Träume", "makers": ["A", "B"], "in": {"x": null}}\n'
    found = guessed(tmp_path, (line * 9 + "nonsense\n").encode(), "export.jsonl")
    assert (found.kind, found.whole, found.records) == ("JSON lines", True, 10)
    assert [column.name for column in found.columns] == ["id", "title", "makers", "in.x"]
    assert found.columns[2].separator == "|"
    assert found.remarks == ("1 line without a record would be quarantined",)
    assert "encoding" not in "\n".join(found.report())
    found = guessed(tmp_path, (line * 90_000).encode(), "export.jsonl")
    assert (found.whole, found.columns[0].distinct, len(found.remarks)) == (False, 1, 1)


def test_the_columns_of_parquet_and_of_a_workbook_are_told(tmp_path: Path) -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "day": [date(1883, 12, 31), None]}), stream)
    found = guessed(tmp_path, stream.getvalue(), "export.parquet")
    assert (found.kind, [column.kind for column in found.columns]) == (
        "Parquet",
        ["whole number", "ISO date"],
    )
    book = openpyxl.Workbook()
    book.worksheets[0].append(["id", "title"])
    book.worksheets[0].append([1, "Vase"])
    book.save(tmp_path / "export.xlsx")
    found = guess(str(tmp_path / "export.xlsx"))
    assert (found.kind, found.format.header) == ("workbook", True)
    assert [column.examples for column in found.columns] == [("1",), ("Vase",)]


def test_of_a_workbook_with_several_sheets_one_is_looked_at_and_named_in_the_draft(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["remark"])
    objects = book.create_sheet("Objects")
    for row in (["made in March"], ["number", "title"], ["1.1998", "Vase"]):
        objects.append(row)
    path = tmp_path / "export.xlsx"
    book.save(path)
    with pytest.raises(SourceError, match="several sheets"):
        guess(str(path))
    found = guess(str(path), workbook=Workbook(sheet="Objects", header_row=2))
    assert [column.name for column in found.columns] == ["number", "title"]
    assert tomllib.loads(draft_mapping(found))["source"]["workbook"] == {"sheet": "Objects", "header_row": 2}


@pytest.mark.parametrize(
    "content", [Random(4).randbytes(5_000), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0" * 9]
)
def test_what_is_no_text_is_refused_unless_its_encoding_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="no text"):
        guess(str(path))
    assert guess(str(path), encoding="latin-1").encoding.certainty == "given"
