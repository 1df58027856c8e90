"""Arrow record batches, on a real database of each kind."""

from __future__ import annotations

import importlib
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from muniment import read
from muniment.databases import Database
from muniment.errors import DatabaseError, DatabaseUnavailable, SourceError, UsageError
from muniment.read import adbc
from tests.read.conftest import fill, works
from tests.read.test_streams import checked_out, cut, only_on_servers

IN_ORDER = sa.select(works).order_by(works.c.id)

FIELDS: list[tuple[str, pa.DataType]] = [
    ("id", pa.int64()),
    ("accession", pa.string()),
    ("title", pa.string()),
    ("height", pa.float64()),
    ("on_view", pa.bool_()),
    ("seen", pa.timestamp("us", "UTC")),
    ("data", pa.binary()),
]
SCHEMA = pa.schema(FIELDS)

only_on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture(params=["as it is installed", "without ADBC"])
def arrow_way(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without ADBC":
        monkeypatch.setattr(adbc, "driver", lambda: None)


def rows_of(batches: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


@pytest.mark.usefixtures("arrow_way")
@pytest.mark.parametrize("batch_rows", [1, 30, 100, 1_000])
def test_record_batches_hold_every_row_as_it_was_stored(database: Database, batch_rows: int) -> None:
    rows = fill(database, 100)
    found = list(read.batches(database, IN_ORDER, rows=read.arrow(), batch_rows=batch_rows))
    assert rows_of(found) == rows
    assert {batch.schema for batch in found} == {SCHEMA}
    assert all(batch.num_rows == batch_rows for batch in found[:-1])
    assert 0 < found[-1].num_rows <= batch_rows
    assert checked_out(database) == 0


@pytest.mark.usefixtures("arrow_way")
def test_the_schema_does_not_depend_on_what_a_batch_holds(database: Database) -> None:
    fill(database, 14)
    empty = IN_ORDER.where(works.c.id.in_([7, 14]))
    found = list(read.batches(database, empty, rows=read.arrow(), batch_rows=1))
    assert [batch.schema for batch in found] == [SCHEMA, SCHEMA]
    assert found[1].column("title").null_count == 1


@pytest.mark.usefixtures("arrow_way")
def test_parameters_with_quotes_backslashes_and_percent_signs_arrive(database: Database) -> None:
    fill(database, 3)
    texts = ["it's", "back\\slash", "100 %", "%(name)s", "colon :name", "\\'; --", "$1", "E'\\n'"]
    with database.engine.begin() as connection:
        for number, text in enumerate(texts, 100):
            connection.execute(works.insert(), {"id": number, "accession": str(number), "title": text})
    for number, text in enumerate(texts, 100):
        query = sa.select(works.c.id).where(works.c.title == text, works.c.accession.in_([str(number), "x"]))
        assert rows_of(read.batches(database, query, rows=read.arrow())) == [(number,)]


@pytest.mark.usefixtures("arrow_way")
def test_a_parameter_that_cannot_be_written_into_sql_is_sent_beside_it(database: Database) -> None:
    rows = fill(database, 3)
    query = sa.select(works.c.id).where(works.c.data == rows[1][6])
    assert rows_of(read.batches(database, query, rows=read.arrow())) == [(2,)]


@only_on_postgresql
@pytest.mark.usefixtures("arrow_way")
def test_each_type_of_postgresql_has_its_arrow_type(database: Database) -> None:
    metadata = sa.MetaData()
    kinds: dict[str, tuple[Any, Any, pa.DataType]] = {
        "small": (sa.SmallInteger(), 5, pa.int64()),
        "double": (sa.Double(), 1.1, pa.float64()),
        "exact": (sa.Numeric(12, 2), Decimal("-1234.50"), pa.decimal128(12, 2)),
        "wide": (sa.Numeric(50, 10), Decimal("1.5000000000"), pa.decimal256(50, 10)),
        "any_digits": (sa.Numeric(), Decimal("12.340"), pa.string()),
        "day": (sa.Date(), date(1850, 2, 3), pa.date32()),
        "hour": (sa.Time(), time(10, 30, 1, 5), pa.time64("us")),
        "local": (sa.DateTime(), datetime(1850, 1, 1, 12), pa.timestamp("us")),  # noqa: DTZ001 - it has no zone
        "moment": (sa.DateTime(timezone=True), datetime(2024, 1, 1, tzinfo=UTC), pa.timestamp("us", "UTC")),
        "identity": (sa.Uuid(), uuid.UUID(int=7), pa.string()),
        "fixed": (sa.CHAR(3), "ab ", pa.string()),
    }
    table = sa.Table("kinds", metadata, *(sa.Column(name, kind) for name, (kind, *_) in kinds.items()))
    with database.engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(table.insert(), {name: value for name, (_, value, _) in kinds.items()})
    (batch,) = read.batches(database, table, rows=read.arrow())
    assert {field.name: field.type for field in batch.schema} == {n: k for n, (_, _, k) in kinds.items()}
    expected = {name: value for name, (_, value, _) in kinds.items()}
    expected |= {"any_digits": "12.340", "identity": str(uuid.UUID(int=7))}
    assert batch.to_pylist() == [expected]


@only_on_postgresql
@pytest.mark.usefixtures("arrow_way")
@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("CAST('00000000-0000-0000-0000-000000000007' AS uuid)", sa.Text(), str(uuid.UUID(int=7))),
        ("CAST('192.0.2.1' AS inet)", sa.Text(), "192.0.2.1"),
        ("CAST('10:00' AS time)", sa.Text(), "10:00:00"),
        ("CAST('10:00+01' AS timetz)", sa.Text(), "10:00:00+01:00"),
        ("CAST('a b' AS tsvector)", sa.Text(), "'a' 'b'"),
        ("CAST('sad' AS mood)", sa.Text(), "sad"),
        ("true", sa.Text(), "True"),
        ("CAST(1.1 AS real)", sa.Float(), 1.1),
        ("CAST(0.0000000001 AS numeric)", sa.Numeric(), "0.0000000001"),
        ("CAST(7 AS numeric(12, 2))", sa.BigInteger(), 7),
    ],
)
def test_a_value_is_the_same_by_either_way_whatever_the_statement_says_of_its_type(
    database: Database, written: str, kind: Any, value: Any
) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    query = sa.select(sa.literal_column(written, kind).label("value"))
    assert rows_of(read.batches(database, query, rows=read.arrow())) == [(value,)]


@only_on_postgresql
@pytest.mark.usefixtures("arrow_way")
def test_a_number_that_its_columns_type_cannot_hold_is_told_by_its_column(database: Database) -> None:
    for written, kind in (("1.5", sa.Integer()), ("12345.678", sa.Numeric(7, 2))):
        query = sa.select(sa.literal_column(f"CAST({written} AS numeric)", kind).label("value"))
        with pytest.raises(SourceError, match="column value is not of the type"):
            next(read.batches(database, query, rows=read.arrow()))


def test_a_sum_is_an_integer_though_databases_call_it_a_decimal_number(database: Database) -> None:
    fill(database, 3)
    query = sa.select(sa.func.sum(works.c.id).label("total"))
    assert rows_of(read.batches(database, query, rows=read.arrow())) == [(6,)]


def test_plain_sql_needs_types_or_a_schema(database: Database) -> None:
    fill(database, 3)
    query = sa.text("SELECT id, title FROM works ORDER BY id")
    with pytest.raises(UsageError, match="does not say of what type id is"):
        next(read.batches(database, query, rows=read.arrow()))
    fields: dict[str, pa.DataType] = {"id": pa.int32(), "title": pa.large_string()}
    schema = pa.schema(fields)
    (batch,) = read.batches(database, query, rows=read.arrow(schema))
    assert batch.schema == schema
    typed = query.columns(works.c.id, works.c.title)
    (batch,) = read.batches(database, typed, rows=read.arrow())
    assert batch.schema.types == [pa.int64(), pa.string()]
    with pytest.raises(UsageError, match="the statement has id, title, the schema id"):
        next(read.batches(database, query, rows=read.arrow(schema.remove(1))))


def test_a_value_that_is_not_of_its_type_is_told_by_its_column(database: Database) -> None:
    fill(database, 3)
    schema = pa.schema([("title", pa.int64())])
    with pytest.raises(SourceError, match="column title is not of the type int64"):
        next(read.batches(database, sa.text("SELECT title FROM works"), rows=read.arrow(schema)))
    assert checked_out(database) == 0


def test_what_sqlalchemy_makes_of_a_value_is_in_the_batch(database: Database) -> None:
    class Doubled(sa.TypeDecorator[int]):
        impl = sa.Integer
        cache_ok = True

        def process_result_value(self, value: Any, dialect: sa.Dialect) -> int:  # noqa: ARG002 - SQLAlchemy's
            return int(value) * 2

    fill(database, 3)
    query = sa.select(sa.type_coerce(works.c.id, Doubled).label("twice")).order_by(works.c.id)
    assert rows_of(read.batches(database, query, rows=read.arrow())) == [(2,), (4,), (6,)]


def test_record_batches_are_not_rows(database: Database) -> None:
    fill(database, 3)
    with pytest.raises(UsageError, match=r"read\.batches"):
        next(read.stream(database, works, rows=read.arrow()))  # type: ignore[arg-type]  # what is tested
    assert checked_out(database) == 0


def test_pages_may_be_record_batches(database: Database) -> None:
    rows = fill(database, 10)
    found = [page.rows for page in read.pages(database, works, "id", page_rows=4, rows=read.arrow())]
    assert rows_of(found) == rows
    assert {batch.schema for batch in found} == {SCHEMA}


@only_on_postgresql
def test_a_url_is_read_by_adbc_too_and_a_users_own_engine_is_not(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = fill(database, 3)
    dbapi: Any = importlib.import_module("adbc_driver_postgresql.dbapi")
    connected: list[str] = []

    def connect(address: str, **named: Any) -> Any:
        connected.append(address)
        return original(address, **named)

    original = dbapi.connect
    monkeypatch.setattr(dbapi, "connect", connect)
    assert rows_of(read.batches(database_url, IN_ORDER, rows=read.arrow())) == rows
    assert len(connected) == 1
    assert rows_of(read.batches(database.engine, IN_ORDER, rows=read.arrow())) == rows
    assert len(connected) == 1


@only_on_postgresql
def test_a_statement_that_the_server_refuses_is_a_database_error(database: Database) -> None:
    missing = sa.table("missing", sa.column("id", sa.Integer))
    with pytest.raises(DatabaseError, match="missing"):
        next(read.batches(database, sa.select(missing.c.id), rows=read.arrow()))


@only_on_postgresql
@pytest.mark.parametrize(
    ("state", "message", "meaning"),
    [("40P01", "deadlock detected", DatabaseUnavailable), (None, "", DatabaseError)],
)
def test_what_adbc_reports_means_what_it_means_elsewhere(
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    state: str | None,
    message: str,
    meaning: type[Exception],
) -> None:
    dbapi: Any = importlib.import_module("adbc_driver_postgresql.dbapi")
    status: Any = importlib.import_module("adbc_driver_manager").AdbcStatusCode.INTERNAL

    def refuse(_address: str, **_named: Any) -> Any:
        raise dbapi.OperationalError(message, status_code=status, sqlstate=state)

    monkeypatch.setattr(dbapi, "connect", refuse)
    with pytest.raises(DatabaseError) as raised:
        next(read.batches(database_url, IN_ORDER, rows=read.arrow()))
    assert type(raised.value) is meaning
    assert raised.value.message == (message or "OperationalError")


LONG_ROWS = sa.select(works.c.id, sa.func.repeat("x", 1000, type_=sa.Text).label("long_row"))


@only_on_servers
def test_record_batches_that_are_cut_raise_and_never_end_short(database: Database) -> None:
    fill(database, 1_000)
    other = works.alias()
    query = LONG_ROWS.add_columns(other.c.id.label("other")).join(other, sa.true())
    with read.batches(database, query, rows=read.arrow(), batch_rows=100) as found:
        assert next(found).num_rows == 100
        if database.engine.dialect.name == "postgresql":
            with database.engine.connect() as connection:
                ended = connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND query LIKE '%long_row%'"
                        " AND pid <> pg_backend_pid()"
                    )
                )
                assert ended.scalars().all() == [True]
        else:
            cut(database, "KILL {}")
        with pytest.raises(DatabaseUnavailable):
            for _ in found:
                pass
    assert checked_out(database) == 0


@only_on_postgresql
def test_record_batches_that_are_closed_early_leave_no_session(database: Database) -> None:
    fill(database, 20_000)
    with read.batches(database, works, rows=read.arrow(), batch_rows=10) as found:
        next(found)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
        connection.exec_driver_sql("DROP TABLE works")
