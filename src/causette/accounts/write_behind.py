"""Writes that no request waits for: that a session or a key is in use."""

import asyncio
import contextlib
from collections.abc import Coroutine

from causette.errors import Unavailable


class WriteBehind:
    """Runs writes beside the requests that cause them, one for each record at a time."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, record_id: str, write: Coroutine[None, None, None]) -> None:
        """Let ``write`` run, unless one for the same record is running."""
        if record_id in self._running:
            write.close()
            return
        task = asyncio.get_running_loop().create_task(_quietly(write))
        self._running[record_id] = task
        task.add_done_callback(lambda _: self._running.pop(record_id))

    async def settle(self) -> None:
        """Wait for all that is running."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)


async def _quietly(write: Coroutine[None, None, None]) -> None:
    # A use that is not noted costs nobody anything, so a busy database is no error here.
    with contextlib.suppress(Unavailable):
        await write
