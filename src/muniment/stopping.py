"""Asking a load to stop: the first signal lets the current chunk finish, the second ends at once.

Where nothing is in progress, as while a load waits for room on a disk, the first ends at once too. If even
the end cannot come, because a server does not answer, the process is ended: to the database that is the
same, for what was not committed is rolled back as soon as the connection is gone.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

END_SECONDS = 5.0
"""How long the end may take after a second signal: far longer than closing what is open ever does."""

INTERRUPTED_EXIT_CODE = 130
"""What shells make of a program that ended by Ctrl-C."""


class StopRequest:
    """Whether somebody asked for the end; as a context, listens to Ctrl-C and SIGTERM.

    Attributes:
        requested: somebody did.
        idle: nothing is in progress that could be finished first.
    """

    def __init__(self) -> None:
        self.requested = False
        self.idle = False
        self._former: dict[signal.Signals, object] = {}
        self._last_resort: threading.Timer | None = None

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._former[number] = signal.signal(number, self._received)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._last_resort is not None:
            self._last_resort.cancel()
        for number, former in self._former.items():
            signal.signal(number, former)  # type: ignore[arg-type]  # what signal.signal itself returned

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        at_once, self.requested = self.requested or self.idle, True
        if at_once:
            if self._last_resort is None:
                self._last_resort = threading.Timer(END_SECONDS, os._exit, (INTERRUPTED_EXIT_CODE,))
                self._last_resort.daemon = True
                self._last_resort.start()
            raise KeyboardInterrupt
