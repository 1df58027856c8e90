"""`muniment export lido` and its like: files of objects, and of what objects share."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

import muniment
from muniment.errors import UsageError
from muniment.exports import writing
from muniment.museum.publishing.assembly import objects
from tests.acceptance.loading import MAPPING as PLAIN
from tests.acceptance.loading import load, mapping, vase, write
from tests.publishing.lido_reading import schema
from tests.publishing.linked_art_reading import validators
from tests.publishing.museum import by_key, load_sample, reading

OBJECTS = 955


@pytest.fixture
def sample(database_url: str) -> str:
    load_sample(database_url)
    return database_url


@pytest.fixture
def sample_on_sqlite(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'sample.db'}"
    load_sample(url)
    return url


def lines(folder: Path, pattern: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob(pattern))
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]
    ]


def test_lido_of_a_database_is_valid_and_has_every_object(
    sample: str, tmp_path: Path, reference: Path
) -> None:
    done = muniment.export("lido", to_dir=tmp_path / "lido", db=sample, records_per_file=300)
    assert (done.status, done.records, done.cut) == ("done", {"objects": OBJECTS}, 0)
    files = sorted((tmp_path / "lido").glob("*.xml"))
    assert len(files) == 4
    lido = schema(reference)
    documents = [etree.parse(path) for path in files]
    assert all(map(lido.validate, documents))
    keys = [key.text for document in documents for key in document.iter("{*}recordID")]
    with reading(sample) as connection:
        assert keys == list(by_key(objects(connection)))


def test_linked_art_of_a_database_is_valid_and_every_reference_leads_to_a_record(
    sample: str, tmp_path: Path, reference: Path
) -> None:
    muniment.export("linked-art", to_dir=tmp_path / "art", db=sample)
    documents = lines(tmp_path / "art", "*.jsonl")
    schemas = validators(reference)
    for document in documents:
        schemas[document["type"]].validate(document)
    own = [document["id"] for document in documents]
    assert len(own) == len(set(own))
    local = {part["id"] for document in documents for part in ids(document) if "/word/" not in part["id"]}
    assert {uri for uri in local if uri.startswith("https://muniment.invalid/")} <= set(own)


def ids(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        below = [part for child in value.values() for part in ids(child)]
        return [value, *below] if "id" in value else below
    return [part for child in value for part in ids(child)] if isinstance(value, list) else []


@pytest.mark.parametrize("form", ["lido", "linked-art", "crm"])
def test_several_processes_write_the_same_bytes_as_one(
    sample_on_sqlite: str, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PART_ITEMS", 100)
    for workers in (1, 2):
        muniment.export(
            form, to_dir=tmp_path / str(workers), db=sample_on_sqlite, records_per_file=200, workers=workers
        )
    alone, together = (
        {
            path.name: path.read_bytes()
            for path in (tmp_path / workers).iterdir()
            if path.name.startswith("objects")
        }
        for workers in "12"
    )
    assert alone == together
    assert len(alone) >= 5


def test_a_file_a_record_is_a_whole_document(sample_on_sqlite: str, tmp_path: Path) -> None:
    muniment.export("lido", to_dir=tmp_path / "each", db=sample_on_sqlite, records_per_file=1)
    files = list((tmp_path / "each").rglob("*.xml"))
    assert len(files) == OBJECTS
    assert {len(etree.parse(path).getroot()) for path in files[:20]} == {1}


def test_one_file_of_linked_art_has_those_of_what_is_shared_beside_it(
    sample_on_sqlite: str, tmp_path: Path
) -> None:
    muniment.export("linked-art", out=tmp_path / "art.jsonl", db=sample_on_sqlite)
    assert len([d for d in lines(tmp_path, "art.jsonl") if d["type"] == "HumanMadeObject"]) == OBJECTS
    assert {d["type"] for d in lines(tmp_path, "art.jsonl.actors.jsonl")} <= {"Person", "Group"}
    assert {d["type"] for d in lines(tmp_path, "art.jsonl.departments.jsonl")} == {"Set"}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("lido", "Records have no objectPublishedID: the mapping of town has no base_uri."),
        (
            "linked-art",
            "Identifiers are local, below https://muniment.invalid/: the mapping of town has no base_uri.",
        ),
    ],
)
def test_an_export_says_that_identifiers_are_local_where_there_is_no_base_for_others(
    tmp_path: Path, form: str, said: str
) -> None:
    url = f"sqlite:///{tmp_path / 'town.db'}"
    load(write(tmp_path / "one.csv", [vase(1)]), url)
    assert muniment.export(form, to_dir=tmp_path / "local", db=url).notes == (said,)
    assert muniment.export(form, to_dir=tmp_path / "local", db=url).notes == (said,)
    based = PLAIN.replace('id = "town"', 'id = "town"\nbase_uri = "https://town.example/"')
    load(write(tmp_path / "two.csv", [vase(1), vase(2)]), url, mapping=mapping(based))
    assert muniment.export(form, to_dir=tmp_path / "minted", db=url).notes == ()
    minted = (tmp_path / "minted" / f"objects.{'xml' if form == 'lido' else 'jsonl'}").read_bytes()
    assert b"https://town.example/object/O2" in minted
    assert b"muniment.invalid" not in minted


@pytest.mark.parametrize("form", ["lido", "linked-art", "crm"])
def test_what_was_withdrawn_is_in_no_file_of_records_and_is_listed_beside_them(
    database_url: str, tmp_path: Path, form: str
) -> None:
    load(write(tmp_path / "first.csv", [vase(n) for n in range(1, 6)]), database_url)
    load(write(tmp_path / "second.csv", [vase(n) for n in range(1, 5)]), database_url, full=True)
    load(write(tmp_path / "third.csv", [vase(1, title="New"), vase(2), vase(4)]), database_url, full=True)
    whole = muniment.export(form, to_dir=tmp_path / "whole", db=database_url)
    assert (whole.records["objects"], whole.records["withdrawn"]) == (3, 2)
    delta = muniment.export(form, to_dir=tmp_path / "delta", db=database_url, since=2)
    assert (delta.records["objects"], delta.records["withdrawn"]) == (1, 1)
    records = next((tmp_path / "delta").glob("objects.*")).read_text(encoding="utf-8")
    assert "O1" in records
    assert "O3" not in records
    with (tmp_path / "delta" / "withdrawn.csv").open(encoding="utf-8-sig", newline="") as file:
        (gone,) = csv.DictReader(file)
    assert (gone["institution"], gone["record_key"], gone["withdrawn_by_run"]) == ("town", "O3", "3")


def test_a_database_without_objects_has_nothing_to_publish(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n,t,k\n,,\n")
    url = f"sqlite:///{tmp_path / 'none.db'}"
    with pytest.raises(UsageError):
        muniment.export("lido", out=tmp_path / "a.xml", db=url)
