"""Settings: the one frozen model of them, and the one place that reads the environment."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_DATABASE = "sqlite:///muniment.db"
"""Where a load goes when nobody says where: a file in the current folder."""

MEBIBYTE = 1024 * 1024

CHUNK_BYTES = 4 * MEBIBYTE
"""Bytes of a chunk: large enough that a commit costs little, small enough to stay flat in memory."""

CHUNK_ROWS = 2_000
"""Records of a chunk. Measured with a real collection of 28,000 objects: 5,000 a chunk took the same
processor time and half as much memory again, 1,000 a chunk saved little memory."""

MAX_RECORD_BYTES = 16 * MEBIBYTE
"""The longest record; anything longer is an unbalanced quote or a file of another kind."""

MAX_DECOMPRESSED_BYTES = 1024 * 1024 * MEBIBYTE
"""What a compressed or piped source may unpack to: 1 TiB, above any real export."""

MAX_COMPRESSION_RATIO = 200.0
"""Decompressed to compressed bytes. Repetitive CSV reaches 50 with zstd; bombs begin at 1,000."""

RETRY_ATTEMPTS = 15
"""Attempts at a chunk. With the pauses between them some 100 seconds: a server restarts in less, and one
that recovers from a crash, or a standby that takes over, mostly too."""

RETRY_SECONDS = 600.0
"""Seconds after which a chunk is not tried again, however few attempts that were: each may take long."""

PAUSE_SECONDS = 3_600.0
"""Seconds that a load waits for room on the server's disk: whoever is called can make some within an hour,
and a nightly load ends before the next."""

REJECTS_JUDGED_FROM = 1_000
"""Records after which the reject budget is judged: fewer say little about a whole file."""


WITHDRAWN_SHARE = 0.5
"""The share of the objects that were there which a full run withdraws unasked. An export that lacks more of
them is more often cut short, or of one department, than a museum gives up half of what it has."""


class RejectBudget(BaseModel):
    """How many records may be quarantined before a run stops: a number, or a share of those read; or any."""

    model_config = ConfigDict(frozen=True)

    count: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str) -> RejectBudget:
        """Read `250` or `10%`; raises `ValueError` for anything else."""
        stripped = text.strip()
        share = stripped.endswith("%")
        try:
            number = float(stripped[:-1]) if share else int(stripped)
        except ValueError:
            raise ValueError(
                f"{text!r} is neither a number of records, as 250, nor a share, as 10%"
            ) from None
        if share and not 0 <= number <= 100:
            raise ValueError("a share lies between 0% and 100%")
        if number < 0:
            raise ValueError("a number of records is not negative")
        return cls(percent=number) if share else cls(count=int(number))

    def allows(self, quarantined: int, read: int) -> bool:
        """Whether so many quarantined of so many read are within the budget."""
        if self.count is not None:
            return quarantined <= self.count
        return self.percent is None or quarantined * 100 <= self.percent * read

    def __str__(self) -> str:
        if self.count is not None:
            return f"{self.count} records"
        return "any number of records" if self.percent is None else f"{self.percent:g}%"


class Settings(BaseModel):
    """How a load is done, as against what is loaded; `chunk_bytes` and `chunk_rows` are fixed by a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chunk_bytes: Annotated[int, Field(ge=1_024, le=1_024 * MEBIBYTE)] = CHUNK_BYTES
    chunk_rows: Annotated[int, Field(ge=1, le=1_000_000)] = CHUNK_ROWS
    max_record_bytes: Annotated[int, Field(ge=1_024, le=1_024 * MEBIBYTE)] = MAX_RECORD_BYTES
    max_decompressed_bytes: Annotated[int, Field(ge=1)] = MAX_DECOMPRESSED_BYTES
    max_compression_ratio: Annotated[float, Field(ge=1)] = MAX_COMPRESSION_RATIO
    max_rejects: RejectBudget = RejectBudget(percent=10)
    retry_attempts: Annotated[int, Field(ge=1)] = RETRY_ATTEMPTS
    retry_seconds: Annotated[float, Field(gt=0)] = RETRY_SECONDS
    pause_seconds: Annotated[float, Field(gt=0)] = PAUSE_SECONDS

    def suiting(self, profile_rows: int) -> Settings:
        """These settings, with a profile's own records of a chunk where nobody chose them."""
        if "chunk_rows" in self.model_fields_set:
            return self
        return self.model_copy(update={"chunk_rows": profile_rows})


def database_url(given: str | None) -> str:
    """The database to use: the one given, else `MUNIMENT_DB`, else `DEFAULT_DATABASE`."""
    return given or os.environ.get("MUNIMENT_DB") or DEFAULT_DATABASE


def operator() -> str:
    """Who runs this, for the ledger: `MUNIMENT_OPERATOR`, else the login name."""
    given = os.environ.get("MUNIMENT_OPERATOR")
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # neither a variable nor the system knows
        return "unknown"
