"""The queries that read conversations for an export, a portion at a time."""

from collections.abc import AsyncGenerator
from typing import Final

import sqlalchemy as sa

from causette.assistant.projects.store import projects
from causette.assistant.tables import conversations, messages
from causette.assistant.types import Conversation
from causette.db import Database

# Messages in one portion: a thousand of a usual length are half a megabyte.
_PORTION: Final = 200
_CONVERSATIONS: Final = 100


class ExportStore:
    """Conversations in the database, as they are exported."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def conversation_ids(self, owner_id: str, after: str = "") -> list[str]:
        """The ids of an owner's conversations behind ``after``, the oldest first; no temporary ones."""
        query = (
            sa.select(conversations.c.id)
            .where(
                conversations.c.owner_id == owner_id,
                conversations.c.id > after,
                conversations.c.expires_at.is_(None),
            )
            .order_by(conversations.c.id)
            .limit(_CONVERSATIONS)
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def count(self, owner_id: str) -> int:
        """How many conversations an export of everything has."""
        query = (
            sa.select(sa.func.count())
            .select_from(conversations)
            .where(conversations.c.owner_id == owner_id, conversations.c.expires_at.is_(None))
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def project_of(self, conversation: Conversation) -> str | None:
        """The name of the project that a conversation is in."""
        query = sa.select(projects.c.name).where(projects.c.id == conversation.project_id)
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def messages(self, conversation_id: str) -> AsyncGenerator[sa.RowMapping]:
        """Every message of a conversation's tree, the oldest first: parents come before their children."""
        after = ""
        while True:
            query = (
                sa.select(messages)
                .where(messages.c.conversation_id == conversation_id, messages.c.id > after)
                .order_by(messages.c.id)
                .limit(_PORTION)
            )
            async with self._database.read() as connection:
                rows = (await connection.execute(query)).mappings().all()
            for row in rows:
                yield row
            if len(rows) < _PORTION:
                return
            after = rows[-1]["id"]
