"""What people have written, put there as any part of the house may, and a search over it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.assistant.search.service import Search
from causette.assistant.search.types import Filters, Found, SearchPage, Segment
from causette.assistant.tables import conversations, messages
from causette.db import Database
from causette.ids import new_id

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class Library:
    """Conversations of several people, and a search over them that is never behind."""

    database: Database
    search: Search
    clock: datetime = NOON

    async def conversation(self, caller: Caller, title: str = "A talk", **columns: object) -> str:
        """An empty conversation; its id."""
        conversation_id = new_id("conv")
        self.clock += timedelta(seconds=1)
        row = {"id": conversation_id, "owner_id": caller.user.id, "title": title, "title_is_given": False}
        row |= {"model": "small", "created_at": self.clock, "updated_at": self.clock}
        async with self.database.write() as connection:
            await connection.execute(sa.insert(conversations).values(**row | columns))
        return conversation_id

    async def says(self, conversation_id: str, content: str, **columns: object) -> str:
        """A message, a second after the last one; its id."""
        self.clock += timedelta(seconds=1)
        row: dict[str, object] = {"id": new_id("msg"), "conversation_id": conversation_id, "content": content}
        row |= {"role": "user", "status": "complete", "created_at": self.clock}
        async with self.database.write() as connection:
            await connection.execute(sa.insert(messages).values(**row | columns))
        return str((row | columns)["id"])

    async def talk(self, caller: Caller, content: str, title: str = "A talk") -> tuple[str, str]:
        """A conversation of one message; the ids of both."""
        conversation_id = await self.conversation(caller, title)
        return conversation_id, await self.says(conversation_id, content)

    async def page(
        self,
        caller: Caller,
        text: str,
        filters: Filters | None = None,
        *,
        limit: int = 20,
        before: str | None = None,
    ) -> SearchPage:
        """What is found, once all is indexed that was written."""
        await self.search.indexer.catch_up()
        return await self.search.search(caller, text, filters or Filters(), limit=limit, before=before)

    async def found(self, caller: Caller, text: str, filters: Filters | None = None) -> list[str | None]:
        """The messages found, the best first; None for a conversation found by its title alone."""
        page = await self.page(caller, text, filters)
        return [item.hit.id if item.hit else None for item in page.items]


def marked(segments: tuple[Segment, ...]) -> list[str]:
    """What is marked in a text."""
    return [segment.text for segment in segments if segment.mark]


def plain(segments: tuple[Segment, ...]) -> str:
    """The text without marks."""
    return "".join(segment.text for segment in segments)


def snippet_of(found: Found) -> tuple[Segment, ...]:
    """The snippet of a message that was found."""
    assert found.hit is not None
    return found.hit.snippet


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database, Search(database))
