"""What a reply consists of besides its text: what was thought, which tools ran, what it was given of files, how several
samples agreed.

Parts are folded out of the log, so a reply that is continued has them as they were. Each knows its place in the text:
how many characters (Unicode code points) come before it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

import msgspec

from causette.assistant.knowledge.types import Source
from causette.assistant.types import Event, EventType

#: Of the events that carry parts. Readers leave out parts of versions that they do not know.
VERSION: Final = 1


#: Nobody answered in time; the reader stopped the reply; the server ended in the middle of it; it took too long; there
#: is no such tool any more; the model gave it no proper arguments.
Reason = Literal["", "unanswered", "stopped", "interrupted", "timeout", "gone", "arguments"]


class StepStatus(StrEnum):
    """Where a tool's run is. ``asked`` waits for the reader's yes or no."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Nothing more happens to it."""
        return self in {StepStatus.REFUSED, StepStatus.DONE, StepStatus.FAILED}


class Thinking(msgspec.Struct, tag_field="type", tag="thinking", omit_defaults=True):
    """What the model thought before the text that follows; ``seconds`` is None while it still does."""

    at: int
    began_at: datetime
    text: str = ""
    seconds: float | None = None


class Step(msgspec.Struct, tag_field="type", tag="tool", omit_defaults=True):
    """One run of a tool. The result in full is kept apart, under the step's id."""

    id: str
    at: int
    #: Steps of one round were asked for together.
    round: int
    name: str
    title: str
    arguments: dict[str, object]
    status: StepStatus
    began_at: datetime
    read_only: bool = True
    summary: str = ""
    seconds: float | None = None
    cost_nano: int = 0
    #: Why it was refused or failed, where the tool itself does not say.
    reason: Reason = ""
    #: Whether there is a result to fetch.
    result: bool = False


class Vote(msgspec.Struct, tag_field="type", tag="vote", omit_defaults=True):
    """Several answers were written and the commonest was taken; ``agree`` of them said so."""

    at: int
    samples: int
    agree: int = 0


class Sources(msgspec.Struct, tag_field="type", tag="sources", omit_defaults=True):
    """Passages of files that the model was given, under the numbers that it cites them by."""

    at: int
    items: list[Source]


Part = Thinking | Step | Vote | Sources


class _Thought(msgspec.Struct):
    v: int
    text: str = ""
    began_at: datetime | None = None
    seconds: float | None = None


class _Change(msgspec.Struct):
    """A step's event: all of it at first, later what is new. UNSET is what stays."""

    v: int
    id: str
    round: int = 0
    name: str = ""
    title: str = ""
    arguments: dict[str, object] | msgspec.UnsetType = msgspec.UNSET
    status: StepStatus | msgspec.UnsetType = msgspec.UNSET
    began_at: datetime | msgspec.UnsetType = msgspec.UNSET
    read_only: bool | msgspec.UnsetType = msgspec.UNSET
    summary: str | msgspec.UnsetType = msgspec.UNSET
    seconds: float | msgspec.UnsetType = msgspec.UNSET
    cost_nano: int | msgspec.UnsetType = msgspec.UNSET
    reason: Reason | msgspec.UnsetType = msgspec.UNSET
    result: bool | msgspec.UnsetType = msgspec.UNSET


class _Vote(msgspec.Struct):
    v: int
    samples: int
    agree: int = 0


class _Sources(msgspec.Struct):
    v: int
    items: list[Source]


class _Text(msgspec.Struct):
    text: str


_read_text: Final = msgspec.json.Decoder(_Text).decode
_read_thought: Final = msgspec.json.Decoder(_Thought).decode
_read_change: Final = msgspec.json.Decoder(_Change).decode
_read_vote: Final = msgspec.json.Decoder(_Vote).decode
_read_sources: Final = msgspec.json.Decoder(_Sources).decode
_FIXED: Final = frozenset({"v", "id", "round", "name", "title"})


class Story:
    """A reply as far as its log tells it."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.parts: list[Part] = []
        self.length = 0
        self._pieces: list[str] = []
        for event in events:
            self.add(event)

    @property
    def text(self) -> str:
        """The text, of all rounds."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def steps(self) -> list[Step]:
        """The tools' runs, in order."""
        return [part for part in self.parts if isinstance(part, Step)]

    @property
    def sources(self) -> list[Source]:
        """The passages of files that the model was given, in the order of their numbers."""
        return [source for part in self.parts if isinstance(part, Sources) for source in part.items]

    @property
    def last_source(self) -> int:
        """The highest of their numbers; 0 without any."""
        return max((source.n for source in self.sources), default=0)

    @property
    def thinking(self) -> Thinking | None:
        """The thinking that is not over."""
        last = self.parts[-1] if self.parts else None
        return last if isinstance(last, Thinking) and last.seconds is None else None

    def step(self, step_id: str) -> Step | None:
        """One of them."""
        return next((step for step in self.steps if step.id == step_id), None)

    def add(self, event: Event) -> None:
        """Take an event in. Those of no part, and of unknown versions, change nothing."""
        match event.type:
            case EventType.DELTA:
                self.say(_read_text(event.data).text)
            case EventType.THINKING:
                if (thought := _read_thought(event.data)).v == VERSION:
                    self._think(thought)
            case EventType.STEP:
                if (change := _read_change(event.data)).v == VERSION:
                    self._change(change)
            case EventType.VOTE:
                if (vote := _read_vote(event.data)).v == VERSION:
                    self._vote(vote)
            case EventType.SOURCES:
                if (given := _read_sources(event.data)).v == VERSION:
                    self.parts.append(Sources(self.length, given.items))
            case _:
                pass

    def say(self, text: str) -> None:
        """Take more of the answer in, as a delta's event would."""
        self._pieces.append(text)
        self.length += len(text)

    def _think(self, thought: _Thought) -> None:
        part = self.thinking
        if part is None:
            if thought.began_at is None:
                return
            part = Thinking(self.length, thought.began_at)
            self.parts.append(part)
        part.text += thought.text
        part.seconds = thought.seconds

    def _change(self, change: _Change) -> None:
        step = self.step(change.id)
        if step is None:
            if isinstance(change.arguments, msgspec.UnsetType) or isinstance(
                change.began_at, msgspec.UnsetType
            ):
                return
            step = Step(
                id=change.id,
                at=self.length,
                round=change.round,
                name=change.name,
                title=change.title,
                arguments=change.arguments,
                status=StepStatus.RUNNING,
                began_at=change.began_at,
            )
            self.parts.append(step)
        for field in _Change.__struct_fields__:
            value = getattr(change, field)
            if field not in _FIXED and value is not msgspec.UNSET:
                setattr(step, field, value)

    def _vote(self, vote: _Vote) -> None:
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Vote):
            last.samples, last.agree = vote.samples, vote.agree
        else:
            self.parts.append(Vote(self.length, vote.samples, vote.agree))


def stored(parts: Sequence[Part]) -> list[dict[str, object]] | None:
    """The parts as a message keeps them; None for none."""
    return msgspec.to_builtins(parts) if parts else None
