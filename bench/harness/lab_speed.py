"""Tokens a second of the training loop, side by side with transformers' Trainer on the same rows."""

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from transformers import LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

from causette.lab.adapters import AdapterConfig, adapt
from causette.lab.batches import Rows
from causette.lab.packets import next_token
from causette.lab.stages.pretrain import llama_of
from causette.lab.training.checkpoints import Checkpoints
from causette.lab.training.config import TrainingConfig
from causette.lab.training.flops import flops_a_token, peak_flops
from causette.lab.training.loop import train
from causette.lab.training.place import Place
from harness.lab_rooms import Told

#: Steps before the clock counts: compiling, filling caches.
_WARM: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A model, a batch, and how it is trained."""

    name: str
    depth: int
    vocabulary: int
    batch: int
    length: int
    steps: int
    bfloat16: bool = False
    compiled: bool = False
    adapter: bool = False


#: On processors, in seconds; on an accelerator the sizes that people compare.
ON_CPU: Final = (Case(name="depth_4", depth=4, vocabulary=4_096, batch=8, length=256, steps=12),)
ON_GPU: Final = (
    Case(
        name="124m",
        depth=12,
        vocabulary=50_304,
        batch=32,
        length=1024,
        steps=30,
        bfloat16=True,
        compiled=True,
    ),
    Case(
        name="1b", depth=26, vocabulary=50_304, batch=16, length=2048, steps=20, bfloat16=True, compiled=True
    ),
    Case(
        name="1b_lora",
        depth=26,
        vocabulary=50_304,
        batch=16,
        length=2048,
        steps=20,
        bfloat16=True,
        adapter=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Tokens a second of ours and of the Trainer, and the share of the peak that ours is."""

    ours: float
    theirs: float
    mfu: float
    peak: str
    parameters: int


def cases() -> tuple[Case, ...]:
    """What this machine can be asked."""
    return ON_GPU if torch.cuda.is_available() else ON_CPU


def measure(case: Case) -> Speed:
    """Both, one after the other."""
    ours, mfu, parameters = _ours(case)
    _, peak = peak_flops(Place.here().device)
    return Speed(ours=ours, theirs=_theirs(case), mfu=mfu, peak=peak, parameters=parameters)


def _model(case: Case) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(llama_of(case.depth, vocabulary=case.vocabulary, length=case.length))


class _Same:
    """The same rows again and again."""

    def __init__(self, case: Case, device: torch.device) -> None:
        chance = torch.Generator().manual_seed(1)
        ids = torch.randint(case.vocabulary, (case.batch, case.length + 1), generator=chance)
        self._rows = Rows(ids_BT=ids[:, :-1].contiguous(), targets_BT=ids[:, 1:].contiguous()).to(device)

    def __next__(self) -> list[Rows]:
        return [self._rows]

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


def _ours(case: Case) -> tuple[float, float, int]:
    place, told = Place.here(), Told()
    model = _model(case)
    parameters = sum(each.numel() for each in model.parameters())
    if case.adapter:
        adapt(model, AdapterConfig())
    model.to(place.device)  # pyright: ignore[reportArgumentType]
    work = flops_a_token(model, case.length)
    config = TrainingConfig(
        steps=_WARM + case.steps,
        batch=case.batch,
        save_every=10_000,
        precision="bfloat16" if case.bfloat16 else "float32",
        compile=case.compiled,
    )
    with tempfile.TemporaryDirectory() as folder:
        train(
            model,
            next_token,
            _Same(case, place.device),
            config,
            place=place,
            # The last step writes one, after the clock.
            checkpoints=Checkpoints(Path(folder), keep=1),
            events=told,
        )
    seconds = sum(case.batch * case.length / values["tokens_a_second"] for _, values in told.measured[_WARM:])
    speed = case.steps * case.batch * case.length / seconds
    return speed, speed * work / peak_flops(place.device)[0], parameters


class _Clock(TrainerCallback):
    """When the Trainer's steps began and ended."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """A step is done."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times.append(self._now())


def _theirs(case: Case) -> float:
    from time import perf_counter

    model = _model(case)
    trained: Any = adapt(model, AdapterConfig()) if case.adapter else model
    chance = torch.Generator().manual_seed(1)
    ids = torch.randint(case.vocabulary, (case.batch, case.length), generator=chance)
    rows = [{"input_ids": row, "labels": row} for row in ids] * (_WARM + case.steps)
    clock = _Clock(perf_counter)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Trainer(
            trained,
            TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=case.batch,
                max_steps=_WARM + case.steps,
                bf16=case.bfloat16,
                torch_compile=case.compiled,
                use_cpu=not torch.cuda.is_available(),
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
                optim="adamw_torch_fused" if torch.cuda.is_available() else "adamw_torch",
            ),
            train_dataset=rows,  # pyright: ignore[reportArgumentType]
            callbacks=[clock],
        ).train()
    seconds = clock.times[-1] - clock.times[_WARM - 1]
    return case.steps * case.batch * case.length / seconds
