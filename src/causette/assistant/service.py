"""What the assistant does: conversations, asking for replies, reading and stopping them."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.assistant.generation.live import LiveLogs
from causette.assistant.generation.reader import read_events
from causette.assistant.generation.titles import first_words
from causette.assistant.generation.writer import Writer
from causette.assistant.store import AssistantStore
from causette.assistant.types import SILENT_FOR, Conversation, Event, Generation, Message, Status, Turn
from causette.errors import CausetteError, Conflict, InvalidRequest, Unavailable
from causette.gateway import Gateway
from causette.ids import new_id

_log = structlog.get_logger(__name__)

_LONGEST_MESSAGE: Final = 400_000
_LONGEST_TITLE: Final = 200
# How often a process looks for replies whose writer has died.
_LOOK_SECONDS: Final = 5.0
# How long whoever stops a reply waits for its end, and how often it looks.
_STOP_SECONDS: Final = 5.0
_STOP_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Some conversations, and the cursor that continues after them; None at the end."""

    items: list[Conversation]
    next: str | None


class Assistant:
    """Conversations and their replies.

    Args:
        store: where they are kept.
        gateway: the door to the models.
        caller_of: the caller that a person's abandoned replies are continued for, by the person's id.
    """

    def __init__(
        self, store: AssistantStore, gateway: Gateway, caller_of: Callable[[str], Awaitable[Caller | None]]
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._caller_of = caller_of
        self._live = LiveLogs()
        self._id = new_id("proc")
        self._writers: dict[str, tuple[Writer, asyncio.Task[None]]] = {}
        self._reaper: asyncio.Task[None] | None = None
        self._closing = False
        self._closed = asyncio.Event()

    # Conversations

    async def conversations(self, caller: Caller, *, limit: int, before: str | None) -> ConversationPage:
        """The caller's conversations, the most recently active first."""
        place = _read_cursor(before) if before else None
        items = await self._store.conversations(caller.user.id, limit=limit + 1, before=place)
        more = len(items) > limit
        items = items[:limit]
        return ConversationPage(items, _cursor(items[-1]) if more else None)

    async def conversation(self, caller: Caller, conversation_id: str) -> tuple[Conversation, list[Message]]:
        """One conversation and every message of its tree."""
        conversation = await self._owned_conversation(caller, conversation_id)
        return conversation, await self._store.messages(conversation.id)

    async def change(
        self,
        caller: Caller,
        conversation_id: str,
        *,
        title: str | None = None,
        current_message_id: str | None = None,
        model: str | None = None,
    ) -> Conversation:
        """Rename a conversation, remember the branch being shown, or choose the model of its next replies."""
        conversation = await self._owned_conversation(caller, conversation_id)
        changes: dict[str, object] = {}
        if title is not None:
            changes |= {"title": _checked_title(title), "title_is_given": True}
        if current_message_id is not None:
            message = await self._owned_message(caller, current_message_id)
            _check_within(message, conversation, "current_message_id")
            changes["current_message_id"] = message.id
        if model is not None:
            changes["model"] = self._gateway.deployments.find(model, "text").name
        changed = await self._store.change_conversation(conversation.id, changes)
        return changed or conversation

    async def delete(self, caller: Caller, conversation_id: str) -> None:
        """Delete a conversation with everything in it; replies being written to it end."""
        conversation = await self._owned_conversation(caller, conversation_id)
        await self._store.delete_conversation(conversation.id)
        if conversation.active_generation_id is not None:
            self._stop_here(conversation.active_generation_id)

    # Replies

    async def start(self, caller: Caller, *, content: str, model: str | None) -> Turn:
        """Begin a conversation with its first message, and its reply."""
        content = _checked_content(content)
        self._check_open()
        deployment = self._gateway.deployments.find(model or "default", "text")
        made = await self._store.begin(
            owner_id=caller.user.id,
            model=deployment.name,
            writer_id=self._id,
            conversation_id=None,
            parent_id=None,
            content=content,
            title=first_words(content),
        )
        return await self._write(caller, made)

    async def send(
        self, caller: Caller, conversation_id: str, *, content: str, parent_id: str | None, model: str | None
    ) -> Turn:
        """Add a message under ``parent_id`` (a sibling of that message's other children), and its reply."""
        conversation = await self._owned_conversation(caller, conversation_id)
        content = _checked_content(content)
        if parent_id is not None:
            parent = await self._owned_message(caller, parent_id)
            _check_within(parent, conversation, "parent_id")
            if parent.role != "assistant":
                raise InvalidRequest(
                    "A message follows a reply. To change one of your messages, use its own parent.",
                    param="parent_id",
                )
            if parent.status is Status.STREAMING:
                raise Conflict(
                    "The reply above is still being written. Wait for it, or stop it.", code="still_writing"
                )
        self._check_open()
        deployment = self._gateway.deployments.find(model or conversation.model, "text")
        made = await self._store.begin(
            owner_id=caller.user.id,
            model=deployment.name,
            writer_id=self._id,
            conversation_id=conversation.id,
            parent_id=parent_id,
            content=content,
        )
        return await self._write(caller, made)

    async def regenerate(self, caller: Caller, message_id: str, *, model: str | None) -> Turn:
        """Another reply beside an existing one."""
        message = await self._owned_message(caller, message_id)
        if message.role != "assistant":
            raise InvalidRequest("Only a reply can be written again.", code="not_a_reply")
        conversation = await self._owned_conversation(caller, message.conversation_id)
        self._check_open()
        deployment = self._gateway.deployments.find(model or conversation.model, "text")
        made = await self._store.begin(
            owner_id=caller.user.id,
            model=deployment.name,
            writer_id=self._id,
            conversation_id=conversation.id,
            parent_id=message.parent_id,
            content=None,
        )
        return await self._write(caller, made)

    async def generation(self, caller: Caller, generation_id: str) -> Generation:
        """One generation."""
        return await owned(caller, generation_id, self._store.generation, what="generation")

    async def stop(self, caller: Caller, generation_id: str) -> Generation:
        """Stop a reply, wherever it is written, keeping what there is. One that has ended stays as it is.

        Comes back when it has ended, or after five seconds: a writer that is away sees the wish when it is back.
        """
        generation = await self.generation(caller, generation_id)
        await self._store.request_stop(generation.id)
        self._stop_here(generation.id)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                while generation.status is Status.STREAMING:
                    await asyncio.sleep(_STOP_LOOK_SECONDS)
                    generation = await self.generation(caller, generation_id)
        return generation

    def events(self, generation: Generation, after: int) -> AsyncGenerator[Event | None]:
        """The generation's log after sequence number ``after``, as it grows; None while nothing comes.

        Without an ``end`` it is over only when this process closes: the reader goes on in another one.
        """
        return read_events(self._store, self._live, generation.id, after, self._closed)

    # Life of the process

    def open(self) -> None:
        """Begin to look for replies whose writer has died."""
        self._reaper = asyncio.create_task(self._continue_abandoned(), name="reaper")

    async def close(self, grace: float) -> None:
        """Give running replies ``grace`` seconds to end; another process continues the others at once.

        No reply is begun from now on, and at the end every reader is sent away.
        """
        self._closing = True
        if self._reaper is not None:
            self._reaper.cancel()
            await asyncio.gather(self._reaper, return_exceptions=True)
        tasks = [task for _, task in self._writers.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            if late:
                await self._store.give_up(self._id)
        self._closed.set()

    async def _write(self, caller: Caller, made: tuple[Conversation, list[Message], Generation]) -> Turn:
        conversation, messages, generation = made
        reply = messages[-1]
        branch = await self._store.branch(reply.parent_id) if reply.parent_id else []
        self._begin_writing(caller, generation, branch)
        return Turn(conversation, tuple(messages), generation)

    def _check_open(self) -> None:
        if self._closing:
            raise Unavailable("The server is shutting down. Send this again shortly.", retry_after=2.0)

    def _begin_writing(self, caller: Caller, generation: Generation, branch: list[Message]) -> None:
        writer = Writer(self._store, self._gateway, self._live, self._id, caller)
        task = asyncio.create_task(writer.run(generation, branch), name=f"reply {generation.id}")
        self._writers[generation.id] = (writer, task)
        task.add_done_callback(lambda _: self._writers.pop(generation.id, None))

    def _stop_here(self, generation_id: str) -> None:
        if (writing := self._writers.get(generation_id)) is not None:
            writing[0].stop()

    async def _continue_abandoned(self) -> None:
        while True:
            try:
                for generation in await self._store.take_over(self._id, SILENT_FOR):
                    # After a pause of the whole machine, this process finds its own writers silent.
                    if generation.id not in self._writers:
                        await self._continue(generation)
            except CausetteError as error:
                _log.warning("cannot look for abandoned replies", code=error.code, reason=error.message)
            except Exception:
                _log.exception("cannot look for abandoned replies")
            await asyncio.sleep(_LOOK_SECONDS)

    async def _continue(self, generation: Generation) -> None:
        caller = await self._caller_of(generation.owner_id)
        reply = await self._store.message(generation.message_id)
        if caller is None or reply is None or reply.parent_id is None:
            return
        _log.info("abandoned reply is continued", generation=generation.id)
        self._begin_writing(caller, generation, await self._store.branch(reply.parent_id))

    async def _owned_conversation(self, caller: Caller, conversation_id: str) -> Conversation:
        return await owned(caller, conversation_id, self._store.conversation, what="conversation")

    async def _owned_message(self, caller: Caller, message_id: str) -> Message:
        return await owned(caller, message_id, self._store.message, what="message")


def _check_within(message: Message, conversation: Conversation, field: str) -> None:
    if message.conversation_id != conversation.id:
        raise InvalidRequest("This message is in another conversation.", param=field)


def _checked_content(content: str) -> str:
    if not content.strip():
        raise InvalidRequest("The message is empty.", param="content")
    if len(content) > _LONGEST_MESSAGE:
        raise InvalidRequest(
            f"The message has {len(content):,} characters; at most {_LONGEST_MESSAGE:,} are taken.",
            param="content",
        )
    # PostgreSQL's text cannot hold it, and no one means it.
    return content.replace("\0", "")


def _checked_title(title: str) -> str:
    title = " ".join(title.replace("\0", "").split())
    if not 1 <= len(title) <= _LONGEST_TITLE:
        raise InvalidRequest(f"A title has 1 to {_LONGEST_TITLE} characters.", param="title")
    return title


def _cursor(conversation: Conversation) -> str:
    place = f"{conversation.updated_at.isoformat()} {conversation.id.removeprefix('conv_')}"
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        place = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, conversation_id = place.partition(" ")
        # An instant outside the years 1 to 9999 in UTC overflows.
        when = datetime.fromisoformat(at).astimezone(UTC)
    except (ValueError, OverflowError):
        when, conversation_id = None, ""
    if when is None or not conversation_id.isalnum():
        raise InvalidRequest("This is not a cursor that the list gave out.", param="before")
    return when, f"conv_{conversation_id}"
