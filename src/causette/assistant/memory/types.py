"""Plain data of memory."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: How a memory came to be: the person asked for it, it was noticed in what they said, or they wrote it in their list.
MemoryOrigin = Literal["asked", "noticed", "written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Something that is kept of a person."""

    id: str
    owner_id: str
    text: str
    origin: MemoryOrigin
    #: Where it was said; None where it was written in the list, or the conversation is deleted.
    conversation_id: str | None
    #: What that conversation is called.
    conversation_title: str | None
    #: The message in which it was said, while there is its conversation.
    message_id: str | None
    created_at: datetime
    updated_at: datetime
