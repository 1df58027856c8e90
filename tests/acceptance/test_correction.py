"""The way of a rejected record: exported, mended by a person in a spreadsheet program, handed in again."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, StringConstraints

import muniment
from muniment import correction
from muniment.config import RejectBudget, Settings
from muniment.databases import Database, connect
from muniment.errors import SourceError, UsageError
from muniment.events import ChunkCommitted, Event, RecordRejected, SourceRemark
from muniment.museum import tables
from muniment.quarantine import quarantine_table
from muniment.table import PrimaryKey

MAPPING = """
[institution]
name = "Museum of Trials"
id = "trials"

[fields]
accession = "Number"
title = "Title"
object_type = "Type"
date = "Date"
creator = { name = "Maker", split = "|" }
credit_line = "Credit"
manifest = "Manifest"
"""

COLUMNS = ("Number", "Title", "Type", "Date", "Maker", "Credit", "Manifest")
ANY_NUMBER_OF_REJECTS = Settings(max_rejects=RejectBudget())
RECORD_BY_RECORD = Settings(max_rejects=RejectBudget(), chunk_rows=1)

CLEAN = (
    ("001.1998", "Vase", "vase", "1850", "Ana|Bo", "Gift of the artist", ""),
    ("2010.70", "A picture of 東京", "painting", "1883-12-31", "Łukasz", "=1+1", ""),
    ("1234567890123", "Two\nlines", "print", "c. 1900", "", "-5", "https://example.org/iiif/1/manifest"),
    ("4", "Café", "bowl", "1990", "Zoë", "", ""),
    ("5", 'A bowl, 12" x 8"', "bowl", "1990", "", "", ""),
    ("6", "Bread, butter", "still life", "1990", "Di", "Bequest", ""),
    ("0007", "Jug", "jug", "3-12", "", "+49 30 1234", ""),
)
"""What the export would be without its faults."""

CORRECTIONS = {
    # by the number of the object, what a person changes in the worksheet's row
    "2010.70": {"Title": "A picture of 東京"},
    "1234567890123": {"Manifest": "https://example.org/iiif/1/manifest"},
    "4": {"Title": "Café", "Maker": "Zoë"},
    "5": dict(zip(COLUMNS, CLEAN[4], strict=True)) | {"muniment_surplus": ""},
    "6": dict(zip(COLUMNS, CLEAN[5], strict=True)) | {"muniment_surplus": ""},
    "0007": {"Type": "jug"},
}

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of what does not depend on the database: one of them will do."""

Rows = list[dict[str, str]]


def csv_bytes(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def dirty() -> bytes:
    """The clean export with a fault in each record but the first."""
    rows = [list(row) for row in CLEAN]
    rows[1][1] = ""
    rows[2][6] = "not a manifest"
    rows[6][2] = ""
    broken = (
        csv_bytes([COLUMNS, *rows[:4], rows[6]])
        .replace("Café".encode(), b"Caf\xe9")
        .replace("Zoë".encode(), b"Zo\xeb")
    )
    # An unbalanced quote, and a delimiter in a cell that is not quoted.
    return (
        broken + b'5,"A bowl, 12" x 8",bowl,1990,,,\r\n' + b"6,Bread, butter,still life,1990,Di,Bequest,\r\n"
    )


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(connect(database_url)) as opened:
        yield opened


@pytest.fixture
def load(database_url: str, tmp_path: Path) -> Callable[..., muniment.Run]:
    """Loads an export, given as bytes or as rows, into the database."""

    def load(
        export: bytes | Sequence[Sequence[str]], name: str = "export.csv", **options: Any
    ) -> muniment.Run:
        path = tmp_path / name
        path.write_bytes(export if isinstance(export, bytes) else csv_bytes([COLUMNS, *export]))
        mapping = muniment.Mapping.parse(MAPPING)
        return muniment.load(
            path,
            mapping=mapping,
            to=options.pop("to", database_url),
            **{"settings": ANY_NUMBER_OF_REJECTS, **options},
        )

    return load


def interrupt(event: object) -> None:
    """An observer that ends a load after its first chunk."""
    if isinstance(event, ChunkCommitted):
        raise ConnectionResetError


def exported(database: Database, **options: Any) -> Rows:
    """The worksheet's rows, by name of the column."""
    stream = io.BytesIO()
    correction.export(database, stream, **options)
    text = stream.getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def corrected(rows: Rows, changes: Mapping[str, Mapping[str, str]]) -> Rows:
    """The rows with what a person changes in them, who knows each row by the number in it."""
    by_number = {'5,A bowl, 12 x 8"': "5"}
    return [row | dict(changes.get(by_number.get(row["Number"], row["Number"]), {})) for row in rows]


def as_utf8_csv(rows: Rows) -> bytes:
    """As a careful person or program writes it."""
    return csv_bytes([list(rows[0]), *(list(row.values()) for row in rows)])


def as_excel_writes_it(rows: Rows) -> bytes:
    """In a country with semicolons, in its code page, numbers and dates taken for what they look like."""
    table = [list(rows[0]), *([_as_excel_shows(cell) for cell in row.values()] for row in rows)]
    lines = []
    for row in table:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=";", lineterminator="\r\n").writerow(row)
        # Excel leaves out the delimiters of empty cells at the end.
        lines.append(text.getvalue().rstrip(";\r\n") + "\r\n")
    return "".join(lines).encode("cp1252", "replace")


def _as_excel_shows(cell: str) -> str:
    known = {
        "001.1998": "1.1998",
        "2010.70": "2010,7",
        "1234567890123": "1,23457E+12",
        "0007": "7",
        "3-12": "12. Mrz",
        "1883-12-31": "31.12.1883",
    }
    return known.get(cell, cell.rstrip())


def as_libreoffice_writes_it(rows: Rows) -> bytes:
    """UTF-8 without a mark, every text quoted, LF, numbers without their zeros."""
    known = {"001.1998": "1.1998", "2010.70": "2010.7", "0007": "7"}
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(list(rows[0]))
    writer.writerows([known.get(cell, cell).replace("\r\n", "\n") for cell in row.values()] for row in rows)
    return text.getvalue().encode()


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that is stored of objects, without surrogate keys, runs and lineage."""
    metadata = {
        "object_id",
        "institution_id",
        "run_id",
        "record_number",
        "line",
        "byte_offset",
        "byte_length",
    }
    metadata.add("row_hash")
    found = {}
    with database.engine.connect() as connection:

        def named(key: sa.Column[Any], name: sa.Column[Any]) -> dict[int, str]:
            return {row[0]: row[1] for row in connection.execute(sa.select(key, name))}

        names = {
            "term_id": named(tables.term.c.term_id, tables.term.c.label),
            "actor_id": named(tables.actor.c.actor_id, tables.actor.c.name),
        }
        keys = named(tables.object_.c.object_id, tables.object_.c.record_key)
        for table in (tables.object_, *tables.PARTS_OF_OBJECT):
            rows = []
            for row in connection.execute(table.select()).mappings():
                plain = [
                    (name, names[name][value] if name in names else value)
                    for name, value in row.items()
                    if name not in metadata
                ]
                rows.append((keys[row["object_id"]], str(plain)))
            found[table.name] = sorted(rows)
    return found


def states(database: Database) -> list[tuple[int, str]]:
    return [(entry.id, entry.state) for entry in correction.entries(database, state=None)]


@pytest.mark.parametrize("saved", [as_utf8_csv, as_excel_writes_it, as_libreoffice_writes_it])
def test_corrected_records_are_stored_as_if_they_had_been_right_from_the_start(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path, saved: Callable[[Rows], bytes]
) -> None:
    first = load(dirty())
    assert (first.account.read, first.account.inserted, first.account.quarantined) == (7, 1, 6)
    worksheet = tmp_path / "corrected.csv"
    rows = corrected(exported(database), CORRECTIONS)
    if saved is as_excel_writes_it:
        # What a code page cannot write, nobody can correct in it.
        rows = [row | {"Title": "A picture of Tokyo"} if row["Number"] == "2010.70" else row for row in rows]
    worksheet.write_bytes(saved(rows))
    run = correction.resubmit(database, worksheet)
    assert (run.status, run.account.read, run.account.inserted, run.account.quarantined) == ("done", 6, 6, 0)
    assert {state for _, state in states(database)} == {"closed"}
    clean_url = f"sqlite:///{tmp_path / 'clean.db'}"
    clean = [list(row) for row in CLEAN]
    if saved is as_excel_writes_it:
        clean[1][1] = "A picture of Tokyo"
    load(clean, "clean.csv", to=clean_url)
    with closing(connect(clean_url)) as expected:
        assert content(database) == content(expected)


@ON_SQLITE
def test_what_a_spreadsheet_program_did_is_told(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load(dirty())
    worksheet = tmp_path / "corrected.csv"
    worksheet.write_bytes(as_libreoffice_writes_it(corrected(exported(database), CORRECTIONS)))
    (message,) = correction.resubmit(database, worksheet).messages
    assert message.startswith("2 cells had only been rewritten by a spreadsheet program")
    assert "'2010.7' stays '2010.70'" in message


@ON_SQLITE
def test_a_worksheet_is_harmless_readable_and_private(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "", "vase", "1900", "=HYPERLINK(1)", "  @SUM(A1)", "")])
    worksheet = tmp_path / "worksheet.csv"
    assert correction.export(database, worksheet) == 1
    assert stat.S_IMODE(worksheet.stat().st_mode) == 0o600
    data = worksheet.read_bytes()
    assert data.startswith(
        b"\xef\xbb\xbfmuniment_id,muniment_line,muniment_field,muniment_problem,muniment_hint,Number"
    )
    assert data.count(b"\n") == data.count(b"\r\n") == 2
    (row,) = exported(database)
    assert row["Maker"] == "'=HYPERLINK(1)"
    assert row["Credit"] == "'  @SUM(A1)"
    assert (row["muniment_line"], row["muniment_field"], row["muniment_problem"]) == (
        "2",
        "Title",
        "title is missing",
    )


@ON_SQLITE
def test_a_worksheet_never_overwrites_a_file(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load(dirty())
    worksheet = tmp_path / "worksheet.csv"
    worksheet.write_text("hours of work")
    with pytest.raises(UsageError, match="already"):
        correction.export(database, worksheet)
    assert worksheet.read_text() == "hours of work"


@ON_SQLITE
def test_a_worksheet_of_another_program_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no \.ods is written"):
        correction.export(database, tmp_path / "bad.ods")
    assert not (tmp_path / "bad.ods").exists()


@ON_SQLITE
def test_nothing_is_written_where_nothing_is_quarantined(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load(CLEAN)
    assert correction.export(database, tmp_path / "worksheet.csv") == 0
    assert not (tmp_path / "worksheet.csv").exists()


def resubmit(database: Database, path: Path, rows: Rows, **options: Any) -> muniment.Run:
    path.write_bytes(as_utf8_csv(rows))
    return correction.resubmit(database, path, **options)


@ON_SQLITE
def test_a_row_in_which_nothing_was_changed_leaves_its_entry_as_it_is(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load(dirty())
    before = list(correction.entries(database))
    run = resubmit(database, tmp_path / "a.csv", exported(database))
    assert (run.account.read, run.account.quarantined) == (6, 6)
    assert list(correction.entries(database, state=None)) == before


def test_a_correction_that_is_still_wrong_takes_the_place_of_the_first_attempt(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "", "", "1900", "", "", ""), ("2", "", "vase", "1900", "", "", "")])
    halfway = corrected(exported(database), {"1": {"Title": "Vase"}})
    resubmit(database, tmp_path / "a.csv", halfway)
    third = states(database)[-1][0]  # MariaDB leaves out numbers where rows come in bulk
    assert states(database) == [(1, "resubmitted"), (2, "open"), (third, "open")]
    assert correction.entry(database, third).entry.corrects == 1
    assert correction.entry(database, third).cells_by_column["Title"] == "Vase"

    # The same worksheet again with another row mended: the first row is wrong as before.
    resubmit(database, tmp_path / "b.csv", corrected(halfway, {"2": {"Title": "Jug"}}))
    assert states(database) == [(1, "resubmitted"), (2, "closed"), (third, "open")]
    assert correction.entry(database, third).entry.times_seen == 2

    # Mended from the second attempt's own worksheet: all attempts are closed.
    (row,) = exported(database)
    assert row["muniment_id"] == str(third)
    run = resubmit(database, tmp_path / "c.csv", [row | {"Type": "vase"}])
    assert run.account.inserted == 1
    assert states(database) == [(1, "closed"), (2, "closed"), (third, "closed")]


@ON_SQLITE
def test_a_duplicate_is_not_mended_by_the_record_that_has_its_key(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    rows = [("1", "Jug", "vase", "1900", "", "", ""), ("1", "Plate", "vase", "1900", "", "", "")]
    load(rows)
    run = resubmit(
        database, tmp_path / "a.csv", corrected(exported(database), {"1": {"Title": "Blue plate"}})
    )
    assert run.account.quarantined == 1
    second = states(database)[-1][0]
    assert states(database) == [(1, "resubmitted"), (second, "open")]

    # The jug comes again, and so does the plate with its number.
    run = load([*rows, ("3", "Bowl", "vase", "1900", "", "", "")], "newer.csv")
    assert (run.account.inserted, run.account.unchanged, run.account.quarantined) == (1, 1, 1)
    assert states(database) == [(1, "resubmitted"), (second, "open")]

    # With a number of its own it is stored.
    mended = corrected(exported(database), {"1": {"Number": "2"}})
    assert resubmit(database, tmp_path / "b.csv", mended).account.inserted == 1
    assert states(database) == [(1, "closed"), (second, "closed")]


def test_mending_the_first_attempts_row_closes_the_later_attempts_too(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("", "", "vase", "1900", "", "", "")])
    (row,) = exported(database)
    resubmit(database, tmp_path / "a.csv", [row | {"Title": "Vase"}])
    resubmit(database, tmp_path / "b.csv", [row | {"Title": "Vase", "Number": "1"}])
    assert states(database) == [(1, "closed"), (2, "closed")]


@ON_SQLITE
def test_the_same_worksheet_twice_is_already_loaded(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load(dirty())
    rows = corrected(exported(database), CORRECTIONS)
    first = resubmit(database, tmp_path / "a.csv", rows)
    before = content(database)
    second = resubmit(database, tmp_path / "b.csv", rows)
    assert (second.status, second.run) == ("already loaded", first.run)
    assert content(database) == before


def test_rows_whose_entries_are_closed_or_dismissed_are_left_out(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([(str(number), "", "vase", "1900", "", "", "") for number in (1, 2, 3)])
    rows = exported(database)
    resubmit(database, tmp_path / "a.csv", corrected(rows, {"1": {"Title": "One"}}))
    correction.dismiss(database, [2], "not ours")
    run = resubmit(
        database,
        tmp_path / "b.csv",
        corrected(rows, {"1": {"Title": "Uno"}, "2": {"Title": "Two"}, "3": {"Title": "Three"}}),
    )
    assert (run.account.read, run.account.inserted, run.account.skipped) == (3, 1, 2)
    (message,) = run.messages
    assert message.startswith("2 rows left out as settled already (line 2, entry 1 is closed")
    assert states(database) == [(1, "closed"), (2, "dismissed"), (3, "closed")]
    titles = [title["title"] for title in _titles(database)]
    assert sorted(titles) == ["One", "Three"]


def _titles(database: Database) -> list[dict[str, str]]:
    with database.engine.connect() as connection:
        return [dict(row) for row in connection.execute(tables.object_title.select()).mappings()]


@ON_SQLITE
def test_empty_rows_that_a_spreadsheet_program_adds_are_left_out(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "", "vase", "1900", "", "", "")])
    (row,) = exported(database)
    run = resubmit(database, tmp_path / "a.csv", [row | {"Title": "One"}, dict.fromkeys(row, "")])
    assert (run.account.inserted, run.account.skipped) == (1, 1)


@ON_SQLITE
def test_a_row_without_a_known_entry_is_quarantined(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "", "vase", "1900", "", "", "")])
    (row,) = exported(database)
    added = row | {"muniment_id": "", "Number": "99", "Title": "Smuggled in"}
    unknown = row | {"muniment_id": "4711", "Number": "98", "Title": "Typed wrongly"}
    run = resubmit(database, tmp_path / "a.csv", [row | {"Title": "One"}, added, unknown])
    assert (run.account.inserted, run.account.quarantined) == (1, 2)
    problems = [entry.problems[0].message for entry in correction.entries(database)]
    assert problems == ["the row says of no entry that it corrects it", "the quarantine has no entry 4711"]


def test_a_newer_export_closes_the_entries_that_it_mends(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "", "vase", "1900", "", "", ""), ("2", "", "vase", "1900", "", "", "")])
    rows = exported(database)
    load([("1", "Newer", "vase", "1900", "", "", ""), ("2", "", "vase", "1900", "", "", "")])
    assert states(database) == [(1, "closed"), (2, "open")]
    assert correction.entry(database, 1).entry.closed_by_record == 1
    run = resubmit(database, tmp_path / "a.csv", corrected(rows, {"1": {"Title": "Older"}}))
    assert (run.account.skipped, run.account.quarantined) == (1, 1)
    assert [title["title"] for title in _titles(database)] == ["Newer"]


def test_data_of_a_newer_export_is_never_overwritten(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    header = csv_bytes([COLUMNS])
    load(header + b"1,Caf\xe9,vase,1900,,,\r\n")  # its key cannot be read
    (row,) = exported(database)
    load([("1", "Newer", "vase", "1900", "", "", "")], "newer.csv")
    run = resubmit(database, tmp_path / "a.csv", [row | {"Title": "Café"}])
    assert run.account.quarantined == 1
    assert correction.entry(database, 2).entry.problems[0].code == "superseded"
    assert [title["title"] for title in _titles(database)] == ["Newer"]


@ON_SQLITE
def test_what_a_newer_export_has_seen_unchanged_is_not_overwritten_either(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    good = ("1", "Good", "vase", "1900", "", "", "")
    load([good], "first.csv")
    load(csv_bytes([COLUMNS]) + b"1,Caf\xe9,vase,1900,,,\r\n", "second.csv")
    (row,) = exported(database)
    load([good, ("2", "Another", "vase", "1900", "", "", "")], "third.csv")
    run = resubmit(database, tmp_path / "a.csv", [row | {"Title": "Café"}])
    assert run.account.quarantined == 1
    assert "Good" in [title["title"] for title in _titles(database)]


def test_a_correction_updates_what_an_older_export_has_stored(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "Old", "vase", "1900", "", "", "")], "first.csv")
    load([("1", "", "vase", "1901", "", "", "")], "second.csv")
    (row,) = exported(database)
    run = resubmit(database, tmp_path / "a.csv", [row | {"Title": "New"}])
    assert run.account.updated == 1
    assert [title["title"] for title in _titles(database)] == ["New"]


@pytest.mark.usefixtures("one_connection")
@pytest.mark.parametrize("made", ["1900", "1901"], ids=["the same record", "another record"])
def test_a_correction_replaces_an_earlier_one_after_which_a_younger_load_has_rejected_the_record(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path, made: str
) -> None:
    load([("1", "", "vase", "1900", "", "", "")])
    (row,) = exported(database)
    later = [("2", "Jug", "jug", "1900", "", "", ""), ("1", "", "vase", made, "", "", "")]
    with pytest.raises(ConnectionResetError):
        load(later, settings=RECORD_BY_RECORD, observer=interrupt)
    assert resubmit(database, tmp_path / "a.csv", [row | {"Title": "One"}]).account.inserted == 1
    assert load(later, settings=RECORD_BY_RECORD).run == 2
    (row,) = exported(database)
    run = resubmit(database, tmp_path / "b.csv", [row | {"Title": "Uno"}])
    assert (run.account.read, run.account.updated) == (1, 1)
    assert sorted(title["title"] for title in _titles(database)) == ["Jug", "Uno"]
    assert {state for _, state in states(database)} == {"closed"}


@pytest.mark.usefixtures("one_connection")
def test_what_an_older_load_has_stored_since_is_never_overwritten(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    rows = [("2", "Jug", "jug", "1900", "", "", ""), ("1", "Newer", "vase", "1900", "", "", "")]
    with pytest.raises(ConnectionResetError):
        load(rows, settings=RECORD_BY_RECORD, observer=interrupt)
    load(csv_bytes([COLUMNS]) + b"1,Caf\xe9,vase,1900,,,\r\n", "second.csv")  # its key cannot be read
    (row,) = exported(database)
    assert load(rows, settings=RECORD_BY_RECORD).run == 1
    run = resubmit(database, tmp_path / "a.csv", [row | {"Title": "Café"}])
    assert run.account.quarantined == 1
    (superseded,) = correction.entries(database, code="superseded")
    assert superseded.problems[0].message == "run 1 has since stored a newer record 1, which is kept"
    assert sorted(title["title"] for title in _titles(database)) == ["Jug", "Newer"]


@pytest.mark.usefixtures("one_connection")
def test_a_duplicate_of_a_load_that_was_taken_up_again_replaces_nothing_either(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    first = ("1", "One", "vase", "1900", "", "", "")
    load([first])
    twice = [first, ("1", "Other", "vase", "1900", "", "", "")]
    with pytest.raises(ConnectionResetError):
        load(twice, "twice.csv", settings=RECORD_BY_RECORD, observer=interrupt)
    load([("1", "Newest", "vase", "1900", "", "", "")], "newest.csv")
    assert load(twice, "twice.csv", settings=RECORD_BY_RECORD).run == 2
    (row,) = exported(database)
    assert resubmit(database, tmp_path / "a.csv", [row | {"Title": "Mended"}]).account.quarantined == 1
    assert [title["title"] for title in _titles(database)] == ["Newest"]


def test_a_duplicate_that_keeps_its_number_never_replaces_the_record_that_won(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "Winner", "vase", "1900", "", "", ""), ("1", "Double", "vase", "1900", "", "", "")])
    (row,) = exported(database)
    run = resubmit(database, tmp_path / "a.csv", [row | {"Title": "Still a double"}])
    assert (run.account.quarantined, run.account.updated) == (1, 0)
    assert [title["title"] for title in _titles(database)] == ["Winner"]
    (row,) = exported(database)
    run = resubmit(database, tmp_path / "b.csv", [row | {"Number": "2"}])
    assert run.account.inserted == 1
    assert {state for _, state in states(database)} == {"closed"}


@ON_SQLITE
def test_columns_may_be_reordered_dropped_and_added(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("001.1998", "", "vase", "1900", "Ana", "Gift", "")])
    (row,) = exported(database)
    kept = {name: row[name] for name in ("Credit", "Type", "Title", "muniment_id", "Number")}
    events: list[Event] = []
    run = resubmit(
        database,
        tmp_path / "a.csv",
        [kept | {"Title": "Vase", "Remarks of the intern": "done"}],
        observer=events.append,
    )
    assert run.account.inserted == 1
    with closing(connect(f"sqlite:///{tmp_path / 'clean.db'}")) as expected:
        load(
            [("001.1998", "Vase", "vase", "1900", "Ana", "Gift", "")],
            "clean.csv",
            to=f"sqlite:///{tmp_path / 'clean.db'}",
        )
        assert content(database) == content(expected)
    remarks = [event.problem for event in events if isinstance(event, SourceRemark)]
    (added,) = [problem.message for problem in remarks if problem.code == "added-columns"]
    assert "Remarks of the intern" in added


@ON_SQLITE
def test_a_thumbnail_too_long_for_a_spreadsheet_survives_the_correction(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    long_text = "QUJD" * 40_000
    load([("1", "", "vase", "1900", "", long_text, "")])
    (row,) = exported(database)
    assert len(row["Credit"]) < 32_767
    resubmit(database, tmp_path / "a.csv", [row | {"Title": "One"}])
    with database.engine.connect() as connection:
        assert connection.scalars(sa.select(tables.object_text.c.text)).all() == [long_text]


@ON_SQLITE
def test_entries_of_different_exports_need_a_worksheet_each(
    database: Database, database_url: str, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "", "vase", "1900", "", "", "")])
    other = tmp_path / "other.csv"
    other.write_bytes(csv_bytes([("Title", "Number", "Type"), ("", "2", "jug")]))
    mapping = muniment.Mapping.parse(
        '[institution]\nname = "Other"\nid = "other"\n'
        '[fields]\naccession = "Number"\ntitle = "Title"\nobject_type = "Type"'
    )
    muniment.load(other, mapping=mapping, to=database_url, settings=ANY_NUMBER_OF_REJECTS)
    with pytest.raises(UsageError, match="--run"):
        exported(database)
    (first,) = exported(database, run=1)
    (second,) = exported(database, run=2)
    assert (first["Number"], second["Number"]) == ("1", "2")
    assert resubmit(database, tmp_path / "a.csv", [second | {"Title": "Jug"}]).account.inserted == 1


def test_a_dismissed_record_counts_as_skipped_from_then_on_and_can_be_reopened(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    rows = [("1", "", "vase", "1900", "", "", ""), ("2", "Jug", "jug", "1900", "", "", "")]
    load(rows)
    with pytest.raises(UsageError, match="reason"):
        correction.dismiss(database, [1], " ")
    assert correction.dismiss(database, [1], "a test record") == 1
    dismissed = correction.entry(database, 1).entry
    assert (dismissed.state, dismissed.reason) == ("dismissed", "a test record")
    assert dismissed.by
    events: list[Event] = []
    assert load(rows, again=True, observer=events.append).account.skipped == 1
    assert not [event for event in events if isinstance(event, RecordRejected)]
    assert correction.reopen(database, [1]) == 1
    assert load(rows, again=True, observer=events.append).account.quarantined == 1
    assert [event.line for event in events if isinstance(event, RecordRejected)] == [2]
    assert states(database) == [(1, "open")]


def test_a_mended_record_that_is_rejected_again_is_open_since_then_and_stays_so(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    rejected = [("1", "", "vase", "1900", "", "", "")]
    load(rejected)
    load([("1", "One", "vase", "1900", "", "", "")])
    closed = correction.entry(database, 1).entry
    load(rejected, again=True)
    opened = correction.entry(database, 1).entry
    load(rejected, again=True)
    still = correction.entry(database, 1).entry
    assert (closed.state, opened.state, still.state) == ("closed", "open", "open")
    assert closed.since < opened.since == still.since
    query = sa.select(quarantine_table.c.quarantine_id).where(quarantine_table.c.state_since == opened.since)
    with database.engine.connect() as connection:
        assert connection.scalars(query).all() == [1]  # written as moments are, so that they can be compared


@ON_SQLITE
def test_dismissing_one_attempt_dismisses_all_of_them(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    rows = [("1", "", "", "1900", "", "", "")]
    load(rows)
    (row,) = exported(database)
    resubmit(database, tmp_path / "a.csv", [row | {"Title": "Vase"}])
    assert correction.dismiss(database, [2], "nobody knows") == 2
    assert load(rows, again=True).account.skipped == 1
    assert correction.reopen(database, [1]) == 1
    assert states(database) == [(1, "resubmitted"), (2, "open")]


@ON_SQLITE
def test_what_is_not_there_or_closed_cannot_be_dismissed(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "", "vase", "1900", "", "", "")])
    with pytest.raises(UsageError, match="no entry 7"):
        correction.dismiss(database, [1, 7], "reason")
    assert states(database) == [(1, "open")]
    (row,) = exported(database)
    resubmit(database, tmp_path / "a.csv", [row | {"Title": "One"}])
    with pytest.raises(UsageError, match="closed already"):
        correction.dismiss(database, [1], "reason")


def test_entries_can_be_chosen_by_run_state_and_problem(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    load(dirty())
    codes = {code for entry in correction.entries(database) for code in {p.code for p in entry.problems}}
    assert codes == {"missing", "manifest-url", "undecodable", "quote", "ragged", "date-not-understood"}
    assert [entry.problems[0].code for entry in correction.entries(database, code="ragged")] == ["ragged"]
    assert len(list(correction.entries(database, limit=2))) == 2
    assert list(correction.entries(database, run=99)) == []
    with pytest.raises(UsageError, match="states are"):
        list(correction.entries(database, state="lost"))


@ON_SQLITE
def test_an_entry_shows_its_bytes_and_its_cells(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    load(dirty())
    undecodable = next(entry for entry in correction.entries(database, code="undecodable"))
    content = correction.entry(database, undecodable.id)
    assert content.raw == b"4,Caf\xe9,bowl,1990,Zo\xeb,,"
    assert content.cells_by_column["Title"] == "Caf\udce9"
    ragged = next(entry for entry in correction.entries(database, code="ragged"))
    assert correction.entry(database, ragged.id).cells_by_column["surplus 1"] == ""


@ON_SQLITE
def test_a_file_that_is_no_worksheet_is_refused(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load(dirty())
    plain = tmp_path / "plain.csv"
    plain.write_text("Number,Title\n1,Vase\n")
    with pytest.raises(UsageError, match="no column muniment_id"):
        correction.resubmit(database, plain)
    for beginning, said in ((b"\xd0\xcf\x11\xe0", "workbook of a kind"), (b"PK\x03\x04", "damaged")):
        workbook = tmp_path / "book.xlsx"
        workbook.write_bytes(beginning + b"rest")
        with pytest.raises(SourceError, match=said):
            correction.resubmit(database, workbook)
    (elsewhere,) = [row | {"muniment_id": "4711"} for row in exported(database)[:1]]
    with pytest.raises(UsageError, match="names no entry"):
        resubmit(database, tmp_path / "elsewhere.csv", [elsewhere])


class Item(BaseModel):
    """A thing with a number."""

    number: Annotated[str, PrimaryKey()]
    title: Annotated[str, StringConstraints(min_length=1)]
    count: int


def test_rows_of_a_table_are_corrected_in_the_same_way(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "items.csv"
    path.write_bytes(csv_bytes([("number", "title", "count"), ("001", "One", "1"), ("002", "Two", "two")]))
    muniment.load(path, model=Item, to=database_url, settings=ANY_NUMBER_OF_REJECTS)
    (row,) = exported(database)
    run = resubmit(database, tmp_path / "a.csv", [row | {"number": "2", "count": "2"}], model=Item)
    assert run.account.inserted == 1
    with database.engine.connect() as connection:
        stored = connection.execute(sa.text("SELECT number, title, count FROM item ORDER BY number")).all()
    assert [tuple(row) for row in stored] == [("001", "One", 1), ("002", "Two", 2)]
    assert states(database) == [(1, "closed")]


def test_a_corrected_row_replaces_only_what_is_known_to_be_older(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    def load_items(*rows: Sequence[str]) -> None:
        path = tmp_path / "items.csv"
        path.write_bytes(csv_bytes([("number", "title", "count"), *rows]))
        options: Any = {"model": Item, "row_lineage": True, "settings": ANY_NUMBER_OF_REJECTS}
        muniment.load(path, to=database_url, **options)

    load_items(("1", "One", "1"), ("1", "Double", "1"), ("2", "Two", "2"))
    double = exported(database)[0] | {"title": "Twin"}
    assert resubmit(database, tmp_path / "a.csv", [double]).account.quarantined == 1
    load_items(("2", "", "20"), ("3", "Three", "3"))
    (bad,) = exported(database, run=3)
    assert resubmit(database, tmp_path / "b.csv", [bad | {"title": "Two!"}]).account.updated == 1
    with database.engine.connect() as connection:
        stored = connection.execute(sa.text("SELECT title, count FROM item ORDER BY number")).all()
    assert [tuple(row) for row in stored] == [("One", 1), ("Two!", 20), ("Three", 3)]


def test_a_corrected_row_replaces_an_earlier_correction_after_which_a_younger_load_has_rejected_it(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    options: Any = {"model": Item, "row_lineage": True, "settings": RECORD_BY_RECORD}
    first, later = tmp_path / "first.csv", tmp_path / "later.csv"
    first.write_bytes(csv_bytes([("number", "title", "count"), ("1", "", "1")]))
    later.write_bytes(csv_bytes([("number", "title", "count"), ("2", "Two", "2"), ("1", "", "1")]))
    muniment.load(first, to=database_url, **options)
    (row,) = exported(database)
    with pytest.raises(ConnectionResetError):
        muniment.load(later, to=database_url, observer=interrupt, **options)
    assert resubmit(database, tmp_path / "a.csv", [row | {"title": "One"}]).account.inserted == 1
    assert muniment.load(later, to=database_url, **options).run == 2
    (row,) = exported(database)
    assert resubmit(database, tmp_path / "b.csv", [row | {"title": "Uno"}]).account.updated == 1
    assert states(database) == [(1, "closed")]


@ON_SQLITE
def test_a_row_that_a_worksheet_has_three_times_is_taken_once(
    database: Database, load: Callable[..., muniment.Run], tmp_path: Path
) -> None:
    load([("1", "", "vase", "1900", "", "", "")])
    row = exported(database)[0]
    rows = [row | {"Title": title} for title in ("One", "Uno", "Eins")]
    run = resubmit(database, tmp_path / "a.csv", rows)
    assert (run.account.read, run.account.inserted, run.account.skipped) == (3, 1, 2)
    assert states(database) == [(1, "closed")]
    assert [title["title"] for title in _titles(database)] == ["One"]
