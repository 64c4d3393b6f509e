"""The assistant's tables and all of its queries."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.assistant.types import Conversation, Event, EventType, Generation, Message, Outcome, Status
from causette.clock import utc_now
from causette.db import Database, UtcDateTime, metadata
from causette.errors import Conflict, NotFound
from causette.ids import new_id

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
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
    sa.Index(None, "owner_id", "updated_at", "id"),
)

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
    sa.CheckConstraint("role IN ('user', 'assistant')", name="role"),
    sa.CheckConstraint(_STATUS, name="status"),
    sa.Index(None, "conversation_id", "id"),
    sa.Index(None, "parent_id"),
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
    sa.CheckConstraint(_STATUS, name="status"),
    sa.Index(None, "conversation_id", "status"),
    sa.Index(None, "message_id"),
    sa.Index(None, "owner_id"),
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
_message = sa.select(messages, conversations.c.owner_id).join(
    conversations, conversations.c.id == messages.c.conversation_id
)
_generation = sa.select(*(generations.c[name] for name in Generation.__slots__))


class WriterReplaced(Conflict):
    """Another process has taken this generation over; whoever gets this must stop writing it."""

    default_code = "writer_replaced"


class AssistantStore:
    """Conversations, messages, generations and their logs in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Conversations

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """One conversation."""
        async with self._database.read() as connection:
            return await _find_conversation(connection, conversation_id)

    async def conversations(
        self, owner_id: str, *, limit: int, before: tuple[datetime, str] | None
    ) -> list[Conversation]:
        """An owner's conversations, the most recently active first, older than ``before`` when given."""
        query = (
            _conversation.where(conversations.c.owner_id == owner_id)
            .order_by(conversations.c.updated_at.desc(), conversations.c.id.desc())
            .limit(limit)
        )
        if before is not None:
            place = sa.tuple_(conversations.c.updated_at, conversations.c.id)
            values = (sa.literal(before[0], UtcDateTime), sa.literal(before[1]))
            query = query.where(place < sa.tuple_(*values))
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [_to_conversation(row) for row in rows.mappings()]

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
            row = (await connection.execute(_message.where(messages.c.id == message_id))).mappings()
            found = row.one_or_none()
            return None if found is None else _to_message(found)

    async def messages(self, conversation_id: str) -> list[Message]:
        """Every node of a conversation's tree, oldest first; a streaming reply with its text so far."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                _message.where(messages.c.conversation_id == conversation_id).order_by(messages.c.id)
            )
            found = [_to_message(row) for row in rows.mappings()]
            writing = [message for message in found if message.status is Status.STREAMING]
            texts = {
                message.id: await _text_so_far(connection, message.generation_id)
                for message in writing
                if message.generation_id
            }
        return [
            replace(message, content=texts[message.id]) if message.id in texts else message
            for message in found
        ]

    async def branch(self, message_id: str) -> list[Message]:
        """The messages from the root to ``message_id``, in order: one recursive query along the parents."""
        start = sa.select(messages.c.id, messages.c.parent_id, sa.literal(0).label("height")).where(
            messages.c.id == message_id
        )
        path = start.cte("path", recursive=True)
        path = path.union_all(
            sa.select(messages.c.id, messages.c.parent_id, path.c.height + 1).join(
                path, messages.c.id == path.c.parent_id
            )
        )
        query = _message.join(path, path.c.id == messages.c.id).order_by(path.c.height.desc())
        async with self._database.read() as connection:
            return [_to_message(row) for row in (await connection.execute(query)).mappings()]

    # Asking for a reply

    async def begin(
        self,
        *,
        owner_id: str,
        model: str,
        writer_id: str,
        conversation_id: str | None,
        parent_id: str | None,
        content: str | None,
        title: str = "",
    ) -> tuple[Conversation, list[Message], Generation]:
        """Make, in one transaction, everything that a new reply consists of.

        A conversation when ``conversation_id`` is None, a person's message when there is ``content``, the empty
        reply under it (or under ``parent_id``), and its generation.

        Raises:
            NotFound: the conversation has been deleted meanwhile.
        """
        now = utc_now()
        conversation = conversation_id or new_id("conv")
        made: list[Message] = []
        async with self._database.write() as connection:
            if conversation_id is None:
                row = {"id": conversation, "owner_id": owner_id, "title": title, "title_is_given": False}
                row |= {"model": model, "created_at": now, "updated_at": now}
                await connection.execute(sa.insert(conversations).values(**row))
            elif not await _touch(connection, conversation_id, now):
                raise NotFound("This conversation has been deleted.")
            if content is not None:
                question = _question(owner_id, conversation, parent_id, content, now)
                made.append(question)
                parent_id = question.id
            generation_id = new_id("gen")
            reply = _empty_reply(owner_id, conversation, parent_id, model, generation_id, now)
            made.append(reply)
            for message in made:
                await connection.execute(sa.insert(messages).values(**_row(message, messages)))
            generation = Generation(
                id=generation_id,
                owner_id=owner_id,
                conversation_id=conversation,
                message_id=reply.id,
                model=model,
                status=Status.STREAMING,
                writer_id=writer_id,
                last_seq=0,
                stop_requested=False,
                heartbeat_at=now,
                created_at=now,
            )
            zeros = dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens", "compute_ns"), 0)
            await connection.execute(sa.insert(generations).values(**_row(generation, generations), **zeros))
            await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == conversation)
                .values(current_message_id=reply.id, model=model)
            )
            found = await _find_conversation(connection, conversation)
        assert found is not None
        return found, made, generation

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

    async def append(self, generation_id: str, writer_id: str, events: Sequence[Event]) -> bool:
        """Append to a log, as its writer, and show life; whether somebody asked to stop.

        Raises:
            WriterReplaced: the generation is another process's now, or gone.
        """
        async with self._database.write() as connection:
            return await _append(connection, generation_id, writer_id, events)

    async def finish(
        self, generation: Generation, writer_id: str, text: str, outcome: Outcome, events: Sequence[Event]
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
                    compute_ns=outcome.compute_ns,
                )
            )
            await connection.execute(
                sa.update(messages)
                .where(messages.c.id == generation.message_id)
                .values(
                    content=text,
                    status=outcome.status,
                    finish_reason=outcome.finish_reason,
                    error_code=outcome.error_code,
                    error_message=outcome.error_message,
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

    async def take_over(self, writer_id: str, silent_for: timedelta) -> list[Generation]:
        """Make ``writer_id`` the writer of every unfinished generation whose writer has gone silent."""
        now = utc_now()
        abandoned = sa.and_(
            generations.c.status == Status.STREAMING, generations.c.heartbeat_at < now - silent_for
        )
        async with self._database.write() as connection:
            rows = await connection.execute(
                sa.update(generations)
                .where(abandoned)
                .values(writer_id=writer_id, heartbeat_at=now)
                .returning(*(generations.c[name] for name in Generation.__slots__))
            )
            return [_to_generation(row) for row in rows.mappings()]

    async def give_up(self, writer_id: str) -> None:
        """Let whoever looks next take over what ``writer_id`` has not finished, without waiting for its silence."""
        unfinished = sa.and_(generations.c.status == Status.STREAMING, generations.c.writer_id == writer_id)
        async with self._database.write() as connection:
            await connection.execute(sa.update(generations).where(unfinished).values(heartbeat_at=_LONG_AGO))


async def _touch(connection: AsyncConnection, conversation_id: str, now: datetime) -> bool:
    """Note that something happened in a conversation, and keep it from being deleted; False if it is gone."""
    result = await connection.execute(
        sa.update(conversations).where(conversations.c.id == conversation_id).values(updated_at=now)
    )
    return result.rowcount == 1


async def _append(
    connection: AsyncConnection,
    generation_id: str,
    writer_id: str,
    events: Sequence[Event],
    status: Status | None = Status.STREAMING,
) -> bool:
    mine = sa.and_(generations.c.id == generation_id, generations.c.writer_id == writer_id)
    if status is not None:
        mine = sa.and_(mine, generations.c.status == status)
    changes: dict[str, object] = {"heartbeat_at": utc_now()}
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


async def _text_so_far(connection: AsyncConnection, generation_id: str) -> str:
    rows = await connection.execute(
        sa.select(generation_events.c.data)
        .where(
            generation_events.c.generation_id == generation_id, generation_events.c.type == EventType.DELTA
        )
        .order_by(generation_events.c.seq)
    )
    return "".join(json.loads(data)["text"] for data in rows.scalars())


async def _find_conversation(connection: AsyncConnection, conversation_id: str) -> Conversation | None:
    rows = await connection.execute(_conversation.where(conversations.c.id == conversation_id))
    found = rows.mappings().one_or_none()
    return None if found is None else _to_conversation(found)


def _question(
    owner_id: str, conversation_id: str, parent_id: str | None, content: str, now: datetime
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
    )


def _empty_reply(
    owner_id: str, conversation_id: str, parent_id: str | None, model: str, generation_id: str, now: datetime
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
    )


def _row(record: Message | Generation, table: sa.Table) -> dict[str, object]:
    """The columns of ``table`` that ``record`` has."""
    return {name: getattr(record, name) for name in record.__slots__ if name in table.c}


def _to_conversation(row: sa.RowMapping) -> Conversation:
    return Conversation(**row)  # pyright: ignore[reportArgumentType] - the query names the fields


def _to_message(row: sa.RowMapping) -> Message:
    return Message(**{**row, "status": Status(row["status"])})  # pyright: ignore[reportArgumentType]


def _to_generation(row: sa.RowMapping) -> Generation:
    return Generation(**{**row, "status": Status(row["status"])})  # pyright: ignore[reportArgumentType]
