"""A TCP proxy between a loader and its server that does what networks do at the worst moment.

with Proxy(server_url) as proxy:
    proxy.at(b"COMMIT", proxy.lose)
    load(..., proxy.url)
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import sqlalchemy as sa

READ_BYTES = 65_536

Action = Callable[["Line", bytes], bool]
"""Is given the line and what the client has just sent; says whether the line goes on with that."""


class Line:
    """One connection of a client, with its own connection to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.drops_replies = False

    def close(self) -> None:
        """End both connections; whoever waits on them wakes up."""
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close_client(self) -> None:
        """End the client's connection only."""
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)


class Proxy:
    """Listens on a free port and passes everything on, until it is told otherwise.

    Attributes:
        url: that of the server, by way of the proxy.
        done: how many of the actions asked for have been taken.
    """

    def __init__(self, url: str, host: str = "127.0.0.1") -> None:
        parsed = sa.make_url(url)
        self._server = (parsed.host or "127.0.0.1", parsed.port or 0)
        self._listener = socket.create_server((host, 0))
        address = parsed.set(host=host, port=self._listener.getsockname()[1])
        self.url = address.render_as_string(hide_password=False)
        self.done = 0
        self._silent = threading.Event()
        self._asked: list[tuple[bytes, Action]] = []
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Proxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in list(self._lines):
            line.close()
        for thread in list(self._threads):
            thread.join()

    def at(self, sent: bytes, action: Action) -> None:
        """The next time that a client sends these bytes, do this, once."""
        with self._lock:
            self._asked.append((sent, action))

    # --- actions ------------------------------------------------------------------------------

    def lose(self, line: Line, _data: bytes) -> bool:
        """What the client sent never reaches the server; the connection ends."""
        line.close()
        return False

    def lose_reply(self, line: Line, _data: bytes) -> bool:
        """The server gets it, and its reply is lost with the connection."""
        line.drops_replies = True
        return True

    def deliver_late(self, seconds: float) -> Action:
        """The client's connection ends at once, and the server gets it after so many seconds."""

        def action(line: Line, data: bytes) -> bool:
            line.drops_replies = True
            line.close_client()
            threading.Event().wait(seconds)
            line.server.sendall(data)
            return False

        return action

    def fall_silent(self, _line: Line, _data: bytes) -> bool:
        """From now on nothing is passed on, on this connection or a new one, and none is ended."""
        self._silent.set()
        return False

    def speak_again(self) -> None:
        """New connections are passed on again; those that were silenced are ended."""
        lines, self._lines = self._lines, []
        for line in lines:
            line.close()
        self._silent.clear()

    # --- the two directions -------------------------------------------------------------------

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server)
            except OSError:
                client.close()  # as the server itself would refuse it
                continue
            line = Line(client, server)
            self._lines.append(line)
            self._start(self._upstream, line)
            self._start(self._downstream, line)

    def _upstream(self, line: Line) -> None:
        with suppress(OSError):
            while data := line.client.recv(READ_BYTES):
                if self._silent.is_set():
                    continue
                action = self._due(data)
                if action is not None:
                    self.done += 1  # before: the load may end sooner than an action that waits
                    if not action(line, data):
                        continue
                line.server.sendall(data)
        if not self._silent.is_set():
            with suppress(OSError):
                line.server.shutdown(socket.SHUT_WR)

    def _downstream(self, line: Line) -> None:
        with suppress(OSError):
            while data := line.server.recv(READ_BYTES):
                if line.drops_replies:
                    break
                if not self._silent.is_set():
                    line.client.sendall(data)
        if not self._silent.is_set():
            line.close()

    def _due(self, data: bytes) -> Action | None:
        with self._lock:
            for number, (sent, action) in enumerate(self._asked):
                if sent in data:
                    del self._asked[number]
                    return action
        return None
