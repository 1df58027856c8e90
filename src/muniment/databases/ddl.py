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
from sqlalchemy.sql.compiler import DDLCompiler


def _with_check(compiler: DDLCompiler, column: sa.Column[Any], specification: str) -> str:
    check = getattr(column.type, "column_check", None)
    condition = check(compiler.preparer.format_column(column), compiler.dialect.name) if check else ""
    return f"{specification} CHECK ({condition})" if condition else specification


class CheckedPostgresDDL(PGDDLCompiler):
    """Adds the checks that column types ask for."""

    def get_column_specification(self, column: sa.Column[Any], **kwargs: Any) -> str:
        """The column, with its type's check."""
        untyped: Any = super()
        return _with_check(self, column, untyped.get_column_specification(column, **kwargs))


class StrictSQLiteDDL(SQLiteDDLCompiler):
    """Makes every table STRICT and adds the checks that column types ask for."""

    def get_column_specification(self, column: sa.Column[Any], **kwargs: Any) -> str:
        """The column, with its type's check."""
        untyped: Any = super()
        return _with_check(self, column, untyped.get_column_specification(column, **kwargs))

    def post_create_table(self, table: sa.Table) -> str:
        """The table's options and, where it is not among them, STRICT."""
        untyped: Any = super()
        options: str = untyped.post_create_table(table)
        if table.dialect_options["sqlite"]["strict"]:
            return options
        return f"{options}, STRICT" if options.strip() else "\n STRICT"


class ExactMySQLDDL(MySQLDDLCompiler):
    """Makes every table transactional, of full Unicode, and exact in its comparisons.

    The collations are binary and NOPAD: case, accents and trailing spaces count.
    """

    def post_create_table(self, table: sa.Table) -> str:
        """The table's options, with engine, character set and collation."""
        mariadb = getattr(self.dialect, "is_mariadb", False)
        collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        options = super().post_create_table(table)
        return f"{options} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE={collation}"
