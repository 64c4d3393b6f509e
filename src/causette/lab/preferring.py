"""Learning which answers people prefer: from pairs by DPO, from single answers that were found good or bad by KTO.

Either way an example is two texts. DPO's are a prompt with the answer that was preferred and with the one that was
not. KTO's are a prompt with its answer and, to see how far the model has moved at all, with the answer to another
prompt. What the model said of them before it learned is worked out once, so that no second copy of it is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from transformers import PreTrainedModel

from causette.lab.batches import Rows, rows_of
from causette.lab.data import Part, Prepared
from causette.lab.losses import dpo, kto, token_log_probabilities
from causette.lab.training.loop import Loss, Objective
from causette.lab.types import Encoded, Events

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Example:
    """Two texts, and for KTO whether the answer of the first was found good."""

    first: Encoded
    second: Encoded
    good: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """An example with the log-probabilities of its answers before anything was learned."""

    example: Example
    first: float
    second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """P examples as 2 P rows: the first texts, then the second ones."""

    rows: Rows
    reference_2P: Tensor
    good_P: Tensor

    @property
    def weight(self) -> int:
        """How many examples there are."""
        return len(self.good_P)

    @property
    def tokens(self) -> int:
        return self.rows.tokens

    @property
    def length(self) -> int:
        return self.rows.length


def examples(data: Prepared, length: int) -> list[Example]:
    """The examples in prepared preferences or labels whose texts have at most ``length`` tokens."""
    found: list[Example] = []
    for number in range(len(data)):
        prompt, *answers = data[number]
        if data.manifest.parts == 3:
            chosen, rejected = answers
            example = Example(_joined(prompt, chosen), _joined(prompt, rejected))
        else:
            # The answer before this one, in the data's order, which has nothing to do with this prompt.
            _, other = data[number - 1 if number else len(data) - 1]
            example = Example(_joined(prompt, answers[0]), _joined(prompt, other), data.label(number))
        if max(len(example.first.ids), len(example.second.ids)) <= length:
            found.append(example)
    return found


def judge(
    model: PreTrainedModel, some: Sequence[Example], *, batch: int, pad: int, events: Events
) -> list[Judged]:
    """What ``model`` says of examples, as it is."""
    model.eval()
    judged: list[Judged] = []
    for part in _parts(some, batch):
        with torch.no_grad():
            values: list[float] = cast(
                "list[float]", _answers(model, _rows(part, pad).to(model.device)).tolist()
            )
        judged += [
            Judged(example, first, second)
            for example, first, second in zip(part, values[: len(part)], values[len(part) :], strict=True)
        ]
        events.progress(len(judged), len(some), "records judged")
    return judged


def batch_of(judged: Sequence[Judged], *, pad: int, device: torch.device) -> Pairs:
    """Examples as rows."""
    reference = [each.first for each in judged] + [each.second for each in judged]
    return Pairs(
        rows=_rows([each.example for each in judged], pad).to(device),
        reference_2P=torch.tensor(reference, device=device),
        good_P=torch.tensor([each.example.good for each in judged], device=device),
    )


class Shuffled:
    """The stream of examples, in another order each epoch, ``accumulate`` batches a step."""

    def __init__(
        self,
        judged: Sequence[Judged],
        *,
        batch: int,
        accumulate: int,
        seed: int,
        pad: int,
        device: torch.device,
    ) -> None:
        self._judged = judged
        self._batch = batch
        self._accumulate = accumulate
        self._seed = seed
        self._pad = pad
        self._device = device
        self._taken = 0
        self._known: tuple[int, list[int]] = -1, []

    def __next__(self) -> list[Pairs]:
        return [
            batch_of([self._next() for _ in range(self._batch)], pad=self._pad, device=self._device)
            for _ in range(self._accumulate)
        ]

    def state(self) -> dict[str, Any]:
        """How many examples were taken."""
        return {"taken": self._taken}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on after them."""
        self._taken = state["taken"]

    def _next(self) -> Judged:
        epoch, place = divmod(self._taken, len(self._judged))
        self._taken += 1
        return self._judged[self._order(epoch)[place]]

    def _order(self, epoch: int) -> list[int]:
        if self._known[0] != epoch:
            chance = torch.Generator().manual_seed((self._seed << 32) + epoch)
            self._known = epoch, torch.randperm(len(self._judged), generator=chance).tolist()
        return self._known[1]


def dpo_objective(*, beta: float, smoothing: float) -> Objective[Pairs]:
    """DPO's loss, with how often and by how much the preferred answer is ahead."""

    def loss(model: PreTrainedModel, batch: Pairs) -> Loss:
        chosen_P, rejected_P = _answers(model, batch.rows).chunk(2)
        losses_P, margins_P = dpo(
            chosen_P, rejected_P, *batch.reference_2P.chunk(2), beta=beta, smoothing=smoothing
        )
        margins_P = margins_P.detach()
        return Loss(losses_P.sum(), {"accuracy": (margins_P > 0).float().sum(), "margin": margins_P.sum()})

    return loss


def kto_objective(*, beta: float, desirable: float, undesirable: float) -> Objective[Pairs]:
    """KTO's loss, with how often an answer has become likelier if good, and less likely if not."""

    def loss(model: PreTrainedModel, batch: Pairs) -> Loss:
        reference_P, others_P = batch.reference_2P.chunk(2)
        first, second = _halves(batch.rows)
        answers_P = _answers(model, first)
        with torch.no_grad():
            divergence = (_answers(model, second) - others_P).mean()
        losses_P = kto(
            answers_P,
            reference_P,
            batch.good_P,
            divergence,
            beta=beta,
            desirable=desirable,
            undesirable=undesirable,
        )
        right_P = (answers_P.detach() > reference_P) == batch.good_P
        return Loss(
            losses_P.sum(), {"accuracy": right_P.float().sum(), "divergence": divergence * batch.weight}
        )

    return loss


def accuracy(
    model: PreTrainedModel,
    judged: Sequence[Judged],
    objective: Objective[Pairs],
    *,
    pairs: bool,
    batch: int,
    pad: int,
) -> Callable[[], dict[str, float]]:
    """Measures the loss and the accuracy on held-out examples; of pairs also how often the better is the likelier."""

    def measure() -> dict[str, float]:
        sums: dict[str, float] = {}
        for some in _parts(judged, batch):
            made = batch_of(some, pad=pad, device=model.device)
            loss = objective(model, made)
            figures = {"loss": loss.total, **loss.figures}
            if pairs:
                first_P, second_P = _answers(model, made.rows).chunk(2)
                figures["preferred"] = (first_P > second_P).float().sum()
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + value.item()
        return {name: value / len(judged) for name, value in sums.items()}

    return measure


def _parts(some: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(some), size):
        yield some[start : start + size]


def _answers(model: PreTrainedModel, rows: Rows) -> Tensor:
    """The log-probability of each row's answer."""
    return token_log_probabilities(model, rows.ids_BT, rows.targets_BT).sum(1)


def _rows(some: Sequence[Example], pad: int) -> Rows:
    return rows_of([each.first for each in some] + [each.second for each in some], pad=pad)


def _halves(rows: Rows) -> tuple[Rows, Rows]:
    ids, targets = rows.ids_BT.chunk(2), rows.targets_BT.chunk(2)
    first, second = (
        Rows(ids_BT=ids_BT, targets_BT=targets_BT) for ids_BT, targets_BT in zip(ids, targets, strict=True)
    )
    return first, second


def _joined(prompt: Part, answer: Part) -> Encoded:
    return Encoded(
        [*prompt.ids_N.tolist(), *answer.ids_N.tolist()],
        [*prompt.learned_N.tolist(), *answer.learned_N.tolist()],
    )
