"""``causette lab reinforce``: a model learns from rewards that a program gives: see `causette.lab.reinforcing`."""

from copy import deepcopy
from itertools import islice
from typing import Annotated

from msgspec import Meta, field

from causette.errors import ConfigurationError
from causette.lab.adapters import AdapterConfig
from causette.lab.evaluating import distinct
from causette.lab.generating import ModelReplies
from causette.lab.recipes import Config
from causette.lab.reinforcing import GroupConfig, Writing, objective
from causette.lab.replies import Sampling
from causette.lab.stages.training import begin, carry_out
from causette.lab.stages.workbench import Workbench
from causette.lab.tasks import find_task, scores
from causette.lab.training.config import TrainingConfig
from causette.lab.types import Artifact, Events


class StageConfig(Config, frozen=True):
    """Which model tries what; ``training.batch`` counts replies."""

    task: str
    training: TrainingConfig
    model: str = "default"
    #: Learn low-rank adapters and leave the weights; without it all weights learn.
    adapter: AdapterConfig | None = field(default=None)
    group: GroupConfig = field(default_factory=GroupConfig)
    #: Held-out problems that are tried at each measurement; 0 for none.
    held_out: Annotated[int, Meta(ge=0)] = 100


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Have it try, and measure its score on held-out problems."""
    if config.training.accumulate != 1:
        raise ConfigurationError(
            "A step learns from group.problems × group.replies replies: set those, and leave out accumulate.",
            param="training.accumulate",
        )
    task = find_task(config.task)
    base = begin(config.model, workbench)
    training, group = config.training, config.group
    stream = Writing(
        base.model,
        base.tokenizer,
        task,
        group,
        batch=training.batch,
        seed=training.seed,
        reference=deepcopy(base.model).eval() if group.beta else None,
    )
    problems = list(islice(distinct(task.problems("held_out", training.seed)), config.held_out))
    replies = ModelReplies(
        model=base.model, tokenizer=base.tokenizer, batch=max(training.batch, group.replies)
    )

    def measure() -> dict[str, float]:
        written = replies([problem.prompt for problem in problems], Sampling(tokens=group.tokens))
        found = [score for _, _, score in scores(task, zip(problems, written, strict=True))]
        return {"score": sum(found) / len(found)}

    return carry_out(
        base,
        objective(group),
        stream,
        training,
        events,
        workbench,
        began_as=config.model,
        adapter=config.adapter,
        measure=measure if problems else None,
    )
