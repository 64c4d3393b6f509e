"""Plain data of the assistant: conversations, the messages that are their trees, and generations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

#: A writer that has not shown life for this long is dead or lost.
SILENT_FOR: Final = timedelta(seconds=10)

Role = Literal["user", "assistant"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A reply being written, or written: a durable record with an append-only log of events."""

    id: str
    owner_id: str
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


class EventType(StrEnum):
    """What an event of a generation's log says. The log begins with an empty text and closes with ``end``."""

    DELTA = "delta"
    FINISHED = "finished"
    TITLE = "title"
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
    compute_ns: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """What asking for a reply made: the new messages, and the generation that writes the last of them."""

    conversation: Conversation
    messages: tuple[Message, ...]
    generation: Generation
