"""The procedural tasks of ``reasoning-gym`` (arXiv 2505.24760), with its own verifiers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from causette.errors import ConfigurationError
from causette.lab.tasks.types import Problem, Split, split_of
from causette.lab.types import Message

# The problems of a seed, so many that numpy, which some datasets draw with and whose seeds have 32 bits, can do
# thousands of ours; and the problems that are made at once.
_OF_A_SEED: Final = 1 << 20
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """One of its datasets, with its settings."""

    dataset: str
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """``reasoning:`` and the dataset."""
        return f"reasoning:{self.dataset}"

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """Its problems.

        Raises:
            ConfigurationError: there is no such dataset, or its settings are wrong.
        """
        for first in count(seed * _OF_A_SEED, _AT_ONCE):
            for number, entry in enumerate(self._made(first), first):
                if split_of(entry["question"]) == split:
                    yield Problem(
                        id=f"{self.dataset}-{number}",
                        prompt=(Message("user", entry["question"]),),
                        solution=None if entry["answer"] is None else str(entry["answer"]),
                        key=entry,
                    )

    def score(self, problem: Problem, reply: str) -> float:
        """What its verifier finds."""
        verifier = self._made(0)
        try:
            return float(verifier.score_answer(reply.strip(), problem.key))
        except Exception:  # some verifiers read a reply as what it should be, and raise whatever comes of it
            return 0.0

    def _made(self, seed: int) -> Any:
        # It brings a hundred generators, and takes a second to import.
        try:
            import reasoning_gym  # noqa: PLC0415
        except ModuleNotFoundError:
            raise ConfigurationError(
                f"The task {self.name} needs the package reasoning-gym: pip install 'causette[lab]'.",
                param="task",
            ) from None

        try:
            return reasoning_gym.create_dataset(self.dataset, seed=seed, size=_AT_ONCE, **self.settings)
        except (ValueError, TypeError, AssertionError) as error:
            raise ConfigurationError(
                f"The task {self.name} cannot be made: {error}.", param="task"
            ) from error
