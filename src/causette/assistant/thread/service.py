"""Opening a conversation: at its end, around a message, and on from there in both directions."""

import asyncio
from collections.abc import Sequence

from causette.accounts.types import Caller
from causette.assistant.service import Assistant
from causette.assistant.thread.finding import as_looked_for, occurrences
from causette.assistant.thread.store import ThreadStore
from causette.assistant.types import Conversation, Matches, Message, Role, Run, Versions
from causette.db import Database
from causette.errors import InvalidRequest


class Threads:
    """What is shown of the conversations of ``assistant``."""

    def __init__(self, database: Database, assistant: Assistant) -> None:
        self._store = ThreadStore(database)
        self._assistant = assistant

    async def open(
        self, caller: Caller, conversation_id: str, *, at: str | None, limit: int
    ) -> tuple[Conversation, Run]:
        """A conversation, and the end of the branch that it shows, or what is around the message ``at``.

        A message that is on another branch is shown on that one, of those through it on the newest.

        Raises:
            NotFound: there is no such conversation or message, or it is somebody else's.
            InvalidRequest: ``at`` is in another conversation.
        """
        conversation = await self._assistant.find(caller, conversation_id)
        if at is None:
            return conversation, await self._store.end(conversation.id, limit)
        message = await self._within(caller, conversation, at, "at")
        return conversation, await self._store.around(message, limit)

    async def before(self, caller: Caller, conversation_id: str, message_id: str, limit: int) -> Run:
        """The messages that lead to one.

        Raises:
            NotFound, InvalidRequest: as for :meth:`open`.
        """
        conversation = await self._assistant.find(caller, conversation_id)
        message = await self._within(caller, conversation, message_id, "before")
        return await self._store.before(message, limit)

    async def after(self, caller: Caller, conversation_id: str, message_id: str, end: str, limit: int) -> Run:
        """The messages that follow one, on the branch that ``end`` is on.

        Raises:
            NotFound: as for :meth:`open`.
            InvalidRequest: one of the two is in another conversation, or does not lead to the other.
        """
        conversation = await self._assistant.find(caller, conversation_id)
        message = await self._within(caller, conversation, message_id, "after")
        last = await self._within(caller, conversation, end, "end")
        run = await self._store.after(message, last, limit)
        if run is None:
            raise InvalidRequest("This message does not lead to the end that was named.", param="end")
        return run

    async def matches(self, caller: Caller, conversation_id: str, text: str) -> tuple[Matches, ...]:
        """The messages that have ``text``, of the branch that is shown, oldest first.

        Raises:
            NotFound: as for :meth:`open`.
            InvalidRequest: nothing of ``text`` can be looked for.
        """
        conversation = await self._assistant.find(caller, conversation_id)
        wanted = as_looked_for(text)
        if not wanted.strip():
            raise InvalidRequest(
                "There is nothing to look for: send a text with letters or signs.", param="q"
            )
        # A long conversation takes its time, in which others are to be answered.
        return await asyncio.to_thread(_matches, await self._store.texts(conversation.id), wanted)

    async def versions(self, caller: Caller, message_id: str) -> tuple[list[Message], Versions]:
        """A message's versions, itself among them, oldest first."""
        return await self._store.versions(await self._assistant.message(caller, message_id))

    async def _within(
        self, caller: Caller, conversation: Conversation, message_id: str, param: str
    ) -> Message:
        message = await self._assistant.message(caller, message_id)
        if message.conversation_id != conversation.id:
            raise InvalidRequest("This message is in another conversation.", param=param)
        return message


def _matches(texts: Sequence[tuple[str, Role, str]], wanted: str) -> tuple[Matches, ...]:
    counted = (
        Matches(message_id, occurrences(wanted, content, markdown=role == "assistant"))
        for message_id, role, content in texts
    )
    return tuple(found for found in counted if found.count)
