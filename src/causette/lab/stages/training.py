"""What the stages that train have in common: a model to begin with, the loop, and what comes of it."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch

from causette.errors import ConfigurationError
from causette.lab.adapters import AdapterConfig, adapt
from causette.lab.chat import ChatTokenizer
from causette.lab.data import Prepared
from causette.lab.encoding import fingerprint
from causette.lab.models import Base, load_base, weights_of, write_adapter, write_model
from causette.lab.stages.workbench import Workbench
from causette.lab.training.checkpoints import Checkpoints
from causette.lab.training.config import TrainingConfig
from causette.lab.training.loop import PRECISIONS, Batch, Objective, Stream, train
from causette.lab.types import Artifact, Events

B = TypeVar("B", bound=Batch)


def begin(name: str, workbench: Workbench) -> Base:
    """The model that training begins with, on this process's device."""
    base = load_base(name, workbench.find)
    base.model.to(workbench.place.device)  # pyright: ignore[reportArgumentType]
    return base


def check_data(data: Prepared, tokenizer: ChatTokenizer, kind: str) -> None:
    """See that ``data`` was prepared for this tokenizer, and has records of this kind.

    Raises:
        ConfigurationError: it was prepared for another, or has others.
    """
    manifest = data.manifest
    if manifest.tokenizer_sha256 != fingerprint(tokenizer):
        raise ConfigurationError(
            "The data was prepared with another tokenizer or chat template than this model has: prepare it again "
            "with tokenizer = the model's name.",
            param="data",
        )
    kinds = set(manifest.kinds)
    wanted = {"text", "conversation"} if kind == "text" else {kind}
    if not kinds <= wanted:
        raise ConfigurationError(
            f"The data has records of the kind {', '.join(sorted(kinds))}; this stage takes those of the kind "
            f"{' or '.join(sorted(wanted))}.",
            param="data",
        )


def carry_out(
    base: Base,
    objective: Objective[B],
    stream: Stream[B],
    config: TrainingConfig,
    events: Events,
    workbench: Workbench,
    *,
    began_as: str | None,
    adapter: AdapterConfig | None = None,
    measure: Callable[[], Mapping[str, float]] | None = None,
) -> Artifact:
    """Train ``base``, or an adapter of it, and write what comes of it."""
    model, place = base.model, workbench.place
    # An adapter begins with random numbers, the same ones in every process.
    torch.manual_seed(config.seed)
    adapted = None if adapter is None else adapt(model, adapter)
    if config.checkpoint_activations:
        model.activation_checkpointing_enable()
    place.shard(model, PRECISIONS[config.precision])
    summary = train(
        model,
        objective,
        stream,
        config,
        place=place,
        checkpoints=Checkpoints(workbench.checkpoints, keep=config.keep),
        events=events,
        measure=measure,
        should_stop=workbench.should_stop,
    )
    # Every process gives its share, and the first one writes.
    weights = weights_of(model if adapted is None else adapted) if place.world > 1 else None
    if place.is_first and not workbench.artifact.exists():
        about = {"base": began_as, "gguf": base.gguf}
        if adapted is not None:
            write_adapter(adapted, workbench.artifact, about, weights)
        else:
            write_model(model, base.tokenizer, workbench.artifact, about, weights)
    place.wait()
    events.note(
        f"{summary.tokens:,} tokens; {summary.seconds:,.0f} s at {100 * summary.mfu:.1f} % of the peak "
        f"({summary.peak})."
    )
    return Artifact(
        kind="adapter" if adapter else "model", path=workbench.artifact, metrics=summary.metrics()
    )
