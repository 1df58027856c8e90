"""Lookups: keys are found exactly as they are written, and each missing one is accounted for."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

import muniment
from muniment import Lookup, RejectBudget, Settings, TableMapping
from muniment.errors import UsageError
from muniment.events import ChunkCommitted
from muniment.table import TableProfile
from muniment.validation.filters import Condition
from tests.acceptance.loading import counts, execute, load, quarantined, query, write

ANY = RejectBudget(percent=100)

PRODUCTS = TableMapping.parse("""
profile = "table"
[table]
name = "product"
key = "business_key"
surrogate = "product_id"
[columns]
business_key = {}
label = {}
""")

COLUMNS = ("sku", "metric")


def fact(missing: str, more: str = "") -> TableMapping:
    return TableMapping.parse(f"""
profile = "table"
[table]
name = "fact"
[columns]
product_id = {{ lookup = "product", by = "business_key", from = "sku", missing = "{missing}" {more} }}
metric = {{ type = "integer", required = true }}
""")


def load_products(folder: Path, url: str, keys: list[str], name: str = "product.csv") -> None:
    rows = [{"business_key": key, "label": f"of {key}"} for key in keys]
    load(write(folder / name, rows, ("business_key", "label")), url, mapping=PRODUCTS)


def lines(*pairs: tuple[str, int]) -> list[dict[str, str]]:
    return [{"sku": key, "metric": str(metric)} for key, metric in pairs]


def facts(url: str) -> list[tuple[Any, ...]]:
    joined = "SELECT d.business_key, f.metric FROM fact f LEFT JOIN product d USING (product_id)"
    return query(url, f"{joined} ORDER BY f.metric")


WITH_MISSING = lines(("a", 1), ("x", 2), ("b", 3), ("", 4), ("x", 5), ("a", 6))


def test_a_record_whose_key_is_missing_is_rejected(tmp_path: Path, database_url: str) -> None:
    load_products(tmp_path, database_url, ["a", "b"])
    export = write(tmp_path / "f.csv", WITH_MISSING, COLUMNS)
    run = load(export, database_url, mapping=fact("reject"), settings=Settings(chunk_rows=4, max_rejects=ANY))
    assert counts(run) == {"read": 6, "inserted": 4, "quarantined": 2}
    assert facts(database_url) == [("a", 1), ("b", 3), (None, 4), ("a", 6)]
    problems = quarantined(database_url)
    assert sorted(problems) == [2, 5]
    assert problems[2][0]["code"] == "unknown-key"
    assert problems[2][0]["message"] == "sku: product has no business_key 'x'"
    required = load(
        export, database_url, mapping=fact("reject", ", required = true"), settings=Settings(max_rejects=ANY)
    )
    assert counts(required) == {"read": 6, "inserted": 3, "quarantined": 3}


def test_a_blank_at_the_end_of_a_missing_key_is_seen(tmp_path: Path, database_url: str) -> None:
    load_products(tmp_path, database_url, ["a"])
    export = write(tmp_path / "f.csv", lines(("a ", 1)), COLUMNS)
    load(export, database_url, mapping=fact("reject"), settings=Settings(max_rejects=ANY))
    (problem,) = quarantined(database_url)[1]
    assert problem["message"] == "sku: product has no business_key 'a '"


def test_a_missing_key_may_be_stored_as_nothing_with_a_note(tmp_path: Path, database_url: str) -> None:
    load_products(tmp_path, database_url, ["a", "b"])
    run = load(write(tmp_path / "f.csv", WITH_MISSING, COLUMNS), database_url, mapping=fact("null"))
    assert counts(run) == {"read": 6, "inserted": 6, "notes": 2}
    assert facts(database_url) == [("a", 1), (None, 2), ("b", 3), (None, 4), (None, 5), ("a", 6)]
    noted = query(database_url, "SELECT record_number, code, value FROM note ORDER BY record_number")
    assert noted == [(2, "unknown-key", "x"), (5, "unknown-key", "x")]


@pytest.mark.parametrize("made_before", [True, False])
def test_a_missing_key_may_be_added_to_the_other_table(
    tmp_path: Path, database_url: str, *, made_before: bool
) -> None:
    if made_before:
        load_products(tmp_path, database_url, ["a", "b"])
    export = write(tmp_path / "f.csv", WITH_MISSING, COLUMNS)
    run = load(export, database_url, mapping=fact("insert"), settings=Settings(chunk_rows=2))
    assert counts(run) == {"read": 6, "inserted": 6}
    assert facts(database_url) == [("a", 1), ("x", 2), ("b", 3), (None, 4), ("x", 5), ("a", 6)]
    found = query(database_url, "SELECT business_key FROM product ORDER BY business_key")
    assert found == [("a",), ("b",), ("x",)]


def test_a_record_may_wait_for_its_key_and_is_stored_by_itself_once_it_comes(
    tmp_path: Path, database_url: str
) -> None:
    load_products(tmp_path, database_url, ["a", "b"])
    export = write(tmp_path / "f.csv", lines(("a", 1), ("x", 2), ("y", 3), ("x", 4), ("b", 5)), COLUMNS)
    run = load(export, database_url, mapping=fact("wait"), settings=Settings(chunk_rows=2, max_rejects=ANY))
    assert counts(run) == {"read": 5, "inserted": 2, "quarantined": 3}
    waiting = "SELECT record_number, state, waits_for, times_seen FROM quarantine ORDER BY quarantine_id"
    assert query(database_url, waiting) == [(n, "open", "product", 1) for n in (2, 3, 4)]
    more = write(tmp_path / "d2.csv", [{"business_key": "x", "label": ""}], ("business_key", "label"))
    run = load(more, database_url, mapping=PRODUCTS)
    assert any("2 of 3 records that had waited are stored now" in said for said in run.messages)
    assert facts(database_url) == [("a", 1), ("x", 2), ("x", 4), ("b", 5)]
    states = query(database_url, waiting)
    assert [state for _, state, _, _ in states] == ["closed", "open", "closed"]
    load_products(tmp_path, database_url, ["y"], "d3.csv")
    assert facts(database_url) == [("a", 1), ("x", 2), ("y", 3), ("x", 4), ("b", 5)]
    run = load(export, database_url, mapping=fact("wait"))
    assert run.status == "already loaded"
    assert len(facts(database_url)) == 5
    ((closed,),) = query(database_url, "SELECT count(*) FROM quarantine WHERE state = 'closed'")
    assert closed == 3


def test_a_record_that_is_otherwise_wrong_waits_for_nothing(tmp_path: Path, database_url: str) -> None:
    load_products(tmp_path, database_url, ["a"])
    export = write(tmp_path / "f.csv", [{"sku": "x", "metric": "much"}], COLUMNS)
    load(export, database_url, mapping=fact("wait"), settings=Settings(max_rejects=ANY))
    assert query(database_url, "SELECT waits_for FROM quarantine") == [(None,)]


def test_rows_without_a_key_or_without_what_is_wanted_are_found_by_nothing(
    tmp_path: Path, database_url: str
) -> None:
    execute(
        database_url,
        "CREATE TABLE product (product_id INTEGER PRIMARY KEY, business_key VARCHAR(200) UNIQUE, "
        "weight INTEGER)",
        "INSERT INTO product VALUES (1, NULL, 5), (2, '', 6), (3, 'a', NULL), (4, 'b', 7)",
    )
    export = write(
        tmp_path / "f.csv", lines(("a", 1), ("None", 2), ("", 3), ("x" * 99, 4), ("b", 5)), COLUMNS
    )
    settings = Settings(max_rejects=ANY)
    load(export, database_url, mapping=fact("reject"), settings=settings)
    found = query(database_url, "SELECT product_id, metric FROM fact ORDER BY metric")
    assert found == [(3, 1), (None, 3), (4, 5)]
    execute(database_url, "DROP TABLE fact")
    weighed = fact("null", ', value = "weight"')
    assert counts(load(export, database_url, mapping=weighed, settings=settings))["notes"] == 3
    found = query(database_url, "SELECT product_id, metric FROM fact ORDER BY metric")
    assert found == [(None, 1), (None, 2), (None, 3), (None, 4), (7, 5)]


ALIKE = ["Straße", "strasse", "a", "A", "á", "a ", " a", "ﬁ", "fi", "ẞ", "z"]


@pytest.mark.parametrize("collation", ["own", "folding"])
def test_keys_are_compared_exactly_whatever_the_collation(
    tmp_path: Path, database_url: str, collation: str
) -> None:
    there = ["a", "Straße", "ﬁ", "z"]
    if collation == "folding":
        folding = {"sqlite": "COLLATE NOCASE", "mysql": "COLLATE utf8mb4_unicode_ci"}
        kind = "sqlite" if database_url.startswith("sqlite") else "mysql"
        clause = "" if database_url.startswith("postgresql") else folding[kind]
        number = "INTEGER PRIMARY KEY" if kind == "sqlite" else "BIGINT PRIMARY KEY"
        execute(
            database_url,
            f"CREATE TABLE product (product_id {number}, business_key VARCHAR(40) {clause})",
            "CREATE UNIQUE INDEX product_key ON product (business_key)",
            *(f"INSERT INTO product VALUES ({n}, '{key}')" for n, key in enumerate(there)),
        )
    else:
        load_products(tmp_path, database_url, there)
    export = write(tmp_path / "f.csv", lines(*((key, n) for n, key in enumerate(ALIKE))), COLUMNS)
    run = load(export, database_url, mapping=fact("reject"), settings=Settings(max_rejects=ANY))
    assert run.account.inserted == 4
    assert {key for key, _ in facts(database_url)} == set(there)
    assert {ALIKE[metric] for _, metric in facts(database_url)} == set(there)


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_a_key_that_the_other_table_takes_for_another_cannot_be_added(
    tmp_path: Path, database_url: str
) -> None:
    execute(
        database_url,
        "CREATE TABLE product (product_id BIGINT AUTO_INCREMENT PRIMARY KEY, "
        "business_key VARCHAR(40) COLLATE utf8mb4_unicode_ci NOT NULL UNIQUE)",
        "INSERT INTO product (business_key) VALUES ('a')",
    )
    export = write(tmp_path / "f.csv", lines(("a", 1), ("A", 2), ("b", 3)), COLUMNS)
    run = load(export, database_url, mapping=fact("insert"), settings=Settings(max_rejects=ANY))
    assert counts(run) == {"read": 3, "inserted": 2, "quarantined": 1}
    assert facts(database_url) == [("a", 1), ("b", 3)]
    assert "for the same as another key" in quarantined(database_url)[2][0]["hint"]


class Measured(BaseModel):
    sensor_id: Annotated[int | None, Lookup("sensor", by=("site", "number"), from_=("place", "no"))] = None
    value: float


def test_a_key_may_have_several_columns_of_several_types(tmp_path: Path, database_url: str) -> None:
    execute(
        database_url,
        "CREATE TABLE sensor (sensor_id INTEGER PRIMARY KEY, site VARCHAR(20) NOT NULL, "
        "number INTEGER NOT NULL, UNIQUE (site, number))",
        "INSERT INTO sensor VALUES (1, 'roof', 1), (2, 'roof', 2), (3, 'hall', 1)",
    )
    rows = [
        {"place": "roof", "no": "2", "value": "1"},
        {"place": "hall", "no": "1", "value": "2"},
        {"place": "hall", "no": "2", "value": "3"},
        {"place": "hall", "no": "one", "value": "4"},
        {"place": "", "no": "1", "value": "5"},
    ]
    export = write(tmp_path / "a.csv", rows, ("place", "no", "value"))
    run = load(export, database_url, model=Measured, settings=Settings(max_rejects=ANY))
    assert counts(run) == {"read": 5, "inserted": 3, "quarantined": 2}
    stored = query(database_url, "SELECT sensor_id, value FROM measured ORDER BY value")
    assert stored == [(2, 1.0), (3, 2.0), (None, 5.0)]


INVOICES = """
profile = "table"
[table]
name = "invoice_line"
key = ["invoice_id", "line"]
[columns]
line = { type = "integer", column = "Line" }
amount = { type = "integer", column = "Amount" }
[columns.invoice_id]
lookup = "invoice"
by = "number"
from = "Invoice"
missing = "insert"
required = true
columns = { customer = { column = "Customer", required = true }, day = { type = "date", column = "Day" } }
"""

INVOICE_COLUMNS = ("Invoice", "Customer", "Day", "Line", "Amount")


def invoice_line(*cells: str) -> dict[str, str]:
    return dict(zip(INVOICE_COLUMNS, cells, strict=True))


def test_a_row_may_hold_a_header_and_a_line_each_in_a_table_of_its_own(
    tmp_path: Path, database_url: str
) -> None:
    rows = [
        invoice_line("I1", "Anna", "2024-01-01", "1", "10"),
        invoice_line("I1", "Anna", "2024-01-01", "2", "20"),
        invoice_line("I2", "Béla", "", "1", "30"),
        invoice_line("I1", "Bela", "2024-01-01", "3", "40"),
        invoice_line("I3", "", "", "1", "50"),
        invoice_line("I2", "Béla", "2024-01-01", "2", "60"),
        invoice_line("I1", "Anna", "2024-01-01", "2", "70"),
    ]
    export = write(tmp_path / "a.csv", rows, INVOICE_COLUMNS)
    settings = Settings(chunk_rows=3, max_rejects=ANY)
    run = load(export, database_url, mapping=TableMapping.parse(INVOICES), settings=settings)
    assert counts(run) == {"read": 7, "inserted": 3, "quarantined": 4}
    told = (
        "SELECT i.number, i.customer, l.line, l.amount FROM invoice i JOIN invoice_line l USING (invoice_id)"
    )
    assert query(database_url, f"{told} ORDER BY l.amount") == [
        ("I1", "Anna", 1, 10),
        ("I1", "Anna", 2, 20),
        ("I2", "Béla", 1, 30),
    ]
    problems = quarantined(database_url)
    assert [problems[n][0]["code"] for n in (4, 5, 6, 7)] == [
        "header-differs",
        "missing",
        "header-differs",
        "duplicate",
    ]
    assert problems[4][0]["message"] == (
        "customer of invoice 'I1' is 'Bela' here, and stands already as 'Anna'"
    )
    again = load(export, database_url, mapping=TableMapping.parse(INVOICES), settings=settings, again=True)
    assert counts(again) == {"read": 7, "unchanged": 3, "quarantined": 4}
    with pytest.raises(Exception, match=r"(?i)foreign key|reference|constraint"):
        execute(database_url, "DELETE FROM invoice")


def test_many_keys_are_found_as_one_by_one(tmp_path: Path, database_url: str) -> None:
    chosen = random.Random(6)
    keys = [f"{chosen.choice(['K', 'k', 'ключ-', 'x' * 70])}{n}" for n in range(1, 3_001)]
    load_products(tmp_path, database_url, keys)
    pairs = [(chosen.choice(keys) if chosen.random() < 0.9 else f"none{n}", n) for n in range(6_000)]
    export = write(tmp_path / "f.csv", lines(*pairs), COLUMNS)
    run = load(
        export, database_url, mapping=fact("reject"), settings=Settings(chunk_rows=500, max_rejects=ANY)
    )
    known = [(key, n) for key, n in pairs if not key.startswith("none")]
    assert counts(run) == {"read": 6_000, "inserted": len(known), "quarantined": 6_000 - len(known)}
    assert facts(database_url) == known


def test_what_cannot_be_looked_up_is_told_before_the_first_row(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    export = write(tmp_path / "f.csv", lines(("a", 1)), COLUMNS)
    with pytest.raises(UsageError, match="there is no table product"):
        load(export, url, mapping=fact("reject"))
    execute(url, "CREATE TABLE product (product_id INTEGER PRIMARY KEY, business_key TEXT)")
    with pytest.raises(UsageError, match="business_key do not identify a row of product"):
        load(export, url, mapping=fact("reject"))
    execute(url, "CREATE UNIQUE INDEX key ON product (business_key)")
    with pytest.raises(UsageError, match="product has no column label"):
        load(export, url, mapping=fact("reject", ", value = 'label'"))
    execute(url, "ALTER TABLE product ADD COLUMN label TEXT NOT NULL DEFAULT 'x'")
    execute(
        url,
        "CREATE TABLE other (other_id INTEGER PRIMARY KEY, business_key TEXT UNIQUE, label TEXT NOT NULL)",
    )
    other = TableMapping.model_validate(
        {
            "table": {"name": "fact"},
            "columns": {"o": {"lookup": "other", "by": "business_key", "from": "sku", "missing": "insert"}},
        }
    )
    with pytest.raises(UsageError, match="no row can be added to other: label would be empty"):
        load(export, url, mapping=other)
    assert counts(load(export, url, mapping=fact("insert"))) == {"read": 1, "inserted": 1}


def test_a_check_says_that_it_has_nothing_to_look_up_keys_in(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    load_products(tmp_path, url, ["a"])
    export = write(tmp_path / "f.csv", lines(("a", 1)), COLUMNS)
    with pytest.raises(UsageError, match="empty database of its own, which has no product to look up keys"):
        muniment.check(export, mapping=fact("wait"), db=url)
    assert muniment.check(export, mapping=fact("insert"), db=url).account.inserted == 1


@pytest.mark.parametrize("chunk_rows", [1, 2])
@pytest.mark.parametrize(
    ("missing", "stored", "codes"),
    [
        ("reject", ["a", "a", "a"], ["unknown-key"]),
        ("null", ["a", None, "a", None, "a"], []),
        ("insert", ["a", "b", "a", "b", "a"], []),
        ("wait", ["a", "a", "a"], ["waiting"]),
    ],
)
def test_a_row_that_others_delete_meanwhile_is_found_no_more(
    tmp_path: Path,
    database_url: str,
    missing: str,
    stored: list[str | None],
    codes: list[str],
    chunk_rows: int,
) -> None:
    load_products(tmp_path, database_url, ["a", "b"])

    def delete(event: object) -> None:
        if isinstance(event, ChunkCommitted) and event.start_record == 1:
            execute(
                database_url, "DELETE FROM fact WHERE metric = 0", "DELETE FROM product WHERE label = 'of b'"
            )

    export = write(tmp_path / "f.csv", lines(*((key, n) for n, key in enumerate("bababa"))), COLUMNS)
    settings = Settings(chunk_rows=chunk_rows, max_rejects=ANY)
    load(export, database_url, mapping=fact(missing), settings=settings, observer=delete)
    assert [key for key, _ in facts(database_url)] == stored
    assert (
        sorted({problem["code"] for found in quarantined(database_url).values() for problem in found})
        == codes
    )


def test_a_model_with_lookups_can_be_sent_to_workers_as_it_is() -> None:
    conditions = [Condition(column="no", equals="1")]
    profile = TableProfile(Measured, "reading", only=conditions, row_lineage=True, surrogate="reading_id")
    sent = pickle.loads(pickle.dumps(profile))  # noqa: S301 - made in the line before
    assert (sent.version, sent.mode, sent.scope) == (profile.version, profile.mode, "table/reading")
    assert sent.judged.model_fields.keys() == {"sensor_id", "sensor_id__number", "value"}
    assert sent.table.c.keys() == profile.table.c.keys()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_key_that_cannot_be_added_for_its_number_is_taken_is_told_of_so(
    tmp_path: Path, database_url: str
) -> None:
    load_products(tmp_path, database_url, [])
    execute(database_url, "INSERT INTO product (product_id, business_key) VALUES (1, 'a')")
    export = write(tmp_path / "f.csv", lines(("x", 1), ("a", 2)), COLUMNS)
    run = load(export, database_url, mapping=fact("insert"), settings=Settings(max_rejects=ANY))
    assert counts(run) == {"read": 2, "inserted": 1, "quarantined": 1}
    ((problem,),) = (problems for problems in quarantined(database_url).values())
    assert "`setval` mends" in problem["hint"]
