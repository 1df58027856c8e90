"""Connections of psycopg that notice a server, or a proxy before it, which says nothing any more.

Keepalives do not: a proxy that is alive acknowledges every packet, whether or not it passes it on. libpq
knows no deadline for a reply, so that it is watched here, operation by operation.
"""

from __future__ import annotations

import time
from typing import Any, Self

import psycopg
from psycopg.abc import PQGen


class _ServerCursor(psycopg.ServerCursor[Any]):
    """A server-side cursor that is closed also where closing it finds the connection lost.

    psycopg's stays open then, and warns of it when it is forgotten.
    """

    def close(self) -> None:
        """As psycopg's."""
        try:
            super().close()
        finally:
            if self.connection.closed:
                super().close()  # which asks the server for nothing any more


class _AsyncServerCursor(psycopg.AsyncServerCursor[Any]):
    """The same for asyncio."""

    async def close(self) -> None:
        """As psycopg's."""
        try:
            await super().close()
        finally:
            if self.connection.closed:
                await super().close()


class HearingConnection(psycopg.Connection[Any]):
    """A connection that is closed, with an `OperationalError`, where the server falls silent.

    `last_heard` is when the server last answered, by the monotonic clock, in seconds.
    """

    reply_seconds: float | None = None
    last_heard = 0.0

    @classmethod
    def connect_within(cls, reply_seconds: float, *arguments: Any, **named: Any) -> Self:
        """As `connect`; from then on the server may be silent for so many seconds."""
        made = cls.connect(*arguments, **named)
        made.reply_seconds = reply_seconds
        made.server_cursor_factory = _ServerCursor
        return made

    def wait(self, gen: PQGen[Any], *arguments: Any, **named: Any) -> Any:
        """As psycopg's, but not for ever."""
        told = super().wait(_heard(self, gen, self.reply_seconds), *arguments, **named)
        self.last_heard = time.monotonic()
        return told


class HearingAsyncConnection(psycopg.AsyncConnection[Any]):
    """The same for asyncio."""

    reply_seconds: float | None = None

    @classmethod
    async def connect_within(cls, reply_seconds: float, *arguments: Any, **named: Any) -> Self:
        """As `connect`; from then on the server may be silent for so many seconds."""
        made = await cls.connect(*arguments, **named)
        made.reply_seconds = reply_seconds
        made.server_cursor_factory = _AsyncServerCursor
        return made

    async def wait(self, gen: PQGen[Any], *arguments: Any, **named: Any) -> Any:
        """As psycopg's, but not for ever."""
        return await super().wait(_heard(self, gen, self.reply_seconds), *arguments, **named)


def _heard(
    connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any],
    operation: PQGen[Any],
    seconds: float | None,
) -> PQGen[Any]:
    """An operation that ends in an error when its socket has been ready for nothing for so many seconds.

    psycopg looks up from waiting ten times a second and says so by sending "nothing is ready".
    """
    last = time.monotonic()
    try:
        wanted = next(operation)
        while True:
            ready = yield wanted
            if ready:
                last = time.monotonic()
            elif seconds is not None and time.monotonic() - last > seconds:
                connection.pgconn.finish()
                raise psycopg.OperationalError(f"the server has said nothing for {seconds:g} seconds")
            wanted = operation.send(ready)
    except StopIteration as end:
        return end.value
