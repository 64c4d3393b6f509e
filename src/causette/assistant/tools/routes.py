"""``/api/tools``, and the steps of replies."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant.routes import GenerationOut
from causette.assistant.tools.service import Tools
from causette.assistant.tools.types import ToolResult


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def tools(self) -> Tools: ...


def _tools(request: Request) -> Tools:
    house: House = request.app.state.house
    return house.tools


class ToolOut(BaseModel):
    """A tool that conversations can use."""

    model_config = ConfigDict(title="Tool")

    name: str
    title: str
    description: str
    read_only: Annotated[bool, Field(description="Others run when their reader has said yes")]


class ToolList(BaseModel):
    """The tools that conversations can use."""

    items: list[ToolOut]
    most_samples: Annotated[int, Field(description="Answers that may be written for one, by a vote")]


class ApprovalBody(BaseModel):
    """Yes or no."""

    model_config = ConfigDict(extra="forbid")

    approved: bool


Browser = Annotated[
    str, Field(min_length=1, max_length=64, description="A name that the browser gave itself")
]


class ClaimBody(BaseModel):
    """Who takes a step."""

    model_config = ConfigDict(extra="forbid")

    browser: Browser


class DeliveryBody(BaseModel):
    """What came of a step that a browser has run."""

    model_config = ConfigDict(extra="forbid")

    browser: Browser
    text: Annotated[str, Field(max_length=64_000, description="What the model is told")]
    summary: Annotated[str, Field(max_length=300, description="A line of it, for the reader")]


class LinkOut(BaseModel):
    """A place in the web."""

    url: str
    title: str


class WorkingFileOut(BaseModel):
    """A file that code finds."""

    model_config = ConfigDict(from_attributes=True, title="WorkingFile")

    id: str
    name: Annotated[str, Field(description="Its name there, which no other one has")]
    size: Annotated[int, Field(description="Bytes")]


class WorkingFolderOut(BaseModel):
    """The files that code finds, the newest first, and the names of those that are too much to be there."""

    model_config = ConfigDict(from_attributes=True, title="WorkingFolder")

    files: list[WorkingFileOut]
    left: list[str]


class StepResult(BaseModel):
    """What a step found, in full."""

    text: str
    links: list[LinkOut]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["tools"])

    @routes.get("/tools")
    async def list_tools(caller: SignedInCaller, request: Request) -> ToolList:
        """The tools that one's conversations can use."""
        tools = _tools(request)
        return ToolList(
            items=[
                ToolOut(
                    name=tool.name,
                    title=tool.title,
                    description=tool.description,
                    read_only=tool.read_only,
                )
                for tool in await tools.of(caller)
            ],
            most_samples=tools.most_samples,
        )

    @routes.get("/messages/{message_id}/working-folder")
    async def working_folder(message_id: str, caller: SignedInCaller, request: Request) -> WorkingFolderOut:
        """The files that Python of this message finds: what is attached to it and to what leads to it."""
        return WorkingFolderOut.model_validate(await _tools(request).working_folder(caller, message_id))

    @routes.post("/generations/{generation_id}/approvals/{step_id}")
    async def answer_step(
        generation_id: str, step_id: str, body: ApprovalBody, caller: SignedInCaller, request: Request
    ) -> GenerationOut:
        """Say yes or no to a step that waits for it; the reply goes on."""
        generation = await _tools(request).answer(caller, generation_id, step_id, approved=body.approved)
        return GenerationOut.model_validate(generation)

    @routes.post("/generations/{generation_id}/steps/{step_id}/claim", status_code=204)
    async def claim_step(
        generation_id: str, step_id: str, body: ClaimBody, caller: SignedInCaller, request: Request
    ) -> None:
        """Take a step that waits for a browser: the first one has it."""
        await _tools(request).claim(caller, generation_id, step_id, body.browser)

    @routes.post("/generations/{generation_id}/steps/{step_id}/result", status_code=204)
    async def deliver_step(
        generation_id: str, step_id: str, body: DeliveryBody, caller: SignedInCaller, request: Request
    ) -> None:
        """Bring what came of a step that this browser has claimed; the reply goes on with it."""
        result = ToolResult(text=body.text, summary=body.summary)
        await _tools(request).deliver(caller, generation_id, step_id, body.browser, result)

    @routes.get("/generations/{generation_id}/steps/{step_id}")
    async def step_result(
        generation_id: str, step_id: str, caller: SignedInCaller, request: Request
    ) -> StepResult:
        """What a step found, in full."""
        found = await _tools(request).result(caller, generation_id, step_id)
        links = [LinkOut(url=link.url, title=link.title) for link in found.links]
        return StepResult(text=found.text, links=links)

    return routes
