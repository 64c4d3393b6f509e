"""``causette lab sft``: a model learns from conversations what the assistant says in them."""

from msgspec import field

from causette.lab.adapters import AdapterConfig
from causette.lab.data import Packed
from causette.lab.packets import PackedRows, held_out_loss, next_token
from causette.lab.recipes import Config
from causette.lab.stages.training import begin, carry_out, check_data
from causette.lab.stages.workbench import Workbench
from causette.lab.training.config import Positive, TrainingConfig
from causette.lab.types import Artifact, Events


class StageConfig(Config, frozen=True):
    """Which model learns from what."""

    data: str
    training: TrainingConfig
    model: str = "default"
    #: Learn low-rank adapters and leave the weights; without it all weights learn.
    adapter: AdapterConfig | None = field(default=None)
    #: Tokens of a row; longer conversations are left out.
    length: Positive = 1024


def run(config: StageConfig, events: Events, workbench: Workbench) -> Artifact:
    """Teach it. Conversations share rows and do not see each other."""
    base = begin(config.model, workbench)
    data, held_out = workbench.data(config.data)
    check_data(data, base.tokenizer, "conversation")
    place, training = workbench.place, config.training
    packed = Packed(
        data,
        length=config.length,
        batch=training.batch,
        seed=training.seed,
        rank=place.rank,
        world=place.world,
        longer="skip",
    )
    if packed.skipped:
        events.note(f"{packed.skipped:,} conversations are longer than {config.length} tokens and left out.")
    return carry_out(
        base,
        next_token,
        PackedRows(packed, accumulate=training.accumulate, place=place),
        training,
        events,
        workbench,
        began_as=config.model,
        adapter=config.adapter,
        measure=held_out_loss(
            base.model, held_out, length=config.length, batch=training.batch, place=place, longer="skip"
        ),
    )
