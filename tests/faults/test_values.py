"""Values and names that a database cannot take as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from muniment import RejectBudget, Settings
from muniment.databases import Database
from muniment.databases.types import Id, Text
from muniment.errors import RowRefused
from tests.acceptance.loading import (
    COLUMNS,
    MAPPING,
    Rejections,
    execute,
    load,
    mapping,
    query,
    vase,
    write,
)
from tests.faults.catalogue import fault

LONG = "The same sixty-three bytes at the beginning of names in a header"


@fault(29, "mariadb")
@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_a_character_of_four_bytes_for_a_column_of_three_refuses_its_row_only(database: Database) -> None:
    narrow = sa.Table("narrow", sa.MetaData(), sa.Column("id", Id, primary_key=True), sa.Column("text", Text))
    with database.transaction() as transaction:
        made = "CREATE TABLE narrow (id INTEGER PRIMARY KEY, text VARCHAR(9) CHARACTER SET utf8mb3)"
        transaction.execute(sa.text(f"{made} ENGINE = InnoDB"))
    with database.transaction() as transaction:
        with pytest.raises(RowRefused), transaction.savepoint():
            transaction.insert(narrow, ["id", "text"], [(1, "vase"), (2, "🏺")])
        transaction.insert(narrow, ["id", "text"], [(1, "vase")])
    with database.engine.connect() as connection:
        assert connection.execute(sa.select(narrow)).all() == [(1, "vase")]


@fault(43)
def test_columns_whose_names_begin_with_the_same_63_bytes_are_told_apart(
    tmp_path: Path, database_url: str
) -> None:
    title, kind = f"{LONG}, and its title", f"{LONG}, and its kind"
    names = {"title": title, "kind": kind}
    columns = [names.get(name, name) for name in COLUMNS]
    rows = [{names.get(name, name): cell for name, cell in vase(1, title="Jug", kind="pot").items()}]
    described = MAPPING.replace('"title"', f'"{title}"').replace('"kind"', f'"{kind}"')
    assert len(LONG) > 63
    run = load(write(tmp_path / "a.csv", rows, columns), database_url, mapping=mapping(described))
    assert (run.status, run.account.inserted) == ("done", 1)
    assert query(database_url, "SELECT title FROM object_title") == [("Jug",)]
    assert query(database_url, "SELECT term_key FROM term WHERE term_key = 'pot'") == [("pot",)]


class Priced(BaseModel):
    number: int
    price: int


def test_what_a_database_refuses_is_told_without_its_value(tmp_path: Path, database_url: str) -> None:
    execute(
        database_url,
        "CREATE TABLE priced (number BIGINT, price SMALLINT CHECK (price BETWEEN -32768 AND 32767))",
    )
    rows = [{"number": str(n), "price": "987654321" if n == 3 else "5"} for n in range(20)]
    export = write(tmp_path / "priced.csv", rows, ("number", "price"))
    rejections = Rejections()
    settings = Settings(max_rejects=RejectBudget(count=1))
    run = load(export, database_url, model=Priced, settings=settings, observer=rejections)
    assert (run.account.inserted, run.account.quarantined) == (19, 1)
    ((problem,),) = (rejection.problems for rejection in rejections)
    assert "the database refuses it" in problem.message
    assert "price" in problem.message
    assert "987654321" not in problem.message
