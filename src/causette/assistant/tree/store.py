"""The queries that change a tree otherwise than by growing it."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from causette.assistant.tables import conversations, generations, messages
from causette.assistant.types import Status
from causette.clock import utc_now
from causette.db import Database, UtcDateTime


class TreeStore:
    """The nodes of trees in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, row: Mapping[str, Any]) -> bool:
        """Keep a message as the one shown, whose ``parent_id`` is there; False if conversation or parent are gone."""
        parent = sa.select(messages.c.id).where(messages.c.id == row["parent_id"])
        async with self._database.write() as connection:
            touched = await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == row["conversation_id"])
                .values(updated_at=utc_now(), current_message_id=row["id"])
            )
            if touched.rowcount == 0 or (await connection.execute(parent)).first() is None:
                return False
            await connection.execute(sa.insert(messages).values(**row))
            return True

    async def delete_branch(self, conversation_id: str, message_id: str) -> list[str]:
        """Delete a message with all that follows it; the generations that were being written there.

        What is shown from then on is the branch of its parent. The walk down is one recursive query and the deletion
        one statement, so there is no depth at which they end.
        """
        below = sa.select(messages.c.id).where(messages.c.id == message_id).cte("below", recursive=True)
        below = below.union_all(sa.select(messages.c.id).join(below, messages.c.parent_id == below.c.id))
        inside = sa.select(below.c.id)
        async with self._database.write() as connection:
            # First what the end of a reply locks first: the other way round, the two could wait for each other.
            locked = sa.select(conversations.c.current_message_id).where(
                conversations.c.id == conversation_id
            )
            shown = (await connection.execute(locked.with_for_update())).scalar_one_or_none()
            parent = await connection.execute(
                sa.select(messages.c.parent_id).where(messages.c.id == message_id)
            )
            writing = await connection.execute(
                sa.select(generations.c.id).where(
                    generations.c.conversation_id == conversation_id,
                    generations.c.status == Status.STREAMING,
                    generations.c.message_id.in_(inside),
                )
            )
            active = list(writing.scalars())
            if shown is not None:
                await connection.execute(
                    sa.update(conversations)
                    .where(
                        conversations.c.id == conversation_id,
                        conversations.c.current_message_id.in_(inside),
                    )
                    .values(current_message_id=parent.scalar_one_or_none())
                )
            await connection.execute(sa.delete(messages).where(messages.c.id.in_(inside)))
            return active

    async def links(self, conversation_id: str) -> list[tuple[str, str | None]]:
        """The ids of a conversation's messages with those of their parents."""
        query = sa.select(messages.c.id, messages.c.parent_id).where(
            messages.c.conversation_id == conversation_id
        )
        async with self._database.read() as connection:
            return [
                (row.id, row.parent_id) for row in await connection.execute(query.order_by(messages.c.id))
            ]

    async def rows(self, message_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """All columns of some messages, by id."""
        query = sa.select(messages).where(messages.c.id.in_(message_ids))
        async with self._database.read() as connection:
            return {row["id"]: dict(row) for row in (await connection.execute(query)).mappings()}

    async def begin_copy(self, source_id: str, copy_id: str, changes: Mapping[str, object]) -> bool:
        """Make a conversation without messages like another one but for ``changes``; False if that one is gone."""
        wanted = {"id": copy_id, "current_message_id": None} | dict(changes)
        columns = [
            sa.literal(wanted[column.name], column.type) if column.name in wanted else column
            for column in conversations.c
        ]
        query = sa.select(*columns).where(conversations.c.id == source_id)
        async with self._database.write() as connection:
            made = await connection.execute(
                sa.insert(conversations).from_select([column.name for column in conversations.c], query)
            )
            return made.rowcount == 1

    async def add_copies(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep copied messages, parents before their children."""
        async with self._database.write() as connection:
            await connection.execute(sa.insert(messages), rows)

    async def finish_copy(self, copy_id: str, current_message_id: str | None) -> None:
        """Have a copy that is whole be a conversation like any other."""
        now = sa.literal(utc_now(), UtcDateTime)
        async with self._database.write() as connection:
            await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == copy_id)
                .values(
                    current_message_id=current_message_id, expires_at=None, created_at=now, updated_at=now
                )
            )
