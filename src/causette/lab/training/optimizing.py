"""Optimizers and the learning rate over the steps."""

from collections.abc import Sequence
from math import cos, pi

from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from transformers import PreTrainedModel

from causette.errors import ConfigurationError
from causette.lab.anatomy import embedding_of, head_of
from causette.lab.training.config import OptimizerConfig, ScheduleConfig


def optimizers_for(model: PreTrainedModel, config: OptimizerConfig) -> list[Optimizer]:
    """What steps the parameters of ``model`` that are trained; norms and biases do not decay.

    Raises:
        ConfigurationError: nothing is trained.
    """
    trained = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if not trained:
        raise ConfigurationError("No parameter of the model is trained.")
    matrices = {name for name, each in trained.items() if each.ndim >= 2}
    muon: list[nn.Parameter] = []
    if config.name == "muon":
        # Rows of an embedding and of the head are words, not directions.
        outer = {embedding_of(model), head_of(model).weight}
        inner = {name for name in matrices if trained[name].ndim == 2 and trained[name] not in outer}
        muon = [trained[name] for name in sorted(inner)]
        trained = {name: each for name, each in trained.items() if name not in inner}
    groups = [
        {
            "params": [each for name, each in trained.items() if name in matrices],
            "weight_decay": config.weight_decay,
        },
        {"params": [each for name, each in trained.items() if name not in matrices], "weight_decay": 0.0},
    ]
    optimizers: list[Optimizer] = []
    # Of an adapter there are only matrices.
    if trained:
        optimizers.append(
            AdamW(
                [group for group in groups if group["params"]],
                lr=config.learning_rate,
                betas=(config.beta_1, config.beta_2),
                # One kernel for all of them, where there is a device that takes kernels.
                fused=next(model.parameters()).is_cuda,
            )
        )
    if muon:
        optimizers.append(
            Muon(
                muon,
                lr=config.muon_learning_rate,
                weight_decay=config.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    return optimizers


def set_rates(optimizers: Sequence[Optimizer], config: OptimizerConfig, share: float) -> None:
    """Have every optimizer step with ``share`` of its highest rate."""
    for optimizer in optimizers:
        highest = config.muon_learning_rate if isinstance(optimizer, Muon) else config.learning_rate
        for group in optimizer.param_groups:
            group["lr"] = highest * share


def rate_at(step: int, steps: int, config: ScheduleConfig) -> float:
    """The share of the highest learning rate at ``step`` of ``steps``, the first of which is 1."""
    warm = config.warmup * steps
    # However long it is to fall: from the highest, after the warm-up.
    fall = min(config.decay * steps, steps - warm)
    if step <= warm:
        return step / warm
    if (left := steps - step) >= fall:
        return 1.0
    # The last step still moves.
    done = 1 - (left + 1) / (fall + 1)
    shape = 1 - done if config.shape == "linear" else (1 + cos(pi * done)) / 2
    return config.floor + (1 - config.floor) * shape
