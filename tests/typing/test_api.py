"""The public API as its users write it: mypy checks this file with everything else, and it runs as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, assert_type

import sqlalchemy as sa
from pydantic import BaseModel, Field

import muniment
from muniment import Account, PrimaryKey, Problem, RejectBudget, Run, Settings
from muniment.events import ChunkCommitted, Event, RecordRejected
from muniment.read import Page, batches, instances, mappings, models, pages, stream


class Visit(BaseModel):
    """A day's visitors of one house."""

    house: Annotated[str, PrimaryKey, Field(max_length=20)]
    visitors: int


@dataclass
class Seen:
    house: str
    visitors: int


def test_a_load_is_typed_from_its_source_to_its_account(tmp_path: Path) -> None:
    rejected: list[tuple[Problem, ...]] = []
    committed: list[Account] = []

    def watch(event: Event) -> None:
        if isinstance(event, RecordRejected):
            rejected.append(event.problems)
        elif isinstance(event, ChunkCommitted):
            committed.append(event.account)

    def visits() -> Iterator[Mapping[str, object]]:
        yield {"house": "Saltmarket", "visitors": 12}
        yield {"house": "Harbour", "visitors": "many"}

    url = f"sqlite:///{tmp_path / 'visits.db'}"
    settings = Settings(max_rejects=RejectBudget.parse("90%"))
    run = muniment.load(visits(), model=Visit, to=url, settings=settings, observer=watch)
    assert_type(run, Run)
    assert_type(run.account.inserted, int)
    assert (run.status, run.account.inserted, len(rejected), len(committed)) == ("done", 1, 1, 1)


def test_what_was_loaded_is_read_as_the_caller_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'visits.db'}"
    muniment.load([{"house": "Saltmarket", "visitors": 12}], model=Visit, to=url)
    engine = muniment.engine(url)
    visit = sa.Table("visit", sa.MetaData(), autoload_with=engine)
    with stream(engine, sa.select(visit)) as rows:
        assert_type(rows.__next__(), tuple[Any, ...])
    with stream(engine, sa.select(visit), rows=models(Visit)) as visits:
        assert_type(next(visits), Visit)
    with stream(engine, sa.select(visit), rows=instances(Seen)) as seen:
        assert next(seen) == Seen("Saltmarket", 12)
    with batches(engine, sa.select(visit), rows=mappings) as lists:
        assert [dict(row) for row in next(lists)] == [{"house": "Saltmarket", "visitors": 12}]
    for page in pages(engine, sa.select(visit), key="house"):
        assert_type(page, Page[list[tuple[Any, ...]]])
        assert page.rows == [("Saltmarket", 12)]
    engine.dispose()
