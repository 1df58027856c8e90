"""Records from Python: dicts and Arrow record batches."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.config import Settings
from muniment.errors import HeaderError, SourceError, SourceTooLarge
from muniment.sources import Format, open_source
from tests.unit.sources.reading import Reading, read_all, settings


def read_records(records: Any, bounds: Settings | None = None) -> Reading:
    source = open_source(records, Format(delimiter=";", null=("NULL",)), bounds or Settings())
    assert source.name == source.location == "<records>"
    reading = read_all(source)
    source.close()
    return reading


def test_values_become_text() -> None:
    record = {
        "text": 'a "b"\r\n,c;',
        "none": None,
        "number": 12,
        "decimal": Decimal("1.50"),
        "day": date(2020, 2, 3),
        "moment": datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC),
        "time": time(4, 5),
        "truth": True,
    }
    reading = read_records(iter([record]))
    assert reading.header.names == tuple(record)
    assert reading.rows == [
        ['a "b"\r\n,c;', "", "12", "1.50", "2020-02-03", "2020-02-03T04:05:06+00:00", "04:05:00", "True"]
    ]


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.text()}), min_size=1, max_size=5))
def test_text_is_kept_as_it_is(records: list[dict[str, str]]) -> None:
    reading = read_records(records, settings(chunk_rows=2))
    assert not reading.incomplete
    assert len(reading.rows) == len(records)
    for index, record in enumerate(records):
        if any("\0" in cell for cell in record.values()):
            assert reading.problems[index] == "nul"
        else:
            assert index not in reading.problems
            assert reading.rows[index] == [record[name] for name in reading.header.names]


def test_what_is_not_text_is_rejected_record_by_record() -> None:
    reading = read_records([{"a": "1"}, {"a": "\ud800"}, {"a": "\0"}, {"a": b"\xff"}, {"a": "2"}])
    assert reading.problems == {1: "undecodable", 2: "nul", 3: "undecodable"}
    assert reading.good == [["1"], ["2"]]


def test_other_keys_are_empty_or_too_many_but_never_dropped() -> None:
    reading = read_records([{"a": 1, "b": 2}, {"b": 3}, {"a": 4, "b": 5, "c": 6}])
    assert reading.rows == [["1", "2"], ["", "3"], ["4", "5", "6"]]
    assert reading.problems == {2: "ragged"}


def test_arrow_record_batches_are_read() -> None:
    columns = {"id": list(range(2_500)), "day": [date(2020, 1, 1), None] * 1_250}
    table = pa.table(columns)
    expected = [[str(n), "2020-01-01" if n % 2 == 0 else ""] for n in range(2_500)]
    assert read_records(iter(table.to_batches(max_chunksize=700))).rows == expected
    assert read_records(table).rows == expected
    assert read_records(table.to_batches()[0]).rows == expected
    assert read_records(pa.RecordBatchReader.from_batches(table.schema, [])).header.names == ("id", "day")


def test_batches_with_other_columns_are_refused() -> None:
    first = pa.record_batch({"a": [1]})
    with pytest.raises(SourceError, match="other columns"):
        read_records([first, pa.record_batch({"b": [1]})])


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(SourceError, match="not str"):
        read_records(["a,b"])
    with pytest.raises(HeaderError, match="no records"):
        read_records([])


def test_records_are_copied_up_to_a_bound() -> None:
    with pytest.raises(SourceTooLarge):
        read_records(({"a": "x" * 1_000} for _ in range(100)), settings(max_decompressed_bytes=10_000))


def test_the_copy_is_csv_that_any_program_reads() -> None:
    records = [{"a": '"', "b": "\r"}, {"a": "", "b": ","}]
    source = open_source(records, Format(), Settings())
    text = source.read_bytes(0, 1_000).decode()
    source.close()
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == records
