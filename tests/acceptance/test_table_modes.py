"""What a load does with what a table holds already: replaces it as a whole, or keeps its history."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from muniment import RejectBudget, Settings, TableMapping
from muniment.chunk_load import Job
from muniment.databases import Database
from muniment.errors import DatabaseError, DatabaseUnavailable, RowRefused, UsageError
from muniment.events import ChunkCommitted, unobserved
from muniment.records import Place
from muniment.run import run_load
from muniment.sitting import must_have_reached
from muniment.sources import open_source
from muniment.stopping import StopRequest
from muniment.table import TableProfile
from tests.acceptance.loading import allow_changes, counts, execute, load, opened, quarantined, query, write
from tests.torture.failing import ConnectionLoss, Death, FailingDatabase, ProcessDeath, Strike, never

ANY = RejectBudget(percent=100)
COLUMNS = ("sku", "price")


def prices(mode: str, more: str = "") -> TableMapping:
    return TableMapping.parse(f"""
profile = "table"
[table]
name = "price"
key = "sku"
mode = "{mode}"
{more}
[columns]
sku = {{}}
price = {{ type = "integer", required = true }}
""")


def edition(path: Path, rows: dict[str, Any]) -> Path:
    return write(path, [{"sku": sku, "price": str(price)} for sku, price in rows.items()], COLUMNS)


def stored(url: str) -> dict[str, int]:
    return dict(query(url, "SELECT sku, price FROM price"))


def test_a_table_is_replaced_as_a_whole_and_only_once_all_is_there(tmp_path: Path, database_url: str) -> None:
    mapping, settings = prices("replace"), Settings(chunk_rows=2, max_rejects=ANY)
    load(edition(tmp_path / "a.csv", {"a": 1, "b": 2, "c": 3}), database_url, mapping=mapping)
    seen: list[dict[str, int]] = []

    def look(event: object) -> None:
        if type(event).__name__ == "ChunkCommitted":
            seen.append(stored(database_url))

    rows = [("c", "30"), ("d", "4"), ("e", ""), ("c", "31"), ("f", "6")]
    second = write(tmp_path / "b.csv", [dict(zip(COLUMNS, row, strict=True)) for row in rows], COLUMNS)
    run = load(second, database_url, mapping=mapping, settings=settings, observer=look)
    assert counts(run) == {"read": 5, "inserted": 3, "quarantined": 2}
    assert seen == [{"a": 1, "b": 2, "c": 3}] * 3
    assert stored(database_url) == {"c": 30, "d": 4, "f": 6}
    assert quarantined(database_url)[4][0]["code"] == "duplicate"
    assert query(database_url, "SELECT count(*) FROM price__staged") == [(0,)]
    assert load(second, database_url, mapping=mapping, settings=settings).status == "already loaded"
    again = load(second, database_url, mapping=mapping, settings=settings, again=True)
    assert again.account.inserted == 3
    assert stored(database_url) == {"c": 30, "d": 4, "f": 6}


def test_nothing_replaces_nothing(tmp_path: Path, database_url: str) -> None:
    load(edition(tmp_path / "a.csv", {"a": 1}), database_url, mapping=prices("replace"))
    run = load(edition(tmp_path / "b.csv", {}), database_url, mapping=prices("replace"))
    assert any("nothing was replaced" in said for said in run.messages)
    assert stored(database_url) == {"a": 1}


def test_a_run_that_stops_replaces_nothing(tmp_path: Path, database_url: str) -> None:
    load(edition(tmp_path / "a.csv", {"a": 1}), database_url, mapping=prices("replace"))
    bad = edition(tmp_path / "b.csv", {"b": 2, "c": "much"})
    none = Settings(max_rejects=RejectBudget(count=0))
    assert load(bad, database_url, mapping=prices("replace"), settings=none).status == "stopped"
    assert stored(database_url) == {"a": 1}
    assert (
        load(bad, database_url, mapping=prices("replace"), settings=Settings(max_rejects=ANY)).status
        == "done"
    )
    assert stored(database_url) == {"b": 2}


def stops_after(chunks: int) -> Callable[[object], None]:
    """An observer that ends a load with an exception once so many chunks are committed."""
    left = chunks

    def observe(event: object) -> None:
        nonlocal left
        left -= isinstance(event, ChunkCommitted)
        if not left:
            raise ConnectionResetError

    return observe


def test_a_load_that_was_given_up_and_is_taken_up_after_all_replaces_the_table_by_all_its_rows(
    tmp_path: Path, database_url: str
) -> None:
    how: dict[str, Any] = {"mapping": prices("replace"), "settings": Settings(chunk_rows=2)}
    rows = {f"a{n}": n for n in range(6)}
    path = tmp_path / "a.csv"
    with pytest.raises(ConnectionResetError):
        load(edition(path, rows), database_url, observer=stops_after(2), **how)
    assert load(edition(path, {"b": 1}), database_url, abandon=True, **how).status == "done"
    assert load(edition(tmp_path / "c.csv", {"c": 1}), database_url, **how).status == "done"
    assert load(edition(path, rows), database_url, **how).account.inserted == 6
    assert stored(database_url) == rows


def test_a_table_is_not_replaced_by_what_a_crash_left_of_the_last_chunks(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(edition(tmp_path / "a.csv", {"a": 1}), database_url, mapping=prices("replace"))
    crashes = iter([True])

    def finds_all_and_then_loses_it(job: Job, place: Place) -> None:
        must_have_reached(job, place)
        if next(crashes, False):
            allow_changes(database_url)
            last = "(SELECT start_offset FROM chunk WHERE run_id = 2 AND end_record = 6)"
            execute(
                database_url,
                "DELETE FROM price__staged WHERE sku IN ('b3', 'b4')",
                f"DELETE FROM chunk_result WHERE run_id = 2 AND start_offset = {last}",
                "DELETE FROM chunk WHERE run_id = 2 AND end_record = 6",
            )

    monkeypatch.setattr("muniment.sitting.must_have_reached", finds_all_and_then_loses_it)
    second = edition(tmp_path / "b.csv", {f"b{n}": n for n in range(5)})
    run = load(second, database_url, mapping=prices("replace"), settings=Settings(chunk_rows=3))
    assert (run.status, counts(run)) == ("done", {"read": 5, "inserted": 5})
    assert stored(database_url) == {f"b{n}": n for n in range(5)}


def test_a_table_is_not_replaced_by_a_part_of_what_was_staged(tmp_path: Path, database_url: str) -> None:
    how: dict[str, Any] = {"mapping": prices("replace"), "settings": Settings(chunk_rows=2)}
    load(edition(tmp_path / "a.csv", {"a": 1}), database_url, **how)
    second = edition(tmp_path / "b.csv", {f"b{n}": n for n in range(6)})
    with pytest.raises(ConnectionResetError):
        load(second, database_url, observer=stops_after(2), **how)
    execute(database_url, "DELETE FROM price__staged WHERE sku = 'b0'")
    with pytest.raises(DatabaseError, match="nothing was replaced: rows that run 2 has staged are gone"):
        load(second, database_url, **how)
    assert stored(database_url) == {"a": 1}


def test_a_mapping_of_a_table_that_is_replaced_may_get_more_columns(
    tmp_path: Path, database_url: str
) -> None:
    load(edition(tmp_path / "a.csv", {"a": 1}), database_url, mapping=prices("replace"))
    execute(database_url, "ALTER TABLE price ADD COLUMN remark TEXT")
    wider = TableMapping.model_validate(prices("replace").as_data() | {"columns": REMARKED})
    rows = [{"sku": "b", "price": "2", "remark": "new"}, {"sku": "c", "price": "3", "remark": "newer"}]
    more = write(tmp_path / "b.csv", rows, (*COLUMNS, "remark"))
    settings = Settings(chunk_rows=1)
    with pytest.raises(ConnectionResetError):
        load(more, database_url, mapping=wider, settings=settings, observer=stops_after(1))
    with pytest.raises(UsageError, match="price__staged holds what run 2 has staged in other columns"):
        load(edition(tmp_path / "c.csv", {"d": 4}), database_url, mapping=prices("replace"))
    load(more, database_url, mapping=wider, settings=settings)
    assert query(database_url, "SELECT sku, remark FROM price ORDER BY sku") == [("b", "new"), ("c", "newer")]


REMARKED = {"sku": {}, "price": {"type": "integer", "required": True}, "remark": {}}


def test_what_the_table_refuses_as_a_whole_replaces_nothing_and_says_so(
    tmp_path: Path, database_url: str
) -> None:
    load(edition(tmp_path / "a.csv", {"a": 1}), database_url, mapping=prices("replace"))
    exactly = " COLLATE utf8mb4_nopad_bin" if database_url.startswith("mariadb") else ""
    execute(
        database_url,
        f"CREATE TABLE sale (sku VARCHAR(255){exactly} NOT NULL, FOREIGN KEY (sku) REFERENCES price (sku))",
        "INSERT INTO sale VALUES ('a')",
    )
    with pytest.raises(RowRefused, match="nothing was replaced: the database refuses the rows together"):
        load(edition(tmp_path / "b.csv", {"b": 1}), database_url, mapping=prices("replace"))
    assert stored(database_url) == {"a": 1}
    execute(database_url, "DELETE FROM sale")
    load(tmp_path / "b.csv", database_url, mapping=prices("replace"))
    assert stored(database_url) == {"b": 1}


def test_rows_that_the_table_would_refuse_are_quarantined_before_it_is_replaced(
    tmp_path: Path, database_url: str
) -> None:
    folds = database_url.startswith("mariadb")
    folding = "VARCHAR(255) COLLATE utf8mb4_general_ci" if folds else "VARCHAR(255)"
    execute(
        database_url,
        f"CREATE TABLE price (sku {folding} NOT NULL PRIMARY KEY, price BIGINT NOT NULL UNIQUE,"
        " CHECK (price < 100))",
        "INSERT INTO price VALUES ('a', 1)",
    )
    rows = {"b": 5, "B": 6, "c": 7, "d": 7, "e": 100}
    how: dict[str, Any] = {"mapping": prices("replace"), "settings": Settings(max_rejects=ANY)}
    run = load(edition(tmp_path / "b.csv", rows), database_url, **how)
    assert counts(run) == {"read": 5, "inserted": 3 - folds, "quarantined": 2 + folds}
    assert stored(database_url) == {"b": 5, "c": 7} | ({} if folds else {"B": 6})
    codes = {problem["code"] for found in quarantined(database_url).values() for problem in found}
    assert codes == {"database"}


def test_a_check_that_a_table_gets_later_is_heeded_as_well(tmp_path: Path, database_url: str) -> None:
    mapping, settings = prices("replace", 'surrogate = "id"'), Settings(max_rejects=ANY)
    load(edition(tmp_path / "a.csv", {"a": 100}), database_url, mapping=mapping)
    kind = {"postgresql": "SERIAL", "mariadb": "INTEGER AUTO_INCREMENT"}
    number = kind.get(database_url.partition(":")[0], "INTEGER")
    execute(
        database_url,
        "DROP TABLE price",
        f"CREATE TABLE price (id {number} PRIMARY KEY, sku VARCHAR(20) NOT NULL UNIQUE,"
        " price BIGINT NOT NULL, CHECK (price < 100 OR sku = 'idle'))",
    )
    second = edition(tmp_path / "b.csv", {"a": 100, "idle": 100})
    run = load(second, database_url, mapping=mapping, settings=settings)
    assert counts(run) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert stored(database_url) == {"idle": 100}


def test_a_name_that_leaves_no_room_for_that_of_staged_rows_is_told() -> None:
    long = prices("replace").as_data() | {"table": {"name": "p" * 56, "key": ["sku"], "mode": "replace"}}
    with pytest.raises(UsageError, match="too long for the mode replace"):
        TableProfile.of(TableMapping.model_validate(long))
    long["table"]["name"] = "p" * 55
    assert TableProfile.of(TableMapping.model_validate(long)).staging is not None


HISTORY = "SELECT sku, price, is_current, valid_from, valid_to FROM price ORDER BY sku, valid_from"


@pytest.mark.parametrize("more", ["", 'surrogate = "price_id"'])
def test_a_row_that_changes_is_closed_and_another_begins(
    tmp_path: Path, database_url: str, more: str
) -> None:
    mapping = prices("history", more)
    first = load(edition(tmp_path / "a.csv", {"a": 1, "b": 2, "c": 3}), database_url, mapping=mapping)
    second_file = edition(tmp_path / "b.csv", {"a": 1, "b": 20, "d": 4})
    second = load(second_file, database_url, mapping=mapping, settings=Settings(chunk_rows=2))
    assert counts(first) == {"read": 3, "inserted": 3}
    assert counts(second) == {"read": 3, "inserted": 1, "updated": 1, "unchanged": 1}
    rows = query(database_url, HISTORY)
    assert [(sku, price, bool(current)) for sku, price, current, _, _ in rows] == [
        ("a", 1, True),
        ("b", 2, False),
        ("b", 20, True),
        ("c", 3, True),
        ("d", 4, True),
    ]
    assert rows[1][4] == rows[2][3]  # where one ends the other begins
    assert {str(row[4])[:10] for row in rows if row[2]} == {"9999-12-31"}
    again = load(second_file, database_url, mapping=mapping, again=True)
    assert counts(again) == {"read": 3, "unchanged": 3}
    assert query(database_url, HISTORY) == rows


def test_a_fact_refers_to_the_row_that_holds_now(tmp_path: Path, database_url: str) -> None:
    mapping = prices("history", 'surrogate = "price_id"')
    sale = TableMapping.model_validate(
        {
            "table": {"name": "sale"},
            "columns": {
                "price_id": {"lookup": "price", "by": "sku", "required": True},
                "number": {"type": "integer"},
            },
        }
    )
    for number, price in enumerate((1, 2), start=1):
        load(edition(tmp_path / f"{number}.csv", {"a": price}), database_url, mapping=mapping)
        sold = write(tmp_path / f"s{number}.csv", [{"sku": "a", "number": str(number)}], ("sku", "number"))
        load(sold, database_url, mapping=sale)
    joined = "SELECT s.number, p.price FROM sale s JOIN price p USING (price_id) ORDER BY s.number"
    assert query(database_url, joined) == [(1, 1), (2, 2)]


class Disturbed:
    """Loads of editions of prices, of which one operation fails, by a mode, into an open database."""

    def __init__(self, database: Database, mapping: TableMapping, folder: Path) -> None:
        self.database = database
        self.mapping = mapping
        self.folder = folder
        self.expected: dict[str, int] = {}
        self.edition = 0

    def fails_at(self, strike: Strike) -> bool:
        """Whether the operation came at all; asserts that a plain re-run mends it."""
        self.edition += 1
        rows = {f"s{n}": n + self.edition * (n % 2) for n in range(self.edition % 3, self.edition % 3 + 5)}
        source = edition(self.folder / f"{self.edition}.csv", rows)
        failed = False
        try:
            self.load(source, strike)
        except (Death, DatabaseUnavailable):
            failed = True
            if self.mapping.table.mode == "replace":
                assert self.stored() in (self.expected, rows)
        with suppress(DatabaseUnavailable):
            self.load(source, never)
        self.expected = rows if self.mapping.table.mode == "replace" else self.expected | rows
        assert self.stored() == self.expected, getattr(strike, "failed_at", "")
        return failed

    def load(self, source: Path, strike: Strike) -> None:
        settings = Settings(chunk_rows=2, retry_attempts=1)
        profile = TableProfile.of(self.mapping)
        with closing(open_source(source, profile.source, settings)) as opened_source, StopRequest() as stop:
            database = FailingDatabase(self.database, strike)
            run = run_load(
                opened_source, profile, database, settings=settings, observer=unobserved, stop=stop
            )
            assert run.status in ("done", "already loaded")

    def stored(self) -> dict[str, int]:
        current = "" if self.mapping.table.mode == "replace" else " WHERE is_current"
        with self.database.engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT sku, price FROM price{current}").all()
        assert len(dict(map(tuple, found))) == len(found)  # one row of each key holds now
        return dict(map(tuple, found))


SAMPLED = 12
"""Operations that fail in a run of all tests, of about a hundred."""


@pytest.mark.parametrize("kind", [ConnectionLoss, ProcessDeath])
@pytest.mark.parametrize("mode", ["replace", "history"])
def test_whichever_operation_fails_a_plain_rerun_ends_right(
    tmp_path: Path, database_url: str, mode: str, kind: Callable[[int], Strike]
) -> None:
    numbers = Random(mode).sample(range(1, 60), SAMPLED)
    with opened(database_url) as database:
        disturbed = Disturbed(database, prices(mode), tmp_path)
        disturbed.fails_at(never)
        failures = [disturbed.fails_at(kind(number)) for number in numbers]
    assert sum(failures) > SAMPLED // 2
    if mode == "history":
        versions = query(database_url, "SELECT count(*), count(DISTINCT valid_from) FROM price GROUP BY sku")
        assert all(rows == begun for rows, begun in versions)
