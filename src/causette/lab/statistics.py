"""What a measurement can tell, and what it cannot."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import NormalDist, fmean
from typing import Final

import numpy as np

_RESAMPLES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean of ``count`` scores, and the interval in which the true one is, 95 times in a hundred."""

    value: float
    low: float
    high: float
    count: int


def estimate(scores: Sequence[float], *, seed: int = 0) -> Estimate:
    """The mean of scores: with Wilson's interval where all are 0 or 1, else with that of a bootstrap.

    Raises:
        ValueError: there are none.
    """
    if not scores:
        raise ValueError("There are no scores.")
    if all(score in (0, 1) for score in scores):
        return _wilson(sum(scores), len(scores))
    low, high = _bootstrap(np.asarray(scores, dtype=np.float64), seed)
    return Estimate(fmean(scores), low, high, len(scores))


def estimate_ratio(parts: Sequence[float], wholes: Sequence[float], *, seed: int = 0) -> Estimate:
    """The sum of ``parts`` over that of ``wholes``, with the interval of a bootstrap of the pairs.

    Raises:
        ValueError: there are none, or not as many of both.
    """
    if len(parts) != len(wholes) or not parts:
        raise ValueError("There must be a part of each whole, and one at least.")
    pairs = np.asarray([parts, wholes], dtype=np.float64).T
    # The quotient of means is that of sums.
    ratios = np.divide(*_means(pairs, seed).T)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Estimate(sum(parts) / sum(wholes), float(low), float(high), len(parts))


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher the second of two runs scored on the same problems, and how likely that is by chance."""

    value: float
    low: float
    high: float
    p: float

    @property
    def is_real(self) -> bool:
        """Whether chance alone would bring as much less than once in twenty times."""
        return self.p < 0.05


def compare(before: Sequence[float], after: Sequence[float], *, seed: int = 0) -> Difference:
    """Two runs on the same problems, in the same order: McNemar's exact test, or a paired bootstrap for shares.

    Raises:
        ValueError: they are not as many, or none.
    """
    if len(before) != len(after) or not before:
        raise ValueError("Both runs must have scored the same problems.")
    apart = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    low, high = _bootstrap(apart, seed)
    if all(score in (0, 1) for score in (*before, *after)):
        return Difference(
            float(apart.mean()), low, high, _mcnemar(int((apart > 0).sum()), int((apart < 0).sum()))
        )
    means = _means(apart - apart.mean(), seed)
    extreme = int((np.abs(means) >= abs(apart.mean()) - 1e-12).sum())
    return Difference(float(apart.mean()), low, high, (extreme + 1) / (_RESAMPLES + 1))


def _wilson(right: float, count: int) -> Estimate:
    """Wilson's score interval (1927), which is right for few and for extreme scores too."""
    z = NormalDist().inv_cdf(0.975)
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach), count)


def _mcnemar(gained: int, lost: int) -> float:
    """The chance that problems change sides so unevenly, when either way is as likely (McNemar 1947, exact)."""
    changed = gained + lost
    fewer = sum(comb(changed, number) for number in range(min(gained, lost) + 1))
    return min(1.0, 2 * fewer / 2**changed)


def _means(values: np.ndarray, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    resampled = (values[chance.integers(len(values), size=len(values))] for _ in range(_RESAMPLES))
    return np.stack([each.mean(axis=0) for each in resampled])


def _bootstrap(values: np.ndarray, seed: int) -> tuple[float, float]:
    low, high = np.quantile(_means(values, seed), (0.025, 0.975))
    return float(low), float(high)
