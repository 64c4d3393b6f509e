"""What screening says, and what can do it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Action = Literal["allow", "flag", "refuse"]
#: The rooms that people send text to: the API for programs, and conversations in the web app.
Surface = Literal["platform", "assistant"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done about a text: the strictest action of the categories it falls under.

    ``categories`` are those with that action, in the policy's order; empty when nothing was found. Never any text.
    """

    action: Action
    categories: tuple[str, ...] = ()


CLEAN = Verdict("allow")


class Screen(Protocol):
    """Judges what people send, before a model sees it."""

    async def screen(self, parts: Sequence[str], *, surface: Surface) -> Verdict:
        """The verdict on ``parts``, the texts of one request. Keeps and logs none of them."""
        ...
