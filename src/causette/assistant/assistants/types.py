"""Plain data of custom assistants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from causette.assistant.projects.types import Colour
from causette.engines.types import Effort

#: Who may use one besides its owner: nobody, the members of one workspace, everybody with an account here.
Sharing = Literal["private", "workspace", "everybody"]

#: Which assistants a list has: one's own; those of the workspaces that one is in; those for everybody; of these, what
#: the house recommends; those that one has talked with, the latest first; and all that one may use.
AssistantScope = Literal["mine", "workspaces", "everybody", "featured", "recent", "usable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A small picture, as it is served."""

    id: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomAssistant:
    """Who answers in conversations that are begun with it."""

    id: str
    owner_id: str
    #: What its owner is called, for those that it is shared with.
    owner_name: str
    name: str
    description: str
    #: One character to know it by, where there is no picture.
    emoji: str | None
    colour: Colour
    #: The small picture that it is known by, if there is one; another picture has another id.
    picture_id: str | None
    instructions: str
    #: What one may begin with.
    starters: tuple[str, ...]
    #: The tools that its conversations begin with. One that is not there any more is left out.
    tools: tuple[str, ...]
    #: The model that its conversations begin with; None for the house's default.
    model: str | None
    effort: Effort | None
    #: The workspace whose members may use it.
    workspace_id: str | None
    #: Whether everybody with an account here may use it.
    everybody: bool
    #: Since when the house recommends it.
    featured_at: datetime | None
    #: Counts what is told to models: a reply keeps to the one that it was begun under.
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def sharing(self) -> Sharing:
        """Who may use it besides its owner."""
        if self.everybody:
            return "everybody"
        return "private" if self.workspace_id is None else "workspace"

    @property
    def featured(self) -> bool:
        """Whether the house recommends it."""
        return self.everybody and self.featured_at is not None
