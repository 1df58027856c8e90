"""However many workers load, what is in the database is the same."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel, Field

from muniment import RejectBudget, Settings
from muniment.events import unobserved
from muniment.museum.profile import MuseumProfile
from muniment.run import Run, run_load
from muniment.sources import open_source
from muniment.stopping import StopRequest
from muniment.table import PrimaryKey, TableProfile, table_of
from tests.acceptance.loading import content_of, load, mapping, opened, vase, write
from tests.content import Content, differences, ledger_content
from tests.workers.shuffled import Shuffled

CHUNK_ROWS = 5

ROWS = 60

SETTINGS = Settings(chunk_rows=CHUNK_ROWS, max_rejects=RejectBudget(percent=100))


class Item(BaseModel):
    """A row with a key."""

    id: Annotated[str, PrimaryKey()]
    number: str
    title: Annotated[str, Field(min_length=1)]


TABLE = table_of(Item)


def museum_rows(changed: int = 0) -> list[dict[str, str]]:
    """Records of which many have to do with those before them, near and far, and some are bad."""
    rows = []
    for n in range(1, ROWS + 1):
        row = vase(n, title=f"Vase {n}" if not changed or n % 3 else f"Vase {n}, changed")
        if n % 7 == 0:
            row["id"] = f"O{n - 6}"  # stands already, mostly in the chunk before
        if n % 11 == 0:
            row["number"] = f"1999.{n - 1}"  # another object's
        if n % 13 == 0:
            row["title"] = ""
        if changed and n % 10 in (3, 4):
            row["number"] = f"1999.{n + (1 if n % 10 == 3 else -1)}"  # two change places
        if changed and n % 17 == 0:
            row["number"] = f"2001.{n}"
        if changed and n % 17 == 6:
            row["number"] = f"1999.{n - 6}" if n > 17 else f"1999.{n}"  # which another has just given up
        rows.append(row)
    return rows


def table_rows(changed: int = 0) -> list[dict[str, str]]:
    """The same for a plain table."""
    return [
        {
            "id": f"I{n - 6 if n % 7 == 0 else n}",
            "number": f"{n}",
            "title": "" if n % 13 == 0 else f"Item {n if not changed or n % 3 else -n}",
        }
        for n in range(1, ROWS + 1)
    ]


def whole(url: str, model: type[BaseModel] | None = None) -> Content:
    """All that a database holds, the ledger included."""
    with opened(url) as database:
        if model is None:
            return content_of(url) | ledger_content(database)
        with database.engine.connect() as connection:
            rows = sorted(tuple(map(repr, row)) for row in connection.execute(sa.select(TABLE)))
        return {TABLE.name: rows} | ledger_content(database)


def must_be_same(calm: Content, busy: Content) -> None:
    assert not list(differences(calm, busy))


def exports(folder: Path, model: type[BaseModel] | None) -> list[Path]:
    """An export, and a newer one."""
    rows = museum_rows if model is None else table_rows
    return [write(folder / f"{n}.csv", rows(changed=n), list(rows()[0])) for n in (0, 1)]


MODELS = pytest.mark.parametrize("model", [None, Item], ids=["museum", "table"])


@MODELS
def test_two_processes_and_three_come_to_what_one_comes_to(
    database_url: str, tmp_path: Path, model: type[BaseModel] | None
) -> None:
    calm = f"sqlite:///{tmp_path / 'calm.db'}"
    how: dict[str, Any] = {"model": model} if model else {}
    for workers, source in zip((2, 3), exports(tmp_path, model), strict=True):
        one = load(source, calm, settings=SETTINGS, **how)
        many = load(source, database_url, settings=SETTINGS, workers=workers, **how)
        assert (many.status, many.account, many.chunks) == (one.status, one.account, one.chunks)
        must_be_same(whole(calm, model), whole(database_url, model))


@MODELS
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_whatever_chunk_is_stored_first_it_comes_to_the_same(
    database_url: str, tmp_path: Path, model: type[BaseModel] | None, backwards: bool, seed: int
) -> None:
    calm = f"sqlite:///{tmp_path / 'calm.db'}"
    how: dict[str, Any] = {"model": model} if model else {}
    out_of_order = 0
    for source in exports(tmp_path, model):
        one = load(source, calm, settings=SETTINGS, **how)
        crew = Shuffled(2 + seed, database_url, seed, losing=0.2 * seed, backwards=backwards)
        many = load_by(crew, source, database_url, model)
        assert (many.status, many.account, many.chunks) == (one.status, one.account, one.chunks)
        must_be_same(whole(calm, model), whole(database_url, model))
        out_of_order += sum(a > b for a, b in pairwise(crew.committed))
    assert out_of_order


def load_by(
    crew: Shuffled, source: Path, url: str, model: type[BaseModel] | None, settings: Settings = SETTINGS
) -> Run:
    """Load with the workers of a crew."""
    profile = TableProfile(model) if model else MuseumProfile(mapping())
    with (
        closing(crew),
        closing(open_source(source, profile.source, settings)) as opened_source,
        opened(url) as database,
    ):
        return run_load(
            opened_source,
            profile,
            database,
            settings=settings,
            observer=unobserved,
            stop=StopRequest(),
            crew=crew,
        )
