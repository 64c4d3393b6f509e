"""Every query on conversations and their messages."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.assistant.files.store import attach, files
from causette.assistant.generation.store import (
    GenerationStore,
    as_written,
    generation_query,
    to_generation,
    touch,
)
from causette.assistant.tables import SCOPES, conversations, generations, messages
from causette.assistant.tools.store import StepStore
from causette.assistant.types import (
    AS_USUAL,
    TEMPORARY_FOR,
    Answering,
    Begun,
    Conversation,
    Generation,
    Mention,
    Message,
    ReplyOptions,
    Scope,
    Status,
    Versions,
)
from causette.clock import utc_now
from causette.db import Database, UtcDateTime
from causette.errors import Conflict, NotFound
from causette.ids import new_id

_active = (
    sa.select(sa.func.max(generations.c.id))
    .where(generations.c.conversation_id == conversations.c.id, generations.c.status == Status.STREAMING)
    .correlate(conversations)
    .scalar_subquery()
    .label("active_generation_id")
)
_conversation = sa.select(
    *(column for column in conversations.c if column.name != "title_is_given"),
    _active,
)
#: Messages with their owner, as `to_message` reads them.
message_query = sa.select(messages, conversations.c.owner_id).join(
    conversations, conversations.c.id == messages.c.conversation_id
)


class AssistantStore(GenerationStore):
    """Conversations and their messages in the database, with the generations that write them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        #: What is kept of tools' runs beside the log.
        self.steps = StepStore(database)
        #: What others see of whether this process lives.
        self.lifeline = database.lifeline()

    # Conversations

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """One conversation."""
        async with self._database.read() as connection:
            return await _find_conversation(connection, conversation_id)

    async def conversations(
        self,
        owner_id: str,
        *,
        limit: int,
        before: tuple[datetime, str] | None,
        scope: Scope = "all",
        project_id: str | None = None,
    ) -> list[Conversation]:
        """An owner's conversations in ``scope``, the newest first, after ``before`` when given.

        Newest by their last activity, or by when they were pinned or archived. With ``project_id``, those of a project.
        """
        instant = SCOPES[scope][1]
        query = self.listing(owner_id, scope).limit(limit)
        if project_id is not None:
            query = query.where(conversations.c.project_id == project_id)
        if before is not None:
            place = sa.tuple_(instant, conversations.c.id)
            values = (sa.literal(before[0], UtcDateTime), sa.literal(before[1]))
            query = query.where(place < sa.tuple_(*values))
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [_to_conversation(row) for row in rows.mappings()]

    @staticmethod
    def listing(owner_id: str, scope: Scope) -> sa.Select[Any]:
        """The query for an owner's conversations in ``scope``, the newest first."""
        within, instant = SCOPES[scope]
        return _conversation.where(conversations.c.owner_id == owner_id, within).order_by(
            instant.desc(), conversations.c.id.desc()
        )

    async def change_conversation(
        self, conversation_id: str, changes: dict[str, object]
    ) -> Conversation | None:
        """Set columns of a conversation; None if it is gone."""
        async with self._database.write() as connection:
            if changes:
                await connection.execute(
                    sa.update(conversations).where(conversations.c.id == conversation_id).values(**changes)
                )
            return await _find_conversation(connection, conversation_id)

    async def change_conversations(
        self, owner_id: str, conversation_ids: Sequence[str], changes: dict[str, object]
    ) -> list[str]:
        """Set columns of several of an owner's conversations; the ids of those that there were."""
        query = (
            sa.update(conversations)
            .where(conversations.c.owner_id == owner_id, conversations.c.id.in_(conversation_ids))
            .values(**changes)
            .returning(conversations.c.id)
        )
        async with self._database.write() as connection:
            return list((await connection.execute(query)).scalars())

    async def delete_conversations(self, owner_id: str, conversation_ids: Sequence[str]) -> list[str]:
        """Delete several of an owner's conversations; the generations that were being written in them."""
        mine = sa.and_(conversations.c.owner_id == owner_id, conversations.c.id.in_(conversation_ids))
        return await self._delete_conversations(mine)

    async def delete_expired(self, at: datetime, *, limit: int) -> list[str]:
        """Delete up to ``limit`` temporary conversations whose time is over; what was being written in them."""
        over = conversations.c.expires_at <= at
        async with self._database.read() as connection:
            query = sa.select(conversations.c.id).where(over).limit(limit)
            ids = list((await connection.execute(query)).scalars())
        # One that was opened again in between is kept.
        return await self._delete_conversations(sa.and_(conversations.c.id.in_(ids), over)) if ids else []

    async def _delete_conversations(self, which: sa.ColumnElement[bool]) -> list[str]:
        # A reply that ends at the same time locks its conversation first, too.
        locked = sa.select(conversations.c.id).where(which).order_by(conversations.c.id).with_for_update()
        async with self._database.write() as connection:
            ids = list((await connection.execute(locked)).scalars())
            writing = sa.select(generations.c.id).where(
                generations.c.conversation_id.in_(ids), generations.c.status == Status.STREAMING
            )
            active = list((await connection.execute(writing)).scalars())
            await connection.execute(sa.delete(conversations).where(conversations.c.id.in_(ids)))
            return active

    async def suggest_title(self, conversation_id: str, title: str) -> bool:
        """Set an automatic title unless the owner gave one; whether it was set."""
        async with self._database.write() as connection:
            result = await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == conversation_id, conversations.c.title_is_given.is_(False))
                .values(title=title)
            )
            return result.rowcount == 1

    async def delete_conversation(self, conversation_id: str) -> None:
        """Delete a conversation with everything in it."""
        async with self._database.write() as connection:
            await connection.execute(sa.delete(conversations).where(conversations.c.id == conversation_id))

    # Messages

    async def message(self, message_id: str) -> Message | None:
        """One message."""
        async with self._database.read() as connection:
            row = (await connection.execute(message_query.where(messages.c.id == message_id))).mappings()
            found = row.one_or_none()
            return None if found is None else to_message(found)

    async def messages(self, conversation_id: str) -> list[Message]:
        """Every node of a conversation's tree, oldest first; a streaming reply with its text so far."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                message_query.where(messages.c.conversation_id == conversation_id).order_by(messages.c.id)
            )
            return await as_written(connection, [to_message(row) for row in rows.mappings()])

    async def branch(self, message_id: str, characters: int | None = None) -> list[Message]:
        """The messages from the root to ``message_id``, in order: one recursive query along the parents.

        With ``characters`` it goes up only until the messages have so many, so that its cost has nothing to do with
        how long the conversation is.
        """
        start = sa.select(
            messages.c.id,
            messages.c.parent_id,
            sa.literal(0).label("height"),
            sa.func.length(messages.c.content).label("characters"),
        ).where(messages.c.id == message_id)
        path = start.cte("path", recursive=True)
        above = sa.select(
            messages.c.id,
            messages.c.parent_id,
            path.c.height + 1,
            path.c.characters + sa.func.length(messages.c.content),
        ).join(path, messages.c.id == path.c.parent_id)
        if characters is not None:
            above = above.where(path.c.characters < characters)
        path = path.union_all(above)
        query = message_query.join(path, path.c.id == messages.c.id).order_by(path.c.height.desc())
        async with self._database.read() as connection:
            return [to_message(row) for row in (await connection.execute(query)).mappings()]

    async def attached_above(self, message_id: str) -> list[dict[str, object]]:
        """What is attached to the messages from ``message_id`` up to the root, the newest first, as they have it.

        Files that were deleted since are left out.
        """
        start = sa.select(messages.c.id, messages.c.parent_id, sa.literal(0).label("height"))
        path = start.where(messages.c.id == message_id).cte("path", recursive=True)
        path = path.union_all(
            sa.select(messages.c.id, messages.c.parent_id, path.c.height + 1).join(
                path, messages.c.id == path.c.parent_id
            )
        )
        query = (
            sa.select(messages.c.attachments, conversations.c.owner_id)
            .join(path, path.c.id == messages.c.id)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(messages.c.attachments.is_not(sa.null()))
            .order_by(path.c.height)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
            found: list[dict[str, object]] = [each for row in rows for each in row.attachments]
            if not found:
                return []
            known = sa.select(files.c.id).where(
                files.c.owner_id == rows[0].owner_id, files.c.id.in_({str(each["id"]) for each in found})
            )
            there = set((await connection.execute(known)).scalars())
        return [each for each in found if each["id"] in there]

    async def versions(self, found: Sequence[Message]) -> Versions:
        """The versions of each message, itself among them, oldest first."""
        async with self._database.read() as connection:
            return await versions_of(connection, found)

    async def has_children(self, message_id: str) -> bool:
        """Whether anything follows a message."""
        query = sa.select(messages.c.id).where(messages.c.parent_id == message_id).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    # Asking for a reply

    async def begin(
        self,
        *,
        owner_id: str,
        workspace_id: str | None,
        model: str,
        writer_id: str,
        conversation_id: str | None,
        parent_id: str | None,
        content: str | None,
        attachments: Sequence[dict[str, object]] = (),
        title: str = "",
        project_id: str | None = None,
        temporary: bool = False,
        options: ReplyOptions = AS_USUAL,
        answering: Answering | None = None,
        mention: Mention | None = None,
        sent_as: str | None = None,
    ) -> Begun:
        """Make, in one transaction, everything that a new reply consists of.

        A conversation when ``conversation_id`` is None, a person's message when there is ``content``, the empty
        reply under it (or under ``parent_id``), and its generation; ``answering`` says whose the reply is. With a
        ``mention`` it is that assistant's, in its ways, and ``model`` and ``options`` are the conversation's for what
        comes after. What was archived is no more; a temporary conversation is kept for another day. What its owner has
        sent as ``sent_as`` before is found again, and nothing is made.

        Raises:
            NotFound: the conversation, or the message at ``parent_id``, has been deleted meanwhile.
            Conflict: something else was sent as ``sent_as`` (``idempotency_key_reused``).
        """
        now = utc_now()
        conversation = conversation_id or new_id("conv")
        made: list[Message] = []
        by, reply_model, reply_options = answering, model, options
        if mention is not None:
            by, reply_model, reply_options = mention.answering, mention.model, mention.options
        async with self._database.write() as connection:
            if sent_as is not None and (before := await _sent_before(connection, owner_id, sent_as)):
                _check_alike(before, conversation_id, content)
                return before
            if conversation_id is None:
                row = {"id": conversation, "owner_id": owner_id, "title": title, "title_is_given": False}
                row |= {"model": model, "created_at": now, "updated_at": now, "project_id": project_id}
                row["expires_at"] = now + TEMPORARY_FOR if temporary else None
                row["assistant_id"] = None if answering is None else answering.assistant_id
                await connection.execute(sa.insert(conversations).values(**row))
            elif not await touch(connection, conversation_id, now):
                raise NotFound("This conversation has been deleted.")
            elif parent_id is not None and not await _exists(connection, parent_id):
                raise NotFound("The message that this follows has been deleted.")
            if content is not None:
                said_to = None if mention is None else mention.answering.assistant_id
                question = _question(owner_id, conversation, parent_id, content, attachments, said_to, now)
                made.append(question)
                parent_id = question.id
            generation_id = new_id("gen")
            reply = _empty_reply(owner_id, conversation, parent_id, reply_model, generation_id, now, by)
            made.append(reply)
            for message in made:
                await connection.execute(sa.insert(messages).values(**_row(message, messages)))
            await attach(connection, made[0].id, (str(each["id"]) for each in attachments))
            generation = Generation(
                id=generation_id,
                owner_id=owner_id,
                workspace_id=workspace_id,
                conversation_id=conversation,
                message_id=reply.id,
                model=reply_model,
                status=Status.STREAMING,
                writer_id=writer_id,
                last_seq=0,
                stop_requested=False,
                heartbeat_at=now,
                created_at=now,
                options=reply_options,
            )
            zeros = dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens", "compute_ns"), 0)
            row = _row(generation, generations)
            row |= {"options": _stored_options(reply_options), "sent_as": sent_as}
            await connection.execute(sa.insert(generations).values(**row, **zeros))
            await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == conversation)
                .values(
                    current_message_id=reply.id,
                    model=model,
                    options=_stored_options(options),
                    archived_at=None,
                    expires_at=sa.case(
                        (
                            conversations.c.expires_at.is_not(None),
                            sa.literal(now + TEMPORARY_FOR, UtcDateTime),
                        )
                    ),
                )
            )
            found = await _find_conversation(connection, conversation)
        assert found is not None
        return Begun(found, made, generation)


async def _exists(connection: AsyncConnection, message_id: str) -> bool:
    """Whether a message is there, which nobody deletes while its conversation is touched."""
    rows = await connection.execute(sa.select(messages.c.id).where(messages.c.id == message_id))
    return rows.scalar_one_or_none() is not None


async def versions_of(connection: AsyncConnection, found: Sequence[Message]) -> Versions:
    """The versions of each message, itself among them, oldest first."""
    columns = sa.select(messages.c.id, messages.c.parent_id, messages.c.role)
    parents = {message.parent_id for message in found if message.parent_id is not None}
    roots = {message.conversation_id for message in found if message.parent_id is None}
    siblings: dict[tuple[str | None, str], list[str]] = {}
    for query in (
        columns.where(messages.c.parent_id.in_(parents)) if parents else None,
        columns.where(messages.c.conversation_id.in_(roots), messages.c.parent_id.is_(None))
        if roots
        else None,
    ):
        if query is not None:
            for row in await connection.execute(query.order_by(messages.c.id)):
                siblings.setdefault((row.parent_id, row.role), []).append(row.id)
    return {
        message.id: tuple(siblings.get((message.parent_id, message.role), (message.id,))) for message in found
    }


async def _sent_before(connection: AsyncConnection, owner_id: str, sent_as: str) -> Begun | None:
    if connection.dialect.name == "postgresql":
        # Whoever sends it at the same time waits here. SQLite has one writer anyway.
        name = f"sent:{owner_id}:{sent_as}"
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
    rows = await connection.execute(
        generation_query.where(generations.c.owner_id == owner_id, generations.c.sent_as == sent_as)
    )
    row = rows.mappings().one_or_none()
    if row is None:
        return None
    generation = to_generation(row)
    question = sa.select(messages.c.parent_id).where(messages.c.id == generation.message_id).scalar_subquery()
    # With the reply its question, where that was begun with it.
    found = await connection.execute(
        message_query.where(
            sa.or_(
                messages.c.id == generation.message_id,
                sa.and_(messages.c.id == question, messages.c.created_at == generation.created_at),
            )
        ).order_by(messages.c.id)
    )
    made = await as_written(connection, [to_message(item) for item in found.mappings()])
    conversation = await _find_conversation(connection, generation.conversation_id)
    assert conversation is not None
    return Begun(conversation, made, generation, before=True)


def _check_alike(before: Begun, conversation_id: str | None, content: str | None) -> None:
    asked = before.messages[0].content if len(before.messages) > 1 else None
    if conversation_id in {None, before.conversation.id} and content == asked:
        return
    raise Conflict(
        "This Idempotency-Key was used for another message. Send a new one with a key of its own.",
        code="idempotency_key_reused",
        param="Idempotency-Key",
    )


async def _find_conversation(connection: AsyncConnection, conversation_id: str) -> Conversation | None:
    rows = await connection.execute(_conversation.where(conversations.c.id == conversation_id))
    found = rows.mappings().one_or_none()
    return None if found is None else _to_conversation(found)


def _question(
    owner_id: str,
    conversation_id: str,
    parent_id: str | None,
    content: str,
    attachments: Sequence[dict[str, object]],
    said_to: str | None,
    now: datetime,
) -> Message:
    return Message(
        id=new_id("msg"),
        owner_id=owner_id,
        conversation_id=conversation_id,
        parent_id=parent_id,
        role="user",
        content=content,
        model=None,
        status=Status.COMPLETE,
        error_code=None,
        error_message=None,
        finish_reason=None,
        generation_id=None,
        created_at=now,
        attachments=list(attachments) or None,
        assistant_id=said_to,
    )


def _empty_reply(
    owner_id: str,
    conversation_id: str,
    parent_id: str | None,
    model: str,
    generation_id: str,
    now: datetime,
    answering: Answering | None,
) -> Message:
    return Message(
        id=new_id("msg"),
        owner_id=owner_id,
        conversation_id=conversation_id,
        parent_id=parent_id,
        role="assistant",
        content="",
        model=model,
        status=Status.STREAMING,
        error_code=None,
        error_message=None,
        finish_reason=None,
        generation_id=generation_id,
        created_at=now,
        assistant_id=None if answering is None else answering.assistant_id,
        assistant_version=None if answering is None else answering.version,
    )


def _row(record: Message | Generation, table: sa.Table) -> dict[str, object]:
    """The columns of ``table`` that ``record`` has."""
    return {name: getattr(record, name) for name in record.__slots__ if name in table.c}


def _to_conversation(row: sa.RowMapping) -> Conversation:
    return Conversation(**row)  # pyright: ignore[reportArgumentType] - the query names the fields


def to_message(row: sa.RowMapping) -> Message:
    """A row of `message_query` as it is known elsewhere."""
    return Message(**{**row, "status": Status(row["status"])})  # pyright: ignore[reportArgumentType]


def _stored_options(options: ReplyOptions) -> dict[str, object] | None:
    return msgspec.to_builtins(options) or None
