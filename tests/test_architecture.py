"""Imports point downwards only, so that each module can be read without those above it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "muniment"

LAYERS = (
    (
        *("errors", "columns", "positions", "records", "footprint", "events", "config"),
        *("memory", "stopping", "cancellation", "canonical", "extras"),
    ),
    ("sources", "validation", "databases", "profile"),
    (
        "migrations",
        "ledger",
        "quarantine",
        "evidence",
        "continuation",
        "run_parts",
        "batch_items",
        "guess",
        "museum",
        "table",
    ),
    ("chunk_load", "heeding", "sitting", "beginning", "first_load"),
    ("run", "workers", "read", "registry", "loops", "async_loops", "doctor"),
    ("correction", "audit", "archiving", "roles", "exports"),
    ("api", "exporting"),
    ("cli", "__main__"),
    ("__init__",),
)
"""From the bottom up. A part may import from its own layer and from those below it."""

PROFILES = ("museum", "table")
CHOOSE_A_PROFILE = ("api", "exporting", "cli", "registry", "__init__")

OF_ONE_DATABASE = "its driver, and TLS for it, take up to 20 MB: only whoever uses that database has them"
TO_MIGRATE = "Alembic takes 10 MB and more, and most processes find the schema as it should be"
OF_ARROW = "straight from PostgreSQL come only batches of Arrow, and this brings its driver"
FOR_A_LOAD = "only what loads has it imported anyway; who reads how much memory there is need not"
OF_ONE_PROFILE = "the museum profile takes 10 MB and a seventh of a second, in vain where tables are loaded"
WHERE_ASKED_FOR = "most loads are of files, and of records that wait for none"

IMPORTED_LATE = {
    ("muniment.api", "muniment.correction.waiting"): WHERE_ASKED_FOR,
    ("muniment.api", "muniment.museum.profile"): OF_ONE_PROFILE,
    ("muniment.cli.loading", "muniment.read.queries"): WHERE_ASKED_FOR,
    ("muniment.databases.async_engines", "muniment.databases.silence"): OF_ONE_DATABASE,
    ("muniment.databases.engines", "muniment.databases.infile"): OF_ONE_DATABASE,
    ("muniment.databases.engines", "muniment.databases.silence"): OF_ONE_DATABASE,
    ("muniment.databases.engines", "muniment.databases.sockets"): OF_ONE_DATABASE,
    ("muniment.databases.errors", "psycopg"): OF_ONE_DATABASE,
    ("muniment.databases.errors", "pymysql"): OF_ONE_DATABASE,
    ("muniment.databases.kinds", "muniment.databases.mysql"): OF_ONE_DATABASE,
    ("muniment.databases.kinds", "muniment.databases.postgresql"): OF_ONE_DATABASE,
    ("muniment.databases.kinds", "muniment.databases.sqlite"): OF_ONE_DATABASE,
    ("muniment.memory", "pyarrow"): FOR_A_LOAD,
    ("muniment.migrations", "alembic"): TO_MIGRATE,
    ("muniment.migrations", "alembic.config"): TO_MIGRATE,
    ("muniment.migrations", "alembic.script"): TO_MIGRATE,
    ("muniment.migrations.interruption", "pymysql"): OF_ONE_DATABASE,
    ("muniment.read.streams", "muniment.read.adbc"): OF_ARROW,
    ("muniment.registry", "muniment.museum.mapping"): OF_ONE_PROFILE,
    ("muniment.registry", "muniment.museum.profile"): OF_ONE_PROFILE,
    ("muniment.registry", "muniment.museum.tracing"): OF_ONE_PROFILE,
}
"""Imports inside functions, as (module, what it imports), each with the reason why it is there."""

SAYING_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def modules() -> dict[str, ast.Module]:
    """The modules of the package, by dotted name; a package is called after its folder."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


MODULES = modules()


def imported(node: ast.AST) -> list[str]:
    """What an import statement imports, as dotted names of modules."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        return [name if name in MODULES else node.module for name in names]
    return []


def imports(module: str) -> set[str]:
    """The modules of this package that a module imports, wherever in it."""
    names = {name for node in ast.walk(MODULES[module]) for name in imported(node)}
    return {name for name in names if name.split(".")[0] == "muniment"}


def part(module: str) -> str:
    """The name in `LAYERS` of the part to which a module belongs."""
    return module.split(".")[1] if "." in module else "__init__"


def layer(module: str) -> int:
    """The number of a module's layer, counted from the bottom."""
    numbers = [number for number, names in enumerate(LAYERS) if part(module) in names]
    assert numbers, f"{module} is in no layer: give it a place in LAYERS"
    return numbers[0]


def late_imports(module: str) -> Iterator[tuple[str, str]]:
    """The imports inside functions of a module."""
    for function in ast.walk(MODULES[module]):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                yield from ((module, name) for name in imported(node))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_from_its_own_layer_and_below(module: str) -> None:
    upwards = {name for name in imports(module) if layer(name) > layer(module)}
    assert not upwards, f"{module} imports from above: {sorted(upwards)}"


@pytest.mark.parametrize("module", MODULES)
def test_only_the_command_line_and_the_public_api_choose_a_profile(module: str) -> None:
    if part(module) in CHOOSE_A_PROFILE:
        return
    profiles = {name for name in imports(module) if part(name) in PROFILES and part(name) != part(module)}
    assert not profiles, f"{module} knows a profile: {sorted(profiles)}"


@pytest.mark.parametrize("module", MODULES)
def test_an_import_inside_a_function_has_its_reason(module: str) -> None:
    without_reason = set(late_imports(module)) - IMPORTED_LATE.keys()
    assert not without_reason, "import at the top, or give the reason in IMPORTED_LATE"


def test_every_reason_for_a_late_import_is_still_needed() -> None:
    late = {pair for module in MODULES for pair in late_imports(module)}
    assert IMPORTED_LATE.keys() <= late


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    waiting = {module: imports(module) & MODULES.keys() - {module} for module in MODULES}
    while free := {module for module, needs in waiting.items() if not needs}:
        waiting = {module: needs - free for module, needs in waiting.items() if module not in free}
    assert not waiting, f"these import each other: {sorted(waiting)}"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_called_after_what_it_does(module: str) -> None:
    assert not SAYING_NOTHING & set(module.split("."))
