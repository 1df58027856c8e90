"""The faults that a load must survive, by number, and which tests bring them about on which database.

A test that brings a fault about is marked: `@fault(7, "postgresql", "mariadb")`. Without the name of a
database it holds for every one, be it that it runs on each or that the fault is met before any is reached.
The matrix in `docs/reliability.md` is made from these marks, which are read, not run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

DATABASES = ("sqlite", "postgresql", "mariadb")

TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}

FAULTS = {
    1: ("a loader is killed (SIGKILL)", "the next one goes on exactly there"),
    2: ("a worker is killed for memory", "the same; the parent names the signal"),
    3: ("memory runs out (MemoryError)", "the chunk is rolled back, the error is clear"),
    4: ("SIGTERM, Ctrl-C", "the chunk is finished or rolled back; exit code 130; a second one ends at once"),
    5: ("a loader is stopped for long, then continued", "the ledger's key keeps it from doing work twice"),
    6: ("COMMIT is lost before the server", "the next attempt loads the chunk"),
    7: ("the reply to COMMIT is lost", "the chunk is not loaded twice"),
    8: ("COMMIT lands late", "the next attempt waits, and finds the chunk committed"),
    9: ("the connection is ended amid bulk writing", "the chunk is done again"),
    10: ("the server is killed and started again", "nothing lost, nothing twice"),
    11: ("a crash loses what was committed", "the gap is noticed, and loaded again"),
    12: ("the server is starting up", "attempts with growing pauses"),
    13: ("the network is cut without a word", "found by keepalives, and the chunk is done again"),
    14: ("keepalives of asyncpg, which takes none of libpq's", "set on its socket"),
    15: ("a proxy acknowledges and never answers", "found by a deadline of the program's own"),
    16: ("idle in a transaction for too long", "no transaction is open while a load waits; else tried again"),
    17: ("idle for too long", "a new connection at the next chunk"),
    18: ("a reader too slow for the server", "an error amid the stream, never a short result"),
    19: ("a packet too large for the server", "smaller packets, or the record is quarantined"),
    20: ("deadlock", "the chunk is done again"),
    21: ("serialisation failure", "the chunk is done again"),
    22: ("a lock is held for too long", "rolled back, and the chunk is done again"),
    23: ("too many connections", "tried again"),
    24: ("an old snapshot hides new rows of the ledger", "each statement sees what is committed"),
    25: ("the upgrade of a read lock fails at once", "a transaction that writes begins with the write lock"),
    26: ("the disk is full", "nothing half visible; the load waits for room, says so, and goes on"),
    27: ("a table without transactions", "refused"),
    28: ("a lax sql_mode", "the session sets its own"),
    29: ("a character of 4 bytes for a column of 3", "the record is quarantined"),
    30: ("NUL in text", "the record is quarantined, on every database alike"),
    31: ("half a character (lone surrogate)", "the record is quarantined, its bytes escaped"),
    32: ("numbers too large, text too long", "the record is quarantined"),
    33: ("text in a column of integers", "refused: tables are STRICT"),
    34: ("a field over 131,072 characters", "loads within the bound, else it is quarantined alone"),
    35: ("an unbalanced quote", "costs one record"),
    36: ("an undecodable byte", "costs one record, whose bytes are kept"),
    37: ("positions in quoted, multi-byte text", "are counted in bytes"),
    38: ("the source has changed since the last run", "refused"),
    39: ("the source is cut off", "incomplete, never done"),
    40: ("the source still grows", "what came later does not belong to it"),
    41: ("the clock jumps", "durations are measured with a monotonic clock"),
    42: ("a connection is shared across a fork", "workers are forked from what has none"),
    43: ("a name longer than 63 bytes in the header", "columns are mapped by their whole name"),
    44: ("every record is bad", "the reject budget stops the run early"),
}
"""What goes wrong, and what is expected then."""

_NO_SERVER = "no server, no network"
_NO_LOCKS_OF_ROWS = "one writer at a time"

DOES_NOT_APPLY = {
    **{(number, "sqlite"): _NO_SERVER for number in (*range(6, 11), *range(12, 20), 23)},
    **{(number, "sqlite"): _NO_LOCKS_OF_ROWS for number in (20, 21, 24)},
    (21, "mariadb"): "not at READ COMMITTED",
    **{(number, "postgresql"): "no such bound" for number in (18, 19)},
    **{(number, name): "SQLite only" for number in (25, 33) for name in ("postgresql", "mariadb")},
    **{(number, name): "MariaDB only" for number in (27, 28, 29) for name in ("sqlite", "postgresql")},
    **{(14, name): "PostgreSQL only" for name in ("sqlite", "mariadb")},
}
"""Faults that a kind of database cannot have, and why."""

NOT_COVERED = {
    (26, "mariadb"): "InnoDB mostly ends when a disk of its tables is full; then fault 10",
}
"""Why a fault has no test on a kind of database."""


def fault(number: int, *databases: str) -> pytest.MarkDecorator:
    """Marks a test that brings a fault of the catalogue about, on these kinds of database or on each."""
    if number not in FAULTS or not set(databases) <= set(DATABASES):
        raise ValueError(f"no fault {number}, or no database among {databases}")
    return pytest.mark.fault(number, *databases)


@dataclass(frozen=True)
class Mark:
    """One mark of one test: the test's file below `tests`, its name, and the databases it holds for."""

    number: int
    file: str
    test: str
    databases: tuple[str, ...]


def marks() -> list[Mark]:
    """All marks of the test suite, in the order of their faults."""
    found = [mark for path in sorted(TESTS.rglob("test_*.py")) for mark in _marks_in(path)]
    return sorted(found, key=lambda mark: (mark.number, mark.file))


def _marks_in(path: Path) -> Iterator[Mark]:
    text = path.read_text(encoding="utf-8")
    if "fault(" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            for each in node.decorator_list:
                if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "fault":
                    number, *names = (ast.literal_eval(argument) for argument in each.args)
                    file = path.relative_to(TESTS).as_posix()
                    yield Mark(number, file, node.name, tuple(names) or DATABASES)


def matrix() -> str:
    """The faults by database, as Markdown: tested, not covered, or why the fault cannot be."""
    proven = {(mark.number, name) for mark in marks() for name in mark.databases}
    titles = " | ".join(TITLES[name] for name in DATABASES)
    lines = [f"| | fault | what is expected | {titles} |", "|---|---|---|---|---|---|"]
    for number, (what, expected) in FAULTS.items():
        cells = " | ".join(_cell(number, name, proven) for name in DATABASES)
        lines.append(f"| {number} | {what} | {expected} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(number: int, name: str, proven: set[tuple[int, str]]) -> str:
    if (number, name) in proven:
        return "tested"
    if (number, name) in DOES_NOT_APPLY:
        return f"– {DOES_NOT_APPLY[number, name]}"
    reason = NOT_COVERED.get((number, name))
    return f"not covered: {reason}" if reason else "not covered"


def proofs() -> str:
    """The tests of each fault, as Markdown."""
    lines = ["| | tests |", "|---|---|"]
    for number in FAULTS:
        told = [
            f"`{mark.file}`: {mark.test.removeprefix('test_').replace('_', ' ')}"
            for mark in marks()
            if mark.number == number
        ]
        if told:
            lines.append(f"| {number} | {'; '.join(dict.fromkeys(told))} |")
    return "\n".join(lines) + "\n"
