"""The schema that upgrading makes, on every database: that of the metadata, and no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from muniment import quarantine
from muniment.databases import Database, connect
from muniment.databases.types import metadata
from muniment.errors import DatabaseError
from muniment.ledger import run_table
from muniment.migrations import VERSION_TABLE, VERSIONS, upgrade, version_table
from muniment.museum import tables

SOURCES = Path(__file__).parent.parent.parent / "src"

UPGRADER = """
import sys
from muniment.databases import connect
from muniment.migrations import upgrade
database = connect(sys.argv[1])
upgrade(database, "engine")
upgrade(database, "museum")
"""

KNOWN = {run_table.name, quarantine.quarantine_table.name, tables.object_.name, VERSION_TABLE}

Constraints = dict[str, dict[str, Any]]


@pytest.fixture
def database(database: Database) -> Database:
    upgrade(database, "engine")
    upgrade(database, "museum")
    return database


@pytest.fixture
def inspector(database: Database) -> sa.Inspector:
    return sa.inspect(database.engine)


def muniments() -> list[sa.Table]:
    return list(metadata.tables.values())


def test_upgrading_makes_exactly_the_tables_and_columns_of_the_metadata(database: Database) -> None:
    def is_ours(_item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
        return not (kind == "table" and name == VERSION_TABLE)

    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_object": is_ours, "target_metadata": metadata}
        )
        assert compare_metadata(context, metadata) == []


def test_primary_keys_are_those_of_the_metadata(inspector: sa.Inspector) -> None:
    for table in muniments():
        found = inspector.get_pk_constraint(table.name)["constrained_columns"]
        assert sorted(found) == sorted(column.name for column in table.primary_key.columns), table.name


def test_foreign_keys_and_unique_constraints_are_those_of_the_metadata(inspector: sa.Inspector) -> None:
    for table in muniments():
        keys = {
            (key["name"], *key["constrained_columns"], key["referred_table"], *key["referred_columns"])
            for key in inspector.get_foreign_keys(table.name)
        }
        assert keys == {
            (
                str(key.name),
                *(column.name for column in key.columns),
                key.referred_table.name,
                *(element.column.name for element in key.elements),
            )
            for key in table.foreign_key_constraints
        }
        unique = {(key["name"], *key["column_names"]) for key in inspector.get_unique_constraints(table.name)}
        wanted = [c for c in table.constraints if isinstance(c, sa.UniqueConstraint)]
        assert unique == {(str(key.name), *(column.name for column in key.columns)) for key in wanted}


def test_checks_and_indexes_are_those_of_the_metadata(inspector: sa.Inspector) -> None:
    for table in muniments():
        checks = {check["name"] for check in inspector.get_check_constraints(table.name)}
        wanted = {str(c.name) for c in table.constraints if isinstance(c, sa.CheckConstraint)}
        assert wanted <= checks, table.name
        names = {index["name"] for index in inspector.get_indexes(table.name)}
        assert {index.name for index in table.indexes} <= names, table.name


def test_every_table_and_column_that_has_a_comment_in_the_code_has_it_in_the_database(
    database: Database, inspector: sa.Inspector
) -> None:
    if not database.engine.dialect.supports_comments:
        assert database.engine.dialect.name == "sqlite"
        return
    for table in muniments():
        assert table.comment
        assert inspector.get_table_comment(table.name)["text"] == table.comment
        comments = {column["name"]: column["comment"] for column in inspector.get_columns(table.name)}
        assert comments == {column.name: column.comment for column in table.columns}


def test_every_museum_table_names_its_path_in_the_crm() -> None:
    for table in (tables.object_, tables.actor, tables.place, tables.term, *tables.PARTS_OF_OBJECT):
        assert table.comment is not None
        assert any(word[0] in "EP" and word[1].isdigit() for word in table.comment.split()), table.name


def test_the_readable_view_is_there(database: Database, inspector: sa.Inspector) -> None:
    assert "object_summary" in inspector.get_view_names()
    with database.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT * FROM object_summary")).all() == []


def test_version_scripts_are_called_after_their_versions_and_the_newest_comes_last() -> None:
    scripts = ScriptDirectory(str(VERSIONS.parent), version_locations=[str(VERSIONS)])
    names = sorted(script.stem for script in VERSIONS.glob("*.py"))
    assert names == sorted(script.revision for script in scripts.walk_revisions())
    for branch in ("engine", "museum"):
        head = scripts.get_revision(f"{branch}@head")
        assert head is not None
        assert head.revision == [name for name in names if name.startswith(f"{branch}_")][-1]


def test_upgrading_again_changes_nothing(database: Database) -> None:
    statements: list[str] = []
    sa.event.listen(
        database.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2].lstrip())
    )
    for branch in ("engine", "museum"):
        upgrade(database, branch)
    assert statements
    assert not [
        s for s in statements if s.startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE"))
    ]


def test_a_database_of_a_newer_muniment_is_refused(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute(version_table.insert(), {"version_num": "museum_9999"})
    for branch in ("engine", "museum"):
        with pytest.raises(DatabaseError, match=r"museum_9999.*pip install --upgrade muniment"):
            upgrade(database, branch)


def test_programs_that_upgrade_at_once_all_succeed(database_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", UPGRADER, database_url]
    started = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={"PYTHONPATH": str(SOURCES)})
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    database = connect(database_url)
    assert set(sa.inspect(database.engine).get_table_names()) >= KNOWN
    database.close()
