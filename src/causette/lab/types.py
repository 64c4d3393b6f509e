"""The records that the lab trains on and evaluates with, and what a stage gives out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant", "tool"]
#: What an artifact is: each kind is a folder of its own layout.
ArtifactKind = Literal[
    "dataset", "conversations", "tokenizer", "model", "adapter", "evaluation", "export", "gate"
]
#: Finds where a model is by its name; None where it is not known.
Find = Callable[[str], Path | None]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A document, every token of which is learned: for pretraining."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Messages whose assistant's part is learned: for supervised fine-tuning."""

    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """A prompt with the answer that was preferred and one that was not: for DPO."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A prompt with an answer that somebody found good, or bad: for KTO."""

    prompt: tuple[Message, ...]
    completion: str
    label: bool


Record = Text | Conversation | Preference | Labelled


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids, and for each of them whether it is learned (True) or only read (False)."""

    ids: Sequence[int]
    learned: Sequence[bool]


class Events(Protocol):
    """Where a stage tells how far it is: the terminal, a file, the web app."""

    def progress(self, done: int, total: int | None, what: str) -> None:
        """``done`` of ``total`` of ``what`` (*steps*, *records*, *problems*) are done."""
        ...

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Figures after a step: ``loss``, ``learning_rate``, ``tokens_a_second`` and the like."""
        ...

    def note(self, text: str) -> None:
        """Something that a person should read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a stage has made: a folder, and what is known of it."""

    kind: ArtifactKind
    path: Path
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
