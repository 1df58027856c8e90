"""The user's own loops: items transformed at leisure, and stored in batches, each exactly once.

    with muniment.batches(products, name="catalogue", key=itemgetter("sku"), every=25, to=url) as batches:
        for batch in batches:
            priced = [(product, price_of(product)) for product in batch.items]   # minutes: nothing is open
            known |= batch.store(add_products, priced)                           # one short transaction

A batch is stored by a function that is handed a session, rather than in a block that is: only a function
can be done again when the connection is lost, and no session is there to be held while the loop waits.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from muniment.batch_items import batch_item_table
from muniment.config import Settings, database_url
from muniment.databases import Database, Transaction, connect
from muniment.databases.database import rows_in, where_in
from muniment.databases.errors import driver_errors
from muniment.databases.patience import persistently
from muniment.errors import DatabaseError, DatabaseUnreachable, DuplicateKey, MunimentError, UsageError
from muniment.migrations import upgrade
from muniment.records import shortened
from muniment.stopping import StopRequest

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Given = ParamSpec("Given")

EVERY = 25
"""Items of a batch: what is done again after a fault is the work of minutes, not of hours."""

KEYS_NAMED = 50
"""Keys that an error lists: all of a batch of common size, and no screenful of a large one."""

SAVEPOINT = "muniment_batch"
"""Set before the function of a batch and released after it: it is gone where a commit came between."""


def batches(
    items: Iterable[Item],
    *,
    name: str,
    key: Callable[[Item], Hashable] | None = None,
    every: int | None = EVERY,
    to: str | None = None,
) -> Batches[Item]:
    """Items in batches, without those that an earlier sitting has stored: a context, then an iterable.

    Args:
        items: anything; read as the loop goes on.
        name: of this work in this database: what is stored under one name is not given again.
        key: tells an item from the others, as a text or a number. None: its number in their order, which
            must then be the same in every sitting.
        every: items of a batch and thus of a commit; None for a single commit at the end.
        to: the database's URL; else `MUNIMENT_DB`, else `sqlite:///muniment.db`.

    Raises:
        UsageError: `name` is empty or `every` is not positive.
    """
    return Batches(items, Progress(name, key, every, to))


class BatchSession(Session):
    """A session for the rows of one batch. It cannot commit: the batch does, with its progress."""

    def commit(self) -> None:
        """Refuse: half of a batch would be kept, and all of it count as stored."""
        raise UsageError(
            "a batch is committed as a whole, when its function returns",
            hint="Leave session.commit() out; session.flush() sends what was added",
        )

    def rollback(self) -> None:
        """Refuse: nothing of the batch would be kept, and all of it count as stored."""
        raise UsageError(
            "a batch is rolled back by an exception", hint="Raise one, or use session.begin_nested()"
        )


class Batch(Generic[Item]):
    """Some items, to be stored together.

    Attributes:
        items: in their order.
        keys: theirs.
        stored: whether they are in the database.
    """

    def __init__(self, items: Sequence[Item], keys: Sequence[str], progress: Progress) -> None:
        self.items = tuple(items)
        self.keys = tuple(keys)
        self.stored = False
        self._progress = progress

    def __str__(self) -> str:
        named = ", ".join(shortened(key) for key in self.keys[:KEYS_NAMED])
        more = f" and {len(self.keys) - KEYS_NAMED} more" if len(self.keys) > KEYS_NAMED else ""
        return f"{self._progress.name}: {named}{more}"

    def store(
        self,
        work: Callable[Concatenate[Session, Given], Outcome],
        *arguments: Given.args,
        **named: Given.kwargs,
    ) -> Outcome:
        """Store the batch by `work(session, ...)`, in one transaction with its progress.

        Where a connection, a lock or the server fails, the transaction is rolled back and `work` is called
        again, so that it must change nothing but the database. What it returns is believed only here,
        after the commit: the place to fill a cache. Objects of the session stay usable.

        `work` must not create, alter, drop or truncate tables: MySQL and MariaDB commit at such statements,
        in the middle of the batch. Nor may it write to tables that know no transactions, such as those of
        MyISAM and Aria: what it writes there stays when the batch is rolled back, and is not told apart.

        Raises:
            DatabaseError: the database refuses a row, or stays away too long; it names the batch, and
                nothing of the batch is stored. So do exceptions of `work` itself.
            UsageError: this batch is stored already, or `work` commits or rolls back by itself.
        """
        if self.stored:
            raise UsageError("this batch is stored already", where=str(self))
        outcomes: list[Outcome] = []
        claimed = False

        def claimed_work(session: Session) -> Outcome:
            nonlocal claimed
            claimed = True
            return work(session, *arguments, **named)

        try:
            self._progress.patiently(lambda: self._progress.store(self.keys, claimed_work, outcomes))
            self.stored = bool(outcomes)
            if not self.stored:
                raise UsageError("this batch is being stored already")
        except Exception as error:
            if claimed and not outcomes and self._progress.give_back(self.keys):
                raise _committed_midway(str(self)) from error
            if isinstance(error, MunimentError):
                error.where = str(self)
            raise
        self._progress.stored += len(self.keys)
        return outcomes[-1]

    def skip(self) -> None:
        """Count the items as stored, though there is nothing to store of them."""
        self.store(lambda _session: None)


class Batches(Generic[Item]):
    """The batches of `batches`; leaving the context gives back the connections.

    An exception that leaves it is given a note that names the batch which was not stored.

    Attributes:
        read, skipped, stored: items so far: seen, stored by an earlier sitting, stored by this one.
    """

    def __init__(self, items: Iterable[Item], progress: Progress) -> None:
        self._items = items
        self._progress = progress

    read = property(lambda self: self._progress.read)
    skipped = property(lambda self: self._progress.skipped)
    stored = property(lambda self: self._progress.stored)

    def __enter__(self) -> Self:
        self._progress.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.end(error)

    def __iter__(self) -> Iterator[Batch[Item]]:
        remaining = iter(self._items)
        while gathered := list(islice(remaining, self._progress.every)):
            batch = self._progress.fresh(gathered)
            if batch is not None:
                yield batch
                self._progress.must_be_stored(batch)


class Progress:
    """What of the items is stored, in the database itself; `Batches` and its async sister share it."""

    def __init__(
        self, name: str, key: Callable[[Any], Hashable] | None, every: int | None, to: str | None
    ) -> None:
        if not name:
            raise UsageError("this work needs a name, under which its progress is kept")
        if every is not None and every < 1:
            raise UsageError(f"a batch holds at least one item, not {every}")
        self.name = name
        self.every = every
        self.read = self.skipped = self.stored = 0
        self._key = key
        self._url = database_url(to)
        self._sitting = secrets.token_hex(16)
        self._database: Database | None = None
        self._current: Batch[Any] | None = None

    @property
    def database(self) -> Database:
        """The open database; raises `UsageError` outside the context."""
        if self._database is None:
            raise UsageError(
                "the batches are not open",
                hint="Write: with muniment.batches(...) as batches: for batch in batches:",
            )
        return self._database

    def begin(self) -> None:
        """Connect, and create the table of progress where it is not there yet."""
        self._database = self.patiently(partial(connect, self._url), final=(DatabaseUnreachable,))
        try:
            self.patiently(partial(upgrade, self._database, "engine"))
        except BaseException:
            self._database.close()
            raise

    def end(self, error: BaseException | None) -> None:
        """Give back the connections; add to an error which batch was not stored."""
        self.database.close()
        self._database = None
        if error is not None and self._current is not None and not self._current.stored:
            error.add_note(f"muniment: not stored, and given again by the next sitting: {self._current}")

    def patiently(self, work: Callable[[], Outcome], final: tuple[type[DatabaseError], ...] = ()) -> Outcome:
        """What `work` returns, again and again where the database cannot do it just now."""
        return persistently(
            work, settings=Settings(), stop=StopRequest(), failed=lambda _attempt, _error: None, final=final
        )

    def fresh(self, gathered: Sequence[Item]) -> Batch[Item] | None:
        """Those of some items that are not stored yet, if any; see `batches`."""
        keys = [self._key_of(item, number) for number, item in enumerate(gathered, start=self.read + 1)]
        present = self.patiently(lambda: self._present(keys))
        again = [key for key in keys if present.get(key) == self._sitting] or _repeated(keys)
        if again:
            raise UsageError(
                f"two items have the key {shortened(again[0])!r}", where=self.name, hint="Give another key="
            )
        self.read += len(gathered)
        self.skipped += len(present)
        new = [(item, key) for item, key in zip(gathered, keys, strict=True) if key not in present]
        if not new:
            return None
        items, new_keys = zip(*new, strict=True)
        self._current = Batch(items, new_keys, self)
        return self._current

    def must_be_stored(self, batch: Batch[Any]) -> None:
        """Raise `UsageError` where the loop went on without storing a batch."""
        if not batch.stored:
            raise UsageError(
                "the loop went on, and this batch was not stored",
                where=str(batch),
                hint="Call batch.store(...) once for each batch, or batch.skip()",
            )

    def store(self, keys: Sequence[str], work: Callable[[Session], Outcome], outcomes: list[Outcome]) -> None:
        """One attempt to store a batch; nothing where an earlier one has, and only its reply was lost.

        What `work` returns is added to `outcomes` when only the commit of the whole is left to do.
        """
        try:
            with self.database.transaction() as transaction:
                self._claim(transaction, keys)
                _in_session(transaction.connection, work, outcomes)
        except _AlreadyCommitted:
            self._must_be_ours(keys)

    def give_back(self, keys: Sequence[str]) -> bool:
        """Remove what this sitting has claimed of these items; whether there was anything."""
        with suppress(DatabaseError):
            ours = [key for key, sitting in self._present(keys).items() if sitting == self._sitting]
            c = batch_item_table.c
            claims = batch_item_table.delete().where(c.name == self.name, c.sitting == self._sitting)
            with self.database.transaction() as transaction:
                removed = [result.rowcount for result in where_in(transaction.execute, claims, c.item, ours)]
            return sum(removed) > 0
        return False

    def _claim(self, transaction: Transaction, keys: Sequence[str]) -> None:
        now = datetime.now(UTC)
        rows = [
            {"name": self.name, "item": key, "sitting": self._sitting, "committed_at": now} for key in keys
        ]
        try:
            transaction.execute(batch_item_table.insert(), rows)
        except DuplicateKey as taken:
            raise _AlreadyCommitted from taken

    def _must_be_ours(self, keys: Sequence[str]) -> None:
        present = self._present(keys)
        others = [key for key in keys if present.get(key) != self._sitting]
        if others:
            raise DatabaseError(
                f"another program works under the name {self.name!r}, and has stored some of these items",
                hint="Let one program at a time work under a name; run it again, and it goes on",
            )

    def _present(self, keys: Sequence[str]) -> dict[str, str]:
        c = batch_item_table.c
        query = sa.select(c.item, c.sitting).where(c.name == self.name)
        with self.database.transaction() as transaction:
            return {row.item: row.sitting for row in rows_in(transaction.execute, query, c.item, keys)}

    def _key_of(self, item: Any, number: int) -> str:
        return str(number if self._key is None else self._key(item))


class _AlreadyCommitted(Exception):
    """The items are there already."""


def _committed_midway(where: str) -> UsageError:
    return UsageError(
        "something committed in the middle of this batch, and part of it may be stored",
        where=where,
        hint="Create and alter tables before the loop: MySQL and MariaDB commit at such statements",
    )


def _in_session(
    connection: sa.Connection, work: Callable[[Session], Outcome], outcomes: list[Outcome]
) -> None:
    """Do some work in a session of an open transaction, and commit both.

    Only the session's own commit and rollback put its objects back to what they were before a failure, so
    that the next attempt can add them again.
    """
    session = BatchSession(connection, expire_on_commit=False, join_transaction_mode="control_fully")
    try:
        session.connection()  # from here on `session.begin()`, whose end would commit, is refused
        connection.dialect.do_savepoint(connection, SAVEPOINT)
        outcome = work(session)
        session.flush()
        connection.dialect.do_release_savepoint(connection, SAVEPOINT)
        outcomes.append(outcome)
        Session.commit(session)
    except BaseException:
        with suppress(*driver_errors()):
            Session.rollback(session)
        raise
    finally:
        with suppress(*driver_errors()):
            session.close()


def _repeated(keys: Sequence[str]) -> list[str]:
    return [key for key, times in Counter(keys).items() if times > 1]
