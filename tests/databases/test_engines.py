"""Engines for those who read and for the loader: every driver's connections are watched over alike."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

import muniment
from muniment.databases import connect
from muniment.databases.errors import wrapping
from muniment.databases.options import ConnectionOptions, parted
from muniment.errors import DatabaseUnavailable, DatabaseUrlError
from tests.faults.catalogue import fault

T = TypeVar("T")

ODD = "keepalives_idle=11&keepalives_interval=7&keepalives_count=4&tcp_user_timeout=33000"
"""Unlike the defaults of Muniment, of the drivers and of the system."""

ODD_OPTIONS = {
    "TCP_KEEPIDLE": 11,
    "TCP_KEEPINTVL": 7,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 33_000,
}

only_on_linux = pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux has TCP_USER_TIMEOUT"
)


def with_options(url: str, options: str, drivername: str | None = None) -> str:
    made = sa.make_url(url).update_query_string(options)
    return made.set(drivername=drivername or made.drivername).render_as_string(hide_password=False)


def told_by_socket(number: int) -> dict[str, int]:
    """The options of the socket with this descriptor, which stays its owner's."""
    with socket.socket(fileno=socket.dup(number)) as connected:
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        return {name: connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in ODD_OPTIONS}


def using(url: str, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """What some work on an async connection returns."""

    async def run() -> T:
        engine = muniment.async_engine(url)
        try:
            async with engine.connect() as connection:
                return await work(connection)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def scalar(statement: str) -> Callable[[AsyncConnection], Awaitable[Any]]:
    async def ask(connection: AsyncConnection) -> Any:
        return (await connection.execute(sa.text(statement))).scalar()

    return ask


# --- signs of life --------------------------------------------------------------------------------


@only_on_linux
def test_psycopg_keeps_its_connections_alive(postgresql_server: str) -> None:
    engine = muniment.engine(with_options(postgresql_server, ODD))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        assert told_by_socket(driver.pgconn.socket) == ODD_OPTIONS
    engine.dispose()


@only_on_linux
def test_pymysql_keeps_its_connections_alive(mariadb_server: str) -> None:
    engine = muniment.engine(with_options(mariadb_server, ODD))
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        assert told_by_socket(driver._sock.fileno()) == ODD_OPTIONS
    engine.dispose()


@fault(14, "postgresql")
@only_on_linux
@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "mariadb"])
def test_async_drivers_keep_their_connections_alive(driver: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(f"{driver.partition('+')[0]}_server")

    async def ask(connection: AsyncConnection) -> dict[str, int]:
        raw: Any = (await connection.get_raw_connection()).driver_connection
        if driver.endswith("psycopg"):
            return told_by_socket(raw.pgconn.socket)
        return told_by_socket(raw._transport.get_extra_info("socket").fileno())

    assert using(with_options(server, ODD, driver), ask) == ODD_OPTIONS


@only_on_linux
def test_the_loader_keeps_its_connections_alive(postgresql_server: str) -> None:
    database = connect(with_options(postgresql_server, ODD))
    with database.transaction() as transaction:
        driver: Any = transaction.connection.connection.driver_connection
        assert told_by_socket(driver.pgconn.socket) == ODD_OPTIONS
    database.close()


# --- deadlines ------------------------------------------------------------------------------------


@fault(15, "postgresql", "mariadb")
def test_a_server_that_says_nothing_is_given_up(postgresql_server: str, mariadb_server: str) -> None:
    for url, sleep in ((postgresql_server, "SELECT pg_sleep(30)"), (mariadb_server, "SELECT SLEEP(30)")):
        engine = muniment.engine(with_options(url, "reply_seconds=1"))
        with pytest.raises(DatabaseUnavailable), wrapping("here"), engine.connect() as connection:
            connection.execute(sa.text(sleep))
        with engine.connect() as connection:  # and the next connection is a new one
            assert connection.execute(sa.text("SELECT 1")).scalar() == 1
        engine.dispose()


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "mariadb"])
def test_async_drivers_give_up_a_server_that_says_nothing(
    driver: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(f"{driver.partition('+')[0]}_server")
    sleep = "SELECT SLEEP(30)" if driver == "mariadb" else "SELECT pg_sleep(30)"
    with pytest.raises((sa.exc.OperationalError, TimeoutError)):
        using(with_options(server, "reply_seconds=1", driver), scalar(sleep))


def test_a_statement_of_the_loader_may_not_take_for_ever(postgresql_server: str, mariadb_server: str) -> None:
    asked = {postgresql_server: "SHOW statement_timeout", mariadb_server: "SELECT @@max_statement_time"}
    for url, question in asked.items():
        database = connect(url)
        with database.engine.connect() as connection:
            assert connection.execute(sa.text(question)).scalar() in ("10min", 600)
        database.close()
        reader = muniment.engine(url)
        with reader.connect() as connection:
            assert connection.execute(sa.text(question)).scalar() in ("0", 0)
        reader.dispose()


def test_silence_lasts_longer_than_a_statement_may_take() -> None:
    chosen = parted(sa.make_url("postgresql://host/name?reply_seconds=20"), "it")[1].for_writing()
    assert chosen.statement_seconds == 20
    default = ConnectionOptions().for_writing()
    assert 0 < default.statement_seconds < default.reply_seconds


@pytest.mark.parametrize("option", ["reply_seconds=soon", "sslmode=full", "pool_recycle=0"])
def test_an_option_that_cannot_be_is_refused(option: str) -> None:
    with pytest.raises(DatabaseUrlError, match=option.partition("=")[0]):
        muniment.engine(f"postgresql://host/name?{option}")


# --- pools and sessions ---------------------------------------------------------------------------


def test_a_connection_that_the_server_ended_meanwhile_is_replaced(
    postgresql_server: str, mariadb_server: str
) -> None:
    killing = {
        postgresql_server: ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
        mariadb_server: ("SELECT CONNECTION_ID()", "KILL {}"),
    }
    for url, (who, kill) in killing.items():
        engine, other = muniment.engine(url), muniment.engine(url)
        with engine.connect() as connection:
            ended = connection.execute(sa.text(who)).scalar_one()
        with other.connect() as connection:
            connection.execute(sa.text(kill.format(ended)))
        with engine.connect() as connection:
            assert connection.execute(sa.text(who)).scalar_one() != ended
        engine.dispose()
        other.dispose()


def test_a_pool_keeps_a_connection_for_each_worker(database_url: str) -> None:
    engine = muniment.engine(database_url, workers=3)
    assert isinstance(engine.pool, sa.QueuePool)
    assert engine.pool.size() == 3
    engine.dispose()


class Base(DeclarativeBase):
    pass


class Vase(Base):
    __tablename__ = "vase"
    number: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(40))


def test_objects_are_usable_after_their_commit(database_url: str) -> None:
    engine = muniment.engine(database_url)
    Base.metadata.create_all(engine)
    with muniment.sessions(engine)() as session:
        vase = Vase(number=1, title="Vase")
        session.add(vase)
        session.commit()
    assert (vase.number, vase.title) == (1, "Vase")
    engine.dispose()


def test_objects_are_usable_after_their_commit_with_asyncio_too(database_url: str) -> None:
    async def run() -> Vase:
        engine = muniment.async_engine(database_url)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with muniment.async_sessions(engine)() as session:
            vase = Vase(number=1, title="Vase")
            session.add(vase)
            await session.commit()
        await engine.dispose()
        return vase

    vase = asyncio.run(run())
    assert (vase.number, vase.title) == (1, "Vase")


def test_a_database_in_memory_is_one_for_all_connections() -> None:
    engine = muniment.engine("sqlite://")
    Base.metadata.create_all(engine)
    assert sa.inspect(engine).has_table("vase")
    engine.dispose()


# --- TLS ------------------------------------------------------------------------------------------


def test_libpq_is_given_its_own_tls_options(postgresql_server: str) -> None:
    engine = muniment.engine(with_options(postgresql_server, "sslmode=require"))
    with pytest.raises(sa.exc.OperationalError, match="SSL") as refused, engine.connect():
        pass
    assert isinstance(refused.value.orig, psycopg.OperationalError)
    engine.dispose()


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "mariadb"])
def test_no_driver_falls_back_to_plain_text_where_tls_is_required(
    driver: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(f"{driver.partition('+')[0]}_server")
    with pytest.raises((sa.exc.SQLAlchemyError, OSError), match=r"(?i)ssl|tls"):
        using(with_options(server, "sslmode=require", driver), scalar("SELECT 1"))


def test_pymysql_does_not_fall_back_to_plain_text(mariadb_server: str) -> None:
    engine = muniment.engine(with_options(mariadb_server, "sslmode=verify-full"))
    with pytest.raises(sa.exc.OperationalError, match=r"(?i)ssl|tls"), engine.connect():
        pass
    engine.dispose()


@pytest.mark.parametrize("options", ["sslmode=prefer", "sslmode=verify-full&sslrootcert=/nowhere/ca.pem"])
def test_a_tls_option_that_cannot_be_kept_is_refused(options: str) -> None:
    with pytest.raises(DatabaseUrlError, match=r"sslmode=prefer|certificate"):
        muniment.engine(f"mysql://me@host/name?{options}")


def test_a_file_of_sqlite_is_in_wal_mode_with_either_kind_of_engine(tmp_path: Path) -> None:
    assert using(f"sqlite:///{tmp_path / 'one.db'}", scalar("PRAGMA journal_mode")) == "wal"
