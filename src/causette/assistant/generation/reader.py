"""Reading a reply's log from any point, in any process, until it ends."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

import structlog

from causette.assistant.generation.live import LiveLog, LiveLogs
from causette.assistant.store import AssistantStore
from causette.assistant.types import SILENT_FOR, Event, EventType, Status
from causette.clock import utc_now
from causette.errors import Unavailable

_log = structlog.get_logger(__name__)

# How often a reader looks for what another process wrote, and how long it waits for this one before it lets its own
# reader look whether they are still welcome.
_POLL_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 0.5


async def read_events(
    store: AssistantStore, live: LiveLogs, generation_id: str, after: int, leaving: asyncio.Event
) -> AsyncGenerator[Event | None]:
    """The events after ``after``, without gap or repetition, up to ``end``; None whenever nothing came for a while.

    It does not end before ``end``, whatever happens to the writer: another one continues the reply. Only ``leaving``
    ends it early, for a process that closes.
    """
    while not leaving.is_set():
        log = live.find(generation_id)
        source = _live_events(log, after) if log is not None else _stored_events(store, generation_id, after)
        async for event in source:
            yield event
            if event is not None:
                after = event.seq
                if event.type is EventType.END:
                    return


async def _live_events(log: LiveLog, after: int) -> AsyncGenerator[Event | None]:
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
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await log.changed()
                changed = True
            if not changed:
                yield None


async def _stored_events(
    store: AssistantStore, generation_id: str, after: int
) -> AsyncGenerator[Event | None]:
    """What is in the database now; an ``end`` for a log that will never get one."""
    try:
        events = await store.events(generation_id, after)
        generation = None if events else await store.generation(generation_id)
    except Unavailable as error:
        # A reader has nowhere better to go: it waits like the writer does.
        _log.warning("a reply's reader waits for the database", generation=generation_id, code=error.code)
        yield None
        await asyncio.sleep(error.retry_after or _POLL_SECONDS)
        return
    for event in events:
        yield event
    if events:
        return
    # Deleted; or whole, with a writer that died before it could close the log; or the reader knows it all.
    if generation is None or (
        generation.status is not Status.STREAMING and utc_now() - generation.heartbeat_at > SILENT_FOR
    ):
        yield Event(after + 1, EventType.END, "{}")
        return
    yield None
    await asyncio.sleep(_POLL_SECONDS)
