"""``/api/search``."""

from datetime import UTC, datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant.search.service import Search
from causette.assistant.search.types import Filters
from causette.assistant.types import Role


class House(Protocol):
    """As much of the application's state as this room needs."""

    @property
    def search(self) -> Search: ...


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


_Instant = Annotated[
    datetime | None,
    AfterValidator(lambda at: at and _aware(at)),
    Query(description="An instant, or a day in UTC"),
]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SegmentOut(_Out):
    """A piece of a text. It is plain text, whatever it looks like."""

    text: str
    mark: Annotated[bool, Field(description="Whether this is what was looked for")]


class HitOut(_Out):
    """The message that answers best."""

    id: str
    role: Role
    model: str | None
    created_at: datetime
    snippet: list[SegmentOut]


class FoundOut(_Out):
    """A conversation in which something was found."""

    conversation_id: str
    title: list[SegmentOut]
    updated_at: datetime
    hit: Annotated[HitOut | None, Field(description="None when only the title has the words")]
    matches: Annotated[int, Field(description="How many messages have the words, of those looked at")]


class SearchResults(BaseModel):
    """Some results, the best first; ``next`` is what to send as ``before`` for those after them."""

    model_config = ConfigDict(from_attributes=True)

    items: list[FoundOut]
    next: str | None
    remaining: Annotated[int, Field(description="Older texts on this server that cannot be found yet")]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["assistant"])

    @routes.get("/search")
    async def search(
        caller: SignedInCaller,
        request: Request,
        q: Annotated[
            str,
            Query(
                max_length=400,
                description='Words in any form, "words in a row", -words to leave out; the last may be unfinished',
            ),
        ],
        limit: Annotated[int, Query(ge=1, le=50)] = 20,
        before: Annotated[str | None, Query(max_length=100)] = None,
        since: _Instant = None,
        until: _Instant = None,
        role: Role | None = None,
        model: Annotated[str | None, Query(max_length=256)] = None,
    ) -> SearchResults:
        """One's conversations in which something is found, by their titles and messages."""
        house: House = request.app.state.house
        filters = Filters(since=since, until=until, role=role, model=model)
        page = await house.search.search(caller, q, filters, limit=limit, before=before)
        return SearchResults.model_validate(page)

    return routes
