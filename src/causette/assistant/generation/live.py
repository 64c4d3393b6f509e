"""Wake-ups: readers in the process that writes a reply get its events without asking the database."""

import asyncio
from collections.abc import Sequence

from causette.assistant.types import Event


class LiveLog:
    """The log of one reply that this process is writing, as far as it has been stored."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = list(events)
        self.closed = False
        self._changed = asyncio.Event()

    def extend(self, events: Sequence[Event]) -> None:
        """Add what has just been stored, and wake the readers."""
        self.events.extend(events)
        self._wake()

    def close(self) -> None:
        """Nothing more comes from this process."""
        self.closed = True
        self._wake()

    async def changed(self) -> None:
        """Wait until there is more, or it is closed."""
        if not self.closed:
            await self._changed.wait()

    def _wake(self) -> None:
        # Every waiter holds the old event; whoever comes now waits on the next one.
        self._changed.set()
        self._changed = asyncio.Event()


class LiveLogs:
    """The logs of all replies that this process is writing."""

    def __init__(self) -> None:
        self._logs: dict[str, LiveLog] = {}

    def open(self, generation_id: str, events: Sequence[Event]) -> LiveLog:
        """Begin one, with the events that are stored already."""
        log = self._logs[generation_id] = LiveLog(events)
        return log

    def find(self, generation_id: str) -> LiveLog | None:
        """The log of a reply that is written here."""
        return self._logs.get(generation_id)

    def close(self, generation_id: str, log: LiveLog) -> None:
        """End one; readers finish from the database. Another one of the same reply stays."""
        if self._logs.get(generation_id) is log:
            del self._logs[generation_id]
        log.close()
