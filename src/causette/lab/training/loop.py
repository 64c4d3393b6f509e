"""The training loop: batches in, steps, checkpoints; the same for every stage.

Losses are sums over what is learned, divided once by how much that is in the whole step, so that neither micro-batches
nor processes change what a step does. A checkpoint has everything that a step depends on (weights, optimizers, the
place in the data, the state of the random numbers): on a CPU, a run that was killed and resumed gives bit for bit the
losses that it would have given.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any, Final, Protocol, TypeVar

import torch
from torch import Tensor
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from transformers import PreTrainedModel

from causette.errors import CausetteError
from causette.lab.anatomy import decoder_of
from causette.lab.training.checkpoints import Checkpoints
from causette.lab.training.config import TrainingConfig
from causette.lab.training.flops import flops_a_token, peak_flops
from causette.lab.training.optimizing import optimizers_for, rate_at, set_rates
from causette.lab.training.place import Place
from causette.lab.types import Events

PRECISIONS: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Batch(Protocol):
    """What one forward pass takes."""

    @property
    def weight(self) -> int:
        """What its loss is divided by: its learned tokens, or its pairs."""
        ...

    @property
    def tokens(self) -> int:
        """The tokens that go through the model."""
        ...

    @property
    def length(self) -> int:
        """The tokens of its longest sequence."""
        ...


B = TypeVar("B", bound=Batch)
B_co = TypeVar("B_co", bound=Batch, covariant=True)
B_contra = TypeVar("B_contra", bound=Batch, contravariant=True)


class Stream(Protocol[B_co]):
    """The micro-batches of each step, without an end."""

    def __next__(self) -> Sequence[B_co]: ...

    def state(self) -> dict[str, Any]:
        """Where it is, as JSON could hold it; asked between two steps."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where ``state`` was taken."""
        ...


@dataclass(frozen=True, slots=True)
class Loss:
    """The sum of a batch's losses, and sums of other figures that are shown divided as it is."""

    total: Tensor
    figures: Mapping[str, Tensor]


class Objective(Protocol[B_contra]):
    """What a stage minimises."""

    def __call__(self, model: PreTrainedModel, batch: B_contra) -> Loss: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run took, since it was begun or resumed, and what it came to."""

    steps: int
    tokens: int
    seconds: float
    flops: float
    #: Of the device's peak; see ``peak``.
    mfu: float
    peak: str
    figures: Mapping[str, float]

    def metrics(self) -> dict[str, float]:
        """The figures, for an artifact."""
        return {
            **self.figures,
            "steps": self.steps,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "flops": self.flops,
            "mfu": self.mfu,
        }


#: Figures of held-out data.
Measure = Callable[[], Mapping[str, float]]


class Interrupted(CausetteError):
    """Somebody has asked the run to stop; what it has done is in a checkpoint."""

    default_code = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """What takes the steps."""

    model: PreTrainedModel
    objective: Objective[Any]
    optimizers: Sequence[Optimizer]
    stream: Stream[Any]
    config: TrainingConfig
    place: Place
    measure: Measure | None

    def state(self, step: int, seen: int) -> dict[str, Any]:
        """All that the steps after ``step`` depend on."""
        model, optimizers = get_state_dict(self.model, self.optimizers, options=_options())
        random = {"cpu": torch.get_rng_state()}
        if self.place.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.place.device)
        return {
            "step": step,
            "seen": seen,
            "model": model,
            "optimizers": optimizers,
            "stream": self.stream.state(),
            # Each process has its own.
            "random": self.place.gathered(random),
        }

    def restore(self, state: dict[str, Any]) -> tuple[int, int]:
        """Be as `state` was; its step and the tokens seen."""
        set_state_dict(
            self.model,
            self.optimizers,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizers"],
            options=_options(strict=False),
        )
        self.stream.restore(state["stream"])
        random = state["random"][self.place.rank]
        torch.set_rng_state(random["cpu"])
        if "cuda" in random:
            torch.cuda.set_rng_state(random["cuda"], self.place.device)
        return state["step"], state["seen"]

    def step(self, number: int) -> tuple[dict[str, float], int, float]:
        """Take a step: its figures, the tokens of all processes, and the operations that they took."""
        # What a stream has a model write or judge is computed as what is learned from it.
        with computed(self.config, self.place):
            batches = next(self.stream)
        share = rate_at(number, self.config.steps, self.config.schedule)
        set_rates(self.optimizers, self.config.optimizer, share)
        figures = self._learn(batches, number)
        figures["learning_rate"] = self.config.optimizer.learning_rate * share
        tokens = int(self.place.total(sum(batch.tokens for batch in batches)))
        length = max((batch.length for batch in batches), default=0)
        return figures, tokens, tokens * flops_a_token(self.model, length)

    def measured(self) -> dict[str, float]:
        """The figures of held-out data."""
        if self.measure is None:
            return {}
        self.model.eval()
        with torch.no_grad(), computed(self.config, self.place):
            found = {f"held_out_{name}": value for name, value in self.measure().items()}
        self.model.train()
        return found

    def _learn(self, batches: Sequence[Batch], number: int) -> dict[str, float]:
        weight = max(1.0, self.place.total(sum(batch.weight for batch in batches)))
        sums: dict[str, Tensor] = {}
        for batch in batches:
            with computed(self.config, self.place):
                loss = self.objective(self.model, batch)
            # FSDP takes the mean of the processes' gradients.
            (loss.total * (self.place.world / weight)).backward()
            for name, value in {"loss": loss.total, **loss.figures}.items():
                sums[name] = sums.get(name, torch.zeros((), device=value.device)) + value.detach()
        trained = [each for each in self.model.parameters() if each.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(trained, self.config.optimizer.clip or float("inf"))
        if isinstance(norm, DTensor):
            norm = norm.full_tensor()
        figures = {name: self.place.total(value.item()) / weight for name, value in sums.items()}
        figures["gradient_norm"] = norm.item()
        if not all(isfinite(figures.get(name, 0.0)) for name in ("loss", "gradient_norm")):
            raise CausetteError(
                f"At step {number} the loss is {figures['loss']} and the norm of the gradients "
                f"{figures['gradient_norm']}: the weights are as they were before. Begin a run with a "
                "lower learning rate or a longer warm-up, or look for broken records in the data.",
                code="not_finite",
            )
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return figures


def computed(config: TrainingConfig, place: Place) -> AbstractContextManager[object]:
    """Forward passes in the precision of ``config``."""
    if config.precision == "float32" or place.world > 1:
        # Sharded weights are cast when they are gathered.
        return nullcontext()
    return torch.autocast(place.device.type, PRECISIONS[config.precision])


def train(
    model: PreTrainedModel,
    objective: Objective[B],
    stream: Stream[B],
    config: TrainingConfig,
    *,
    place: Place,
    checkpoints: Checkpoints,
    events: Events,
    measure: Measure | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Take ``config.steps`` steps, those before the newest checkpoint not again.

    ``measure`` gives figures of held-out data, before the first step and then every so often; they are told with
    ``held_out_`` before their names.

    Raises:
        CausetteError: the loss or a gradient is not a number (``not_finite``), or a checkpoint cannot be written.
        Interrupted: ``should_stop``; there is a checkpoint of the step before.
    """
    torch.manual_seed(config.seed + place.rank)
    training = _Training(
        model=model,
        objective=objective,
        optimizers=optimizers_for(model, config.optimizer),
        stream=stream,
        config=config,
        place=place,
        measure=measure,
    )
    events = events if place.is_first else _Nobody()
    step, seen, figures = 0, 0, dict[str, float]()
    if (kept := checkpoints.newest(events)) is not None:
        step, seen = training.restore(kept)
        events.note(f"Resuming after step {step}.")
    if config.compile:
        # Not the whole: losses go past the head.
        decoder_of(model).compile()
    if step == 0 and (before := training.measured()):
        events.metrics(0, before)
    model.train()
    peak, source = peak_flops(place.device)
    begun, flops, saved = perf_counter(), 0.0, step

    def save() -> int:
        state = training.state(step, seen)
        if place.is_first:
            checkpoints.save(step, state)
        place.wait()
        return step

    while step < config.steps:
        if place.total(should_stop()):
            saved = saved if saved == step else save()
            raise Interrupted(f"The run was stopped after step {step} of {config.steps}; it can be resumed.")
        started = perf_counter()
        figures, tokens, work = training.step(step + 1)
        took = perf_counter() - started
        step, seen, flops = step + 1, seen + tokens, flops + work
        figures |= {
            "tokens": seen,
            "tokens_a_second": tokens / took,
            "mfu": work / took / (peak * place.world),
        }
        if step % config.evaluate_every == 0 or step == config.steps:
            figures |= training.measured()
        events.metrics(step, figures)
        events.progress(step, config.steps, "steps")
        if step % config.save_every == 0 or step == config.steps:
            saved = save()
    seconds = perf_counter() - begun
    return Summary(
        steps=step,
        tokens=seen,
        seconds=seconds,
        flops=flops,
        mfu=flops / seconds / (peak * place.world),
        peak=source,
        figures=figures,
    )


class _Nobody:
    """Events of the processes that tell nothing: the first one tells for all."""

    def progress(self, done: int, total: int | None, what: str) -> None:
        pass

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def _options(*, strict: bool = True) -> StateDictOptions:
    """Whole weights on the CPU, and of a model with an adapter only what is trained."""
    return StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True, strict=strict)
