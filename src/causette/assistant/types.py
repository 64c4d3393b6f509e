"""Plain data of the assistant: conversations, the messages that are their trees, and generations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, NamedTuple

import msgspec

from causette.engines.types import Effort

#: A writer that has not shown life for this long is dead or lost.
SILENT_FOR: Final = timedelta(seconds=10)
#: After which it is asked whether its process is certainly dead: longer than a living one is silent.
DOUBTED_AFTER: Final = timedelta(seconds=1.5)

#: How long a temporary conversation is kept after its last word, and after it was closed: a reload opens it again.
TEMPORARY_FOR: Final = timedelta(hours=24)
CLOSED_FOR: Final = timedelta(seconds=30)

Role = Literal["user", "assistant"]

#: Which conversations a list has: what is not put away; of those, what is neither pinned nor in a project; what is
#: pinned; what is put away; and every one, temporary ones as well.
Scope = Literal["all", "recent", "pinned", "archived", "everything"]


class Status(StrEnum):
    """Where a reply is in its life. A person's own message is always complete."""

    STREAMING = "streaming"
    COMPLETE = "complete"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A tree of messages under a title."""

    id: str
    owner_id: str
    title: str
    model: str
    #: The end of the branch being shown.
    current_message_id: str | None
    #: A reply that is being written now, if any.
    active_generation_id: str | None
    created_at: datetime
    updated_at: datetime
    #: The project that it is in, if any.
    project_id: str | None = None
    #: Since when it is kept at the head of the list.
    pinned_at: datetime | None = None
    #: Since when it is put away.
    archived_at: datetime | None = None
    #: When it is deleted by itself. Only a temporary conversation has one: it is in no list and in no memory.
    expires_at: datetime | None = None
    #: The `ReplyOptions` of its last reply, as they are stored.
    options: dict[str, object] | None = None
    #: The custom assistant that it was begun with, which may be gone since.
    assistant_id: str | None = None

    @property
    def pinned(self) -> bool:
        """Whether it is kept at the head of the list."""
        return self.pinned_at is not None

    @property
    def archived(self) -> bool:
        """Whether it is put away."""
        return self.archived_at is not None

    @property
    def temporary(self) -> bool:
        """Whether it is deleted by itself, and listed nowhere."""
        return self.expires_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A node of the tree. Siblings (the same parent) are versions of each other."""

    id: str
    #: The conversation's owner.
    owner_id: str
    conversation_id: str
    parent_id: str | None
    role: Role
    content: str
    model: str | None
    status: Status
    error_code: str | None
    error_message: str | None
    finish_reason: str | None
    generation_id: str | None
    created_at: datetime
    #: The reply that a person put this one in the place of.
    corrects_id: str | None = None
    #: The files that a person's message has, by reference, as they were when it was sent.
    attachments: list[dict[str, object]] | None = None
    #: A reply's thinking and steps, as `causette.assistant.generation.parts` stores them.
    parts: list[dict[str, object]] | None = None
    #: The custom assistant that a reply is by, or that a person's message is said to; and the version that replies.
    assistant_id: str | None = None
    assistant_version: int | None = None
    #: The release that wrote a reply; None where the model that the house began with did.
    release_id: str | None = None


#: The versions of messages, by the messages' ids: their siblings in the same role, themselves among them, oldest first.
Versions = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Messages of one branch in a row, oldest first."""

    messages: tuple[Message, ...]
    versions: Versions
    #: Whether anything comes before the first and after the last of them.
    earlier: bool
    later: bool
    #: The last message of the branch; None of a conversation without any.
    end: str | None


@dataclass(frozen=True, slots=True)
class Matches:
    """A message that has what was looked for, and how often."""

    message_id: str
    count: int


class ReplyOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a reply is to be made. A conversation remembers those of its last reply.

    Args:
        effort: how long to think, for models that do.
        tools: the names of the tools that may be used.
        samples: how many answers to write, of which the commonest is kept.
    """

    effort: Effort | None = None
    tools: tuple[str, ...] = ()
    samples: int = 1


AS_USUAL: Final = ReplyOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """The custom assistant that a reply is by, as it is now."""

    assistant_id: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """The custom assistant that one message is said to, and how it replies. The conversation keeps its own ways."""

    answering: Answering
    model: str
    options: ReplyOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A reply being written, or written: a durable record with an append-only log of events."""

    id: str
    owner_id: str
    #: The workspace that it is written and paid for in; None for the owner's own account.
    workspace_id: str | None
    conversation_id: str
    message_id: str
    model: str
    status: Status
    #: The process that writes it. Only that one may append to the log.
    writer_id: str
    last_seq: int
    stop_requested: bool
    heartbeat_at: datetime
    created_at: datetime
    options: ReplyOptions = AS_USUAL


class EventType(StrEnum):
    """What an event of a generation's log says. The log begins with an empty text and closes with ``end``."""

    QUEUED = "queued"
    DELTA = "delta"
    THINKING = "thinking"
    STEP = "step"
    VOTE = "vote"
    SOURCES = "sources"
    FINISHED = "finished"
    TITLE = "title"
    MEMORY = "memory"
    END = "end"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the log. ``seq`` counts from 1 without gaps; ``data`` is JSON text."""

    seq: int
    type: EventType
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a reply ended, with what it took."""

    status: Status
    finish_reason: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    compute_ns: int = 0
    #: The release that wrote it, or the end of it.
    release_id: str | None = None


class Begun(NamedTuple):
    """What a new reply consists of, or one that was begun ``before`` under the same name."""

    conversation: Conversation
    messages: list[Message]
    generation: Generation
    before: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What asking for a reply made: the new messages, and the generation that writes the last of them."""

    conversation: Conversation
    messages: tuple[Message, ...]
    generation: Generation
    versions: Versions
