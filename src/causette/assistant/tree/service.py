"""Correcting a reply, deleting a branch, and copying a conversation."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from causette.accounts.types import Caller
from causette.assistant.service import Assistant, checked_content, checked_title
from causette.assistant.tree.store import TreeStore
from causette.assistant.types import Conversation, Message, Status, Versions
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound
from causette.ids import new_id

# Messages copied in one transaction: others write in between.
_COPIED_AT_ONCE: Final = 200
#: A copy that is not whole by then never will be.
COPYING_FOR: Final = timedelta(minutes=10)


class Tree:
    """What is done to the nodes of conversations, beside the asking for replies that ``assistant`` does."""

    def __init__(self, database: Database, assistant: Assistant) -> None:
        self._store = TreeStore(database)
        self._assistant = assistant

    async def correct(self, caller: Caller, message_id: str, content: str) -> tuple[Conversation, Message]:
        """Put a person's words beside a reply, as the version that is shown and that models read from now on.

        Raises:
            NotFound: there is no such message, or it is somebody else's.
            InvalidRequest: it is no reply, or the words are refused.
            Conflict: the reply is still being written (``still_writing``).
        """
        original = await self._assistant.message(caller, message_id)
        if original.role != "assistant":
            raise InvalidRequest(
                "Only a reply is corrected. To change a message of your own, send it anew with its own parent.",
                code="not_a_reply",
            )
        if original.status is Status.STREAMING:
            raise Conflict("The reply is still being written. Wait for it, or stop it.", code="still_writing")
        row: dict[str, Any] = {
            "id": new_id("msg"),
            "conversation_id": original.conversation_id,
            "parent_id": original.parent_id,
            "role": "assistant",
            "content": checked_content(content),
            "model": original.model,
            "status": Status.COMPLETE,
            "created_at": utc_now(),
            "corrects_id": original.id,
        }
        if not await self._store.add(row):
            raise NotFound("This reply has been deleted.")
        return (
            await self._assistant.find(caller, original.conversation_id),
            await self._assistant.message(caller, row["id"]),
        )

    async def versions(self, message: Message) -> Versions:
        """The ids of a message's versions."""
        return await self._assistant.versions([message])

    async def delete(self, caller: Caller, message_id: str) -> Conversation:
        """Delete a message with all that follows it. Replies that are being written there end.

        Raises:
            NotFound: there is no such message, or it is somebody else's.
        """
        message = await self._assistant.message(caller, message_id)
        for generation_id in await self._store.delete_branch(message.conversation_id, message.id):
            self._assistant.writers.stop(generation_id)
        return await self._assistant.find(caller, message.conversation_id)

    async def duplicate(
        self, caller: Caller, conversation_id: str, *, until: str | None = None, title: str | None = None
    ) -> Conversation:
        """Copy a conversation: its whole tree, or the branch that leads to the message ``until``.

        A reply that is being written is copied as far as it is, as one that was stopped. The copy is listed when it is
        whole; until then it is a temporary conversation, which goes by itself should the process die.

        Raises:
            NotFound: there is no such conversation or message, or it is somebody else's.
            InvalidRequest: ``until`` is in another conversation, or the title is refused.
        """
        source = await self._assistant.find(caller, conversation_id)
        if source.temporary:
            raise Conflict(
                "A temporary conversation leaves nothing behind, so it has no copies.", code="temporary"
            )
        if until is not None and (await self._assistant.message(caller, until)).conversation_id != source.id:
            raise InvalidRequest("This message is in another conversation.", param="until")
        changes: dict[str, object] = {"pinned_at": None, "archived_at": None}
        changes["expires_at"] = utc_now() + COPYING_FOR
        if title is not None:
            changes |= {"title": checked_title(title), "title_is_given": True}
        order = _parents_first(await self._store.links(source.id), until)
        copies = {message_id: new_id("msg") for message_id in order}
        copy_id = new_id("conv")
        if not await self._store.begin_copy(source.id, copy_id, changes):
            raise NotFound("This conversation has been deleted.")
        for start in range(0, len(order), _COPIED_AT_ONCE):
            some = order[start : start + _COPIED_AT_ONCE]
            rows = await self._store.rows(some)
            if len(rows) < len(some):
                raise NotFound("A message was deleted while the conversation was copied. Copy it again.")
            await self._store.add_copies([await self._copied(rows[each], copy_id, copies) for each in some])
        shown = until or source.current_message_id
        await self._store.finish_copy(copy_id, copies.get(shown) if shown else None)
        return await self._assistant.find(caller, copy_id)

    async def _copied(
        self, row: dict[str, Any], conversation_id: str, copies: Mapping[str, str]
    ) -> dict[str, Any]:
        changes: dict[str, Any] = {
            "id": copies[row["id"]],
            "conversation_id": conversation_id,
            "parent_id": copies.get(row["parent_id"]),
            "corrects_id": copies.get(row["corrects_id"]),
            # The generation, its log and its account are the original's.
            "generation_id": None,
        }
        if row["status"] == Status.STREAMING:
            changes["status"] = Status.STOPPED
            changes["content"] = await self._assistant.written(row["generation_id"])
        return row | changes


def _parents_first(links: Sequence[tuple[str, str | None]], until: str | None) -> list[str]:
    """The messages of a tree, or those that lead to ``until``, each after its parent."""
    parents = dict(links)
    if until is not None:
        path: list[str] = []
        at: str | None = until
        while at is not None and at in parents:
            path.append(at)
            at = parents[at]
        return path[::-1]
    children: dict[str | None, list[str]] = {}
    for message_id, parent_id in links:
        children.setdefault(parent_id, []).append(message_id)
    order: list[str] = []
    level: Iterable[str] = children.get(None, ())
    while level := list(level):
        order += level
        level = (child for each in level for child in children.get(each, ()))
    return order
