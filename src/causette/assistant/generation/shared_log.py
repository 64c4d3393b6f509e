"""The logs of all replies that a process writes, many of them in one transaction.

A transaction costs about the same whether it holds one reply's words or a hundred's, so whatever has come while the
last one ran goes into the next. Alone, a reply waits for nobody.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from causette.assistant.generation.store import Append
from causette.assistant.store import AssistantStore
from causette.assistant.types import Event

# Where many write, a short rest lets more of them share the next transaction; readers see a fifth of a second as it is.
_FEW: Final = 4
_REST_SECONDS: Final = 0.02


class SharedLog:
    """Appends to logs. Each log has one writer at a time, which waits for one append before the next."""

    def __init__(self, store: AssistantStore) -> None:
        self._store = store
        self._waiting: list[tuple[Append, asyncio.Future[bool | None]]] = []
        self._turns: asyncio.Task[None] | None = None

    async def append(self, generation_id: str, writer_id: str, events: Sequence[Event]) -> bool:
        """As `AssistantStore.append`, together with what others have.

        Raises:
            WriterReplaced: the generation is another process's now, or gone.
            Unavailable: the database does not answer. Whether the events are in the log nobody knows.
        """
        done: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((Append(generation_id, writer_id, events), done))
        if self._turns is None:
            self._turns = asyncio.create_task(self._take_turns(), name="shared log")
        stop = await done
        if stop is None:
            # Somebody else has it locked, or it is not this writer's: alone it can wait, and is told which.
            return await self._store.append(generation_id, writer_id, events)
        return stop

    async def _take_turns(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._append(batch)
                if len(batch) > _FEW:
                    await asyncio.sleep(_REST_SECONDS)
        finally:
            self._turns = None

    async def _append(self, batch: list[tuple[Append, asyncio.Future[bool | None]]]) -> None:
        # Whoever was cancelled before its turn writes nothing: another process may be told to go on already.
        batch = [(append, done) for append, done in batch if not done.done()]
        if not batch:
            return
        try:
            stops = await self._store.append_all([append for append, _ in batch])
        except Exception as error:
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return
        for append, done in batch:
            if not done.done():
                done.set_result(stops.get(append.generation_id))
