"""What the databases are told for the length of a session, and how much they are let say."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from muniment.databases import Database, connection
from muniment.errors import DatabaseError, DatabaseUnavailable, RowRefused
from muniment.records import VALUE_CHARACTERS
from tests.acceptance.loading import opened
from tests.acceptance.program import PATIENCE_SECONDS

LONG = "nine" * 2_500_000
"""A value of 10 MB, as a database may quote it whole."""

SESSIONS = {
    "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
    "mysql": ("SELECT CONNECTION_ID()", "KILL {}"),
}
"""By dialect, how a session is asked its number, and how it is ended by that."""


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_plans_each_query_for_the_keys_that_it_has(database: Database) -> None:
    with database.transaction() as transaction:
        assert transaction.execute(sa.text("SHOW plan_cache_mode")).scalar_one() == "force_custom_plan"
    with database.engine.connect() as connected:
        assert connected.execute(sa.text("SHOW plan_cache_mode")).scalar_one() == "force_custom_plan"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_keeps_the_plans_by_which_it_checks_the_foreign_keys_of_new_rows(
    database: Database,
) -> None:
    table = sa.Table("counted", sa.MetaData(), sa.Column("number", sa.Integer, primary_key=True))
    asked = sa.text("SELECT current_setting('plan_cache_mode'), current_setting('enable_seqscan')")
    with database.transaction() as transaction:
        table.create(transaction.connection)
        transaction.insert(table, ["number"], [[1]])
        assert tuple(transaction.execute(asked).one()) == ("auto", "off")
    with database.transaction() as transaction:
        assert tuple(transaction.execute(asked).one()) == ("force_custom_plan", "on")


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_connection_is_asked_whether_it_lives_once_the_server_was_quiet_for_a_while(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_and_use() -> None:
        with database.transaction() as transaction:
            session = transaction.execute(sa.text(ask)).scalar_one()
        with opened(database_url) as other, other.transaction() as transaction:
            transaction.execute(sa.text(end.format(session)))
        with database.transaction() as transaction:
            transaction.execute(sa.text("SELECT 1"))

    ask, end = SESSIONS[database.engine.dialect.name]
    monkeypatch.setattr(connection, "FRESH_SECONDS", PATIENCE_SECONDS)
    with pytest.raises(DatabaseUnavailable):
        end_and_use()
    monkeypatch.setattr(connection, "FRESH_SECONDS", 0.0)
    end_and_use()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_cursor_is_closed_though_closing_it_finds_the_connection_lost(
    database: Database, database_url: str
) -> None:
    ask, end = SESSIONS["postgresql"]
    with database.engine.connect() as lost:
        session = lost.execute(sa.text(ask)).scalar_one()
        series = sa.text("SELECT generate_series(1, 1000)")
        result = lost.execution_options(yield_per=1).execute(series)
        assert result.fetchone() == (1,)
        cursor = result.cursor
        with opened(database_url) as other, other.transaction() as transaction:
            transaction.execute(sa.text(end.format(session)))
        result.close()
        assert cursor is not None
        assert cursor.closed
        with pytest.raises(sa.exc.OperationalError):
            lost.rollback()


def test_an_error_that_quotes_a_value_of_ten_megabytes_is_short(database: Database) -> None:
    table = sa.Table("counted", sa.MetaData(), sa.Column("number", sa.Integer, primary_key=True))
    with database.transaction() as transaction:
        table.create(transaction.connection)
        transaction.execute(table.insert(), [{"number": 1}])
    with pytest.raises(DatabaseError) as refused, database.transaction() as transaction:
        transaction.insert(table, ["number"], [[LONG]])
    assert isinstance(refused.value, RowRefused)
    assert len(str(refused.value)) < 4 * VALUE_CHARACTERS
