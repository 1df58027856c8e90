"""`muniment migrate` and `muniment grants`: making the tables, and the rights of those who use them."""

from __future__ import annotations

from typing import Annotated

import typer

from muniment import api
from muniment.cli import options
from muniment.cli.output import reporting
from muniment.cli.target import existing_database
from muniment.errors import UsageError
from muniment.roles import Role
from muniment.roles import grants as grants_of
from muniment.table.importing import import_model


def migrate(
    *,
    mapping: options.MappingFile = None,
    model: options.Model = None,
    table: options.TableName = None,
    row_lineage: options.RowLineage = False,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Create or upgrade the tables, and load nothing.

    A load does this by itself, where its user may. Where loaders have no right to create tables, somebody
    who has runs this first, and again with each new version of Muniment.

    Examples:
      muniment migrate --db postgresql://owner@localhost/collection
      muniment migrate --model loans:Loan --table loan
      muniment migrate --mapping visits.toml
    """
    with reporting(json=json, debug=debug) as output:
        if (table or row_lineage) and not model:
            raise UsageError("--table and --row-lineage go with --model")
        imported = import_model(model) if model else None
        api.migrate(db, mapping=mapping, model=imported, table=table, row_lineage=row_lineage)
        output.say("The tables are there, in their newest version.")
        output.finish({"status": "done"})


def grants(
    role: Annotated[Role, typer.Argument(help="What the user is for.")],
    user: Annotated[
        str, typer.Argument(metavar="USER", help="The database's user; on MySQL and MariaDB also name@host.")
    ],
    *,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", metavar="NAME", help="A model's table that the user works with, too."),
    ] = None,
    db: options.DatabaseUrl = None,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Print the SQL that gives a database's user the rights of a role, and no others.

    A migrator creates and upgrades the tables. A loader loads: without creating anything, and without
    changing or deleting what is only inserted into. A reader reads. Nothing is executed.

    Examples:
      muniment grants migrator owner --db postgresql://admin@localhost/collection
      muniment grants loader nightly --db postgresql://owner@localhost/collection
      muniment grants reader visitor
    """
    with reporting(json=json, debug=debug) as output, existing_database(db) as database:
        statements = grants_of(database, role, user, table or ())
        for statement in statements:
            output.say(f"{statement};")
        output.finish({"status": "done", "grants": statements})
