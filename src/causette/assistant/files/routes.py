"""``/api/files``."""

from datetime import datetime
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect

from causette.accounts.authentication import SignedInCaller
from causette.assistant.files.service import FileChanges, Files
from causette.assistant.files.serving import GUARDED, served
from causette.assistant.files.types import FileKind, FileStatus
from causette.http.disconnect import ClientLeft

_Holder = Annotated[str | None, Query(max_length=64, description="The id of one that is one's own")]
_UPLOAD: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def files(self) -> Files: ...


def _files(request: Request) -> Files:
    house: House = request.app.state.house
    return house.files


class FileOut(BaseModel):
    """Something that was uploaded."""

    model_config = ConfigDict(from_attributes=True, title="File")

    id: str
    name: str
    media_type: Annotated[str, Field(description="As its bytes say")]
    kind: FileKind
    size: Annotated[int, Field(description="Bytes")]
    width: Annotated[int | None, Field(description="Of a picture, in pixels")]
    height: int | None
    status: Annotated[FileStatus, Field(description="How far its reading is")]
    error_code: str | None
    error_message: str | None
    characters: Annotated[int, Field(description="Of text that was read")]
    project_id: Annotated[str | None, Field(description="The project that it is knowledge of")]
    assistant_id: Annotated[str | None, Field(description="The custom assistant that it is knowledge of")]
    created_at: datetime


class FileUse(BaseModel):
    """A conversation whose messages have a file."""

    conversation_id: str
    title: str


class ListedFile(FileOut):
    """A file, with where it is used."""

    model_config = ConfigDict(from_attributes=True)

    uses: list[FileUse]


class FileList(BaseModel):
    """One's files, the newest first; ``next`` is what to send as ``before`` for those after them."""

    items: list[ListedFile]
    next: str | None
    taken: Annotated[int, Field(description="Bytes that all of one's files have together")]
    together: Annotated[int, Field(description="Bytes that they may have")]
    largest: Annotated[int, Field(description="Bytes that one file may have")]


class FilePatch(BaseModel):
    """What to change of a file; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=1024)] = ""
    project_id: Annotated[str | None, Field(max_length=64, description="Null for no project")] = None
    assistant_id: Annotated[str | None, Field(max_length=64, description="Null for no assistant")] = None

    def changes(self) -> FileChanges:
        """What was sent."""
        return FileChanges(**self.model_dump(exclude_unset=True))


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/files", tags=["files"])

    @routes.get("")
    async def list_files(
        caller: SignedInCaller,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[str | None, Query(max_length=64)] = None,
        project: _Holder = None,
        assistant: _Holder = None,
    ) -> FileList:
        """One's files, the newest first, with the conversations that they are in; or what a project of one's or an
        assistant of one's holds."""
        files = _files(request)
        found = await files.page(
            caller, limit=limit + 1, before=before, project_id=project, assistant_id=assistant
        )
        page = found[:limit]
        uses = await files.uses(page)
        items = [
            ListedFile(
                **FileOut.model_validate(file).model_dump(),
                uses=[FileUse(conversation_id=each, title=title) for each, title in uses.get(file.id, ())],
            )
            for file in page
        ]
        return FileList(
            items=items,
            next=page[-1].id if len(found) > limit else None,
            taken=await files.taken(caller),
            together=files.together,
            largest=files.largest,
        )

    @routes.post("", status_code=status.HTTP_201_CREATED, openapi_extra=_UPLOAD)
    async def upload_file(
        caller: SignedInCaller,
        request: Request,
        name: Annotated[str, Query(min_length=1, max_length=1024)],
        project: _Holder = None,
        assistant: _Holder = None,
    ) -> FileOut:
        """Upload a file: its bytes are the body, as they are. What it is, its bytes say. It becomes knowledge of the
        project or the assistant of one's that is named."""
        try:
            file = await _files(request).upload(
                caller, request.stream(), name=name, project_id=project, assistant_id=assistant
            )
        except ClientDisconnect:
            raise ClientLeft from None
        return FileOut.model_validate(file)

    @routes.get("/{file_id}")
    async def read_file(file_id: str, caller: SignedInCaller, request: Request) -> FileOut:
        """One file, and how far its reading is."""
        return FileOut.model_validate(await _files(request).find(caller, file_id))

    @routes.patch("/{file_id}")
    async def change_file(file_id: str, body: FilePatch, caller: SignedInCaller, request: Request) -> FileOut:
        """Rename it, or make it knowledge of a project or an assistant of one's."""
        return FileOut.model_validate(await _files(request).change(caller, file_id, **body.changes()))

    @routes.delete("/{file_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_file(file_id: str, caller: SignedInCaller, request: Request) -> None:
        """Delete it. Messages that have it say that it was deleted."""
        await _files(request).delete(caller, file_id)

    @routes.post("/{file_id}/retry", status_code=status.HTTP_202_ACCEPTED)
    async def read_file_again(file_id: str, caller: SignedInCaller, request: Request) -> FileOut:
        """Read once more what could not be read."""
        return FileOut.model_validate(await _files(request).read_again(caller, file_id))

    @routes.get("/{file_id}/content", response_class=Response)
    async def file_content(
        file_id: str, caller: SignedInCaller, request: Request, download: bool = False
    ) -> Response:
        """Its bytes. Pictures are shown by browsers, all else is saved."""
        files = _files(request)
        file = await files.find(caller, file_id)
        return await served(file, files.content(file), shown=not download)

    @routes.get("/{file_id}/thumbnail", response_class=Response)
    async def file_thumbnail(file_id: str, caller: SignedInCaller, request: Request) -> Response:
        """A small picture of a picture; while there is none, the picture."""
        files = _files(request)
        file = await files.find(caller, file_id)
        if file.kind == "image" and file.thumbnail_sha256 is None:
            headers = {**GUARDED, "cache-control": "no-store"}
            return await served(file, files.content(file), shown=True, headers=headers)
        return Response(await files.thumbnail(file), media_type="image/webp", headers=GUARDED)

    return routes
