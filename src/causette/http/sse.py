"""Server-sent events."""

from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import StreamingResponse

# Between a proxy and a browser, silence is taken for a dead connection: a comment every so often is not.
HEARTBEAT: Final = b": \n\n"
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event_stream(events: AsyncIterator[bytes], headers: dict[str, str] | None = None) -> StreamingResponse:
    """An answer of server-sent events that no proxy keeps back or stores."""
    return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS | (headers or {}))


def event(name: str, data: str, seq: int) -> bytes:
    """One event with its sequence number. ``data`` is JSON text, which has no line breaks."""
    return f"id: {seq}\nevent: {name}\ndata: {data}\n\n".encode()
