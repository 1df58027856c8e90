"""Who watches a load: the log, the progress, and the count of problems, all by the same events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from muniment.cli.account import Rejections
from muniment.cli.logs import logging_observer, start_log
from muniment.cli.options import LogFormat, LogLevel
from muniment.cli.progress import on_terminal, showing_progress
from muniment.events import Event, Observer, unobserved
from muniment.memory import economise


@dataclass(frozen=True)
class Watching:
    """How a load is to be watched, as the options say; `recorded` is one more observer."""

    log_format: LogFormat = LogFormat.TEXT
    log_level: LogLevel | None = None
    log_values: bool = False
    verbose: bool = False
    quiet: bool = False
    no_progress: bool = False
    recorded: Observer = unobserved

    @property
    def level(self) -> LogLevel:
        """The log's level; on a terminal it leaves the progress bar alone."""
        if self.log_level:
            return self.log_level
        if self.verbose:
            return LogLevel.DEBUG
        if self.quiet:
            return LogLevel.ERROR
        return LogLevel.WARNING if on_terminal() else LogLevel.INFO


@contextmanager
def watched(watching: Watching, rejections: Rejections) -> Iterator[Observer]:
    """An observer for one load, which shows, logs and counts; this program does nothing else from here on."""
    economise()
    logger = start_log(watching.level, watching.log_format, for_people=on_terminal())
    logged = logging_observer(logger, values=watching.log_values)
    with showing_progress(wanted=not (watching.quiet or watching.no_progress)) as shown:

        def observe(event: Event) -> None:
            logged(event)
            shown(event)
            rejections(event)
            watching.recorded(event)

        yield observe
