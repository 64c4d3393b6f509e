"""Plain data of the search: what can be asked, and what is found."""

from dataclasses import dataclass
from datetime import datetime

from causette.assistant.types import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a result must be, besides having the words. Titles are no one's message, so a role leaves them out."""

    since: datetime | None = None
    until: datetime | None = None
    role: Role | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text, and whether it is what was looked for."""

    text: str
    mark: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """The message of a conversation that answers best."""

    id: str
    role: Role
    model: str | None
    created_at: datetime
    snippet: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A conversation in which something was found. Without a hit, it is its title that has the words."""

    conversation_id: str
    title: tuple[Segment, ...]
    updated_at: datetime
    hit: Hit | None
    #: How many of its messages have the words, as far as they were looked at.
    matches: int


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Some results, the best first, and the cursor that continues after them; None at the end."""

    items: tuple[Found, ...]
    next: str | None
    #: Older messages that are still to be brought into the index.
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One indexed text that has the words: a message, or without one a conversation's title."""

    place: int
    conversation_id: str
    title: str
    updated_at: datetime
    message_id: str | None
    role: Role | None
    model: str | None
    created_at: datetime
    #: The beginning of the text.
    text: str
