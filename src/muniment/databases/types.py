"""Column types that hold the same values on every database, and the metadata that all tables share.

    type            PostgreSQL           MySQL, MariaDB      SQLite (STRICT)
    Id              BIGINT               BIGINT              INTEGER
    Integer         INTEGER              INTEGER             INTEGER, checked to 32 bits
    SmallInteger    SMALLINT             SMALLINT            INTEGER, checked to 16 bits
    Real            DOUBLE PRECISION     DOUBLE              REAL
    Flag            BOOLEAN              TINYINT(1)          INTEGER, checked to 0 or 1
    Key             TEXT COLLATE "C",    VARCHAR(255)        TEXT, checked to 255 characters
                    checked to 255
    Text, Document  TEXT                 LONGTEXT            TEXT
    Hash            BYTEA                VARBINARY(32)       BLOB                (all checked to 32 bytes)
    Blob            BYTEA                LONGBLOB            BLOB
    Moment          TIMESTAMPTZ          DATETIME(6), UTC    TEXT, ISO 8601 in UTC

Text is compared exactly everywhere: case, accents and trailing spaces count. On MySQL and MariaDB
that is the work of the table's binary NOPAD collation (see `mysql.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

from muniment.errors import RowRefused
from muniment.records import shortened

INSERT_ONLY = {"insert_only": True}
"""The `info` of tables whose rows are never changed or deleted."""

UPDATED = {"updated": True}
"""The `info` of the columns that may change in a table whose other columns never do."""

T = TypeVar("T")
Names = Mapping[str, TypeEngine[Any]]

KEY_CHARACTERS = 255
"""The longest key: at most 1,020 bytes, which any index takes (MySQL up to 3,072, PostgreSQL 2,704)."""

HASH_BYTES = 32
"""The length of a SHA-256 hash."""

metadata = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_reference",
        "uq": "%(table_name)s_%(column_0_N_name)s_unique",
        "ix": "%(table_name)s_%(column_0_N_name)s_index",
    }
)
"""All tables of the engine and of the museum profile; every constraint in it has the same name everywhere."""


def unstorable(text: str) -> str:
    """Why `text` can be stored on no database, or "" where it can: they would not all refuse it alike."""
    if "\0" in text:
        return "it contains a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"it contains U+{ord(text[error.start]):04X}, half of a character (a lone surrogate)"
    return ""


def must_be_storable(text: str) -> str:
    """Return `text`; raise `RowRefused` where no database could store it."""
    reason = unstorable(text)
    if reason:
        shown = shortened(text).encode("ascii", "backslashreplace").decode()
        raise RowRefused(f"text cannot be stored: {reason}", hint=f"The text is {shown!r}")
    return text


class Portable(TypeDecorator[T]):
    """A column type that is written differently on each database and holds the same values."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = sa.types.NullType
    cache_ok = True
    names: ClassVar[Names] = {}
    """The database's own type, by dialect."""

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """The database's own type."""
        return dialect.type_descriptor(self.names.get(dialect.name, self.impl_instance))

    def column_check(self, column: str, dialect: str) -> str:  # noqa: ARG002 - for those that need one
        """The condition that `column`, a quoted name, must be given on this database; "" for none."""
        return ""


class Id(Portable[int]):
    """A 64-bit integer: a surrogate key, a byte offset, a count."""

    impl = sa.BigInteger
    cache_ok = True
    names: ClassVar[Names] = {"sqlite": sa.INTEGER()}


class Integer(Portable[int]):
    """A 32-bit integer. SQLite's integers all have 64 bits: there a check is needed."""

    impl = sa.Integer
    cache_ok = True
    names: ClassVar[Names] = {"sqlite": sa.INTEGER()}
    bits = 32

    def column_check(self, column: str, dialect: str) -> str:
        """See `Portable`."""
        bound = 1 << (self.bits - 1)
        return f"{column} BETWEEN {-bound} AND {bound - 1}" if dialect == "sqlite" else ""


class SmallInteger(Integer):
    """A 16-bit integer."""

    impl = sa.SmallInteger
    cache_ok = True
    bits = 16


class Real(Portable[float]):
    """A double precision number, never an infinity or NaN, which only some of the databases have."""

    impl = sa.Double
    cache_ok = True
    names: ClassVar[Names] = {"sqlite": sa.REAL()}

    def process_bind_param(self, value: float | None, dialect: sa.Dialect) -> float | None:  # noqa: ARG002 - SQLAlchemy's
        """Refuses what is not a finite number."""
        if value is not None and not math.isfinite(value):
            raise RowRefused(f"{value} is no number that can be stored")
        return value


class Flag(Portable[bool]):
    """True or false."""

    impl = sa.Boolean
    cache_ok = True
    names: ClassVar[Names] = {"sqlite": sa.INTEGER()}

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> bool | None:  # noqa: ARG002 - SQLAlchemy's
        """SQLite's 1 and 0 become True and False."""
        return None if value is None else bool(value)

    def column_check(self, column: str, dialect: str) -> str:
        """See `Portable`."""
        return f"{column} IN (0, 1)" if dialect == "sqlite" else ""


class Text(Portable[str]):
    """Text of any length."""

    impl = sa.Text
    cache_ok = True
    names: ClassVar[Names] = {"mysql": mysql.LONGTEXT(), "postgresql": sa.TEXT(), "sqlite": sa.TEXT()}

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - as above
        """Refuses what the databases would not all refuse alike."""
        return None if value is None else must_be_storable(value)


class Document(Text):
    """Text that is JSON: written and read as text, so that it comes back as it went in."""

    cache_ok = True


class Key(Text):
    """Text of at most `KEY_CHARACTERS` characters that can be indexed and is compared exactly.

    Too long a text is refused, also where only spaces are too many: PostgreSQL's VARCHAR would cut
    those off without a word, so that TEXT with a check is used there.
    """

    cache_ok = True
    names: ClassVar[Names] = {
        "mysql": sa.VARCHAR(KEY_CHARACTERS),
        "postgresql": sa.TEXT(collation="C"),
        "sqlite": sa.TEXT(),
    }

    def column_check(self, column: str, dialect: str) -> str:
        """See `Portable`."""
        return "" if dialect == "mysql" else f"length({column}) <= {KEY_CHARACTERS}"


class Blob(Portable[bytes]):
    """Bytes of any number."""

    impl = sa.LargeBinary
    cache_ok = True
    names: ClassVar[Names] = {
        "mysql": mysql.LONGBLOB(),
        "postgresql": postgresql.BYTEA(),
        "sqlite": sa.BLOB(),
    }


class Hash(Blob):
    """A SHA-256 hash, 32 bytes."""

    cache_ok = True
    names: ClassVar[Names] = {
        "mysql": sa.VARBINARY(HASH_BYTES),
        "postgresql": postgresql.BYTEA(),
        "sqlite": sa.BLOB(),
    }

    def column_check(self, column: str, dialect: str) -> str:  # noqa: ARG002 - the same everywhere
        """See `Portable`."""
        return f"length({column}) = {HASH_BYTES}"


class Moment(Portable[datetime]):
    """A moment, to the microsecond: in Python an aware datetime, which comes back in UTC."""

    impl = sa.DateTime
    cache_ok = True
    names: ClassVar[Names] = {
        "mysql": mysql.DATETIME(fsp=6),
        "postgresql": postgresql.TIMESTAMP(timezone=True),
        "sqlite": sa.TEXT(),
    }

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        """An aware datetime, as the driver takes it."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return moment_text(value, dialect.name)
        utc = _in_utc(value)
        return utc.replace(tzinfo=None) if dialect.name == "mysql" else utc

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """An aware datetime, in UTC."""
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone: a moment needs one")
    return moment.astimezone(UTC)


def moment_text(moment: datetime, dialect: str) -> str:
    """`moment` as the databases' bulk paths take it; of fixed width, so that SQLite orders it rightly."""
    text = _in_utc(moment).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") if dialect == "mysql" else text
