"""A query of another database as a source: its rows, in the order of a key.

The rows are copied to a temporary file, as records from Python are, in one pass and from one moment. A run
that was interrupted goes on where it was if the query gives the same rows again, and says so if it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import sqlalchemy as sa

from muniment.databases.errors import wrapping
from muniment.databases.url import label, parsed
from muniment.errors import UsageError
from muniment.read.cursors import Statement
from muniment.read.keys import must_identify
from muniment.read.rows import mappings
from muniment.read.sources import connected_to, opened
from muniment.read.streams import stream
from muniment.records import shortened

_PARAMETER = re.compile(r"(?<![:\w\\]):\w+(?!:)")
"""What SQLAlchemy would take for a parameter, such as the minutes of a time."""


@dataclass(frozen=True)
class Query:
    """A table, or the result of a statement, in another database; `muniment.load` takes it as a source.

    Iterating over it gives its rows as dicts.

    Args:
        url: the database.
        table: a table or view in it.
        sql: instead, a SELECT statement.
        key: the columns that put the rows in their order, and identify them; else the table's primary key.

    Raises:
        UsageError: neither a table nor a statement is given, or both; or a statement without its key.
        DatabaseUrlError: the URL is none.
    """

    url: str
    table: str = ""
    sql: str = ""
    key: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check what is given."""
        parsed(self.url)
        object.__setattr__(self, "key", (self.key,) if isinstance(self.key, str) else tuple(self.key))
        if bool(self.table) == bool(self.sql):
            raise UsageError("a source in a database is either a table or a query", hint="Give one of them")
        if self.sql and not self.key:
            raise UsageError(
                "the rows of a query need an order that is the same each time",
                hint="Name the columns that identify a row of its result as the key",
            )

    def __repr__(self) -> str:
        return f"<Query {self.name}>"

    @property
    def name(self) -> str:
        """What it is called in the ledger and in messages: the URL without its password, and what is read."""
        return f"{label(parsed(self.url))} {self.table or ' '.join(self.sql.split())}"

    @property
    def column_names(self) -> list[str]:
        """The columns of its rows, also where there is none; raises as iterating does."""
        with opened(self.url, self._statement()[0]) as cursor:
            return list(cursor.columns.names)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The rows as dicts, read in flat memory.

        Raises:
            UsageError: there is no such file, table or column, or the key does not identify the rows.
            DatabaseError: the database cannot be read.
        """
        statement, names = self._statement()
        with stream(self.url, statement, rows=mappings) as rows:
            yield from _told_apart(rows, names)

    def _statement(self) -> tuple[Statement, Sequence[str]]:
        """What reads the rows in the order of their key, and the columns of the key."""
        if self.sql:
            query = _PARAMETER.sub(r"\\\g<0>", self.sql.strip().rstrip(";"))
            result = f"SELECT * FROM ({query}) AS q"  # noqa: S608 - the user's own
            self._must_have_its_key(result)
            quote = parsed(self.url).get_dialect()().identifier_preparer.quote_identifier
            return sa.text(f"{result} ORDER BY {', '.join(map(quote, self.key))}"), self.key
        with (
            closing(connected_to(self.url)) as database,
            wrapping(self.name),
            database.engine.connect() as connection,
        ):
            if not sa.inspect(connection).has_table(self.table) and self.table not in _views(connection):
                raise UsageError(f"there is no table {self.table}", where=label(parsed(self.url)))
            table = sa.Table(self.table, sa.MetaData(), autoload_with=connection, resolve_fks=False)
            names = self.key or tuple(table.primary_key.columns.keys())
            unknown = [name for name in names if name not in table.c]
            if unknown or not names:
                told_of = f"no column {', '.join(unknown)}" if unknown else "no primary key"
                raise UsageError(f"{self.table} has {told_of}", hint="Name the columns that identify a row")
            if self.table not in _views(connection):
                must_identify(connection, [table.c[name] for name in names], not_null=True)
            return sa.select(table).order_by(*(table.c[name] for name in names)), names

    def _must_have_its_key(self, result: str) -> None:
        """SQLite takes a name in quotes that no column has for a text, by which nothing is in any order."""
        with opened(self.url, sa.text(f"{result} WHERE 1 = 0")) as cursor:
            there = cursor.columns.names
        unknown = [name for name in self.key if name not in there]
        if unknown:
            near = sorted(there, key=lambda name: -_likeness(name, unknown[0]))
            raise UsageError(
                f"the result of the query has no column {', '.join(unknown)}",
                hint=f"Its columns are {', '.join(near)}: name those that identify a row as the key",
                where=label(parsed(self.url)),
            )


def _likeness(name: str, wanted: str) -> float:
    return SequenceMatcher(None, name.casefold(), wanted.casefold()).ratio()


def _told_apart(rows: Iterable[dict[str, Any]], key: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows, in the order of a key that must differ from one to the next."""
    before: list[Any] | None = None
    for number, row in enumerate(rows, start=1):
        values = [row[name] for name in key]
        if values == before:
            told = ", ".join(
                f"{name} {shortened(str(value))}" for name, value in zip(key, values, strict=True)
            )
            raise UsageError(
                f"the key does not identify the rows: rows {number - 1:,} and {number:,} both have {told}",
                hint="Name more columns as the key, until no two rows have the same; or read no row twice",
            )
        before = values
        yield row


def _views(connection: sa.Connection) -> list[str]:
    return sa.inspect(connection).get_view_names()
