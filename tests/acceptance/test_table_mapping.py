"""Mappings of the `table` profile: declared columns come to the same as a model of them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

from muniment import Format, PrimaryKey, RejectBudget, Settings, TableMapping
from muniment.errors import HeaderError, MappingError, UsageError
from muniment.validation.filters import Condition
from tests.acceptance.loading import counts, execute, load, quarantined, query, write
from tests.acceptance.program import program_in

ANY = Settings(max_rejects=RejectBudget(percent=100))

VISITS = """
profile = "table"

[source]
null = ["n/a"]

[table]
name = "visit"
key = ["day", "place"]

[columns]
day = { type = "date", column = "Day", min = 1990-01-01 }
place = { column = "Place", max_length = 20 }
visitors = { type = "integer", min = 0, required = true }
takings = { type = "decimal", decimal_places = 2 }
weather = { allowed = ["dry", "wet"], default = "dry" }
remark = "Remark"

[[only]]
column = "Kind"
equals = "day"
"""

COLUMNS = ("Kind", "Day", "Place", "visitors", "takings", "weather", "Remark")


def visit(day: str, place: str, visitors: str, *others: str) -> dict[str, str]:
    return dict(zip(COLUMNS, ("day", day, place, visitors, *others), strict=False))


ROWS = [
    visit("2024-05-01", "Main", "120", "40.50", "wet", "opening"),
    visit("2024-05-01", "main", "0", "n/a"),
    visit("1980-05-01", "Main", "1"),
    visit("2024-05-02", "Main", "-1", "1.005", "cold"),
    visit("2024-05-03", "", "7"),
    visit("2024-05-04", "Main", ""),
    {"Kind": "month", "Day": "2024-05", "Place": "Main"},
    visit("2024-05-01", "Main", "9"),
]


class Counted(BaseModel):
    day: Annotated[str, PrimaryKey()]
    number: int = 1


class Visit(BaseModel):
    day: Annotated[str, PrimaryKey()]
    count: Annotated[int, Field(alias="visitors")]


def test_declared_columns_are_read_judged_and_stored(tmp_path: Path, database_url: str) -> None:
    export = write(tmp_path / "a.csv", ROWS, COLUMNS)
    mapping = TableMapping.parse(VISITS)
    run = load(export, database_url, mapping=mapping, settings=ANY)
    assert counts(run) == {"read": 8, "inserted": 2, "quarantined": 5, "skipped": 1}
    stored = "SELECT place, visitors, takings, weather, remark FROM visit ORDER BY visitors"
    first, second = query(database_url, stored)
    assert first == ("main", 0, None, "dry", None)
    assert (second[0], Decimal(second[2]), second[3:]) == ("Main", Decimal("40.5"), ("wet", "opening"))
    told = {
        number: {problem["code"] for problem in found} for number, found in quarantined(database_url).items()
    }
    assert told[3] == {"out-of-range"}
    assert told[4] == {"out-of-range", "number", "not-allowed"}
    assert (told[5], told[6], told[8]) == ({"missing"}, {"missing"}, {"duplicate"})
    newer = write(tmp_path / "b.csv", [ROWS[0] | {"Remark": "closing"}, ROWS[1]], COLUMNS)
    assert counts(load(newer, database_url, mapping=mapping)) == {"read": 2, "updated": 1, "unchanged": 1}


def test_a_mapping_file_says_itself_of_which_profile_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    file = tmp_path / "visits.toml"
    file.write_text(VISITS)
    program = program_in(tmp_path)
    write(tmp_path / "a.csv", ROWS[:2], COLUMNS)
    command = ["load", "a.csv", "--mapping", str(file), "--db", url]
    done = program(*command)
    assert "inserted 2" in " ".join(done.out.split())
    assert "muniment trace" not in done.out  # rows of the table profile bear no lineage
    assert "already loaded" in program(*command).out


def test_entries_are_mended_by_the_mapping_that_rejected_them(tmp_path: Path) -> None:
    url, file = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "visits.toml"
    program = program_in(tmp_path)
    file.write_text(VISITS)
    write(tmp_path / "a.csv", [ROWS[0], ROWS[5]], COLUMNS)
    program("load", "a.csv", "-m", str(file), "--db", url, "--max-rejects", "1")
    program("quarantine", "export", "-o", "bad.csv", "--db", url)
    text = (tmp_path / "bad.csv").read_text(encoding="utf-8-sig")
    (tmp_path / "bad.csv").write_text(text.replace("2024-05-04,Main,", "2024-05-04,Main,5"))
    told = program("quarantine", "resubmit", "bad.csv", "--db", url)
    assert "inserted 1" in " ".join(told.out.split())
    assert query(url, "SELECT visitors FROM visit ORDER BY day") == [(120,), (5,)]


def test_a_mapping_may_name_a_model_or_in_python_be_given_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    path = "tests.acceptance.test_table_mapping:Visit"
    named = TableMapping.parse(
        f'profile = "table"\nmodel = "{path}"\n[table]\nname = "v"\nsurrogate = "visit_id"'
    )
    given = TableMapping.model_validate(
        {"model": Visit, "table": {"name": "v", "surrogate": "visit_id"}, "source": Format()}
    )
    assert named.as_data() == given.as_data()
    rows = [{"day": "x", "visitors": "3"}, {"day": "y", "visitors": "4"}]
    export = write(tmp_path / "a.csv", rows, ("day", "visitors"))
    assert counts(load(export, url, mapping=given)) == {"read": 2, "inserted": 2}
    assert load(export, url, mapping=named).status == "already loaded"
    assert query(url, "SELECT visit_id, day, count FROM v ORDER BY day") == [(1, "x", 3), (2, "y", 4)]


def test_a_row_has_a_number_of_the_database_where_a_surrogate_key_is_asked_for(
    tmp_path: Path, database_url: str
) -> None:
    mapping = TableMapping.model_validate({"model": Visit, "table": {"name": "v", "surrogate": "visit_id"}})
    rows = [{"day": day, "visitors": "3"} for day in "xyzx"]
    run = load(
        write(tmp_path / "a.csv", rows, ("day", "visitors")), database_url, mapping=mapping, settings=ANY
    )
    assert counts(run) == {"read": 4, "inserted": 3, "quarantined": 1}
    again = write(tmp_path / "b.csv", [{"day": "y", "visitors": "4"}], ("day", "visitors"))
    assert counts(load(again, database_url, mapping=mapping)) == {"read": 1, "updated": 1}
    found = query(database_url, "SELECT visit_id, day, count FROM v ORDER BY day")
    assert [row[1:] for row in found] == [("x", 3), ("y", 4), ("z", 3)]
    assert len({row[0] for row in found}) == 3


def test_rows_are_only_added_where_the_mode_says_so(tmp_path: Path, database_url: str) -> None:
    mapping = TableMapping.model_validate({"model": Visit, "table": {"name": "v", "mode": "append"}})
    first = write(tmp_path / "a.csv", [{"day": "x", "visitors": "3"}], ("day", "visitors"))
    load(first, database_url, mapping=mapping)
    more = [{"day": "y", "visitors": "4"}, {"day": "x", "visitors": "5"}]
    second = write(tmp_path / "b.csv", more, ("day", "visitors"))
    run = load(second, database_url, mapping=mapping, settings=ANY)
    assert counts(run) == {"read": 2, "inserted": 1, "quarantined": 1}
    assert query(database_url, "SELECT day, count FROM v ORDER BY day") == [("x", 3), ("y", 4)]
    with pytest.raises(UsageError, match="only adds rows"):
        load(second, database_url, mapping=mapping, again=True)


MOMENTS = """
profile = "table"
[table]
name = "moment"
[columns]
day = { type = "date" }
at = { type = "datetime" }
hour = { type = "time" }
"""


def test_bare_numbers_are_no_dates_and_no_times(tmp_path: Path, database_url: str) -> None:
    good = [("1950-01-31", "1950-01-31T10:00:00", "10:00"), ("", "1950-01-31", "")]
    bad = [("1950", "", ""), ("0", "", ""), ("-86400", "", ""), ("", "1950", ""), ("", "20240501", "")]
    bad += [("", "1.5", ""), ("", "+12", ""), ("", "", "3600"), ("", "", "1950")]
    columns = ("day", "at", "hour")
    rows = [dict(zip(columns, cells, strict=True)) for cells in (*good, *bad)]
    export = write(tmp_path / "a.csv", rows, columns)
    run = load(export, database_url, mapping=TableMapping.parse(MOMENTS), settings=ANY)
    assert counts(run) == {"read": 11, "inserted": 2, "quarantined": 9}
    told = [problem for found in quarantined(database_url).values() for problem in found]
    assert [problem["code"] for problem in told] == ["date"] * 7 + ["time"] * 2
    assert told[0]["message"] == "day is a bare number, and not a date"
    assert told[0]["hint"] == "Write dates as 1883-12-31"
    assert told[3]["message"] == "at is a bare number, and not a date and time"
    assert told[3]["value"] == "1950"


PRICES = """
profile = "table"
[table]
name = "price"
key = "sku"
mode = "{mode}"
[columns]
sku = {{}}
price = {{ type = "integer", column = "Price"{more} }}
"""


def prices(mode: str = "upsert", more: str = "") -> TableMapping:
    return TableMapping.parse(PRICES.format(mode=mode, more=more))


@pytest.mark.parametrize("mode", ["upsert", "history", "replace", "append"])
def test_a_column_that_the_mapping_names_and_the_source_lacks_is_refused_before_the_first_row(
    tmp_path: Path, database_url: str, mode: str
) -> None:
    load(
        write(tmp_path / "a.csv", [{"sku": "a", "Price": "3"}], ("sku", "Price")),
        database_url,
        mapping=prices(mode),
    )
    renamed = write(tmp_path / "b.csv", [{"sku": "a", "Preis": "4"}], ("sku", "Preis"))
    with pytest.raises(HeaderError) as told:
        load(renamed, database_url, mapping=prices(mode))
    said = "the mapping names columns that the source does not have: 'Price' (the nearest: Preis)"
    assert (told.value.message, told.value.where) == (said, str(renamed))
    assert "The source has: sku, Preis" in told.value.hint
    assert "optional = true" in told.value.hint
    assert query(database_url, "SELECT sku, price FROM price") == [("a", 3)]
    assert query(database_url, "SELECT count(*) FROM run") == [(1,)]


def test_a_column_that_is_optional_may_be_absent_from_one_source_and_not_from_another(
    tmp_path: Path, database_url: str
) -> None:
    mapping = prices(more=", optional = true")
    load(
        write(tmp_path / "a.csv", [{"sku": "a", "Price": "3"}], ("sku", "Price")),
        database_url,
        mapping=mapping,
    )
    load(write(tmp_path / "b.csv", [{"sku": "b"}], ("sku",)), database_url, mapping=mapping)
    assert query(database_url, "SELECT sku, price FROM price ORDER BY sku") == [("a", 3), ("b", None)]


LINES = """
profile = "table"
[table]
name = "line"
[columns]
pieces = {{ type = "integer" }}
[columns.invoice_id]
lookup = "invoice"
by = ["site", "number"]
from = ["Site", "Invoice"]
missing = "insert"
columns = {{ number = {{ type = "integer" }}, customer = {{ column = "Customer"{inner} }} }}
{more}
"""


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        (("pieces", "Site", "Invoice"), "'Customer'"),
        (("pieces", "Site", "Customer", "Invoices"), "'Invoice' (the nearest: Invoices)"),
        (("pieces", "invoice_id", "Invoice", "Customer"), "'Site'"),
        (("pieces", "site", "number"), "'Site' (the nearest: site); 'Invoice'; 'Customer'"),
    ],
)
def test_columns_of_lookups_must_be_there_as_well(
    tmp_path: Path, header: tuple[str, ...], missing: str
) -> None:
    export = write(tmp_path / "a.csv", [dict.fromkeys(header, "1")], header)
    with pytest.raises(HeaderError) as told:
        load(
            export,
            f"sqlite:///{tmp_path / 'a.db'}",
            mapping=TableMapping.parse(LINES.format(inner="", more="")),
        )
    assert told.value.message.endswith(f"does not have: {missing}")


def test_a_lookup_and_what_it_adds_may_be_optional(tmp_path: Path, database_url: str) -> None:
    mapping = TableMapping.parse(LINES.format(inner=", optional = true", more="optional = true"))
    whole = write(
        tmp_path / "a.csv",
        [{"pieces": "1", "Site": "x", "Invoice": "7"}],
        ("pieces", "Site", "Invoice"),
    )
    load(whole, database_url, mapping=mapping)
    load(write(tmp_path / "b.csv", [{"pieces": "2"}], ("pieces",)), database_url, mapping=mapping)
    stored = "SELECT pieces, number, customer FROM line LEFT JOIN invoice USING (invoice_id) ORDER BY pieces"
    assert query(database_url, stored) == [(1, 7, None), (2, None, None)]


def test_a_field_of_a_model_with_a_default_may_be_absent(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    load(write(tmp_path / "a.csv", [{"day": "x"}], ("day",)), url, model=Counted)
    assert query(url, "SELECT day, number FROM counted") == [("x", 1)]


def test_columns_that_were_dropped_from_a_worksheet_are_not_missed(tmp_path: Path) -> None:
    url, file = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "prices.toml"
    program = program_in(tmp_path)
    file.write_text(PRICES.format(mode="upsert", more=""))
    rows = [{"sku": "", "Price": "3"}, {"sku": "b", "Price": "4"}]
    write(tmp_path / "a.csv", rows, ("sku", "Price"))
    program("load", "a.csv", "-m", str(file), "--db", url, "--max-rejects", "1")
    (number,) = query(url, "SELECT quarantine_id FROM quarantine")[0]
    (tmp_path / "bad.csv").write_text(f"muniment_id,sku\n{number},a\n")
    assert "inserted 1" in " ".join(program("quarantine", "resubmit", "bad.csv", "--db", url).out.split())
    assert query(url, "SELECT sku, price FROM price ORDER BY sku") == [("a", 3), ("b", 4)]


def test_a_source_after_others_that_lacks_a_column_ends_the_load_and_is_named(tmp_path: Path) -> None:
    url, file = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "prices.toml"
    file.write_text(PRICES.format(mode="upsert", more=""))
    write(tmp_path / "a.csv", [{"sku": "a", "Price": "3"}], ("sku", "Price"))
    write(tmp_path / "b.csv", [{"sku": "a", "Preis": "4"}], ("sku", "Preis"))
    ended = program_in(tmp_path)("load", "a.csv", "b.csv", "-m", str(file), "--db", url)
    assert ended.exit_code == 2
    assert "b.csv: the mapping names columns that the source does not have: 'Price'" in ended.err
    assert query(url, "SELECT sku, price FROM price") == [("a", 3)]


FAULTS = {
    "[table]\nname = 'v'\n[columns]\na = { required = true, optional = true }": "cannot be optional",
    "[table]\nname = 'v'\nkey = 'a'\n[columns]\na = { optional = true }": "columns that are optional: a",
    "[table]\nname = 'v'\n[columns]\na = { lookup = 't', by = 'b', required = true, optional = true }": (
        "cannot be optional"
    ),
    "[table]\nname = 'v'\n[columns]\na = { type = 'datetime', default = 1950 }": "1950 is a bare number",
    "[table]\nname = 'v'\n[columns]\na = { type = 'date', default = '0' }": "0 is a bare number",
    "[table]\nname = 'v'": "give either `columns` or a `model`",
    "[table]\nname = 'v'\nkey = 'b'\n[columns]\na = 'A'": "the key has columns that the table has not: b",
    "[table]\nname = 'v w'\n[columns]\na = 'A'": "table.name",
    "[table]\nname = 'v'\n[columns]\na = { type = 'integer', pattern = 'x' }": "integer has no pattern",
    "[table]\nname = 'v'\n[columns]\na = { pattern = '(' }": "the pattern is none",
    "[table]\nname = 'v'\n[columns]\na = { type = 'date', default = 'x' }": "the default is none",
    "[table]\nname = 'v'\n[columns]\na = { tipe = 'date' }": r"did you mean type\?",
}


@pytest.mark.parametrize("text", FAULTS)
def test_what_a_mapping_cannot_mean_is_told_with_its_place(text: str) -> None:
    with pytest.raises(MappingError, match=FAULTS[text]):
        TableMapping.parse(f'profile = "table"\n{text}')


def test_a_mapping_is_written_down_as_data_that_makes_the_same_one() -> None:
    mapping = TableMapping.parse(VISITS)
    assert TableMapping.model_validate(json.loads(json.dumps(mapping.as_data()))) == mapping
    assert mapping.only == (Condition(column="Kind", equals=("day",)),)


WANTED = """
profile = "table"
[table]
name = "v"
key = "day"
[columns]
day = { type = "date", required = true }
count = { type = "integer" }
share = { type = "decimal", decimal_places = 3 }
rate = { type = "decimal" }
note = { max_length = 30 }
open = { type = "boolean" }
"""

UNFIT = (
    "CREATE TABLE v (day VARCHAR(20), count INTEGER NOT NULL, share DECIMAL(9,2), rate DECIMAL(9,2), "
    "note VARCHAR(20), other INTEGER NOT NULL, more INTEGER)"
)


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_every_mismatch_of_a_table_that_is_there_is_told_before_the_first_row(
    tmp_path: Path, database_url: str
) -> None:
    execute(database_url, UNFIT)
    rows = [{"day": "2024-01-01", "count": "1"}]
    mapping = TableMapping.parse(WANTED)
    export = write(tmp_path / "a.csv", rows, tuple(mapping.columns))
    with pytest.raises(UsageError) as told:
        load(export, database_url, mapping=mapping)
    for words in (
        "it has no columns open",
        "day holds text, and would have to hold dates",
        "count may not be NULL",
        "share is rounded to 2 decimal places, and a record may have 3",
        "rate is rounded to 2 decimal places, and no bound",
        "note holds 20 characters, and a record may have 30",
        "other needs a value, and nothing fills it",
        "it has no unique key day",
    ):
        assert words in told.value.message
    assert "more" not in told.value.message
    assert query(database_url, "SELECT count(*) FROM run") == [(0,)]


def test_a_table_that_was_made_by_a_mapping_fits_it(tmp_path: Path, database_url: str) -> None:
    rows = [{"day": "2024-01-01", "count": "1", "share": "0.125", "open": "yes"}]
    mapping = TableMapping.parse(WANTED)
    load(write(tmp_path / "a.csv", rows, tuple(mapping.columns)), database_url, mapping=mapping)
    rows[0]["count"] = "2"
    again = load(write(tmp_path / "b.csv", rows, tuple(mapping.columns)), database_url, mapping=mapping)
    assert counts(again) == {"read": 1, "updated": 1}
