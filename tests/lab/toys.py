"""A model that trains in milliseconds, and data for it."""

from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from causette.lab.batches import Rows
from causette.lab.losses import token_log_probabilities
from causette.lab.training.loop import Loss

VOCABULARY = 97


def tiny_model(seed: int = 0, *, vocabulary: int = VOCABULARY, tied: bool = False) -> LlamaForCausalLM:
    """A Llama of two layers with random weights."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=128,
            tie_word_embeddings=tied,
        )
    )


class Sequences:
    """Rows that count upwards in steps of 1 to 5, in ``parts``; the ``rank``-th of ``world`` shares."""

    def __init__(self, rows: int, length: int = 16, *, parts: int = 1, rank: int = 0, world: int = 1) -> None:
        self._rows = rows
        self._parts = parts
        self._length = length
        self._rank = rank
        self._world = world
        self.taken = 0

    def __next__(self) -> list[Rows]:
        chance = torch.Generator().manual_seed(self.taken)
        self.taken += 1
        rows = self._rows * self._world
        starts = torch.randint(VOCABULARY, (rows, 1), generator=chance)
        steps = torch.randint(1, 6, (rows, 1), generator=chance)
        ids = (starts + steps * torch.arange(self._length + 1)) % VOCABULARY
        ids = ids[self._rank :: self._world]
        return [
            Rows(ids_BT=part[:, :-1].contiguous(), targets_BT=part[:, 1:].contiguous())
            for part in ids.chunk(self._parts)
        ]

    def state(self) -> dict[str, Any]:
        return {"taken": self.taken}

    def restore(self, state: dict[str, Any]) -> None:
        self.taken = state["taken"]


def next_token(model: PreTrainedModel, batch: Rows) -> Loss:
    """Cross-entropy of what follows."""
    found: Tensor = token_log_probabilities(model, batch.ids_BT, batch.targets_BT)
    return Loss(-found.sum(), {})
