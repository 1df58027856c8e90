"""A PyMySQL connection that answers LOAD DATA LOCAL from memory and gives out no file, ever.

In this protocol the *server* names the file that it wants, and a hostile one may name any, in answer to
any statement. PyMySQL would open it. Here nothing is ever opened: the server gets the rows of the
statement in progress, if that is what it asks for, and else the connection is cut.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pymysql.connections import Connection, MySQLResult
from pymysql.constants import ER
from pymysql.err import OperationalError
from pymysql.protocol import LoadLocalPacketWrapper

from muniment.errors import DatabaseError

if TYPE_CHECKING:
    _Connection = Connection[Any]  # its type parameter exists only for the checker
else:
    _Connection = Connection

PACKET_BYTES = 256 * 1024
"""What is sent at a time: beyond this it gets no faster, and every server takes packets so large."""


class StreamingConnection(_Connection):
    """A connection on which LOAD DATA LOCAL reads what `serving` was given."""

    last_heard = 0.0
    """Seconds of the monotonic clock when a statement other than COMMIT or ROLLBACK was last answered."""

    packet_bytes = 0
    """The server's max_allowed_packet, once known: whoever sends more is cut off without an answer."""

    _name = ""
    _payload: Sequence[bytes | memoryview] = ()

    @property
    def closed(self) -> bool:
        """Whether it cannot be used any more."""
        return not self.open

    def query(self, sql: str | bytes, unbuffered: bool = False) -> int:
        """As PyMySQL's, but a statement that the server would not take is refused before it is sent."""
        statement = sql.encode(self.encoding, "surrogateescape") if isinstance(sql, str) else sql
        if len(statement) >= self.packet_bytes > 0:
            raise OperationalError(
                ER.NET_PACKET_TOO_LARGE, "this is larger than the server's max_allowed_packet"
            )
        return super().query(statement, unbuffered)

    @contextmanager
    def serving(self, payload: Sequence[bytes | memoryview]) -> Iterator[str]:
        """While the block runs, the server may ask for `payload` once, by the name that this gives."""
        self._name = f"muniment-{secrets.token_hex(8)}"
        self._payload = payload
        try:
            yield self._name
        finally:
            self._name, self._payload = "", ()

    def _read_query_result(self, unbuffered: bool = False) -> int | None:
        result = _StreamedResult(self)
        self._result: MySQLResult | None = None
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        self.last_heard = time.monotonic()
        return result.affected_rows

    def send_asked_for(self: Any, name: str) -> None:
        """Send the payload, if it has this name; else cut the connection and raise `DatabaseError`."""
        if not self._name or name != self._name:
            self._force_close()
            raise DatabaseError(
                "the server asked this computer for a file, and did not get it",
                hint="Loading never needs one: do not use this server before its operator has explained that",
            )
        self._name = ""
        for data in self._payload:
            for start in range(0, len(data), PACKET_BYTES):
                self.write_packet(data[start : start + PACKET_BYTES])


class _StreamedResult(MySQLResult):
    def _read_load_local_packet(self: Any, first_packet: Any) -> None:
        connection = self.connection
        connection.send_asked_for(LoadLocalPacketWrapper(first_packet).filename.decode("utf-8", "replace"))
        connection.write_packet(b"")
        self._read_ok_packet(connection._read_packet())
