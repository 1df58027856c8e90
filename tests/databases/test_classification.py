"""What each error of a driver means for the work in hand, line by line."""

from __future__ import annotations

import sqlite3
import traceback

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from muniment.databases.errors import mysql_error, postgresql_error, wrapped
from muniment.errors import (
    DatabaseError,
    DatabaseExhausted,
    DatabaseUnavailable,
    DatabaseUnreachable,
    DuplicateKey,
    RowRefused,
    StatementTimeout,
)

POSTGRESQL = {
    DatabaseUnavailable: "40001 40P01 55P03 57P01 57P02 57P03 57P05 25P03"
    " 08000 08001 08003 08006 08007 53300",
    DatabaseExhausted: "53100 53200 25006",
    RowRefused: "22001 22003 22P02 23502 23503 23514 54000",
    DuplicateKey: "23505",
    DatabaseError: "28000 28P01 3D000 42501 42601 42P01 0A000 08P01 57014 XX000",
}
MYSQL = {
    DatabaseUnavailable: "1205 1213 1020 1040 1203 1226 1053 1158 1159 1160 1161 1927 2006 2013 2055 4031",
    DatabaseUnreachable: "2002 2003",
    DatabaseExhausted: "1021 1114 1290 1792",
    RowRefused: "1048 1264 1292 1366 1406 1452 4025 3819 1153",
    DuplicateKey: "1062",
    StatementTimeout: "1969 3024",
    DatabaseError: "1044 1045 1049 1054 1142 1146 1317",
}
SQLITE = {
    DatabaseUnavailable: "BUSY LOCKED BUSY_SNAPSHOT",
    DatabaseExhausted: "FULL IOERR IOERR_WRITE",
    RowRefused: "CONSTRAINT_CHECK CONSTRAINT_NOTNULL CONSTRAINT_FOREIGNKEY TOOBIG MISMATCH",
    DuplicateKey: "CONSTRAINT_UNIQUE CONSTRAINT_PRIMARYKEY",
    DatabaseError: "CORRUPT NOTADB READONLY INTERRUPT",
}


def cases(table: dict[type[DatabaseError], str]) -> list[tuple[str, type[DatabaseError]]]:
    return [(code, meaning) for meaning, codes in table.items() for code in codes.split()]


@pytest.mark.parametrize(("state", "meaning"), cases(POSTGRESQL))
def test_what_postgresql_reports(state: str, meaning: type[DatabaseError]) -> None:
    kind = psycopg.errors.lookup(state) if state != "XX000" else psycopg.errors.InternalError_
    assert type(wrapped(kind("it failed"), "here")) is meaning


@pytest.mark.parametrize(("state", "meaning"), cases(POSTGRESQL))
def test_other_drivers_of_postgresql_mean_the_same(state: str, meaning: type[DatabaseError]) -> None:
    error = postgresql_error(state, "it failed.\nDETAIL: a row", "here")
    assert (type(error), error.message) == (meaning, "it failed")


def test_a_limit_on_time_is_told_from_an_operator_who_cancels() -> None:
    cancelled = psycopg.errors.QueryCanceled("canceling statement due to user request")
    assert type(wrapped(cancelled, "here")) is DatabaseError
    too_long = psycopg.errors.QueryCanceled("canceling statement due to statement timeout")
    assert type(wrapped(too_long, "here")) is StatementTimeout


@pytest.mark.parametrize(
    ("told", "meaning"),
    [
        ('connection failed: FATAL:  too many connections for role "loader"', DatabaseUnavailable),
        ("connection failed: FATAL:  sorry, too many clients already", DatabaseUnavailable),
        ("connection failed: FATAL:  the database system is starting up", DatabaseUnavailable),
        ("connection failed: Connection refused", DatabaseUnavailable),
        ("connection failed: Connection refused\n\tIs the server running on that host", DatabaseUnreachable),
        ("failed to resolve host 'db': [Errno -2] Name or service not known", DatabaseUnreachable),
        ("connection timeout expired", DatabaseUnreachable),
        ("connection failed: FATAL:  Passwort-Authentifizierung fehlgeschlagen", DatabaseUnreachable),
        ("consuming input failed: server closed the connection unexpectedly", DatabaseUnavailable),
        ('connection failed: FATAL:  password authentication failed for user "loader"', DatabaseError),
        ('connection failed: FATAL:  role "loader" does not exist', DatabaseError),
        ('connection failed: FATAL:  role "loader" is not permitted to log in', DatabaseError),
        ('connection failed: FATAL:  database "collection" does not exist', DatabaseError),
    ],
)
def test_what_psycopg_reports_without_a_state(told: str, meaning: type[DatabaseError]) -> None:
    assert type(wrapped(psycopg.OperationalError(told), "here")) is meaning


def test_a_refusal_in_another_language_hints_at_the_user_too() -> None:
    told = psycopg.OperationalError("connection failed: FATAL:  Passwort-Authentifizierung fehlgeschlagen")
    assert "password" in wrapped(told, "here").hint


def test_a_value_that_psycopg_cannot_send_refuses_its_row() -> None:
    assert type(wrapped(psycopg.DataError("PostgreSQL text fields cannot contain NUL"), "here")) is RowRefused


@pytest.mark.parametrize(("code", "meaning"), cases(MYSQL))
def test_what_mysql_and_mariadb_report(code: str, meaning: type[DatabaseError]) -> None:
    assert type(mysql_error(int(code), "it failed", "here")) is meaning
    assert type(wrapped(pymysql.err.OperationalError(int(code), "it failed"), "here")) is meaning


@pytest.mark.parametrize(("name", "meaning"), cases(SQLITE))
def test_what_sqlite_reports(name: str, meaning: type[DatabaseError]) -> None:
    error = sqlite3.OperationalError("it failed")
    error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{name}")
    assert type(wrapped(error, "here")) is meaning


@pytest.mark.parametrize(
    "error", [OverflowError("too large"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no")]
)
def test_a_value_that_cannot_be_bound_refuses_its_row(error: Exception) -> None:
    assert type(wrapped(error, "here")) is RowRefused


@pytest.mark.parametrize(
    ("state", "told", "kept"),
    [
        ("22P02", 'invalid input syntax for type integer: "a "SECRET" b"', 'type integer: "…"'),
        ("22003", 'value "SECRET" is out of range for type integer', 'value "…" is out of range for type'),
        ("22008", 'date/time field value out of range: "SECRET"', 'out of range: "…"'),
        ("23502", 'null value in column "price" of relation "loan"', 'in column "price" of relation "loan"'),
        ("23505", 'duplicate key value violates unique constraint "loan_pkey"', 'constraint "loan_pkey"'),
    ],
)
def test_a_message_of_postgresql_keeps_names_and_no_value(state: str, told: str, kept: str) -> None:
    error = psycopg.errors.lookup(state)(f"{told}\nDETAIL:  Key (number)=(SECRET)")
    known = wrapped(error, "here")
    assert kept in known.message
    assert "SECRET" not in told_in_a_traceback(known, error)


@pytest.mark.parametrize(
    ("code", "told", "kept"),
    [
        (1062, "Duplicate entry 'SECRET' for key 'x' for key 'number'", "entry '…' for key 'number'"),
        (1366, "Incorrect integer value: 'SECRET' for column `b`.`c` at row 1", "'…' for column `b`.`c`"),
        (1292, "Truncated incorrect DOUBLE value: 'SECRET'", "Truncated incorrect DOUBLE value: '…'"),
        (1048, "Column 'c' cannot be null", "Column 'c' cannot be null"),
        (1406, "Data too long for column 'c' at row 1", "Data too long for column 'c' at row 1"),
    ],
)
def test_a_message_of_mysql_keeps_names_and_no_value(code: int, told: str, kept: str) -> None:
    error = pymysql.err.IntegrityError(code, told)
    raised = sa.exc.IntegrityError("INSERT ...", {}, error, hide_parameters=True)
    known = wrapped(raised, "here")
    assert kept in known.message
    assert "SECRET" not in told_in_a_traceback(known, error)
    assert kept in str(raised)
    assert "SECRET" not in str(raised)
    assert error.args[0] == code


def told_in_a_traceback(known: Exception, cause: Exception) -> str:
    try:
        raise known from cause
    except type(known) as raised:
        return "".join(traceback.format_exception(raised))
