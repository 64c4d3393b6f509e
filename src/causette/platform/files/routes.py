"""``/v1/files``."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from causette.accounts.authentication import FineTuningKey, KeyFirst
from causette.blobs import Received
from causette.errors import InvalidRequest
from causette.platform.files.form import fields_of
from causette.platform.files.service import ApiFiles, check_purpose
from causette.platform.files.types import ApiFile, Order, Purpose

_MOST_LISTED: Final = 10_000
_FORM: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "purpose"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string", "enum": ["fine-tune"]},
                    },
                }
            }
        },
    }
}


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def api_files(self) -> ApiFiles: ...


def _files(request: Request) -> ApiFiles:
    house: House = request.app.state.house
    return house.api_files


class FileObject(BaseModel):
    """A file, as OpenAI describes one."""

    model_config = ConfigDict(title="FileObject")

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: Annotated[int, Field(description="Unix seconds")]
    filename: str
    purpose: Purpose
    status: Annotated[
        Literal["processed"], Field(description="Always this: read by the job that uses it")
    ] = "processed"
    expires_at: None = None
    status_details: None = None

    @classmethod
    def of(cls, file: ApiFile) -> "FileObject":
        """A file as it is answered."""
        return cls(
            id=file.id,
            bytes=file.size,
            created_at=int(file.created_at.timestamp()),
            filename=file.name,
            purpose=file.purpose,
        )


class FileObjects(BaseModel):
    """Files; ``last_id`` is what to send as ``after`` for those that follow, where it ``has_more``."""

    object: Literal["list"] = "list"
    data: list[FileObject]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedFile(BaseModel):
    """That a file is no more."""

    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/files", tags=["platform"], route_class=KeyFirst)

    @routes.post("", openapi_extra=_FORM)
    async def create_api_file(caller: FineTuningKey, request: Request) -> FileObject:
        """Upload a file for fine-tuning: JSON lines, which are looked at by the job that uses them."""
        files = _files(request)
        received: Received | None = None
        name, purpose = "", ""
        async with AsyncExitStack() as stack:
            async for field in await stack.enter_async_context(aclosing(fields_of(request))):
                match field.name:
                    case "file" if received is None:
                        if field.file_name is None:
                            raise InvalidRequest("The field 'file' is no file.", param="file")
                        name = field.file_name
                        received = await stack.enter_async_context(files.receive(caller, field.portions()))
                    case "purpose":
                        check_purpose(purpose := await field.text())
                    case _:
                        raise InvalidRequest(
                            f"The parameter {field.name[:64]!r} is not known here, or was sent twice; leave it out.",
                            code="unknown_parameter",
                            param=field.name[:64],
                        )
            if received is None or not purpose:
                missing = "file" if received is None else "purpose"
                raise InvalidRequest(
                    f"The parameter {missing!r} is missing.", code="missing_required_parameter", param=missing
                )
            return FileObject.of(await files.keep(caller, received, name=name, purpose=purpose))

    @routes.get("")
    async def list_api_files(
        caller: FineTuningKey,
        request: Request,
        purpose: Annotated[str | None, Query(max_length=64)] = None,
        order: Order = "desc",
        after: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _MOST_LISTED,
    ) -> FileObjects:
        """One's files."""
        found = await _files(request).page(caller, purpose=purpose, order=order, after=after, limit=limit + 1)
        page = found[:limit]
        return FileObjects(
            data=[FileObject.of(file) for file in page],
            first_id=page[0].id if page else None,
            last_id=page[-1].id if page else None,
            has_more=len(found) > limit,
        )

    @routes.get("/{file_id}")
    async def get_api_file(file_id: str, caller: FineTuningKey, request: Request) -> FileObject:
        """One file."""
        return FileObject.of(await _files(request).find(caller, file_id))

    @routes.delete("/{file_id}")
    async def delete_api_file(file_id: str, caller: FineTuningKey, request: Request) -> DeletedFile:
        """Delete a file. What was learned from it stays."""
        return DeletedFile(id=(await _files(request).delete(caller, file_id)).id)

    @routes.get("/{file_id}/content", response_class=Response)
    async def get_api_file_content(file_id: str, caller: FineTuningKey, request: Request) -> Response:
        """A file's bytes."""
        files = _files(request)
        file = await files.find(caller, file_id)
        content = files.content(file)
        # What cannot be read is refused with a status, not inside an answer.
        first = await anext(content, b"")

        async def all_of_it() -> AsyncGenerator[bytes]:
            async with aclosing(content):
                yield first
                async for portion in content:
                    yield portion

        return StreamingResponse(
            all_of_it(), media_type="application/octet-stream", headers={"content-length": str(file.size)}
        )

    return routes
