"""Packed rows as the training loop takes them, and the mean loss of held-out ones."""

from collections.abc import Callable, Iterator
from itertools import islice
from math import exp
from typing import Any, Final, Literal

import torch
from transformers import PreTrainedModel

from causette.lab.batches import Rows
from causette.lab.data import Batch, Packed, Prepared
from causette.lab.losses import token_log_probabilities
from causette.lab.training.loop import Loss
from causette.lab.training.place import Place

# Batches of held-out data that a measurement looks at.
_MEASURED: Final = 50


class PackedRows:
    """The stream of packed batches, epoch after epoch, ``accumulate`` of them a step."""

    def __init__(self, packed: Packed, *, accumulate: int, place: Place) -> None:
        self._packed = packed
        self._accumulate = accumulate
        self._place = place
        self._batches: Iterator[Batch] = iter(())

    def __next__(self) -> list[Rows]:
        return [self._one() for _ in range(self._accumulate)]

    def state(self) -> dict[str, Any]:
        """Where it is in the data."""
        return dict(self._packed.state())

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._packed.restore(state)
        self._batches = iter(())

    def _one(self) -> Rows:
        if (batch := next(self._batches, None)) is None:
            self._batches = iter(self._packed)
            batch = next(self._batches)
        return _rows(batch).to(self._place.device)


def next_token(model: PreTrainedModel, batch: Rows) -> Loss:
    """Cross-entropy of each learned token, in nats."""
    found_BT = token_log_probabilities(model, batch.ids_BT, batch.targets_BT, batch.positions_BT)
    return Loss(-found_BT.sum(), {})


def held_out_loss(
    model: PreTrainedModel,
    prepared: Prepared | None,
    *,
    length: int,
    batch: int,
    place: Place,
    longer: Literal["cut", "skip"] = "cut",
) -> Callable[[], dict[str, float]] | None:
    """Measures the mean loss of a learned token, and the perplexity that it amounts to; None without data."""
    if prepared is None:
        return None

    def measure() -> dict[str, float]:
        # The same rows each time, whatever is trained on.
        packed = Packed(
            prepared, length=length, batch=batch, seed=0, rank=place.rank, world=place.world, longer=longer
        )
        loss, learned = 0.0, 0
        for rows in map(_rows, islice(packed, min(packed.batches, _MEASURED))):
            loss += next_token(model, rows.to(place.device)).total.item()
            learned += rows.learned
        mean = place.total(loss) / max(1.0, place.total(learned))
        return {"loss": mean, "perplexity": exp(min(mean, 700.0))}

    return measure


def _rows(batch: Batch) -> Rows:
    return Rows(
        ids_BT=torch.from_numpy(batch.ids_BT),
        targets_BT=torch.from_numpy(batch.targets_BT),
        positions_BT=torch.from_numpy(batch.positions_BT),
    )
