"""What rooms do when a reply is whole, beside telling its conversation's title."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from causette.accounts.types import Caller
from causette.assistant.types import EventType, Generation, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A reply that is whole. ``branch`` leads to the message that it answers."""

    caller: Caller
    generation: Generation
    branch: Sequence[Message]


#: A room that does something then, and what it has to tell the reply's readers: an event's type and data. What it
#: raises is logged; the reply is whole already.
After = Callable[[Ended], Awaitable[tuple[EventType, dict[str, object]] | None]]
