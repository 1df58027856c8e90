"""What was found of a server, and how grave it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from muniment.databases.engines import SPARE_CONNECTIONS


class Level(StrEnum):
    """How grave a finding is; a load refuses to begin where one is fatal."""

    FATAL = "fatal"
    WARNING = "warning"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a server or a database.

    Attributes:
        level: how grave it is.
        subject: the setting or thing that it concerns, such as `max_connections`.
        message: what is so, and what comes of it.
        change: the statement or step that changes it; empty where there is nothing to do.
    """

    level: Level
    subject: str
    message: str
    change: str = ""


def fatal(subject: str, message: str, change: str) -> Finding:
    """A finding with which no load can go well."""
    return Finding(Level.FATAL, subject, message, change)


def warning(subject: str, message: str, change: str) -> Finding:
    """A finding with which a load goes well, but slower, or others do not."""
    return Finding(Level.WARNING, subject, message, change)


def fine(subject: str, message: str) -> Finding:
    """A finding that is as it should be."""
    return Finding(Level.FINE, subject, message)


def of_connections(workers: int, allowed: Mapping[str, int], in_use: int, change: str) -> Finding:
    """Whether a server takes the connections of so many workers.

    Args:
        workers: loaders at once.
        allowed: the server's limits by name; 0 or less is none.
        in_use: connections of all programs now.
        change: what raises the smallest limit, with `{needed}` for the number.
    """
    needed = workers + SPARE_CONNECTIONS
    limits = {name: limit for name, limit in allowed.items() if limit > 0}
    name, limit = min(limits.items(), key=lambda pair: pair[1])
    told = f"{limit}, of which {in_use} are in use; {workers} workers need up to {needed}"
    raising = change.format(name=name, needed=needed + in_use)
    if needed > limit:
        return fatal(name, told, raising)
    return warning(name, told, raising) if needed > limit - in_use else fine(name, told)
