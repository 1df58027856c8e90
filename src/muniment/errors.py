"""Every error that Muniment raises, in one tree.

    MunimentError                      where, what, and what to do about it
    ├── UsageError                     the command or call cannot be meant so        (exit 2)
    │   ├── MappingError               the mapping file, or mapping against header
    │   └── DatabaseUrlError           no such kind of database, or a URL that is none
    ├── SourceError                    the source cannot be read
    │   ├── HeaderError                the header is not what the mapping expects    (exit 2)
    │   ├── SourceChanged              not the bytes that the run began with
    │   ├── SourceTooLarge             over a bound on size or decompression ratio
    │   └── SourceIncomplete           the source ends in mid-record or mid-stream
    ├── DatabaseError                  a driver's error, wrapped at the seam, cause kept
    │   ├── RowRefused                 the database refuses a value or a row: bisect
    │   │   └── DuplicateKey           ... because its key is taken
    │   ├── DatabaseUnavailable        a connection, a lock, a restart: the chunk can be repeated
    │   │   ├── DatabaseUnreachable    ... no connection can be made: at first, the address may be wrong
    │   │   └── StatementTimeout       ... a statement took too long: fewer records at once may pass
    │   └── DatabaseExhausted          no disk or memory is left on the server, or it takes no writes
    ├── WorkerLost                     a worker's process has ended, killed by a signal or by itself
    ├── OutOfBalance                   an account does not add up: nothing was committed
    └── Interrupted                    asked to stop; what was committed stays       (exit 130)

A bad *record* is never an exception: it is a `muniment.records.Rejection`, a value. An exception
means that the run cannot go on.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

FRAMES_TOLD = 12
"""Calls of each error that `trace` tells, the innermost: those above are the same for every chunk."""


class MunimentError(Exception):
    """An error that says where it happened, what is wrong, and what to do.

    Args:
        message: what is wrong, in a sentence without a full stop at its end.
        hint: what to do about it; empty where there is nothing to say.
        where: file, line, column, table or URL (without its password) that it concerns.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def __str__(self) -> str:
        located = f"{self.where}: {self.message}" if self.where else self.message
        return f"{located}. {self.hint}" if self.hint else located


class UsageError(MunimentError):
    """The command or call cannot be meant so."""

    exit_code = 2


class MappingError(UsageError):
    """The mapping is wrong in itself, or does not fit the source."""


class DatabaseUrlError(UsageError):
    """The database URL names no database that Muniment can write to."""


class SourceError(MunimentError):
    """The source cannot be read."""


class HeaderError(SourceError):
    """The source's header is not what the mapping expects."""

    exit_code = 2


class SourceChanged(SourceError):
    """The source no longer has the bytes that the run began with."""


class SourceTooLarge(SourceError):
    """The source exceeds a bound on its size or on its decompression ratio."""


class SourceIncomplete(SourceError):
    """The source ends in mid-record or mid-stream; what came before was read."""


class DatabaseError(MunimentError):
    """A database driver's error; the driver's own is its `__cause__`."""


class RowRefused(DatabaseError):
    """The database refuses a value or a row; its neighbours may be fine."""


class DuplicateKey(RowRefused):
    """The database refuses a row because its key is taken.

    `constraint` is the name of the constraint or index, where the driver tells it.
    """

    def __init__(self, message: str, *, constraint: str = "", hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.constraint = constraint


class DatabaseUnavailable(DatabaseError):
    """The connection, a lock or the server failed; the same work can be tried again."""


class DatabaseUnreachable(DatabaseUnavailable):
    """No connection can be made: nothing answers, or what does refuses for a reason that need not pass."""


class StatementTimeout(DatabaseUnavailable):
    """A statement took longer than it may; one on fewer records may not."""


class DatabaseExhausted(DatabaseError):
    """The server has no disk or memory left, or takes no writes just now; waiting may help."""


class CommitsLost(DatabaseError):
    """The database has lost in a crash what it had committed: a load goes on from what is left."""


class WorkerLost(MunimentError):
    """A worker has ended before its time; what it had not committed was rolled back."""


class OutOfBalance(MunimentError):
    """An account does not add up; the transaction was rolled back."""


class Interrupted(MunimentError):
    """The run was asked to stop; what was committed stays and a re-run goes on."""

    exit_code = 130


def trace(error: BaseException) -> str:
    """Where an error arose, the first cause first, on one line and fit for a log.

    Errors are told by type and by the code that a database gave them, without their text: that may
    quote a row or a password.
    """
    return " -> ".join(_arising(each) for each in reversed(list(_causes(error))))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it was raised from or while handling, and so on."""
    told: set[int] = set()
    while error is not None and id(error) not in told:
        told.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _arising(error: BaseException) -> str:
    first = error.args[0] if error.args else None
    code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    code = code or (first if isinstance(first, int) else None)
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_TOLD:]
    places = [f"{'/'.join(Path(f.filename).parts[-2:])}:{f.lineno} {f.name}" for f in reversed(frames)]
    return f"{type(error).__name__}{f' {code}' if code else ''} at {' < '.join(places)}"
