"""Collections for the tests of publishing: loaded into a database, and as the mapping alone reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

import muniment
from muniment import Settings
from muniment.databases import connect
from muniment.museum.mapping import Mapping
from muniment.museum.profile import MuseumProfile
from muniment.museum.publishing.objects import MuseumObject
from muniment.museum.record import LidoRecord
from muniment.sources import open_source

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "examples" / "sample"


def load_sample(url: str) -> muniment.Run:
    """Load the sample export, which has every field that a mapping can have."""
    return muniment.load(SAMPLE / "sample_export.csv", mapping=SAMPLE / "mapping.toml", to=url)


def accepted(export: Path, mapping_file: Path) -> Iterator[LidoRecord]:
    """The records of an export that the mapping accepts, without any database."""
    mapping = Mapping.read(mapping_file)
    profile = MuseumProfile(mapping)
    settings = Settings().suiting(profile.chunk_rows)
    with closing(open_source(export, mapping.source, settings)) as source:
        judge = profile.bind(source.header)
        for chunk in source.chunks(source.first):
            yield from judge.judge(source.records(chunk)).accepted.values


@contextmanager
def reading(url: str) -> Iterator[sa.Connection]:
    """A connection that reads a database."""
    with closing(connect(url)) as database, database.engine.connect() as connection:
        yield connection


def by_key(pages: Iterator[list[MuseumObject]]) -> dict[str, MuseumObject]:
    """Objects by their record keys."""
    return {item.record_key: item for page in pages for item in page}
