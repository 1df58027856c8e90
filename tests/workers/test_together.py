"""Several runs at once, over several exports or parts of one, with terms, makers and rooms in common."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from muniment import Settings
from tests.acceptance.loading import MAPPING, content_of, load, query, vase, write
from tests.acceptance.program import PATIENCE_SECONDS, program_in
from tests.content import differences

LOADER = """
import sys, muniment
from muniment.events import AttemptFailed

def observe(event):
    # Those who seal their runs in the same moment may have to try again: seals are a chain.
    if isinstance(event, AttemptFailed) and event.chunk is not None:
        print("failed:", event.message)

settings = muniment.Settings(chunk_rows=4)
print("ready", flush=True)
sys.stdin.readline()
run = muniment.load(sys.argv[1], mapping=sys.argv[2], to=sys.argv[3], settings=settings, observer=observe)
print(run.status, run.account.inserted)
"""

ROWS = 120

PARTS = 3


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_processes_that_load_parts_of_an_export_at_once_share_rows(tmp_path: Path, database_url: str) -> None:
    rows = [vase(n, maker=f"Maker {n % 17}", kind=f"kind {n % 13}") for n in range(1, ROWS + 1)]
    parts = [write(tmp_path / f"{part}.csv", rows[part::PARTS]) for part in range(PARTS)]
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(MAPPING)
    load(write(tmp_path / "none.csv", []), database_url)  # so that none waits for another to make the tables
    loaders = [
        subprocess.Popen(
            [sys.executable, "-c", LOADER, part, mapping, database_url],
            env=program_in(tmp_path).environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in parts
    ]
    for loader in loaders:
        assert loader.stdout is not None
        assert loader.stdout.readline() == "ready\n"
    told = []
    for loader in loaders:
        assert loader.stdin is not None
        loader.stdin.write("go\n")
        loader.stdin.flush()
    for loader in loaders:
        out, _ = loader.communicate(timeout=PATIENCE_SECONDS)
        told.append(out)
    assert [each.split()[-2:] for each in told] == [["done", str(ROWS // PARTS)]] * PARTS
    if database_url.startswith("postgresql"):  # MariaDB's locks of gaps may meet; then it is tried again
        assert "failed:" not in "".join(told)
    calm = f"sqlite:///{tmp_path / 'calm.db'}"
    for part in parts:
        load(part, calm, settings=Settings(chunk_rows=4))
    assert not list(differences(content_of(calm), content_of(database_url)))
    assert query(database_url, "SELECT count(*) FROM actor") == [(18,)]
