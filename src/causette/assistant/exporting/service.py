"""What can be taken along, and in which form."""

from collections.abc import AsyncGenerator
from typing import Any, Final

from causette.accounts.types import Caller, Locale
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.exporting.documents import as_json, as_markdown, shown_branch
from causette.assistant.exporting.store import ExportStore
from causette.assistant.service import Assistant
from causette.assistant.tree.store import TreeStore
from causette.assistant.types import Conversation, Status
from causette.db import Database

_PORTION: Final = 200


class Exporting:
    """Conversations as documents."""

    def __init__(self, database: Database, assistant: Assistant, custom: CustomAssistants) -> None:
        self._store = ExportStore(database)
        self._tree = TreeStore(database)
        self._assistant = assistant
        self._custom = custom

    async def json(self, caller: Caller, conversation_id: str) -> tuple[Conversation, AsyncGenerator[bytes]]:
        """One of the caller's conversations with its whole tree.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        conversation = await self._assistant.find(caller, conversation_id)
        project = await self._store.project_of(conversation)
        return conversation, as_json(conversation, project, self._messages(conversation.id))

    async def markdown(
        self, caller: Caller, conversation_id: str, locale: Locale
    ) -> tuple[Conversation, AsyncGenerator[bytes]]:
        """The branch of one of the caller's conversations that is shown.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        conversation = await self._assistant.find(caller, conversation_id)
        return conversation, as_markdown(conversation.title, self._branch(caller, conversation), locale)

    async def count(self, caller: Caller) -> int:
        """How many conversations the caller has, temporary ones aside."""
        return await self._store.count(caller.user.id)

    async def conversation_ids(self, caller: Caller) -> AsyncGenerator[str]:
        """Their ids, the oldest first."""
        after = ""
        while some := await self._store.conversation_ids(caller.user.id, after):
            for each in some:
                yield each
            after = some[-1]

    async def _messages(self, conversation_id: str) -> AsyncGenerator[dict[str, Any]]:
        async for row in self._store.messages(conversation_id):
            yield await self._as_it_is(dict(row))

    async def _branch(self, caller: Caller, conversation: Conversation) -> AsyncGenerator[dict[str, Any]]:
        names: dict[str | None, str | None] = {None: None}
        path = shown_branch(await self._tree.links(conversation.id), conversation.current_message_id)
        for start in range(0, len(path), _PORTION):
            some = path[start : start + _PORTION]
            rows = await self._tree.rows(some)
            for each in some:
                if each in rows:
                    row = await self._as_it_is(rows[each])
                    if (by := row["assistant_id"]) not in names:
                        custom = await self._custom.answering(caller, by)
                        names[by] = None if custom is None else custom.name
                    yield row | {"assistant": names[by]}

    async def _as_it_is(self, row: dict[str, Any]) -> dict[str, Any]:
        """A message; one that is being written as far as it is, as one that was stopped."""
        if row["status"] == Status.STREAMING:
            return row | {
                "status": Status.STOPPED,
                "content": await self._assistant.written(row["generation_id"]),
            }
        return row
