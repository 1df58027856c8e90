"""Pages by key, on a real database of each kind."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import stamina.instrumentation
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import DeclarativeBase

from muniment import read
from muniment.databases import Database
from muniment.databases.types import Id, Key, Text
from muniment.errors import DatabaseUnavailable, MunimentError, UsageError
from muniment.read.keys import token_of, values_of
from muniment.read.sources import connected
from tests.read.conftest import fill, works

metadata = sa.MetaData()
parts = sa.Table(
    "parts",
    metadata,
    sa.Column("work", Id, primary_key=True, autoincrement=False),
    sa.Column("place", Id, primary_key=True, autoincrement=False),
    sa.Column("side", Key, primary_key=True),
    sa.Column("note", Text),
)
odd = sa.Table(
    "odd",
    metadata,
    sa.Column("number", Id, primary_key=True, autoincrement=False),
    sa.Column("maybe", Id, unique=True),
    sa.Column("plain", Id, nullable=False),
    sa.Column("part", Id, nullable=False),
    sa.Column("ratio", sa.Double().with_variant(sa.REAL(), "sqlite"), nullable=False, unique=True),
)


def fill_parts(database: Database) -> list[tuple[Any, ...]]:
    """Rows that share the beginnings of their keys."""
    rows = [(w, p, side, f"{w}{p}") for w in range(4) for p in range(3) for side in ("back", "front")]
    with database.schema_lock() as transaction:
        metadata.create_all(transaction.connection)
    with database.transaction() as transaction:
        transaction.insert(parts, parts.c.keys(), rows[::-1])
    return rows


class Base(DeclarativeBase):
    pass


class Work(Base):
    __table__ = works


def rows_of(found: Any) -> list[Any]:
    return [row for page in found for row in page.rows]


@pytest.mark.parametrize("page_rows", [1, 7, 50, 100])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_give_every_row_once_in_the_order_of_the_key(
    database: Database, page_rows: int, descending: bool
) -> None:
    rows = fill(database, 50)
    found = list(read.pages(database, works, "id", page_rows=page_rows, descending=descending))
    assert rows_of(found) == (rows[::-1] if descending else rows)
    assert [page.more for page in found] == [True] * (len(found) - 1) + [False]
    assert all(len(page.rows) == page_rows for page in found[:-1])


@pytest.mark.parametrize("page_rows", [1, 4, 5, 24])
@pytest.mark.parametrize("descending", [False, True])
def test_a_key_of_several_columns_keeps_their_order(
    database: Database, page_rows: int, descending: bool
) -> None:
    rows = fill_parts(database)
    key = ["work", "place", "side"]
    found = read.pages(database, parts, key, page_rows=page_rows, descending=descending)
    assert rows_of(found) == (rows[::-1] if descending else rows)


def test_text_is_a_key_too_and_need_not_be_selected(database: Database) -> None:
    rows = fill(database, 30)
    found = read.pages(database, sa.select(works.c.id), works.c.accession, page_rows=7)
    assert rows_of(found) == [(row[0],) for row in sorted(rows, key=lambda row: str(row[1]))]


def test_a_mapped_class_is_paged_by_its_attribute(database: Database) -> None:
    rows = fill(database, 10)
    mapped: Any = Work
    assert rows_of(read.pages(database, sa.select(Work), mapped.id, page_rows=3)) == rows


def test_reading_goes_on_behind_a_token_and_back_before_it(database: Database) -> None:
    rows = fill(database, 20)
    first, second, *_ = read.pages(database, works, "id", page_rows=6)
    assert rows_of(read.pages(database, works, "id", after=first.last)) == rows[6:]
    back = next(read.pages(database, works, "id", after=second.first, descending=True, page_rows=6))
    assert back.rows == rows[5::-1]
    assert not back.more


def test_nothing_behind_the_last_row_is_no_page(database: Database) -> None:
    fill(database, 5)
    (page,) = read.pages(database, works, "id", page_rows=5)
    assert list(read.pages(database, works, "id", after=page.last)) == []


def test_an_empty_table_has_no_page(database: Database) -> None:
    fill(database, 0)
    assert list(read.pages(database, works, "id")) == []


def test_conditions_joins_and_row_factories_are_respected(database: Database) -> None:
    rows = fill(database, 12)
    fill_parts(database)
    query = sa.select(works.c.id, parts.c.note).join(parts, parts.c.work == works.c.id)
    query = query.where(parts.c.side == "back", parts.c.place == 2)
    found = read.pages(database, query, works.c.id, page_rows=2, rows=read.mappings)
    assert rows_of(found) == [{"id": row[0], "note": f"{row[0]}2"} for row in rows[:3]]


def test_between_pages_no_connection_is_held_and_a_lost_one_does_not_matter(database: Database) -> None:
    rows = fill(database, 20)
    found = read.pages(database, works, "id", page_rows=8)
    pages = [next(found)]
    pool: Any = database.engine.pool
    assert pool.checkedout() == 0
    ending = {
        "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "mysql": "SELECT CONCAT('KILL ', id) FROM information_schema.processlist"
        " WHERE db = DATABASE() AND id <> CONNECTION_ID()",
    }.get(database.engine.dialect.name)
    if ending:
        other = sa.create_engine(database.engine.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with other.connect() as connection:
            told = connection.exec_driver_sql(ending).scalars().all()
            assert told
            for kill in told if database.engine.dialect.name == "mysql" else ():
                connection.exec_driver_sql(kill)
    pages += found
    assert rows_of(pages) == rows


def test_rows_written_behind_the_last_key_are_seen_and_none_comes_twice(database: Database) -> None:
    fill(database, 10)
    found = read.pages(database, sa.select(works.c.id), "id", page_rows=4)
    seen = rows_of([next(found)])
    with database.engine.begin() as connection:
        connection.execute(works.delete().where(works.c.id.in_([2, 6])))
        connection.execute(works.insert(), [{"id": -1, "accession": "a"}, {"id": 99, "accession": "b"}])
    seen += rows_of(found)
    assert [row[0] for row in seen] == [1, 2, 3, 4, 5, 7, 8, 9, 10, 99]


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("plain", "plain do not identify a row of odd"),
        (["plain", "part"], "do not identify"),
        ("maybe", "maybe of odd may be NULL"),
        ("ratio", "ratio holds floating numbers"),
        ("nothing", "does not select nothing"),
        ([], "at least one column"),
    ],
)
def test_a_key_that_does_not_identify_rows_is_refused(database: Database, key: Any, told: str) -> None:
    fill_parts(database)
    with pytest.raises(UsageError, match=told):
        list(read.pages(database, odd, key))


def test_what_python_believes_of_a_table_does_not_count(database: Database) -> None:
    fill_parts(database)
    believed = sa.Table("odd", sa.MetaData(), sa.Column("plain", Id, primary_key=True))
    with pytest.raises(UsageError, match="plain do not identify"):
        list(read.pages(database, believed, "plain"))
    missing = sa.Table("missing", sa.MetaData(), sa.Column("id", Id, primary_key=True))
    with pytest.raises(UsageError, match="there is no table missing"):
        list(read.pages(database, missing, "id"))


def test_a_unique_index_will_do_but_not_one_of_some_rows_only(database: Database) -> None:
    fill_parts(database)
    with database.engine.begin() as connection:
        connection.execute(odd.insert(), [{"number": n, "plain": n, "part": n, "ratio": n} for n in (1, 2)])
        connection.exec_driver_sql("CREATE UNIQUE INDEX whole ON odd (plain)")
    assert rows_of(read.pages(database, sa.select(odd.c.plain), "plain")) == [(1,), (2,)]
    if database.engine.dialect.name != "mysql":  # which has none
        with database.engine.begin() as connection:
            connection.exec_driver_sql("CREATE UNIQUE INDEX partly ON odd (part) WHERE part > 5")
        with pytest.raises(UsageError, match="part do not identify"):
            list(read.pages(database, odd, "part"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_primary_keys_that_sqlite_lets_be_null_are_refused(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE loose (code TEXT PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO loose VALUES (NULL), (NULL), ('a')")
        connection.exec_driver_sql("CREATE TABLE numbered (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO numbered VALUES (1), (2)")
    loose = sa.Table("loose", sa.MetaData(), autoload_with=database.engine)
    numbered = sa.Table("numbered", sa.MetaData(), autoload_with=database.engine)
    with pytest.raises(UsageError, match="code of loose may be NULL"):
        list(read.pages(database, loose, "code"))
    assert rows_of(read.pages(database, numbered, "id")) == [(1,), (2,)]


@pytest.mark.parametrize("page_rows", [1, 2, 3, 10])
def test_a_join_that_multiplies_rows_is_noticed_wherever_pages_end(
    database: Database, page_rows: int
) -> None:
    fill(database, 5)
    fill_parts(database)
    query = sa.select(works.c.id).join(parts, parts.c.work == works.c.id)
    with pytest.raises(UsageError, match="a join multiplies them"):
        list(read.pages(database, query, works.c.id, page_rows=page_rows))


SELECTED = sa.select(works.c.id)


@pytest.mark.parametrize(
    "what",
    [
        SELECTED.limit(5),
        SELECTED.offset(5),
        SELECTED.order_by(works.c.title),
        SELECTED.group_by(works.c.id),
        SELECTED.distinct(),
        SELECTED.outerjoin(parts, parts.c.work == works.c.id),
        sa.union_all(SELECTED, SELECTED),
        sa.text("SELECT id FROM works"),
    ],
)
def test_a_statement_of_which_pages_cannot_be_told_is_refused(what: Any) -> None:
    with pytest.raises(UsageError, match="pages"):
        read.pages("sqlite://", what, works.c.id)


def test_a_key_of_two_tables_or_of_an_expression_is_refused(database: Database) -> None:
    fill(database, 1)
    fill_parts(database)
    query = sa.select(works, parts).join(parts, parts.c.work == works.c.id)
    with pytest.raises(UsageError, match="columns of one table"):
        list(read.pages(database, query, [works.c.id, parts.c.place]))
    with pytest.raises(UsageError, match="is no column of a table"):
        read.pages(database, sa.select((works.c.id + 1).label("next")), "next")


def test_a_connection_is_refused_because_it_is_a_transaction(database: Database) -> None:
    with database.engine.connect() as connection, pytest.raises(UsageError, match="hold no transaction"):
        read.pages(connection, works, "id")  # type: ignore[call-overload]  # what is tested


def test_pages_of_no_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="0 rows make no page"):
        read.pages("sqlite://", works, "id", page_rows=0)


# --- tokens -------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.integers(),
    st.text(),
    st.booleans(),
    st.binary(),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, UTC])),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.uuids(),
)


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_a_token_gives_back_the_values_it_was_made_of(values: list[Any]) -> None:
    names = [f"column_{number}" for number in range(len(values))]
    token = token_of(names, values)
    read_back = values_of(token, names)
    assert read_back == values
    assert [type(value) for value in read_back] == [type(value) for value in values]
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@given(st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_any_other_text_is_refused_as_no_token(text: str) -> None:
    with pytest.raises(UsageError, match="token"):
        values_of(text, ["id"])


@pytest.mark.parametrize(
    "written",
    [
        [["id"], [{"decimal": "x"}]],
        [["id"], [{"file": "/etc/passwd"}]],
        [["id"], [{"date": "2020-01-01", "uuid": "x"}]],
        [["id"], [None]],
        [["id"], [[1]]],
        [["id"], []],
        [["other"], [1]],
        [["id", "other"], [1, 2]],
        {"id": 1},
    ],
)
def test_a_token_that_was_made_up_is_refused(written: Any) -> None:
    token = base64.urlsafe_b64encode(json.dumps(written).encode()).decode()
    with pytest.raises(UsageError, match="token"):
        values_of(token, ["id"])


def test_a_token_may_be_longer_than_any_key_only_in_vain() -> None:
    with pytest.raises(UsageError, match="token"):
        values_of("A" * 1_000_000, ["id"])


def test_every_kind_of_key_has_a_token() -> None:
    values = [1, "a", b"b", date(2024, 1, 2), datetime(2024, 1, 2, tzinfo=UTC), Decimal("1.50"), UUID(int=5)]
    names = [str(number) for number in range(len(values))]
    assert values_of(token_of(names, values), names) == values
    with pytest.raises(UsageError, match="values of the type float"):
        token_of(["a"], [1.5])


def test_a_forged_token_reaches_the_database_as_a_value_only(database: Database) -> None:
    rows = fill(database, 3)
    token = token_of(["accession"], ["' OR 1=1; DROP TABLE works; --"])
    try:
        found = rows_of(read.pages(database, works, "accession", after=token))
        assert found == rows
    except MunimentError:
        pytest.fail("a text is a text")
    assert len(list(read.stream(database, works))) == 3


@pytest.fixture
def retries() -> Iterator[list[stamina.instrumentation.RetryDetails]]:
    """What stamina tells of what is tried again."""
    told: list[stamina.instrumentation.RetryDetails] = []
    before = stamina.instrumentation.get_on_retry_hooks()

    def tell(details: stamina.instrumentation.RetryDetails) -> None:
        told.append(details)

    stamina.instrumentation.set_on_retry_hooks((tell,))
    yield told
    stamina.instrumentation.set_on_retry_hooks(before)


def test_no_key_of_a_row_is_logged_where_a_page_is_asked_for_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, retries: list[stamina.instrumentation.RetryDetails]
) -> None:
    rows = fill(database, 4)
    found = read.pages(database, works, "id", page_rows=2)
    pages = [next(found)]
    failed = [DatabaseUnavailable("the server restarts")]

    def restarting(engine: sa.Engine) -> Any:
        if failed:
            raise failed.pop()
        return connected(engine)

    monkeypatch.setattr("muniment.read.paging.connected", restarting)
    pages += found
    assert [row for page in pages for row in page.rows] == rows
    assert [(retry.args, retry.kwargs) for retry in retries] == [((), {})]
