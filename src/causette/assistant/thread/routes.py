"""``/api/conversations/{id}`` and its messages, as much of them as is shown."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant import types
from causette.assistant.routes import ConversationOut, MessageOut
from causette.assistant.thread.service import Threads
from causette.errors import InvalidRequest

_Limit = Annotated[int, Query(ge=1, le=200, description="How many messages")]
_MessageId = Annotated[str | None, Query(max_length=64)]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def threads(self) -> Threads: ...


def _threads(request: Request) -> Threads:
    house: House = request.app.state.house
    return house.threads


class RunOut(BaseModel):
    """Messages of one branch in a row, oldest first."""

    model_config = ConfigDict(title="Run")

    messages: list[MessageOut]
    earlier: Annotated[bool, Field(description="Whether anything leads to the first of them")]
    later: Annotated[bool, Field(description="Whether anything follows the last of them on this branch")]
    end: Annotated[str | None, Field(description="The last message of the branch")]

    @classmethod
    def of(cls, run: types.Run) -> "RunOut":
        """The public form of ``run``."""
        return cls(
            messages=[MessageOut.of(message, run.versions) for message in run.messages],
            earlier=run.earlier,
            later=run.later,
            end=run.end,
        )


class ThreadOut(RunOut):
    """A conversation, and a run of its messages."""

    model_config = ConfigDict(title="Thread")

    conversation: ConversationOut


class VersionsOut(BaseModel):
    """A message's versions, itself among them, oldest first."""

    model_config = ConfigDict(title="Versions")

    items: list[MessageOut]


class MatchesOut(BaseModel):
    """A message that has what was looked for."""

    model_config = ConfigDict(title="Matches", from_attributes=True)

    message_id: str
    count: Annotated[int, Field(description="How often it has it")]


class MatchesListOut(BaseModel):
    """The messages that have what was looked for, oldest first."""

    model_config = ConfigDict(title="MatchesList")

    items: list[MatchesOut]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["assistant"])

    @routes.get("/conversations/{conversation_id}")
    async def get_conversation(
        conversation_id: str,
        caller: SignedInCaller,
        request: Request,
        at: _MessageId = None,
        limit: _Limit = 60,
    ) -> ThreadOut:
        """One conversation with the end of the branch that it shows, or with what is around the message `at`.

        A message that is on another branch is shown on that one.
        """
        conversation, run = await _threads(request).open(caller, conversation_id, at=at, limit=limit)
        return ThreadOut(conversation=ConversationOut.model_validate(conversation), **dict(RunOut.of(run)))

    @routes.get("/conversations/{conversation_id}/messages")
    async def list_messages(
        conversation_id: str,
        caller: SignedInCaller,
        request: Request,
        before: _MessageId = None,
        after: _MessageId = None,
        end: _MessageId = None,
        limit: _Limit = 60,
    ) -> RunOut:
        """What leads to the message `before`; or what follows `after` on the branch that the message `end` is on."""
        threads = _threads(request)
        if before is not None and after is None:
            return RunOut.of(await threads.before(caller, conversation_id, before, limit))
        if after is not None and before is None and end is not None:
            return RunOut.of(await threads.after(caller, conversation_id, after, end, limit))
        raise InvalidRequest("Send before, or after with end.", param="before")

    @routes.get("/conversations/{conversation_id}/matches")
    async def list_matches(
        conversation_id: str,
        caller: SignedInCaller,
        request: Request,
        q: Annotated[
            str,
            Query(min_length=1, max_length=200, description="A text, whatever its case and accents"),
        ],
    ) -> MatchesListOut:
        """Which messages have a text, of the branch that is shown."""
        found = await _threads(request).matches(caller, conversation_id, q)
        return MatchesListOut(items=[MatchesOut.model_validate(each) for each in found])

    @routes.get("/messages/{message_id}/versions")
    async def list_versions(message_id: str, caller: SignedInCaller, request: Request) -> VersionsOut:
        """A message's versions in full, itself among them."""
        found, versions = await _threads(request).versions(caller, message_id)
        return VersionsOut(items=[MessageOut.of(message, versions) for message in found])

    return routes
