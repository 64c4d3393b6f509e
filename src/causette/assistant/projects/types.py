"""Plain data of projects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: The names of the web app's tokens for them.
Colour = Literal["terracotta", "amber", "olive", "green", "teal", "blue", "violet", "rose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder for conversations, whose instructions every model that replies in them gets to read."""

    id: str
    owner_id: str
    name: str
    #: One character to know it by; None for a plain folder.
    emoji: str | None
    colour: Colour
    instructions: str
    #: Whether memory is read and written in its conversations.
    remembers: bool
    created_at: datetime
    updated_at: datetime
