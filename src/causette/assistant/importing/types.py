"""What archives of other houses say, in our words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from causette.assistant.feedback.types import Rating
from causette.assistant.types import Role

Source = Literal["chatgpt", "claude", "open_webui", "causette"]
_MOST_TROUBLES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """A picture or another file. Its bytes are an entry of the archive, or in the document itself, or not there."""

    name: str
    entry: str | None = None
    content: bytes | None = None
    picture: bool = False

    @property
    def missing(self) -> bool:
        """Whether there are no bytes of it."""
        return self.entry is None and self.content is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRating:
    """What the person said of a reply."""

    rating: Rating
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMessage:
    """A node of a tree. Ids are the source's own, of any form."""

    id: str
    parent_id: str | None
    role: Role
    content: str
    created_at: datetime | None
    model: str | None = None
    parts: list[dict[str, object]] | None = None
    corrects_id: str | None = None
    files: list[ImportedFile] = field(default_factory=list[ImportedFile])
    rating: ImportedRating | None = None
    #: The custom assistant that it is by or said to, of this house.
    assistant_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedConversation:
    """A conversation; ``messages`` has parents before their children. ``place`` is where the archive has it."""

    id: str
    title: str
    created_at: datetime | None
    updated_at: datetime | None
    messages: list[ImportedMessage]
    current_id: str | None
    place: str
    pinned: bool = False
    archived: bool = False
    #: The name of the project that it is in.
    project: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedProject:
    """A project with its documents; conversations name it."""

    name: str
    place: str
    instructions: str = ""
    files: list[ImportedFile] = field(default_factory=list[ImportedFile])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedInstructions:
    """Custom instructions."""

    about: str
    answers: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMemory:
    """Something that is kept of the person."""

    text: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that cannot be imported: where it is, and why not."""

    place: str
    reason: str


Item = ImportedConversation | ImportedProject | ImportedInstructions | ImportedMemory | Trouble
Items = Iterator[Item]


class Export(Protocol):
    """An archive of one house's."""

    def account(self) -> str | None:
        """Whose it was there, if it says so."""
        ...

    def beside(self) -> Items:
        """What it has beside its conversations. It is asked for before them."""
        ...

    def conversation(self, raw: bytes, place: str) -> Items:
        """What one of its conversations says.

        Raises:
            msgspec.MsgspecError: it is malformed.
        """
        ...


@dataclass(slots=True, kw_only=True)
class Troubles:
    """What does not come along: the first ones, and how many there are."""

    troubles: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    trouble_count: int = 0

    def note(self, trouble: Trouble) -> None:
        """Take one more in."""
        self.trouble_count += 1
        if len(self.troubles) < _MOST_TROUBLES:
            self.troubles.append({"place": trouble.place[:300], "reason": trouble.reason[:300]})


@dataclass(slots=True, kw_only=True)
class Contents(Troubles):
    """What an archive has, counted."""

    source: Source
    #: Whose it was there, if it says so.
    account: str | None = None
    conversations: int = 0
    messages: int = 0
    projects: int = 0
    instructions: bool = False
    memories: int = 0
    #: Of messages and of projects, as far as the archive has them.
    pictures: int = 0
    files: int = 0
