"""Work that stops when nobody waits for it any more."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.requests import Request

T = TypeVar("T")


class ClientLeft(Exception):
    """The client closed its connection before the answer was ready."""


async def while_connected(request: Request, work: Coroutine[object, object, T]) -> T:
    """The result of ``work``, which is cancelled as soon as the client closes the connection.

    Call it after the request's body has been read.

    Raises:
        ClientLeft: the client is gone and ``work`` was cancelled.
    """
    task = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait((task, leaving), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientLeft
    finally:
        task.cancel()
        leaving.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
