"""What a process imports: only what it needs, since each MiB of that is one less for the load itself.

Held by what is imported, not by time or memory, which differ between machines.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import muniment
from muniment.databases import connect
from muniment.migrations import upgrade
from tests.test_architecture import MODULES

OF_SERVERS = ("psycopg", "pymysql", "cryptography", "asyncpg", "asyncmy", "aiosqlite")
OF_MIGRATIONS = ("alembic", "mako")
OF_READING = ("adbc_driver_postgresql", "pandas", "polars", "sqlalchemy.orm", "sqlalchemy.ext.asyncio")
OF_OTHER_FORMATS = ("distributed", "fsspec", "lxml", "openpyxl", "orjson", "pyarrow.parquet", "xlsxwriter")
OF_OTHER_COMMANDS = (
    *("muniment.async_loops", "muniment.audit", "muniment.exporting", "muniment.exports", "muniment.guess"),
    *("muniment.loops", "muniment.museum.publishing", "muniment.read", "muniment.roles"),
)
OF_MUSEUMS = ("muniment.museum.mapping", "muniment.museum.profile", "muniment.museum.record", "re2")

FOR_OTHERS = (
    *(*OF_SERVERS, *OF_MIGRATIONS, *OF_READING, *OF_OTHER_FORMATS, *OF_OTHER_COMMANDS, *OF_MUSEUMS),
)
"""What loading a table into SQLite has no use for."""

MODEL = """
from pydantic import BaseModel

class Loan(BaseModel):
    number: int
    lender: str
"""

TELLING = "import json, sys\n{}\nprint(json.dumps(sorted(sys.modules)))"

LOADING = """
sys.argv = ["muniment", "load", "loans.csv", "--model", "loans:Loan", "--to", "sqlite:///loans.db", "--quiet"]
from muniment.cli import app
app(standalone_mode=False)
"""


def imported_by(statements: str, folder: Path) -> set[str]:
    """The modules that a new process has imported, having executed some statements."""
    command = [sys.executable, "-c", TELLING.format(statements)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return set(json.loads(ended.stdout.splitlines()[-1]))


def test_a_load_of_a_table_imports_nothing_that_only_others_need(tmp_path: Path) -> None:
    (tmp_path / "loans.py").write_text(MODEL)
    (tmp_path / "loans.csv").write_text("number,lender\n1,Harbour Museum\n")
    with closing(connect(f"sqlite:///{tmp_path / 'loans.db'}")) as database:
        upgrade(database, "engine")
    found = imported_by(LOADING, tmp_path)
    assert {"muniment.chunk_load", "muniment.databases.sqlite", "loans"} <= found
    assert not found & set(FOR_OTHERS)


def test_a_worker_imports_nothing_that_only_others_need(tmp_path: Path) -> None:
    found = imported_by("import muniment.workers.processes", tmp_path)
    assert not found & {*FOR_OTHERS, "typer", "rich", "muniment.api", "muniment.cli"}


PRESENT = """
import importlib.abc, importlib.machinery, types

class Pandas(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    '''Finds a module of that name, as where pandas is installed.'''

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "pandas" else None

    def exec_module(self, module):
        module.__version__ = "0"

sys.meta_path.insert(0, Pandas())
"""


def test_a_load_leaves_pandas_alone_where_it_is_installed_and_a_model_that_wants_it_finds_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "loans.py").write_text(MODEL)
    (tmp_path / "loans.csv").write_text("number,lender\n1,Harbour Museum\n")
    assert "pandas" not in imported_by(PRESENT + LOADING, tmp_path)
    (tmp_path / "loans.py").write_text("import pandas\n" + MODEL)
    assert "pandas" in imported_by(PRESENT + LOADING, tmp_path)
    assert "pandas" in imported_by(f"{PRESENT}{LOADING}\nimport pandas", tmp_path)


def test_the_package_alone_and_its_help_need_neither_arrow_nor_sqlalchemy(tmp_path: Path) -> None:
    for statement in ("import muniment", "import muniment.cli"):
        assert not imported_by(statement, tmp_path) & {"numpy", "pyarrow", "pydantic", "sqlalchemy"}


def test_every_public_name_is_found_where_types_say_that_it_is() -> None:
    told = {
        alias.name: node.module
        for node in ast.walk(MODULES["muniment"])
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
        if node.module != "typing"
    }
    assert told == vars(muniment)["HOME_OF"]
    assert sorted(told) == muniment.__all__
    assert set(told) <= set(dir(muniment))
    for name, home in told.items():
        assert getattr(muniment, name) is getattr(sys.modules[str(home)], name)
        assert f"muniment.{name}" not in MODULES, f"a module would take the place of muniment.{name}"


def test_what_the_package_does_not_have_is_told_as_by_any_module() -> None:
    assert not hasattr(muniment, "unload")
