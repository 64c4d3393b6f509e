"""Plain data of shared conversations."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from causette.assistant.files.types import FileKind
from causette.assistant.knowledge.types import Place
from causette.assistant.types import Role

#: Whom the house lets its people share with: everybody who has the link, members of a workspace only, or nobody.
SharingMode = Literal["on", "workspace", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A link to a snapshot of one branch of a conversation."""

    id: str
    owner_id: str
    conversation_id: str
    title: str
    #: Who is not in this workspace does not find it; None for everybody who has the link.
    workspace_id: str | None
    #: Whether thinking and tools' runs are in it.
    with_steps: bool
    #: The owner's name as it is told to readers; None where it is not.
    author: str | None
    #: The link's secret for its owner's eyes, and the key that it was sealed with.
    sealed_token: bytes
    key_id: str
    created_at: datetime
    #: When the snapshot was taken.
    updated_at: datetime
    expires_at: datetime | None


class SharedSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A passage that a reply cites, with its words. Which file of its owner's has it is not in the snapshot."""

    n: int
    title: str
    headings: tuple[str, ...] = ()
    place: Place | None = None
    #: None where the document was gone when the snapshot was taken, or is another person's.
    text: str | None = None


class SharedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a message has. Readers know it by ``number``, which counts a snapshot's files from 1."""

    number: int
    file_id: str
    name: str
    kind: FileKind
    #: Bytes.
    size: int
    #: Of a picture, in pixels, where they are known.
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedMessage:
    """One message of a snapshot."""

    role: Role
    content: str
    model: str | None
    parts: list[dict[str, object]] | None
    created_at: datetime
    sources: tuple[SharedSource, ...]
    attachments: tuple[SharedFile, ...]
    #: The name of the custom assistant that a reply is by, or that a message is said to.
    assistant: str | None = None
    #: Which one that is. Readers are not told; whoever may use it themselves keeps it when they go on.
    assistant_id: str | None = None
