"""Reading a reply's log from any point, in any process, until it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from causette.assistant.generation.live import LiveLog, LiveLogs
from causette.assistant.store import AssistantStore
from causette.assistant.types import SILENT_FOR, Event, EventType, Status
from causette.clock import utc_now

# How often a reader looks for what another process wrote, and how long it waits for this one.
_POLL_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 10.0


async def read_events(
    store: AssistantStore, live: LiveLogs, generation_id: str, after: int
) -> AsyncIterator[Event | None]:
    """The events after ``after``, without gap or repetition, up to ``end``; None whenever nothing came for a while.

    It does not end before ``end``, whatever happens to the writer: another one continues the reply.
    """
    while True:
        log = live.find(generation_id)
        source = _live_events(log, after) if log is not None else _stored_events(store, generation_id, after)
        async for event in source:
            yield event
            if event is not None:
                after = event.seq
                if event.type is EventType.END:
                    return


async def _live_events(log: LiveLog, after: int) -> AsyncIterator[Event | None]:
    """What the writer in this process stores, until it closes its log."""
    while True:
        # Sequence numbers count from 1 without gaps, so they are positions in the list.
        fresh = log.events[after:]
        for event in fresh:
            yield event
        after += len(fresh)
        if log.closed and after >= len(log.events):
            return
        if after >= len(log.events):
            changed = False
            with suppress(TimeoutError):
                await asyncio.wait_for(log.changed(), _PATIENCE_SECONDS)
                changed = True
            if not changed:
                yield None


async def _stored_events(
    store: AssistantStore, generation_id: str, after: int
) -> AsyncIterator[Event | None]:
    """What is in the database now; an ``end`` for a log that will never get one."""
    events = await store.events(generation_id, after)
    for event in events:
        yield event
    if events:
        return
    generation = await store.generation(generation_id)
    # Deleted; or whole, with a writer that died before it could close the log; or the reader knows it all.
    if generation is None or (
        generation.status is not Status.STREAMING and utc_now() - generation.heartbeat_at > SILENT_FOR
    ):
        yield Event(after + 1, EventType.END, "{}")
        return
    yield None
    await asyncio.sleep(_POLL_SECONDS)
