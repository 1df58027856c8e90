"""How many chunks are held at once: the one being written, and the next, unless they are huge."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from muniment import chunk_load
from muniment.records import HUGE_BYTES, Chunk, Place
from tests.acceptance.program import PATIENCE_SECONDS

SHORT_SECONDS = 0.2


class Chunks:
    """Three chunks of so many bytes, and whether the second was asked for."""

    def __init__(self, size: int) -> None:
        self.second_asked_for = threading.Event()
        self._data = bytes(size)

    def __iter__(self) -> Iterator[Chunk]:
        yield self._chunk(0)
        self.second_asked_for.set()
        yield self._chunk(1)
        yield self._chunk(2)

    def _chunk(self, number: int) -> Chunk:
        start, end = (Place(n * len(self._data), n + 1, n + 1) for n in (number, number + 1))
        return Chunk(start, end, self._data, number == 2)


@pytest.fixture(autouse=True)
def as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made of chunks does not matter here."""
    monkeypatch.setattr(chunk_load, "prepare_chunk", lambda chunk, *_: SimpleNamespace(chunk=chunk))
    monkeypatch.setattr(chunk_load, "encode_chunk", lambda prepared, _job: prepared)


def test_the_next_chunk_is_made_ready_while_one_is_written() -> None:
    chunks = Chunks(1)
    ready = chunk_load.prepare_ahead(_job(), iter(chunks))
    next(ready)
    assert chunks.second_asked_for.wait(PATIENCE_SECONDS)
    assert [prepared.chunk.start.number for prepared in ready] == [2, 3]


def test_nothing_is_held_beside_a_huge_chunk_while_it_is_written() -> None:
    chunks = Chunks(HUGE_BYTES + 1)
    ready = chunk_load.prepare_ahead(_job(), iter(chunks))
    next(ready)
    assert not chunks.second_asked_for.wait(SHORT_SECONDS)
    assert [prepared.chunk.start.number for prepared in ready] == [2, 3]


def _job() -> Any:
    return SimpleNamespace(source=None, judge=None)
