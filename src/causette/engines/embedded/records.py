"""What requests took, kept for a while after their end: whoever lost a reply's stream asks here what was made.

A client that leaves closes its connection, and the engine notices a moment later. Whoever asks within that moment
waits for it, so that what is answered does not change any more.
"""

import asyncio
from typing import Final

from causette.engines.types import Completed

# A record is a few hundred bytes: all of them a few megabytes.
_RECORDS: Final = 10_000
# A cancelled request ends between two steps, a few steps after its client has left. One of a long prompt takes a third
# of a second, and several on a machine whose cores are busy with something else.
_PATIENCE_SECONDS: Final = 10.0


class Records:
    """The accounts of the last requests that ended, by request id. Requests without an id have none."""

    def __init__(self, size: int = _RECORDS) -> None:
        self._size = size
        self._ended: dict[str, Completed] = {}
        #: Requests in progress, and what to set at their end.
        self._open: dict[str, asyncio.Event] = {}

    def begin(self, request_id: str) -> asyncio.Event:
        """Note that a request is in progress; what is returned goes to :meth:`end`."""
        end = asyncio.Event()
        if request_id:
            self._open[request_id] = end
        return end

    def end(self, request_id: str, end: asyncio.Event, account: Completed) -> None:
        """Keep a request's account. An id that is used again means the newer request."""
        if end.is_set():
            return
        end.set()
        if self._open.get(request_id) is not end:
            return
        del self._open[request_id]
        self._ended.pop(request_id, None)
        self._ended[request_id] = account
        if len(self._ended) > self._size:
            del self._ended[next(iter(self._ended))]

    def all(self) -> dict[str, Completed]:
        """Every account that is known, the oldest first."""
        return dict(self._ended)

    async def find(self, request_id: str, patience: float = _PATIENCE_SECONDS) -> Completed | None:
        """What a request took. None for one that is not known, or still in progress after ``patience`` seconds."""
        if (end := self._open.get(request_id)) is not None:
            try:
                async with asyncio.timeout(patience):
                    await end.wait()
            except TimeoutError:
                return None
        return self._ended.get(request_id)
