"""The replies that this process writes: begun, stopped, read as they grow, and taken over from processes that died."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from causette.accounts.types import Caller
from causette.assistant.generation.live import LiveLogs
from causette.assistant.generation.prompt import readable
from causette.assistant.generation.reader import read_events
from causette.assistant.generation.shared_log import SharedLog
from causette.assistant.generation.writer import Means, Writer
from causette.assistant.store import AssistantStore
from causette.assistant.types import DOUBTED_AFTER, SILENT_FOR, Event, Generation, Message
from causette.errors import CausetteError, Forbidden, NotFound, Unavailable
from causette.gateway.service import Gateway
from causette.ids import new_id

_log = structlog.get_logger(__name__)

# How often a process looks for replies whose writer has died.
_LOOK_SECONDS: Final = 1.0
# How often it looks for replies that somebody stopped in another one.
_HEAR_SECONDS: Final = 0.5


class Writers:
    """A process's writers, each with the task that it runs in.

    Args:
        store: where replies are kept.
        gateway: the door to the models.
        caller_of: the caller that abandoned replies are continued for, by the ids of a person and of the workspace
            that they acted for, if any; None when there is no such account, or they are not in the workspace.
        means: the tools that models may use, and the rooms that have something to say before a conversation.
    """

    def __init__(
        self,
        store: AssistantStore,
        gateway: Gateway,
        caller_of: Callable[[str, str | None], Awaitable[Caller | None]],
        means: Means,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._caller_of = caller_of
        self.means = means
        #: The name under which this process writes.
        self.id = new_id("proc")
        self._live = LiveLogs()
        self._shared = SharedLog(store)
        self._writing: dict[str, tuple[Writer, asyncio.Task[bool]]] = {}
        #: Replies that a writer of this process has left to be continued.
        self._left: set[str] = set()
        self._keepers: tuple[asyncio.Task[None], ...] = ()
        self._closing = False
        self._closed = asyncio.Event()

    async def open(self) -> None:
        """Begin to look for replies whose writer has died, and for those to be stopped."""
        await self._store.lifeline.hold()
        # Whoever sees this name may ask whether its process lives.
        self.id = self._store.lifeline.name
        self._keepers = (
            asyncio.create_task(self._continue_abandoned(), name="reaper"),
            asyncio.create_task(self._hear_stops(), name="stops"),
        )

    async def close(self, grace: float) -> None:
        """Give running replies ``grace`` seconds to end; another process continues the others at once.

        No reply is begun from now on, and at the end every reader is sent away.
        """
        self._closing = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        tasks = [task for _, task in self._writing.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            if late:
                await self._store.give_up(self.id)
        await self._store.lifeline.release()
        self._closed.set()

    def check_open(self) -> None:
        """Refuse to begin a reply once the process is closing.

        Raises:
            Unavailable: it is.
        """
        if self._closing:
            raise Unavailable("The server is shutting down. Send this again shortly.", retry_after=2.0)

    async def begin(self, caller: Caller, generation: Generation, parent_id: str | None) -> None:
        """Begin to write the reply under ``parent_id``, or to go on with it."""
        branch = [] if parent_id is None else await self._branch(caller, generation, parent_id)
        writer = Writer(self._store, self._gateway, self._live, self._shared, self.id, caller, self.means)
        task = asyncio.create_task(writer.run(generation, branch), name=f"reply {generation.id}")
        self._writing[generation.id] = (writer, task)

        def leave(_: asyncio.Task[bool]) -> None:
            if self._writing.get(generation.id) == (writer, task):
                del self._writing[generation.id]
                if not task.cancelled() and task.result():
                    self._left.add(generation.id)

        task.add_done_callback(leave)

    def stop(self, generation_id: str) -> None:
        """End a reply at once if this process writes it; nothing happens otherwise."""
        if (writing := self._writing.get(generation_id)) is not None:
            writing[0].stop()

    async def wake(self, generation_id: str) -> None:
        """Go on with a reply that was waiting for its reader; nothing happens to any other."""
        generation = await self._store.wake(generation_id, self.id)
        if generation is None:
            return
        if (parking := self._writing.get(generation_id)) is not None:
            await asyncio.wait((parking[1],))
        await self._continue(generation)

    def events(self, generation: Generation, after: int) -> AsyncGenerator[Event | None]:
        """The generation's log after sequence number ``after``, as it grows; None while nothing comes.

        Without an ``end`` it is over only when this process closes: the reader goes on in another one.
        """
        return read_events(self._store, self._live, generation.id, after, self._closed)

    async def _branch(self, caller: Caller, generation: Generation, message_id: str) -> list[Message]:
        """What leads to a message, as much of it as the model of ``generation`` can read."""
        try:
            deployment = await self._gateway.deployments.find_for(caller, generation.model, "text")
            context = deployment.engine.context
        except (NotFound, Forbidden):
            # The writer finds out as well, and says so.
            context = 0
        return await self._store.branch(message_id, readable(context))

    async def _continue_abandoned(self) -> None:
        while True:
            try:
                await self._take_over()
            except CausetteError as error:
                _log.warning("cannot look for abandoned replies", code=error.code, reason=error.message)
            except Exception:
                _log.exception("cannot look for abandoned replies")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _take_over(self) -> None:
        # The database did not answer when they were left: now it may.
        while self._left:
            generation_id = next(iter(self._left))
            await self._store.give_up(self.id, generation_id)
            self._left.discard(generation_id)
        silent = await self._store.silent_writers(DOUBTED_AFTER)
        if not silent:
            return
        dead = await self._store.lifeline.lost(silent)
        for generation in await self._store.take_over(self.id, SILENT_FOR, dead=dead):
            # After a pause of the whole machine, this process finds its own writers silent.
            if generation.id not in self._writing:
                await self._continue(generation)

    async def _continue(self, generation: Generation) -> None:
        caller = await self._caller_of(generation.owner_id, generation.workspace_id)
        if caller is None:
            # Whoever was taken out of the workspace keeps what was written, and nobody pays for more.
            caller = await self._caller_of(generation.owner_id, None)
            generation = replace(generation, stop_requested=True)
        reply = await self._store.message(generation.message_id)
        if caller is None or reply is None or reply.parent_id is None:
            return
        _log.info("abandoned reply is continued", generation=generation.id)
        await self.begin(caller, generation, reply.parent_id)

    async def _hear_stops(self) -> None:
        while True:
            await asyncio.sleep(_HEAR_SECONDS)
            if not self._writing:
                continue
            try:
                for generation_id in await self._store.to_stop(self.id):
                    self.stop(generation_id)
            except CausetteError as error:
                _log.warning("cannot look for replies to stop", code=error.code, reason=error.message)
            except Exception:
                _log.exception("cannot look for replies to stop")
