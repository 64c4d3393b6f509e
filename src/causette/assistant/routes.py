"""``/api/conversations``, ``/api/messages`` and ``/api/generations``."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Header, Query, Request, status
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant import types
from causette.assistant.service import Assistant
from causette.assistant.types import Role, Status, Turn
from causette.http.sse import HEARTBEAT, event, event_stream

# The places in a log are 32-bit integers in the database.
_LAST_PLACE: Final = 2**31 - 1
_Model = Annotated[str | None, Field(max_length=256)]


class House(Protocol):
    """As much of the application's state as this room needs."""

    @property
    def assistant(self) -> Assistant: ...


def _assistant(request: Request) -> Assistant:
    house: House = request.app.state.house
    return house.assistant


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StartBody(_Body):
    """The first message of a new conversation."""

    content: str
    model: _Model = None


class SendBody(_Body):
    """A message. To change an earlier one, send the new text with that message's own ``parent_id``."""

    parent_id: str | None
    content: str
    model: _Model = None


class RegenerateBody(_Body):
    """Which model writes the other reply; the conversation's when not given."""

    model: _Model = None


class ConversationPatch(_Body):
    """What to change; what is left out stays."""

    title: str | None = None
    current_message_id: str | None = None
    model: _Model = None


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ConversationOut(_Out):
    """A conversation without its messages."""

    model_config = ConfigDict(from_attributes=True, title="Conversation")

    id: str
    title: str
    model: str
    created_at: datetime
    updated_at: datetime
    current_message_id: Annotated[str | None, Field(description="The end of the branch being shown")]
    active_generation_id: Annotated[str | None, Field(description="A reply that is being written now")]


class MessageError(_Out):
    """Why a reply failed."""

    code: str
    message: str


class MessageOut(_Out):
    """A node of the tree."""

    model_config = ConfigDict(from_attributes=True, title="Message")

    id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    content: str
    model: str | None
    status: Status
    error: MessageError | None
    finish_reason: str | None
    generation_id: str | None
    created_at: datetime

    @classmethod
    def of(cls, message: types.Message) -> "MessageOut":
        """The public form of ``message``."""
        error = (
            MessageError(code=message.error_code, message=message.error_message or "")
            if message.error_code
            else None
        )
        return cls(
            id=message.id,
            conversation_id=message.conversation_id,
            parent_id=message.parent_id,
            role=message.role,
            content=message.content,
            model=message.model,
            status=message.status,
            error=error,
            finish_reason=message.finish_reason,
            generation_id=message.generation_id,
            created_at=message.created_at,
        )


class GenerationOut(_Out):
    """A reply being written, or written."""

    model_config = ConfigDict(from_attributes=True, title="Generation")

    id: str
    conversation_id: str
    message_id: str
    model: str
    status: Status
    created_at: datetime


class ConversationList(BaseModel):
    """Some conversations; ``next`` is what to send as ``before`` for those after them."""

    items: list[ConversationOut]
    next: str | None


class ConversationWithMessages(BaseModel):
    """A conversation and every node of its tree, oldest first."""

    conversation: ConversationOut
    messages: list[MessageOut]


class TurnOut(BaseModel):
    """The new messages, and the generation that writes the last of them."""

    model_config = ConfigDict(title="Turn")

    conversation: ConversationOut
    messages: list[MessageOut]
    generation: GenerationOut

    @classmethod
    def of(cls, turn: Turn) -> "TurnOut":
        """The public form of ``turn``."""
        return cls(
            conversation=ConversationOut.model_validate(turn.conversation),
            messages=[MessageOut.of(message) for message in turn.messages],
            generation=GenerationOut.model_validate(turn.generation),
        )


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["assistant"])

    @routes.get("/conversations")
    async def list_conversations(
        caller: SignedInCaller,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[str | None, Query(max_length=200)] = None,
    ) -> ConversationList:
        """One's conversations, the most recently active first."""
        page = await _assistant(request).conversations(caller, limit=limit, before=before)
        return ConversationList(
            items=[ConversationOut.model_validate(item) for item in page.items], next=page.next
        )

    @routes.post("/conversations", status_code=status.HTTP_201_CREATED)
    async def start_conversation(body: StartBody, caller: SignedInCaller, request: Request) -> TurnOut:
        """Begin a conversation with its first message; the reply is begun at once."""
        return TurnOut.of(await _assistant(request).start(caller, content=body.content, model=body.model))

    @routes.get("/conversations/{conversation_id}")
    async def get_conversation(
        conversation_id: str, caller: SignedInCaller, request: Request
    ) -> ConversationWithMessages:
        """One conversation with its whole tree."""
        conversation, messages = await _assistant(request).conversation(caller, conversation_id)
        return ConversationWithMessages(
            conversation=ConversationOut.model_validate(conversation),
            messages=[MessageOut.of(message) for message in messages],
        )

    @routes.patch("/conversations/{conversation_id}")
    async def change_conversation(
        conversation_id: str, body: ConversationPatch, caller: SignedInCaller, request: Request
    ) -> ConversationOut:
        """Rename it, remember the branch being shown, or choose the model of its next replies."""
        changed = await _assistant(request).change(
            caller,
            conversation_id,
            title=body.title,
            current_message_id=body.current_message_id,
            model=body.model,
        )
        return ConversationOut.model_validate(changed)

    @routes.delete("/conversations/{conversation_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_conversation(conversation_id: str, caller: SignedInCaller, request: Request) -> None:
        """Delete it with everything in it."""
        await _assistant(request).delete(caller, conversation_id)

    @routes.post("/conversations/{conversation_id}/messages", status_code=status.HTTP_201_CREATED)
    async def send_message(
        conversation_id: str, body: SendBody, caller: SignedInCaller, request: Request
    ) -> TurnOut:
        """Add a message; the reply is begun at once."""
        turn = await _assistant(request).send(
            caller, conversation_id, content=body.content, parent_id=body.parent_id, model=body.model
        )
        return TurnOut.of(turn)

    @routes.post("/messages/{message_id}/regenerate", status_code=status.HTTP_201_CREATED)
    async def regenerate(
        message_id: str, body: RegenerateBody, caller: SignedInCaller, request: Request
    ) -> TurnOut:
        """Begin another reply beside this one."""
        return TurnOut.of(await _assistant(request).regenerate(caller, message_id, model=body.model))

    @routes.post("/generations/{generation_id}/stop")
    async def stop_generation(generation_id: str, caller: SignedInCaller, request: Request) -> GenerationOut:
        """Stop a reply, keeping what there is."""
        return GenerationOut.model_validate(await _assistant(request).stop(caller, generation_id))

    @routes.get(
        "/generations/{generation_id}/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def generation_events(
        generation_id: str,
        caller: SignedInCaller,
        request: Request,
        after: Annotated[int, Query(ge=0, le=_LAST_PLACE)] = 0,
        last_event_id: Annotated[int | None, Header(ge=0, le=_LAST_PLACE)] = None,
    ) -> StreamingResponse:
        """The reply's log as server-sent events, from any point: `delta`, `finished`, `title`, `end`.

        An event's `id` is its place in the log; send the last one as `Last-Event-ID` to go on after it.
        """
        assistant = _assistant(request)
        generation = await assistant.generation(caller, generation_id)

        async def stream() -> AsyncGenerator[bytes]:
            async for item in assistant.events(generation, last_event_id or after):
                yield HEARTBEAT if item is None else event(item.type, item.data, item.seq)

        return event_stream(stream())

    return routes
