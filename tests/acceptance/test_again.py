"""Loading again: the same file, the same file once more, and a newer export."""

from __future__ import annotations

import gzip
import json
import shutil
from operator import itemgetter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from muniment import RejectBudget, Settings
from muniment.correction import dismiss
from muniment.ledger import change_table
from tests.acceptance.loading import (
    MAPPING,
    Rejections,
    content_of,
    counts,
    load,
    mapping,
    opened,
    query,
    vase,
    write,
)

ANY_BUDGET = RejectBudget(percent=100)

ENTRIES = """SELECT record_key, state, times_seen, last_run_id, last_record_number, closed_by_run_id,
             closed_by_record FROM quarantine ORDER BY run_id, record_number"""


def before_images(url: str) -> dict[str, tuple[int, int, Any]]:
    """By key, run and record of the change, and what was there before it."""
    with opened(url) as database, database.engine.connect() as connection:
        rows = connection.execute(sa.select(change_table)).mappings()
        return {
            row["record_key"]: (row["run_id"], row["record_number"], json.loads(row["before"]))
            for row in rows
        }


def test_the_same_file_again_changes_nothing_whatever_it_is_called(tmp_path: Path, database_url: str) -> None:
    export = write(tmp_path / "a.csv", [vase(1), vase(2), vase(3, title="")])
    settings = Settings(max_rejects=ANY_BUDGET)
    first = load(export, database_url, settings=settings)
    before = content_of(database_url)
    shutil.copy(export, tmp_path / "copy.csv")
    for source in (export, tmp_path / "copy.csv"):
        run = load(source, database_url, settings=Settings(chunk_rows=1, max_rejects=RejectBudget(count=0)))
        assert (run.run, run.status, run.exit_code) == (first.run, "already loaded", 0)
        assert (run.account, run.chunks) == (first.account, first.chunks)
    assert content_of(database_url) == before
    for table in ("source", "run", "chunk", "chunk_result"):
        assert len(query(database_url, f"SELECT * FROM {table}")) == 1


def test_a_source_that_goes_back_to_what_it_was_is_told_that_a_newer_one_was_loaded(
    tmp_path: Path, database_url: str
) -> None:
    export, newer = write(tmp_path / "a.csv", [vase(1)]), write(tmp_path / "b.csv", [vase(1, title="Jug")])
    assert load(export, database_url).messages == ()
    assert load(export, database_url).messages == ()
    load(newer, database_url)
    (said,) = load(export, database_url).messages
    assert "run 2 has loaded since" in said
    run = load(export, database_url, again=True)
    assert (run.messages, counts(run)) == ((), {"read": 1, "updated": 1})


def test_once_more_finds_everything_unchanged(tmp_path: Path, database_url: str) -> None:
    rows = [vase(n, **({"title": ""} if n % 10 == 0 else {})) for n in range(1, 31)]
    rows += [vase(n, made="when the mill stood") for n in range(31, 41)]
    export = write(tmp_path / "a.csv", rows)
    first = load(export, database_url, chunk_rows=7)
    assert counts(first) == {"read": 40, "inserted": 37, "quarantined": 3, "notes": 10}
    before = content_of(database_url)
    for pass_number in (2, 3):
        run = load(export, database_url, chunk_rows=11 * pass_number, again=True)
        assert counts(run) == {"read": 40, "unchanged": 37, "quarantined": 3}
        assert query(database_url, f"SELECT pass FROM run WHERE run_id = {run.run}") == [(pass_number,)]
    after = content_of(database_url)
    assert {name: rows for name, rows in after.items() if name != "quarantine"} == {
        name: rows for name, rows in before.items() if name != "quarantine"
    }
    assert query(database_url, ENTRIES) == [
        (f"O{n}", "open", 3, run.run, n, None, None) for n in (10, 20, 30)
    ]
    assert before_images(database_url) == {}
    assert len(query(database_url, "SELECT * FROM sighting")) == 2 * 37


def test_a_newer_export_updates_what_has_changed_and_keeps_what_it_was(
    tmp_path: Path, database_url: str
) -> None:
    load(write(tmp_path / "old.csv", [vase(n) for n in range(1, 7)]), database_url)
    ((before_title, before_maker),) = query(
        database_url,
        "SELECT title, name FROM object JOIN object_title USING (object_id)"
        " JOIN production_actor USING (object_id) JOIN actor USING (actor_id) WHERE record_key = 'O2'",
    )
    newer = [
        vase(1),
        vase(2, title="Renamed", maker="Someone else"),
        vase(3, number="1999.X"),  # another accession number, the same key
        vase(4, room=""),
        vase(7, number="1999.3"),  # the accession number that O3 had
        vase(5),
    ]
    run = load(write(tmp_path / "new.csv", newer), database_url, chunk_rows=100)
    assert counts(run) == {"read": 6, "inserted": 1, "updated": 3, "unchanged": 2}
    stored = query(
        database_url,
        "SELECT record_key, accession, title, run_id, record_number FROM object JOIN object_title"
        " USING (object_id) ORDER BY record_key",
    )
    assert stored == [
        ("O1", "1999.1", "Vase 1", 1, 1),
        ("O2", "1999.2", "Renamed", 2, 2),
        ("O3", "1999.X", "Vase 3", 2, 3),
        ("O4", "1999.4", "Vase 4", 2, 4),
        ("O5", "1999.5", "Vase 5", 1, 5),
        ("O6", "1999.6", "Vase 6", 1, 6),
        ("O7", "1999.3", "Vase 7", 2, 5),
    ]
    changes = before_images(database_url)
    assert {key: (run_id, number) for key, (run_id, number, _) in changes.items()} == {
        "O2": (2, 2),
        "O3": (2, 3),
        "O4": (2, 4),
    }
    image = changes["O2"][2]
    assert image["object"][0]["accession"] == "1999.2"
    assert image["object"][0]["run_id"] == 1
    assert [title["title"] for title in image["object_title"]] == [before_title]
    assert [actor["name"] for actor in image["actor"]] == [before_maker]
    assert query(database_url, "SELECT location_id FROM object WHERE record_key = 'O4'") == [(None,)]


def test_an_update_leaves_exactly_what_loading_the_newer_export_alone_leaves(
    tmp_path: Path, database_url: str
) -> None:
    old = [vase(n) for n in range(1, 31)]
    new = [vase(n, title=f"New {n}", maker=f"Maker {n % 4}", made="c. 1850") for n in range(1, 31)]
    load(write(tmp_path / "old.csv", old), database_url, chunk_rows=7)
    run = load(write(tmp_path / "new.csv", new), database_url, chunk_rows=4)
    assert counts(run) == {"read": 30, "updated": 30}
    alone = f"sqlite:///{tmp_path / 'alone.db'}"
    load(tmp_path / "new.csv", alone, chunk_rows=4)
    assert content_of(database_url) == content_of(alone)


def test_what_a_newer_export_mends_is_closed_and_what_is_rejected_again_is_counted(
    tmp_path: Path, database_url: str
) -> None:
    settings = Settings(max_rejects=ANY_BUDGET, chunk_rows=2)
    bad = [vase(n, title="") for n in range(1, 5)]
    load(write(tmp_path / "1.csv", [*bad, vase(9), vase(9, title="twice")]), database_url, settings=settings)
    assert len(query(database_url, ENTRIES)) == 5
    # The entry of the second O9 is closed by the first, and opened again by its like in the next chunk.
    second = [vase(9), vase(1), vase(9, title="twice"), vase(2, title="", kind=""), vase(4, title="")]
    seen = Rejections()
    run = load(write(tmp_path / "2.csv", second), database_url, settings=settings, observer=seen)
    assert counts(run) == {"read": 5, "inserted": 1, "unchanged": 1, "quarantined": 3}
    assert sorted((rejected.record, rejected.key) for rejected in seen) == [(3, "O9"), (4, "O2"), (5, "O4")]
    assert query(database_url, ENTRIES) == [
        ("O1", "closed", 1, 1, 1, 2, 2),
        ("O2", "open", 1, 1, 2, None, None),
        ("O3", "open", 1, 1, 3, None, None),
        ("O4", "open", 2, 2, 5, None, None),
        ("O9", "open", 2, 2, 3, None, None),
        ("O2", "open", 1, 2, 4, None, None),  # the same record, with another problem
    ]
    mended = load(write(tmp_path / "3.csv", [vase(2), vase(4)]), database_url, settings=settings)
    assert counts(mended) == {"read": 2, "inserted": 2}
    states = [(key, state) for key, state, *_ in query(database_url, ENTRIES)]
    assert states == [
        ("O1", "closed"),
        ("O2", "closed"),
        ("O3", "open"),
        ("O4", "closed"),
        ("O9", "open"),
        ("O2", "closed"),
    ]
    broken_again = load(
        write(tmp_path / "4.csv", [vase(8), vase(4, title="")]), database_url, settings=settings
    )
    assert counts(broken_again) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert query(database_url, ENTRIES)[3] == ("O4", "open", 3, 4, 2, None, None)


def test_rows_that_are_the_same_to_the_last_byte_are_as_many_entries_as_rows(
    tmp_path: Path, database_url: str
) -> None:
    settings = Settings(max_rejects=ANY_BUDGET, chunk_rows=2)
    export = write(tmp_path / "a.csv", [vase(1, title="")] * 5)
    for times in (1, 2):
        run = load(export, database_url, settings=settings, again=times > 1)
        assert counts(run) == {"read": 5, "quarantined": 5}
        assert sorted(query(database_url, ENTRIES), key=itemgetter(4)) == [
            ("O1", "open", times, times, number, None, None) for number in range(1, 6)
        ]


def test_dismissed_records_count_as_skipped(tmp_path: Path, database_url: str) -> None:
    settings = Settings(max_rejects=ANY_BUDGET)
    export = write(tmp_path / "a.csv", [vase(1), vase(2, title=""), vase(3, title="")])
    load(export, database_url, settings=settings)
    with opened(database_url) as database:
        assert dismiss(database, [1], "deaccessioned") == 1
    run = load(export, database_url, settings=settings, again=True)
    assert counts(run) == {"read": 3, "unchanged": 1, "quarantined": 1, "skipped": 1}
    assert [(key, state, times) for key, state, times, *_ in query(database_url, ENTRIES)] == [
        ("O2", "dismissed", 2),
        ("O3", "open", 2),
    ]


def test_another_mapping_is_another_run_of_the_same_source(tmp_path: Path, database_url: str) -> None:
    export = write(tmp_path / "a.csv", [vase(1), vase(2)])
    load(export, database_url)
    assert counts(load(export, database_url, mapping=mapping(MAPPING + 'place = "room"\n'))) == {
        "read": 2,
        "updated": 2,
    }
    # As the text of the mapping decides, so does a comment in it: content is compared, nothing is updated.
    assert counts(load(export, database_url, mapping=mapping(MAPPING + 'place = "room" # where\n'))) == {
        "read": 2,
        "unchanged": 2,
    }
    assert len(query(database_url, "SELECT * FROM source")) == 1
    assert len(query(database_url, "SELECT * FROM run")) == 3


def test_two_institutions_and_two_record_sources_do_not_touch_each_other(
    tmp_path: Path, database_url: str
) -> None:
    export = write(tmp_path / "a.csv", [vase(1), vase(2, title="")])
    settings = Settings(max_rejects=ANY_BUDGET)
    load(export, database_url, settings=settings)
    other = mapping(MAPPING.replace('id = "town"', 'id = "county"').replace("Town", "County"))
    run = load(write(tmp_path / "b.csv", [vase(1), vase(2)]), database_url, mapping=other)
    assert counts(run) == {"read": 2, "inserted": 2}
    assert len(query(database_url, "SELECT * FROM object WHERE record_key = 'O1'")) == 2
    assert [state for _, state, *_ in query(database_url, ENTRIES)] == ["open"]


def test_what_a_later_export_says_of_a_maker_corrects_it_and_silence_does_not(
    tmp_path: Path, database_url: str
) -> None:
    columns = ("id", "number", "title", "kind", "maker", "maker_id", "nation", "born", "made", "room")
    text = MAPPING.replace(
        'creator = "maker"',
        'creator = { name = "maker", id = "maker_id", nationality = "nation", birth = "born" }',
    )

    def by(count: int, name: str, nation: str = "", born: str = "") -> dict[str, str]:
        return vase(count, maker=name) | {"maker_id": "M1", "nation": nation, "born": born}

    first = [by(1, "Kauffman"), by(2, "Kaufmann", "Swiss"), by(3, "Kauffman", "", "1741")]
    for chunk_rows in (1, 3):
        run = load(
            write(tmp_path / f"{chunk_rows}.csv", first, columns),
            f"sqlite:///{tmp_path / f'{chunk_rows}.db'}",
            mapping=mapping(text),
            chunk_rows=chunk_rows,
        )
        assert counts(run) == {"read": 3, "inserted": 3}
    assert content_of(f"sqlite:///{tmp_path / '1.db'}") == content_of(f"sqlite:///{tmp_path / '3.db'}")
    load(tmp_path / "1.csv", database_url, mapping=mapping(text), chunk_rows=2)
    known = "SELECT name, nationality, birth FROM actor WHERE actor_key = 'town/id/M1'"
    assert query(database_url, known) == [("Kauffman", "Swiss", "1741")]
    load(write(tmp_path / "new.csv", [by(1, "Kauffmann")], columns), database_url, mapping=mapping(text))
    assert query(database_url, known) == [("Kauffmann", "Swiss", "1741")]


def test_a_compressed_copy_is_another_source_with_the_same_content(tmp_path: Path, database_url: str) -> None:
    export = write(tmp_path / "a.csv", [vase(1), vase(2)])
    load(export, database_url)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(export.read_bytes()))
    run = load(tmp_path / "a.csv.gz", database_url)
    assert (run.status, counts(run)) == ("done", {"read": 2, "unchanged": 2})
