"""Brings into the index what has changed, in the background and in small portions."""

import asyncio
from time import perf_counter
from typing import Final

import structlog

from causette.assistant.search.store import SearchStore
from causette.errors import CausetteError

_log = structlog.get_logger(__name__)

# A portion holds SQLite's lock for some ten milliseconds.
_PORTION: Final = 40
# How soon a message can be found after it was written, and how long to wait when the database is away.
_LOOK_SECONDS: Final = 0.5
_TROUBLE_SECONDS: Final = 5.0
# Of a long backlog, rest this many times as long as a portion took: people's own writes come first.
_REST: Final = 1.0
_LOGGED_EVERY: Final = 50_000


class Indexer:
    """A task of this process that indexes; with several processes, whichever comes first does each portion."""

    def __init__(self, store: SearchStore) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="search index")

    async def close(self) -> None:
        """End; what is not indexed yet is when a process opens again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def catch_up(self) -> None:
        """Index all there is to be indexed now."""
        while await self._store.is_pending():
            if not await self._store.index_some(_PORTION):
                await asyncio.sleep(_LOOK_SECONDS)

    async def _run(self) -> None:
        done = 0
        while True:
            try:
                if not await self._store.is_pending():
                    await asyncio.sleep(_LOOK_SECONDS)
                    continue
                began = perf_counter()
                count = await self._store.index_some(_PORTION)
                took = perf_counter() - began
                if count == 0:
                    # Another process is at it.
                    await asyncio.sleep(_LOOK_SECONDS)
                    continue
                if (done + count) // _LOGGED_EVERY > done // _LOGGED_EVERY:
                    _log.info(
                        "search index grows", indexed=done + count, remaining=await self._store.remaining()
                    )
                done += count
                await asyncio.sleep(took * _REST)
            except CausetteError as error:
                _log.warning("cannot index what has changed", code=error.code, reason=error.message)
                await asyncio.sleep(_TROUBLE_SECONDS)
            except Exception:
                _log.exception("cannot index what has changed")
                await asyncio.sleep(_TROUBLE_SECONDS)
