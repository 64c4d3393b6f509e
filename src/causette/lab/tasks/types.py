"""What a task is."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any, Final, Literal, Protocol, runtime_checkable

from causette.lab.types import Events, Message

#: What is trained on, and what is not.
Split = Literal["train", "held_out"]
# Of so many problems, one is held out.
_HELD_OUT: Final = 5


def split_of(question: str) -> Split:
    """Which split a question belongs to: it is in no other, whoever asks it."""
    digest = blake2s(question.encode(), digest_size=8).digest()
    return "train" if int.from_bytes(digest) % _HELD_OUT else "held_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to be answered."""

    id: str
    prompt: tuple[Message, ...]
    #: A reply that is right, to learn from; None where the task knows none.
    solution: str | None
    #: What the task judges by.
    key: Any


class Task(Protocol):
    """Problems, and a judge of replies."""

    @property
    def name(self) -> str:
        """What it is called in recipes and reports."""
        ...

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """Problems without an end, or all that there are; the same for the same seed.

        No problem of one split is in the other, whatever the seeds.
        """
        ...

    def score(self, problem: Problem, reply: str) -> float:
        """From 0 (wrong) to 1 (right)."""
        ...


@runtime_checkable
class Fetched(Protocol):
    """A task whose problems come from elsewhere."""

    def fetch(self, events: Events) -> None:
        """See that they are here.

        Raises:
            PullFailed: they cannot be had.
        """
        ...
