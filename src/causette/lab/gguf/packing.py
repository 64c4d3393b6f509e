"""Numbers as the blocks that GGUF stores."""

from typing import Final

import numpy as np
from gguf import GGMLQuantizationType
from gguf.quants import quantize
from numpy.typing import NDArray

_BLOCK: Final = 32
_HIGHEST: Final = 15


def packed(rows: NDArray[np.float32], kind: GGMLQuantizationType) -> NDArray[np.uint8]:
    """The bytes of ``rows``, shape (rows, bytes); their length is a multiple of the kind's block."""
    if kind is GGMLQuantizationType.Q4_1:
        return _whole_zeros(rows)
    return np.ascontiguousarray(quantize(rows, kind)).view(np.uint8)


def _whole_zeros(rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Q4_1 (a block's step, its minimum, 32 numbers of four bits) where zero is one of the sixteen values.

    OpenVINO GenAI 2026.4 keeps no minimum: it rounds it to a whole number of steps, which moves all weights of a block
    that was quantised without regard to that by up to half a step. These it reads to float16's rounding of the minimum.
    """
    blocks = rows.reshape(-1, _BLOCK)
    low = np.minimum(blocks.min(1, keepdims=True), 0)
    high = np.maximum(blocks.max(1, keepdims=True), 0)
    step = ((high - low) / _HIGHEST).astype(np.float16)
    # A block of zeros, or of what is too small for a step, is sixteen times zero.
    divisor = np.where(step > 0, step, 1).astype(np.float32)
    minimum = (np.rint(low / divisor).clip(-_HIGHEST, 0) * step).astype(np.float16)
    values = np.rint((blocks - minimum) / divisor).clip(0, _HIGHEST).astype(np.uint8)
    halves = values[:, : _BLOCK // 2] | values[:, _BLOCK // 2 :] << 4
    return np.hstack([step.view(np.uint8), minimum.view(np.uint8), halves]).reshape(len(rows), -1)
