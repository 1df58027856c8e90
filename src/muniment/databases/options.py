"""What a database URL may say after its `?`: deadlines, signs of life, TLS, spelt alike for every driver.

    postgresql://loader@db.example.org/collection?sslmode=verify-full&sslrootcert=ca.pem&reply_seconds=120

The names are libpq's where libpq has one. What is not among them goes to the driver as it stands.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from muniment.errors import DatabaseUrlError

CONNECT_SECONDS = 10
"""How long a server may take to answer a connection: longer than any network, shorter than patience."""

KEEPALIVE_SECONDS = 10
"""Pause between signs of life, three of which may be missed: finds a cut connection in about 40 s."""

KEEPALIVES_MISSED = 3
"""Signs of life that may go unanswered: a lost packet or two is no lost connection."""

LOCK_SECONDS = 30
"""How long to wait for another's lock before the work is repeated: another chunk's commit takes far less."""

STATEMENT_SECONDS = 600
"""How long a statement of a load may take: an index over a large collection takes minutes."""

REPLY_SECONDS = 660
"""How long a server may be silent: a minute longer than a statement, so that it is heard giving one up."""

RECYCLE_SECONDS = 300
"""How long a connection is used: firewalls forget idle ones, mostly after five minutes or more."""


class TlsMode(StrEnum):
    """How a connection is encrypted, in libpq's words."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class ConnectionOptions(BaseModel):
    """How connections are made and watched over; times in seconds but for `tcp_user_timeout`.

    Attributes:
        connect_timeout: for a server to take a connection, its handshake included.
        keepalives_idle, keepalives_interval, keepalives_count: signs of life on an idle connection.
        tcp_user_timeout: milliseconds for which sent data may stay without acknowledgement.
        lock_seconds: to wait for a lock of another.
        statement_seconds: for one statement, watched by the server; 0 for any time.
        reply_seconds: for which a server may say nothing at all, watched by the program: a proxy that
            acknowledges every packet and never answers is found by nothing else.
        pool_recycle: after which a connection is replaced by a new one before it is used again.
        sslmode, sslrootcert, sslcert, sslkey: TLS, as libpq has them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    connect_timeout: int = Field(CONNECT_SECONDS, ge=1)
    keepalives_idle: int = Field(KEEPALIVE_SECONDS, ge=1)
    keepalives_interval: int = Field(KEEPALIVE_SECONDS, ge=1)
    keepalives_count: int = Field(KEEPALIVES_MISSED, ge=1)
    tcp_user_timeout: int = Field(1_000 * KEEPALIVE_SECONDS * (KEEPALIVES_MISSED + 1), ge=1)
    lock_seconds: int = Field(LOCK_SECONDS, ge=1)
    statement_seconds: int = Field(0, ge=0)
    reply_seconds: int = Field(REPLY_SECONDS, ge=1)
    pool_recycle: int = Field(RECYCLE_SECONDS, ge=1)
    sslmode: TlsMode | None = None
    sslrootcert: Path | None = None
    sslcert: Path | None = None
    sslkey: Path | None = None

    def for_writing(self) -> ConnectionOptions:
        """These options with an end to every statement, where nobody chose one."""
        if "statement_seconds" in self.model_fields_set:
            return self
        return self.model_copy(update={"statement_seconds": min(STATEMENT_SECONDS, self.reply_seconds)})


def parted(url: sa.URL, label: str) -> tuple[sa.URL, ConnectionOptions]:
    """A URL without the options that are ours, and those options.

    Args:
        url: of a database.
        label: what to call it in an error.

    Raises:
        DatabaseUrlError: an option has a value that it cannot have.
    """
    ours = {name: value for name, value in url.query.items() if name in ConnectionOptions.model_fields}
    try:
        options = ConnectionOptions.model_validate(ours)
    except ValidationError as error:
        wrong = ", ".join(str(each["loc"][0]) for each in error.errors(include_url=False))
        # Not even the cause is kept: it may quote a password that was put in the wrong place.
        raise DatabaseUrlError(
            f"options of this URL have values that they cannot have: {wrong}",
            hint="Take away what follows the ?, or correct it: times are whole numbers of seconds",
            where=label,
        ) from None
    return url.difference_update_query(ours), options
