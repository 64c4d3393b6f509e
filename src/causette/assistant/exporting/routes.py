"""``/api/conversations/{id}/export`` and ``/api/exports/everything``."""

from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

from fastapi import APIRouter, Query, Request, status
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.accounts.visitors import locale_of
from causette.assistant.exporting.everything import Everything
from causette.assistant.exporting.naming import attachment, file_stem
from causette.assistant.exporting.service import Exporting
from causette.jobs.routes import JobOut

_ARCHIVE: Final = "causette-export.zip"


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def exporting(self) -> Exporting: ...

    @property
    def everything(self) -> Everything: ...


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


class ArchiveOut(BaseModel):
    """An archive of everything, to be fetched."""

    model_config = ConfigDict(from_attributes=True, title="ExportArchive")

    size: Annotated[int, Field(description="Bytes")]
    made_at: datetime
    expires_at: Annotated[datetime, Field(description="When it is deleted")]


class EverythingOut(BaseModel):
    """How far an export of everything is."""

    model_config = ConfigDict(title="EverythingExport")

    job: Annotated[JobOut | None, Field(description="The one that was asked for last")]
    archive: Annotated[ArchiveOut | None, Field(description="What can be fetched now")]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["sharing"])

    @routes.get(
        "/conversations/{conversation_id}/export",
        response_class=StreamingResponse,
        responses={200: {"content": {"application/json": {}, "text/markdown": {}}}},
    )
    async def export_conversation(
        conversation_id: str,
        caller: SignedInCaller,
        request: Request,
        form: Annotated[
            Literal["json", "markdown"],
            Query(alias="format", description="The whole tree, or the branch that is shown"),
        ] = "json",
    ) -> StreamingResponse:
        """One conversation as a file."""
        exporting = _house(request).exporting
        if form == "json":
            conversation, pieces = await exporting.json(caller, conversation_id)
            media_type, ending = "application/json", "json"
        else:
            locale = caller.user.locale or locale_of(request)
            conversation, pieces = await exporting.markdown(caller, conversation_id, locale)
            media_type, ending = "text/markdown; charset=utf-8", "md"
        headers = {"content-disposition": attachment(f"{file_stem(conversation.title)}.{ending}")}
        return StreamingResponse(pieces, media_type=media_type, headers=headers)

    @routes.get("/exports/everything")
    async def read_export(caller: SignedInCaller, request: Request) -> EverythingOut:
        """Whether an archive of everything is being made, and whether there is one to fetch."""
        everything = _house(request).everything
        job, made = await everything.asked(caller), everything.made(caller)
        return EverythingOut(
            job=None if job is None else JobOut.model_validate(job),
            archive=None if made is None else ArchiveOut.model_validate(made),
        )

    @routes.post("/exports/everything", status_code=status.HTTP_202_ACCEPTED)
    async def ask_for_export(caller: SignedInCaller, request: Request) -> JobOut:
        """Have an archive of everything made. It can be fetched for seven days."""
        return JobOut.model_validate(await _house(request).everything.ask(caller))

    @routes.get(
        "/exports/everything/file",
        response_class=FileResponse,
        responses={200: {"content": {"application/zip": {}}}},
    )
    async def fetch_export(caller: SignedInCaller, request: Request) -> FileResponse:
        """The archive."""
        made = _house(request).everything.fetch(caller)
        return FileResponse(made.path, media_type="application/zip", filename=_ARCHIVE)

    return routes
