"""The options that commands share, each with its help, and how their values are read."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from muniment.config import RejectBudget

SIZE_UNITS = {
    "": 1, "b": 1,
    "k": 10**3, "kb": 10**3, "kib": 2**10, "ki": 2**10,
    "m": 10**6, "mb": 10**6, "mib": 2**20, "mi": 2**20,
    "g": 10**9, "gb": 10**9, "gib": 2**30, "gi": 2**30,
}  # fmt: skip
"""Units of a number of bytes: 500k is 500,000, 4MiB is 4,194,304."""


def parse_size(text: str) -> int:
    """Read a number of bytes such as `4MiB`, `500k` or `65536`; raises `typer.BadParameter`."""
    found = re.fullmatch(r"\s*([0-9]{1,15}(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", text)
    if not found or found[2].lower() not in SIZE_UNITS:
        raise typer.BadParameter(f"{text!r} is no size; write 4MiB, 500k or 65536")
    return int(float(found[1]) * SIZE_UNITS[found[2].lower()])


def parse_budget(text: str) -> RejectBudget:
    """Read `250` or `10%`; raises `typer.BadParameter`."""
    try:
        return RejectBudget.parse(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no budget; write a number such as 250, or a share such as 10%"
        ) from None


def parse_delimiter(text: str) -> str:
    r"""Read one character, or `tab` or `\t`; raises `typer.BadParameter`."""
    delimiter = {"tab": "\t", "\\t": "\t", "space": " "}.get(text.lower(), text)
    if len(delimiter) != 1:
        raise typer.BadParameter(f"{text!r} is not one character; for a tab write tab")
    return delimiter


DAYS = {"d": 1, "w": 7, "y": 365}
"""Units of an age: 90d, 12w, 2y."""


def parse_age(text: str) -> timedelta:
    """Read `90d`, `12w` or `2y`; raises `typer.BadParameter`."""
    found = re.fullmatch(r"\s*([0-9]{1,6})\s*([dwy])\s*", text.lower())
    if not found:
        raise typer.BadParameter(f"{text!r} is no age; write 90d, 12w or 2y")
    return timedelta(days=int(found[1]) * DAYS[found[2]])


LARGEST_NUMBER = 2**63 - 1
"""The largest number of a run or an entry: what databases count with has 64 bits."""

LISTED = 50
"""Entries or notes listed unless --limit says otherwise: a few screens."""


class LogFormat(StrEnum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least severe events that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line on stdout.")]
Debug = Annotated[
    bool,
    typer.Option("--debug", envvar="MUNIMENT_DEBUG", help="On an error, show the traceback too."),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="List at most so many.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--db",
        "--to",
        metavar="URL",
        help="The database: sqlite:///file.db, postgresql://user@host/name, mysql:// or mariadb://. "
        "Else the environment's MUNIMENT_DB, else sqlite:///muniment.db.",
    ),
]
ScratchUrl = Annotated[
    str | None,
    typer.Option(
        "--db",
        "--to",
        metavar="URL",
        help="A server on which to make (and drop) the throwaway database; else a temporary SQLite file.",
    ),
]
MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping", "-m", metavar="FILE", help="The mapping: which column is which part of the record."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="PACKAGE.MODULE:CLASS",
        help="Instead of a mapping: a Pydantic model, loaded into a table of its own.",
    ),
]
TableName = Annotated[
    str | None,
    typer.Option("--table", metavar="NAME", help="With --model: the table; else named after the model."),
]
TableNames = Annotated[
    str | None,
    typer.Option(
        "--table",
        metavar="NAME",
        help="With --model: the table; else named after the model. With --from: its table.",
    ),
]
FromUrl = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="URL", help="Instead of SOURCE: another database, with --table or --query."
    ),
]
QueryText = Annotated[
    str | None,
    typer.Option("--query", metavar="SQL", help="With --from: the SELECT statement that is loaded."),
]
QueryKey = Annotated[
    list[str] | None,
    typer.Option("--key", metavar="COLUMN", help="With --from: what identifies a row. Several together."),
]
RowLineage = Annotated[
    bool, typer.Option("--row-lineage", help="With --model: add columns that tell each row's run and record.")
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="COLUMN=VALUE",
        help="Load these records only; or COLUMN=FIRST..LAST. Several: all must hold.",
    ),
]
Parts = Annotated[
    list[str] | None,
    typer.Option(
        "--part", metavar="NAME=FILE", help="The file of a part of the mapping, instead of the one it names."
    ),
]
Archive = Annotated[
    str | None,
    typer.Option(
        "--archive",
        metavar="DIR|URL",
        help="Once the run is done, keep a compressed copy of the source there, named by its hash.",
    ),
]
ArchiveMove = Annotated[
    bool, typer.Option("--archive-move", help="With --archive: then remove the source, if it is the same.")
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", metavar="NAME", help="With --model: such as cp1252.")
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter", metavar="CHARACTER", parser=parse_delimiter, help="With --model: such as ; or tab."
    ),
]


class Nested(StrEnum):
    """What becomes of lists and objects in JSON lines and Parquet."""

    COLUMNS = "columns"
    TEXT = "text"


NestedAs = Annotated[
    Nested | None,
    typer.Option(
        "--nested", help="With --model: what is nested in JSON lines or Parquet; columns, or JSON text."
    ),
]
Sheet = Annotated[
    list[str] | None,
    typer.Option(
        "--sheet", metavar="NAME", help="With --model: the sheet of a workbook; several, or *, are one table."
    ),
]
HeaderRow = Annotated[
    int | None,
    typer.Option("--header-row", metavar="N", min=1, help="With --model: the row of the sheet's header."),
]
CellsRange = Annotated[
    str | None,
    typer.Option("--range", metavar="B3:F200", help="With --model: where the table stands in the sheet."),
]
ColumnTypes = Annotated[
    list[str] | None,
    typer.Option(
        "--column-type",
        metavar="COLUMN=TYPE",
        help="With --model: how numbers in a sheet's column are told: text, number, date or time.",
    ),
]
MaxRejects = Annotated[
    RejectBudget | None,
    typer.Option(
        "--max-rejects",
        metavar="N|P%",
        parser=parse_budget,
        help="Stop (exit code 3) when more records than this are quarantined. Default 10%.",
    ),
]
ChunkBytes = Annotated[
    int | None,
    typer.Option(
        "--chunk-bytes",
        metavar="SIZE",
        parser=parse_size,
        help="The most bytes of a commit, such as 4MiB or 500k.",
    ),
]
ChunkRows = Annotated[
    int | None,
    typer.Option("--chunk-rows", metavar="N", help="The most records of a commit."),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers", metavar="N", min=1, help="Processes that load at once; the result is the same."
    ),
]
Dask = Annotated[
    str | None,
    typer.Option(
        "--dask", metavar="ADDRESS", help="Load on a Dask cluster, whose scheduler this is: tcp://host:8786."
    ),
]
MemoryReport = Annotated[
    Path | None,
    typer.Option(
        "--memory-report",
        metavar="FILE.svg",
        help="Record memory after each chunk: an image, and the figures as .json. Slows the load down.",
    ),
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no progress on stderr.")]
LogFormatOption = Annotated[
    LogFormat, typer.Option("--log-format", help="How log lines on stderr are written.")
]
LogLevelOption = Annotated[
    LogLevel | None,
    typer.Option(
        "--log-level",
        help="The least severe events that are logged. Default: warning on a terminal, info elsewhere.",
    ),
]
LogValues = Annotated[
    bool,
    typer.Option("--log-values", help="Let the log quote the offending cells."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="The same as --log-level debug.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="The same as --log-level error --no-progress."),
]
