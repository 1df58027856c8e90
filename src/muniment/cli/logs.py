"""The log: structlog on stderr, one line an event, whatever a cell may hold."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from muniment.cli.options import LogFormat, LogLevel
from muniment.cli.output import visible
from muniment.events import (
    AttemptFailed,
    ChunkCommitted,
    Event,
    Observer,
    RecordRejected,
    RunEnded,
    RunStarted,
    SourceRemark,
)
from muniment.records import Problem, reasons

KEY_ORDER = (
    *("timestamp", "level", "event", "run", "source", "record", "line", "key", "codes", "messages"),
    *("chunk", "records", "attempt", "message", "hint", "trace"),
)


class _StandardError:
    """Writes to whatever stderr is at the moment: a progress bar puts itself before it."""

    def msg(self, message: str) -> None:
        print(message, file=sys.stderr)  # noqa: T201  # this is the log's output

    debug = info = warning = error = msg


def start_log(
    level: LogLevel, written: LogFormat, *, for_people: bool
) -> structlog.typing.FilteringBoundLogger:
    """A logger that writes events of at least this level to stderr; as text maybe in words `for_people`."""
    as_text: structlog.typing.Processor = (
        _in_words
        if for_people
        else structlog.processors.LogfmtRenderer(key_order=KEY_ORDER, drop_missing=True)
    )
    # Of connections that are lost it prints lines of its own; they are told of as attempts that failed.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _neutralise,
            structlog.processors.JSONRenderer() if written is LogFormat.JSON else as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.name)),
        logger_factory=lambda *_: _StandardError(),
    )
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def _in_words(
    logger: object,  # noqa: ARG001  # structlog passes these three
    method: str,  # noqa: ARG001  # as above
    entry: MutableMapping[str, Any],
) -> str:
    """`warning: export.csv: what there is to say`; in parentheses the particulars that engineers ask for."""
    aside = ("timestamp", "level", "event", "source", "code")
    about = ", ".join(
        f"{name} {value}" for name, value in entry.items() if name not in aside and value is not None
    )
    told = ": ".join(filter(None, (entry["level"], entry.get("source"), entry["event"])))
    return f"{told} ({about})" if about else told


def _neutralise(
    logger: object,  # noqa: ARG001  # structlog passes these three
    method: str,  # noqa: ARG001  # as above
    entry: MutableMapping[str, Any],
) -> MutableMapping[str, Any]:
    """No cell can break a line of the log, or steer the terminal that shows it."""
    return {name: visible(value) if isinstance(value, str) else value for name, value in entry.items()}


def logging_observer(logger: structlog.typing.FilteringBoundLogger, *, values: bool) -> Observer:
    """An observer that logs each event; offending cells are quoted only where `values` asks for it."""

    def observe(event: Event) -> None:
        match event:
            case RunStarted():
                name = "run resumed" if event.resumed else "run started"
                logger.info(name, run=event.run, source=event.source, bytes=event.total_bytes)
            case SourceRemark():
                logger.warning(event.problem.message, source=event.source, code=event.problem.code)
            case RecordRejected():
                logger.info("record rejected", **_rejection(event, values=values))
            case ChunkCommitted():
                logger.debug("chunk committed", **_chunk(event))
            case AttemptFailed():
                logger.warning(
                    "waiting for the database" if event.waiting else "attempt failed", **_failure(event)
                )
            case RunEnded():
                logger.info("run ended", run=event.run, status=event.status, seconds=round(event.seconds, 3))

    return observe


def _rejection(event: RecordRejected, *, values: bool) -> dict[str, Any]:
    told = {
        "run": event.run,
        "source": event.source,
        "record": event.record,
        "line": event.line,
        **({} if event.places[0].startswith("line ") else {"place": event.places[0]}),
        "key": event.key,
        "codes": ",".join(problem.code for problem in reasons(event.problems)),
        "messages": "; ".join(problem.message for problem in reasons(event.problems)),
    }
    return told | (
        {"values": "; ".join(_value(problem) for problem in reasons(event.problems))} if values else {}
    )


def _failure(event: AttemptFailed) -> dict[str, Any]:
    chunk = {} if event.chunk is None else {"chunk": event.chunk}
    records = {} if event.chunk is None else {"records": f"{event.first_record}-{event.last_record}"}
    told = {"attempt": event.attempt, "message": event.message, "hint": event.hint, "trace": event.trace}
    return {"run": event.run} | chunk | records | told


def _value(problem: Problem) -> str:
    return f"{problem.field or problem.column}={problem.value!r}"


def _chunk(event: ChunkCommitted) -> dict[str, Any]:
    account = event.account
    return {
        "run": event.run,
        "record": event.start_record,
        "read": account.read,
        "quarantined": account.quarantined,
        "seconds_validating": round(event.seconds_validating, 4),
        "seconds_writing": round(event.seconds_writing, 4),
    }
