"""Work that ends with its client's connection, and leaves no trace of having been cancelled."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from causette.http.disconnect import ClientLeft, while_received
from causette.http.sse import event_stream


class Client:
    """A client's end of a connection, and what was sent to it."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.got: list[Message] = []

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.got.append(message)


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_work_that_ends_gives_its_result_and_stops_listening() -> None:
    client, before = Client(), len(asyncio.all_tasks())

    async def work() -> int:
        await asyncio.sleep(0)
        return 3

    assert await while_received(client.receive, work()) == 3
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before


async def test_work_is_cancelled_when_the_client_leaves() -> None:
    client, ended = Client(), asyncio.Event()

    async def work() -> None:
        try:
            client.gone.set()
            await forever()
        finally:
            ended.set()

    with pytest.raises(ClientLeft):
        await while_received(client.receive, work())
    assert ended.is_set()
    assert asyncio.current_task().cancelling() == 0  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("rounds", range(5))
async def test_a_client_that_leaves_as_the_work_ends_cancels_nothing_that_comes_after(rounds: int) -> None:
    client = Client()

    async def work() -> int:
        await asyncio.sleep(0)
        client.gone.set()
        # The listener needs some rounds of the loop to notice: before, while and after the work ends.
        for _ in range(rounds):
            await asyncio.sleep(0)
        return 3

    try:
        assert await while_received(client.receive, work()) == 3
    except ClientLeft:
        assert rounds > 0
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.current_task().cancelling() == 0  # pyright: ignore[reportOptionalMemberAccess]


async def test_who_cancels_the_task_is_obeyed() -> None:
    task = asyncio.create_task(while_received(Client().receive, forever()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_cancels_the_task_as_the_client_leaves_is_obeyed() -> None:
    client = Client()
    task = asyncio.create_task(while_received(client.receive, forever()))
    await asyncio.sleep(0)
    client.gone.set()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_time_limits_inside_and_outside_are_kept() -> None:
    async def limited() -> None:
        async with asyncio.timeout(0.01):
            await forever()

    with pytest.raises(TimeoutError):
        await while_received(Client().receive, limited())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await while_received(Client().receive, forever())


async def test_an_error_of_the_work_is_not_taken_for_a_departure() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError):
        await while_received(Client().receive, work())


async def test_a_stream_sends_each_event_and_ends() -> None:
    async def events() -> AsyncGenerator[bytes]:
        yield b"data: 1\n\n"
        yield b"data: 2\n\n"

    client = Client()
    await event_stream(events())({"type": "http"}, client.receive, client.send)
    head, *bodies = client.got
    assert dict(head["headers"])[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert b"content-length" not in dict(head["headers"])
    assert [(part["body"], part["more_body"]) for part in bodies] == [
        (b"data: 1\n\n", True),
        (b"data: 2\n\n", True),
        (b"", False),
    ]


async def test_a_stream_is_closed_when_the_client_leaves_though_nothing_comes() -> None:
    closed: list[bool] = []

    async def events() -> AsyncGenerator[bytes]:
        try:
            yield b"data: 1\n\n"
            client.gone.set()
            await forever()
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    client = Client()
    await event_stream(events())({"type": "http"}, client.receive, client.send)
    assert closed == [True]
    assert client.got[-1]["more_body"]
