"""How something is trained: what every training stage's recipe has under ``[training]``."""

from typing import Annotated, Literal

from msgspec import Meta, field

from causette.lab.recipes import Config

Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Momentum = Annotated[float, Meta(ge=0.0, lt=1.0)]
Rate = Annotated[float, Meta(gt=0.0, le=1.0)]


class OptimizerConfig(Config, frozen=True):
    """AdamW (arXiv 1711.05101), or Muon (arXiv 2502.16982) for the hidden layers' matrices with AdamW for the rest."""

    name: Literal["adamw", "muon"] = "adamw"
    learning_rate: Rate = 1e-4
    #: Muon's, scaled so that its updates have AdamW's size; ``learning_rate`` is for everything else.
    muon_learning_rate: Rate = 2e-2
    beta_1: Momentum = 0.9
    beta_2: Momentum = 0.95
    weight_decay: Share = 0.0
    #: The norm that gradients are clipped to; 0 for none.
    clip: Annotated[float, Meta(ge=0.0)] = 1.0


class ScheduleConfig(Config, frozen=True):
    """The learning rate over the steps: a linear warm-up, then constant, then a decay."""

    warmup: Share = 0.05
    #: The share of the steps, at the end, in which it falls.
    decay: Share = 0.95
    shape: Literal["linear", "cosine"] = "linear"
    #: What it falls towards, as a share of the highest.
    floor: Share = 0.0


class TrainingConfig(Config, frozen=True):
    """Steps, batches, precision and checkpoints."""

    steps: Positive
    #: Sequences of a micro-batch on a device, and micro-batches of a step.
    batch: Positive = 8
    accumulate: Positive = 1
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    #: What the forward pass is computed in; the weights stay in 32 bits.
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    #: Recompute activations in the backward pass: slower, with less memory.
    checkpoint_activations: bool = False
    #: Steps between checkpoints, and how many of them are kept.
    save_every: Positive = 100
    keep: Positive = 2
    #: Steps between measurements of the held-out data.
    evaluate_every: Positive = 100
    seed: Annotated[int, Meta(ge=0)] = 0
