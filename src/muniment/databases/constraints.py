"""What a database itself enforces of a table: which columns identify its rows."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa


def unique_sets(inspector: sa.Inspector, table: str, schema: str | None = None) -> Iterator[set[str | None]]:
    """The sets of columns that the database keeps unique: the primary key, constraints, indexes."""
    yield set(inspector.get_pk_constraint(table, schema)["constrained_columns"])
    for constraint in inspector.get_unique_constraints(table, schema):
        yield set(constraint["column_names"])
    # SQLite has an index of its own for each constraint; some of those, SQLAlchemy does not find in the text.
    of_constraints = {"include_auto_indexes": True} if inspector.dialect.name == "sqlite" else {}
    for index in inspector.get_indexes(table, schema, **of_constraints):
        # A partial index says nothing of the other rows; one over an expression has None for a column.
        # One over the beginnings of texts is as strict, but cannot be made anew by the names of its columns.
        partial = any(name.endswith(("_where", "_length")) for name in index.get("dialect_options", {}))
        if index["unique"] and not partial and None not in index["column_names"]:
            yield set(index["column_names"])
