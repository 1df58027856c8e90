"""Every input record is stored or quarantined: by identity, whatever the text and its dialect."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import muniment
from muniment import Format, RejectBudget, Settings
from muniment.errors import HeaderError
from muniment.quarantine import MAX_RAW_BYTES
from muniment.sources import open_source
from tests.acceptance.loading import counts, load, query, vase, write
from tests.faults.catalogue import fault
from tests.unit.sources.strategies import Written, bounds, written

PLACES = """SELECT record_number, line, byte_offset, byte_length FROM object
            UNION ALL SELECT record_number, line, byte_offset, byte_length FROM quarantine ORDER BY 1"""

LINE_ENDS = b"\r\n"

on_one_database = settings(
    deadline=None,
    max_examples=100,
    # The folder and the empty database in it are made once; each example takes a copy.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the schema and nothing in it."""
    folder = tmp_path_factory.mktemp("empty")
    load(write(folder / "a.csv", []), f"sqlite:///{folder / 'a.db'}")
    return folder / "a.db"


def copied(empty: Path) -> str:
    """The URL of a fresh copy of the empty database."""
    for ending in ("-wal", "-shm"):
        (empty.parent / f"copy.db{ending}").unlink(missing_ok=True)
    shutil.copy(empty, empty.parent / "copy.db")
    return f"sqlite:///{empty.parent / 'copy.db'}"


def mapping(first: str, last: str, form: Format) -> muniment.Mapping:
    """A mapping that reads the accession number and the title from two columns, which may be the same."""
    return muniment.Mapping.model_validate(
        {
            "institution": {"name": "Museum", "id": "m"},
            "source": form,
            "fields": {"accession": first, "title": last, "object_type": {"constant": "thing"}},
        }
    )


def any_budget(chosen: Settings) -> Settings:
    return chosen.model_copy(update={"max_rejects": RejectBudget(percent=100)})


def expected(rows: list[list[str]]) -> tuple[dict[int, tuple[str, str]], set[int]]:
    """By record number, what should be stored; and the numbers of those that should not."""
    stored: dict[int, tuple[str, str]] = {}
    rejected: set[int] = set()
    for number, row in enumerate(rows, 1):
        accession, title = row[0].strip(), row[-1].strip()
        if accession and title and accession not in {known for known, _ in stored.values()}:
            stored[number] = accession, title
        else:
            rejected.add(number)
    return stored, rejected


@given(text=written(), chosen=bounds())
@on_one_database
def test_rows_in_any_dialect_and_encoding_are_stored_or_quarantined_each_as_itself(
    empty: Path, text: Written, chosen: Settings
) -> None:
    url = copied(empty)
    header, *rows = text.rows
    run = muniment.load(
        io.BytesIO(text.data),
        mapping=mapping(header[0], header[-1], text.format),
        to=url,
        settings=any_budget(chosen),
    )
    stored, rejected = expected(rows)
    assert (run.status, run.account.read) == ("done", len(rows))
    found = query(
        url, "SELECT record_number, accession, title FROM object JOIN object_title USING (object_id)"
    )
    assert {number: (accession, title) for number, accession, title in found} == stored
    assert {number for (number,) in query(url, "SELECT record_number FROM quarantine")} == rejected


PIECES = (
    b'a|1| |,|,|"|"|""|\n|\r\n|\r|\0|\xe9|\xc3\xa9|"x|y"|"x\ny"'
    b"|\xed\xa0\x80|\x92|k,t\n|a,b,c\n|\n\n|\xef\xbb\xbf"
)

AWKWARD = st.lists(st.sampled_from(PIECES.split(b"|")), max_size=60).map(b"".join)


@given(body=AWKWARD, chosen=bounds(), longest=st.sampled_from([24, 1_000]))
@on_one_database
def test_every_byte_of_any_text_belongs_to_one_record_or_ends_a_line(
    empty: Path, body: bytes, chosen: Settings, longest: int
) -> None:
    url = copied(empty)
    data = b"number,title\n" + body
    bounded = any_budget(chosen).model_copy(update={"max_record_bytes": longest})
    run = muniment.load(
        io.BytesIO(data), mapping=mapping("number", "title", Format()), to=url, settings=bounded
    )
    assert run.status in ("done", "incomplete")
    must_cover(url, data, run, start=len(b"number,title\n"))


def must_cover(url: str, data: bytes, run: muniment.Run, start: int) -> None:
    """Records are numbered without a gap, stand one behind the other, and leave out nothing but line ends."""
    places = query(url, PLACES)
    assert [number for number, *_ in places] == list(range(1, run.account.read + 1))
    assert run.account.inserted == len(query(url, "SELECT object_id FROM object"))
    assert run.account.quarantined == len(query(url, "SELECT quarantine_id FROM quarantine"))
    at, blank = start, 0
    for _, line, offset, length in places:
        between = data[at:offset]
        assert between.strip(LINE_ENDS) == b""
        assert line == 1 + line_ends(data[:offset])
        blank += line_ends(between) - (at > start)
        at = offset + length
    assert data[at:].strip(LINE_ENDS) == b""
    blank += max(line_ends(data[at:]) - bool(places), 0)
    assert run.account.blank_lines == blank


def line_ends(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def test_awkward_files_are_stored_or_quarantined_whole(reference: Path, database_url: str) -> None:
    files = sorted((reference / "nasty").rglob("*.csv"))
    assert len(files) >= 14
    for path in files:
        source = open_source(path, Format(), Settings())
        header, start = source.header, source.first.offset
        source.close()
        by = mapping(header.names[0], header.names[-1], Format())
        small = any_budget(Settings(chunk_rows=200, max_record_bytes=65_536))
        run = muniment.load(path, mapping=by, to=database_url, settings=small)
        if run.status == "already loaded":  # the same bytes under another name
            continue
        seen = query(
            database_url,
            "SELECT record_number, byte_offset, byte_length FROM object"
            f" WHERE run_id = {run.run} UNION ALL SELECT last_record_number, byte_offset, byte_length"
            f" FROM quarantine WHERE last_run_id = {run.run} ORDER BY 1",
        )
        unchanged = run.account.unchanged
        assert len(seen) + unchanged == run.account.read
        data = path.read_bytes()
        for _, offset, length in seen:
            assert offset >= start
            assert data[offset : offset + length].strip(LINE_ENDS)
        assert (run.status == "incomplete") == ("truncated" in path.name), path


@fault(34)
def test_a_very_large_field_under_the_bound_is_loaded_and_one_over_it_is_quarantined(
    tmp_path: Path, database_url: str
) -> None:
    rows: list[dict[str, Any]] = [vase(n) for n in range(1, 8)]
    rows[2]["title"] = "x" * 1_000_000
    rows[4]["title"] = "y" * 3_000_000
    export = write(tmp_path / "a.csv", rows)
    chosen = Settings(max_record_bytes=2_000_000, max_rejects=RejectBudget(count=1))
    run = load(export, database_url, settings=chosen)
    assert counts(run) == {"read": 7, "inserted": 6, "quarantined": 1}
    ((number, length, raw),) = query(
        database_url, "SELECT record_number, byte_length, length(raw) FROM quarantine"
    )
    assert number == 5
    assert 0 < raw <= MAX_RAW_BYTES  # its beginning
    assert length > 3_000_000
    titles = query(database_url, "SELECT length(title) FROM object_title ORDER BY 1 DESC")
    assert titles[0] == (1_000_000,)


def test_an_empty_file_has_no_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(HeaderError, match="empty"):
        load(tmp_path / "a.csv", f"sqlite:///{tmp_path / 'a.db'}")
