"""How tables are created on the databases whose defaults would not keep text exact or types strict.

These compilers are set on the engines that Muniment makes and on no others: a program that uses
SQLAlchemy beside Muniment is not concerned.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from muniment.databases.types import Portable


class ChecksOfTypes:
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
