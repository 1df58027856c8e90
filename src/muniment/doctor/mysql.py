"""What may be wrong with a MySQL or MariaDB server, as far as it can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from muniment.config import MEBIBYTE
from muniment.databases.options import RECYCLE_SECONDS
from muniment.doctor.findings import Finding, fatal, fine, of_connections, warning
from muniment.registry import own_tables

PACKET_BYTES = 16 * MEBIBYTE
"""The packets that take a record of any permitted size; the default of both servers, or less than it."""

NEEDED = ("SELECT", "INSERT", "UPDATE", "DELETE")
NEEDED_TO_CREATE = ("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "CREATE VIEW")

SETTINGS = sa.text(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('max_connections', 'max_user_connections', 'wait_timeout',"
    " 'max_allowed_packet', 'sql_mode', 'local_infile', 'read_only', 'innodb_flush_log_at_trx_commit',"
    " 'log_bin', 'sync_binlog',"
    " 'net_write_timeout', 'net_read_timeout', 'idle_transaction_timeout', 'idle_write_transaction_timeout')"
)
"""The server's own, whatever Muniment sets for its sessions."""

IN_USE = sa.text("SHOW GLOBAL STATUS LIKE 'Threads_connected'")

TABLES = sa.text(
    "SELECT table_name AS name, engine, coalesce(data_length + index_length, 0) AS bytes"
    " FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"
)

RIGHTS = sa.text(
    "SELECT privilege_type FROM information_schema.user_privileges"
    " WHERE grantee = concat('''', replace(current_user(), '@', '''@'''), '''')"
    " UNION SELECT privilege_type FROM information_schema.schema_privileges"
    " WHERE grantee = concat('''', replace(current_user(), '@', '''@'''), '''')"
    " AND database() LIKE table_schema"
    " UNION SELECT privilege_type FROM information_schema.table_privileges"
    " WHERE grantee = concat('''', replace(current_user(), '@', '''@'''), '''')"
    " AND table_schema = database()"
)

DATABASE = sa.text(
    "SELECT version() AS version, current_user() AS me, database() AS name, current_role() AS role,"
    " default_character_set_name AS charset FROM information_schema.schemata WHERE schema_name = database()"
)


def examine(connection: sa.Connection, workers: int, *, schema_is_current: bool) -> Iterator[Finding]:
    """What is found of the server at the other end of a connection."""
    database = connection.execute(DATABASE).one()
    settings = {row[0]: row[1] for row in connection.execute(SETTINGS)}
    in_use = int(connection.execute(IN_USE).one()[1])
    yield fine("version", database.version)
    if settings.get("read_only", "OFF") not in ("OFF", "0"):
        change = "SET GLOBAL read_only = OFF, or name the primary in the URL"
        yield fatal("read_only", "this server takes no writes", change)
    limits = {name: int(settings[name]) for name in ("max_connections", "max_user_connections")}
    yield of_connections(workers, limits, in_use, "SET GLOBAL {name} = {needed}")
    yield from _tables(connection)
    yield from _rights(connection, database, schema_is_current)
    yield from _lax(settings, database)
    yield from _sizes_and_times(settings)


def _tables(connection: sa.Connection) -> Iterator[Finding]:
    tables = connection.execute(TABLES).all()
    for table in tables:
        if table.engine is None or table.engine.lower() == "innodb":
            continue
        told = f"{table.engine} tables know no transactions: what is loaded into it could be half"
        change = f"ALTER TABLE {table.name} ENGINE=InnoDB"
        ours = table.name in own_tables()
        yield (fatal if ours else warning)(f"table {table.name}", told, change)
    used = sum(int(table.bytes) for table in tables) / MEBIBYTE
    yield fine("disk", f"{used:,.0f} MiB are used; what is free cannot be asked of this server")


def _rights(connection: sa.Connection, database: Any, schema_is_current: bool) -> Iterator[Finding]:
    present = set(connection.scalars(RIGHTS))
    needed = (*NEEDED, *(() if schema_is_current else NEEDED_TO_CREATE))
    missing = [right for right in needed if right not in present]
    user, _, host = database.me.partition("@")
    change = f"GRANT {', '.join(missing)} ON `{database.name}`.* TO '{user}'@'{host}'"
    told = f"{database.me} lacks {', '.join(missing)}"
    if not missing:
        yield fine(
            "rights", f"{database.me} may " + ("load" if schema_is_current else "create and load tables")
        )
    elif not {"SELECT", "INSERT"} & set(missing) and schema_is_current:
        yield warning("rights", f"{told} on the tables", change)
    elif database.role not in (None, "NONE"):
        yield warning("rights", f"{told}, unless the role {database.role} has them", change)
    else:
        yield fatal("rights", told, change)


def _lax(settings: Mapping[str, str], database: Any) -> Iterator[Finding]:
    mode = settings["sql_mode"]
    if "STRICT_" in mode or "TRADITIONAL" in mode:
        yield fine("sql_mode", "strict")
    else:
        told = "lax: other programs' values are cut to fit; Muniment's own sessions are strict"
        yield warning("sql_mode", told, "SET GLOBAL sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'")
    if database.charset == "utf8mb4":
        yield fine("character set", "utf8mb4")
    else:
        told = f"{database.charset}: tables of other programs cannot hold every text; Muniment's own can"
        change = f"ALTER DATABASE `{database.name}` CHARACTER SET utf8mb4"
        yield warning("character set", told, change)
    if settings.get("local_infile", "OFF") in ("ON", "1"):
        yield fine("local_infile", "on: rows go in by LOAD DATA")
    else:
        yield warning(
            "local_infile", "off: rows go in by INSERT, which is slower", "SET GLOBAL local_infile = ON"
        )
    for name in ("innodb_flush_log_at_trx_commit", "sync_binlog"):
        if settings[name] == "1":
            yield fine(name, "1")
        elif name == "sync_binlog" and settings["log_bin"] in ("OFF", "0"):
            yield fine(name, "there is no binary log")
        else:
            told = "a crash may undo the last commits; the next run loads them again"
            yield warning(name, told, f"SET GLOBAL {name} = 1")


def _sizes_and_times(settings: Mapping[str, str]) -> Iterator[Finding]:
    packet = int(settings["max_allowed_packet"])
    told = f"{packet / MEBIBYTE:,.0f} MiB"
    if packet < PACKET_BYTES:
        change = f"SET GLOBAL max_allowed_packet = {PACKET_BYTES}"
        yield warning("max_allowed_packet", f"{told}: longer records are quarantined", change)
    else:
        yield fine("max_allowed_packet", told)
    waits = int(settings["wait_timeout"])
    if waits < RECYCLE_SECONDS:
        told = f"{waits} s: idle connections are ended soon, and replaced at the next chunk"
        yield warning("wait_timeout", told, "SET GLOBAL wait_timeout = 28800")
    else:
        yield fine("wait_timeout", f"{waits} s")
    for name in ("idle_transaction_timeout", "idle_write_transaction_timeout"):  # MariaDB alone has them
        if 0 < int(settings.get(name, 0)) < RECYCLE_SECONDS:
            told = f"{settings[name]} s: on a busy machine a chunk may take longer, and is done again"
            yield warning(name, told, f"SET GLOBAL {name} = 0")
    for name in ("net_read_timeout", "net_write_timeout"):
        yield fine(name, f"{settings[name]} s; Muniment sets its own")
