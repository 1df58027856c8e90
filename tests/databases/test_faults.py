"""What goes wrong on particular databases, brought about for real."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment.databases import Database, Value, connect
from muniment.databases.infile import StreamingConnection
from muniment.databases.types import Blob, Id, Key, Text
from muniment.errors import DatabaseError, DatabaseUnavailable, DuplicateKey, RowRefused
from tests.faults.catalogue import fault

metadata = sa.MetaData()
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("key", Key, unique=True),
    sa.Column("text", Text),
    sa.Column("data", Blob),
)
COLUMNS = ["id", "key", "text", "data"]


def count(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(things)) or 0)


@pytest.fixture
def database(database: Database) -> Database:
    with database.schema_lock() as transaction:
        metadata.create_all(transaction.connection)
    return database


only_on_mariadb = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
only_on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
only_on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_on_servers = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)


@pytest.fixture
def no_local_infile(database: Database) -> Iterator[None]:
    with database.transaction() as transaction:
        transaction.execute(sa.text("SET GLOBAL local_infile = 0"))
    yield
    with database.transaction() as transaction:
        transaction.execute(sa.text("SET GLOBAL local_infile = 1"))


@only_on_mariadb
@pytest.mark.usefixtures("no_local_infile")
def test_a_server_that_forbids_load_data_gets_inserts(database: Database) -> None:
    rows = [(n, f"k{n}", "é'\\\"\n%s" * 100, bytes(range(256))) for n in range(1_500)]
    with database.transaction() as transaction:
        transaction.insert(things, COLUMNS, rows)
    with database.engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(sa.select(things).order_by(things.c.id))] == rows
    for bad in ((9_000, "x" * 300, "", b""), (9_000, "x" * 255 + " ", "", b""), (9_000, "a", "\udce9", b"")):
        with pytest.raises(RowRefused), database.transaction() as transaction:
            transaction.insert(things, COLUMNS, [bad])
    with pytest.raises(DuplicateKey), database.transaction() as transaction:
        transaction.insert(things, COLUMNS, [(9_001, "k7", None, None)])
    assert count(database) == 1_500


@fault(19, "mariadb")
@only_on_mariadb
def test_a_row_larger_than_the_servers_packets_is_loaded_in_small_ones(database: Database) -> None:
    row = (1, "a", "x" * (17 * 1024 * 1024), b"\0\xff" * (8 * 1024 * 1024))
    with database.transaction() as transaction:
        transaction.insert(things, COLUMNS, [row])
    with database.engine.connect() as connection:
        assert tuple(connection.execute(sa.select(things)).one()) == row


@fault(19, "mariadb")
@only_on_mariadb
def test_a_statement_larger_than_the_servers_packets_is_refused_and_the_connection_lives(
    database: Database,
) -> None:
    values: dict[str, Value] = {"id": 1, "text": "x" * (17 * 1024 * 1024)}
    with database.transaction() as transaction:
        with pytest.raises(RowRefused, match="max_allowed_packet"), transaction.savepoint():
            transaction.execute(things.insert(), values)
        with pytest.raises(RowRefused, match="max_allowed_packet"), transaction.savepoint():
            transaction.insert_missing(things, list(values), [tuple(values.values())])
        transaction.insert(things, COLUMNS, [(1, "a", "", b"")])
    assert count(database) == 1


@fault(27, "mariadb")
@only_on_mariadb
def test_a_table_without_transactions_is_refused(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(sa.text("ALTER TABLE things ENGINE=MyISAM"))
    with (
        pytest.raises(DatabaseError, match=r"MyISAM.*no transactions"),
        database.transaction() as transaction,
    ):
        transaction.insert(things, COLUMNS, [(1, "a", "", b"")])


@only_on_mariadb
def test_tables_are_transactional_and_compared_exactly_whatever_the_servers_defaults(
    database: Database,
) -> None:
    with database.engine.connect() as connection:
        engine, collation = connection.execute(
            sa.text(
                "SELECT engine, table_collation FROM information_schema.tables"
                " WHERE table_schema = DATABASE() AND table_name = 'things'"
            )
        ).one()
    assert (engine, collation) == ("InnoDB", "utf8mb4_nopad_bin")


@fault(28, "mariadb")
@only_on_mariadb
def test_the_session_is_strict_whatever_the_server_is(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(sa.text("SET GLOBAL sql_mode = ''"))
    try:
        other = connect(database.engine.url.render_as_string(hide_password=False))
        with pytest.raises(RowRefused), other.transaction() as transaction:
            transaction.execute(sa.text("INSERT INTO things (id, `key`) VALUES (1, REPEAT('x', 300))"))
        other.close()
    finally:
        with database.transaction() as transaction:
            transaction.execute(sa.text("SET GLOBAL sql_mode = DEFAULT"))


@fault(9, "postgresql", "mariadb")
@only_on_servers
def test_a_killed_connection_can_be_repeated_at_once(database: Database) -> None:
    own, kill = (
        ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})")
        if database.engine.dialect.name == "postgresql"
        else ("SELECT CONNECTION_ID()", "KILL {}")
    )

    def insert_on_a_killed_connection() -> None:
        with database.transaction() as transaction:
            transaction.insert(things, COLUMNS, [(1, "a", "", b"")])
            number = transaction.execute(sa.text(own)).scalar_one()
            with database.transaction() as other:
                other.execute(sa.text(kill.format(number)))
            transaction.insert(things, COLUMNS, [(2, "b", "", b"")])

    with pytest.raises(DatabaseUnavailable):
        insert_on_a_killed_connection()
    assert count(database) == 0
    with database.transaction() as transaction:
        transaction.insert(things, COLUMNS, [(1, "a", "", b"")])
    assert count(database) == 1


@fault(22, "postgresql", "mariadb")
@only_on_servers
def test_waiting_for_a_lock_ends_with_an_error_that_can_be_repeated(database: Database) -> None:

    def wait() -> None:
        with database.transaction() as second:
            second.execute(sa.text(f"SET SESSION {setting}"))
            second.insert(things, COLUMNS, [(2, "not kept", "", b"")])
            second.insert(things, COLUMNS, [(1, "a", "", b"")])

    setting = (
        "lock_timeout = '200ms'"
        if database.engine.dialect.name == "postgresql"
        else "innodb_lock_wait_timeout = 1"
    )
    with database.transaction() as first:
        first.insert(things, COLUMNS, [(1, "a", "", b"")])
        with pytest.raises(DatabaseUnavailable):
            wait()
    assert count(database) == 1


@only_on_postgresql
def test_an_indexed_text_that_is_too_long_for_its_index_refuses_the_row(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE INDEX things_text ON things (text)"))
    incompressible = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(5_000))
    with pytest.raises(RowRefused, match="index row"), database.transaction() as transaction:
        transaction.insert(things, COLUMNS, [(1, "a", incompressible, b"")])


@fault(33, "sqlite")
@only_on_sqlite
def test_sqlite_tables_are_strict(database: Database) -> None:
    with pytest.raises(RowRefused), database.transaction() as transaction:
        transaction.execute(sa.text("INSERT INTO things (id, text) VALUES (1, x'00')"))


class HostileServer(threading.Thread):
    """Speaks just enough of the protocol to log anyone in and then to ask for a file."""

    def __init__(self, asked_for: str) -> None:
        super().__init__(daemon=True)
        self.asked_for = asked_for.encode()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = b""

    def run(self) -> None:
        client, _ = self.listener.accept()
        with client, self.listener:
            greeting = (
                b"\x0a8.0.36\0" + struct.pack("<I", 1) + b"saltsalt\0" + struct.pack("<H", 0xF7FF) + b"\x2d"
            )
            greeting += (
                struct.pack("<HH", 2, 0x000F)
                + bytes([21])
                + bytes(10)
                + b"saltsaltsalt\0mysql_native_password\0"
            )
            client.sendall(packet(0, greeting))
            client.recv(65536)
            for number in (2, 1):  # the login is fine, and so is SET NAMES
                client.sendall(packet(number, b"\0\0\0\x02\0\0\0"))
                client.recv(65536)
            client.sendall(packet(1, b"\xfb" + self.asked_for))
            while data := client.recv(65536):
                self.received += data


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def test_a_hostile_server_that_asks_for_a_file_gets_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the key to the safe")
    server = HostileServer(str(secret))
    server.start()
    connection = StreamingConnection(
        host="127.0.0.1", port=server.port, password="p", local_infile=True, autocommit=None, read_timeout=10
    )
    with pytest.raises(DatabaseError, match="asked this computer for a file"):
        connection.query("SELECT 1")
    server.join(10)
    assert not server.is_alive()
    assert server.received == b""
