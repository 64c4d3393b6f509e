"""The assistant's tables and all of its queries."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.assistant.files.store import attach, files
from causette.assistant.generation.parts import Story, stored
from causette.assistant.tools.store import StepStore
from causette.assistant.types import (
    AS_USUAL,
    DOUBTED_AFTER,
    TEMPORARY_FOR,
    Answering,
    Begun,
    Conversation,
    Event,
    EventType,
    Generation,
    Mention,
    Message,
    Outcome,
    ReplyOptions,
    Scope,
    Status,
    Versions,
)
from causette.clock import utc_now
from causette.db import Database, UtcDateTime, metadata
from causette.errors import Conflict, NotFound
from causette.ids import new_id

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Nobody's clock is ahead by so much, and nobody is asked for less time.
_CLOCKS_APART = timedelta(minutes=5)
_STATUS = "status IN ('streaming', 'complete', 'stopped', 'failed')"

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    # Named by its owner: no automatic title replaces it.
    sa.Column("title_is_given", sa.Boolean(name="title_is_given"), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("current_message_id", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("project_id", sa.Text, sa.ForeignKey("projects.id", ondelete="SET NULL")),
    sa.Column("pinned_at", UtcDateTime),
    sa.Column("archived_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime),
    # How its last reply was made.
    sa.Column("options", sa.JSON(none_as_null=True)),
    # No reference: a conversation outlives the assistant that it was begun with, and says so.
    sa.Column("assistant_id", sa.Text),
    sa.Index(None, "owner_id", "updated_at", "id"),
    sa.Index(None, "project_id", "updated_at", "id"),
)


def _partial(name: str | None, *columns: sa.Column[Any], where: sa.ColumnElement[bool]) -> None:
    sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


# As the queries say it: SQLite uses a partial index only for the terms that it was made with.
_LISTED = sa.and_(conversations.c.archived_at.is_(None), conversations.c.expires_at.is_(None))
_RECENT = sa.and_(_LISTED, conversations.c.pinned_at.is_(None), conversations.c.project_id.is_(None))
_PINNED = sa.and_(_LISTED, conversations.c.pinned_at.is_not(None))
_ARCHIVED = sa.and_(conversations.c.archived_at.is_not(None), conversations.c.expires_at.is_(None))
_partial(
    "ix_conversations_recent",
    conversations.c.owner_id,
    conversations.c.updated_at,
    conversations.c.id,
    where=_RECENT,
)
_partial(None, conversations.c.owner_id, conversations.c.pinned_at, conversations.c.id, where=_PINNED)
_partial(None, conversations.c.owner_id, conversations.c.archived_at, conversations.c.id, where=_ARCHIVED)
_partial(None, conversations.c.expires_at, where=conversations.c.expires_at.is_not(None))
_partial(
    None,
    conversations.c.owner_id,
    conversations.c.assistant_id,
    conversations.c.updated_at,
    where=conversations.c.assistant_id.is_not(None),
)

#: For each scope, which conversations are in it, and the instant that they are in the order of, newest first.
_SCOPES: dict[Scope, tuple[sa.ColumnElement[bool], sa.Column[datetime]]] = {
    "all": (_LISTED, conversations.c.updated_at),
    "recent": (_RECENT, conversations.c.updated_at),
    "pinned": (_PINNED, conversations.c.pinned_at),
    "archived": (_ARCHIVED, conversations.c.archived_at),
    "everything": (sa.true(), conversations.c.updated_at),
}

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
    ),
    # Messages go with their conversation only. A cascade along a branch would have its depth, which SQLite bounds.
    sa.Column("parent_id", sa.Text, sa.ForeignKey("messages.id")),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error_code", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("finish_reason", sa.Text),
    sa.Column("generation_id", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # No reference: a correction outlives what it corrects.
    sa.Column("corrects_id", sa.Text),
    sa.Column("parts", sa.JSON(none_as_null=True)),
    # The custom assistant that a reply is by, and what it told the model then; or that a message is said to.
    sa.Column("assistant_id", sa.Text),
    sa.Column("assistant_version", sa.Integer),
    sa.Column("attachments", sa.JSON(none_as_null=True)),
    # The release that wrote a reply; None where the model that the house began with did.
    sa.Column("release_id", sa.Text),
    sa.CheckConstraint("role IN ('user', 'assistant')", name="role"),
    sa.CheckConstraint(_STATUS, name="status"),
    sa.Index(None, "conversation_id", "id"),
    sa.Index(None, "parent_id"),
)
# The versions of a conversation's first message have no parent that would lead to them.
_partial(
    "ix_messages_roots",
    messages.c.conversation_id,
    messages.c.id,
    where=messages.c.parent_id.is_(None),
)
_partial(
    "ix_messages_release_id",
    messages.c.release_id,
    where=messages.c.release_id.is_not(None),
)

generations = sa.Table(
    "generations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("writer_id", sa.Text, nullable=False),
    sa.Column("last_seq", sa.Integer, nullable=False),
    sa.Column("stop_requested", sa.Boolean(name="stop_requested"), nullable=False),
    sa.Column("heartbeat_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("compute_ns", sa.BigInteger, nullable=False),
    sa.Column("reasoning_tokens", sa.Integer, nullable=False, server_default="0"),
    # How the reply is to be made; null for replies as usual.
    sa.Column("options", sa.JSON(none_as_null=True)),
    # No reference: a reply that a deleted workspace asked for must not become its reader's to pay.
    sa.Column("workspace_id", sa.Text),
    # The sender's own name for what was sent: under the same one nothing is begun again.
    sa.Column("sent_as", sa.Text),
    sa.CheckConstraint(_STATUS, name="status"),
    sa.Index(None, "conversation_id", "status"),
    sa.Index(None, "message_id"),
    sa.Index(None, "owner_id", "sent_as", unique=True),
    sa.Index(None, "status", "heartbeat_at"),
)

generation_events = sa.Table(
    "generation_events",
    metadata,
    sa.Column(
        "generation_id", sa.Text, sa.ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)

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
_generation = sa.select(*(generations.c[name] for name in Generation.__slots__))


class WriterReplaced(Conflict):
    """Another process has taken this generation over; whoever gets this must stop writing it."""

    default_code = "writer_replaced"


@dataclass(frozen=True, slots=True)
class Append:
    """What one reply's writer has for its log: nothing, where it only shows life."""

    generation_id: str
    writer_id: str
    events: Sequence[Event]


class AssistantStore:
    """Conversations, messages, generations and their logs in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
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
        instant = _SCOPES[scope][1]
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
        within, instant = _SCOPES[scope]
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
            elif not await _touch(connection, conversation_id, now):
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

    # Generations and their logs

    async def generation(self, generation_id: str) -> Generation | None:
        """One generation."""
        async with self._database.read() as connection:
            rows = await connection.execute(_generation.where(generations.c.id == generation_id))
            found = rows.mappings().one_or_none()
            return None if found is None else _to_generation(found)

    async def request_stop(self, generation_id: str) -> None:
        """Ask whichever process writes this generation to stop; nothing happens to one that has ended."""
        async with self._database.write() as connection:
            await connection.execute(
                sa.update(generations)
                .where(generations.c.id == generation_id, generations.c.status == Status.STREAMING)
                .values(stop_requested=True)
            )

    async def append(
        self,
        generation_id: str,
        writer_id: str,
        events: Sequence[Event],
        *,
        parked_until: datetime | None = None,
    ) -> bool:
        """Append to a log, as its writer, and show life; whether somebody asked to stop.

        With ``parked_until`` the writer leaves, and nobody takes its place before then unless they are sent.

        Raises:
            WriterReplaced: the generation is another process's now, or gone.
        """
        async with self._database.write() as connection:
            return await _append(connection, generation_id, writer_id, events, parked_until=parked_until)

    async def append_all(self, appends: Sequence[Append]) -> dict[str, bool]:
        """As `append` for many logs, each once, in one transaction; by generation, whether somebody asked to stop.

        Those that are not its writer's any more are left out, and those that somebody else has locked.
        """
        return await self._database.transact(lambda connection: _append_all(connection, appends))

    async def to_stop(self, writer_id: str) -> list[str]:
        """The generations that ``writer_id`` writes and somebody asked to stop."""
        query = sa.select(generations.c.id).where(
            generations.c.status == Status.STREAMING,
            generations.c.writer_id == writer_id,
            generations.c.stop_requested,
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def finish(
        self, generation: Generation, writer_id: str, story: Story, outcome: Outcome, events: Sequence[Event]
    ) -> None:
        """End a generation: its last events, its account, and its text on the message, in one transaction.

        Raises:
            WriterReplaced: the generation is another process's now, or gone.
        """
        now = utc_now()
        async with self._database.write() as connection:
            # First what a deletion locks first: the other way round, the two could wait for each other.
            await _touch(connection, generation.conversation_id, now)
            await _append(connection, generation.id, writer_id, events)
            await connection.execute(
                sa.update(generations)
                .where(generations.c.id == generation.id)
                .values(
                    status=outcome.status,
                    finished_at=now,
                    input_tokens=outcome.input_tokens,
                    cached_tokens=outcome.cached_tokens,
                    output_tokens=outcome.output_tokens,
                    reasoning_tokens=outcome.reasoning_tokens,
                    compute_ns=outcome.compute_ns,
                )
            )
            await connection.execute(
                sa.update(messages)
                .where(messages.c.id == generation.message_id)
                .values(
                    content=story.text,
                    parts=stored(story.parts),
                    status=outcome.status,
                    finish_reason=outcome.finish_reason,
                    error_code=outcome.error_code,
                    error_message=outcome.error_message,
                    release_id=outcome.release_id,
                )
            )

    async def close_log(self, generation_id: str, writer_id: str, events: Sequence[Event]) -> None:
        """Append what follows the end of the text (a title, ``end``).

        Raises:
            WriterReplaced: the generation is another process's now, or gone.
        """
        async with self._database.write() as connection:
            await _append(connection, generation_id, writer_id, events, status=None)

    async def events(self, generation_id: str, after: int) -> list[Event]:
        """The log's events whose sequence number is greater than ``after``, in order."""
        query = (
            sa.select(generation_events.c.seq, generation_events.c.type, generation_events.c.data)
            .where(generation_events.c.generation_id == generation_id, generation_events.c.seq > after)
            .order_by(generation_events.c.seq)
        )
        async with self._database.read() as connection:
            return [Event(row.seq, EventType(row.type), row.data) for row in await connection.execute(query)]

    async def text_so_far(self, generation_id: str) -> str:
        """The text that a log has."""
        async with self._database.read() as connection:
            return await _text_so_far(connection, generation_id)

    async def silent_writers(self, silent_for: timedelta) -> set[str]:
        """Those who have shown no life for so long in a generation that they have not finished."""
        async with self._database.read() as connection:
            query = sa.select(generations.c.writer_id).where(_silent(silent_for)).distinct()
            return set((await connection.execute(query)).scalars())

    async def take_over(
        self,
        writer_id: str,
        silent_for: timedelta,
        *,
        dead: Collection[str] = (),
        doubted_after: timedelta = DOUBTED_AFTER,
    ) -> list[Generation]:
        """Make ``writer_id`` the writer of every unfinished generation whose writer has gone silent.

        Those who are ``dead`` for certain are not given ``silent_for``, but ``doubted_after``.
        """
        now = utc_now()
        abandoned = sa.or_(
            _silent(silent_for), sa.and_(_silent(doubted_after), generations.c.writer_id.in_(dead))
        )
        async with self._database.write() as connection:
            rows = await connection.execute(
                sa.update(generations)
                .where(abandoned)
                .values(writer_id=writer_id, heartbeat_at=now)
                .returning(*(generations.c[name] for name in Generation.__slots__))
            )
            return [_to_generation(row) for row in rows.mappings()]

    async def wake(self, generation_id: str, writer_id: str) -> Generation | None:
        """Make ``writer_id`` the writer of a generation that is parked; None when it is not."""
        now = utc_now()
        parked = sa.and_(
            generations.c.id == generation_id,
            generations.c.status == Status.STREAMING,
            generations.c.heartbeat_at > now + _CLOCKS_APART,
        )
        async with self._database.write() as connection:
            rows = await connection.execute(
                sa.update(generations)
                .where(parked)
                .values(writer_id=writer_id, heartbeat_at=now)
                .returning(*(generations.c[name] for name in Generation.__slots__))
            )
            found = rows.mappings().one_or_none()
            return None if found is None else _to_generation(found)

    async def give_up(self, writer_id: str, generation_id: str | None = None) -> None:
        """Let whoever looks next take over what ``writer_id`` has not finished, without waiting for its silence.

        Of all its generations, or of one.
        """
        unfinished = sa.and_(generations.c.status == Status.STREAMING, generations.c.writer_id == writer_id)
        if generation_id is not None:
            unfinished = sa.and_(unfinished, generations.c.id == generation_id)
        async with self._database.write() as connection:
            await connection.execute(sa.update(generations).where(unfinished).values(heartbeat_at=_LONG_AGO))


def _silent(since: timedelta) -> sa.ColumnElement[bool]:
    return sa.and_(generations.c.status == Status.STREAMING, generations.c.heartbeat_at < utc_now() - since)


async def _touch(connection: AsyncConnection, conversation_id: str, now: datetime) -> bool:
    """Note that something happened in a conversation, and keep it from being deleted; False if it is gone."""
    result = await connection.execute(
        sa.update(conversations).where(conversations.c.id == conversation_id).values(updated_at=now)
    )
    return result.rowcount == 1


async def _exists(connection: AsyncConnection, message_id: str) -> bool:
    """Whether a message is there, which nobody deletes while its conversation is touched."""
    rows = await connection.execute(sa.select(messages.c.id).where(messages.c.id == message_id))
    return rows.scalar_one_or_none() is not None


async def _append(
    connection: AsyncConnection,
    generation_id: str,
    writer_id: str,
    events: Sequence[Event],
    status: Status | None = Status.STREAMING,
    *,
    parked_until: datetime | None = None,
) -> bool:
    mine = sa.and_(generations.c.id == generation_id, generations.c.writer_id == writer_id)
    if status is not None:
        mine = sa.and_(mine, generations.c.status == status)
    changes: dict[str, object] = {"heartbeat_at": parked_until or utc_now()}
    if events:
        changes["last_seq"] = events[-1].seq
    rows = await connection.execute(
        sa.update(generations).where(mine).values(**changes).returning(generations.c.stop_requested)
    )
    stop = rows.scalar_one_or_none()
    if stop is None:
        raise WriterReplaced(f"The generation {generation_id} is not this process's to write.")
    if events:
        await connection.execute(
            sa.insert(generation_events),
            [
                {"generation_id": generation_id, "seq": event.seq, "type": event.type, "data": event.data}
                for event in events
            ],
        )
    return bool(stop)


_PUT_FORWARD = (
    sa.update(generations)
    .where(generations.c.id == sa.bindparam("generation"))
    .values(last_seq=sa.bindparam("seq"), heartbeat_at=sa.bindparam("now", type_=UtcDateTime))
)


def _append_all(connection: Connection, appends: Sequence[Append]) -> dict[str, bool]:
    now = utc_now()
    # Nobody is waited for: who waits with a hundred locks in hand is somebody else's deadlock.
    held = (
        sa.select(generations.c.id, generations.c.writer_id, generations.c.stop_requested)
        .where(
            generations.c.id.in_([item.generation_id for item in appends]),
            generations.c.status == Status.STREAMING,
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = {row.id: row for row in connection.execute(held)}
    mine = [
        item for item in appends if (row := found.get(item.generation_id)) and row.writer_id == item.writer_id
    ]
    if silent := [item.generation_id for item in mine if not item.events]:
        connection.execute(
            sa.update(generations).where(generations.c.id.in_(silent)).values(heartbeat_at=now)
        )
    if telling := [item for item in mine if item.events]:
        connection.execute(
            _PUT_FORWARD,
            [{"generation": item.generation_id, "seq": item.events[-1].seq, "now": now} for item in telling],
        )
        connection.execute(
            sa.insert(generation_events),
            [
                {
                    "generation_id": item.generation_id,
                    "seq": event.seq,
                    "type": event.type,
                    "data": event.data,
                }
                for item in telling
                for event in item.events
            ],
        )
    return {item.generation_id: bool(found[item.generation_id].stop_requested) for item in mine}


async def _text_so_far(connection: AsyncConnection, generation_id: str) -> str:
    rows = await connection.execute(
        sa.select(generation_events.c.data)
        .where(
            generation_events.c.generation_id == generation_id, generation_events.c.type == EventType.DELTA
        )
        .order_by(generation_events.c.seq)
    )
    return "".join(json.loads(data)["text"] for data in rows.scalars())


async def as_written(connection: AsyncConnection, found: Sequence[Message]) -> list[Message]:
    """Messages of which a reply that is being written has its text so far."""
    stories = {
        message.id: await _story_so_far(connection, message.generation_id)
        for message in found
        if message.status is Status.STREAMING and message.generation_id
    }
    return [
        replace(message, content=story.text, parts=stored(story.parts))
        if (story := stories.get(message.id)) is not None
        else message
        for message in found
    ]


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


async def _story_so_far(connection: AsyncConnection, generation_id: str) -> Story:
    rows = await connection.execute(
        sa.select(generation_events.c.seq, generation_events.c.type, generation_events.c.data)
        .where(generation_events.c.generation_id == generation_id)
        .order_by(generation_events.c.seq)
    )
    return Story(Event(row.seq, EventType(row.type), row.data) for row in rows)


async def _sent_before(connection: AsyncConnection, owner_id: str, sent_as: str) -> Begun | None:
    if connection.dialect.name == "postgresql":
        # Whoever sends it at the same time waits here. SQLite has one writer anyway.
        name = f"sent:{owner_id}:{sent_as}"
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
    rows = await connection.execute(
        _generation.where(generations.c.owner_id == owner_id, generations.c.sent_as == sent_as)
    )
    row = rows.mappings().one_or_none()
    if row is None:
        return None
    generation = _to_generation(row)
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


def _to_generation(row: sa.RowMapping) -> Generation:
    options = msgspec.convert(row["options"] or {}, ReplyOptions)
    return Generation(**{**row, "status": Status(row["status"]), "options": options})  # pyright: ignore[reportArgumentType]


def _stored_options(options: ReplyOptions) -> dict[str, object] | None:
    return msgspec.to_builtins(options) or None
