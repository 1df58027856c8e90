"""A real database that fails at the operation that a test chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa

from muniment.columns import Encoded
from muniment.databases.database import Database, Rows, Transaction
from muniment.errors import DatabaseUnavailable


class Death(BaseException):
    """Ends a load as SIGKILL does: what it would still do to the database, it does not do."""


class ConnectionLoss:
    """The operation with this number fails for once; the connection is lost by it."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.count = 0
        self.failed_at = ""

    def __call__(self, operation: str) -> None:
        self.count += 1
        if self.count == self.at:
            self.failed_at = operation
            raise DatabaseUnavailable("the connection is lost", where="a test")


class ProcessDeath(ConnectionLoss):
    """From the operation with this number on nothing happens any more."""

    def __call__(self, operation: str) -> None:
        self.count += 1
        if self.count >= self.at:
            self.failed_at = self.failed_at or operation
            raise Death


Strike = Callable[[str], None]
"""Is called before each operation, and after each COMMIT; raises where the operation is to fail."""


def never(_operation: str) -> None:
    """No operation fails."""


class FailingTransaction:
    """See `muniment.databases.database.Transaction`."""

    def __init__(self, transaction: Transaction, strike: Strike) -> None:
        self.connection = transaction.connection
        self._transaction = transaction
        self._strike = strike

    def execute(
        self,
        statement: sa.Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> sa.CursorResult[Any]:
        self._strike("execute")
        return self._transaction.execute(statement, parameters)

    def insert(self, table: sa.Table, columns: Sequence[str], rows: Rows | Encoded) -> None:
        self._strike(f"insert {table.name}")
        self._transaction.insert(table, columns, rows)

    def insert_missing(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
        self._strike(f"insert missing {table.name}")
        self._transaction.insert_missing(table, columns, rows)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._strike("SAVEPOINT")
        with self._transaction.savepoint():
            yield
            self._strike("RELEASE")


class FailingDatabase:
    """See `muniment.databases.database.Database`."""

    def __init__(self, database: Database, strike: Strike) -> None:
        self.label = database.label
        self.engine = database.engine
        self._database = database
        self._strike = strike

    def transaction(self) -> AbstractContextManager[Transaction]:
        return self._failing(self._database.transaction)

    def unhurried_transaction(self) -> AbstractContextManager[Transaction]:
        return self._failing(self._database.unhurried_transaction)

    def durable_transaction(self) -> AbstractContextManager[Transaction]:
        return self._failing(self._database.durable_transaction)

    def is_durable(self) -> bool:
        return self._database.is_durable()

    def encode(self, table: sa.Table, columns: Sequence[str], rows: Rows) -> Encoded | None:
        return self._database.encode(table, columns, rows)

    def schema_lock(self) -> AbstractContextManager[Transaction]:
        return self._failing(self._database.schema_lock)

    def beside(self) -> FailingDatabase:
        return FailingDatabase(self._database.beside(), self._strike)

    def break_off(self) -> None:
        self._database.break_off()

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _failing(self, begin: Callable[[], AbstractContextManager[Transaction]]) -> Iterator[Transaction]:
        self._strike("BEGIN")
        with begin() as transaction:
            yield FailingTransaction(transaction, self._strike)
            self._strike("COMMIT")
        self._strike("after COMMIT")
