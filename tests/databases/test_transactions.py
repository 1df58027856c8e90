"""What every database does alike: the conformance suite of `muniment.databases`."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.columns import ColumnarRows
from muniment.databases import Database, Transaction, Value
from muniment.databases.database import rows_in
from muniment.databases.infile import StreamingConnection
from muniment.databases.types import (
    KEY_CHARACTERS,
    Blob,
    Document,
    Flag,
    Hash,
    Id,
    Integer,
    Key,
    Moment,
    Real,
    SmallInteger,
    Text,
)
from muniment.errors import DatabaseError, DatabaseUnavailable, DuplicateKey, RowRefused
from tests.acceptance.loading import opened
from tests.faults.catalogue import fault

metadata = sa.MetaData()

everything = sa.Table(
    "everything",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("key", Key, unique=True),
    sa.Column("text", Text),
    sa.Column("bytes", Blob),
    sa.Column("hash", Hash),
    sa.Column("real", Real),
    sa.Column("flag", Flag),
    sa.Column("moment", Moment),
    sa.Column("document", Document),
    sa.Column("integer", Integer),
    sa.Column("small", SmallInteger),
)

parent = sa.Table(
    "parent",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=True),
    sa.Column("key", Key, nullable=False),
    sa.Column("size", Integer),
    sa.Column("broader", Id, sa.ForeignKey("parent.id", name="parent_broader")),
    sa.UniqueConstraint("key", name="parent_key"),
    sa.CheckConstraint("size > 0", name="parent_size"),
)

single = sa.Table("single", metadata, sa.Column("only", Text))

COLUMNS = [column.name for column in everything.columns]

AWKWARD = [
    *("", "NULL", "\\N", "\\N1", "\\.", "\\", "\\\\", '"', '""', "'", ",", "\t", "\n", "\r", "\r\n"),
    *("a\n\\.\nb", "\r\\.\r", "%s", "%", ":x", "{}", "\u2028", "\x1a", "\x01\x7f", "--", "/*", "x'; DROP"),
    *("😀", "ǅ", "e\u0301", "é", " ", "a ", " a", "\ufeff"),
]

texts = st.one_of(
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=50),
    st.sampled_from(AWKWARD),
    st.lists(st.sampled_from(AWKWARD), max_size=4).map("".join),
)

moments = st.integers(0, 9_000 * 365 * 86_400 * 10**6).map(
    lambda microseconds: datetime(1000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)

cells = st.tuples(
    st.none() | texts,
    st.none() | st.binary(max_size=20),
    st.none() | st.binary(min_size=32, max_size=32),
    st.none() | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False),
    st.none() | st.booleans(),
    st.none() | moments,
    st.none() | texts,
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.integers(-(2**15), 2**15 - 1),
)


@pytest.fixture
def database(database: Database) -> Database:
    with database.schema_lock() as transaction:
        metadata.create_all(transaction.connection)
    return database


def insert(database: Database, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    columns = list(rows[0])
    with database.transaction() as transaction:
        transaction.insert(table, columns, [tuple(row.values()) for row in rows])


def stored(database: Database, table: sa.Table) -> list[Any]:
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table).order_by(table.c[0]))]


def keys(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.scalars(sa.select(parent.c.key).order_by(parent.c.key)))


PLANS_BY_INDEX = {"sqlite": "SEARCH", "mysql": "range", "postgresql": "Index"}
"""What a database calls a plan that searches for each key."""


def test_many_keys_are_searched_for_by_the_index_and_no_table_is_read_whole(database: Database) -> None:
    insert(database, parent, [{"id": number, "key": f"key {number}"} for number in range(1, 2_001)])
    plans: list[str] = []

    def planned(connection: Any, _cursor: Any, statement: str, parameters: Any, *_others: Any) -> None:
        if statement.startswith("SELECT"):
            way = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
            cursor = connection.connection.driver_connection.cursor()
            cursor.execute(f"{way} {statement}", parameters)
            plans.append(str(cursor.fetchall()))

    with database.transaction() as transaction:
        transaction.connection.exec_driver_sql(
            {"sqlite": "ANALYZE", "postgresql": "ANALYZE parent"}.get(
                database.engine.dialect.name, "ANALYZE TABLE parent"
            )
        )
        sa.event.listen(transaction.connection, "before_cursor_execute", planned)
        query = sa.select(parent.c.id, parent.c.size)
        found = list(rows_in(transaction.execute, query, parent.c.key, ["key 7", "key 3", "none"]))
    assert {row.id for row in found} == {3, 7}
    assert PLANS_BY_INDEX[database.engine.dialect.name] in plans[0]


# The database is made once for all examples; each empties the table it uses.
many_examples = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many_examples
@given(rows=st.lists(cells, min_size=1, max_size=8))
def test_what_is_inserted_in_bulk_comes_back_as_it_was(
    database: Database, rows: list[tuple[Any, ...]]
) -> None:
    whole = [(number, None, *row) for number, row in enumerate(rows)]
    with database.transaction() as transaction:
        transaction.execute(everything.delete())
        transaction.insert(everything, COLUMNS, whole)
    assert stored(database, everything) == whole


BY_COLUMN = {
    "id": pa.int64(),
    "key": pa.string(),
    "text": pa.string(),
    "bytes": pa.binary(),
    "real": pa.float64(),
    "flag": pa.bool_(),
    "document": pa.string(),
    "integer": pa.int64(),
    "small": pa.int64(),
}


@many_examples
@given(
    rows=st.lists(cells, min_size=1, max_size=8), left_out=st.sampled_from(["", "bytes"]), ahead=st.booleans()
)
def test_what_is_inserted_by_column_comes_back_as_it_was(
    database: Database, rows: list[tuple[Any, ...]], left_out: str, ahead: bool
) -> None:
    names = [name for name in BY_COLUMN if name != left_out]
    whole = [dict(zip(COLUMNS, (number, None, *row), strict=True)) for number, row in enumerate(rows)]
    columns = [pa.array([row[name] for row in whole], BY_COLUMN[name]) for name in names]
    by_column = ColumnarRows(columns)
    encoded = database.encode(everything, names, by_column) if ahead else None
    with database.transaction() as transaction:
        transaction.execute(everything.delete())
        transaction.insert(everything, names, encoded or by_column)
    nothing = dict.fromkeys(COLUMNS)
    assert stored(database, everything) == [
        tuple((nothing | {name: row[name] for name in names}).values()) for row in whole
    ]


def test_rows_encoded_for_columns_that_are_of_another_type_by_now_are_stored_all_the_same(
    database: Database,
) -> None:
    former = sa.Table("changing", sa.MetaData(), sa.Column("number", Id))
    later = sa.Table("changing", sa.MetaData(), sa.Column("number", Real))
    rows = ColumnarRows([pa.array([5])])
    try:
        with database.transaction() as transaction:
            former.create(transaction.connection)
            transaction.insert(former, ["number"], rows)
        encoded = database.encode(former, ["number"], rows)
        with database.transaction() as transaction:
            former.drop(transaction.connection)
            later.create(transaction.connection)
        with database.transaction() as transaction:
            transaction.insert(former, ["number"], encoded or rows)
        assert stored(database, later) == [(5.0,)]
    finally:
        with database.transaction() as transaction:
            later.drop(transaction.connection)


TEXTS_BY_TYPE: dict[str, tuple[list[str], list[str]]] = {
    "VARCHAR(3) CHARACTER SET utf8mb4": (["é🏺ß", "", "a b"], ["éééé", "abcd"]),
    "VARCHAR(3) CHARACTER SET latin1": (["éöß", "", "abc"], ["éééé", "富"]),
    "TEXT CHARACTER SET utf8mb3": (["富嶽", "é"], ["🏺"]),
    "CHAR(4) CHARACTER SET utf16": (["富嶽", "é🏺"], ["ééééé"]),
    "ENUM('é', 'b') CHARACTER SET utf8mb4": (["é", "b"], ["ö"]),
    "ENUM('é', 'b') CHARACTER SET latin1": (["é", "b"], ["ö"]),
    "JSON": (['{"größe": 1}', "[]"], ["["]),
    "INET6": (["2001:db8::1", "::"], ["sixteen bytes..."]),
    "UUID": (["6ccd780c-baba-1026-9564-5b8c656024db"], ["sixteen bytes..."]),
    "DECIMAL(8, 2)": (["-12.50", "3"], ["12,50", "1234567"]),
    "DATETIME(3)": (["1953-02-28 12:13:14.567"], ["1953-02-30"]),
    "BIT(8)": (["a"], ["ab"]),
    "LONGBLOB": (["é"], []),
}
"""By what a column of MariaDB's is, texts that it takes and others that it refuses."""


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
@pytest.mark.parametrize("kind", TEXTS_BY_TYPE)
def test_a_column_takes_a_text_loaded_in_bulk_as_it_takes_one_that_is_inserted(
    database: Database, kind: str
) -> None:
    table = sa.Table("various", sa.MetaData(), sa.Column("number", Id), sa.Column("value", sa.Text))
    taken, refused = TEXTS_BY_TYPE[kind]
    rows = list(enumerate(taken))
    with database.transaction() as transaction:
        transaction.execute(sa.text(f"CREATE TABLE various (number BIGINT, value {kind}) CHARSET utf8mb4"))
        transaction.execute(table.insert(), [{"number": number, "value": text} for number, text in rows])
        inserted = _hexadecimal(transaction)
        transaction.execute(table.delete())
        transaction.insert(table, ["number", "value"], rows)
        assert _hexadecimal(transaction) == inserted
        assert len(inserted) == len(rows)
        for text in refused:
            with pytest.raises(RowRefused), transaction.savepoint():
                transaction.insert(table, ["number", "value"], [(1, text)])


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_a_column_whose_character_set_has_changed_takes_the_same_text(database: Database) -> None:
    table = sa.Table("various", sa.MetaData(), sa.Column("value", sa.Text))
    kept = []
    for charset in ("utf8mb4", "latin1"):
        with database.transaction() as transaction:
            transaction.execute(sa.text(f"CREATE OR REPLACE TABLE various (value TEXT) CHARSET {charset}"))
        with database.transaction() as transaction:
            transaction.insert(table, ["value"], [("Günderode",)])
            kept.append(transaction.execute(sa.select(table.c.value)).scalar_one())
    assert kept == ["Günderode"] * 2


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_mariadb_takes_text_as_it_is_where_all_columns_take_utf_8(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def loading(self: StreamingConnection, sql: str | bytes, unbuffered: bool = False) -> int:
        said.extend(re.findall("LOAD DATA .*CHARACTER SET (\\w+)", str(sql)))
        return query(self, sql, unbuffered)

    query = StreamingConnection.query
    monkeypatch.setattr(StreamingConnection, "query", loading)
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE various (value TEXT CHARACTER SET latin1)"))
        table = sa.Table("various", sa.MetaData(), sa.Column("value", sa.Text))
        transaction.insert(table, ["value"], [("é",)])
        transaction.insert(parent, ["id", "key"], [(1, "é")])
    assert said == ["utf8mb4", "binary"]


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_no_table_is_altered_between_the_look_at_its_columns_and_the_load(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[DatabaseError] = []

    def alter() -> None:
        with opened(database_url) as other, other.transaction() as transaction:
            transaction.execute(sa.text("SET SESSION lock_wait_timeout = 1"))
            transaction.execute(sa.text("ALTER TABLE various CONVERT TO CHARACTER SET latin1"))

    def alter_first(self: StreamingConnection, sql: str | bytes, unbuffered: bool = False) -> int:
        if "LOAD DATA" in str(sql):
            monkeypatch.undo()
            with pytest.raises(DatabaseError) as waited:
                alter()
            refused.append(waited.value)
        return query(self, sql, unbuffered)

    query = StreamingConnection.query
    table = sa.Table("various", sa.MetaData(), sa.Column("value", sa.Text))
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE various (value TEXT) CHARSET utf8mb4"))
    monkeypatch.setattr(StreamingConnection, "query", alter_first)
    with database.transaction() as transaction:
        transaction.insert(table, ["value"], [("é",)])
    assert len(refused) == 1
    assert stored(database, table) == [("é",)]


def _hexadecimal(transaction: Transaction) -> list[str]:
    return list(transaction.execute(sa.text("SELECT hex(value) FROM various ORDER BY number")).scalars())


def test_a_part_of_columns_is_inserted_as_that_part(database: Database) -> None:
    numbers, texts = pa.array(range(10)), pa.array(["", None, "x\ty", "é\n", "\\"] * 2)
    rows = ColumnarRows([numbers, texts])
    with database.transaction() as transaction:
        transaction.insert(everything, ["id", "text"], rows[3:7])
        transaction.insert(everything, ["id", "text"], rows.take([9, 0]))
    with database.engine.connect() as connection:
        query = sa.select(everything.c.id, everything.c.text).order_by(everything.c.id)
        found = [tuple(row) for row in connection.execute(query)]
    assert found == [(0, ""), (3, "é\n"), (4, "\\"), (5, ""), (6, None), (9, "\\")]


@pytest.mark.parametrize(("column", "number"), [("integer", 2**31), ("small", 2**15)])
def test_a_number_in_a_column_that_does_not_fit_is_refused(
    database: Database, column: str, number: int
) -> None:
    rows = ColumnarRows([pa.array([1]), pa.array([number])])
    with pytest.raises(RowRefused), database.transaction() as transaction:
        transaction.insert(everything, ["id", column], rows)
    assert stored(database, everything) == []


@many_examples
@given(rows=st.lists(cells, min_size=1, max_size=8))
def test_what_core_inserts_comes_back_as_it_was(database: Database, rows: list[tuple[Any, ...]]) -> None:
    whole = [(number, None, *row) for number, row in enumerate(rows)]
    with database.transaction() as transaction:
        transaction.execute(everything.delete())
        transaction.execute(everything.insert(), [dict(zip(COLUMNS, row, strict=True)) for row in whole])
    assert stored(database, everything) == whole


@many_examples
@given(rows=st.lists(cells, min_size=1, max_size=8))
def test_what_was_missing_comes_back_as_it_was(database: Database, rows: list[tuple[Any, ...]]) -> None:
    whole = [(number, None, *row) for number, row in enumerate(rows)]
    with database.transaction() as transaction:
        transaction.execute(everything.delete())
        transaction.insert_missing(everything, COLUMNS, whole)
    assert stored(database, everything) == whole


@many_examples
@given(cells=st.lists(st.none() | texts, min_size=1, max_size=8))
def test_a_table_of_one_column_takes_any_text(database: Database, cells: list[str | None]) -> None:
    with database.transaction() as transaction:
        transaction.execute(single.delete())
        transaction.insert(single, ["only"], [(cell,) for cell in cells])
    found = [row[0] for row in stored(database, single)]
    assert sorted(found, key=repr) == sorted(cells, key=repr)


def test_integers_of_64_bits_come_back_as_they_were(database: Database) -> None:
    extremes = [-(2**63), 2**63 - 1]
    insert(database, everything, [{"id": number} for number in extremes])
    assert [row[0] for row in stored(database, everything)] == extremes


def test_ten_megabytes_in_a_cell_come_back_as_they_were(database: Database) -> None:
    text, data = "é\n" * 3_500_000, bytes(range(256)) * 20_000
    insert(
        database,
        everything,
        [{"id": 1, "text": text, "bytes": data}, {"id": 2, "text": "next", "bytes": b""}],
    )
    rows = stored(database, everything)
    assert rows[0][2] == text
    assert rows[0][3] == data
    assert rows[1][2:4] == ("next", b"")


def test_a_moment_comes_back_in_utc(database: Database) -> None:
    local = datetime(2024, 3, 1, 23, 30, 0, 1, tzinfo=timezone(timedelta(hours=-5)))
    insert(database, everything, [{"id": 1, "moment": local}])
    found = stored(database, everything)[0][7]
    assert found == local
    assert found.utcoffset() == timedelta(0)


def test_keys_differ_by_case_accents_and_trailing_spaces(database: Database) -> None:
    different = ["a", "A", "á", "a\u0301", "a ", " a", "a  ", "ß", "ss", "", " "]
    insert(database, parent, [{"key": key} for key in different])
    with database.transaction() as transaction:
        for key in different:
            same = transaction.execute(sa.select(parent.c.key).where(parent.c.key == key)).scalars().all()
            assert same == [key]
    assert keys(database) == sorted(different, key=str.encode)


BAD_ROWS: dict[str, tuple[sa.Table, dict[str, Value]]] = {
    "a check": (parent, {"key": "bad", "size": 0}),
    "not null": (parent, {"key": None, "size": 1}),
    "a foreign key": (parent, {"key": "bad", "broader": 99}),
    "too long a key": (parent, {"key": "x" * (KEY_CHARACTERS + 1)}),
    "too long a key by spaces": (parent, {"key": "x" * KEY_CHARACTERS + " "}),
    "too large an integer": (parent, {"key": "bad", "size": 2**31}),
    "over 64 bits": (parent, {"key": "bad", "broader": 2**63}),
    "too large a small integer": (everything, {"id": 7, "small": 2**15}),
    "a text for a number": (everything, {"id": 7, "integer": "seven"}),
    "NUL": (everything, {"id": 7, "text": "a\0b"}),
    "NUL in a key": (everything, {"id": 7, "key": "\0"}),
    "a lone surrogate": (everything, {"id": 7, "text": "\ud800"}),
    "a lone surrogate that stands for a byte": (everything, {"id": 7, "text": "\udce9"}),
    "not a number": (everything, {"id": 7, "real": float("nan")}),
    "infinity": (everything, {"id": 7, "real": float("inf")}),
    "too short a hash": (everything, {"id": 7, "hash": b"abc"}),
}


@fault(30)
@fault(31)
@fault(32)
@pytest.mark.parametrize("missing", [False, True], ids=["insert", "insert_missing"])
@pytest.mark.parametrize("reason", BAD_ROWS)
def test_a_bad_row_is_refused_and_its_neighbours_can_be_stored(
    database: Database, reason: str, missing: bool
) -> None:
    table, bad = BAD_ROWS[reason]
    good = [dict.fromkeys(bad) | ({"key": f"k{n}"} if table is parent else {"id": n}) for n in range(3)]
    rows = [tuple(row.values()) for row in (good[0], bad, good[1])]
    with database.transaction() as transaction:
        write = transaction.insert_missing if missing else transaction.insert
        with pytest.raises(RowRefused), transaction.savepoint():
            write(table, list(bad), rows)
        with transaction.savepoint():
            write(table, list(bad), [rows[0], rows[2]])
    assert len(stored(database, table)) == 2


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_core_statements_refuse_what_no_database_could_store(database: Database, text: str) -> None:
    with pytest.raises(RowRefused, match="cannot be stored"), database.transaction() as transaction:
        transaction.execute(everything.insert(), {"id": 1, "text": text})
    assert stored(database, everything) == []


def test_a_taken_key_is_named_as_such_and_nothing_is_stored(database: Database) -> None:
    insert(database, parent, [{"key": "taken"}])
    with pytest.raises(DuplicateKey) as refused:
        insert(database, parent, [{"key": "one"}, {"key": "taken"}, {"key": "two"}])
    assert refused.value.constraint in ("parent_key", "parent.key")
    assert keys(database) == ["taken"]


def test_a_taken_key_is_named_as_such_by_core_statements(database: Database) -> None:
    insert(database, parent, [{"key": "taken"}])
    with pytest.raises(DuplicateKey) as refused, database.transaction() as transaction:
        transaction.execute(parent.insert(), {"key": "taken"})
    assert refused.value.constraint in ("parent_key", "parent.key")
    assert refused.value.__cause__ is not None


def test_a_statement_on_the_bare_connection_has_its_error_wrapped(database: Database) -> None:
    with pytest.raises(RowRefused), database.transaction() as transaction:
        transaction.connection.execute(parent.insert(), {"key": "x", "size": -1})
    with pytest.raises(DatabaseError) as refused, database.transaction() as transaction:
        transaction.connection.exec_driver_sql("SELECT * FROM nowhere")
    assert not isinstance(refused.value, RowRefused | DatabaseUnavailable)


def test_a_savepoint_undoes_what_its_block_did_and_no_more(database: Database) -> None:

    def fail(transaction: Transaction) -> None:
        with transaction.savepoint():
            transaction.insert(parent, ["key"], [("within",)])
            raise ZeroDivisionError

    with database.transaction() as transaction:
        transaction.insert(parent, ["key"], [("before",)])
        with pytest.raises(ZeroDivisionError):
            fail(transaction)
        transaction.insert(parent, ["key"], [("after",)])
    assert keys(database) == ["after", "before"]


def test_a_transaction_that_raises_stores_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction() as transaction:
            transaction.insert(parent, ["key"], [("lost",)])
            with transaction.savepoint():
                transaction.insert(parent, ["key"], [("lost too",)])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert keys(database) == []


def test_readers_see_what_was_committed_while_a_writer_writes(database: Database) -> None:
    insert(database, parent, [{"key": "committed"}])
    with database.transaction() as transaction:
        transaction.insert(parent, ["key"], [("not yet",)])
        assert keys(database) == ["committed"]


def test_missing_rows_are_added_and_present_ones_left_alone(database: Database) -> None:
    insert(database, parent, [{"key": "b", "size": 1}])
    with database.transaction() as transaction:
        transaction.insert_missing(
            parent, ["key", "size"], [("a", 2), ("b", 2), ("b", 3), ("c", 2), ("c", 4)]
        )
    with database.engine.connect() as connection:
        found = connection.execute(sa.select(parent.c.key, parent.c.size).order_by(parent.c.key)).all()
    assert [tuple(row) for row in found] == [("a", 2), ("b", 1), ("c", 2)]


def test_writers_that_add_the_same_rows_at_once_all_succeed(database: Database) -> None:
    rows = [(f"key {number:04}",) for number in range(300)]
    failures: list[Exception] = []

    def write() -> None:
        try:
            for start in range(0, 300, 50):
                with database.transaction() as transaction:
                    transaction.insert_missing(parent, ["key"], rows[start : start + 100])
        except Exception as error:  # noqa: BLE001 - it is for the main thread to judge
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    assert keys(database) == [key for (key,) in rows]


def test_ids_that_are_counted_up_are_given_by_the_database(database: Database) -> None:
    with database.transaction() as transaction:
        first = transaction.execute(parent.insert(), {"key": "a"}).inserted_primary_key
        second = transaction.execute(parent.insert(), {"key": "b"}).inserted_primary_key
    assert first is not None
    assert second is not None
    assert first[0] < second[0]


def test_nothing_is_done_for_no_rows(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.insert(parent, ["key"], [])
        transaction.insert_missing(parent, ["key"], [])
    assert keys(database) == []


def test_only_one_at_a_time_holds_the_schema_lock(database: Database) -> None:
    inside = threading.Event()
    order: list[str] = []

    def second() -> None:
        inside.wait()
        with database.schema_lock() as transaction:
            order.append("second")
            transaction.insert(parent, ["key"], [("second",)])

    other = threading.Thread(target=second)
    other.start()
    with database.schema_lock() as transaction:
        inside.set()
        other.join(0.3)
        transaction.insert(parent, ["key"], [("first",)])
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert keys(database) == ["first", "second"]


def test_comments_reach_the_databases_that_have_them(database: Database) -> None:
    table = sa.Table(
        "commented",
        sa.MetaData(),
        sa.Column("id", Id, primary_key=True, comment="P1 of this"),
        comment="E22 of that",
    )
    with database.schema_lock() as transaction:
        table.create(transaction.connection)
    if database.engine.dialect.name != "sqlite":
        inspector = sa.inspect(database.engine)
        assert inspector.get_table_comment("commented")["text"] == "E22 of that"
        assert inspector.get_columns("commented")[0]["comment"] == "P1 of this"
