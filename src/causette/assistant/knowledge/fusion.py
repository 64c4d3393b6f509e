"""Several rankings of the same passages as one: by their places, since scores of several kinds cannot be added.

Reciprocal rank fusion: Cormack, Clarke and Büttcher (SIGIR 2009). Their constant, 60, is for rankings of a thousand
pages of the web; among a project's passages a smaller one tells the first places apart (docs/benchmarks.md).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_CONSTANT: Final = 10


def fused(scores: Sequence[NDArray[np.float32]], *, depth: int) -> NDArray[np.float32]:
    """The worth of each passage by its place among the ``depth`` best of each of ``scores``; 0 for all others.

    Passages of the same score share the first of their places: a ranking that knows no difference decides nothing.
    """
    worth_N = np.zeros(len(scores[0]), np.float32)
    for score_N in scores:
        best = np.argsort(-score_N, kind="stable")[:depth]
        best = best[score_N[best] > 0]
        places = np.searchsorted(-score_N[best], -score_N[best])
        worth_N[best] += 1 / (_CONSTANT + 1 + places.astype(np.float32))
    return worth_N
