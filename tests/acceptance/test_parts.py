"""Records whose parts stand in files of their own, loaded: in one command, every row accounted for."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

import muniment
from muniment import RejectBudget, Settings, audit
from muniment.databases import connect
from muniment.errors import SourceChanged, SourceError, UsageError
from muniment.events import ChunkCommitted, Event, SourceRemark
from tests.acceptance.loading import Rejections, content_of, query
from tests.acceptance.program import program_in

MAPPING = """
[institution]
name = "Town Museum"
id = "town"

[source]
null = ["NULL"]

[source.parts.titles]
file = "titles{suffix}"
key = "id"
order = "rank"

[source.parts.makers]
file = "links.csv"
key = "object"
parent = "id"

[source.parts.makers.parts.person]
file = "people.csv"
key = "person"

[record]
key = "id"

[fields]
accession = "number"
title = "titles.title"
object_type = "kind"

[fields.creator]
name = "makers.person.name"
id = "makers.person"
role = "makers.role"
"""

ANY = RejectBudget(percent=100)

Rows = Sequence[Sequence[str]]

OBJECTS: Rows = [("id", "number", "kind"), *((f"O{n}", f"1999.{n}", "vessel") for n in range(1, 8))]
TITLES: Rows = [
    ("id", "title", "rank"),
    *((f"O{n}", f"Vase {n}, called the other", "2") for n in range(1, 8, 2)),
    *((f"O{n}", f"Vase {n}", "1") for n in range(1, 8)),
]
LINKS: Rows = [
    ("object", "person", "role"),
    ("O1", "P1", "potter"),
    ("O1", "P2", "NULL"),
    ("O3", "P2", "after"),
]
PEOPLE: Rows = [("person", "name"), ("P1", "Anna Potter"), ("P2", "Berta Painter")]


def write(folder: Path, **files: Rows) -> Path:
    """Write the files of an export; returns that of the objects."""
    folder.mkdir(exist_ok=True)
    given = {"objects": OBJECTS, "titles": TITLES, "links": LINKS, "people": PEOPLE} | files
    for name, rows in given.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    return folder / "objects.csv"


def as_workbooks(export: Path) -> Path:
    """The same export, each of its files a workbook; returns that of the objects."""
    for path in export.parent.glob("*.csv"):
        book = openpyxl.Workbook()
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                book.worksheets[0].append(row)
        book.save(path.with_suffix(".xlsx"))
    return export.with_suffix(".xlsx")


def load(export: Path, url: str, **options: object) -> muniment.Run:
    """Load by the mapping above."""
    settings = options.pop("settings", None) or Settings(max_rejects=ANY)
    return muniment.load(
        export,
        mapping=muniment.Mapping.parse(MAPPING),
        to=url,
        settings=settings,  # type: ignore[arg-type]  # what the caller gave
        **options,  # type: ignore[arg-type]
    )


ENTRIES = "SELECT record_key, state, line FROM quarantine ORDER BY quarantine_id"


def test_records_come_with_their_parts(tmp_path: Path, database_url: str) -> None:
    run = load(write(tmp_path / "export"), database_url)
    assert (run.status, run.account.inserted, run.account.quarantined) == ("done", 7, 0)
    titles = "SELECT o.record_key, t.title FROM object_title t JOIN object o ON o.object_id = t.object_id"
    told = query(
        database_url, f"{titles} WHERE o.record_key IN ('O1', 'O2') ORDER BY o.record_key, t.position"
    )
    assert told == [("O1", "Vase 1"), ("O1", "Vase 1, called the other"), ("O2", "Vase 2")]
    makers = """SELECT o.record_key, a.name, p.role, p.qualifier FROM production_actor p
                JOIN actor a ON a.actor_id = p.actor_id JOIN object o ON o.object_id = p.object_id
                ORDER BY o.record_key, p.position"""
    assert query(database_url, makers) == [
        ("O1", "Anna Potter", "potter", None),
        ("O1", "Berta Painter", None, None),
        ("O3", "Berta Painter", None, "after"),
    ]


def test_a_part_of_an_unknown_record_waits_until_the_record_is_there(
    tmp_path: Path, database_url: str
) -> None:
    stray: Rows = [*TITLES, ("O9", "Vase 9", "1")]
    rejected = Rejections()
    first = load(write(tmp_path / "export", titles=stray), database_url, observer=rejected)
    assert (first.account.inserted, first.account.quarantined) == (7, 1)
    assert [problem.code for problem in rejected[0].problems] == ["parent-unknown"]
    assert rejected[0].key == "O9"
    assert [tuple(row[:2]) for row in query(database_url, ENTRIES)] == [("O9", "open")]
    later = write(tmp_path / "export", titles=stray, objects=[*OBJECTS, ("O9", "1999.9", "vessel")])
    second = load(later, database_url)
    assert (second.account.inserted, second.account.unchanged, second.account.quarantined) == (1, 7, 0)
    assert [tuple(row[:2]) for row in query(database_url, ENTRIES)] == [("O9", "closed")]


def test_a_record_without_a_mandatory_part_is_quarantined_by_itself(
    tmp_path: Path, database_url: str
) -> None:
    rejected = Rejections()
    titles = [row for row in TITLES if row[0] != "O2"]
    run = load(write(tmp_path / "export", titles=titles), database_url, observer=rejected)
    assert (run.account.inserted, run.account.quarantined) == (6, 1)
    assert (rejected[0].key, rejected[0].line, rejected[0].problems[0].code) == ("O2", 3, "missing")


def test_a_load_of_parts_that_was_interrupted_ends_in_the_same_content(
    tmp_path: Path, database_url: str
) -> None:
    export = write(tmp_path / "export", titles=[*TITLES, ("O9", "Vase 9", "1")])

    def interrupt(event: Event) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record == 3:
            raise KeyboardInterrupt

    settings = Settings(chunk_rows=2, max_rejects=ANY)
    with pytest.raises(muniment.MunimentError):
        load(export, database_url, settings=settings, observer=interrupt)
    run = load(export, database_url, settings=settings)
    assert (run.status, run.account.read, run.account.inserted) == ("done", 8, 7)
    whole = f"sqlite:///{tmp_path / 'whole.db'}"
    load(export, whole, settings=settings)
    assert content_of(database_url) == content_of(whole)


def test_a_part_that_changed_in_the_middle_of_a_run_is_refused(tmp_path: Path, database_url: str) -> None:
    export = write(tmp_path / "export")

    def interrupt(event: Event) -> None:
        if isinstance(event, ChunkCommitted):
            raise KeyboardInterrupt

    settings = Settings(chunk_rows=2, max_rejects=ANY)
    with pytest.raises(muniment.MunimentError):
        load(export, database_url, settings=settings, observer=interrupt)
    write(tmp_path / "export", people=[*PEOPLE, ("P3", "Clara Carver")])
    with pytest.raises(SourceChanged):
        load(export, database_url, settings=settings)


def test_another_file_can_be_given_for_a_part(tmp_path: Path) -> None:
    export = write(tmp_path / "export")
    other = tmp_path / "other.csv"
    other.write_text("id,title,rank\n" + "".join(f"O{n},Jug {n},1\n" for n in range(1, 8)), encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'parts.db'}"
    run = load(export, url, parts={"titles": other})
    assert run.account.inserted == 7
    assert query(url, "SELECT title FROM object_title WHERE title LIKE 'Vase%'") == []
    with pytest.raises(UsageError, match="no part 'title'"):
        load(export, url, parts={"title": other})


def test_a_missing_file_of_a_part_is_told_with_the_name_of_the_part(tmp_path: Path) -> None:
    export = write(tmp_path / "export")
    (tmp_path / "export" / "people.csv").unlink()
    with pytest.raises(SourceError, match=r"people\.csv: the file of the part makers\.person") as refused:
        load(export, f"sqlite:///{tmp_path / 'parts.db'}")
    assert refused.value.hint.endswith("--part makers.person=FILE")


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    load(write(tmp_path / "export"), f"sqlite:///{tmp_path / 'parts.db'}")
    assert list(temporary.iterdir()) == []


def test_keys_and_orders_of_parts_are_not_told_as_columns_that_nothing_reads(tmp_path: Path) -> None:
    told: list[str] = []

    def observe(event: Event) -> None:
        if isinstance(event, SourceRemark):
            told.append(event.problem.message)

    export, url = write(tmp_path / "export"), f"sqlite:///{tmp_path / 'parts.db'}"
    load(export, url, observer=observe)
    assert told == []
    people = [("person", "name", "born"), ("P1", "Anna Potter", "1900"), ("P2", "Berta Painter", "1901")]
    load(write(tmp_path / "export", people=people), url, observer=observe)
    assert told == ["no mapping mentions the columns makers.person.born; they are not loaded"]


GHOSTS: Rows = [*LINKS, ("O2", "P9", "ghost"), ("O2", "NULL", "potter"), ("O4", "", "potter")]
NOTES = """SELECT record_key, code, "column", message, value FROM note ORDER BY record_number, position"""


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_link_to_a_row_that_is_not_there_leaves_a_note(
    tmp_path: Path, database_url: str, suffix: str
) -> None:
    export, url = write(tmp_path / "export", links=GHOSTS), database_url
    text = MAPPING.replace(".csv", "{suffix}")
    if suffix == ".xlsx":
        export = as_workbooks(export)
    run = muniment.load(export, mapping=muniment.Mapping.parse(text), to=url)
    assert (run.account.inserted, run.account.quarantined, run.account.notes) == (7, 0, 1)
    quoted = NOTES.replace('"', "`") if "m" in url.partition(":")[0] else NOTES
    ((key, code, column, message, value),) = query(url, quoted)
    assert (key, code, column, value) == ("O2", "part-unknown", "makers.person", "P9")
    place = "line 5" if suffix == ".csv" else "Sheet!A5"
    assert message == f"makers.person has no person P9, to which links{suffix}, {place} refers"


def test_what_is_found_in_the_cells_of_a_part_is_told_of_its_record(
    tmp_path: Path, database_url: str
) -> None:
    export = as_workbooks(write(tmp_path / "export"))
    for name, cell, value in (("titles", "B6", "=A1"), ("people", "B2", "#N/A"), ("links", "C4", "=A1")):
        path = export.with_name(f"{name}.xlsx")
        book = openpyxl.load_workbook(path)
        book.worksheets[0][cell] = value
        book.save(path)
    rejected, text = Rejections(), MAPPING.replace(".csv", "{suffix}").replace('order = "rank"', "")
    run = muniment.load(
        export,
        mapping=muniment.Mapping.parse(text),
        to=database_url,
        settings=Settings(max_rejects=ANY),
        observer=rejected,
    )
    codes = [(problem.code, problem.column) for one in rejected for problem in one.problems]
    assert codes == [("error-cell", "makers.person.name"), ("formula-not-computed", "titles.title")]
    assert (run.account.read, run.account.inserted, run.account.quarantined) == (7, 6, 1)
    quoted = NOTES.replace('"', "`") if "m" in database_url.partition(":")[0] else NOTES
    assert [row[:3] for row in query(database_url, quoted)] == [("O3", "formula-not-computed", "makers.role")]


def test_a_row_that_the_conditions_of_its_part_leave_out_is_not_missing(tmp_path: Path) -> None:
    export, url = write(tmp_path / "export", links=GHOSTS), f"sqlite:///{tmp_path / 'parts.db'}"
    condition = 'key = "person"\nonly = { column = "name", equals = "Anna Potter" }'
    text = MAPPING.replace('key = "person"', condition)
    run = muniment.load(export, mapping=muniment.Mapping.parse(text), to=url)
    assert [row[4] for row in query(url, NOTES)] == ["P9"]
    assert run.account.inserted == 7


def test_of_many_rows_that_are_not_there_some_are_told_and_the_others_counted(tmp_path: Path) -> None:
    links = [("object", "person", "role"), *(("O2", f"P{n}", "ghost") for n in range(100, 350))]
    export, url = write(tmp_path / "export", links=links), f"sqlite:///{tmp_path / 'parts.db'}"
    assert load(export, url).account.notes == 101
    *_, last = query(url, NOTES)
    assert last[3] == "as many as 150 further rows that complete makers are not there"


def test_a_record_that_is_rejected_tells_what_it_lacks_besides(tmp_path: Path) -> None:
    titles, rejected = [row for row in TITLES if row[0] != "O2"], Rejections()
    export = write(tmp_path / "export", titles=titles, links=GHOSTS)
    load(export, f"sqlite:///{tmp_path / 'parts.db'}", observer=rejected)
    assert [(problem.code, problem.severity) for problem in rejected[0].problems] == [
        ("missing", ""),
        ("part-unknown", "note"),
    ]


def trace(url: str, number: str, field: str | None = None, *look_in: Path) -> audit.Trace:
    with closing(connect(url)) as database:
        (found,) = audit.trace(database, number, field, look_in)
    return found


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_record_with_parts_is_traced_to_its_files(tmp_path: Path, database_url: str, suffix: str) -> None:
    export = write(tmp_path / "export", titles=[*TITLES, ("O9", "Vase 9", "1")])
    if suffix == ".xlsx":
        export = as_workbooks(export)
    mapping = muniment.Mapping.parse(MAPPING.replace(".csv", "{suffix}"))
    muniment.load(export, mapping=mapping, to=database_url, settings=Settings(max_rejects=ANY))
    found = trace(database_url, "1999.3", "creator")
    parts = tuple(str(export.with_name(f"{name}{suffix}")) for name in ("titles", "links", "people"))
    assert (found.source.location, found.source.parts) == (str(export), parts)
    assert (found.source.found_at, found.source.remark, found.intact) == (str(export), "", True)
    assert found.field is not None
    assert found.field.cells == {
        "makers.person": "P2",
        "makers.person.name": "Berta Painter",
        "makers.role": "after",
    }
    assert str(export.with_name(f"links{suffix}")) in found.text


def test_a_record_with_parts_is_traced_to_files_that_were_given_and_that_moved(tmp_path: Path) -> None:
    export, url = write(tmp_path / "export"), f"sqlite:///{tmp_path / 'parts.db'}"
    other = tmp_path / "other.csv"
    other.write_text("id,title,rank\n" + "".join(f"O{n},Jug {n},1\n" for n in range(1, 8)), encoding="utf-8")
    load(export, url, parts={"titles": other})
    shutil.move(tmp_path / "export", tmp_path / "moved")
    lost = trace(url, "1999.3")
    assert lost.intact is None
    assert lost.source.remark.startswith("the source was 4 files; ")
    assert "links.csv" in lost.source.remark
    assert str(other) not in lost.source.remark
    assert "bytes" not in lost.source.remark
    found = trace(url, "1999.3", None, tmp_path / "moved")
    assert found.intact
    assert "Jug 3" in found.text
    assert found.source.found_at == str(tmp_path / "moved" / "objects.csv")


def test_nothing_is_said_of_the_bytes_of_a_record_one_of_whose_files_has_changed(tmp_path: Path) -> None:
    export, url = write(tmp_path / "export"), f"sqlite:///{tmp_path / 'parts.db'}"
    load(export, url)
    write(tmp_path / "export", people=[*PEOPLE, ("P3", "Clara Carver")])
    found = trace(url, "1999.3")
    assert (found.intact, found.raw, found.source.found_at) == (None, None, "")
    assert "4 files, of which at least one has other bytes now" in found.source.remark


def test_the_command_says_that_the_source_was_several_files(tmp_path: Path) -> None:
    export = write(tmp_path / "export")
    load(export, f"sqlite:///{tmp_path / 'muniment.db'}")
    program = program_in(tmp_path)
    whole = program("trace", "1999.3")
    assert "links.csv" in whole.said
    assert "As it is put together of the files" in whole.said
    (tmp_path / "export" / "links.csv").unlink()
    assert "not all files that were loaded are there as they were" in program("trace", "1999.3").said
