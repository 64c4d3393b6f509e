"""Server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

# Between a proxy and a browser, silence is taken for a dead connection: a comment every so often is not.
HEARTBEAT: Final = b": \n\n"
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class _EventStream(StreamingResponse):
    """Closes its events when the client leaves while one of them is being sent, rather than when they are collected."""

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=_HEADERS)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)


def event_stream(events: AsyncGenerator[bytes]) -> StreamingResponse:
    """An answer of server-sent events that no proxy keeps back or stores. ``events`` is closed when it ends."""
    return _EventStream(events)


def event(name: str, data: str, seq: int) -> bytes:
    """One event with its sequence number. ``data`` is JSON text, which has no line breaks."""
    return f"id: {seq}\nevent: {name}\ndata: {data}\n\n".encode()
