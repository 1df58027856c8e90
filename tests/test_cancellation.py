"""A cancelled task waits for what cannot be left alone, however often it is cancelled."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muniment.cancellation import surely


@given(times=st.integers(1, 5), fails=st.booleans())
def test_a_task_that_is_cancelled_again_and_again_waits_for_the_end(times: int, fails: bool) -> None:
    async def run() -> None:
        go_on, done = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            await go_on.wait()
            done.set()
            if fails:
                raise ZeroDivisionError

        task = asyncio.create_task(surely(work()))
        await asyncio.sleep(0)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done.is_set()

    asyncio.run(run())


def test_a_task_that_is_not_cancelled_has_what_the_work_returns_or_raises() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    assert asyncio.run(surely(asyncio.sleep(0, 5))) == 5
    with pytest.raises(ZeroDivisionError):
        asyncio.run(surely(fail()))
