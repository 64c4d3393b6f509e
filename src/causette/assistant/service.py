"""What the assistant does: conversations, asking for replies, reading and stopping them."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypedDict, Unpack

import msgspec
import structlog

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.assistants.types import CustomAssistant
from causette.assistant.files.service import Files
from causette.assistant.generation.titles import first_words
from causette.assistant.generation.writers import Writers
from causette.assistant.projects.service import Projects
from causette.assistant.store import AssistantStore
from causette.assistant.types import (
    CLOSED_FOR,
    TEMPORARY_FOR,
    Answering,
    Begun,
    Conversation,
    Event,
    Generation,
    Mention,
    Message,
    ReplyOptions,
    Scope,
    Status,
    Turn,
    Versions,
)
from causette.clock import utc_now
from causette.errors import CausetteError, Conflict, Forbidden, InvalidRequest, NotFound
from causette.gateway.service import Gateway

_log = structlog.get_logger(__name__)

_LONGEST_MESSAGE: Final = 400_000
_LONGEST_TITLE: Final = 200
# How many conversations are changed or deleted with one request.
_MOST_AT_ONCE: Final = 500
# How often temporary conversations whose time is over are deleted, and how many in one transaction.
_SWEEP_SECONDS: Final = 15.0
_SWEPT_AT_ONCE: Final = 100
# How long whoever stops a reply waits for its end, and how often it looks.
_STOP_SECONDS: Final = 5.0
_STOP_LOOK_SECONDS: Final = 0.1


class Place(TypedDict, total=False):
    """Where a conversation is kept. ``project_id`` None takes it out of its project."""

    pinned: bool
    archived: bool
    project_id: str | None


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
        writers: who writes the replies.
        projects: the folders that conversations can be in.
        assistants: the custom assistants that conversations can be begun with.
    """

    def __init__(
        self,
        store: AssistantStore,
        gateway: Gateway,
        writers: Writers,
        projects: Projects,
        assistants: CustomAssistants,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._projects = projects
        self._assistants = assistants
        self.writers = writers
        #: The files that messages can have.
        self.files: Files | None = None
        self._sweeper: asyncio.Task[None] | None = None

    # Conversations

    async def conversations(
        self,
        caller: Caller,
        *,
        limit: int,
        before: str | None,
        scope: Scope = "all",
        project_id: str | None = None,
    ) -> ConversationPage:
        """The caller's conversations in ``scope``, the newest first; with ``project_id``, those of a project."""
        place = _read_cursor(before) if before else None
        if project_id is not None:
            project_id = (await self._projects.find(caller, project_id)).id
        items = await self._store.conversations(
            caller.user.id, limit=limit + 1, before=place, scope=scope, project_id=project_id
        )
        more = len(items) > limit
        items = items[:limit]
        return ConversationPage(items, _cursor(items[-1], scope) if more else None)

    async def find(self, caller: Caller, conversation_id: str) -> Conversation:
        """One of the caller's conversations, without its messages.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        return await owned(caller, conversation_id, self._store.conversation, what="conversation")

    async def message(self, caller: Caller, message_id: str) -> Message:
        """One message of the caller's; a reply being written is still empty.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        return await owned(caller, message_id, self._store.message, what="message")

    async def versions(self, found: Sequence[Message]) -> Versions:
        """The versions of messages that have been found."""
        return await self._store.versions(found)

    async def written(self, generation_id: str) -> str:
        """The text of a reply as far as it is in its log."""
        return await self._store.text_so_far(generation_id)

    async def conversation(self, caller: Caller, conversation_id: str) -> tuple[Conversation, list[Message]]:
        """One conversation and every message of its tree."""
        conversation = await self.find(caller, conversation_id)
        return conversation, await self._store.messages(conversation.id)

    async def change(
        self,
        caller: Caller,
        conversation_id: str,
        *,
        title: str | None = None,
        current_message_id: str | None = None,
        model: str | None = None,
        is_open: bool | None = None,
        **place: Unpack[Place],
    ) -> Conversation:
        """Rename a conversation, remember the branch being shown, choose the model of its next replies, or its place.

        ``is_open`` says whether somebody has a temporary conversation before them: one that is closed is deleted soon.
        """
        conversation = await self.find(caller, conversation_id)
        changes: dict[str, object] = {}
        if title is not None:
            changes |= {"title": checked_title(title), "title_is_given": True}
        if current_message_id is not None:
            message = await self.message(caller, current_message_id)
            _check_within(message, conversation, "current_message_id")
            changes["current_message_id"] = message.id
        if model is not None:
            changes["model"] = (await self._gateway.deployments.find_for(caller, model, "text")).name
        if is_open is not None:
            if not conversation.temporary:
                raise InvalidRequest(
                    "Only a temporary conversation is opened and closed. Leave this out.", param="open"
                )
            changes["expires_at"] = utc_now() + (TEMPORARY_FOR if is_open else CLOSED_FOR)
        if place and conversation.temporary:
            raise InvalidRequest(
                "A temporary conversation is in no list: it is not pinned, archived or put into a project.",
                param=next(iter(place)),
            )
        changes |= await self._columns_of(caller, place)
        changed = await self._store.change_conversation(conversation.id, changes)
        return changed or conversation

    async def change_many(
        self, caller: Caller, conversation_ids: Sequence[str], **place: Unpack[Place]
    ) -> list[str]:
        """Pin, archive or move several conversations at once; the ids of those that there were and are the caller's."""
        changes = await self._columns_of(caller, place)
        if not changes:
            raise InvalidRequest("There is nothing to change. Send pinned, archived or project_id.")
        return await self._store.change_conversations(caller.user.id, _checked_ids(conversation_ids), changes)

    async def delete_many(self, caller: Caller, conversation_ids: Sequence[str]) -> None:
        """Delete several conversations at once; what is not there or not the caller's is left out."""
        for generation_id in await self._store.delete_conversations(
            caller.user.id, _checked_ids(conversation_ids)
        ):
            self.writers.stop(generation_id)

    async def delete(self, caller: Caller, conversation_id: str) -> None:
        """Delete a conversation with everything in it; replies being written to it end."""
        conversation = await self.find(caller, conversation_id)
        await self._store.delete_conversation(conversation.id)
        if conversation.active_generation_id is not None:
            self.writers.stop(conversation.active_generation_id)

    # Replies

    async def start(
        self,
        caller: Caller,
        *,
        content: str,
        model: str | None,
        project_id: str | None = None,
        temporary: bool = False,
        options: ReplyOptions | None = None,
        assistant_id: str | None = None,
        mention: str | None = None,
        files: Sequence[str] = (),
        sent_as: str | None = None,
    ) -> Turn:
        """Begin a conversation with its first message, and its reply.

        It is put into a project when there is ``project_id``. A ``temporary`` one is listed nowhere, and deleted when
        it is closed, or a day after its last word. With ``assistant_id`` a custom assistant answers in it, with its
        model, effort and tools unless others are given. ``files`` are ids of the caller's. The custom assistant
        ``mention`` answers this message alone, with its own model, effort and tools; those given are for what comes
        after. What the caller has sent as ``sent_as`` before is not begun again.

        Raises:
            NotFound: the project or an assistant is not there for the caller; a mentioned one as ``assistant_gone``.
        """
        content = checked_content(content, empty=bool(files))
        attachments = await self._attachments(caller, files)
        if project_id is not None:
            if temporary:
                raise InvalidRequest(
                    "A temporary conversation is in no project. Leave one of the two out.", param="project_id"
                )
            project_id = (await self._projects.find(caller, project_id)).id
        custom = None if assistant_id is None else await self._assistants.find(caller, assistant_id)
        if custom is not None:
            model = model or await self._model_of(caller, custom)
            options = options or await self._options_of(caller, custom)
        self.writers.check_open()
        deployment = await self._gateway.deployments.find_for(caller, model or "default", "text")
        made = await self._store.begin(
            owner_id=caller.user.id,
            workspace_id=caller.workspace_id,
            model=deployment.name,
            writer_id=self.writers.id,
            conversation_id=None,
            parent_id=None,
            content=content,
            attachments=attachments,
            title=first_words(content or str(attachments[0]["name"])),
            project_id=project_id,
            temporary=temporary,
            options=await self._options(caller, options, None),
            answering=None if custom is None else _answering(custom),
            mention=await self._mention(caller, mention, deployment.name),
            sent_as=sent_as,
        )
        return await self._write(caller, made)

    async def send(
        self,
        caller: Caller,
        conversation_id: str,
        *,
        content: str,
        parent_id: str | None,
        model: str | None,
        options: ReplyOptions | None = None,
        mention: str | None = None,
        files: Sequence[str] = (),
        sent_as: str | None = None,
    ) -> Turn:
        """Add a message under ``parent_id`` (a sibling of that message's other children), and its reply.

        As for `start`, ``mention`` answers it in the place of the conversation's own assistant or model.
        """
        conversation = await self.find(caller, conversation_id)
        content = checked_content(content, empty=bool(files))
        attachments = await self._attachments(caller, files)
        if parent_id is not None:
            parent = await self.message(caller, parent_id)
            _check_within(parent, conversation, "parent_id")
            if parent.role != "assistant" and await self._store.has_children(parent.id):
                raise InvalidRequest(
                    "A message follows a reply. To change one of your messages, use its own parent.",
                    param="parent_id",
                )
            if parent.status is Status.STREAMING:
                raise Conflict(
                    "The reply above is still being written. Wait for it, or stop it.", code="still_writing"
                )
        self.writers.check_open()
        deployment = await self._gateway.deployments.find_for(caller, model or conversation.model, "text")
        made = await self._store.begin(
            owner_id=caller.user.id,
            workspace_id=caller.workspace_id,
            model=deployment.name,
            writer_id=self.writers.id,
            conversation_id=conversation.id,
            parent_id=parent_id,
            content=content,
            attachments=attachments,
            options=await self._options(caller, options, conversation),
            answering=await self._answering(caller, conversation),
            mention=await self._mention(caller, mention, deployment.name),
            sent_as=sent_as,
        )
        return await self._write(caller, made)

    async def regenerate(
        self,
        caller: Caller,
        message_id: str,
        *,
        model: str | None,
        options: ReplyOptions | None = None,
        sent_as: str | None = None,
    ) -> Turn:
        """Another reply beside an existing one, or under a person's message.

        To a message that mentions an assistant it is that one's again, by ``model`` and with ``options`` where they
        are given, and the conversation keeps its own.
        """
        message = await self.message(caller, message_id)
        conversation = await self.find(caller, message.conversation_id)
        self.writers.check_open()
        deployment = await self._gateway.deployments.find_for(caller, model or conversation.model, "text")
        question = message
        if message.role == "assistant" and message.parent_id is not None:
            question = await self.message(caller, message.parent_id)
        said_to = question.assistant_id if question.role == "user" else None
        mention = await self._mention(caller, said_to, deployment.name)
        usual = await self._options(caller, options, conversation)
        if mention is not None:
            if model is not None:
                mention = replace(mention, model=deployment.name)
            if options is not None:
                mention = replace(mention, options=usual)
            usual = await self._options(caller, None, conversation)
        made = await self._store.begin(
            owner_id=caller.user.id,
            workspace_id=caller.workspace_id,
            model=deployment.name if mention is None else conversation.model,
            writer_id=self.writers.id,
            conversation_id=conversation.id,
            parent_id=message.parent_id if message.role == "assistant" else message.id,
            content=None,
            options=usual,
            answering=await self._answering(caller, conversation),
            mention=mention,
            sent_as=sent_as,
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
        self.writers.stop(generation.id)
        await self.writers.wake(generation.id)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                while generation.status is Status.STREAMING:
                    await asyncio.sleep(_STOP_LOOK_SECONDS)
                    generation = await self.generation(caller, generation_id)
        return generation

    def events(self, generation: Generation, after: int) -> AsyncGenerator[Event | None]:
        """As `Writers.events`."""
        return self.writers.events(generation, after)

    # Life of the process

    async def open(self) -> None:
        """Begin to look for replies whose writer has died, and for temporary conversations whose time is over."""
        await self.writers.open()
        self._sweeper = asyncio.create_task(self._delete_expired(), name="temporary conversations")

    async def close(self, grace: float) -> None:
        """Give running replies ``grace`` seconds to end, as `Writers.close` says."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self.writers.close(grace)

    async def _write(self, caller: Caller, begun: Begun) -> Turn:
        conversation, messages, generation, before = begun
        turn = Turn(conversation, tuple(messages), generation, await self._store.versions(messages))
        if not before:
            await self.writers.begin(caller, generation, messages[-1].parent_id)
        return turn

    async def _options(
        self, caller: Caller, options: ReplyOptions | None, conversation: Conversation | None
    ) -> ReplyOptions:
        """How a reply is to be made: as asked, or else as the conversation's last one."""
        if options is None:
            return msgspec.convert((conversation and conversation.options) or {}, ReplyOptions)
        await self.writers.means.toolbox.check(caller, options.tools)
        if not 1 <= options.samples <= self.writers.means.most_samples:
            raise InvalidRequest(
                f"{options.samples} samples were asked for; here it is 1 to {self.writers.means.most_samples}.",
                param="options.samples",
            )
        return options

    async def _answering(self, caller: Caller, conversation: Conversation) -> Answering | None:
        """Whose the next reply is: the assistant's that the conversation was begun with, while there is it."""
        custom = await self._assistants.answering(caller, conversation.assistant_id)
        return None if custom is None else _answering(custom)

    async def _mention(self, caller: Caller, assistant_id: str | None, model: str) -> Mention | None:
        """How the assistant that a message is said to replies; where it has no model of its own, by ``model``."""
        if assistant_id is None:
            return None
        custom = await self._assistants.answering(caller, assistant_id)
        if custom is None:
            raise NotFound(
                "The assistant that this message is said to has been deleted, or is not shared with you any more. "
                "Say it to another one, or to none.",
                code="assistant_gone",
                param="mention",
            )
        return Mention(
            answering=_answering(custom),
            model=await self._model_of(caller, custom) or model,
            options=await self._options_of(caller, custom),
        )

    async def _model_of(self, caller: Caller, custom: CustomAssistant) -> str | None:
        """The model that an assistant's conversations begin with; None for the default where that one is not there for
        the caller.
        """
        if custom.model is None:
            return None
        try:
            return (await self._gateway.deployments.find_for(caller, custom.model, "text")).name
        except (NotFound, InvalidRequest, Forbidden):
            return None

    async def _options_of(self, caller: Caller, custom: CustomAssistant) -> ReplyOptions:
        """How an assistant's conversations begin, with those of its tools that there are for the caller."""
        tools = await self.writers.means.toolbox.enabled(caller, custom.tools)
        return ReplyOptions(effort=custom.effort, tools=tuple(tool.name for tool in tools))

    async def _attachments(self, caller: Caller, file_ids: Sequence[str]) -> list[dict[str, object]]:
        if not file_ids:
            return []
        if self.files is None:
            raise InvalidRequest("No files are kept here. Leave them out.", param="files")
        return await self.files.attachments(caller, file_ids)

    async def _delete_expired(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                for generation_id in await self._store.delete_expired(utc_now(), limit=_SWEPT_AT_ONCE):
                    self.writers.stop(generation_id)
            except CausetteError as error:
                _log.warning("cannot delete temporary conversations", code=error.code, reason=error.message)
            except Exception:
                _log.exception("cannot delete temporary conversations")

    async def _columns_of(self, caller: Caller, place: Place) -> dict[str, object]:
        """The columns that say what ``place`` says."""
        now = utc_now()
        columns: dict[str, object] = {}
        if "pinned" in place:
            columns["pinned_at"] = now if place["pinned"] else None
        if "archived" in place:
            columns["archived_at"] = now if place["archived"] else None
        if "project_id" in place:
            project_id = place["project_id"]
            columns["project_id"] = (
                None if project_id is None else (await self._projects.find(caller, project_id)).id
            )
        return columns


def _answering(custom: CustomAssistant) -> Answering:
    return Answering(assistant_id=custom.id, version=custom.version)


def _check_within(message: Message, conversation: Conversation, field: str) -> None:
    if message.conversation_id != conversation.id:
        raise InvalidRequest("This message is in another conversation.", param=field)


def checked_content(content: str, *, empty: bool = False) -> str:
    """What a person or a correction says, as it is kept. With something beside it, it may be ``empty``.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    if not content.strip() and not empty:
        raise InvalidRequest("The message is empty.", param="content")
    if len(content) > _LONGEST_MESSAGE:
        raise InvalidRequest(
            f"The message has {len(content):,} characters; at most {_LONGEST_MESSAGE:,} are taken.",
            param="content",
        )
    # PostgreSQL's text cannot hold it, and no one means it.
    return content.replace("\0", "")


def checked_title(title: str) -> str:
    """A title as it is kept: on one line.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    title = " ".join(title.replace("\0", "").split())
    if not 1 <= len(title) <= _LONGEST_TITLE:
        raise InvalidRequest(f"A title has 1 to {_LONGEST_TITLE} characters.", param="title")
    return title


def _checked_ids(ids: Sequence[str]) -> list[str]:
    if not 1 <= len(ids) <= _MOST_AT_ONCE:
        raise InvalidRequest(f"Send 1 to {_MOST_AT_ONCE} ids, not {len(ids)}.", param="ids")
    # PostgreSQL's text cannot hold a NUL, and no id has one.
    return [each for each in ids if "\0" not in each]


def _cursor(conversation: Conversation, scope: Scope) -> str:
    instant = {"pinned": conversation.pinned_at, "archived": conversation.archived_at}.get(scope)
    instant = instant or conversation.updated_at
    place = f"{instant.isoformat()} {conversation.id.removeprefix('conv_')}"
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
