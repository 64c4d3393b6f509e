"""Making, changing and deleting projects, and what they tell a model."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final, TypedDict, Unpack

from causette.accounts.names import checked_name
from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.assistant.emoji import checked_emoji
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.projects.store import ProjectStore
from causette.assistant.projects.types import Colour, Project
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound
from causette.ids import new_id

_MOST_PROJECTS: Final = 500
_LONGEST_INSTRUCTIONS: Final = 8_000


class ProjectChanges(TypedDict, total=False):
    """What may change of a project. ``emoji`` None makes it a plain folder."""

    name: str
    emoji: str | None
    colour: Colour
    instructions: str
    remembers: bool


class Projects:
    """Projects, kept in ``database``."""

    def __init__(self, database: Database) -> None:
        self._store = ProjectStore(database)

    async def list(self, caller: Caller) -> list[Project]:
        """The caller's projects, in the order in which they were made."""
        return await self._store.projects(caller.user.id)

    async def find(self, caller: Caller, project_id: str) -> Project:
        """One of the caller's projects.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        return await owned(caller, project_id, self._store.project, what="project")

    async def create(
        self,
        caller: Caller,
        *,
        name: str,
        emoji: str | None = None,
        colour: Colour = "terracotta",
        instructions: str = "",
        remembers: bool = True,
    ) -> Project:
        """Make a project.

        Raises:
            InvalidRequest: the name, the emoji or the instructions are refused.
            Conflict: the caller has as many as one may have (``too_many_projects``).
        """
        now = utc_now()
        project = Project(
            id=new_id("proj"),
            owner_id=caller.user.id,
            name=checked_name(name),
            emoji=checked_emoji(emoji),
            colour=colour,
            instructions=_checked_instructions(instructions),
            remembers=remembers,
            created_at=now,
            updated_at=now,
        )
        if not await self._store.add(project, most=_MOST_PROJECTS):
            raise Conflict(
                f"You have {_MOST_PROJECTS} projects, and more are not kept. Delete one first.",
                code="too_many_projects",
            )
        return project

    async def change(self, caller: Caller, project_id: str, **changes: Unpack[ProjectChanges]) -> Project:
        """Change what is named; what is left out stays.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
            InvalidRequest: the name, the emoji or the instructions are refused.
        """
        project = await self.find(caller, project_id)
        row: dict[str, object] = dict(changes)
        if "name" in changes:
            row["name"] = checked_name(changes["name"])
        if "emoji" in changes:
            row["emoji"] = checked_emoji(changes["emoji"])
        if "instructions" in changes:
            row["instructions"] = _checked_instructions(changes["instructions"])
        if not row:
            return project
        changed = await self._store.change(project.id, row | {"updated_at": utc_now()})
        if changed is None:
            raise NotFound("This project has been deleted.")
        return changed

    async def delete(self, caller: Caller, project_id: str, *, with_conversations: bool) -> None:
        """Delete a project; its conversations go with it, or stay and belong to none.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        project = await self.find(caller, project_id)
        await self._store.delete(project.id, with_conversations=with_conversations)

    async def preface(self, asking: Asking) -> Sequence[Piece]:
        """What the project of a conversation tells a model before it."""
        instructions = await self._store.instructions_for(asking.conversation_id)
        return (Piece("project", instructions),) if instructions else ()

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """The caller's projects, under the key ``projects``: for an export."""
        return {"projects": [asdict(project) for project in await self.list(caller)]}


def _checked_instructions(instructions: str) -> str:
    instructions = instructions.replace("\0", "").strip()
    if len(instructions) > _LONGEST_INSTRUCTIONS:
        raise InvalidRequest(
            f"The instructions have {len(instructions):,} characters; at most {_LONGEST_INSTRUCTIONS:,} are taken. "
            "Shorten them.",
            param="instructions",
        )
    return instructions
