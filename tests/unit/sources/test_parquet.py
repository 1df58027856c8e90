"""Parquet: exact text of every type, rows with their numbers, and errors that say what to do."""

from __future__ import annotations

import base64
import gzip
import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow.parquet import encryption

from muniment.config import Settings
from muniment.errors import SourceError, UsageError
from muniment.sources import Format, open_source
from muniment.sources import parquet as module
from tests.unit.sources.reading import read, settings


def written(columns: dict[str, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


def texts(values: list[Any], kind: pa.DataType) -> list[str]:
    return [cell for (cell,) in read(written({"a": pa.array(values, kind)})).rows]


MOMENT = datetime(1883, 12, 31, 13, 45, 0, 500)  # noqa: DTZ001 - of no time zone


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (Decimal("2010.70"), pa.decimal128(20, 2), "2010.70"),
        (Decimal("0.0000001"), pa.decimal128(20, 7), "0.0000001"),
        (Decimal("-1" + "0" * 60), pa.decimal256(70, 0), "-1" + "0" * 60),
        (2**63, pa.uint64(), str(2**63)),
        (0.1, pa.float64(), "0.1"),
        (0.1, pa.float32(), "0.1"),
        (True, pa.bool_(), "True"),
        (date(1, 1, 1), pa.date32(), "0001-01-01"),
        (MOMENT, pa.timestamp("us"), "1883-12-31T13:45:00.000500"),
        (MOMENT, pa.timestamp("ns"), "1883-12-31T13:45:00.000500"),
        (1, pa.timestamp("ns"), "1970-01-01 00:00:00.000000001"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), pa.timestamp("ms", "UTC"), "2026-01-31T12:00:00+00:00"),
        (time(13, 45), pa.time64("us"), "13:45:00"),
        (5, pa.time64("ns"), "00:00:00.000000005"),
        ("Zürich", pa.large_string(), "Zürich"),
        ("é", pa.dictionary(pa.int32(), pa.string()), "é"),
        ("é".encode(), pa.binary(), "é"),
        ([1, None, 2], pa.list_(pa.int8()), "1||2"),
        ([("k", 1)], pa.map_(pa.string(), pa.int8()), '[["k", 1]]'),
        (None, pa.null(), ""),
    ],
)
def test_each_type_has_its_exact_text(value: Any, kind: pa.DataType, text: str) -> None:
    assert texts([value, None], kind) == [text, ""]


def test_a_date_that_python_does_not_have_is_told_as_arrow_tells_it() -> None:
    assert texts([10**7], pa.int32()) == ["10000000"]
    far = pa.array([10**7], pa.int32()).cast(pa.date32())
    assert [cell for (cell,) in read(written({"a": far})).rows] == ["29349-01-26"]


def test_rows_are_numbered_over_all_row_groups_and_empty_ones_are_records() -> None:
    data = written({"a": ["1", None, "3", "4"], "b": ["x", None, "", "y\nz"]}, row_group_size=3)
    found = read(data)
    assert found.rows == [["1", "x"], ["", ""], ["3", ""], ["4", "y\nz"]]
    assert [position.line for position in found.positions] == [1, 2, 3, 4]
    assert found.blank_lines == 0


PEOPLE = pa.list_(pa.struct([("name", pa.string()), ("born", pa.struct([("year", pa.int16())]))]))


def test_structures_have_columns_of_their_own_and_lists_are_joined() -> None:
    people = [[{"name": "A", "born": {"year": 1800}}, {"name": "B", "born": None}, None], [], None]
    data = written({"n": [1, 2, 3], "p": pa.array(people, PEOPLE), "s": [{"x": True}, {"x": None}, None]})
    found = read(data)
    assert found.header.given == ("n", "p.name", "p.born.year", "s.x")
    assert found.rows == [["1", "A|B|", "1800||", "True"], ["2", "", "", ""], ["3", "", "", ""]]
    assert read(data, Format(list_separator="; ")).rows[0][1] == "A; B; "
    whole = read(data, Format(nested="text"))
    assert whole.header.given == ("n", "p", "s")
    assert whole.rows[0][2] == '{"x": true}'


def test_what_fits_no_column_is_told_of_its_row() -> None:
    source = open_source(io.BytesIO(written({"a": [["x"], ["y|z"]], "b": ["1", "2"]})), Format(), Settings())
    (chunk,) = source.chunks(source.first)
    records = source.records(chunk)
    assert [problem.code for problem in records.findings[1]] == ["json-separator"]
    assert (list(records.findings), records.rows[1]) == ([1], ["", "2"])
    source.close()


@given(
    rows=st.lists(st.tuples(st.text(max_size=5) | st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=20),
    group=st.integers(1, 7),
    bound=st.integers(1, 4),
)
def test_whatever_text_there_is_comes_back(
    rows: list[tuple[str | None, int]], group: int, bound: int
) -> None:
    kept = [(text and text.replace("\0", ""), number) for text, number in rows]
    columns = {
        "a": pa.array([a for a, _ in kept], pa.string()),
        "b": pa.array([b for _, b in kept], pa.int64()),
    }
    found = read(written(columns, row_group_size=group), None, settings(chunk_rows=bound))
    assert found.rows == [[text or "", str(number)] for text, number in kept]
    assert not found.problems


def test_what_cannot_be_stored_is_a_rejected_record() -> None:
    data = written({"a": pa.array([b"ok", b"\xe9", b"a\0b"], pa.binary())})
    assert set(read(data).problems) == {1, 2}


def test_a_compressed_file_is_read_too() -> None:
    assert read(gzip.compress(written({"a": ["1"]}))).rows == [["1"]]


def test_names_that_repeat_are_told_apart() -> None:
    table = pa.Table.from_arrays([pa.array(["1"]), pa.array(["2"])], names=["a", "a"])
    stream = io.BytesIO()
    pq.write_table(table, stream)
    assert read(stream.getvalue()).header.names == ("a", "a#2")


@pytest.mark.parametrize("cut", [1, 20, 100, -30])
def test_a_broken_file_is_told_with_what_to_do(cut: int) -> None:
    data = written({"a": [str(n) * 50 for n in range(500)]}, use_dictionary=False, compression="zstd")
    broken = data[:-cut] if cut > 0 else data[:40] + bytes(200) + data[240:]
    with pytest.raises(SourceError, match=r"cannot be read.*copy or export it again"):
        read(broken)


class Vault(encryption.KmsClient):
    """Keeps keys by not keeping them."""

    def __init__(self) -> None:
        encryption.KmsClient.__init__(self)

    def wrap_key(self, key: Any, _: str) -> Any:
        return base64.b64encode(key)

    def unwrap_key(self, wrapped: Any, _: str) -> Any:
        return base64.b64decode(wrapped)


@pytest.mark.parametrize("names_are_plain", [True, False])
def test_an_encrypted_file_is_told_as_such(names_are_plain: bool, tmp_path: Path) -> None:
    path = tmp_path / "secret.parquet"
    factory = encryption.CryptoFactory(lambda _: Vault())
    keys = encryption.EncryptionConfiguration("f", column_keys={"c": ["a"]}, plaintext_footer=names_are_plain)
    how = factory.file_encryption_properties(encryption.KmsConnectionConfig(), keys)
    table = pa.table({"a": ["1"]})
    with pq.ParquetWriter(path, table.schema, encryption_properties=how) as file:
        file.write_table(table)
    with pytest.raises(SourceError, match="is encrypted"):
        open_source(path, Format(), Settings())


def test_a_file_that_is_only_called_parquet_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "export.parquet"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(SourceError, match="no Parquet file, though it is called so"):
        open_source(path, Format(), Settings())


def test_a_row_group_that_holds_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GROUP_BYTES", 1_000)
    data = written({"a": ["x" * 100 + str(n) for n in range(100)]}, use_dictionary=False)
    with pytest.raises(SourceError, match=r"row group 1 holds .* smaller row groups"):
        read(data)


def test_without_its_reader_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match=r"needs pyarrow. Install it: pip install \"muniment\[arrow\]\""):
        read(b"PAR1" + bytes(20))
