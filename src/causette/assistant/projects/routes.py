"""``/api/projects``."""

from datetime import datetime
from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant.projects.service import ProjectChanges, Projects
from causette.assistant.projects.types import Colour

# Longer ones are refused with the reason; these bounds only keep what is read small.
_Name = Annotated[str, Field(max_length=1024)]
_Emoji = Annotated[str | None, Field(max_length=64)]
_Instructions = Annotated[str, Field(max_length=100_000)]
_Remembers = Annotated[bool, Field(description="Whether memory is read and written in its conversations")]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def projects(self) -> Projects: ...


def _projects(request: Request) -> Projects:
    house: House = request.app.state.house
    return house.projects


class ProjectBody(BaseModel):
    """A project to make."""

    model_config = ConfigDict(extra="forbid")

    name: _Name
    emoji: _Emoji = None
    colour: Colour = "terracotta"
    instructions: _Instructions = ""
    remembers: _Remembers = True


class ProjectPatch(BaseModel):
    """What to change of a project; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: _Name = ""
    emoji: _Emoji = None
    colour: Colour = "terracotta"
    instructions: _Instructions = ""
    remembers: _Remembers = True

    def changes(self) -> ProjectChanges:
        """What was sent."""
        sent = self.model_dump(exclude_unset=True)
        return ProjectChanges(**sent)


class ProjectOut(BaseModel):
    """A folder for conversations, with instructions for the models that reply in them."""

    model_config = ConfigDict(from_attributes=True, title="Project")

    id: str
    name: str
    emoji: str | None
    colour: Colour
    instructions: str
    remembers: _Remembers
    created_at: datetime
    updated_at: datetime


class ProjectList(BaseModel):
    """One's projects."""

    items: list[ProjectOut]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/projects", tags=["projects"])

    @routes.get("")
    async def list_projects(caller: SignedInCaller, request: Request) -> ProjectList:
        """One's projects, in the order in which they were made."""
        found = await _projects(request).list(caller)
        return ProjectList(items=[ProjectOut.model_validate(project) for project in found])

    @routes.post("", status_code=status.HTTP_201_CREATED)
    async def create_project(body: ProjectBody, caller: SignedInCaller, request: Request) -> ProjectOut:
        """Make a project."""
        made = await _projects(request).create(
            caller,
            name=body.name,
            emoji=body.emoji,
            colour=body.colour,
            instructions=body.instructions,
            remembers=body.remembers,
        )
        return ProjectOut.model_validate(made)

    @routes.patch("/{project_id}")
    async def change_project(
        project_id: str, body: ProjectPatch, caller: SignedInCaller, request: Request
    ) -> ProjectOut:
        """Change its name, its looks or its instructions."""
        changed = await _projects(request).change(caller, project_id, **body.changes())
        return ProjectOut.model_validate(changed)

    @routes.delete("/{project_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_project(
        project_id: str,
        caller: SignedInCaller,
        request: Request,
        conversations: Literal["keep", "delete"] = "keep",
    ) -> None:
        """Delete it. Its conversations stay, and belong to no project, or are deleted with it."""
        await _projects(request).delete(caller, project_id, with_conversations=conversations == "delete")

    return routes
