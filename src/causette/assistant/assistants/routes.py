"""``/api/assistants``."""

from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.accounts.types import Caller
from causette.assistant.assistants.pictures import LARGEST
from causette.assistant.assistants.service import AssistantFields, CustomAssistants
from causette.assistant.assistants.types import AssistantScope, CustomAssistant, Sharing
from causette.assistant.projects.types import Colour
from causette.engines.types import Effort

# Longer ones are refused with the reason; these bounds only keep what is read small.
_Name = Annotated[str, Field(max_length=1024)]
_Emoji = Annotated[str | None, Field(max_length=64)]
_Text = Annotated[str, Field(max_length=100_000)]
_Starters = Annotated[list[_Text], Field(max_length=64)]
_Tools = Annotated[
    list[str], Field(max_length=64, description="Names of tools that its conversations begin with")
]
_Model = Annotated[str | None, Field(max_length=256, description="Null for the house's default")]
_Workspace = Annotated[str | None, Field(max_length=64, description="With the sharing `workspace`")]


# Another picture has another address. Nothing that is shown from here may do anything.
_PICTURE_HEADERS: Final = {
    "cache-control": "private, max-age=31536000, immutable",
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
}


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def custom_assistants(self) -> CustomAssistants: ...


def _assistants(request: Request) -> CustomAssistants:
    house: House = request.app.state.house
    return house.custom_assistants


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    def fields(self) -> AssistantFields:
        """What was sent."""
        return AssistantFields(**self.model_dump(exclude_unset=True))


class AssistantBody(_Body):
    """An assistant to make."""

    name: _Name
    description: _Text = ""
    emoji: _Emoji = None
    colour: Colour = "terracotta"
    instructions: _Text = ""
    starters: _Starters = []
    tools: _Tools = []
    model: _Model = None
    effort: Effort | None = None
    sharing: Sharing = "private"
    workspace_id: _Workspace = None


class AssistantPatch(AssistantBody):
    """What to change of an assistant; what is left out stays."""

    name: _Name = ""


class DuplicateAssistantBody(BaseModel):
    """What the copy is called; as the original when left out."""

    model_config = ConfigDict(extra="forbid")

    name: _Name | None = None


class FeaturedBody(BaseModel):
    """Whether the house recommends it."""

    model_config = ConfigDict(extra="forbid")

    featured: bool


class PictureBody(BaseModel):
    """The picture, or null for none."""

    model_config = ConfigDict(extra="forbid")

    content: Annotated[str | None, Field(max_length=LARGEST * 2, description="In base64")]


class AssistantSummaryOut(BaseModel):
    """An assistant as lists have it."""

    model_config = ConfigDict(title="AssistantSummary")

    id: str
    name: str
    description: str
    emoji: str | None
    colour: Colour
    picture_id: str | None
    mine: bool
    owner_name: str
    sharing: Sharing
    workspace_id: str | None
    featured: bool
    used_at: Annotated[datetime | None, Field(description="When one talked with it last")] = None

    @classmethod
    def of(
        cls, assistant: CustomAssistant, caller: Caller, used_at: datetime | None = None
    ) -> "AssistantSummaryOut":
        """The public form, for ``caller``."""
        return cls.model_validate(_seen(assistant, caller, cls) | {"used_at": used_at})


class CustomAssistantOut(AssistantSummaryOut):
    """An assistant with all that it is made of."""

    model_config = ConfigDict(title="CustomAssistant")

    instructions: str
    starters: list[str]
    tools: list[str]
    model: str | None
    effort: Literal["off", "low", "medium", "high"] | None
    version: int
    created_at: datetime
    updated_at: datetime


def _seen(assistant: CustomAssistant, caller: Caller, form: type[BaseModel]) -> dict[str, object]:
    fields: dict[str, object] = {
        name: getattr(assistant, name) for name in form.model_fields if name not in {"mine", "used_at"}
    }
    mine = assistant.owner_id == caller.user.id
    # Which workspace it is shared with is its owner's to know, and its members know it anyway.
    return fields | {"mine": mine, "workspace_id": assistant.workspace_id if mine else None}


class AssistantList(BaseModel):
    """Some assistants; ``next`` is what to send as ``before`` for those after them."""

    items: list[AssistantSummaryOut]
    next: str | None


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/assistants", tags=["assistants"])

    @routes.get("")
    async def list_assistants(
        caller: SignedInCaller,
        request: Request,
        scope: AssistantScope = "mine",
        q: Annotated[str, Query(max_length=100, description="Held by the name or the description")] = "",
        before: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
    ) -> AssistantList:
        """Assistants, the newest first: one's own, those of one's workspaces, those for everybody, or of these the
        recommended; `recent` are those that one has talked with, the latest first."""
        room = _assistants(request)
        page = await room.list(caller, scope=scope, containing=q, before=before, limit=limit)
        used = await room.used_at(caller)
        return AssistantList(
            items=[AssistantSummaryOut.of(item, caller, used.get(item.id)) for item in page.items],
            next=page.next,
        )

    @routes.post("", status_code=status.HTTP_201_CREATED)
    async def create_assistant(
        body: AssistantBody, caller: SignedInCaller, request: Request
    ) -> CustomAssistantOut:
        """Make an assistant."""
        made = await _assistants(request).create(caller, **body.fields())
        return _whole(made, caller)

    @routes.get("/{assistant_id}")
    async def get_assistant(
        assistant_id: str, caller: SignedInCaller, request: Request
    ) -> CustomAssistantOut:
        """One that is one's own, or shared with one. Who may use it reads all that it is made of."""
        return _whole(await _assistants(request).find(caller, assistant_id), caller)

    @routes.patch("/{assistant_id}")
    async def change_assistant(
        assistant_id: str, body: AssistantPatch, caller: SignedInCaller, request: Request
    ) -> CustomAssistantOut:
        """Change one's own. Replies that are begun from then on follow it."""
        changed = await _assistants(request).change(caller, assistant_id, **body.fields())
        return _whole(changed, caller)

    @routes.delete("/{assistant_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_assistant(assistant_id: str, caller: SignedInCaller, request: Request) -> None:
        """Delete one's own. Conversations begun with it stay, and go on without it."""
        await _assistants(request).delete(caller, assistant_id)

    @routes.post("/{assistant_id}/duplicate", status_code=status.HTTP_201_CREATED)
    async def duplicate_assistant(
        assistant_id: str, body: DuplicateAssistantBody, caller: SignedInCaller, request: Request
    ) -> CustomAssistantOut:
        """Make a copy that is one's own and shared with nobody."""
        return _whole(await _assistants(request).duplicate(caller, assistant_id, name=body.name), caller)

    @routes.get(
        "/{assistant_id}/picture",
        response_class=Response,
        responses={200: {"content": {kind: {} for kind in ("image/png", "image/jpeg", "image/webp")}}},
    )
    async def assistant_picture(assistant_id: str, caller: SignedInCaller, request: Request) -> Response:
        """The picture of one that one may use. Asked for with its `picture_id` in the query, it never changes."""
        found = await _assistants(request).picture(caller, assistant_id)
        return Response(found.data, media_type=found.media_type, headers=_PICTURE_HEADERS)

    @routes.put("/{assistant_id}/picture")
    async def set_assistant_picture(
        assistant_id: str, body: PictureBody, caller: SignedInCaller, request: Request
    ) -> CustomAssistantOut:
        """Give one's own a picture (PNG, JPEG or WebP of up to 256 kB), or take it away."""
        changed = await _assistants(request).set_picture(caller, assistant_id, body.content)
        return _whole(changed, caller)

    @routes.put("/{assistant_id}/featured")
    async def feature_assistant(
        assistant_id: str, body: FeaturedBody, caller: SignedInCaller, request: Request
    ) -> CustomAssistantOut:
        """Recommend one to everybody: for those who run the house."""
        changed = await _assistants(request).feature(caller, assistant_id, featured=body.featured)
        return _whole(changed, caller)

    return routes


def _whole(assistant: CustomAssistant, caller: Caller) -> CustomAssistantOut:
    return CustomAssistantOut.model_validate(_seen(assistant, caller, CustomAssistantOut))
