"""``/api/imports``."""

from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Query, Request, status
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant.importing.records import ImportStatus
from causette.assistant.importing.service import Choice, Importing
from causette.assistant.importing.types import Source


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def importing(self) -> Importing: ...


def _importing(request: Request) -> Importing:
    house: House = request.app.state.house
    return house.importing


class ChoiceBody(BaseModel):
    """What to import of an archive."""

    model_config = ConfigDict(extra="forbid")

    conversations: bool = True
    projects: Annotated[bool, Field(description="With their documents")] = True
    files: Annotated[bool, Field(description="Pictures and other files")] = True
    memories: bool = True
    instructions: Annotated[bool, Field(description="In the place of one's own")] = False


class TroubleOut(BaseModel):
    """Something that cannot be imported."""

    model_config = ConfigDict(title="ImportTrouble")

    place: str
    reason: str


class ContentsOut(BaseModel):
    """What an archive has."""

    model_config = ConfigDict(from_attributes=True, title="ImportContents")

    source: Source
    account: Annotated[str | None, Field(description="Whose it was there")]
    conversations: int
    messages: int
    projects: int
    instructions: bool
    memories: int
    pictures: int
    files: Annotated[int, Field(description="Pictures aside")]
    troubles: Annotated[list[TroubleOut], Field(description="The first 200 of them")]
    trouble_count: int


class ReportOut(BaseModel):
    """What came of an import."""

    model_config = ConfigDict(from_attributes=True, title="ImportReport")

    added: Annotated[int, Field(description="Conversations that are new")]
    extended: Annotated[int, Field(description="Conversations that got messages")]
    unchanged: Annotated[int, Field(description="Conversations that were there already")]
    messages: int
    projects: int
    instructions: bool
    memories: int
    ratings: Annotated[int, Field(description="Of replies, kept without a consent to learn from them")]
    files: Annotated[int, Field(description="That are new here, pictures among them")]
    troubles: Annotated[
        list[TroubleOut],
        Field(description="What did not come along: the first 200 of it, and how much that is"),
    ]
    trouble_count: int


class ImportOut(BaseModel):
    """An archive that was brought."""

    model_config = ConfigDict(from_attributes=True, title="Import")

    id: str
    name: str
    size: int
    status: ImportStatus
    source: Source | None
    contents: ContentsOut | None
    report: ReportOut | None
    job_id: Annotated[str | None, Field(description="Says how far it is, under /api/jobs")]
    error: Annotated[str | None, Field(description="Why it failed")]
    created_at: datetime
    finished_at: datetime | None


class ImportList(BaseModel):
    """One's imports of the last seven days."""

    items: list[ImportOut]


_ARCHIVE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/imports", tags=["sharing"])

    @routes.get("")
    async def list_imports(caller: SignedInCaller, request: Request) -> ImportList:
        """One's imports, the newest first."""
        found = await _importing(request).list(caller)
        return ImportList(items=[ImportOut.model_validate(record) for record in found])

    @routes.post("", status_code=status.HTTP_201_CREATED, openapi_extra=_ARCHIVE)
    async def bring_archive(
        caller: SignedInCaller,
        request: Request,
        name: Annotated[str, Query(max_length=1024, description="What the file is called")] = "",
    ) -> ImportOut:
        """Bring an archive, its bytes being the body. What it has is found out at once; nothing is imported yet."""
        return ImportOut.model_validate(await _importing(request).receive(caller, name, request.stream()))

    @routes.get("/{import_id}")
    async def read_import(import_id: str, caller: SignedInCaller, request: Request) -> ImportOut:
        """What an archive has, and what came of it."""
        return ImportOut.model_validate(await _importing(request).find(caller, import_id))

    @routes.post("/{import_id}/start")
    async def start_import(
        import_id: str, body: ChoiceBody, caller: SignedInCaller, request: Request
    ) -> ImportOut:
        """Import what was chosen."""
        choice = Choice(**body.model_dump())
        return ImportOut.model_validate(await _importing(request).start(caller, import_id, choice))

    @routes.delete("/{import_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_import(import_id: str, caller: SignedInCaller, request: Request) -> None:
        """Forget an archive; what was imported of it stays."""
        await _importing(request).delete(caller, import_id)

    return routes
