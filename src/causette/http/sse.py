"""Server-sent events."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from causette.errors import CausetteError
from causette.http.disconnect import ClientLeft, while_received

# Between a proxy and a browser, silence is taken for a dead connection: a comment every so often is not.
HEARTBEAT: Final = b": \n\n"
#: Carries work out for as long as its caller is let in, and raises the refusal when they are not any more.
Guard = Callable[[Coroutine[object, object, None]], Awaitable[None]]

_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class EventStream(Response):
    """An answer of server-sent events, which are closed when it ends: as soon as the client leaves, at the latest."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncGenerator[bytes], guard: Guard | None, refusal: Callable[[CausetteError], bytes]
    ) -> None:
        self._events = events
        self._guard = guard
        self._refusal = refusal
        self.status_code = 200
        self.background = None
        # Without a body, and so without a length.
        self.init_headers(_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        with suppress(ClientLeft):
            await while_received(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        last = b""
        try:
            await (self._send_events(send) if self._guard is None else self._guard(self._send_events(send)))
        except CausetteError as refusal:
            last = self._refusal(refusal)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _send_events(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})


def event_stream(
    events: AsyncGenerator[bytes],
    *,
    guard: Guard | None = None,
    refusal: Callable[[CausetteError], bytes] = lambda _: b"",
) -> EventStream:
    """An answer of server-sent events that no proxy keeps back or stores. ``events`` is closed when it ends.

    Args:
        events: What is sent.
        guard: What it is sent under; what it raises ends the stream.
        refusal: The last event of a stream that is ended so.
    """
    return EventStream(events, guard, refusal)


def event(name: str, data: str, seq: int) -> bytes:
    """One event with its sequence number. ``data`` is JSON text, which has no line breaks."""
    return f"id: {seq}\nevent: {name}\ndata: {data}\n\n".encode()
