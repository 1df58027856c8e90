"""From what is stored back to the bytes that it came from; and what the ledger tells of runs."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import muniment
from muniment import audit, correction
from muniment.config import RejectBudget, Settings
from muniment.databases import Database, connect
from muniment.errors import UsageError
from muniment.museum.fields import Fields

FIELDS = """
[fields]
accession = "Number"
title = ["Title", { column = "Other title", type = "translation" }]
object_type = { column = "Type", vocabulary = "types of trials" }
date = { column = "Date", earliest = "From", latest = "To" }
creator = { name = "Maker", role = "Role", split = "|" }
dimension = "Size"
acquisition = { method = "Method", date = "Acquired" }
credit_line = "Credit"
location = "Shelf"
owner = { constant = "The city" }
"""
MAPPING = '[institution]\nname = "Museum of Trials"\nid = "trials"\n' + FIELDS

HEADER = "Number,Title,Other title,Type,Date,From,To,Maker,Role,Size,Method,Acquired,Credit,Shelf"
VASE = (
    '1908.1,"A vase,\nblue",Eine Vase,vase,c. 1850,,,Ana|Bo,potter|painter,'
    "10 x 18 cm,gift,1908,Gift of Zoë,B 12"
)
JUG = "1908.2,Jug,,jug,1990,1989,1991,Ana,potter,,,,,"
EXPORT = f"{HEADER}\r\n{VASE}\r\n{JUG}\r\n"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of what does not depend on the database: one of them will do."""

ANY_NUMBER_OF_REJECTS = Settings(max_rejects=RejectBudget())


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(connect(database_url)) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of exports; the current folder is another one, which is empty."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "exports"


@pytest.fixture
def load(database_url: str, folder: Path) -> Callable[..., muniment.Run]:
    """Loads an export into the database."""

    def load(
        export: str | bytes, name: str = "export.csv", mapping: str = MAPPING, **options: Any
    ) -> muniment.Run:
        path = folder / name
        path.write_bytes(export if isinstance(export, bytes) else export.encode())
        parsed = muniment.Mapping.parse(mapping)
        return muniment.load(path, mapping=parsed, to=database_url, settings=ANY_NUMBER_OF_REJECTS, **options)

    return load


def only(traces: Sequence[audit.Trace]) -> audit.Trace:
    (found,) = traces
    return found


def test_an_object_leads_back_to_its_bytes(
    database: Database, load: Callable[..., muniment.Run], folder: Path
) -> None:
    run = load(EXPORT)
    found = only(audit.trace(database, "1908.1"))
    assert (found.key, found.holder, found.run.run) == ("1908.1", "Museum of Trials", run.run)
    assert (found.record, found.line) == (1, 2)
    assert found.raw == VASE.encode()
    assert found.intact
    data = (folder / "export.csv").read_bytes()
    assert data[found.byte_offset : found.byte_offset + found.byte_length] == found.raw
    assert found.source.sha256 == hashlib.sha256(data).hexdigest()
    assert found.source.size == len(data)
    assert found.source.found_at == found.source.location == str(folder / "export.csv")
    assert found.source.remark == ""
    assert only(audit.trace(database, "1908.2")).line == 4


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("utf-16", bytes), ("cp1252", bytes), ("utf-8", gzip.compress), ("utf-16", gzip.compress)],
)
def test_bytes_are_read_back_from_any_encoding_and_compression(
    tmp_path: Path, folder: Path, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    (folder / "export").write_bytes(pack(EXPORT.encode(encoding)))
    url = f"sqlite:///{tmp_path / 'test.db'}"
    mapping = muniment.Mapping.parse(f'{MAPPING}\n[source]\nencoding = "{encoding}"')
    muniment.load(folder / "export", mapping=mapping, to=url)
    with closing(connect(url)) as database:
        found = only(audit.trace(database, "1908.1", "credit_line"))
    assert found.intact
    assert found.text == VASE
    assert found.field is not None
    assert found.field.cells == {"Credit": "Gift of Zoë"}


@pytest.mark.parametrize(
    ("field", "rule", "cells", "stored"),
    [
        ("accession", 'fields.accession = "Number"', {"Number": "1908.1"}, [{"accession": "1908.1"}]),
        ("key", 'fields.accession = "Number"', {"Number": "1908.1"}, [{"record_key": "1908.1"}]),
        (
            "title",
            'fields.title = ["Title", { column = "Other title", type = "translation" }]',
            {"Title": "A vase,\nblue", "Other title": "Eine Vase"},
            [{"title": "A vase,\nblue", "preferred": 1}, {"title": "Eine Vase", "type": "translation"}],
        ),
        (
            "date",
            'fields.date = { column = "Date", earliest = "From", latest = "To" }',
            {"Date": "c. 1850", "From": "", "To": ""},
            [{"display_date": "c. 1850", "earliest_year": 1845, "latest_year": 1855}],
        ),
        (
            "creator",
            'fields.creator = { name = "Maker", role = "Role", split = "|" }',
            {"Maker": "Ana|Bo", "Role": "potter|painter"},
            [{"name": "Ana", "role": "potter"}, {"name": "Bo", "role": "painter"}],
        ),
        (
            "object_type",
            'fields.object_type = { column = "Type", vocabulary = "types of trials" }',
            {"Type": "vase"},
            [{"label": "vase"}],
        ),
        (
            "dimension",
            'fields.dimension = "Size"',
            {"Size": "10 x 18 cm"},
            [{"type": "height", "value": 10.0, "unit": "cm"}, {"type": "width", "value": 18.0, "unit": "cm"}],
        ),
        (
            "acquisition",
            'fields.acquisition = { method = "Method", date = "Acquired" }',
            {"Method": "gift", "Acquired": "1908"},
            [{"type": "acquisition", "method": "gift", "display_date": "1908"}],
        ),
        (
            "credit_line",
            'fields.credit_line = "Credit"',
            {"Credit": "Gift of Zoë"},
            [{"text": "Gift of Zoë"}],
        ),
        ("location", 'fields.location = "Shelf"', {"Shelf": "B 12"}, [{"location": "B 12"}]),
        ("owner", 'fields.owner = { constant = "The city" }', {}, [{"name": "The city"}]),
        ("manifest", "", {}, []),
    ],
)
def test_a_field_leads_back_to_its_cells_and_its_rule(
    tmp_path: Path, folder: Path, field: str, rule: str, cells: dict[str, str], stored: list[dict[str, Any]]
) -> None:
    (folder / "export.csv").write_text(EXPORT, newline="")
    url = f"sqlite:///{tmp_path / 'test.db'}"
    muniment.load(folder / "export.csv", mapping=muniment.Mapping.parse(MAPPING), to=url)
    with closing(connect(url)) as database:
        found = only(audit.trace(database, "1908.1", field)).field
    assert found is not None
    assert (found.rule, found.cells) == (rule, cells)
    assert len(found.stored) == len(stored)
    for row, expected in zip(found.stored, stored, strict=True):
        assert expected.items() <= row.items()


def test_every_field_of_a_mapping_can_be_traced_on_every_database(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    load(EXPORT)
    for field in ("key", *Fields.model_fields):
        found = only(audit.trace(database, "1908.1", field)).field
        assert found is not None
        assert found.field == field


@ON_SQLITE
def test_an_unknown_field_is_told_with_those_that_there_are(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    load(EXPORT)
    with pytest.raises(UsageError, match="Did you mean title") as error:
        audit.trace(database, "1908.1", "titel")
    assert "credit_line" in error.value.hint


@ON_SQLITE
def test_a_mapping_made_in_python_is_traced_as_well(
    database: Database, database_url: str, folder: Path
) -> None:
    (folder / "export.csv").write_text(EXPORT, newline="")
    parsed = muniment.Mapping.parse(MAPPING)
    made = muniment.Mapping(institution=parsed.institution, fields=parsed.fields)
    muniment.load(folder / "export.csv", mapping=made, to=database_url)
    found = only(audit.trace(database, "1908.1", "dimension")).field
    assert found is not None
    assert found.cells == {"Size": "10 x 18 cm"}
    assert 'text = "Size"' in found.rule


def test_an_unknown_number_is_told_with_its_neighbours(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    load(EXPORT)
    with pytest.raises(UsageError, match="no object bears the number") as error:
        audit.trace(database, "1908.11")
    assert "1908.1" in error.value.hint


@ON_SQLITE
def test_a_database_without_museum_objects_is_said_to_have_none(
    database: Database, database_url: str, folder: Path
) -> None:
    (folder / "visits.csv").write_text("day,visitors\n2024-01-05,7\n")
    table = muniment.TableMapping.parse('profile = "table"\n[table]\nname = "visit"\n[columns]\nday = {}\n')
    muniment.load(folder / "visits.csv", mapping=table, to=database_url)
    with pytest.raises(UsageError, match="only museum objects can be traced, and this database has none"):
        audit.trace(database, "5")


def test_nothing_is_found_and_nothing_is_made_in_an_empty_database(database: Database) -> None:
    with pytest.raises(UsageError, match="nothing was ever loaded"):
        audit.trace(database, "1908.1")
    with pytest.raises(UsageError, match="nothing was ever loaded"):
        audit.runs(database)


@ON_SQLITE
def test_a_file_that_was_renamed_is_recognised_by_its_bytes(
    database: Database, load: Callable[..., muniment.Run], folder: Path
) -> None:
    load(EXPORT)
    renamed = (folder / "export.csv").rename(folder / "export of november.csv")
    (folder / "decoy.csv").write_bytes(renamed.read_bytes().replace(b"vase", b"bowl"))
    found = only(audit.trace(database, "1908.1", "title"))
    assert found.intact
    assert found.source.found_at == str(renamed)
    assert "no longer at" in found.source.remark


@ON_SQLITE
def test_a_file_that_moved_is_found_in_the_current_folder_and_where_one_says(
    database: Database, load: Callable[..., muniment.Run], folder: Path, tmp_path: Path
) -> None:
    load(EXPORT)
    (tmp_path / "archive").mkdir()
    moved = (folder / "export.csv").rename(tmp_path / "archive" / "export.csv")
    assert only(audit.trace(database, "1908.1")).raw is None
    assert only(audit.trace(database, "1908.1", look_in=[tmp_path / "archive"])).intact
    assert only(audit.trace(database, "1908.1", look_in=[moved])).intact
    here = moved.rename(Path.cwd() / "export.csv")
    assert only(audit.trace(database, "1908.1")).source.found_at == str(here)


@ON_SQLITE
def test_a_file_that_is_gone_is_said_to_be_and_the_rest_is_told(
    database: Database, load: Callable[..., muniment.Run], folder: Path
) -> None:
    load(EXPORT)
    (folder / "export.csv").unlink()
    found = only(audit.trace(database, "1908.1", "title"))
    assert (found.raw, found.intact, found.source.found_at) == (None, None, "")
    assert "no longer at" in found.source.remark
    assert "no file with the same bytes was found" in found.source.remark
    assert (found.record, found.line) == (1, 2)
    assert found.field is not None
    assert found.field.cells == {"Title": None, "Other title": None}
    assert found.field.stored[0]["title"] == "A vase,\nblue"


@ON_SQLITE
def test_a_file_that_was_changed_is_not_taken_for_the_source(
    database: Database, load: Callable[..., muniment.Run], folder: Path
) -> None:
    load(EXPORT)
    (folder / "export.csv").write_bytes(EXPORT.encode().replace(b"blue", b"grey"))
    found = only(audit.trace(database, "1908.1"))
    assert found.raw is None
    assert "has other bytes now" in found.source.remark


@ON_SQLITE
def test_a_source_that_was_no_file_is_said_not_to_have_been_kept(
    database: Database, database_url: str, folder: Path
) -> None:
    mapping = muniment.Mapping.parse(MAPPING)
    names, first = HEADER.split(","), ["1", "Vase", "", "vase", *[""] * 10]
    muniment.load([dict(zip(names, first, strict=True))], mapping=mapping, to=database_url)
    found = only(audit.trace(database, "1"))
    assert "made of records by a program and was not kept" in found.source.remark
    muniment.load(io.BytesIO(EXPORT.encode()), mapping=mapping, to=database_url)
    found = only(audit.trace(database, "1908.1"))
    assert "was not kept" in found.source.remark
    (folder / "kept after all.csv").write_bytes(EXPORT.encode())
    assert only(audit.trace(database, "1908.1", look_in=[folder])).intact


def test_one_number_may_belong_to_several_institutions(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    load(EXPORT)
    other = '[institution]\nname = "Another"\nid = "another"\n' + FIELDS
    load(f"{HEADER}\r\n{JUG}\r\n", "other.csv", other)
    assert [found.holder for found in audit.trace(database, "1908.2")] == ["Museum of Trials", "Another"]


def test_earlier_states_later_sightings_and_withdrawals_are_told(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    load(EXPORT)
    second = load(EXPORT.replace("c. 1850", "c. 1860"), "second.csv")
    third = load(EXPORT.replace("c. 1850", "c. 1860"), "second.csv", again=True)
    fourth = load(f"{HEADER}\r\n{JUG}\r\n", "fourth.csv", full=True)
    found = only(audit.trace(database, "1908.1"))
    assert found.run.run == second.run
    (change,) = found.changes
    assert change.run == second.run
    assert change.before["production"][0]["display_date"] == "c. 1850"
    assert [(seen.run, seen.record, seen.line) for seen in found.sightings] == [(third.run, 1, 2)]
    assert found.withdrawn_by == fourth.run


def test_a_corrected_object_leads_to_the_worksheet_and_to_the_first_attempt(
    database: Database, load: Callable[..., muniment.Run], folder: Path
) -> None:
    first = load(EXPORT.replace("1908.2,Jug", "1908.20,"))
    correction.export(database, folder / "worksheet.csv")
    text = (folder / "worksheet.csv").read_text(encoding="utf-8-sig")
    damaged = text.replace("1908.20,,", "1908.2,Jug,").replace(",", ";").encode("cp1252")
    (folder / "mended.csv").write_bytes(damaged)
    run = correction.resubmit(database, folder / "mended.csv")
    found = only(audit.trace(database, "1908.20", "title"))
    assert found.run.run == run.run
    assert found.source.location == str(folder / "mended.csv")
    assert found.intact
    (attempt,) = found.corrects
    assert (attempt.run, attempt.line, attempt.state) == (first.run, 4, "closed")
    assert correction.entry(database, attempt.id).raw == JUG.replace("1908.2,Jug", "1908.20,").encode()
    assert found.field is not None
    assert found.field.cells == {"Title": "Jug", "Other title": ""}
    assert found.field.rejected == {"Title": "", "Other title": ""}
    key = only(audit.trace(database, "1908.20", "accession")).field
    assert key is not None
    assert (key.cells, key.rejected) == ({"Number": "1908.2"}, {"Number": "1908.20"})


@ON_SQLITE
def test_rejected_records_with_the_same_key_are_told(
    database: Database, load: Callable[..., muniment.Run]
) -> None:
    load(EXPORT + JUG + "\r\n")
    (entry,) = only(audit.trace(database, "1908.2")).quarantine
    assert entry.problems[0].code == "duplicate"


def test_a_run_is_told_with_its_account_and_what_was_wrong(
    database: Database, load: Callable[..., muniment.Run], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_OPERATOR", "the registrar")
    run = load(EXPORT + ",,,,,,,,,,,,,\r\n3,No type,,,,,,,,,,,,\r\n4,No type,,,,,,,,,,,,\r\n")
    status = audit.run_status(database, run.run)
    assert status.account == run.account
    assert (status.status, status.chunks, status.operator) == ("done", 1, "the registrar")
    assert status.problems == {"missing": 2, "empty-row": 1}
    assert status.sha256 == hashlib.sha256((folder / "export.csv").read_bytes()).hexdigest()
    assert status.size == (folder / "export.csv").stat().st_size
    assert status.ended_at is not None
    assert status.started_at <= status.ended_at
    load(EXPORT, "second.csv")
    assert [found.run for found in audit.runs(database)] == [2, 1]
    with pytest.raises(UsageError, match="no run 7"):
        audit.run_status(database, 7)
