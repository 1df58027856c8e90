"""Nothing of a chunk is left to Python's cycle collector, which may not look for it for a million records.

It sets to work when there is a quarter more to look at than at its last turn, counted in objects: a few of
them in a cycle that hold all keys of a chunk are large, and few.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import muniment
from benchmarks import flat
from benchmarks.memory import FLAT_MAPPING
from muniment.config import RejectBudget, Settings

RECORDS = 6_000
SETTINGS = Settings(chunk_rows=200, max_rejects=RejectBudget(percent=100))


@contextmanager
def garbage() -> Iterator[list[object]]:
    """What only the cycle collector would have freed of all that was left in the block; filled at its end."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def load(source: Path, profile: str, url: str) -> muniment.Run:
    if profile == "table":
        return muniment.load(source, model=flat.Artwork, to=url, settings=SETTINGS, again=True)
    return muniment.load(source, mapping=FLAT_MAPPING, to=url, settings=SETTINGS, again=True)


@pytest.mark.parametrize("profile", ["table", "museum"])
@pytest.mark.parametrize("bad", [False, True], ids=["good", "all bad"])
def test_a_chunk_leaves_none_of_its_keys_to_the_cycle_collector(
    profile: str, bad: bool, tmp_path: Path
) -> None:
    source, url = flat.write(tmp_path / "flat.csv", RECORDS, bad=bad), f"sqlite:///{tmp_path / 'test.db'}"
    for what in ("inserted", "unchanged"):
        with garbage() as left:
            account = load(source, profile, url).account
        assert (account.quarantined if bad else getattr(account, what)) == RECORDS
        # A list of keys, or of hashes, has a place for each record of its chunk.
        assert sum(len(one) for one in left if isinstance(one, list)) < RECORDS / 2
