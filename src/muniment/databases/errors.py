"""The seam where drivers' errors become Muniment's: what each means for the work in hand.

    repeat the chunk        DatabaseUnavailable
    repeat it smaller       StatementTimeout
    pause and say so        DatabaseExhausted
    bisect, quarantine      RowRefused, DuplicateKey
    stop                    DatabaseError

An operator's cancelling of a statement is none of the first three: it stops the run.

Messages carry the driver's own first sentence, cut to a bound, and no parameters: those of a statement
are hidden by the engines, the details that PostgreSQL adds, which quote rows, are left out, and so is a value
that the sentence itself quotes.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa

from muniment.errors import (
    DatabaseError,
    DatabaseExhausted,
    DatabaseUnavailable,
    DatabaseUnreachable,
    DuplicateKey,
    MunimentError,
    RowRefused,
    StatementTimeout,
)
from muniment.records import shortened

if TYPE_CHECKING:
    import psycopg
    import pymysql

UNBINDABLE = (OverflowError, UnicodeEncodeError)
"""What drivers raise for a value that does not fit the wire: an integer over 64 bits, half a character."""

POSTGRESQL_UNAVAILABLE = (
    "40001",
    "40P01",
    "55P03",
    "57P01",
    "57P02",
    "57P03",
    "57P05",
    "25P03",
    "08000",
    "08001",
    "08003",
    "08006",
    "08007",
    "53300",
)
"""Beginnings of SQLSTATEs, as the next two."""
POSTGRESQL_EXHAUSTED = ("53100", "53200", "25006")
POSTGRESQL_REFUSED = ("22", "23", "54000")
POSTGRESQL_READ_ONLY = "25006"
POSTGRESQL_DUPLICATE = "23505"
POSTGRESQL_CANCELLED = "57014"
TIMED_OUT_IN = {
    "Sets the maximum allowed duration of any statement.": "canceling statement due to statement timeout"
}
"""What tells a time limit from an operator, who cancels with the same SQLSTATE: the server's words alone.
They are in its language, which is known by its words for that setting; `session.py` learns new ones."""

MYSQL_UNAVAILABLE = frozenset(
    (
        1020,
        1040,
        1053,
        1158,
        1159,
        1160,
        1161,
        1203,
        1205,
        1213,
        1226,
        1927,
        2006,
        2013,
        2055,
        4031,
    )
)
MYSQL_UNREACHABLE = frozenset((2002, 2003))
MYSQL_NO_TLS = 2026
TLS_REFUSED = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER")
"""Of OpenSSL, as drivers quote it: no such certificate, no TLS at all. Other failures of it may pass."""
MYSQL_EXHAUSTED = frozenset((1021, 1114, 1290, 1792))
MYSQL_READ_ONLY = frozenset((1290, 1792))
MYSQL_CANCELLED = 1317
MYSQL_TIMED_OUT = frozenset((1969, 3024))
"""MariaDB's max_statement_time and MySQL's max_execution_time."""
MYSQL_DUPLICATE = frozenset((1062, 1586))
MYSQL_REFUSED = frozenset(
    (1048, 1153, 1261, 1262, 1263, 1264, 1265, 1292, 1364, 1366, 1406, 1411, 1452, 1690, 3819, 4025)
)

SQLITE_UNAVAILABLE = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))
SQLITE_EXHAUSTED = frozenset((sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM))
SQLITE_DUPLICATE = frozenset(
    (
        sqlite3.SQLITE_CONSTRAINT_UNIQUE,
        sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        sqlite3.SQLITE_CONSTRAINT_ROWID,
    )
)
SQLITE_REFUSED = frozenset((sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH))

POSTGRESQL_QUOTING = "22"
"""The beginning of the SQLSTATEs whose messages quote values, and no names."""

QUOTED_BY_POSTGRESQL = re.compile(r'".*"', re.DOTALL)
QUOTED_BY_MYSQL = re.compile(r"'.*'(?= for (?:column|key|function)\b)|(?<=value: )'.*'$", re.DOTALL)
"""The value in a message, up to the last of what may end it: it may hold quotes itself."""

COPIED_COLUMN = re.compile(r"COPY [^,]+, line \d+, column ([^:,\n]+)")
"""Where PostgreSQL tells of which column a value was that COPY could not read."""

TRY_AGAIN = "Nothing of this transaction was stored; the same can be tried again"
LOOK_AT_SERVER = "Check that the server runs and can be reached"
LOOK_AT_REFUSAL = f"{LOOK_AT_SERVER}, and the user name, password and database in the URL"
"""Of a refusal in a language that is not understood here."""
MAKE_ROOM = "Make room on the database server, or ask whoever runs it to, then run again"
TAKES_NO_WRITES = "It is a standby, or somebody has set it read-only: the URL should lead to the primary"
SOMEBODY_CANCELLED = "Somebody who runs the server cancelled it. Run the same command again to go on"
LIMIT_TOO_SHORT = "A time limit of the server or the session is too short for it: raise that"
ASK_FOR_RIGHTS = (
    "Check the user name, the password and the rights of that user. Messages and proposed commands leave the "
    "password out: put it back into the URL, or set MUNIMENT_DB"
)
LOST_IN_A_CRASH = (
    "It crashed before that was on its disk. Run the same command again if the load ends here: it loads what"
    " is missing"
)
NAME_A_DATABASE = "Create the database, or correct its name in the URL"

CHECK_TLS = (
    "Check sslmode, sslrootcert and the host in the URL: the server must have a certificate, for this host, "
    "by an authority that is believed here"
)

CONNECTION_REFUSALS = (
    ("password authentication failed", ASK_FOR_RIGHTS),
    ("no password supplied", ASK_FOR_RIGHTS),
    ("pg_hba.conf", ASK_FOR_RIGHTS),
    ("not permitted to log in", ASK_FOR_RIGHTS),
    ("does not exist", NAME_A_DATABASE),
    ("certificate", CHECK_TLS),
    ("does not support SSL", CHECK_TLS),
)
"""What PostgreSQL says on connecting that no retry mends. Such errors have no SQLSTATE to go by."""

CONNECTION_PASSING = (
    "starting up",
    "shutting down",
    "terminating",
    "not yet accepting",
    "too many",
    "connection slots",
)
"""What PostgreSQL says on connecting that passes by itself."""

CONNECTION_NEVER_MADE = ("FATAL:", "Is the server running", "failed to resolve host", "timeout expired")
"""Of errors on connecting, as against those of a connection that was lost. In another language than English
a server's refusal is not understood, and might be of either kind."""

SQLITE_HINTS = {
    sqlite3.SQLITE_CANTOPEN: "Check the path and who may write there",
    sqlite3.SQLITE_READONLY: "Check the path and who may write there",
    sqlite3.SQLITE_NOTADB: "Name another file, or one that does not exist yet",
    sqlite3.SQLITE_CORRUPT: "Bring back a copy of it from before it was damaged",
}

MYSQL_HINTS = {1044: ASK_FOR_RIGHTS, 1045: ASK_FOR_RIGHTS, 1698: ASK_FOR_RIGHTS, 1049: NAME_A_DATABASE}


def driver_errors() -> tuple[type[Exception], ...]:
    """What a database can raise, for `except`, which asks when there is something to catch."""
    return (sa.exc.SQLAlchemyError, sqlite3.Error, *_errors_of("psycopg"), *_errors_of("pymysql"))


def _errors_of(driver: str) -> tuple[type[Exception], ...]:
    """What a driver raises; nothing where it is not imported yet, which only its own database asks for."""
    error = getattr(sys.modules.get(driver), "Error", None)
    return () if error is None else (error,)


@contextmanager
def wrapping(where: str) -> Iterator[None]:
    """Let what the drivers raise in this block leave it as a `DatabaseError`.

    Args:
        where: the database or table that it concerns.
    """
    try:
        yield
    except driver_errors() + UNBINDABLE as error:
        raise wrapped(error, where) from _driver_error(error)


def wrapped(error: BaseException, where: str) -> MunimentError:
    """The error of `muniment.errors` that a driver's error amounts to, which quotes no row any more."""
    cause = _driver_error(error)
    if isinstance(cause, MunimentError):
        return cause
    known = _known(cause, where)
    forget_values(error, known.message)
    return known


def forget_values(error: BaseException, message: str) -> None:
    """Leave of a driver's error no other text than this: as a cause it is part of tracebacks."""
    cause = _driver_error(error)
    for each in (error, cause, cause.__cause__):
        if each is not None and not isinstance(each, (MunimentError, *UNBINDABLE)):
            code = [number for number in each.args[:1] if isinstance(number, int)]
            each.args = (*code, message)
            for more in ("detail", "hint", "context"):  # which asyncpg adds to its text
                if isinstance(getattr(each, more, None), str):
                    setattr(each, more, None)


def _known(cause: BaseException, where: str) -> DatabaseError:
    if isinstance(cause, UNBINDABLE):
        return RowRefused(f"a value cannot be stored: {_first_sentence(cause)}", where=where)
    if isinstance(cause, _errors_of("psycopg")):
        return _postgresql(cast("psycopg.Error", cause), where)
    if isinstance(cause, _errors_of("pymysql")):
        return _mysql(cast("pymysql.err.Error", cause), where)
    if isinstance(cause, sqlite3.Error):
        return _sqlite(cause, where)
    if isinstance(cause, sa.exc.TimeoutError):
        return DatabaseUnavailable("all connections are in use", hint=TRY_AGAIN, where=where)
    return DatabaseError(_first_sentence(cause), where=where)


def _driver_error(error: BaseException) -> BaseException:
    original = error.orig if isinstance(error, sa.exc.StatementError) else None
    return error if original is None else original


def _first_sentence(error: BaseException | str) -> str:
    lines = str(error).strip().splitlines()
    return shortened(lines[0].rstrip(".")) if lines else type(error).__name__


def _postgresql(error: psycopg.Error, where: str) -> DatabaseError:
    if error.sqlstate is None:
        return _postgresql_without_state(error, where)
    diag = error.diag
    told, constraint, column = diag.message_primary or error, diag.constraint_name, diag.column_name
    if column is None and (copied := COPIED_COLUMN.match(diag.context or "")):
        column = copied[1]
    return postgresql_error(error.sqlstate, told, where, constraint=constraint or "", column=column or "")


def postgresql_error(
    state: str, told: BaseException | str, where: str, *, constraint: str = "", column: str = ""
) -> DatabaseError:
    """The error that one of PostgreSQL with this SQLSTATE amounts to, whichever driver raised it."""
    if state.startswith(POSTGRESQL_QUOTING):
        told = QUOTED_BY_POSTGRESQL.sub('"…"', str(told))
    message = _first_sentence(told)
    if state == POSTGRESQL_DUPLICATE:
        return DuplicateKey(message, constraint=constraint, where=where)
    if state == POSTGRESQL_CANCELLED:
        return _cut_short(message, where, by_time=any(words in message for words in TIMED_OUT_IN.values()))
    if state.startswith(POSTGRESQL_UNAVAILABLE):
        return DatabaseUnavailable(message, hint=TRY_AGAIN, where=where)
    if state.startswith(POSTGRESQL_EXHAUSTED):
        return _exhausted(message, where, read_only=state == POSTGRESQL_READ_ONLY)
    if state.startswith(POSTGRESQL_REFUSED):
        return RowRefused(f"{column}: {message}" if column else message, where=where)
    hint = ASK_FOR_RIGHTS if state.startswith(("28", "42501")) else ""
    return DatabaseError(message, hint=hint, where=where)


def _cut_short(message: str, where: str, *, by_time: bool) -> DatabaseError:
    if by_time:
        return StatementTimeout(message, hint=LIMIT_TOO_SHORT, where=where)
    return DatabaseError(message, hint=SOMEBODY_CANCELLED, where=where)


def _exhausted(message: str, where: str, *, read_only: bool) -> DatabaseExhausted:
    return DatabaseExhausted(message, hint=TAKES_NO_WRITES if read_only else MAKE_ROOM, where=where)


def _postgresql_without_state(error: psycopg.Error, where: str) -> DatabaseError:
    import psycopg

    text = str(error)
    message = _first_sentence(text.rsplit("FATAL:", 1)[-1])
    if isinstance(error, psycopg.DataError):
        return RowRefused(message, where=where)
    if not isinstance(error, psycopg.OperationalError):
        return DatabaseError(message, where=where)
    for words, hint in CONNECTION_REFUSALS:
        if words in text:
            return DatabaseError(message, hint=hint, where=where)
    passing = any(words in text for words in CONNECTION_PASSING)
    never_made = not passing and any(words in text for words in CONNECTION_NEVER_MADE)
    kind = DatabaseUnreachable if never_made else DatabaseUnavailable
    hint = LOOK_AT_REFUSAL if never_made and "FATAL:" in text else LOOK_AT_SERVER
    return kind(message, hint=hint, where=where)


def _mysql(error: pymysql.err.Error, where: str) -> DatabaseError:
    import pymysql

    code = error.args[0] if error.args and isinstance(error.args[0], int) else -1
    told = str(error.args[1]) if len(error.args) > 1 else str(error)
    if isinstance(error, pymysql.err.InterfaceError):
        return DatabaseUnavailable(told or "the connection is closed", hint=TRY_AGAIN, where=where)
    data = isinstance(error, pymysql.err.DataError | pymysql.err.IntegrityError)
    return mysql_error(code, told, where, refused=data)


def mysql_error(code: int, told: str, where: str, *, refused: bool = False) -> DatabaseError:
    """The error that a MySQL or MariaDB error or warning with this code and text amounts to.

    One whose code says nothing in particular is a `RowRefused` where `refused` says that a row caused it.
    """
    message = _first_sentence(QUOTED_BY_MYSQL.sub("'…'", told))
    if code in MYSQL_DUPLICATE:
        named = re.search(r"for key '(?:[^']*\.)?([^'.]+)'\s*$", told)
        return DuplicateKey(message, constraint=named[1] if named else "", where=where)
    if code == MYSQL_CANCELLED or code in MYSQL_TIMED_OUT:
        return _cut_short(message, where, by_time=code != MYSQL_CANCELLED)
    if code == MYSQL_NO_TLS or (code in MYSQL_UNREACHABLE and any(words in told for words in TLS_REFUSED)):
        return DatabaseError(message, hint=CHECK_TLS, where=where)
    if code in MYSQL_UNREACHABLE:
        return DatabaseUnreachable(message, hint=LOOK_AT_SERVER, where=where)
    if code in MYSQL_UNAVAILABLE:
        return DatabaseUnavailable(message, hint=TRY_AGAIN, where=where)
    if code in MYSQL_EXHAUSTED:
        return _exhausted(message, where, read_only=code in MYSQL_READ_ONLY)
    if refused or code in MYSQL_REFUSED:
        return RowRefused(message, where=where)
    return DatabaseError(message, hint=MYSQL_HINTS.get(code, ""), where=where)


def _sqlite(error: sqlite3.Error, where: str) -> DatabaseError:
    extended = getattr(error, "sqlite_errorcode", None) or 0
    code = extended & 0xFF
    message = _first_sentence(error)
    if extended in SQLITE_DUPLICATE:
        return DuplicateKey(message, constraint=message.partition(": ")[2], where=where)
    if code in SQLITE_UNAVAILABLE:
        return DatabaseUnavailable(f"{message} by another program", hint=TRY_AGAIN, where=where)
    if code in SQLITE_EXHAUSTED:
        return DatabaseExhausted(message, hint="Make room on the disk, then run again", where=where)
    if code in SQLITE_REFUSED or isinstance(error, sqlite3.DataError):
        return RowRefused(message, where=where)
    return DatabaseError(message, hint=SQLITE_HINTS.get(code, ""), where=where)
