"""What many tests need: an empty database of each kind, and the reference material."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from muniment import first_load
from muniment.databases.url import parsed
from tests import servers

ROOT = Path(__file__).parent.parent
SKIPS_FORBIDDEN = os.environ.get("MUNIMENT_FORBID_SKIPS") == "1"
DIALECTS = ("sqlite", "postgresql", "mariadb")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hold each mark of a fault to the databases that its test really runs on."""
    for item in items:
        kind = (
            item.callspec.params.get("database_url")
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else None
        )
        for mark in item.iter_markers("fault"):
            if kind and mark.args[1:] and kind not in mark.args[1:]:
                raise pytest.UsageError(f"{item.nodeid} runs on {kind}, but its mark names {mark.args[1:]}")


class Servers:
    """The servers of this test session, each started when it is first asked for."""

    def __init__(self) -> None:
        self._ending = ExitStack()
        self._urls: dict[str, str] = {}

    def url(self, dialect: str) -> str:
        """The URL of a user who may create databases; skips the test, or fails it, where there is none."""
        if dialect not in self._urls:
            start = {"postgresql": servers.postgresql, "mariadb": servers.mariadb}[dialect]
            try:
                self._urls[dialect] = self._ending.enter_context(start())
            except servers.ServerMissing as missing:
                if SKIPS_FORBIDDEN:
                    raise
                pytest.skip(str(missing))
        return self._urls[dialect]

    def stop(self) -> None:
        """Stop those that were started."""
        self._ending.close()


@pytest.fixture(scope="session")
def test_servers() -> Iterator[Servers]:
    started = Servers()
    yield started
    started.stop()


@pytest.fixture
def postgresql_server(test_servers: Servers) -> str:
    """The URL of a PostgreSQL server, with the right to create databases."""
    return test_servers.url("postgresql")


@pytest.fixture
def mariadb_server(test_servers: Servers) -> str:
    """The URL of a MariaDB server, with the right to create databases."""
    return test_servers.url("mariadb")


@pytest.fixture(params=DIALECTS)
def database_url(request: Any, tmp_path: Path, test_servers: Servers) -> Iterator[str]:
    """The URL of an empty database, one of each kind in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    server = test_servers.url(request.param)
    name = f"test_{secrets.token_hex(6)}"
    with _administration(server) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    force = " WITH (FORCE)" if request.param == "postgresql" else ""
    with _administration(server) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}{force}")


@pytest.fixture
def one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads of this process commit one chunk after the other, whatever the database."""
    monkeypatch.setattr(first_load, "checks_row_by_row", lambda *_: False)


def _administration(server: str) -> sa.Connection:
    engine = sa.create_engine(parsed(server), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    return engine.connect()


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference material, which is not part of the repository."""
    folder = Path(os.environ.get("MUNIMENT_REFERENCE", ROOT / ".." / "shared")).resolve()
    if not (folder / "standards").is_dir():
        pytest.skip(f"there is no reference material in {folder}; MUNIMENT_REFERENCE names its folder")
    return folder
