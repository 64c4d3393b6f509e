"""Reinforcement with rewards that a program gives: GRPO (arXiv 2402.03300) with DAPO's loss (arXiv 2503.14476).

Each step writes a group of replies to each of some problems and learns from how much better each is than its group.
Who writes is the model that learns, as it is, and every reply is learned from once: the ratio of probabilities is one,
and its bounds, which are for replies that are learned from again, have nothing to hold. There is no second copy of the
model, unless it is to stay near to where it began.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import torch
from msgspec import Meta
from torch import Tensor
from transformers import PreTrainedModel

from causette.lab.batches import Rows, rows_of
from causette.lab.chat import ChatTokenizer
from causette.lab.generating import generate
from causette.lab.losses import IGNORED, advantages, grpo, token_log_probabilities
from causette.lab.recipes import Config
from causette.lab.tasks import Problem, Task, scores
from causette.lab.training.config import Positive
from causette.lab.training.loop import Loss, Objective
from causette.lab.types import Encoded

# DAPO's bounds of the ratio.
_LOW: Final = 0.2
_HIGH: Final = 0.28


class GroupConfig(Config, frozen=True):
    """What is written in a step, and how it is weighed."""

    #: Problems of a step, and replies to each.
    problems: Positive = 4
    replies: Annotated[int, Meta(ge=2)] = 8
    #: Tokens of a reply at most.
    tokens: Positive = 64
    #: The weight of the divergence from the model that it began as; 0 keeps no copy of that.
    beta: Annotated[float, Meta(ge=0.0)] = 0.0
    #: Divide by the standard deviation of a group's rewards.
    scaled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollouts:
    """Replies to learn from, as rows, with how much better than its group each is."""

    rows: Rows
    advantages_B: Tensor
    #: Their tokens' log-probabilities by the model that it began as.
    reference_BT: Tensor | None
    #: The learned tokens that the step's loss is divided by, those that teach nothing included.
    weight: int
    #: Sums over replies, for the first of a step's parts.
    reward: float
    solved: float

    @property
    def tokens(self) -> int:
        return self.rows.tokens

    @property
    def length(self) -> int:
        return self.rows.length


@dataclass(frozen=True, slots=True)
class _Written:
    """One reply."""

    text: Encoded
    advantage: float
    reward: float


class Writing:
    """The stream of what the model writes and how it is rewarded.

    Groups whose replies are all as good teach nothing, and are not computed.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: ChatTokenizer,
        task: Task,
        config: GroupConfig,
        *,
        batch: int,
        seed: int,
        reference: PreTrainedModel | None = None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._task = task
        self._config = config
        self._batch = batch
        self._seed = seed
        self._reference = reference
        self._problems = self._fresh()
        self._taken = 0

    def __next__(self) -> Sequence[Rollouts]:
        problems = [next(self._problems) for _ in range(self._config.problems)]
        self._taken += len(problems)
        return list(self._parts(self._write(problems)))

    def state(self) -> dict[str, Any]:
        """How many problems were taken."""
        return {"taken": self._taken}

    def restore(self, state: dict[str, Any]) -> None:
        """Pass over the problems that were taken."""
        self._problems, self._taken = self._fresh(), state["taken"]
        for _ in range(self._taken):
            next(self._problems)

    def _fresh(self) -> Iterator[Problem]:
        return self._task.problems("train", self._seed)

    def _write(self, problems: Sequence[Problem]) -> list[_Written]:
        config, tokenizer = self._config, self._tokenizer
        prompts = [tokenizer.encode_prompt(problem.prompt) for problem in problems]
        written = generate(
            self._model,
            [prompt for prompt in prompts for _ in range(config.replies)],
            tokens=config.tokens,
            # As the model is: it learns about what it says by itself.
            temperature=1.0,
            end=tokenizer.end_id,
        )
        groups = [written[at : at + config.replies] for at in range(0, len(written), config.replies)]
        answered = (
            (problem, tokenizer.decode(reply))
            for problem, group in zip(problems, groups, strict=True)
            for reply in group
        )
        rewards = [score for _, _, score in scores(self._task, answered)]
        rewards_GS = torch.tensor(rewards).view(len(problems), config.replies)
        gains_GS = advantages(rewards_GS, scaled=config.scaled)
        return [
            _Written(
                Encoded([*prompt, *reply], [False] * len(prompt) + [True] * len(reply)),
                gains_GS[number, place].item(),
                rewards_GS[number, place].item(),
            )
            for number, (prompt, group) in enumerate(zip(prompts, groups, strict=True))
            for place, reply in enumerate(group)
        ]

    def _parts(self, written: list[_Written]) -> Iterator[Rollouts]:
        weight = sum(sum(each.text.learned) for each in written)
        reward = sum(each.reward for each in written) * weight / len(written)
        solved = sum(each.reward == 1 for each in written) * weight / len(written)
        teaching = written if self._reference else [each for each in written if each.advantage]
        # Rows of a like length, so that little is padding.
        teaching = sorted(teaching or written[:1], key=lambda each: len(each.text.ids))
        for start in range(0, len(teaching), self._batch):
            some = teaching[start : start + self._batch]
            rows = rows_of([each.text for each in some], pad=self._tokenizer.end_id).to(self._model.device)
            first = start == 0
            yield Rollouts(
                rows=rows,
                advantages_B=torch.tensor([each.advantage for each in some], device=self._model.device),
                reference_BT=None if self._reference is None else _of(self._reference, rows),
                weight=weight if first else 0,
                reward=reward if first else 0.0,
                solved=solved if first else 0.0,
            )


def objective(config: GroupConfig) -> Objective[Rollouts]:
    """GRPO's loss of some rollouts."""

    def loss(model: PreTrainedModel, batch: Rollouts) -> Loss:
        rows = batch.rows
        tokens_BT = token_log_probabilities(model, rows.ids_BT, rows.targets_BT)
        losses_BT, _ = grpo(
            tokens_BT,
            tokens_BT.detach(),
            batch.advantages_B,
            rows.targets_BT != IGNORED,
            low=_LOW,
            high=_HIGH,
            reference_BT=batch.reference_BT,
            beta=config.beta,
        )
        figures = {"reward": torch.tensor(batch.reward), "solved": torch.tensor(batch.solved)}
        return Loss(losses_BT.sum(), figures)

    return loss


def _of(model: PreTrainedModel, rows: Rows) -> Tensor:
    with torch.no_grad():
        return token_log_probabilities(model, rows.ids_BT, rows.targets_BT)
