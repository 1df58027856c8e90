"""The preflight sees what is wrong with a server, says how to change it, and a load refuses what is fatal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

import muniment
from muniment.cli import app
from muniment.databases import connect
from muniment.databases.url import parsed
from muniment.doctor import Finding, Level, diagnose, must_be_fit
from muniment.errors import DatabaseError
from muniment.migrations import upgrade
from muniment.migrations.interruption import upgrade_table
from tests import servers


def found(url: str, subject: str, *, workers: int = 1) -> Finding:
    """The finding about a subject."""
    (one,) = (finding for finding in diagnose(url, workers=workers) if finding.subject == subject)
    return one


def fatal(url: str) -> list[Finding]:
    return [finding for finding in diagnose(url) if finding.level is Level.FATAL]


def execute(url: str, *statements: str) -> None:
    engine = sa.create_engine(parsed(url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def value(url: str, query: str) -> str:
    engine = sa.create_engine(parsed(url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(query).scalar())


@contextmanager
def with_user(url: str, *rights: str) -> Iterator[str]:
    """The URL of a user of their own with these rights."""
    given = sa.make_url(url)
    name = f"{given.database}_x"
    postgresql = given.get_backend_name() == "postgresql"
    user = f'"{name}"' if postgresql else f"'{name}'@'%%'"
    making = (
        f"CREATE ROLE {user} LOGIN PASSWORD 'x'" if postgresql else f"CREATE USER {user} IDENTIFIED BY 'x'"
    )
    execute(url, making, *(right.format(user=user, database=given.database) for right in rights))
    try:
        yield given.set(username=name, password="x").render_as_string(hide_password=False)
    finally:
        ending = [f"DROP OWNED BY {user}", f"DROP ROLE {user}"] if postgresql else [f"DROP USER {user}"]
        execute(url, *ending)


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ON_MARIADB = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)


# --- on all databases -----------------------------------------------------------------------------


def test_an_ordinary_database_is_fit_before_and_after_it_is_first_loaded_into(url: str) -> None:
    assert fatal(url) == []
    database = connect(url)
    must_be_fit(database)
    upgrade(database, "engine")
    must_be_fit(database)
    database.close()
    assert fatal(url) == []
    assert found(url, "schema").message == "as this version has it"


def test_every_finding_that_is_not_fine_says_what_to_change(url: str) -> None:
    connect(url).close()
    findings = diagnose(url, workers=100_000)
    assert {finding.level for finding in findings} - {Level.FINE}
    assert all(finding.change for finding in findings if finding.level is not Level.FINE)


def test_a_database_from_the_future_is_not_fit(url: str) -> None:
    database = connect(url)
    upgrade(database, "engine")
    database.close()
    execute(url, "INSERT INTO muniment_version VALUES ('engine_9999')")
    assert "newer Muniment" in fatal(url)[0].message


def test_a_server_that_does_not_answer_is_a_finding() -> None:
    (finding,) = diagnose("postgresql://me@127.0.0.1:9/name")
    assert (finding.level, finding.subject) == (Level.FATAL, "connection")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    assert fatal(f"sqlite:///{path}") == []
    assert not path.exists()


def test_several_workers_on_one_file_wait_for_each_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'one.db'}"
    connect(url).close()
    assert found(url, "workers", workers=2).level is Level.WARNING


def test_a_full_disk_is_seen_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muniment.doctor.sqlite.LEAST_BYTES", 2**62)
    finding = found(f"sqlite:///{tmp_path / 'new.db'}", "disk")
    assert finding.level is Level.FATAL
    assert "Make room" in finding.change


def test_the_command_ends_with_1_where_a_load_would_refuse(url: str) -> None:
    run = CliRunner().invoke(app, ["doctor", "--db", url, "--json"])
    told = json.loads(run.stdout.splitlines()[-1])
    assert (run.exit_code, told["status"]) == (0, "fit")
    assert {finding["level"] for finding in told["findings"]} <= set(Level)
    down = CliRunner().invoke(app, ["doctor", "mysql://me@127.0.0.1:9/name", "--json"])
    assert (down.exit_code, json.loads(down.stdout)["status"]) == (1, "unfit")


# --- PostgreSQL -----------------------------------------------------------------------------------


@ON_POSTGRESQL
def test_a_load_needs_the_right_to_create_tables_where_there_are_none(database_url: str) -> None:
    with with_user(database_url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC") as url:
        finding = found(url, "rights")
        assert finding.level is Level.FATAL
        assert finding.change.startswith("GRANT CREATE, USAGE ON SCHEMA public TO")
        with pytest.raises(DatabaseError, match=r"may not create.*GRANT CREATE"):
            muniment.load([{"id": "1"}], mapping=muniment.Mapping.parse(MAPPING), to=url)


MAPPING = """
institution = { name = "Town Museum", id = "town" }
fields = { accession = "id", title = "id", object_type = "id" }
"""


@ON_POSTGRESQL
def test_a_loader_needs_no_right_to_create_where_the_tables_are_there(database_url: str) -> None:
    database = connect(database_url)
    upgrade(database, "engine")
    database.close()
    revoke = "REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    with with_user(database_url, revoke) as url:
        refused = found(url, "rights")
        assert "may not read and insert into" in refused.message
        assert f"muniment grants loader {sa.make_url(url).username}" in refused.change
    with with_user(
        database_url, revoke, "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {user}"
    ) as url:
        assert found(url, "rights").level is Level.FINE


@ON_POSTGRESQL
def test_settings_of_the_role_are_seen_though_muniment_sets_its_own(database_url: str) -> None:
    impatient = "ALTER ROLE {user} SET idle_in_transaction_session_timeout = '2s'"
    with with_user(database_url, impatient, "ALTER ROLE {user} SET statement_timeout = '7s'") as url:
        finding = found(url, "idle_in_transaction_session_timeout")
        assert finding.level is Level.WARNING
        assert finding.message.startswith("2000 ms")
        assert found(url, "statement_timeout").message.startswith("7000 ms")


@ON_POSTGRESQL
def test_a_role_that_only_reads_is_not_fit(database_url: str) -> None:
    with with_user(database_url, "ALTER ROLE {user} SET default_transaction_read_only = on") as url:
        assert found(url, "read only").level is Level.FATAL


@ON_POSTGRESQL
def test_workers_beyond_the_limit_of_a_role_are_fatal(database_url: str) -> None:
    with with_user(database_url, "ALTER ROLE {user} CONNECTION LIMIT 4") as url:
        finding = found(url, "connection limit of the role", workers=3)
        assert finding.level is Level.FATAL
        assert "CONNECTION LIMIT" in finding.change


@ON_POSTGRESQL
def test_servers_that_do_not_wait_for_their_disk_are_told_of(database_url: str) -> None:
    finding = found(database_url, "fsync")
    expected = Level.WARNING if value(database_url, "SHOW fsync") == "off" else Level.FINE
    assert finding.level is expected


# --- MySQL and MariaDB ----------------------------------------------------------------------------


@ON_MARIADB
def test_a_table_without_transactions_is_fatal_where_it_is_ours(database_url: str) -> None:
    execute(database_url, "CREATE TABLE other (x INT) ENGINE=MyISAM")
    assert found(database_url, "table other").level is Level.WARNING
    database = connect(database_url)
    upgrade(database, "engine")
    execute(database_url, "DROP TABLE note", "CREATE TABLE note (x INT) ENGINE=MyISAM")
    finding = found(database_url, "table note")
    assert finding.level is Level.FATAL
    with pytest.raises(DatabaseError, match=r"ALTER TABLE note ENGINE=InnoDB"):
        must_be_fit(database)
    execute(database_url, finding.change)
    must_be_fit(database)
    database.close()


@ON_MARIADB
def test_a_loader_without_rights_is_told_the_grant(database_url: str) -> None:
    with with_user(database_url, "GRANT SELECT ON `{database}`.* TO {user}") as url:
        finding = found(url, "rights")
        assert finding.level is Level.FATAL
        execute(database_url, finding.change.replace("%", "%%"))
        assert found(url, "rights").level is Level.FINE


@ON_MARIADB
def test_an_upgrade_that_was_interrupted_is_told_of(database_url: str) -> None:
    database = connect(database_url)
    upgrade_table.create(database.engine)
    database.close()
    assert found(database_url, "schema").level is Level.WARNING


@ON_MARIADB
def test_a_database_of_another_character_set_is_told_of(database_url: str) -> None:
    name = sa.make_url(database_url).database
    execute(database_url, f"ALTER DATABASE {name} CHARACTER SET latin1")
    finding = found(database_url, "character set")
    assert finding.level is Level.WARNING
    execute(database_url, finding.change)
    assert found(database_url, "character set").level is Level.FINE


@pytest.fixture(scope="module")
def lax_mariadb() -> Iterator[str]:
    """A server of our own, whose global settings are the test's to change."""
    with servers.own_mariadb(options=("--log-bin=log",)) as server:
        execute(server.url, "CREATE DATABASE lax")
        yield sa.make_url(server.url).set(database="lax").render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("setting", "lax", "subject"),
    [
        ("sql_mode", "''", "sql_mode"),
        ("max_allowed_packet", "1048576", "max_allowed_packet"),
        ("wait_timeout", "20", "wait_timeout"),
        ("local_infile", "OFF", "local_infile"),
        ("innodb_flush_log_at_trx_commit", "2", "innodb_flush_log_at_trx_commit"),
        ("sync_binlog", "0", "sync_binlog"),
        ("idle_write_transaction_timeout", "5", "idle_write_transaction_timeout"),
        ("max_connections", "14", "max_connections"),
        ("read_only", "ON", "read_only"),
    ],
)
def test_a_lax_setting_of_a_server_is_found_and_its_change_mends_it(
    lax_mariadb: str, setting: str, lax: str, subject: str
) -> None:
    before = value(lax_mariadb, f"SELECT @@GLOBAL.{setting}")
    try:
        execute(lax_mariadb, f"SET GLOBAL {setting} = {lax}")
        finding = found(lax_mariadb, subject, workers=13)
        assert finding.level is not Level.FINE
        execute(lax_mariadb, finding.change.partition(", or ")[0])
        after = [each for each in diagnose(lax_mariadb, workers=13) if each.subject == subject]
        assert all(each.level is Level.FINE for each in after)
    finally:
        restored = before if before.isdigit() else f"'{before}'"
        execute(lax_mariadb, f"SET GLOBAL {setting} = {restored}")


@pytest.mark.parametrize(("flush", "binlog", "durable"), [(1, 1, True), (1, 0, False), (0, 1, False)])
def test_a_server_waits_for_its_disk_only_where_the_binary_log_does_too(
    lax_mariadb: str, flush: int, binlog: int, durable: bool
) -> None:
    names = ("innodb_flush_log_at_trx_commit", "sync_binlog")
    before = {name: value(lax_mariadb, f"SELECT @@GLOBAL.{name}") for name in names}
    try:
        for name, number in zip(names, (flush, binlog), strict=True):
            execute(lax_mariadb, f"SET GLOBAL {name} = {number}")
        with closing(connect(lax_mariadb)) as database:
            assert database.is_durable() is durable
    finally:
        for name, restored in before.items():
            execute(lax_mariadb, f"SET GLOBAL {name} = {restored}")


@ON_MARIADB
def test_without_a_binary_log_nothing_need_wait_for_it(database_url: str) -> None:
    if value(database_url, "SELECT @@log_bin") != "0":
        pytest.skip("this server keeps a binary log")
    assert found(database_url, "sync_binlog").level is Level.FINE
