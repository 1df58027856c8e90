"""How tables are created on the databases whose defaults would not keep text exact or types strict.

These compilers are set on the engines that Muniment makes and on no others: a program that uses
SQLAlchemy beside Muniment is not concerned.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql.base import MySQLDDLCompiler
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler
from sqlalchemy.dialects.sqlite.base import SQLiteDDLCompiler

from muniment.databases.types import Portable


class _ChecksOfTypes:
    """Adds to each column the check that its type asks for; goes before a compiler of SQLAlchemy."""

    def get_column_specification(self, column: sa.Column[Any], **kwargs: Any) -> str:
        """The column, with its type's check."""
        compiler: Any = self  # SQLAlchemy's compilers are not typed
        parent: Any = super()
        specification: str = parent.get_column_specification(column, **kwargs)
        if not isinstance(column.type, Portable):
            return specification
        name = compiler.preparer.format_column(column)
        condition = column.type.column_check(name, compiler.dialect.name)
        return f"{specification} CHECK ({condition})" if condition else specification


class CheckedPostgresDDL(_ChecksOfTypes, PGDDLCompiler):
    """Adds the checks that column types ask for."""


class StrictSQLiteDDL(_ChecksOfTypes, SQLiteDDLCompiler):
    """Makes every table STRICT and adds the checks that column types ask for."""

    def post_create_table(self, table: sa.Table) -> str:
        """The table's options and, where it is not among them, STRICT."""
        parent: Any = super()
        options: str = parent.post_create_table(table)
        if table.dialect_options["sqlite"]["strict"]:
            return options
        return f"{options}, STRICT" if options.strip() else "\n STRICT"


class ExactMySQLDDL(_ChecksOfTypes, MySQLDDLCompiler):
    """Makes every table transactional, of full Unicode, and exact in its comparisons.

    The collations are binary and NOPAD: case, accents and trailing spaces count.
    """

    def post_create_table(self, table: sa.Table) -> str:
        """The table's options, with engine, character set and collation."""
        mariadb = getattr(self.dialect, "is_mariadb", False)
        collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        options = super().post_create_table(table)
        return f"{options} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={collation}"
