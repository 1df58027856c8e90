"""What Alembic runs to upgrade a database, or to draft a version script from the metadata.

The connection, which is in a transaction under the schema lock, and for drafting the metadata, come in
`config.attributes`: there is no ini file.
"""

from __future__ import annotations

from alembic import context

from muniment.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
    version_table=VERSION_TABLE,
    compare_type=True,
)
context.run_migrations()
