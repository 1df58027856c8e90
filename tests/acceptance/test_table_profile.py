"""The `table` profile: any Pydantic model into one table, on every database alike."""

from __future__ import annotations

import enum
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    field_validator,
)

import muniment
from muniment import Format, PrimaryKey, RejectBudget, Settings
from muniment.errors import HeaderError, UsageError
from muniment.ledger import change_table
from tests.acceptance.loading import Rejections, counts, execute, load, opened, quarantined, query, write

ANY = Settings(max_rejects=RejectBudget(percent=100))


class Condition(enum.Enum):
    GOOD = "good"
    POOR = "poor"


class Grade(enum.IntEnum):
    FIRST = 1
    SECOND = 2


class Part(BaseModel):
    name: str
    weight: float | None = None


class Loan(BaseModel):
    """Loans to other museums.

    A second paragraph, which is no comment.
    """

    number: Annotated[str, PrimaryKey(), Field(description="the loan's number")]
    title: str
    borrower: str | None = None
    objects: int = 1
    value: Decimal | None = None
    weight: Annotated[float, Field(ge=0)] | None = None
    insured: bool = False
    begins: date | None = None
    packed_at: datetime | None = None
    opens: time | None = None
    condition: Condition = Condition.GOOD
    grade: Grade | None = None
    kind: Literal["loan", "gift"] = "loan"
    keepers: list[str] = []
    parts: list[Part] = []
    sizes: dict[str, int] | None = None


ROWS: list[dict[str, Any]] = [
    {
        "number": "L1",
        "title": "Vase",
        "objects": "3",
        "value": "1250.50",
        "weight": "1.5e2",
        "insured": "yes",
    },
    {"number": "L2", "title": " spaces ", "begins": "1999-12-31", "packed_at": "1999-12-31T10:00:00+02:00"},
    {"number": "l2", "title": "漢字 😀\nsecond line", "opens": "09:30", "condition": "poor", "grade": "2"},
    {"number": "L2 ", "title": "x", "kind": "gift", "keepers": '["Anna", "Zoë"]', "sizes": '{"h": 3}'},
    {"number": "L5", "title": "y", "parts": '[{"name": "lid", "weight": 2}]', "value": "-0.00"},
]

LOANS = tuple(Loan.model_fields)

EXPECTED: dict[str, dict[str, Any]] = {
    "L1": {"objects": 3, "value": "1250.5", "weight": 150.0, "insured": True},
    "L2": {"title": " spaces ", "begins": "1999-12-31", "packed_at": "1999-12-31T10:00:00+02:00"},
    "l2": {"title": "漢字 😀\nsecond line", "opens": "09:30:00", "condition": "poor", "grade": 2},
    "L2 ": {"kind": "gift", "keepers": ["Anna", "Zoë"], "sizes": {"h": 3}},
    "L5": {"parts": [{"name": "lid", "weight": 2.0}], "value": "0"},
}

DEFAULTS: dict[str, Any] = {
    "borrower": None,
    "objects": 1,
    "value": None,
    "weight": None,
    "insured": False,
    "begins": None,
    "packed_at": None,
    "opens": None,
    "condition": "good",
    "grade": None,
    "kind": "loan",
    "keepers": [],
    "parts": [],
    "sizes": None,
}


def rows_of(url: str, model: type[BaseModel], table: str) -> list[dict[str, Any]]:
    """The rows of a table as plain data, in the order of the first column."""
    names = list(model.model_fields)
    with opened(url) as database, database.engine.connect() as connection:
        columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in names]
        found = connection.execute(sa.select(*columns).select_from(sa.table(table)).order_by(columns[0]))
        return [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in found]


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f").rstrip("0").rstrip(".") if value else "0"
    return value.isoformat() if isinstance(value, date) else value


def test_values_of_every_type_come_back_the_same_on_every_database(tmp_path: Path, database_url: str) -> None:
    run = load(write(tmp_path / "a.csv", ROWS, LOANS), database_url, model=Loan)
    assert counts(run) == {"read": 5, "inserted": 5}
    titles = {row["number"]: row["title"] for row in ROWS}
    for row in rows_of(database_url, Loan, "loan"):
        for name in ("keepers", "parts", "sizes"):
            row[name] = json.loads(row[name]) if row[name] else row[name]
        row["insured"] = bool(row["insured"])
        number = row.pop("number")
        assert row == DEFAULTS | {"title": titles[number]} | EXPECTED[number], number
    again = load(tmp_path / "a.csv", database_url, model=Loan, again=True)
    assert counts(again) == {"read": 5, "unchanged": 5}
    with opened(database_url) as database:
        if database.engine.dialect.name != "sqlite":
            inspector = sa.inspect(database.engine)
            assert inspector.get_table_comment("loan") == {"text": "Loans to other museums."}
            assert inspector.get_columns("loan")[0]["comment"] == "the loan's number"


def test_rows_are_inserted_updated_or_found_unchanged_by_their_key(tmp_path: Path, database_url: str) -> None:
    first = [{"number": f"L{n}", "title": f"Vase {n}", "value": "2.50"} for n in range(1, 8)]
    first += [{"number": "L2", "title": "in the same chunk"}, {"number": "L1", "title": "in another chunk"}]
    seen = Rejections()
    old = write(tmp_path / "old.csv", first, LOANS)
    run = load(old, database_url, model=Loan, settings=Settings(chunk_rows=8, **budget()), observer=seen)
    assert counts(run) == {"read": 9, "inserted": 7, "quarantined": 2}
    assert [(rejected.record, rejected.key) for rejected in seen] == [(8, "L2"), (9, "L1")]
    assert "the key L2 stands already on line 3" in seen[0].problems[0].message
    newer = [
        {"number": "L1", "title": "Vase 1", "value": "2.5"},
        {"number": "L2", "title": "Renamed", "value": "2.5"},
        {"number": "L9", "title": "New"},
        {"number": "L9", "title": "New, and twice"},
        {"number": "L2", "title": "Renamed, and twice"},
        {"number": "L1", "title": "Unchanged, and twice"},
    ]
    seen.clear()
    new = write(tmp_path / "new.csv", newer, LOANS)
    run = load(new, database_url, model=Loan, settings=Settings(chunk_rows=4, **budget()), observer=seen)
    assert counts(run) == {"read": 6, "inserted": 1, "updated": 1, "unchanged": 1, "quarantined": 3}
    assert [rejected.record for rejected in seen] == [4, 5, 6]
    for rejected, line in zip(seen, (4, 3, 2), strict=True):
        assert f"stands already on line {line}," in rejected.problems[0].message
    assert {*query(database_url, "SELECT run_id FROM row_seen")} == {(2,)}  # what run 1 saw is forgotten
    titles = {row["number"]: row["title"] for row in rows_of(database_url, Loan, "loan")}
    assert titles == {f"L{n}": f"Vase {n}" for n in (1, 3, 4, 5, 6, 7)} | {"L2": "Renamed", "L9": "New"}
    with opened(database_url) as database, database.engine.connect() as connection:
        ((key, before),) = connection.execute(sa.select(change_table.c.record_key, change_table.c.before))
    assert key == "L2"
    assert json.loads(before)["loan"][0]["title"] == "Vase 2"
    # The second L1 and L2 of the first file were mended by nothing: they are still duplicates of it.
    assert {state for (state,) in query(database_url, "SELECT state FROM quarantine WHERE run_id = 2")} == {
        "open"
    }


def budget() -> dict[str, Any]:
    return {"max_rejects": RejectBudget(percent=100)}


class Slot(BaseModel):
    """With a key of several parts, of several types."""

    room: Annotated[str, PrimaryKey()]
    day: Annotated[date, PrimaryKey()]
    place: Annotated[int, PrimaryKey]
    price: Annotated[Decimal, PrimaryKey()]
    guest: str | None


def test_a_key_may_have_several_parts(tmp_path: Path, database_url: str) -> None:
    long = "r" * 250
    rows = [
        {"room": room, "day": f"2020-01-0{day}", "place": f" 0{place}", "price": "1.50", "guest": ""}
        for room in ("a", "A", long)
        for day in (1, 2)
        for place in (1, 2)
    ]
    export = write(tmp_path / "a.csv", rows, tuple(Slot.model_fields))
    assert counts(load(export, database_url, model=Slot, chunk_rows=5)) == {"read": 12, "inserted": 12}
    changed = [
        row | {"price": "1.5", "place": row["place"].strip(), "guest": "Z" if row["room"] == long else ""}
        for row in rows
    ]
    again = write(tmp_path / "b.csv", [*changed, changed[0], changed[-1]], tuple(Slot.model_fields))
    run = load(again, database_url, model=Slot, settings=Settings(chunk_rows=7, **budget()))
    assert counts(run) == {"read": 14, "updated": 4, "unchanged": 8, "quarantined": 2}
    bad = [rows[0] | {"guest": "x", "price": "much"}, rows[-1] | {"price": "1.50", "guest": "Z"}]
    load(write(tmp_path / "c.csv", bad, tuple(Slot.model_fields)), database_url, model=Slot, settings=ANY)
    keys = query(database_url, "SELECT record_key, state FROM quarantine ORDER BY quarantine_id")
    assert keys[2] == (None, "open")  # a part of the key cannot be read
    assert keys[1][1] == "closed"  # the long key, shortened the same way, was found again


class Plain(BaseModel):
    name: str
    count: int | None = None


def test_a_model_without_a_key_only_appends(tmp_path: Path, database_url: str) -> None:
    columns = ("name", "count")
    export = write(tmp_path / "a.csv", [{"name": "a", "count": "1"}] * 3, columns)
    assert counts(load(export, database_url, model=Plain)) == {"read": 3, "inserted": 3}
    assert load(export, database_url, model=Plain).status == "already loaded"
    with pytest.raises(UsageError, match=r"no key .*twice"):
        load(export, database_url, model=Plain, again=True)
    more = write(tmp_path / "b.csv", [{"name": "a", "count": ""}], columns)
    assert counts(load(more, database_url, model=Plain)) == {"read": 1, "inserted": 1}
    assert rows_of(database_url, Plain, "plain") == [{"name": "a", "count": 1}] * 3 + [
        {"name": "a", "count": None}
    ]
    with pytest.raises(UsageError, match="--full"):
        load(more, database_url, model=Plain, full=True)


def test_a_run_that_breaks_off_goes_on_and_remembers_what_is_its_own(
    tmp_path: Path, database_url: str
) -> None:
    rows = [{"number": f"L{n}", "title": "x"} for n in range(1, 31)]
    rows += [{"number": "L3", "title": "again"}, {"number": "L25", "title": "again"}]

    def die(event: object) -> None:
        if getattr(event, "start_record", 0) == 11:
            raise ConnectionResetError

    export = write(tmp_path / "a.csv", rows, LOANS)
    chunks = Settings(chunk_rows=10, **budget())
    with pytest.raises(ConnectionResetError):
        load(export, database_url, model=Loan, settings=chunks, observer=die)
    # Meanwhile somebody loads another file with rows that this one has as well.
    others = write(tmp_path / "b.csv", [{"number": f"L{n}", "title": "by b"} for n in (2, 28)], LOANS)
    assert counts(load(others, database_url, model=Loan)) == {"read": 2, "inserted": 1, "updated": 1}
    run = load(export, database_url, model=Loan, settings=chunks)
    assert counts(run) == {"read": 32, "inserted": 29, "updated": 1, "quarantined": 2}
    titles = {row["number"]: row["title"] for row in rows_of(database_url, Loan, "loan")}
    assert titles == {f"L{n}": "x" for n in range(1, 31)} | {"L2": "by b"}


LOADER = """
import sys, muniment
from muniment import Settings
from tests.acceptance.test_table_profile import Loan
print(muniment.load(sys.argv[1], model=Loan, to=sys.argv[2], settings=Settings(chunk_rows=20)).status)
"""


def test_two_loaders_may_fill_one_table_at_once(tmp_path: Path, database_url: str) -> None:
    root = Path(__file__).parent.parent.parent
    exports = [
        write(tmp_path / f"{name}.csv", [{"number": f"L{n}", "title": name} for n in order], LOANS)
        for name, order in (("a", range(200)), ("b", range(299, 99, -1)))
    ]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", LOADER, str(export), database_url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": f"{root}:{root / 'src'}"},
        )
        for export in exports
    ]
    told = [process.communicate(timeout=120) for process in started]
    assert [out.strip() for out, _ in told] == ["done", "done"], told
    ((inserted, updated, bad),) = query(
        database_url, "SELECT sum(inserted), sum(updated), sum(quarantined) FROM chunk_result"
    )
    assert (inserted, updated, bad) == (300, 100, 0)
    rows = rows_of(database_url, Loan, "loan")
    assert [row["number"] for row in rows] == sorted(f"L{n}" for n in range(300))


def test_rows_bear_their_lineage_where_that_is_wanted(tmp_path: Path, database_url: str) -> None:
    rows = [{"number": f"L{n}", "title": f"two\nlines {n}"} for n in range(1, 5)]
    old = write(tmp_path / "a.csv", rows, LOANS)
    load(old, database_url, model=Loan, row_lineage=True, table="lent", chunk_rows=3)
    lineage = "SELECT number, source_run, source_record, source_line FROM lent ORDER BY number"
    assert query(database_url, lineage) == [(f"L{n}", 1, n, 2 * n) for n in range(1, 5)]
    newer = [rows[3], rows[1] | {"title": "new"}, rows[3]]
    seen = Rejections()
    run = load(
        write(tmp_path / "b.csv", newer, LOANS),
        database_url,
        model=Loan,
        row_lineage=True,
        table="lent",
        settings=ANY,
        observer=seen,
    )
    assert counts(run) == {"read": 3, "updated": 1, "unchanged": 1, "quarantined": 1}
    assert query(database_url, lineage) == [
        ("L1", 1, 1, 2),
        ("L2", 2, 2, 4),
        ("L3", 1, 3, 6),
        ("L4", 1, 4, 8),
    ]
    first = write(tmp_path / "c.csv", [*rows, rows[0]], LOANS)
    load(
        first,
        database_url,
        model=Loan,
        row_lineage=True,
        table="others",
        observer=seen,
        settings=Settings(chunk_rows=2, **budget()),
    )
    assert "on line 2," in seen[-1].problems[0].message  # found by its lineage


class Number(BaseModel):
    whole: int | None = None
    real: float | None = None
    exact: Decimal | None = None


ODD = {
    "whole": ("1_000", "1 000", "1.5", "0x10", "９", "9" * 30, str(2**63), "1e3", "nan", "∞", "--1", "one"),
    "real": ("1_0.0", "nan", "NaN", "inf", "-inf", "+Infinity", "1e400", "1,5", "0x1p3", "٣", "one"),
    "exact": (
        "1_0",
        "nan",
        "sNaN",
        "Infinity",
        "9" * 36,
        "1e36",
        "1e99999999",
        "0." + "1" * 31,
        "1e-99",
        "x",
    ),
}

EVEN = {
    "whole": ("0", " 12 ", "-5", "+7", "0012", str(2**63 - 1)),
    "real": ("0", "-1.5", ".5", "1e3", "1E-3", "12345678901234567890"),
    "exact": ("0", "-1.50", "1e3", "9" * 35, "0." + "1" * 30, "100"),
}


def test_odd_numbers_are_rejected_in_words_and_others_are_not(tmp_path: Path, database_url: str) -> None:
    good = [{name: text} for name, texts in EVEN.items() for text in texts]
    bad = [{name: text} for name, texts in ODD.items() for text in texts]
    export = write(tmp_path / "a.csv", [*good, *bad], ("whole", "real", "exact"))
    run = load(export, database_url, model=Number, settings=ANY)
    assert {number: found[0]["value"][:3] for number, found in quarantined(database_url).items()} == {
        number: next(iter(row.values()))[:3] for number, row in enumerate(bad, len(good) + 1)
    }
    assert counts(run) == {"read": len(good) + len(bad), "inserted": len(good), "quarantined": len(bad)}
    for problems in quarantined(database_url).values():
        assert problems[0]["code"] == "number"
        assert problems[0]["message"].startswith(("whole ", "real ", "exact "))


class Odd(BaseModel):
    """Everything that a model may have."""

    model_config = ConfigDict(str_strip_whitespace=True)

    named: str = Field(alias="Called in the export")
    either: int | None = Field(default=None, validation_alias=AliasChoices("first name of it", "second"))
    upper: Annotated[str, AfterValidator(str.upper)]
    halved: Annotated[int, BeforeValidator(lambda cell: int(cell) // 2)]
    blob: bytes = b""
    tags: set[str] = set()
    raw: Json[list[int]] | None = None
    union: int | str = 0
    needed: int | None

    @field_validator("upper")
    @classmethod
    def _no_forgeries(cls, value: str) -> str:
        if value.startswith("FORGED"):
            raise ValueError("forgeries are not lent")
        if value.startswith("BROKEN"):
            raise KeyError(value)
        return value


def test_aliases_validators_and_defaults_do_what_they_do_in_the_model(
    tmp_path: Path, database_url: str
) -> None:
    columns = (
        "upper",
        "Called in the export",
        "second",
        "halved",
        "tags",
        "blob",
        "raw",
        "union",
        "needed",
        "else",
    )
    good = {
        "upper": " abc ",
        "Called in the export": "x",
        "second": "4",
        "halved": "9",
        "needed": "",
        "tags": '["b", "a", "b"]',
        "blob": "é",
        "raw": "[1, 2]",
        "union": "x7",
    }
    rows = [
        good,
        good | {"upper": "forged"},
        good | {"upper": "broken"},
        good | {"halved": "x"},
        good | {"Called in the export": " "},
        good | {"tags": "a"},
        good | {"union": "7", "needed": "3"},
    ]
    export = write(tmp_path / "a.csv", rows, columns)
    run = load(export, database_url, model=Odd, settings=ANY)
    assert counts(run) == {"read": 7, "inserted": 2, "quarantined": 5}
    (first, second) = rows_of(database_url, Odd, "odd")
    expected = {
        "named": "x",
        "either": 4,
        "upper": "ABC",
        "halved": 4,
        "blob": "é".encode(),
        "needed": None,
        "tags": '["a", "b"]',
        "raw": "[1, 2]",
        "union": "x7",
    }
    assert first == expected
    assert second == expected | {"union": "7", "needed": 3}
    problems = quarantined(database_url)
    assert problems[2][0]["message"] == "upper: forgeries are not lent"
    assert "KeyError" in problems[3][0]["message"]
    assert problems[4][0]["field"] == "halved"
    assert problems[5][0]["message"] == "Called in the export is missing"
    assert problems[5][0]["field"] == "named"
    assert problems[6][0]["message"] == "tags is not a list"


def test_what_the_source_or_the_table_lacks_is_told_before_the_first_row(
    tmp_path: Path, database_url: str
) -> None:
    export = write(tmp_path / "a.csv", [], ("nmae", "count"))
    with pytest.raises(HeaderError, match=r"Plain needs .*'name' \(the nearest: nmae"):
        load(export, database_url, model=Plain)
    execute(
        database_url,
        "CREATE TABLE plain (name VARCHAR(20))",
        "CREATE TABLE loan (number VARCHAR(20), title VARCHAR(20))",
    )
    good = write(tmp_path / "b.csv", [{"name": "a", "count": "1"}], ("name", "count"))
    with pytest.raises(UsageError, match=r"the table plain does not fit .*: it has no columns count"):
        load(good, database_url, model=Plain)

    class Lent(BaseModel):
        number: Annotated[str, PrimaryKey()]
        title: str

    rows = write(tmp_path / "c.csv", [{"number": "1", "title": "a"}] * 2, ("number", "title"))
    with pytest.raises(UsageError, match=r"the table loan does not fit .*: it has no unique key number"):
        load(rows, database_url, model=Lent, table="loan")
    execute(database_url, "CREATE UNIQUE INDEX loan_number ON loan (number)")
    assert counts(load(rows, database_url, model=Lent, table="loan", settings=ANY)) == {
        "read": 2,
        "inserted": 1,
        "quarantined": 1,
    }
    for name in ("run", "object", "row_seen"):
        with pytest.raises(UsageError, match=f"{name} is a table of Muniment's own"):
            load(good, database_url, model=Plain, table=name)


def test_a_table_with_constraints_of_its_own_refuses_rows_and_takes_their_neighbours(
    tmp_path: Path, database_url: str
) -> None:
    execute(
        database_url,
        "CREATE TABLE plain (name VARCHAR(20) NOT NULL UNIQUE, count INTEGER CHECK (count < 100),"
        " note VARCHAR(9) DEFAULT 'none')",
    )
    rows = [{"name": f"n{n}", "count": str(n * 10)} for n in range(1, 15)]
    rows += [{"name": "n3", "count": "1"}, {"name": "last", "count": "1"}]
    run = load(write(tmp_path / "a.csv", rows, ("name", "count")), database_url, model=Plain, settings=ANY)
    assert counts(run) == {"read": 16, "inserted": 10, "quarantined": 6}
    assert sorted(quarantined(database_url)) == [10, 11, 12, 13, 14, 15]


def dicts() -> Iterator[dict[str, Any]]:
    for n in range(250):
        yield {
            "number": f"L{n}",
            "title": None if n == 7 else f"T{n}",
            "begins": date(2000, 1, 1),
            "insured": n % 2 == 0,
            "value": Decimal("1.10"),
            "weight": n / 3,
            "keepers": ["a", "b"],
            "condition": Condition.POOR,
            "parts": [{"name": "lid"}],
        }


def batches() -> Iterator[pa.RecordBatch]:
    rows = [row | {"condition": "poor"} for row in dicts()]
    for start in range(0, 250, 100):
        yield pa.RecordBatch.from_pylist(rows[start : start + 100])


@pytest.mark.parametrize("given_as", ["dicts", "batches", "table"])
def test_records_from_python_are_a_source_like_any_other(tmp_path: Path, given_as: str) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    source: Any = dicts() if given_as == "dicts" else batches()
    if given_as == "table":
        source = pa.Table.from_batches(source)
    run = load(source, url, model=Loan, chunk_rows=100)
    assert counts(run) == {"read": 250, "inserted": 249, "quarantined": 1}
    assert quarantined(url)[8][0]["message"] == "title is missing"
    found = rows_of(url, Loan, "loan")
    assert len(found) == 249
    expected = DEFAULTS | {
        "number": "L1",
        "title": "T1",
        "begins": "2000-01-01",
        "insured": 0,
        "value": "1.1",
        "weight": 1 / 3,
        "condition": "poor",
    }
    told = {row["number"]: row for row in found}["L1"]
    assert json.loads(told.pop("keepers")) == ["a", "b"]
    assert json.loads(told.pop("parts")) == [{"name": "lid", "weight": None}]
    assert told == {name: value for name, value in expected.items() if name not in ("keepers", "parts")} | {
        "sizes": None
    }


def test_null_strings_and_conditions_work_for_models_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    rows = [{"name": "a", "count": " n/a "}, {"name": "b", "count": "2"}, {"name": "n/a", "count": "3"}]
    export = write(tmp_path / "a.csv", rows, ("name", "count"))
    form = Format(null=("n/a",))
    run = load(export, url, model=Plain, source_format=form, only=["count=1..2", "name=b"])
    assert counts(run) == {"read": 3, "inserted": 1, "skipped": 2}
    run = load(export, url, model=Plain, source_format=form, table="other", settings=ANY)
    assert counts(run) == {"read": 3, "inserted": 2, "quarantined": 1}
    assert rows_of(url, Plain, "other") == [{"name": "a", "count": None}, {"name": "b", "count": 2}]


class Cell(BaseModel):
    number: Annotated[int, PrimaryKey()]
    text: str | None = None
    real: float | None = None
    exact: Decimal | None = None
    flag: bool | None = None


CELLS = st.fixed_dictionaries(
    {
        "number": st.integers(-(2**63) + 1, 2**63 - 1),
        "text": st.none()
        | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
        "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "exact": st.none()
        | st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**20), max_value=10**20),
        "flag": st.none() | st.booleans(),
    }
)


@given(rows=st.lists(CELLS, min_size=1, max_size=12, unique_by=lambda row: row["number"]))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_are_found_unchanged_by_the_next_load(
    database_url: str, rows: list[dict[str, Any]]
) -> None:
    rows = [row | {"text": row["text"] if (row["text"] or "").strip() else None} for row in rows]
    first = muniment.load(rows, model=Cell, to=database_url, again=True)
    assert first.account.quarantined == 0
    once_more = muniment.load(rows[::-1], model=Cell, to=database_url, again=True)
    assert once_more.account.unchanged == len(rows)
    found = {row["number"]: row for row in rows_of(database_url, Cell, "cell")}
    for row in rows:
        assert found[row["number"]]["text"] == row["text"]
        assert found[row["number"]]["real"] == row["real"]


def test_another_encoding_is_another_run(tmp_path: Path) -> None:
    export, url = tmp_path / "plain.csv", f"sqlite:///{tmp_path / 'test.db'}"
    export.write_bytes("name,count\nCaf\u00e9,1\n".encode("cp1252"))
    wrong = muniment.load(export, model=Plain, to=url, source_format=muniment.Format(encoding="mac_roman"))
    right = muniment.load(export, model=Plain, to=url, source_format=muniment.Format(encoding="cp1252"))
    assert (wrong.status, right.status) == ("done", "done")
    assert wrong.run != right.run


def test_a_format_beside_a_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a mapping says itself"):
        muniment.load(tmp_path / "a.csv", mapping=tmp_path / "m.toml", source_format=muniment.Format())
