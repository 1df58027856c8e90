"""Every record of three real collections is valid in every format, and some are read back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import pytest
import sqlalchemy as sa
from lxml import etree
from rdflib import Graph

import muniment
from muniment.museum import tables
from muniment.museum.publishing.assembly import EVERYTHING, objects
from muniment.museum.publishing.crm import Crm
from muniment.museum.publishing.identifiers import Identifiers, identifiers
from muniment.museum.publishing.lido import Lido
from muniment.museum.publishing.linked_art import LinkedArt
from muniment.museum.publishing.objects import MuseumObject
from muniment.museum.publishing.shared import shared
from muniment.museum.selection import Selection
from tests.publishing import lido_reading, linked_art_reading
from tests.publishing.museum import ROOT, reading
from tests.publishing.test_crm import schema as crm_schema
from tests.publishing.test_lido import held, told

COLLECTIONS = {
    "carnegie": ("cmoa/cmoa.csv", 28_141),
    "tate": ("tate/artwork_data.csv", 69_202),
    "colby": ("colby/colby_data.csv", 1_952),
}
SOME = {"carnegie": 10, "tate": 10, "colby": 1}
"""One record in so many is held to the stricter rules; all are where `-m long` is given."""

IN_THE_GRAPH = {"carnegie": 200, "tate": 400, "colby": 20}
"""One record in so many is read as a graph."""

READ_BACK = 5
"""Of those, one in so many is read back: that takes longer still."""


def load(collection: str, reference: Path, url: str) -> None:
    file, _ = COLLECTIONS[collection]
    mapping = ROOT / "examples" / collection / "mapping.toml"
    muniment.load(reference / "data" / file, mapping=mapping, to=url)


@pytest.fixture(scope="module", params=COLLECTIONS)
def collection(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def on_sqlite(collection: str, reference: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('collections') / collection}.db"
    load(collection, reference, url)
    return url


def pages(connection: sa.Connection) -> Iterator[tuple[Identifiers, list[MuseumObject]]]:
    minted = identifiers(connection)
    for page in objects(connection):
        yield minted, page


def must_be_good_lido(connection: sa.Connection, reference: Path, every: int) -> int:
    """Every record is valid by the schema; one in `every` by the stricter rules as well."""
    schema = lido_reading.schema(reference)
    count = 0
    for minted, page in pages(connection):
        lido = Lido(minted)
        written = b"".join([lido.opening(), *map(lido.record, page), lido.closing()])
        document = etree.fromstring(written)
        assert schema.validate(document), schema.error_log
        records = list(zip(page, document, strict=True))[count % every :: every]
        assert [(r[0].text, fault) for _, r in records for fault in lido_reading.faults(r)] == []
        for item, record in islice(records, None, None, READ_BACK):
            assert lido_reading.read_back(record) == held(told(item))
        assert lido.replaced == 0
        count += len(page)
    return count


def test_every_record_is_valid_lido(collection: str, on_sqlite: str, reference: Path) -> None:
    with reading(on_sqlite) as connection:
        count = must_be_good_lido(connection, reference, SOME[collection])
    assert count == COLLECTIONS[collection][1]


def must_be_good_linked_art(connection: sa.Connection, reference: Path, every: int) -> int:
    """Every document is valid by its schema; those of one record in `every` by the stricter rules as well."""
    validators = linked_art_reading.validators(reference)
    minted = identifiers(connection)
    linked_art = LinkedArt(minted)
    count, kinds = 0, Counter[str]()
    items = (item for page in objects(connection) for item in page)
    rows = (row for page in shared(connection, EVERYTHING) for row in page)
    for number, item in enumerate(chain(items, rows)):
        count += isinstance(item, MuseumObject)
        for line in linked_art.record(item).splitlines():
            document = json.loads(line)
            kinds[document["type"]] += 1
            validators[document["type"]].validate(document)
            if number % every == 0:
                assert list(linked_art_reading.faults(document)) == []
    assert kinds["HumanMadeObject"] == count
    assert kinds["Group"] >= 1
    assert kinds["Person"] >= 1
    assert kinds["Type"] >= 1
    return count


def test_every_record_is_valid_linked_art(collection: str, on_sqlite: str, reference: Path) -> None:
    with reading(on_sqlite) as connection:
        count = must_be_good_linked_art(connection, reference, SOME[collection])
    assert count == COLLECTIONS[collection][1]


def test_the_graph_of_some_records_keeps_domains_and_ranges(
    collection: str, on_sqlite: str, reference: Path
) -> None:
    with reading(on_sqlite) as connection:
        every = connection.scalars(sa.select(tables.object_.c.object_id).order_by(tables.object_.c.object_id))
        chosen = Selection(object_ids=tuple(every)[:: IN_THE_GRAPH[collection]])
        crm = Crm(identifiers(connection))
        items = [item for page in objects(connection, chosen) for item in page]
        rows = [row for page in shared(connection, chosen) for row in page]
    assert len(items) >= 90
    graph = Graph().parse(data=b"".join(map(crm.record, [*items, *rows])), format="nt")
    assert list(crm_schema(reference).faults(graph)) == []


@pytest.mark.long
def test_every_record_keeps_the_stricter_rules_on_every_database(
    collection: str, database_url: str, reference: Path
) -> None:
    load(collection, reference, database_url)
    with reading(database_url) as connection:
        assert must_be_good_lido(connection, reference, 1) == COLLECTIONS[collection][1]
        assert must_be_good_linked_art(connection, reference, 1) == COLLECTIONS[collection][1]
