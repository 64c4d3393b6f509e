"""``/api/messages/{id}`` and ``/api/conversations/{id}/duplicate``."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant.routes import ConversationOut, MessageOut
from causette.assistant.tree.service import Tree


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def tree(self) -> Tree: ...


def _tree(request: Request) -> Tree:
    house: House = request.app.state.house
    return house.tree


class CorrectionBody(BaseModel):
    """What the reply should have said."""

    model_config = ConfigDict(extra="forbid")

    content: str


class DuplicateBody(BaseModel):
    """What to copy: the branch that leads to the message ``until``, or the whole tree."""

    model_config = ConfigDict(extra="forbid")

    until: Annotated[str | None, Field(max_length=64)] = None
    title: Annotated[str | None, Field(description="The original's when not given")] = None


class CorrectionOut(BaseModel):
    """The correction, in the conversation as it is now."""

    model_config = ConfigDict(title="Correction")

    conversation: ConversationOut
    message: MessageOut


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["assistant"])

    @routes.post("/messages/{message_id}/corrections", status_code=status.HTTP_201_CREATED)
    async def correct_reply(
        message_id: str, body: CorrectionBody, caller: SignedInCaller, request: Request
    ) -> CorrectionOut:
        """Put one's own words beside a reply, as the version that is shown and gone on from."""
        tree = _tree(request)
        conversation, message = await tree.correct(caller, message_id, body.content)
        return CorrectionOut(
            conversation=ConversationOut.model_validate(conversation),
            message=MessageOut.of(message, await tree.versions(message)),
        )

    @routes.delete("/messages/{message_id}")
    async def delete_message(message_id: str, caller: SignedInCaller, request: Request) -> ConversationOut:
        """Delete a message with all that follows it; replies being written there end."""
        return ConversationOut.model_validate(await _tree(request).delete(caller, message_id))

    @routes.post("/conversations/{conversation_id}/duplicate", status_code=status.HTTP_201_CREATED)
    async def duplicate_conversation(
        conversation_id: str, body: DuplicateBody, caller: SignedInCaller, request: Request
    ) -> ConversationOut:
        """Copy it whole, or one branch of it."""
        copy = await _tree(request).duplicate(caller, conversation_id, until=body.until, title=body.title)
        return ConversationOut.model_validate(copy)

    return routes
