"""One time for many waits."""

import asyncio

import pytest

from causette.gateway.deadline import Deadline


def soon() -> float:
    return asyncio.get_running_loop().time() + 0.02


async def quick() -> int:
    await asyncio.sleep(0)
    return 1


async def test_what_is_there_in_time_comes_through_and_the_wait_under_way_at_its_time_ends():
    with Deadline(soon()) as deadline:
        assert [await deadline.wait(quick()) for _ in range(3)] == [1, 1, 1]
        with pytest.raises(TimeoutError):
            await deadline.wait(asyncio.Event().wait())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_its_time_may_come_between_two_waits():
    with Deadline(soon()) as deadline:
        await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            await deadline.wait(asyncio.Event().wait())


async def test_who_is_cancelled_is_cancelled_and_not_late():
    async def wait() -> None:
        with Deadline(asyncio.get_running_loop().time() + 60) as deadline:
            await deadline.wait(asyncio.Event().wait())

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_is_done_between_two_waits_is_not_cancelled():
    with Deadline(soon()) as deadline:
        assert await deadline.wait(quick()) == 1
        await asyncio.sleep(0.05)
