"""A table or query of another database as a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import muniment
from muniment import Query, Settings, TableMapping
from muniment.errors import SourceChanged, UsageError
from tests.acceptance.loading import counts, execute, load, query
from tests.acceptance.program import program_in

MAPPING = TableMapping.parse("""
profile = "table"
[table]
name = "copy"
key = "number"
[columns]
number = { type = "integer" }
title = {}
price = { type = "decimal" }
day = { type = "date" }
""")

ROWS = 25


@pytest.fixture
def shop(database_url: str) -> str:
    """A database with a table of works, in which to read; what is loaded goes elsewhere."""
    execute(
        database_url,
        "CREATE TABLE work (number INTEGER PRIMARY KEY, title VARCHAR(40), price NUMERIC(9,2), day DATE)",
        *(
            f"INSERT INTO work VALUES ({n}, 'Wörk, \"{n}\"', {n}.50, '2024-01-{n % 28 + 1:02d}')"
            for n in range(ROWS, 0, -1)
        ),
        "INSERT INTO work VALUES (0, NULL, NULL, NULL)",
    )
    return database_url


def target(folder: Path) -> str:
    return f"sqlite:///{folder / 'target.db'}"


def test_the_rows_of_another_databases_table_are_loaded_in_the_order_of_their_key(
    tmp_path: Path, shop: str
) -> None:
    run = load(Query(shop, table="work"), target(tmp_path), mapping=MAPPING, settings=Settings(chunk_rows=10))
    assert counts(run) == {"read": ROWS + 1, "inserted": ROWS + 1}
    rows = query(target(tmp_path), "SELECT * FROM copy ORDER BY number")
    assert rows[0] == (0, None, None, None)
    assert rows[7] == (7, 'Wörk, "7"', "7.5", "2024-01-08")
    again = load(Query(shop, table="work"), target(tmp_path), mapping=MAPPING)
    assert again.status == "already loaded"


def test_the_result_of_a_query_is_loaded(tmp_path: Path, shop: str) -> None:
    chosen = "title LIKE '%1%' AND '10:30' <> title"
    sql = f"SELECT number + 100 AS number, title, price, day FROM work WHERE {chosen};"
    run = load(Query(shop, sql=sql, key="number"), target(tmp_path), mapping=MAPPING)
    expected = [n + 100 for n in range(1, ROWS + 1) if "1" in str(n)]
    assert counts(run) == {"read": len(expected), "inserted": len(expected)}
    assert [
        number for (number,) in query(target(tmp_path), "SELECT number FROM copy ORDER BY number")
    ] == expected


def dying_after(chunks: int) -> Callable[[object], None]:
    seen: list[Any] = []

    def observe(event: object) -> None:
        if type(event).__name__ == "ChunkCommitted":
            seen.append(event)
            if len(seen) == chunks:
                raise ConnectionResetError

    return observe


def test_an_interrupted_load_goes_on_unless_the_rows_have_changed(tmp_path: Path, shop: str) -> None:
    settings = Settings(chunk_rows=5)
    with pytest.raises(ConnectionResetError):
        load(
            Query(shop, table="work"),
            target(tmp_path),
            mapping=MAPPING,
            settings=settings,
            observer=dying_after(2),
        )
    assert query(target(tmp_path), "SELECT count(*) FROM copy") == [(10,)]
    run = load(Query(shop, table="work"), target(tmp_path), mapping=MAPPING, settings=settings)
    assert (run.run, run.account.inserted) == (1, ROWS + 1)

    other = f"sqlite:///{tmp_path / 'other.db'}"
    with pytest.raises(ConnectionResetError):
        load(Query(shop, table="work"), other, mapping=MAPPING, settings=settings, observer=dying_after(2))
    execute(shop, "UPDATE work SET title = 'changed' WHERE number = 3")
    with pytest.raises(SourceChanged, match=r"after 0 records|not the one that run 1 began"):
        load(Query(shop, table="work"), other, mapping=MAPPING, settings=settings)
    run = load(Query(shop, table="work"), other, mapping=MAPPING, settings=settings, abandon=True)
    assert query(other, "SELECT title FROM copy WHERE number = 3") == [("changed",)]
    assert query(other, "SELECT count(*) FROM copy") == [(ROWS + 1,)]


def test_the_command_loads_it_and_no_password_is_kept(tmp_path: Path, shop: str) -> None:
    (tmp_path / "copy.toml").write_text("""
profile = "table"
[table]
name = "copy"
key = "number"
[columns]
number = { type = "integer" }
title = {}
""")
    program = program_in(tmp_path)
    url = target(tmp_path)
    done = program("load", "--from", shop, "--table", "work", "--mapping", "copy.toml", "--to", url, "--json")
    assert done.exit_code == 0, done.said
    assert done.result["inserted"] == ROWS + 1
    password = muniment.databases.url.parsed(shop).password
    ((name,),) = query(url, "SELECT name FROM run")
    assert name.endswith(" work")
    if password:
        assert password not in name + done.said
    refused = program("load", "--from", shop, "--query", "SELECT 1 AS number", "-m", "copy.toml", "--to", url)
    assert (refused.exit_code, "need an order" in refused.said) == (2, True)
    assert program("load", "--mapping", "copy.toml", "--to", url).exit_code == 2
    assert program("load", "a.csv", "--query", "SELECT 1", "--mapping", "copy.toml").exit_code == 2


def test_what_cannot_be_read_is_told(tmp_path: Path, shop: str) -> None:
    with pytest.raises(UsageError, match="there is no table wrok"):
        load(Query(shop, table="wrok"), target(tmp_path), mapping=MAPPING)
    with pytest.raises(UsageError, match=r"title may be NULL|do not identify"):
        load(Query(shop, table="work", key="title"), target(tmp_path), mapping=MAPPING)
    with pytest.raises(UsageError, match="either a table or a query"):
        Query(shop)


def test_a_key_that_the_result_does_not_have_is_refused_with_the_columns_that_there_are(
    tmp_path: Path, shop: str
) -> None:
    source = Query(shop, sql="SELECT title AS label, number, price FROM work", key="nummer")
    with pytest.raises(UsageError, match="the result of the query has no column nummer") as refused:
        load(source, target(tmp_path), mapping=MAPPING)
    assert refused.value.hint.startswith("Its columns are number, ")
    assert "label" in refused.value.hint


def test_two_rows_with_the_same_key_are_noticed_while_reading(tmp_path: Path, shop: str) -> None:
    sql = "SELECT number, title, price, number % 20 AS place, day FROM work"
    told = r"rows 1 and 2 both have place 0"
    with pytest.raises(UsageError, match=told) as refused:
        load(Query(shop, sql=sql, key="place"), target(tmp_path), mapping=MAPPING)
    assert refused.value.exit_code == 2
    both = Query(shop, sql=sql, key=["place", "number"])
    assert len(list(both)) == ROWS + 1
    execute(shop, f"CREATE VIEW places AS {sql}")
    with pytest.raises(UsageError, match=told):
        list(Query(shop, table="places", key="place"))
    with pytest.raises(UsageError, match="rows 1 and 2 both have title None"):
        list(Query(shop, sql="SELECT number, NULL AS title FROM work", key="title"))


@pytest.mark.parametrize("what", [{"table": "work"}, {"sql": "SELECT 1 AS number", "key": "number"}])
def test_a_sqlite_file_that_is_not_there_is_told_and_not_made(tmp_path: Path, what: dict[str, str]) -> None:
    path = tmp_path / "nothing.db"
    with pytest.raises(UsageError, match="there is no database at"):
        load(Query(f"sqlite:///{path}", **what), target(tmp_path), mapping=MAPPING)
    assert not path.exists()


@pytest.mark.parametrize("what", [{"table": "work"}, {"sql": "SELECT * FROM work", "key": "number"}])
def test_a_result_without_rows_is_loaded_as_such_and_told(
    tmp_path: Path, shop: str, what: dict[str, str]
) -> None:
    execute(shop, "DELETE FROM work")
    source = Query(shop, **what)
    run = load(source, target(tmp_path), mapping=MAPPING)
    assert (run.status, counts(run), run.messages) == ("done", {}, (f"{source.name} holds no record",))
    assert query(target(tmp_path), "SELECT count(*) FROM copy") == [(0,)]
    execute(shop, "INSERT INTO work VALUES (1, 'Vase', 2, NULL)")
    assert counts(load(source, target(tmp_path), mapping=MAPPING)) == {"read": 1, "inserted": 1}
