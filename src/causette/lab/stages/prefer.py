"""``causette lab prefer``: a model learns which answers people prefer: see `causette.lab.preferring`.

What the data has decides: pairs are learned from by DPO (arXiv 2305.18290), answers that were found good or bad by KTO
(arXiv 2402.01306).
"""

from typing import Annotated, Final

from msgspec import Meta, field

from causette.errors import ConfigurationError
from causette.lab.adapters import AdapterConfig
from causette.lab.preferring import Shuffled, accuracy, dpo_objective, examples, judge, kto_objective
from causette.lab.recipes import Config
from causette.lab.stages.training import begin, carry_out, check_data
from causette.lab.stages.workbench import Workbench
from causette.lab.training.config import Positive, Share, TrainingConfig
from causette.lab.training.loop import computed
from causette.lab.types import Artifact, Events

# KTO estimates by a batch how far the model has moved.
_FEWEST_ANSWERS: Final = 2


class StageConfig(Config, frozen=True):
    """Which model learns from what; ``training.batch`` counts pairs, or answers."""

    data: str
    training: TrainingConfig
    model: str = "default"
    #: Learn low-rank adapters and leave the weights; without it all weights learn.
    adapter: AdapterConfig | None = field(default=None)
    #: How near it stays to what it was: higher is nearer.
    beta: Annotated[float, Meta(gt=0.0)] = 0.1
    #: DPO: the share of pairs that may be the wrong way round.
    smoothing: Share = 0.0
    #: KTO: the weights of good and of bad answers.
    desirable: Annotated[float, Meta(gt=0.0)] = 1.0
    undesirable: Annotated[float, Meta(gt=0.0)] = 1.0
    #: Tokens of a prompt with its answer; longer ones are left out.
    length: Positive = 1024


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Teach it, and measure on held-out answers how often it is right about which is better."""
    base = begin(config.model, workbench)
    data, held_out = workbench.data(config.data)
    pairs = "preference" in data.manifest.kinds
    check_data(data, base.tokenizer, "preference" if pairs else "labelled")
    place, training = workbench.place, config.training
    if not pairs and training.batch < _FEWEST_ANSWERS:
        raise ConfigurationError(
            "KTO learns from how far a batch has moved: make it 2 at least.", param="training.batch"
        )
    pad = base.tokenizer.end_id
    learned = examples(data, config.length)
    if len(learned) < len(data):
        events.note(
            f"{len(data) - len(learned):,} records are longer than {config.length} tokens and left out."
        )
    if not learned:
        raise ConfigurationError(
            f"No record has {config.length} tokens or fewer: allow more.", param="length"
        )
    objective = (
        dpo_objective(beta=config.beta, smoothing=config.smoothing)
        if pairs
        else kto_objective(beta=config.beta, desirable=config.desirable, undesirable=config.undesirable)
    )
    # As they are computed later: what two precisions differ by is nothing that was learned.
    with computed(training, place):
        judged = judge(base.model, learned, batch=training.batch, pad=pad, events=events)
        measured = judge(
            base.model,
            [] if held_out is None else examples(held_out, config.length),
            batch=training.batch,
            pad=pad,
            events=events,
        )
    stream = Shuffled(
        judged,
        batch=training.batch,
        accumulate=training.accumulate,
        seed=training.seed,
        pad=pad,
        device=place.device,
    )
    return carry_out(
        base,
        objective,
        stream,
        training,
        events,
        workbench,
        began_as=config.model,
        adapter=config.adapter,
        measure=accuracy(base.model, measured, objective, pairs=pairs, batch=training.batch, pad=pad)
        if measured
        else None,
    )
