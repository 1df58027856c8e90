"""Creating and upgrading the schema, on every database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from muniment.databases import Database, connect
from muniment.errors import DatabaseError
from muniment.migrations import upgrade, version_table
from tests.databases import version_scripts

ALL_TABLES = {"run", "chunk", "object", "muniment_version"}

UPGRADER = """
import sys
from pathlib import Path
from muniment.databases import connect
from muniment.migrations import upgrade
database = connect(sys.argv[1])
for branch in ("engine", "museum"):
    upgrade(database, branch, versions=Path(sys.argv[2]))
"""


def tables(database: Database) -> set[str]:
    return set(sa.inspect(database.engine).get_table_names())


def execute(database: Database, statement: str) -> None:
    with database.transaction() as transaction:
        transaction.execute(sa.text(statement))


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    folder = tmp_path / "versions"
    folder.mkdir()
    return version_scripts.two_branches(folder)


def test_each_branch_brings_its_own_tables(database: Database, versions: Path) -> None:
    upgrade(database, "engine", versions=versions)
    assert tables(database) == {"run", "chunk", "muniment_version"}
    upgrade(database, "museum", versions=versions)
    assert tables(database) == ALL_TABLES


def test_a_branch_brings_what_it_depends_on(database: Database, versions: Path) -> None:
    upgrade(database, "museum", versions=versions)
    assert tables(database) == ALL_TABLES
    upgrade(database, "engine", versions=versions)
    assert tables(database) == ALL_TABLES


def test_upgrading_twice_executes_no_statement_that_changes_anything(
    database: Database, versions: Path
) -> None:
    for branch in ("engine", "museum"):
        upgrade(database, branch, versions=versions)
    statements: list[str] = []
    sa.event.listen(
        database.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2].lstrip())
    )
    for branch in ("engine", "museum"):
        upgrade(database, branch, versions=versions)
    assert statements
    changing = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE")
    assert [text for text in statements if text.startswith(changing)] == []


def test_a_later_version_is_added_to_an_earlier_one(database: Database, versions: Path) -> None:
    upgrade(database, "museum", versions=versions)
    execute(database, "INSERT INTO object (name) VALUES ('kept')")
    version_scripts.write(versions, "museum_0002", ("title",), down="museum_0001")
    upgrade(database, "museum", versions=versions)
    assert tables(database) == ALL_TABLES | {"title"}
    with database.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT name FROM object")) == "kept"
    upgrade(database, "engine", versions=versions)


def test_a_database_from_a_newer_muniment_is_refused(database: Database, versions: Path) -> None:
    upgrade(database, "engine", versions=versions)
    with database.transaction() as transaction:
        transaction.execute(version_table.insert(), {"version_num": "museum_9999"})
    with pytest.raises(DatabaseError, match=r"museum_9999.*Upgrade Muniment"):
        upgrade(database, "engine", versions=versions)


def test_tables_of_someone_else_are_never_taken_over(database: Database, versions: Path) -> None:
    execute(database, "CREATE TABLE object (id INTEGER)")
    for _ in range(2):
        with pytest.raises(DatabaseError, match=r"already exists.*a database of its own"):
            upgrade(database, "museum", versions=versions)
    assert [column["name"] for column in sa.inspect(database.engine).get_columns("object")] == ["id"]


def test_an_upgrade_that_broke_off_goes_on(database: Database, versions: Path) -> None:
    script = versions / "engine_0001.py"
    whole = script.read_text()
    script.write_text(whole + "    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        upgrade(database, "engine", versions=versions)
    script.write_text(whole)
    upgrade(database, "museum", versions=versions)
    assert tables(database) == ALL_TABLES
    execute(database, "INSERT INTO run (name) VALUES ('x')")


def test_programs_that_start_at_once_all_find_the_schema(database_url: str, versions: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", UPGRADER, database_url, str(versions)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    told = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0] * 4, told
    database = connect(database_url)
    assert tables(database) == ALL_TABLES
    database.close()
