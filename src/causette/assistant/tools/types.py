"""What a tool is, what it is given and what it gives back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from causette.accounts.types import Caller
from causette.assistant.knowledge.types import Source


class ToolFailed(Exception):
    """A tool could not do what was asked. The message is for the model, which may try otherwise, and its reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """For whom and where a tool runs."""

    caller: Caller
    conversation_id: str
    generation_id: str
    step_id: str
    #: The number under which the first passage of a file is to be cited that this run finds.
    first_source: int = 1


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the web that a result came from."""

    url: str
    title: str


class ToolResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a tool found.

    Args:
        text: all of it, for the model.
        summary: one line of it, for the reader.
        links: where it came from.
        sources: the passages of files that are in ``text``.
        cost_nano: what the run itself cost, in nano-dollars: a search that its provider charges for.
    """

    text: str
    summary: str
    links: tuple[Link, ...] = ()
    sources: tuple[Source, ...] = ()
    cost_nano: int = 0


class Tool(Protocol):
    """Something that a model may ask for.

    ``name`` is the model's word for it (letters, digits, ``_`` and ``-``), ``parameters`` the JSON Schema of its
    arguments. One that is not ``read_only`` changes something somewhere, and runs when the reader has said yes.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def parameters(self) -> dict[str, object]: ...
    @property
    def read_only(self) -> bool: ...

    async def run(self, context: ToolContext, arguments: dict[str, object]) -> ToolResult:
        """Do it.

        Raises:
            ToolFailed: it could not be done, for a reason that the model can understand.
        """
        ...


#: A room that has tools for some callers.
Provider = Callable[[Caller], Awaitable[Sequence[Tool]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a reply's tools go.

    Args:
        rounds: how often the model may ask for tools.
        calls: how many it may ask for at once.
        seconds: how long all of them together may run.
        call_seconds: how long one of them may run.
        nano: what the reply may cost, in nano-dollars, until the model has to answer with what it has.
        characters: how much of a result the model sees.
    """

    rounds: int = 8
    calls: int = 8
    seconds: float = 180.0
    call_seconds: float = 30.0
    nano: int = 500_000_000
    characters: int = 24_000
