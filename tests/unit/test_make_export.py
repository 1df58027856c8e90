"""The made-up export is what its truth file says, byte for byte and defect for defect."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.collection import COLUMNS, accession, object_id
from benchmarks.defects import DEFECTS, Defects, original_of
from benchmarks.make_export import write_export

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "sample" / "sample_export.csv"
TRUTH = SAMPLE.with_suffix(".truth.json")

KINDS = {defect.kind: defect for defect in DEFECTS}


def made(rows: int, seed: int = 1, defects: Defects = "sample", thumbnails: int = 0) -> tuple[bytes, Any]:
    """An export and its truth."""
    out, truth = io.BytesIO(), io.StringIO()
    write_export(out, rows=rows, seed=seed, defects=defects, thumbnails=thumbnails, truth=truth)
    return out.getvalue(), json.loads(truth.getvalue())


def physical_lines(data: bytes) -> list[bytes]:
    """The lines of a file, ended by LF, CRLF or CR, as an editor numbers them."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def rows_of(data: bytes) -> list[list[str]]:
    """The rows of a sound export."""
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))


def test_the_sample_in_the_repository_is_what_the_generator_makes(tmp_path: Path) -> None:
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    out, told = tmp_path / "export.csv", tmp_path / "truth.json"
    facts = [f"--{name}={truth[name]}" for name in ("rows", "seed", "defects", "thumbnails")]
    command = [sys.executable, str(ROOT / "benchmarks" / "make_export.py"), *facts]
    subprocess.run(
        [*command, f"--out={out}", f"--truth={told}"], check=True, cwd=tmp_path, capture_output=True
    )
    assert out.read_bytes() == SAMPLE.read_bytes()
    assert told.read_text(encoding="utf-8") == TRUTH.read_text(encoding="utf-8")


def test_the_sample_is_small_and_mostly_good() -> None:
    expected = json.loads(TRUTH.read_text(encoding="utf-8"))["expected"]
    assert SAMPLE.stat().st_size < 1_500_000
    assert 0 < expected["quarantined"] < expected["read"] / 10


def test_a_thousand_records_have_every_kind_of_defect_as_often_as_the_table_says() -> None:
    _, truth = made(2_000)
    assert {kind: told["count"] for kind, told in truth["kinds"].items()} == {
        defect.kind: 2 * defect.per_thousand for defect in DEFECTS
    }
    assert Counter(position["kind"] for position in truth["positions"]) == {
        defect.kind: 2 * defect.per_thousand for defect in DEFECTS
    }
    assert len(DEFECTS) >= 20


@given(
    rows=st.integers(0, 400), seed=st.integers(0, 50), defects=st.sampled_from(["none", "sample", "all-bad"])
)
@settings(max_examples=25, deadline=None)
def test_the_expected_account_balances(rows: int, seed: int, defects: Defects) -> None:
    expected = made(rows, seed, defects)[1]["expected"]
    assert expected["read"] == rows == expected["inserted"] + expected["quarantined"]


@given(rows=st.integers(0, 300), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_the_same_rows_and_seed_give_the_same_bytes(rows: int, seed: int) -> None:
    assert made(rows, seed) == made(rows, seed)


def test_another_seed_gives_another_collection() -> None:
    assert made(10, seed=1)[0] != made(10, seed=2)[0]


@given(rows=st.integers(1, 300), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_an_export_without_defects_is_sound_csv_with_unique_numbers(rows: int, seed: int) -> None:
    header, *records = rows_of(made(rows, seed, "none")[0])
    assert tuple(header) == COLUMNS
    assert [len(record) for record in records] == [len(COLUMNS)] * rows
    assert [record[0] for record in records] == [object_id(number) for number in range(1, rows + 1)]
    assert len({record[1] for record in records}) == rows
    assert all(record[COLUMNS.index(name)] for record in records for name in ("title", "object_type"))


def test_parallel_lists_of_good_records_have_the_same_length() -> None:
    for record in rows_of(made(500, defects="none")[0])[1:]:
        cells = dict(zip(COLUMNS, record, strict=True))
        for names, others in (
            ("creators", "creator_ids"),
            ("creators", "creator_roles"),
            ("materials", "material_uris"),
        ):
            assert cells[names].count("|") == cells[others].count("|")


def test_every_defect_stands_on_the_line_that_the_truth_names() -> None:
    data, truth = made(3_000)
    lines = physical_lines(data)
    without_id = {"blank-line": b"", "only-delimiters": b"," * (len(COLUMNS) - 1)}
    for position in truth["positions"]:
        kind, line = position["kind"], lines[position["line"] - 1]
        number = position.get("original", position.get("record"))
        assert line == without_id[kind] if kind in without_id else line.startswith(object_id(number).encode())


def test_a_record_is_its_defect_and_nothing_else() -> None:
    """Line by line, the export differs from the one without defects only where the truth says so."""
    data, truth = made(1_000)
    told = {position["record"] for position in truth["positions"] if "record" in position}
    sound = rows_of(made(1_000, defects="none")[0])[1:]
    for number, record in enumerate(sound, 1):
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerow(record)
        assert (b"\n" + text.getvalue().encode() in data) == (number not in told)


def test_a_duplicate_repeats_the_numbers_of_a_good_record_before_it() -> None:
    _, truth = made(5_000)
    bad = {position.get("record") for position in truth["positions"]}
    duplicates = [position for position in truth["positions"] if position["kind"] == "duplicate"]
    assert duplicates
    for duplicate in duplicates:
        assert duplicate["original"] == original_of(duplicate["record"]) < duplicate["record"]
        assert duplicate["original"] not in bad
        assert accession(duplicate["original"]) != accession(duplicate["record"])


def test_neighbours_of_a_defect_are_good() -> None:
    numbers = [position["record"] for position in made(3_000)[1]["positions"] if "record" in position]
    assert all(later - earlier > 1 for earlier, later in pairwise(numbers))


def test_an_unclosed_quote_stays_on_its_line() -> None:
    data, truth = made(3_000)
    lines = physical_lines(data)
    unclosed = [position for position in truth["positions"] if position["kind"] == "unclosed-quote"]
    assert unclosed
    for position in unclosed:
        line = lines[position["line"] - 1]
        assert line.count(b'"') == 1
        assert line.count(b",") == len(COLUMNS) - 1


def test_the_last_record_never_leaves_a_quote_open() -> None:
    for rows in range(1, 60):
        last = made(rows, defects="all-bad")[1]["positions"][-1]
        assert last["record"] == rows
        assert last["kind"] != "unclosed-quote"


def test_every_record_of_an_all_bad_export_is_bad() -> None:
    _, truth = made(100, defects="all-bad")
    assert [position["record"] for position in truth["positions"]] == list(range(1, 101))
    assert {KINDS[position["kind"]].outcome for position in truth["positions"]} == {"quarantined"}


@given(rows=st.integers(16, 400), thumbnails=st.integers(0, 2))
@settings(max_examples=20, deadline=None)
def test_as_many_records_as_asked_for_have_a_very_large_cell(rows: int, thumbnails: int) -> None:
    data, _ = made(rows, thumbnails=thumbnails)
    assert sum(len(line) > 131_072 for line in physical_lines(data)) == thumbnails


def test_more_thumbnails_than_good_records_are_refused() -> None:
    with pytest.raises(ValueError, match="room for 1 thumbnails"):
        made(10, thumbnails=2)


class Nowhere(io.RawIOBase):
    """Takes bytes and forgets them."""

    def write(self, data: Any, /) -> int:
        return len(data)


def peak_memory(rows: int) -> int:
    tracemalloc.start()
    write_export(cast("BinaryIO", Nowhere()), rows=rows, seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_number_of_rows() -> None:
    assert peak_memory(6_000) < 1.25 * peak_memory(2_000)
