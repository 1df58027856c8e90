"""Objects are put together from their tables as the records said that were loaded."""

from __future__ import annotations

from typing import Any

import pytest

import muniment
from muniment.museum import record as given
from muniment.museum import selection
from muniment.museum.publishing import assembly
from muniment.museum.publishing import objects as made
from muniment.museum.publishing import shared as shared_rows
from muniment.museum.publishing.assembly import EVERYTHING, objects
from muniment.museum.publishing.identifiers import LOCAL_BASE, identifiers
from muniment.museum.publishing.shared import shared
from muniment.museum.selection import Selection, ids_of_accessions
from muniment.validation.filters import Condition
from tests.publishing.museum import SAMPLE, accepted, by_key, load_sample, reading

SAMPLE_MAPPING = SAMPLE / "mapping.toml"


def span(date: given.TimeSpan | None) -> made.TimeSpan | None:
    told = made.TimeSpan(date.display, date.earliest, date.latest) if date else None
    return told if told and any(told) else None


def labels(terms: tuple[Any, ...]) -> list[tuple[str | None, ...]]:
    return [(term.vocabulary, term.label, term.uri, term.language) for term in terms]


def names(actors: Any) -> list[str]:
    return [actor.name for actor in actors]


def of_record(record: given.LidoRecord) -> dict[str, Any]:
    """What the object of a record must hold."""
    acquisition = record.acquisition
    return {
        "accession": record.accession,
        "source": (record.record_source, record.record_type, record.record_type_uri),
        "about": (record.category, record.department, record.location, record.web_page, record.rights),
        "titles": [(t.title, t.type, t.language) for t in record.titles],
        "identifiers": [(i.identifier, i.type) for i in record.identifiers],
        "terms": [
            labels(tuple(dict.fromkeys(terms)))
            for terms in (record.object_types, record.materials, record.subjects)
        ],
        "date": span(record.production.date),
        "place": record.production.place,
        "makers": [(a.actor.name, a.role, a.qualifier) for a in record.production.actors],
        "dimensions": [(d.type, d.value, d.unit, d.extent, d.display) for d in record.dimensions],
        "acquisition": [(acquisition.method, acquisition.source, span(acquisition.date), acquisition.text)]
        if acquisition
        else [],
        "holders": [sorted(set(names(record.owners))), sorted(set(names(record.keepers)))],
        "resources": [(r.kind, r.url, r.rights, r.finding) for r in record.resources],
        "texts": [(t.type, t.text, t.language, t.engine, t.confidence) for t in record.texts],
    }


def of_object(item: made.MuseumObject) -> dict[str, Any]:
    """The same of an object that was put together."""
    return {
        "accession": item.accession,
        "source": (item.record_source, item.record_type, item.record_type_uri),
        "about": (
            item.category,
            item.department,
            item.location.name if item.location else None,
            item.web_page,
            item.rights,
        ),
        "titles": [title[:3] for title in item.titles],
        "identifiers": list(item.identifiers),
        "terms": [labels(terms) for terms in (item.object_types, item.materials, item.subjects)],
        "date": item.production.date,
        "place": item.production.place.name if item.production.place else None,
        "makers": [(a.actor.name, a.role, a.qualifier) for a in item.production.actors],
        "dimensions": list(item.dimensions),
        "acquisition": [
            (e.method, e.giver.name if e.giver else None, e.date, e.text) for e in item.provenance
        ],
        "holders": [sorted(names(item.owners)), sorted(names(item.keepers))],
        "resources": list(item.representations),
        "texts": list(item.texts),
    }


def test_every_object_holds_what_its_record_said(database_url: str) -> None:
    load_sample(database_url)
    with reading(database_url) as connection:
        found = by_key(objects(connection))
    first_of_key: dict[str, given.LidoRecord] = {}
    for record in accepted(SAMPLE / "sample_export.csv", SAMPLE_MAPPING):
        first_of_key.setdefault(record.key, record)
    assert len(found) == 955
    for key, item in found.items():
        assert of_object(item) == of_record(first_of_key[key])
    assert {item.institution.name for item in found.values()} == {"Museum of Samples"}
    assert any(item.provenance and item.provenance[0].receiver == item.institution for item in found.values())


@pytest.fixture
def sample_url(tmp_path: Any) -> str:
    url = f"sqlite:///{tmp_path / 'sample.db'}"
    load_sample(url)
    return url


def test_pages_of_any_size_hold_the_same_objects_in_the_order_of_their_ids(sample_url: str) -> None:
    with reading(sample_url) as connection:
        whole = [item for page in objects(connection) for item in page]
        assert [item.object_id for item in whole] == sorted(item.object_id for item in whole)
        for size in (1, 7, 954, 955, 956):
            pages = list(objects(connection, page=size))
            assert {len(page) for page in pages[:-1]} <= {size}
            assert [item for page in pages for item in page] == whole


def test_reading_goes_on_after_any_object_and_stops_at_any_other(sample_url: str) -> None:
    with reading(sample_url) as connection:
        whole = [item for page in objects(connection) for item in page]
        part = objects(connection, Selection(last=whole[199].object_id), after=whole[99].object_id, page=30)
        assert [item for page in part for item in page] == whole[100:200]
        assert list(objects(connection, after=whole[-1].object_id)) == []


ASIAN_ART = Selection((Condition.parse("department=Asian Art"),))


def test_of_objects_that_are_not_chosen_no_part_slips_in(sample_url: str) -> None:
    with reading(sample_url) as connection:
        whole = by_key(objects(connection))
        found = by_key(objects(connection, ASIAN_ART, page=10))
    assert found == {key: item for key, item in whole.items() if item.department == "Asian Art"}
    assert 0 < len(found) < len(whole)


@pytest.mark.parametrize("sparse", [0, 1, 1_000])
def test_objects_are_the_same_however_far_apart_their_ids_are(
    sample_url: str, monkeypatch: pytest.MonkeyPatch, sparse: int
) -> None:
    with reading(sample_url) as connection:
        whole = [item for page in objects(connection) for item in page]
        monkeypatch.setattr(assembly, "SPARSE", sparse)
        some = Selection(object_ids=tuple(item.object_id for item in whole[::7]))
        assert [item for page in objects(connection, some, page=11) for item in page] == whole[::7]


def test_shared_rows_are_the_same_when_few_are_remembered(
    sample_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reading(sample_url) as connection:
        whole = by_key(objects(connection))
        monkeypatch.setattr(shared_rows, "REMEMBERED_ROWS", 3)
        assert by_key(objects(connection, page=20)) == whole


def referred_to(items: list[made.MuseumObject]) -> set[made.Shared]:
    found: set[made.Shared] = set()
    for item in items:
        found |= {item.institution, *item.owners, *item.keepers}
        found |= {*item.object_types, *item.materials, *item.subjects}
        found |= {part.actor for part in item.production.actors}
        found |= {a for event in item.provenance for a in (event.giver, event.receiver) if a}
        found |= {place for place in (item.location, item.production.place) if place}
        if item.department:
            found.add(made.Department(item.institution.key, item.department))
    return found


@pytest.mark.parametrize("chosen", ["everything", "a department", "a range", "some numbers"])
def test_the_shared_rows_are_those_that_the_objects_refer_to_each_once(
    sample_url: str, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.setattr(shared_rows, "PAGE_ROWS", 50)
    monkeypatch.setattr(selection, "PAGE_IDS", 3)
    with reading(sample_url) as connection:
        choice = {
            "everything": EVERYTHING,
            "a department": ASIAN_ART,
            "a range": Selection((Condition.parse("accession=1910..1912"),)),
            "some numbers": Selection(object_ids=ids_of_accessions(connection, ["1902.1", "1908.1"])[0]),
        }[chosen]
        items = [item for page in objects(connection, choice) for item in page]
        rows = [row for page in shared(connection, choice) for row in page]
    assert items
    assert len(rows) == len(set(rows))
    assert set(rows) == referred_to(items)


def test_withdrawn_objects_say_which_run_did_not_see_them(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'town.db'}"
    mapping = tmp_path / "town.toml"
    mapping.write_text(
        '[institution]\nname = "Town Museum"\nid = "town"\nbase_uri = "https://town.example/id"\n'
        'language = "nl"\n[fields]\naccession = "n"\ntitle = "t"\nobject_type = "k"\n'
    )
    for name, rows in (("june", "1,Jug,pot\n2,Cup,pot\n"), ("july", "2,Cup,pot\n")):
        (tmp_path / f"{name}.csv").write_text(f"n,t,k\n{rows}")
        run = muniment.load(tmp_path / f"{name}.csv", mapping=mapping, to=url, full=True)
    with reading(url) as connection:
        found = by_key(objects(connection))
        minted = identifiers(connection)
    assert {key: item.withdrawn_run for key, item in found.items()} == {"1": run.run, "2": None}
    assert minted.of_object(found["1"]) == "https://town.example/id/object/1"
    assert (minted.language("town"), minted.published("town")) == ("nl", True)


def test_identifiers_without_a_base_are_local_and_say_so(sample_url: str) -> None:
    with reading(sample_url) as connection:
        minted = identifiers(connection)
        item = next(objects(connection))[0]
    assert minted.of_object(item) == f"{LOCAL_BASE}sample/object/{item.record_key}"
    assert minted.of_actor(item.institution) == f"{LOCAL_BASE}sample/institution"
    assert not minted.published("sample")
