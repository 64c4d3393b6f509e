"""``/api/shares`` for who shares, ``/api/shared/{token}`` for who has a link."""

from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Request, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller, session_token
from causette.accounts.service import Accounts
from causette.accounts.types import Caller
from causette.accounts.visitors import origin_of, visitor_of
from causette.assistant.files.service import Files
from causette.assistant.files.serving import GUARDED, served
from causette.assistant.files.types import FileKind
from causette.assistant.knowledge.routes import PlaceOut
from causette.assistant.routes import ConversationOut
from causette.assistant.sharing.pace import PICTURES_A_MINUTE, Pace
from causette.assistant.sharing.service import Sharing, Terms
from causette.assistant.sharing.types import Share, SharingMode
from causette.assistant.types import Role
from causette.settings import Settings

_Id = Annotated[str | None, Field(max_length=64)]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def settings(self) -> Settings: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def sharing(self) -> Sharing: ...

    @property
    def files(self) -> Files: ...


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


class ShareBody(BaseModel):
    """How to share a conversation."""

    model_config = ConfigDict(extra="forbid")

    until: Annotated[_Id, Field(description="The last message of it; the branch that is shown when null")] = (
        None
    )
    workspace_id: Annotated[_Id, Field(description="Its members only; everybody with the link when null")] = (
        None
    )
    with_steps: Annotated[bool, Field(description="Tell thinking and tools' runs as well")] = False
    with_name: Annotated[bool, Field(description="Tell your name")] = False
    expires_at: Annotated[AwareDatetime | None, Field(description="When the link ends; never when null")] = (
        None
    )

    def terms(self) -> Terms:
        """The domain's form."""
        return Terms(**self.model_dump())


class ShareOut(BaseModel):
    """A link to a snapshot of a conversation."""

    model_config = ConfigDict(title="Share")

    id: str
    conversation_id: str
    title: str
    workspace_id: str | None
    with_steps: bool
    author: str | None
    created_at: datetime
    updated_at: Annotated[datetime, Field(description="When the snapshot was taken")]
    expires_at: datetime | None
    link: Annotated[
        str | None, Field(description="Null when it was made with another secret key than the server's")
    ]


class ShareList(BaseModel):
    """One's links, and what one may share."""

    items: list[ShareOut]
    mode: Annotated[SharingMode, Field(description="Whom people here may share with")]
    in_plan: Annotated[bool, Field(description="Whether one's plan includes sharing")]


class SharedSourceOut(BaseModel):
    """A passage that a reply cites."""

    model_config = ConfigDict(from_attributes=True, title="SharedSource")

    n: Annotated[int, Field(description="The number that it is cited by")]
    title: str
    headings: list[str]
    place: PlaceOut | None
    text: Annotated[
        str | None, Field(description="Null where the document was gone already, or is another person's")
    ]


class SharedFileOut(BaseModel):
    """A file that a message has. Only pictures can be fetched, by their numbers."""

    model_config = ConfigDict(from_attributes=True, title="SharedFile")

    number: int
    name: str
    kind: FileKind
    size: Annotated[int, Field(description="Bytes")]
    width: Annotated[int | None, Field(description="Of a picture, in pixels")]
    height: int | None


class SharedMessageOut(BaseModel):
    """One message of what is shared."""

    model_config = ConfigDict(from_attributes=True, title="SharedMessage")

    role: Role
    content: str
    model: str | None
    parts: list[dict[str, Any]] | None
    created_at: datetime
    sources: list[SharedSourceOut]
    attachments: list[SharedFileOut]
    assistant: Annotated[
        str | None, Field(description="The custom assistant that a reply is by, or that a message is said to")
    ]


class SharedConversationOut(BaseModel):
    """What a link leads to."""

    model_config = ConfigDict(title="Shared")

    title: str
    author: Annotated[str | None, Field(description="Who shares it, where they say so")]
    workspace: Annotated[bool, Field(description="Whether only members of a workspace find it")]
    updated_at: datetime
    expires_at: datetime | None
    messages: list[SharedMessageOut]


def _share_out(request: Request, share: Share) -> ShareOut:
    house = _house(request)
    token = house.sharing.token(share)
    link = None if token is None else f"{origin_of(request, house.settings)}/s/{token}"
    kept = {name: getattr(share, name) for name in ShareOut.model_fields if name != "link"}
    return ShareOut(**kept, link=link)


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["sharing"])
    _add_owners(routes)
    _add_readers(routes)
    return routes


def _add_owners(routes: APIRouter) -> None:
    @routes.get("/shares")
    async def list_shares(caller: SignedInCaller, request: Request) -> ShareList:
        """One's links, the newest first, and whether and with whom one may share."""
        sharing = _house(request).sharing
        return ShareList(
            items=[_share_out(request, share) for share in await sharing.list(caller)],
            mode=sharing.mode,
            in_plan=await sharing.may_share(caller),
        )

    @routes.post("/conversations/{conversation_id}/shares", status_code=status.HTTP_201_CREATED)
    async def share_conversation(
        conversation_id: str, body: ShareBody, caller: SignedInCaller, request: Request
    ) -> ShareOut:
        """Make a link to a snapshot of one branch. What is said later is not in it."""
        return _share_out(
            request, await _house(request).sharing.create(caller, conversation_id, body.terms())
        )

    @routes.post("/shares/{share_id}/renew")
    async def renew_share(share_id: str, caller: SignedInCaller, request: Request) -> ShareOut:
        """Take the snapshot again, of the branch that is shown now. The link stays the same."""
        return _share_out(request, await _house(request).sharing.renew(caller, share_id))

    @routes.delete("/shares/{share_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def revoke_share(share_id: str, caller: SignedInCaller, request: Request) -> None:
        """End a link."""
        await _house(request).sharing.revoke(caller, share_id)

    @routes.delete("/shares", status_code=status.HTTP_204_NO_CONTENT)
    async def revoke_shares(caller: SignedInCaller, request: Request) -> None:
        """End all of one's links."""
        await _house(request).sharing.revoke_all(caller)


def _add_readers(routes: APIRouter) -> None:
    pace, pictures = Pace(), Pace(PICTURES_A_MINUTE)

    @routes.get("/shared/{token}")
    async def read_shared(token: str, request: Request, response: Response) -> SharedConversationOut:
        """What a link leads to, for anybody who has it. Members of its workspace only, where it has one."""
        pace.count(visitor_of(request).address)
        response.headers["x-robots-tag"] = "noindex, nofollow"
        share, snapshot = await _house(request).sharing.read(await _reader(request), token)
        return SharedConversationOut(
            title=share.title,
            author=share.author,
            workspace=share.workspace_id is not None,
            updated_at=share.updated_at,
            expires_at=share.expires_at,
            messages=[SharedMessageOut.model_validate(message) for message in snapshot],
        )

    @routes.get("/shared/{token}/pictures/{number}", response_class=Response)
    async def read_shared_picture(token: str, number: int, request: Request) -> Response:
        """A picture of what a link leads to, for whoever the link is for, and for as long."""
        pictures.count(visitor_of(request).address)
        house = _house(request)
        file = await house.sharing.picture(await _reader(request), token, number)
        # An ended link shows nothing any more, whatever a browser has kept.
        headers = {**GUARDED, "cache-control": "no-store", "x-robots-tag": "noindex, nofollow"}
        return await served(file, house.files.content(file), shown=True, headers=headers)

    @routes.post("/shared/{token}/continue", status_code=status.HTTP_201_CREATED)
    async def continue_shared(token: str, caller: SignedInCaller, request: Request) -> ConversationOut:
        """Copy it into one's own conversations, to go on with it."""
        pace.count(visitor_of(request).address)
        conversation = await _house(request).sharing.continue_chat(caller, token)
        return ConversationOut.model_validate(conversation)


async def _reader(request: Request) -> Caller | None:
    """Who is signed in, if anybody."""
    session = session_token(request)
    return None if session is None else await _house(request).accounts.session_caller(session)
