"""Rows of tokens as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from causette.lab.losses import IGNORED
from causette.lab.types import Encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """B rows of T tokens; ``targets_BT`` is what follows each of them, or ``IGNORED``."""

    ids_BT: Tensor
    targets_BT: Tensor
    #: Where several documents share a row; else None, and a row is one document.
    positions_BT: Tensor | None = None

    @property
    def learned(self) -> int:
        """How many tokens are learned."""
        return int((self.targets_BT != IGNORED).sum())

    @property
    def weight(self) -> int:
        return self.learned

    @property
    def tokens(self) -> int:
        return self.ids_BT.numel()

    @property
    def length(self) -> int:
        return self.ids_BT.shape[1]

    def to(self, device: torch.device) -> "Rows":
        """The same on ``device``."""
        positions = self.positions_BT
        return Rows(
            ids_BT=self.ids_BT.to(device, non_blocking=True),
            targets_BT=self.targets_BT.to(device, non_blocking=True),
            positions_BT=None if positions is None else positions.to(device, non_blocking=True),
        )


def rows_of(texts: Sequence[Encoded], *, pad: int) -> Rows:
    """One row a text, padded at the right, where a causal model does not look."""
    width = max(len(text.ids) for text in texts) - 1
    ids_BT = torch.full((len(texts), width), pad, dtype=torch.long)
    targets_BT = torch.full((len(texts), width), IGNORED, dtype=torch.long)
    for row, text in enumerate(texts):
        ids = torch.as_tensor(text.ids, dtype=torch.long)
        learned = torch.as_tensor(text.learned[1:], dtype=torch.bool)
        ids_BT[row, : len(ids) - 1] = ids[:-1]
        targets_BT[row, : len(ids) - 1] = torch.where(learned, ids[1:], IGNORED)
    return Rows(ids_BT=ids_BT, targets_BT=targets_BT)
