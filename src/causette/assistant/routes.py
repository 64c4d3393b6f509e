"""``/api/conversations``, ``/api/messages`` and ``/api/generations``."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import APIRouter, Header, Query, Request, status
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller, accounts_of
from causette.assistant import types
from causette.assistant.files.types import FileKind
from causette.assistant.service import Assistant, Place
from causette.assistant.types import Role, Status, Turn, Versions
from causette.http.sse import HEARTBEAT, EventStream, event, event_stream

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


class Options(_Body):
    """How a reply is to be made."""

    model_config = ConfigDict(extra="forbid", title="ReplyOptions")

    effort: Annotated[
        Literal["off", "low", "medium", "high"] | None, Field(description="For models that think")
    ] = None
    tools: Annotated[list[str], Field(max_length=64, description="Names of tools that may be used")] = []
    samples: Annotated[
        int, Field(ge=1, le=64, description="Answers to write, of which the commonest is kept")
    ] = 1

    def reply_options(self) -> types.ReplyOptions:
        """The domain's form."""
        tools = tuple(dict.fromkeys(self.tools))
        return types.ReplyOptions(effort=self.effort, tools=tools, samples=self.samples)


#: Left out, they are those of the conversation's last reply.
_Options = Options | None
#: A name of the sender's own for what is sent. The same one again, after an answer that never arrived, begins nothing
#: and is answered with what was begun.
_SentAs = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
_Files = Annotated[
    list[str], Field(max_length=64, description="Ids of files to attach; then `content` may be empty")
]


_Mention = Annotated[
    str | None,
    Field(
        max_length=64,
        description="The custom assistant that answers this message alone, with its own model and options; "
        "`model` and `options` are the conversation's for what comes after",
    ),
]


def _reply_options(options: Options | None) -> types.ReplyOptions | None:
    return None if options is None else options.reply_options()


class StartBody(_Body):
    """The first message of a new conversation."""

    content: str
    files: _Files = []
    options: _Options = None
    model: _Model = None
    project_id: Annotated[str | None, Field(max_length=64)] = None
    temporary: Annotated[
        bool, Field(description="Listed nowhere; deleted when it is closed, or a day after its last word")
    ] = False
    assistant_id: Annotated[
        str | None, Field(max_length=64, description="The custom assistant that answers in it")
    ] = None
    mention: _Mention = None


class SendBody(_Body):
    """A message. To change an earlier one, send the new text with that message's own ``parent_id``."""

    parent_id: str | None
    content: str
    files: _Files = []
    model: _Model = None
    options: _Options = None
    mention: _Mention = None


class RegenerateBody(_Body):
    """Which model writes the other reply; the conversation's, or that of the assistant mentioned, when not given."""

    model: _Model = None
    options: _Options = None


class ConversationPatch(_Body):
    """What to change; what is left out stays."""

    title: str | None = None
    current_message_id: str | None = None
    model: _Model = None
    pinned: bool = False
    archived: bool = False
    project_id: Annotated[str | None, Field(max_length=64, description="Null for no project")] = None
    open: Annotated[
        bool | None,
        Field(description="Whether a temporary conversation is before somebody; deleted soon when it is not"),
    ] = None

    def place(self) -> Place:
        """As much as was sent of where it is kept."""
        return Place(**self.model_dump(include=set(Place.__annotations__), exclude_unset=True))


class ConversationsPatch(_Body):
    """What to change of several conversations; what is left out stays."""

    ids: list[str]
    pinned: bool = False
    archived: bool = False
    project_id: Annotated[str | None, Field(max_length=64, description="Null for no project")] = None

    def place(self) -> Place:
        """As much as was sent of where they are kept."""
        return Place(**self.model_dump(include=set(Place.__annotations__), exclude_unset=True))


class ConversationIds(BaseModel):
    """Which conversations."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str]


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
    project_id: str | None
    pinned: bool
    archived: bool
    temporary: Annotated[bool, Field(description="Listed nowhere, and deleted by itself")]
    options: Annotated[dict[str, Any] | None, Field(description="How its last reply was made")] = None
    assistant_id: Annotated[
        str | None, Field(description="The custom assistant that it was begun with, which may be gone since")
    ] = None


class MessageError(_Out):
    """Why a reply failed."""

    code: str
    message: str


class AttachmentOut(BaseModel):
    """A file that a message has, as it was when the message was sent."""

    model_config = ConfigDict(title="Attachment")

    id: str
    name: str
    media_type: str
    kind: FileKind
    size: int
    width: int | None
    height: int | None


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
    attachments: list[AttachmentOut] = []
    corrects_id: Annotated[str | None, Field(description="The reply that a person corrected with this one")]
    parts: Annotated[
        list[dict[str, Any]] | None,
        Field(description="What was thought and which tools ran (docs/assistant.md)"),
    ] = None
    assistant_id: Annotated[
        str | None, Field(description="The custom assistant that a reply is by, or that a message is said to")
    ] = None
    versions: Annotated[
        list[str],
        Field(description="Its versions, itself among them, oldest first: siblings with the same role"),
    ]

    @classmethod
    def of(cls, message: types.Message, versions: Versions) -> "MessageOut":
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
            attachments=[AttachmentOut.model_validate(each) for each in message.attachments or ()],
            corrects_id=message.corrects_id,
            parts=message.parts,
            assistant_id=message.assistant_id,
            versions=list(versions[message.id]),
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
            messages=[MessageOut.of(message, turn.versions) for message in turn.messages],
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
        scope: Literal["all", "recent", "pinned", "archived"] = "all",
        project: Annotated[str | None, Query(max_length=64)] = None,
    ) -> ConversationList:
        """One's conversations, the most recently active first; pinned and archived ones by when they became so.

        `all` is what is not archived, `recent` what of that is neither pinned nor in a project. Temporary conversations
        are in no list.
        """
        page = await _assistant(request).conversations(
            caller, limit=limit, before=before, scope=scope, project_id=project
        )
        return ConversationList(
            items=[ConversationOut.model_validate(item) for item in page.items], next=page.next
        )

    @routes.post("/conversations", status_code=status.HTTP_201_CREATED)
    async def start_conversation(
        body: StartBody, caller: SignedInCaller, request: Request, sent_as: _SentAs = None
    ) -> TurnOut:
        """Begin a conversation with its first message; the reply is begun at once."""
        turn = await _assistant(request).start(
            caller,
            content=body.content,
            model=body.model,
            project_id=body.project_id,
            temporary=body.temporary,
            options=_reply_options(body.options),
            assistant_id=body.assistant_id,
            mention=body.mention,
            files=body.files,
            sent_as=sent_as,
        )
        return TurnOut.of(turn)

    @routes.patch("/conversations")
    async def change_conversations(
        body: ConversationsPatch, caller: SignedInCaller, request: Request
    ) -> ConversationIds:
        """Pin, archive or move up to 500 at once; answers with those that there were."""
        changed = await _assistant(request).change_many(caller, body.ids, **body.place())
        return ConversationIds(ids=changed)

    @routes.post("/conversations/delete", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_conversations(body: ConversationIds, caller: SignedInCaller, request: Request) -> None:
        """Delete up to 500 at once, with everything in them. What is not there is left out."""
        await _assistant(request).delete_many(caller, body.ids)

    @routes.patch("/conversations/{conversation_id}")
    async def change_conversation(
        conversation_id: str, body: ConversationPatch, caller: SignedInCaller, request: Request
    ) -> ConversationOut:
        """Rename it, remember the branch being shown, choose the model of its next replies, or say where it is kept."""
        changed = await _assistant(request).change(
            caller,
            conversation_id,
            title=body.title,
            current_message_id=body.current_message_id,
            model=body.model,
            is_open=body.open,
            **body.place(),
        )
        return ConversationOut.model_validate(changed)

    @routes.delete("/conversations/{conversation_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_conversation(conversation_id: str, caller: SignedInCaller, request: Request) -> None:
        """Delete it with everything in it."""
        await _assistant(request).delete(caller, conversation_id)

    @routes.post("/conversations/{conversation_id}/messages", status_code=status.HTTP_201_CREATED)
    async def send_message(
        conversation_id: str,
        body: SendBody,
        caller: SignedInCaller,
        request: Request,
        sent_as: _SentAs = None,
    ) -> TurnOut:
        """Add a message; the reply is begun at once."""
        turn = await _assistant(request).send(
            caller,
            conversation_id,
            content=body.content,
            parent_id=body.parent_id,
            model=body.model,
            options=_reply_options(body.options),
            mention=body.mention,
            files=body.files,
            sent_as=sent_as,
        )
        return TurnOut.of(turn)

    @routes.post("/messages/{message_id}/regenerate", status_code=status.HTTP_201_CREATED)
    async def regenerate(
        message_id: str,
        body: RegenerateBody,
        caller: SignedInCaller,
        request: Request,
        sent_as: _SentAs = None,
    ) -> TurnOut:
        """Begin another reply beside this one, or one to a message of one's own."""
        turn = await _assistant(request).regenerate(
            caller,
            message_id,
            model=body.model,
            options=_reply_options(body.options),
            sent_as=sent_as,
        )
        return TurnOut.of(turn)

    @routes.post("/generations/{generation_id}/stop")
    async def stop_generation(generation_id: str, caller: SignedInCaller, request: Request) -> GenerationOut:
        """Stop a reply, keeping what there is."""
        return GenerationOut.model_validate(await _assistant(request).stop(caller, generation_id))

    @routes.get(
        "/generations/{generation_id}/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def generation_events(
        generation_id: str,
        caller: SignedInCaller,
        request: Request,
        after: Annotated[int, Query(ge=0, le=_LAST_PLACE)] = 0,
        last_event_id: Annotated[int | None, Header(ge=0, le=_LAST_PLACE)] = None,
    ) -> EventStream:
        """The reply's log as server-sent events, from any point: `delta`, `thinking`, `step`, `finished`, `end`…

        An event's `id` is its place in the log; send the last one as `Last-Event-ID` to go on after it. Without `end`
        the stream ends when the session does.
        """
        assistant = _assistant(request)
        generation = await assistant.generation(caller, generation_id)

        async def stream() -> AsyncGenerator[bytes]:
            log = assistant.events(generation, last_event_id or after)
            with accounts_of(request).vigil.watch(caller) as session:
                async for item in log:
                    if session.over:
                        return
                    yield HEARTBEAT if item is None else event(item.type, item.data, item.seq)

        return event_stream(stream())

    return routes
