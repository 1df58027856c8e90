"""Sessions that a server ends, cannot have, or keeps from writing; and statements that somebody cancels."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment.databases import Database, connect
from muniment.databases.url import parsed
from muniment.errors import DatabaseError, DatabaseExhausted, DatabaseUnavailable, StatementTimeout
from tests.faults.catalogue import fault
from tests.faults.loading import administer, load_amid, must_be_whole
from tests.servers import Server

on_servers = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
on_mariadb = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)

IDLE_IN_TRANSACTION = {
    "postgresql": "SET idle_in_transaction_session_timeout = '300ms'",
    "mariadb": "SET SESSION idle_transaction_timeout = 1",
}
IDLE = {
    "postgresql": "SET idle_session_timeout = '300ms'",
    "mariadb": "SET SESSION wait_timeout = 1",
}
LIMITED = {
    "postgresql": "SET statement_timeout = '300ms'",
    "mariadb": "SET SESSION max_statement_time = 0.3",
}
SLEEP = {"postgresql": "SELECT pg_sleep(60)", "mariadb": "SELECT SLEEP(60)"}
LONG = SLEEP | {"mariadb": "SELECT count(*) FROM seq_1_to_100000 a, seq_1_to_1000000 b"}
"""MariaDB's SLEEP does not fail when it is cancelled, but returns."""

OWN_NUMBER = {"postgresql": "SELECT pg_backend_pid()", "mariadb": "SELECT CONNECTION_ID()"}
CANCEL = {"postgresql": "SELECT pg_cancel_backend({})", "mariadb": "KILL QUERY {}"}

LONGER_SECONDS = 2.5
"""A wait that is longer than the shortest bounds that these servers know."""


def kind(database: Database) -> str:
    return "mariadb" if database.engine.dialect.name == "mysql" else "postgresql"


@fault(16, "postgresql", "mariadb")
@on_servers
def test_a_transaction_that_the_server_ends_for_idling_can_be_repeated(database: Database) -> None:
    def idle() -> None:
        with database.transaction() as transaction:
            transaction.execute(sa.text(IDLE_IN_TRANSACTION[kind(database)]))
            transaction.execute(sa.text("INSERT INTO things VALUES (1)"))
            time.sleep(LONGER_SECONDS)
            transaction.execute(sa.text("INSERT INTO things VALUES (2)"))

    with database.schema_lock() as transaction:
        transaction.execute(sa.text("CREATE TABLE things (id INTEGER)"))

    with pytest.raises(DatabaseUnavailable):
        idle()
    with database.transaction() as transaction:
        assert transaction.execute(sa.text("SELECT count(*) FROM things")).scalar() == 0


@fault(16, "postgresql")
@on_postgresql
def test_no_transaction_is_open_while_a_load_waits_for_its_observer(export: Path, database_url: str) -> None:
    name = database_url.rpartition("/")[2]
    administer(database_url, f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '4s'")
    watcher = load_amid(export, database_url, lambda: time.sleep(6))  # well over what a busy machine idles
    assert watcher.failed == []
    must_be_whole(export, database_url)


@fault(17, "postgresql", "mariadb")
@on_servers
def test_a_connection_that_the_server_ended_for_idling_is_made_anew(database: Database) -> None:
    with database.transaction() as transaction:
        before = transaction.execute(sa.text(OWN_NUMBER[kind(database)])).scalar()
        transaction.execute(sa.text(IDLE[kind(database)]))
    time.sleep(LONGER_SECONDS)
    with database.transaction() as transaction:
        assert transaction.execute(sa.text(OWN_NUMBER[kind(database)])).scalar() != before


@on_servers
def test_a_statement_that_takes_longer_than_it_may_is_told_apart_from_others(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(sa.text(LIMITED[kind(database)]))
        with pytest.raises(StatementTimeout), transaction.savepoint():
            transaction.execute(sa.text(SLEEP[kind(database)]))
        assert transaction.execute(sa.text("SELECT 1")).scalar() == 1


@on_servers
def test_what_an_operator_cancels_is_not_tried_again(database: Database, database_url: str) -> None:
    def sleep() -> None:
        with database.transaction() as transaction:
            number = transaction.execute(sa.text(OWN_NUMBER[kind(database)])).scalar()
            cancelling = until_ended(lambda: administer(database_url, CANCEL[kind(database)].format(number)))
            try:
                transaction.execute(sa.text(LONG[kind(database)]))
            finally:
                cancelling()

    with pytest.raises(DatabaseError, match="cancelled it") as raised:
        sleep()
    assert not isinstance(raised.value, DatabaseUnavailable | DatabaseExhausted)


def until_ended(work: Callable[[], object]) -> Callable[[], None]:
    """Do something again and again in a thread; returns what ends that."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(0.1):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end


@fault(23, "postgresql", "mariadb")
def test_a_server_that_takes_no_more_connections_can_be_tried_again(own_server: Server) -> None:
    name, server = f"few_{secrets.token_hex(4)}", sa.make_url(own_server.url)
    administer(
        own_server.url,
        *(
            [f"CREATE ROLE {name} LOGIN PASSWORD 'p' CONNECTION LIMIT 1"]
            if own_server.url.startswith("postgresql")
            else [
                f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'p' WITH MAX_USER_CONNECTIONS 1",
                f"GRANT ALL ON *.* TO {name}@'127.0.0.1'",
            ]
        ),
    )
    url = server.set(username=name, password="p").render_as_string(hide_password=False)
    engine = sa.create_engine(parsed(url))
    with engine.connect(), pytest.raises(DatabaseUnavailable):
        connect(url)
    engine.dispose()
    connect(url).close()


@on_servers
def test_a_server_that_takes_no_writes_is_waited_for(database: Database) -> None:
    with database.schema_lock() as transaction:
        transaction.execute(sa.text("CREATE TABLE things (id INTEGER)"))

    def write() -> None:
        with database.transaction() as transaction:
            transaction.execute(sa.text("INSERT INTO things VALUES (1)"))

    database.close()  # so that the next connection is the one that is written on
    with database.engine.connect() as connection:
        connection.exec_driver_sql(
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
            if kind(database) == "postgresql"
            else "SET SESSION TRANSACTION READ ONLY"
        )
        connection.commit()
    with pytest.raises(DatabaseExhausted, match="read-only"):
        write()
    write()  # on another connection, which the failure has made necessary
