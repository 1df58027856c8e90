"""The class of each kind of database, imported with its driver when a database of that kind is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muniment.databases.mysql import MySQLDatabase
    from muniment.databases.postgresql import PostgresDatabase
    from muniment.databases.sqlite import SQLiteDatabase


def class_of(kind: str) -> type[SQLiteDatabase] | type[PostgresDatabase] | type[MySQLDatabase]:
    """The class for databases of a kind, as SQLAlchemy calls it."""
    if kind == "sqlite":
        from muniment.databases.sqlite import SQLiteDatabase

        return SQLiteDatabase
    if kind == "postgresql":
        from muniment.databases.postgresql import PostgresDatabase

        return PostgresDatabase
    from muniment.databases.mysql import MySQLDatabase

    return MySQLDatabase


def modules_of(kind: str) -> tuple[str, ...]:
    """The modules that a process imports when it connects to a database of a kind, with its driver."""
    of_kind = {"sqlite": ("sqlite",), "postgresql": ("postgresql", "silence")}.get(kind, ("mysql", "sockets"))
    return tuple(f"muniment.databases.{name}" for name in of_kind)
