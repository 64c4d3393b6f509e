"""From what was asked for and the data that there is to the recipe of a training.

An adapter is trained, as its own gradients and optimizer's state are small. What is ``auto`` is chosen by the number of
examples; the epochs' number by the method, since preferences that are gone through often are learned by heart.
"""

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from causette.errors import InvalidRequest
from causette.lab.data import HELD_OUT, TRAIN, Packed, Prepared
from causette.lab.fine_tuning.types import FineTuningJob, MethodType, Planned

_EPOCHS: Final[dict[MethodType, int]] = {"supervised": 3, "dpo": 1}
#: What a multiplier multiplies: for adapters, of which DPO moves probabilities with far less.
_LEARNING_RATES: Final[dict[MethodType, float]] = {"supervised": 5e-4, "dpo": 5e-5}
_RANK: Final = 16
_BETA: Final = 0.1
# Steps of an epoch where the batch is chosen, and the largest that is.
_STEPS_AN_EPOCH: Final = 32
_LARGEST_BATCH: Final = 64
# Sequences that are computed at once: more of them take more memory, and on a processor no less time.
_AT_ONCE: Final = 4
_CHECKPOINTS: Final = 10
_MOST_STEPS_APART: Final = 100
_SHORTEST: Final = 32
# The books' counts have 32 bits.
_MOST_TOKENS: Final = 2**31 - 1

_Ints = npt.NDArray[np.int64]


def data_recipe(path: Path, base: str) -> dict[str, Any]:
    """The recipe of what prepares a file for a model. Whoever repeats an example means it."""
    return {
        "stage": "data",
        "tokenizer": base,
        "near_duplicates": 0,
        "held_out": 0,
        "sources": [{"path": str(path), "licence": "the customer's"}],
    }


def plan(job: FineTuningJob, data: Path, *, data_name: str, context: int) -> Planned:
    """What training on the prepared ``data``, a run called ``data_name``, takes.

    Args:
        context: tokens that an example may have at most; longer ones are left out.

    Raises:
        InvalidRequest: there is nothing in it, or too much (``invalid_training_file``).
    """
    prepared = Prepared.open(data / TRAIN)
    lengths, sizes = _lengths(prepared)
    fits = lengths <= context
    if not fits.any():
        raise InvalidRequest(
            f"Every example has more than {context} tokens, the most that this model and plan allow. Shorten them.",
            code="invalid_training_file",
            param="training_file",
        )
    longest = max(_SHORTEST, int(lengths[fits].max()))
    if (data / HELD_OUT).is_dir():
        held, _ = _lengths(Prepared.open(data / HELD_OUT))
        longest = max(longest, int(held[held <= context].max(initial=0)))
    examples, tokens = int(fits.sum()), int(sizes[fits].sum())
    asked = job.hyperparameters
    epochs = _EPOCHS[job.method] if asked.n_epochs == "auto" else asked.n_epochs
    if tokens * epochs > _MOST_TOKENS:
        raise InvalidRequest(
            f"{epochs} epochs of {tokens:,} tokens are more than {_MOST_TOKENS:,}. Train on less, or less often.",
            code="invalid_training_file",
            param="training_file",
        )
    if asked.batch_size == "auto":
        batch_size = max(1, min(_LARGEST_BATCH, examples // _STEPS_AN_EPOCH))
    else:
        batch_size = min(asked.batch_size, examples)
    length, sequences = longest, examples
    if job.method == "supervised":
        # Several examples share a row, which has a place for each step from a token to the next one.
        length = longest - 1
        sequences = Packed(prepared, length=length, batch=1, seed=job.seed, longer="skip").batches
    a_step = max(1, round(batch_size * sequences / examples))
    batch = min(_AT_ONCE, a_step)
    accumulate = ceil(a_step / batch)
    steps = max(1, ceil(epochs * sequences / (batch * accumulate)))
    multiplier = 1.0 if asked.learning_rate_multiplier == "auto" else float(asked.learning_rate_multiplier)
    apart = max(1, min(_MOST_STEPS_APART, steps // _CHECKPOINTS))
    recipe: dict[str, Any] = {
        "stage": "sft" if job.method == "supervised" else "prefer",
        "model": job.base,
        "data": data_name,
        "length": length,
        "adapter": {"rank": _RANK, "alpha": 2 * _RANK},
        "training": {
            "steps": steps,
            "batch": batch,
            "accumulate": accumulate,
            "optimizer": {"learning_rate": min(1.0, _LEARNING_RATES[job.method] * multiplier)},
            "save_every": apart,
            "evaluate_every": apart,
            "keep": 1,
            "seed": job.seed,
        },
    }
    if job.method == "dpo":
        recipe["beta"] = _BETA if asked.beta == "auto" else float(asked.beta)
    return Planned(
        examples=examples,
        tokens=tokens,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate_multiplier=multiplier,
        steps=steps,
        recipe=recipe,
    )


def left_out(data: Path, planned: Planned) -> Mapping[str, int]:
    """How many examples are not trained on, by why."""
    prepared = Prepared.open(data / TRAIN)
    longer = prepared.manifest.records - planned.examples
    return {**prepared.manifest.dropped, **({"longer than the model reads": longer} if longer else {})}


def _lengths(prepared: Prepared) -> tuple[_Ints, _Ints]:
    """Tokens of each example's longest text, and of all that it says: of a preference's, the prompt and two answers."""
    parts = np.diff(prepared.offsets_P.astype(np.int64))
    if prepared.manifest.parts == 1:
        return parts, parts
    each = parts.reshape(-1, prepared.manifest.parts)
    return each[:, 0] + each[:, 1:].max(1), each.sum(1)
