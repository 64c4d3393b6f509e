"""The tables of memory, and every query on them."""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.store import users
from causette.assistant.memory.types import Memory
from causette.assistant.projects.store import projects
from causette.assistant.tables import conversations
from causette.db import Database, UtcDateTime, metadata

memories = sa.Table(
    "memories",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    # A memory outlives the conversation that it comes from.
    sa.Column("conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="SET NULL")),
    sa.Column("message_id", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("origin IN ('asked', 'noticed', 'written')", name="origin"),
    sa.Index(None, "owner_id", "id"),
    sa.Index(None, "conversation_id", "id"),
)

# Only of those who have chosen: memory is on until it is turned off.
memory_choices = sa.Table(
    "memory_choices",
    metadata,
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("enabled", sa.Boolean(name="enabled"), nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

_memory = sa.select(memories, conversations.c.title.label("conversation_title")).outerjoin(
    conversations, conversations.c.id == memories.c.conversation_id
)


class MemoryStore:
    """Memories in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def memory(self, memory_id: str) -> Memory | None:
        """One memory."""
        async with self._database.read() as connection:
            rows = await connection.execute(_memory.where(memories.c.id == memory_id))
            found = rows.mappings().one_or_none()
            return None if found is None else _to_memory(found)

    async def memories(self, owner_id: str) -> list[Memory]:
        """All that is kept of a person, the oldest first."""
        async with self._database.read() as connection:
            return await _of(connection, owner_id)

    async def from_conversation(self, conversation_id: str) -> list[Memory]:
        """What is kept from one conversation, the oldest first."""
        query = _memory.where(memories.c.conversation_id == conversation_id).order_by(memories.c.id)
        async with self._database.read() as connection:
            return [_to_memory(row) for row in (await connection.execute(query)).mappings()]

    async def add(
        self, fresh: Sequence[Memory], choose: Callable[[list[Memory]], list[Memory]]
    ) -> list[Memory]:
        """Keep those of ``fresh`` that ``choose`` takes, knowing all that is kept of their owner; these."""
        owner_id = fresh[0].owner_id
        async with self._database.write() as connection:
            # One at a time, or two replies that end at once would both keep the same.
            lock = sa.select(users.c.id).where(users.c.id == owner_id).with_for_update(key_share=True)
            await connection.execute(lock)
            taken = choose(await _of(connection, owner_id))
            for memory in taken:
                row = {name: getattr(memory, name) for name in Memory.__slots__ if name in memories.c}
                await connection.execute(sa.insert(memories).values(**row))
            return taken

    async def change(self, memory_id: str, text: str, at: datetime) -> Memory | None:
        """Word a memory otherwise; None if it is gone."""
        async with self._database.write() as connection:
            here = memories.c.id == memory_id
            await connection.execute(sa.update(memories).where(here).values(text=text, updated_at=at))
            found = (await connection.execute(_memory.where(here))).mappings().one_or_none()
            return None if found is None else _to_memory(found)

    async def delete(self, memory_id: str) -> None:
        """Forget one memory."""
        async with self._database.write() as connection:
            await connection.execute(sa.delete(memories).where(memories.c.id == memory_id))

    async def delete_all(self, owner_id: str) -> None:
        """Forget all that is kept of a person."""
        async with self._database.write() as connection:
            await connection.execute(sa.delete(memories).where(memories.c.owner_id == owner_id))

    async def is_on(self, user_id: str) -> bool:
        """Whether a person lets things be remembered."""
        query = sa.select(memory_choices.c.enabled).where(memory_choices.c.user_id == user_id)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none() is not False

    async def turn(self, user_id: str, *, on: bool, at: datetime) -> None:
        """Turn a person's memory on or off."""
        changes = {"enabled": on, "updated_at": at}
        async with self._database.write() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            await connection.execute(
                dialect.insert(memory_choices)
                .values(user_id=user_id, **changes)
                .on_conflict_do_update(index_elements=[memory_choices.c.user_id], set_=changes)
            )

    async def applies_in(self, user_id: str, conversation_id: str) -> bool:
        """Whether a person's memory is on in a conversation: not in temporary ones, nor in projects that keep apart."""
        query = (
            sa.select(conversations.c.expires_at, projects.c.remembers, memory_choices.c.enabled)
            .select_from(conversations)
            .outerjoin(projects, projects.c.id == conversations.c.project_id)
            .outerjoin(memory_choices, memory_choices.c.user_id == user_id)
            .where(conversations.c.id == conversation_id, conversations.c.owner_id == user_id)
        )
        async with self._database.read() as connection:
            found = (await connection.execute(query)).one_or_none()
        if found is None or found.expires_at is not None:
            return False
        return found.remembers is not False and found.enabled is not False


async def _of(connection: AsyncConnection, owner_id: str) -> list[Memory]:
    query = _memory.where(memories.c.owner_id == owner_id).order_by(memories.c.id)
    return [_to_memory(row) for row in (await connection.execute(query)).mappings()]


def _to_memory(row: sa.RowMapping) -> Memory:
    return Memory(**row)  # pyright: ignore[reportArgumentType] - the query names the fields
