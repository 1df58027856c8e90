"""Transactions that stand in each other's way."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment.databases import Database, connect
from muniment.databases.types import Id, Text
from muniment.errors import DatabaseError, DatabaseUnavailable
from tests.faults.catalogue import fault

metadata = sa.MetaData()
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("text", Text),
)

NOT_ONE_AT_A_TIME = pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)


@pytest.fixture
def database(database: Database) -> Database:
    with database.schema_lock() as transaction:
        metadata.create_all(transaction.connection)
    with database.transaction() as transaction:
        transaction.insert(things, ["id", "text"], [(1, "a"), (2, "b")])
    return database


def texts(database: Database) -> list[str]:
    with database.engine.connect() as connection:
        return list(connection.execute(sa.select(things.c.text).order_by(things.c.id)).scalars())


@fault(20, "postgresql", "mariadb")
@NOT_ONE_AT_A_TIME
def test_of_two_in_a_deadlock_one_can_be_repeated_and_leaves_nothing(database: Database) -> None:
    outcomes: list[type[BaseException] | None] = []
    both = threading.Barrier(2)

    def swap(first: int, second: int) -> None:
        try:
            with database.transaction() as transaction, transaction.savepoint():
                transaction.execute(things.update().where(things.c.id == first).values(text=f"by {first}"))
                both.wait()
                transaction.execute(things.update().where(things.c.id == second).values(text=f"by {first}"))
            outcomes.append(None)
        except DatabaseError as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=swap, args=order) for order in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes, key=str) == [DatabaseUnavailable, None]
    assert texts(database) in (["by 1", "by 1"], ["by 2", "by 2"])


@fault(21, "postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_serialisation_failure_can_be_repeated(database: Database) -> None:
    level = sa.text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")

    def count_and_add(number: int, between: bool) -> None:
        with database.transaction() as transaction:
            transaction.execute(level)
            transaction.execute(sa.select(sa.func.count()).select_from(things))
            if between:
                count_and_add(number + 1, between=False)
            transaction.insert(things, ["id", "text"], [(number, "new")])

    with pytest.raises(DatabaseUnavailable):
        count_and_add(10, between=True)
    assert texts(database) == ["a", "b", "new"]


@fault(24, "postgresql", "mariadb")
@NOT_ONE_AT_A_TIME
def test_what_another_commits_meanwhile_is_seen_by_the_next_statement(database: Database) -> None:
    count = sa.select(sa.func.count()).select_from(things)
    with database.transaction() as transaction:
        before = transaction.execute(count).scalar_one()
        with database.transaction() as other:
            other.insert(things, ["id", "text"], [(3, "c")])
        assert transaction.execute(count).scalar_one() == before + 1


@fault(25, "sqlite")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_transaction_that_reads_first_can_still_write(database: Database, database_url: str) -> None:
    """Else it would fail, whatever the timeout, as soon as another has written since it read."""
    other, waiting, done = connect(database_url), threading.Event(), threading.Event()

    def write() -> None:
        waiting.set()
        with other.transaction() as transaction:
            transaction.insert(things, ["id", "text"], [(3, "c")])
        done.set()

    writer = threading.Thread(target=write)
    with database.transaction() as transaction:
        assert len(transaction.execute(sa.select(things)).all()) == 2
        writer.start()
        waiting.wait()
        assert not done.wait(0.2)
        transaction.insert(things, ["id", "text"], [(4, "d")])
    writer.join()
    other.close()
    assert texts(database) == ["a", "b", "c", "d"]


@fault(22, "sqlite")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_another_keeps_locked_is_unavailable(database: Database, tmp_path: Path) -> None:
    impatient = connect(f"sqlite:///{tmp_path / 'test.db'}")
    with impatient.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    with database.transaction(), pytest.raises(DatabaseUnavailable, match="locked"), impatient.transaction():
        pass
    impatient.close()
