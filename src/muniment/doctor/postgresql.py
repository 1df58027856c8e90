"""What may be wrong with a PostgreSQL server, as far as it can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from muniment.databases.foreign_keys import missing
from muniment.doctor.findings import Finding, fatal, fine, of_connections, warning
from muniment.registry import own_tables

IDLE_MILLISECONDS = 60_000
"""The shortest patience with an idle transaction: between two statements a busy machine may take seconds."""

SETTINGS = sa.text(
    "SELECT name, reset_val FROM pg_settings WHERE name IN"
    " ('max_connections', 'superuser_reserved_connections',"
    " 'idle_in_transaction_session_timeout', 'transaction_timeout', 'statement_timeout', 'lock_timeout',"
    " 'fsync', 'full_page_writes', 'synchronous_commit', 'tcp_keepalives_idle')"
)
"""`reset_val` is what a session begins with, whatever Muniment sets for its own."""

SERVER = sa.text(
    "SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,"
    " current_setting('default_transaction_read_only') AS read_only, current_user AS me,"
    " current_schema() AS schema,"
    " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS creates,"
    " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user) AS of_role,"
    " (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS of_database,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS in_use,"
    " current_database() AS name, pg_database_size(current_database()) AS bytes"
)

TABLES = sa.text(
    "SELECT relname AS name, relpersistence = 'u' AS unlogged,"
    " has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AS loads"
    " FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    " AND relname IN :names"
).bindparams(sa.bindparam("names", expanding=True))


def examine(connection: sa.Connection, workers: int, *, schema_is_current: bool) -> Iterator[Finding]:
    """What is found of the server at the other end of a connection."""
    server = connection.execute(SERVER).one()
    settings = {row.name: row.reset_val for row in connection.execute(SETTINGS)}
    yield fine("version", f"PostgreSQL {server.version}, UTF8")
    if server.standby or server.read_only == "on":
        yield fatal(
            "read only",
            "this server takes no writes" + (": it is a standby" if server.standby else ""),
            "Name the primary in the URL"
            if server.standby
            else f"ALTER ROLE {server.me} RESET default_transaction_read_only",
        )
    limits = {
        "max_connections": int(settings["max_connections"]) - int(settings["superuser_reserved_connections"]),
        "connection limit of the role": server.of_role,
        "connection limit of the database": server.of_database,
    }
    raising = {
        "max_connections": "ALTER SYSTEM SET max_connections = {needed}; then restart the server",
        "connection limit of the role": f"ALTER ROLE {server.me} CONNECTION LIMIT {{needed}}",
        "connection limit of the database": f"ALTER DATABASE {server.name} CONNECTION LIMIT {{needed}}",
    }
    smallest = min((name for name in limits if limits[name] > 0), key=lambda name: limits[name])
    yield of_connections(workers, limits, server.in_use, raising[smallest])
    yield from _rights(connection, server, schema_is_current)
    yield from _foreign_keys(connection)
    yield from _patience(settings, server.me)
    yield from _durability(settings)
    yield fine(
        "disk", f"{server.bytes / 2**20:,.0f} MiB are used; what is free cannot be asked of this server"
    )


def _rights(connection: sa.Connection, server: Any, schema_is_current: bool) -> Iterator[Finding]:
    if server.schema is None:
        yield fatal("rights", "none of the schemas in search_path is there", "CREATE SCHEMA public")
        return
    tables = connection.execute(TABLES, {"names": sorted(own_tables())}).all()
    closed = sorted(table.name for table in tables if not table.loads)
    grant = f"Run, as the owner of the tables, what `muniment grants loader {server.me}` prints"
    if not server.creates and not schema_is_current:
        change = f"GRANT CREATE, USAGE ON SCHEMA {server.schema} TO {server.me}"
        yield fatal("rights", f"{server.me} may not create the tables that are not there yet", change)
    elif closed:
        yield fatal("rights", f"{server.me} may not read and insert into {', '.join(closed)}", grant)
    else:
        created = (
            "create and load tables" if server.creates else "load the tables that are there, and create none"
        )
        yield fine("rights", f"{server.me} may {created}")
    unlogged = sorted(table.name for table in tables if table.unlogged)
    if unlogged:
        change = "; ".join(f"ALTER TABLE {name} SET LOGGED" for name in unlogged)
        yield warning("unlogged tables", f"a crash empties {', '.join(unlogged)}", change)


def _foreign_keys(connection: sa.Connection) -> Iterator[Finding]:
    lacking = [str(key.name) for key in missing(connection, list(own_tables().values()))]
    if lacking:
        told = f"{len(lacking)} foreign keys are not there or not checked, such as {lacking[0]}"
        yield warning(
            "foreign keys",
            f"{told}: a first load did not end",
            "Run the same load again, or any other: it builds them",
        )


def _patience(settings: Mapping[str, str], me: str) -> Iterator[Finding]:
    for name in ("idle_in_transaction_session_timeout", "transaction_timeout"):
        milliseconds = int(settings.get(name, 0))  # the second is there from version 17 on
        if 0 < milliseconds < IDLE_MILLISECONDS:
            told = f"{milliseconds} ms: on a busy machine a chunk may take longer, and is done again"
            yield warning(name, told, f"ALTER ROLE {me} SET {name} = '10min'")
        else:
            yield fine(name, f"{milliseconds} ms" if milliseconds else "no limit")
    yield fine("statement_timeout", f"{settings['statement_timeout']} ms; Muniment sets its own")
    yield fine("lock_timeout", f"{settings['lock_timeout']} ms; Muniment sets its own")
    yield fine("tcp_keepalives_idle", f"{settings['tcp_keepalives_idle']} s; Muniment sets its own")


def _durability(settings: Mapping[str, str]) -> Iterator[Finding]:
    for name, harm in (
        ("fsync", "a crash of the machine may destroy the whole database"),
        ("full_page_writes", "a crash of the machine may destroy pages of the database"),
        ("synchronous_commit", "a crash may undo the last commits; the next run loads them again"),
    ):
        if settings[name] == "off":
            change = f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()"
            yield warning(name, f"off: {harm}", change)
        else:
            yield fine(name, settings[name])
