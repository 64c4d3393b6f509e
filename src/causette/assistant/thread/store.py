"""The queries that find a run of a branch's messages.

A branch is found by its end, from which the parents lead up. So its last messages, and those before a known one, cost
what they are themselves. A message's place further up, and what follows it, is found by walking the ids between it and
the end.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.assistant.generation.store import as_written
from causette.assistant.store import message_query, to_message, versions_of
from causette.assistant.tables import conversations, messages
from causette.assistant.types import Message, Role, Run, Status, Versions
from causette.db import Database


class ThreadStore:
    """Runs of messages in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def end(self, conversation_id: str, limit: int) -> Run:
        """The last messages of the branch that is shown."""
        async with self._database.read() as connection:
            end = await _shown_end(connection, conversation_id)
            return await _run(connection, end, end, limit)

    async def around(self, message: Message, limit: int) -> Run:
        """Messages before and after this one: on the branch that is shown, or if it is not there, on its newest."""
        below = limit // 2
        async with self._database.read() as connection:
            end = await _shown_end(connection, message.conversation_id)
            ids = await _down_from(connection, message.id, end, below + 1)
            if not ids:
                end = await _leaf_under(connection, message.id)
                ids = await _down_from(connection, message.id, end, below + 1)
            return await _run(connection, ids[-1] if ids else None, end, limit)

    async def before(self, message: Message, limit: int) -> Run:
        """The messages that lead to this one."""
        async with self._database.read() as connection:
            return await _run(connection, message.parent_id, message.id, limit)

    async def after(self, message: Message, end: Message, limit: int) -> Run | None:
        """The messages that follow this one on the branch of ``end``; None when it is not on it."""
        async with self._database.read() as connection:
            leaf = await _leaf_under(connection, end.id)
            ids = await _down_from(connection, message.id, leaf, limit + 1)
            if not ids:
                return None
            return await _run(connection, ids[-1], leaf, len(ids) - 1)

    async def texts(self, conversation_id: str) -> Sequence[tuple[str, Role, str]]:
        """The id, the role and the text of every message on the branch that is shown, oldest first."""
        async with self._database.read() as connection:
            end = await _shown_end(connection, conversation_id)
            start = sa.select(messages.c.id, messages.c.parent_id, sa.literal(0).label("height")).where(
                messages.c.id == end
            )
            path = start.cte("path", recursive=True)
            path = path.union_all(
                sa.select(messages.c.id, messages.c.parent_id, path.c.height + 1).join(
                    path, messages.c.id == path.c.parent_id
                )
            )
            query = (
                sa.select(messages.c.id, messages.c.role, messages.c.content, messages.c.status)
                .join(path, path.c.id == messages.c.id)
                .order_by(path.c.height.desc())
            )
            found = (await connection.execute(query)).all()
            writing = [row.id for row in found if row.status == Status.STREAMING]
            if not writing:
                return [(row.id, row.role, row.content) for row in found]
            rows = await connection.execute(message_query.where(messages.c.id.in_(writing)))
            so_far = await as_written(connection, [to_message(row) for row in rows.mappings()])
        told = {message.id: message.content for message in so_far}
        return [(row.id, row.role, told.get(row.id) or row.content) for row in found]

    async def versions(self, message: Message) -> tuple[list[Message], Versions]:
        """A message's versions, itself among them, oldest first."""
        query = message_query.where(
            messages.c.conversation_id == message.conversation_id,
            messages.c.parent_id == message.parent_id
            if message.parent_id is not None
            else messages.c.parent_id.is_(None),
            messages.c.role == message.role,
        ).order_by(messages.c.id)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings()
            found = await as_written(connection, [to_message(row) for row in rows])
        ids = tuple(each.id for each in found)
        return found, dict.fromkeys(ids, ids)


async def _run(connection: AsyncConnection, last: str | None, end: str | None, limit: int) -> Run:
    """Up to ``limit`` messages of the branch of ``end``, of which ``last`` is the last one."""
    start = sa.select(messages.c.id, messages.c.parent_id, sa.literal(1).label("height")).where(
        messages.c.id == last
    )
    path = start.cte("path", recursive=True)
    path = path.union_all(
        sa.select(messages.c.id, messages.c.parent_id, path.c.height + 1)
        .join(path, messages.c.id == path.c.parent_id)
        .where(path.c.height < limit)
    )
    query = message_query.join(path, path.c.id == messages.c.id).order_by(path.c.height.desc())
    rows = (await connection.execute(query)).mappings() if last is not None and limit > 0 else ()
    found = await as_written(connection, [to_message(row) for row in rows])
    return Run(
        messages=tuple(found),
        versions=await versions_of(connection, found),
        earlier=bool(found) and found[0].parent_id is not None,
        later=last != end,
        end=end,
    )


async def _shown_end(connection: AsyncConnection, conversation_id: str) -> str | None:
    """The last message of the branch that a conversation shows."""
    shown = sa.select(conversations.c.current_message_id).where(conversations.c.id == conversation_id)
    known = sa.select(messages.c.id).where(
        messages.c.id == shown.scalar_subquery(), messages.c.conversation_id == conversation_id
    )
    current = (await connection.execute(known)).scalar_one_or_none()
    if current is None:
        roots = sa.select(sa.func.max(messages.c.id)).where(
            messages.c.conversation_id == conversation_id, messages.c.parent_id.is_(None)
        )
        current = (await connection.execute(roots)).scalar_one_or_none()
    return None if current is None else await _leaf_under(connection, current)


async def _leaf_under(connection: AsyncConnection, message_id: str) -> str:
    """The end of the branch below a message that takes the newest way at every fork."""
    start = sa.select(messages.c.id, sa.literal(0).label("depth")).where(messages.c.id == message_id)
    down = start.cte("down", recursive=True)
    newest = sa.select(sa.func.max(messages.c.id)).where(messages.c.parent_id == down.c.id).scalar_subquery()
    down = down.union_all(sa.select(newest, down.c.depth + 1).where(down.c.id.is_not(None)))
    query = sa.select(down.c.id).where(down.c.id.is_not(None)).order_by(down.c.depth.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none() or message_id


async def _down_from(connection: AsyncConnection, message_id: str, end: str | None, limit: int) -> list[str]:
    """The first ``limit`` ids from a message down to ``end``; none when it is not on that branch."""
    start = sa.select(messages.c.id, messages.c.parent_id, sa.literal(0).label("height")).where(
        messages.c.id == end
    )
    path = start.cte("path", recursive=True)
    path = path.union_all(
        sa.select(messages.c.id, messages.c.parent_id, path.c.height + 1)
        .join(path, messages.c.id == path.c.parent_id)
        .where(path.c.id != message_id)
    )
    query = sa.select(path.c.id).order_by(path.c.height.desc()).limit(limit)
    ids = list((await connection.execute(query)).scalars())
    return ids if ids and ids[0] == message_id else []
