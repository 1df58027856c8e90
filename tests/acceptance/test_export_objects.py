"""Objects as one table: out, and in again, with the same content."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import muniment
from muniment.errors import UsageError
from muniment.museum import tables
from muniment.museum.record import Actor
from muniment.museum.rows import Keys
from muniment.sources.guard import unguarded
from tests.acceptance.loading import MAPPING as PLAIN
from tests.acceptance.loading import held, load, mapping, opened, vase, write
from tests.content import differences
from tests.publishing.museum import accepted

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "examples" / "sample"

COLLECTIONS = {
    "carnegie": "cmoa/cmoa.csv",
    "tate": "tate/artwork_data.csv",
    "colby": "colby/colby_data.csv",
}


def saying_otherwise(url: str, source: Path, mapped: Path) -> set[str]:
    """The keys of records that say something else of an actor or a term than the tables keep."""
    with opened(url) as database, database.engine.connect() as connection:
        a, t, v = tables.actor.c, tables.term.c, tables.vocabulary.c
        columns = (a.actor_key, a.name, a.kind, a.nationality, a.birth, a.death, a.uri)
        actors = {row[0]: tuple(row[1:]) for row in connection.execute(sa.select(*columns))}
        query = sa.select(v.vocabulary_key, t.term_key, t.label, t.uri, t.language)
        joined = query.join_from(tables.term, tables.vocabulary)
        terms = {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(joined)}
    keys, found = Keys(muniment.Mapping.read(mapped).institution.id), set()
    for record in accepted(source, mapped):
        namings = [part.actor for part in record.production.actors] + [*record.owners, *record.keepers]
        if record.acquisition and record.acquisition.source:
            namings.append(Actor(name=record.acquisition.source))
        said = ((a.name, a.kind, a.nationality, a.birth, a.death, a.uri) for a in namings)
        kept = (actors[keys.actor(a.name, a.id)] for a in namings)
        labels = [*record.object_types, *record.materials, *record.subjects]
        kept_terms = (terms[term.vocabulary, keys.term(term.label, term.uri)] for term in labels)
        if list(said) != list(kept) or [(t.label, t.uri, t.language) for t in labels] != list(kept_terms):
            found.add(record.key)
    return found


def there_and_back(url: str, folder: Path, **choice: Any) -> str:
    """The URL of a database that was loaded from the export of another."""
    form = choice.pop("form", "csv")
    muniment.export(form, db=url, to_dir=folder, **choice)
    second = f"sqlite:///{folder / 'second.db'}"
    for mapped in sorted(folder.glob("*.toml")):
        for table in sorted(folder.glob(f"objects*.{form}*")):
            run = muniment.load(table, mapping=mapped, to=second)
            assert run.account.quarantined == 0
    return second


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    return [dict(zip(header, map(unguarded, row), strict=True)) for row in rows]


def test_the_sample_comes_back_as_it_was(database_url: str, tmp_path: Path) -> None:
    muniment.load(SAMPLE / "sample_export.csv", mapping=SAMPLE / "mapping.toml", to=database_url)
    for form in ("csv", "jsonl", "parquet"):
        second = there_and_back(database_url, tmp_path / form, records_per_file=400, form=form)
        assert not list(differences(held(database_url), held(second)))


def test_compressed_json_lines_of_two_institutions_come_back_by_a_mapping_each(tmp_path: Path) -> None:
    first = f"sqlite:///{tmp_path / 'first.db'}"
    for name in ("Town", "City"):
        rows = [vase(n, title=f"={name} {n}") for n in range(1, 4)]
        mapped = PLAIN.replace("Town", name).replace('"town"', f'"{name.lower()}"')
        load(write(tmp_path / f"{name}.csv", rows), first, mapping=mapping(mapped))
    second = there_and_back(first, tmp_path / "out", form="jsonl", compress="gz")
    assert not list(differences(held(first), held(second)))


@pytest.mark.long
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_whole_collection_comes_back_as_it_was(
    collection: str, database_url: str, reference: Path, tmp_path: Path
) -> None:
    source, mapped = (
        reference / "data" / COLLECTIONS[collection],
        ROOT / "examples" / collection / "mapping.toml",
    )
    loaded = muniment.load(source, mapping=mapped, to=database_url).account.inserted
    others = saying_otherwise(database_url, source, mapped)
    assert len(others) <= loaded / 1_000
    second = there_and_back(database_url, tmp_path / "out")
    assert not list(differences(held(database_url, but=others), held(second, but=others)))


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_records_of_a_real_collection_come_back_as_they_were(
    collection: str, reference: Path, tmp_path: Path
) -> None:
    source = reference / "data" / COLLECTIONS[collection]
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))[:: 1 if collection == "colby" else 40]
    first = f"sqlite:///{tmp_path / 'first.db'}"
    mapped = ROOT / "examples" / collection / "mapping.toml"
    settings = muniment.Settings(max_rejects=muniment.RejectBudget(percent=100))
    muniment.load(rows, mapping=mapped, to=first, settings=settings)
    second = there_and_back(first, tmp_path / "out")
    assert not list(differences(held(first), held(second)))


FULL = """
[institution]
name = "Town Museum"
id = "town"

[record]
key = "id"

[fields]
accession = "number"
title = ["title", { column = "title2", type = "former; title", language = "de", split = ";" }]
object_type = [{ column = "kind", split = ";" }, { column = "kind2", vocabulary = "=other", split = ";" }]
identifier = { column = "title2", split = ";", type = "old" }
material = { column = "material", uri_column = "uris", split = ";" }
creator = { name = "maker", id = "ids", role = "roles", birth = "births", split = ";" }
owner = "owner"
date = { column = "made", earliest = "first", latest = "last" }
place = "place"
location = "place"
dimension = "size"
acquisition = { method = "kind2", source = "owner", date = "made", text = "text" }
provenance = { column = "text", split = ";" }
description = "text2"
text = [{ column = "text", type = "label" }, { column = "title2", type = "provenance", language = "fr" }]
ocr = { column = "text2", engine = "owner", confidence = "sure" }
image = { column = "image", rights = "text2", split = ";" }
rights = "text2"

[rules]
image = "note"
uri = "note"
"""

HOSTILE = st.text(st.sampled_from("=+-@'\"|¦;,\r\n\t \u00a0\x1f\x85éü漢😀\\/%1a"), max_size=12)
PLAIN_TEXT = HOSTILE | st.sampled_from(
    ["=1+1", "after X", "Rembrandt (attributed to)", "10 x 12 in.", "c. 1850"]
)
DATES = ("", "1850", "c. 300 BCE", "12000 BCE", "who knows", "1850-1860", "12th century")
ROW = st.fixed_dictionaries(
    dict.fromkeys(("title2", "kind2", "material", "maker", "owner", "place", "text", "text2"), PLAIN_TEXT)
    | {
        "title": PLAIN_TEXT.map("T{}".format),
        "kind": st.sampled_from(["vase", "=x;y", "a|b", "-;-;|"]),
        "ids": st.sampled_from(["", "7", "1;2", "x/y;z"]),
        "roles": st.sampled_from(["", "printer", "printer, attributed to;after", "+"]),
        "births": st.sampled_from(["", "1800", "1800;1801", "-"]),
        "uris": st.sampled_from(["", "http://a.example/1", "http://a.example/1;http://a.example/2"]),
        "made": st.sampled_from(DATES),
        "first": st.sampled_from(["", "1850", "-206", "1900-02-28"]),
        "last": st.sampled_from(["", "1840", "1899", "-100"]),
        "size": st.sampled_from(["", "10 x 12 in.", "height 3 1/3 in.", "12,5 cm", "0.1 mm", "large"]),
        "sure": st.sampled_from(["", "87.53", "0.333333333333", "58%", "0.00001"]),
        "image": st.sampled_from(["", "http://a.example/i|1", "https://a.example/1;x", "=x"]),
    }
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, min_size=1, max_size=8))
def test_whatever_is_stored_comes_back_as_it_was(
    rows: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    first = f"sqlite:///{folder / 'first.db'}"
    numbered = [{"id": f"'{n}", "number": f"={n}", **row} for n, row in enumerate(rows)]
    lenient = muniment.Settings(max_rejects=muniment.RejectBudget(percent=100))
    muniment.load(numbered, mapping=muniment.Mapping.parse(FULL), to=first, settings=lenient)
    for form in ("csv", "jsonl", "parquet"):
        second = there_and_back(first, folder / form, form=form)
        assert not list(differences(held(first, hashes=False), held(second, hashes=False)))


def test_a_term_or_owner_that_a_record_names_twice_is_the_same_when_it_comes_back(tmp_path: Path) -> None:
    first = f"sqlite:///{tmp_path / 'first.db'}"
    row = {"id": "1", "number": "1", "title": "T", "kind": "vase;vase", "material": "ink;wash;ink"}
    row |= dict.fromkeys(("title2", "kind2", "uris", "maker", "ids", "roles", "births"), "")
    row |= dict.fromkeys(("made", "first", "last", "place", "size", "text", "text2", "sure", "image"), "")
    mapped = FULL.replace('owner = "owner"', 'owner = { name = "owner", split = ";" }')
    mapped = mapped.replace('source = "owner", ', "").replace('engine = "owner", ', "")
    muniment.load([row | {"owner": "Zoe;Adam;Zoe"}], mapping=muniment.Mapping.parse(mapped), to=first)
    second = there_and_back(first, tmp_path / "out")
    (exported,) = read_csv(tmp_path / "out" / "objects.csv")
    assert (exported["object_type"], exported["material"]) == ("vase", "ink|wash")
    assert exported["owner"] == "Adam|Zoe"
    assert not list(differences(held(first), held(second)))


def test_all_formats_of_rows_hold_the_same(database_url: str, tmp_path: Path) -> None:
    load(write(tmp_path / "vases.csv", [vase(n, title=f"=Vase {n}") for n in range(1, 8)]), database_url)
    for name in ("csv", "jsonl", "parquet", "xlsx"):
        muniment.export(name, db=database_url, to_dir=tmp_path / name)
    expected = read_csv(tmp_path / "csv" / "objects.csv")
    assert [row["title"] for row in expected] == [f"=Vase {n}" for n in range(1, 8)]
    lines = (tmp_path / "jsonl" / "objects.jsonl").read_text(encoding="utf-8").splitlines()
    sheet = openpyxl.load_workbook(tmp_path / "xlsx" / "objects.xlsx").worksheets[0]
    header, *cells = ([str(cell.value or "") for cell in row] for row in sheet.iter_rows())
    for rows in (
        list(map(json.loads, lines)),
        pq.read_table(tmp_path / "parquet" / "objects.parquet").to_pylist(),
        [dict(zip(header, map(unguarded, row), strict=True)) for row in cells],
    ):
        assert [{name: cell or "" for name, cell in row.items()} for row in rows] == expected


def keys(folder: Path, name: str = "objects") -> list[str]:
    return [row["record_key"] for row in read_csv(folder / f"{name}.csv")]


def test_a_choice_of_objects_is_exported(database_url: str, tmp_path: Path) -> None:
    load(write(tmp_path / "vases.csv", [vase(n) for n in range(1, 12)]), database_url)
    muniment.export("csv", db=database_url, to_dir=tmp_path / "a", where=["accession=1999.9..1999.10"])
    assert keys(tmp_path / "a") == ["O9", "O10"]
    some = ["1999.2", "1999.11", *(f"none {n}" for n in range(7))]
    done = muniment.export("csv", db=database_url, to_dir=tmp_path / "b", accessions=some)
    assert keys(tmp_path / "b") == ["O2", "O11"]
    named = "none 0, none 1, none 2, none 3, none 4 and 2 more"
    assert done.notes == (f"No object bears the accession number {named}.",)


def test_a_delta_has_what_changed_and_lists_what_is_gone(database_url: str, tmp_path: Path) -> None:
    load(write(tmp_path / "first.csv", [vase(n) for n in range(1, 8)]), database_url)
    changed = [vase(1), vase(2, title="New"), *(vase(n) for n in range(3, 6)), vase(8)]
    load(write(tmp_path / "second.csv", changed), database_url, full=True)
    done = muniment.export("csv", db=database_url, to_dir=tmp_path / "delta", since=1)
    assert keys(tmp_path / "delta") == ["O2", "O8"]
    assert keys(tmp_path / "delta", "withdrawn") == ["O6", "O7"]
    assert done.records == {"objects": 2, "withdrawn": 2}
    muniment.export("csv", db=database_url, to_dir=tmp_path / "nothing", since=2)
    assert keys(tmp_path / "nothing") == []
    muniment.export("csv", db=database_url, to_dir=tmp_path / "old", since="2001-01-01")
    assert len(keys(tmp_path / "old")) == 6
    with pytest.raises(UsageError, match="there is no run 9"):
        muniment.export("csv", db=database_url, to_dir=tmp_path / "x", since=9)
    with pytest.raises(UsageError, match="neither a run nor a date"):
        muniment.export("csv", db=database_url, to_dir=tmp_path / "x", since="yesterday")


def test_records_of_two_institutions_come_back_by_a_mapping_each(tmp_path: Path) -> None:
    first = f"sqlite:///{tmp_path / 'first.db'}"
    country = PLAIN.replace('"town"', '"country"').replace("Town Museum", "=Country Museum")
    load(write(tmp_path / "one.csv", [vase(n) for n in range(1, 4)]), first)
    load(write(tmp_path / "two.csv", [vase(n) for n in range(2, 6)]), first, mapping=mapping(country))
    second = there_and_back(first, tmp_path / "out")
    assert not list(differences(held(first), held(second)))


def test_tables_cannot_be_chosen_from_by_objects(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'first.db'}"
    load(write(tmp_path / "one.csv", [vase(1)]), url)
    with pytest.raises(UsageError, match="only objects can be chosen"):
        muniment.export("csv", tables=True, where=["department=x"], db=url, to_dir=tmp_path / "out")
