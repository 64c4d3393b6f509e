"""Generations and their logs: who writes them, what they say, and how they end."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.assistant.generation.parts import Story, stored
from causette.assistant.tables import conversations, generation_events, generations, messages
from causette.assistant.types import (
    DOUBTED_AFTER,
    Event,
    EventType,
    Generation,
    Message,
    Outcome,
    ReplyOptions,
    Status,
)
from causette.clock import utc_now
from causette.db import Database, UtcDateTime
from causette.errors import Conflict

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Nobody's clock is ahead by so much, and nobody is asked for less time.
_CLOCKS_APART = timedelta(minutes=5)

#: Generations as `to_generation` reads them.
generation_query = sa.select(*(generations.c[name] for name in Generation.__slots__))


class WriterReplaced(Conflict):
    """Another process has taken this generation over; whoever gets this must stop writing it."""

    default_code = "writer_replaced"


@dataclass(frozen=True, slots=True)
class Append:
    """What one reply's writer has for its log: nothing, where it only shows life."""

    generation_id: str
    writer_id: str
    events: Sequence[Event]


class GenerationStore:
    """Generations and their logs in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def generation(self, generation_id: str) -> Generation | None:
        """One generation."""
        async with self._database.read() as connection:
            rows = await connection.execute(generation_query.where(generations.c.id == generation_id))
            found = rows.mappings().one_or_none()
            return None if found is None else to_generation(found)

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
            await touch(connection, generation.conversation_id, now)
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
            return [to_generation(row) for row in rows.mappings()]

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
            return None if found is None else to_generation(found)

    async def give_up(self, writer_id: str, generation_id: str | None = None) -> None:
        """Let whoever looks next take over what ``writer_id`` has not finished, without waiting for its silence.

        Of all its generations, or of one.
        """
        unfinished = sa.and_(generations.c.status == Status.STREAMING, generations.c.writer_id == writer_id)
        if generation_id is not None:
            unfinished = sa.and_(unfinished, generations.c.id == generation_id)
        async with self._database.write() as connection:
            await connection.execute(sa.update(generations).where(unfinished).values(heartbeat_at=_LONG_AGO))


async def touch(connection: AsyncConnection, conversation_id: str, now: datetime) -> bool:
    """Note that something happened in a conversation, and keep it from being deleted; False if it is gone."""
    result = await connection.execute(
        sa.update(conversations).where(conversations.c.id == conversation_id).values(updated_at=now)
    )
    return result.rowcount == 1


def _silent(since: timedelta) -> sa.ColumnElement[bool]:
    return sa.and_(generations.c.status == Status.STREAMING, generations.c.heartbeat_at < utc_now() - since)


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


async def _story_so_far(connection: AsyncConnection, generation_id: str) -> Story:
    rows = await connection.execute(
        sa.select(generation_events.c.seq, generation_events.c.type, generation_events.c.data)
        .where(generation_events.c.generation_id == generation_id)
        .order_by(generation_events.c.seq)
    )
    return Story(Event(row.seq, EventType(row.type), row.data) for row in rows)


def to_generation(row: sa.RowMapping) -> Generation:
    """A row of `generation_query` as it is known elsewhere."""
    options = msgspec.convert(row["options"] or {}, ReplyOptions)
    return Generation(**{**row, "status": Status(row["status"]), "options": options})  # pyright: ignore[reportArgumentType]
