"""The user's own loops with asyncio: as `muniment.batches`, for items and services that are waited for.

What waits for other services is the user's, and async; storing is short. So a batch is stored by the same
plain function as in a sync loop, in a thread, and the event loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Hashable, Iterable
from types import TracebackType
from typing import Concatenate, Generic, ParamSpec, Self, TypeVar

from sqlalchemy.orm import Session

from muniment.cancellation import surely
from muniment.loops import EVERY, Batch, Progress

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
Given = ParamSpec("Given")


def async_batches(
    items: Iterable[Item] | AsyncIterable[Item],
    *,
    name: str,
    key: Callable[[Item], Hashable] | None = None,
    every: int | None = EVERY,
    to: str | None = None,
) -> AsyncBatches[Item]:
    """Items in batches for `async with` and `async for`; the arguments are those of `muniment.batches`."""
    return AsyncBatches(items, Progress(name, key, every, to))


class AsyncBatch(Generic[Item]):
    """As `muniment.loops.Batch`."""

    def __init__(self, batch: Batch[Item]) -> None:
        self._batch = batch
        self.items = batch.items
        self.keys = batch.keys

    def __str__(self) -> str:
        return str(self._batch)

    @property
    def stored(self) -> bool:
        """Whether the items are in the database."""
        return self._batch.stored

    async def store(
        self,
        work: Callable[Concatenate[Session, Given], Outcome],
        *arguments: Given.args,
        **named: Given.kwargs,
    ) -> Outcome:
        """Store the batch by the plain function `work(session, ...)`, called in a thread; see `Batch.store`.

        Where the task is cancelled meanwhile, the transaction goes on to its end first, and the next sitting
        knows whether it was committed.
        """
        # A thread cannot be stopped: the connections may be given back only when it is done.
        return await surely(asyncio.to_thread(lambda: self._batch.store(work, *arguments, **named)))

    async def skip(self) -> None:
        """Count the items as stored, though there is nothing to store of them."""
        await self.store(lambda _session: None)


class AsyncBatches(Generic[Item]):
    """As `muniment.loops.Batches`."""

    def __init__(self, items: Iterable[Item] | AsyncIterable[Item], progress: Progress) -> None:
        self._items = items
        self._progress = progress

    read = property(lambda self: self._progress.read)
    skipped = property(lambda self: self._progress.skipped)
    stored = property(lambda self: self._progress.stored)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._progress.begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._progress.end, error)

    async def __aiter__(self) -> AsyncIterator[AsyncBatch[Item]]:
        async for gathered in _gathered(self._items, self._progress.every):
            batch = await surely(asyncio.to_thread(self._progress.fresh, gathered))
            if batch is not None:
                yield AsyncBatch(batch)
                self._progress.must_be_stored(batch)


async def _gathered(
    items: Iterable[Item] | AsyncIterable[Item], every: int | None
) -> AsyncIterator[list[Item]]:
    gathered: list[Item] = []
    async for item in _one_by_one(items):
        gathered.append(item)
        if len(gathered) == every:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


async def _one_by_one(items: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
