"""Three real collections, loaded by the mappings that ship, on each database.

What is expected is computed from the files with the standard library alone.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import muniment
from muniment.databases import Database, connect
from tests.content import Content, content, differences

ROOT = Path(__file__).parent.parent.parent
COLLECTIONS = {
    "carnegie": ("cmoa/cmoa.csv", "utf-8"),
    "tate": ("tate/artwork_data.csv", "utf-8-sig"),
    "colby": ("colby/colby_data.csv", "utf-8"),
}


def _load(collection: str, reference: Path, url: str) -> muniment.Run:
    file, _ = COLLECTIONS[collection]
    return muniment.load(
        reference / "data" / file, mapping=ROOT / "examples" / collection / "mapping.toml", to=url
    )


def _rows(collection: str, reference: Path) -> list[dict[str, str]]:
    file, encoding = COLLECTIONS[collection]
    with (reference / "data" / file).open(encoding=encoding, newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def on_sqlite(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Content]:
    """The content of a collection loaded into SQLite, which the other databases must have as well."""
    known: dict[str, Content] = {}

    def loaded(collection: str) -> Content:
        if collection not in known:
            url = f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'collection.db'}"
            _load(collection, reference, url)
            known[collection] = _content(url)
        return known[collection]

    return loaded


def _content(url: str) -> Content:
    database = connect(url)
    try:
        return content(database)
    finally:
        database.close()


def _query(database: Database, sql: str) -> list[Any]:
    with database.engine.connect() as connection:
        return list(connection.execute(sa.text(sql)))


def test_carnegie_loads_all_but_what_lacks_a_title_or_a_classification(
    reference: Path, database_url: str, on_sqlite: Callable[[str], Content]
) -> None:
    run = _load("carnegie", reference, database_url)
    rows = _rows("carnegie", reference)
    bad = {row["id"] for row in rows if not row["title"].strip() or not row["classification"].strip()}
    assert (run.status, run.account.read, run.account.inserted) == ("done", 28_258, 28_258 - len(bad))
    database = connect(database_url)
    assert {row[0] for row in _query(database, "SELECT record_key FROM quarantine")} == bad
    stored = dict(_query(database, "SELECT record_key, accession FROM object"))
    assert stored == {row["id"]: row["accession_number"] for row in rows if row["id"] not in bad}
    _must_have_dates_of_carnegie(database, [row for row in rows if row["id"] not in bad])
    _must_have_creators_of_carnegie(database, [row for row in rows if row["id"] not in bad])
    _must_have_dimensions_of_carnegie(database, [row for row in rows if row["id"] not in bad])
    found = content(database)
    database.close()
    assert list(differences(found, on_sqlite("carnegie"))) == []


def _must_have_dates_of_carnegie(database: Database, rows: list[dict[str, str]]) -> None:
    sql = """SELECT record_key, display_date, earliest, latest, earliest_year FROM object
             JOIN production ON production.object_id = object.object_id"""
    stored = {row[0]: row[1:] for row in _query(database, sql)}
    wrong = []
    for row in rows:
        first, last = row["creation_date_earliest"], row["creation_date_latest"]
        if not first or not last or _year(last) > 9_999 or (_year(first), first) > (_year(last), last):
            continue
        display, earliest, latest, year = stored[row["id"]]
        if (display or "", earliest, latest, year) != (
            row["creation_date"].strip(),
            first,
            last,
            _year(first),
        ):
            wrong.append((row["id"], display, earliest, latest, first, last))
    assert wrong == []
    assert sum(1 for values in stored.values() if values[3] is not None and values[3] < 0) >= 55


def _year(iso: str) -> int:
    match = re.match(r"(-?[0-9]+)-", iso)
    assert match is not None
    return int(match[1])


def _must_have_creators_of_carnegie(database: Database, rows: list[dict[str, str]]) -> None:
    sql = """SELECT record_key, position, name FROM object
             JOIN production_actor ON production_actor.object_id = object.object_id
             JOIN actor ON actor.actor_id = production_actor.actor_id ORDER BY record_key, position"""
    stored: dict[str, list[str]] = {}
    for key, _, name in _query(database, sql):
        stored.setdefault(key, []).append(name)
    wrong = []
    for row in rows:
        names, ids = row["full_name"].split("|"), row["artist_id"].split("|")
        if (
            len(names) == len(ids)
            and all(names)
            and stored.get(row["id"]) != [name.strip() for name in names]
        ):
            wrong.append((row["id"], stored.get(row["id"]), names))
    assert wrong == []


def _must_have_dimensions_of_carnegie(database: Database, rows: list[dict[str, str]]) -> None:
    sql = """SELECT record_key, type, value, unit FROM object
             JOIN dimension ON dimension.object_id = object.object_id"""
    stored: dict[str, dict[str, float]] = {}
    for key, kind, value, unit in _query(database, sql):
        assert unit == "in"
        stored.setdefault(key, {})[kind] = value
    for row in rows:
        expected = {
            kind: float(row[f"item_{kind}"] or 0) for kind in ("height", "width", "depth", "diameter")
        }
        assert stored.get(row["id"], {}) == {kind: value for kind, value in expected.items() if value}


def test_tate_loads_whole(reference: Path, database_url: str, on_sqlite: Callable[[str], Content]) -> None:
    run = _load("tate", reference, database_url)
    assert (run.status, run.account.read, run.account.inserted) == ("done", 69_202, 69_202)
    rows = _rows("tate", reference)
    database = connect(database_url)
    sql = """SELECT record_key, object.accession, title, qualifier, actor_key, earliest_year, latest_year
             FROM object
             JOIN object_title ON object_title.object_id = object.object_id AND preferred = 1
             JOIN production ON production.object_id = object.object_id
             LEFT JOIN production_actor ON production_actor.object_id = object.object_id
             LEFT JOIN actor ON actor.actor_id = production_actor.actor_id"""
    stored = {row[0]: row[1:] for row in _query(database, sql)}
    assert len(stored) == len(rows)
    for row in rows:
        accession, title, qualifier, actor_key, _, _ = stored[row["id"]]
        assert (accession, title) == (row["accession_number"], row["title"].strip())
        assert actor_key == f"tate/id/{row['artistId']}"
        if row["artistRole"] == "attributed to":
            assert qualifier == "attributed to"
    plain = [row for row in rows if re.fullmatch("[0-9]{4}", row["dateText"])]
    assert len(plain) > 20_000
    for row in plain:
        assert stored[row["id"]][4:] == (int(row["dateText"]), int(row["dateText"]))
    found = content(database)
    database.close()
    assert list(differences(found, on_sqlite("tate"))) == []


def test_colby_loads_whole_with_its_terms(
    reference: Path, database_url: str, on_sqlite: Callable[[str], Content]
) -> None:
    run = _load("colby", reference, database_url)
    assert (run.status, run.account.read, run.account.inserted) == ("done", 1_952, 1_952)
    rows = _rows("colby", reference)
    database = connect(database_url)
    assert {row[0] for row in _query(database, "SELECT accession FROM object")} == {
        r["Accession_num"] for r in rows
    }
    sql = """SELECT record_key, uri FROM object
             JOIN object_material ON object_material.object_id = object.object_id
             JOIN term ON term.term_id = object_material.term_id WHERE uri IS NOT NULL"""
    stored: dict[str, set[str]] = {}
    for key, uri in _query(database, sql):
        stored.setdefault(key, set()).add(uri)
    for row in rows:
        ids = re.findall(r"AAT:\(\s*([0-9]+)", row["Media_AAT"])
        assert stored.get(row["embark_ID"], set()) == {
            f"http://vocab.getty.edu/aat/{number}" for number in ids
        }
    found = content(database)
    database.close()
    assert list(differences(found, on_sqlite("colby"))) == []
