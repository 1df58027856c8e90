"""What the three databases have in common: an engine, transactions, savepoints, wrapped errors."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, Protocol, Self

import sqlalchemy as sa

from muniment.columns import Encoded
from muniment.databases.database import Rows, Transaction
from muniment.databases.engines import engine_at
from muniment.databases.errors import driver_errors, wrapped, wrapping
from muniment.databases.options import parted
from muniment.errors import (
    DatabaseError,
    DatabaseExhausted,
    DatabaseUnavailable,
    RowRefused,
    StatementTimeout,
)

FRESH_SECONDS = 1.0
"""A connection on which the server has answered so lately is not asked whether it lives before it is used
again: that would take up to a thirtieth of the time of a flat chunk, on PostgreSQL. Where it is gone, all is
tried again."""


class SupportsLastHeard(Protocol):
    """A driver's connection that knows when the server last answered, by the monotonic clock, in seconds."""

    last_heard: float

    @property
    def closed(self) -> bool:
        """Whether it cannot be used any more."""
        ...


def ask_only_the_quiet(engine: sa.Engine) -> None:
    """Have an engine ask a connection whether it lives only where the server was quiet for a while."""
    engine.dialect.do_ping = partial(_lives, engine.dialect.do_ping)  # type: ignore[method-assign]  # of this engine alone


def _lives(ping: Callable[[Any], bool], connection: SupportsLastHeard) -> bool:
    fresh = not connection.closed and time.monotonic() - connection.last_heard < FRESH_SECONDS
    return fresh or ping(connection)


class SqlTransaction(ABC):
    """An open transaction; see `muniment.databases.database.Transaction`."""

    def __init__(self, connection: sa.Connection, label: str) -> None:
        self.connection = connection
        self.label = label

    def execute(
        self,
        statement: sa.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sa.CursorResult[Any]:
        """Execute a Core statement, its errors wrapped."""
        with wrapping(self.label):
            return self.connection.execute(statement, parameters)

    def insert(self, table: sa.Table, columns: Sequence[str], rows: Rows | Encoded) -> None:
        """Insert rows by the database's bulk path; all of them, or an error."""
        if rows:
            with wrapping(table.name):
                self._insert(table, columns, rows)

    def insert_missing(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
        """Insert those rows whose primary or unique key is not there yet."""
        if rows:
            with wrapping(table.name):
                self._insert_missing(table, columns, rows)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A savepoint: rolled back to when its block raises, released otherwise."""
        with wrapping(self.label):
            nested = self.connection.begin_nested()
        try:
            yield
            nested.commit()
        except BaseException as error:
            known = wrapped(error, self.label) if isinstance(error, driver_errors()) else error
            try:
                nested.rollback()
            except driver_errors() as lost:
                # The whole transaction is undone already: to leave out some rows and go on is too late.
                if isinstance(known, RowRefused | StatementTimeout):
                    raise DatabaseUnavailable("the transaction was lost", where=self.label) from lost
            if known is not error:
                raise known from error
            raise

    def quoted(self, table: sa.Table, columns: Sequence[str]) -> tuple[str, list[str]]:
        """The names of a table and of its columns, as they are written in SQL."""
        preparer = self.connection.dialect.identifier_preparer
        return preparer.format_table(table), [preparer.quote(name) for name in columns]

    def driver_cursor(self) -> Any:
        """A cursor of the driver, on this transaction's connection."""
        return self.connection.connection.cursor()

    @abstractmethod
    def _insert(self, table: sa.Table, columns: Sequence[str], rows: Rows | Encoded) -> None: ...

    @abstractmethod
    def _insert_missing(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> None: ...


class SqlDatabase(ABC):
    """One database; see `muniment.databases.database.Database`."""

    ddl_compiler: type[sa.sql.compiler.DDLCompiler]
    """How its tables are created."""

    def __init__(self, url: sa.URL, label: str, *, workers: int = 1) -> None:
        plain, options = parted(url, label)
        self.engine = engine_at(plain, options.for_writing(), label, workers=workers)
        self.engine.dialect.ddl_compiler = self.ddl_compiler
        self.label = label
        self._url = url
        self._in_use: set[Any] = set()

    @classmethod
    def reached(cls, url: sa.URL, label: str) -> Self:
        """The database at a URL, to which one connection has been made; see `muniment.databases.connect`."""
        database = cls(url, label)
        try:
            database.must_be_usable()
        except BaseException:
            database.close()
            raise
        return database

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.label}>"

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction: committed when its block ends, rolled back when it raises."""
        with wrapping(self.label):
            connection = self._connection()
        with self._transaction_on(connection) as transaction:
            yield transaction

    @contextmanager
    def _transaction_on(self, connection: sa.Connection) -> Iterator[Transaction]:
        """A transaction on a connection that nobody uses after it."""
        driver = connection.connection.driver_connection
        self._in_use.add(driver)
        try:
            with wrapping(self.label):
                connection.begin()
            yield self._transaction(connection)
            with wrapping(self.label):
                connection.commit()
        except BaseException as error:
            known = wrapped(error, self.label) if isinstance(error, driver_errors()) else error
            self._abandon(connection, known)
            if known is not error:
                raise known from error
            raise
        finally:
            self._in_use.discard(driver)
            connection.close()

    def unhurried_transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction; for databases that know no other kind, or take it for that anyway."""
        return self.transaction()

    def durable_transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction; for servers that wait for their disk at each commit, or cannot be asked to."""
        return self.transaction()

    def is_durable(self) -> bool:
        """Whether what a durable transaction has committed is on the disk."""
        with wrapping(self.label), self.engine.connect() as connection:
            return self._waits_for_disk(connection)

    def encode(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> Encoded | None:  # noqa: ARG002 - the protocol's
        """Nothing, where a driver takes rows as they are."""
        return None

    def beside(self) -> Self:
        """The same database once more, over connections of its own; one has been made."""
        return self.reached(self._url, self.label)

    def break_off(self) -> None:
        """Have fail, soon, what other threads do in transactions; the server rolls it back."""
        for driver in tuple(self._in_use):
            self._in_use.discard(driver)  # once is enough
            self._cut_off(driver)

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    def must_be_usable(self) -> None:
        """Connect once; raise `DatabaseError` where the server is not one that Muniment can write to."""
        with wrapping(self.label), self.engine.connect() as connection:
            self._must_suit(connection)

    def _cut_off(self, driver: Any) -> None:
        """Cut a driver's connection off from its server, from another thread than the one that uses it."""
        raise NotImplementedError  # nobody writes to this database from other threads

    def _connection(self) -> sa.Connection:
        return self.engine.connect()

    def _abandon(self, connection: sa.Connection, error: BaseException) -> None:
        """Roll back, whatever state the connection is in; MySQL keeps a transaction open on some errors.

        Whoever wants the end at once does not wait for the server's answer: without its connection the
        server rolls back too. And after a failover only a new connection may find the new primary.
        """
        if not isinstance(error, Exception):
            self._drop(connection)
            return
        try:
            connection.rollback()
            if isinstance(error, DatabaseUnavailable | DatabaseExhausted):
                self._drop(connection)
        except driver_errors():
            self._drop(connection)

    def _drop(self, connection: sa.Connection) -> None:
        """Do not use this connection again: nobody knows its state."""
        connection.invalidate()

    def _must_be_at_least(self, name: str, found: tuple[Any, ...] | None, needed: tuple[int, ...]) -> None:
        if found is None or tuple(found[: len(needed)]) < needed:
            told, wanted = (".".join(map(str, version or ("?",))) for version in (found, needed))
            hint = f"Muniment needs {wanted} or newer"
            raise DatabaseError(f"this is {name} {told}", hint=hint, where=self.label)

    @abstractmethod
    def schema_lock(self) -> AbstractContextManager[Transaction]:
        """A transaction under which no one else creates or upgrades the schema."""

    @abstractmethod
    def _transaction(self, connection: sa.Connection) -> SqlTransaction: ...

    @abstractmethod
    def _must_suit(self, connection: sa.Connection) -> None:
        """Raise `DatabaseError` where this server cannot hold what Muniment stores."""

    @abstractmethod
    def _waits_for_disk(self, connection: sa.Connection) -> bool:
        """Whether the end of a durable transaction waits until the disk has it."""
