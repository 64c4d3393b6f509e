"""Work that stops when nobody waits for it any more."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.requests import Request
from starlette.types import Receive

T = TypeVar("T")


class ClientLeft(Exception):
    """The client closed its connection before the answer was ready."""


async def while_connected(request: Request, work: Coroutine[object, object, T]) -> T:
    """The result of ``work``, which is cancelled as soon as the client closes the connection.

    Call it after the request's body has been read.

    Raises:
        ClientLeft: the client is gone and ``work`` was cancelled.
    """
    return await while_received(request.receive, work)


async def while_received(receive: Receive, work: Coroutine[object, object, T]) -> T:
    """`while_connected`, for what has no request but its channel.

    The work stays in this task, as with :func:`asyncio.timeout`: a second one costs as much as a short answer.
    """
    task = asyncio.current_task()
    assert task is not None
    working, left, only_left = True, False, False

    def leave(listener: asyncio.Task[None]) -> None:
        nonlocal left
        if working and not listener.cancelled():
            # A channel that broke says the same as one that was closed.
            listener.exception()
            left = True
            task.cancel()

    listener = asyncio.create_task(_left(receive))
    listener.add_done_callback(leave)
    try:
        try:
            return await work
        finally:
            working = False
            listener.cancel()
            # Nothing of our cancelling may remain, and nobody else's be swallowed.
            only_left = left and task.uncancel() == 0
    except asyncio.CancelledError:
        if only_left:
            raise ClientLeft from None
        raise


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
