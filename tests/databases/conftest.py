"""An open database of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from muniment.databases import Database, connect


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = connect(database_url)
    yield opened
    opened.close()
