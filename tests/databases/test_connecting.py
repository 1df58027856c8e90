"""Finding a database by its URL, saying what is wrong with one, and keeping passwords to oneself."""

from __future__ import annotations

import shutil
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment.databases import Database, connect, scratch
from muniment.databases.url import label, parsed
from muniment.errors import DatabaseError, DatabaseUnavailable, DatabaseUrlError, MunimentError

CANARY = "canary-s3cret"


def told(error: MunimentError) -> str:
    """All that could reach a person or a log."""
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("collection.db", "no database URL"),
        ("", "no database URL"),
        (f"postgresql://user:{CANARY}@host:port/name", "no database URL"),
        (f"oracle://user:{CANARY}@host/name", "oracle.*no kind of database"),
        (f"postgresql+asyncpg://user:{CANARY}@host/name", "Write postgresql:// alone"),
        ("sqlite://collection.db", "three slashes"),
        ("sqlite:////nowhere/at/all/collection.db", "no folder.*Create the folder"),
        ("sqlite:////tmp", "is a folder"),
        (f"postgresql://user:first@{CANARY}@host/name", "more than one @.*%40"),
        (f"mysql://user:first@host/{CANARY}@host/name", "more than one @.*%40"),
        (f"mysql://user:{CANARY}@127.0.0.1:9/name?unheard={CANARY}", "options.*Take away"),
        (f"mysql://user:{CANARY}@127.0.0.1:9/name?connect_timeout={CANARY}", "options.*Take away"),
        (f"mysql://user:{CANARY}@host", "names no database"),
        (f"postgresql://user:{CANARY}@host", "names no database"),
    ],
)
def test_a_url_that_names_no_database_is_explained(url: str, words: str) -> None:
    with pytest.raises(DatabaseUrlError, match=words) as refused:
        connect(url)
    assert CANARY not in told(refused.value)


@pytest.mark.parametrize("begin", ["transaction", "durable_transaction"])
def test_a_file_that_cannot_be_opened_any_more_is_told_as_any_other_error(tmp_path: Path, begin: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    database = connect(f"sqlite:///{folder / 'collection.db'}")
    database.engine.dispose()
    shutil.rmtree(folder)
    with pytest.raises(DatabaseError), getattr(database, begin)():
        pass
    database.close()


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_does_not_answer_is_unavailable(kind: str) -> None:
    with pytest.raises(
        DatabaseUnavailable, match=rf"^{kind}://user@127.0.0.1:9/name: .*server runs"
    ) as refused:
        connect(f"{kind}://user:{CANARY}@127.0.0.1:9/name")
    assert CANARY not in told(refused.value)


def test_a_label_shows_no_password_among_the_options_either() -> None:
    shown = label(sa.make_url(f"postgresql+psycopg://user:{CANARY}@host/name?password={CANARY}"))
    assert shown == "postgresql://user@host/name"


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> sa.URL:
    return sa.make_url(request.getfixturevalue(f"{request.param}_server"))


def text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


def test_a_wrong_password_is_said_to_be_one_and_not_shown(server: sa.URL) -> None:
    with pytest.raises(DatabaseError, match="Check the user name, the password") as refused:
        connect(text(server.set(password=CANARY)))
    assert not isinstance(refused.value, DatabaseUnavailable)
    assert CANARY not in told(refused.value)


def test_a_database_that_does_not_exist_is_said_not_to(server: sa.URL) -> None:
    with pytest.raises(DatabaseError, match="Create the database, or correct its name") as refused:
        connect(text(server.set(database="nowhere")))
    assert not isinstance(refused.value, DatabaseUnavailable)
    assert str(server.password) not in told(refused.value)


def test_no_error_label_or_repr_shows_the_password(database_url: str) -> None:
    password = sa.make_url(database_url).password or CANARY
    database = connect(database_url)
    with pytest.raises(DatabaseError) as refused, database.transaction() as transaction:
        transaction.execute(sa.text("SELECT * FROM nowhere WHERE x = :x"), {"x": CANARY})
    for shown in (told(refused.value), database.label, repr(database), repr(database.engine)):
        assert password not in shown
        assert CANARY not in shown
    database.close()


@pytest.mark.parametrize("alias", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_goes_by_several_names(postgresql_server: str, alias: str) -> None:
    database = connect(text(sa.make_url(postgresql_server).set(drivername=alias)))
    assert database.engine.dialect.name == "postgresql"
    assert database.label.startswith("postgresql://muniment@")
    database.close()


@pytest.mark.parametrize("alias", ["mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"])
def test_mysql_and_mariadb_go_by_several_names(mariadb_server: str, alias: str) -> None:
    database = connect(text(sa.make_url(mariadb_server).set(drivername=alias)))
    assert database.engine.dialect.name == "mysql"
    database.close()


def test_a_postgresql_database_that_is_not_utf8_is_refused(postgresql_server: str) -> None:
    server = sa.create_engine(parsed(postgresql_server), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        try:
            with pytest.raises(DatabaseError, match=r"LATIN1.*ENCODING 'UTF8'"):
                connect(text(sa.make_url(postgresql_server).set(database="latin")))
        finally:
            connection.exec_driver_sql("DROP DATABASE latin")


def test_a_file_that_is_no_sqlite_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("id,title\n" * 200)
    with pytest.raises(DatabaseError, match="not a database"):
        connect(f"sqlite:///{path}")
    assert path.read_text() == "id,title\n" * 200


def test_a_database_in_memory_keeps_what_was_written() -> None:
    database = connect("sqlite://")
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE t (x INTEGER)"))
        transaction.execute(sa.text("INSERT INTO t VALUES (1)"))
    with database.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT x FROM t")) == 1
    database.close()


def test_a_scratch_database_is_empty_and_gone_afterwards(database_url: str) -> None:
    labels: list[str] = []

    def use_and_fail() -> None:
        with scratch(database_url) as database:
            labels.append(database.label)
            use(database)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use_and_fail()
    gone = sa.make_url(database_url).set(database=sa.make_url(labels[0]).database)
    assert gone.database != sa.make_url(database_url).database
    with pytest.raises((DatabaseError, DatabaseUrlError)):
        connect(text(gone))


def test_without_a_url_a_scratch_database_is_a_temporary_file() -> None:
    with scratch() as database:
        path = Path(sa.make_url(database.label).database or "")
        use(database)
        assert path.exists()
    assert not path.parent.exists()


def use(database: Database) -> None:
    assert sa.inspect(database.engine).get_table_names() == []
    with database.transaction() as transaction:
        transaction.execute(sa.text("CREATE TABLE t (x INTEGER)"))
