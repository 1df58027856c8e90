"""Exports to be loaded while something goes wrong, proxies, and servers of our own that may be killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from muniment.databases import Database, connect
from tests import servers
from tests.acceptance.loading import vase, write
from tests.conftest import SKIPS_FORBIDDEN
from tests.faults.proxy import Proxy

ROWS = 60
"""Records of the export; with `CHUNK_ROWS`, three chunks: before, amid and after the fault."""

CHUNK_ROWS = 20


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Good and bad records, makers and rooms that all chunks share."""
    rows = [vase(n, **({"title": ""} if n % 25 == 0 else {})) for n in range(1, ROWS + 1)]
    return write(tmp_path / "export.csv", rows)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = connect(database_url)
    yield opened
    opened.close()


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """A proxy before the server of `database_url`."""
    with Proxy(database_url) as started:
        yield started


@pytest.fixture(scope="session")
def own_servers() -> Iterator[dict[str, servers.Server]]:
    """Servers that wait for their disk, each started when it is first asked for."""
    with ExitStack() as ending:
        yield _Own(ending)


class _Own(dict[str, servers.Server]):
    def __init__(self, ending: ExitStack) -> None:
        super().__init__()
        self._ending = ending

    def __missing__(self, dialect: str) -> servers.Server:
        start = {"postgresql": servers.own_postgresql, "mariadb": servers.own_mariadb}[dialect]
        try:
            self[dialect] = self._ending.enter_context(start(durable=True))
        except servers.ServerMissing as missing:
            if SKIPS_FORBIDDEN:
                raise
            pytest.skip(str(missing))
        return self[dialect]


@pytest.fixture(params=["postgresql", "mariadb"])
def own_server(request: Any, own_servers: dict[str, servers.Server]) -> servers.Server:
    """A server of our own, one of each kind in turn, which a test may kill and set otherwise."""
    server = own_servers[request.param]
    if server.process.poll() is not None:
        server.start_again()  # a test before this one failed while it was down
    return server
