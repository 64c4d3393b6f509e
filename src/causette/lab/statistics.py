"""What a measurement can tell, and what it cannot."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import comb, exp, floor, log, sqrt
from statistics import NormalDist, fmean, stdev
from typing import Final

import numpy as np

_RESAMPLES: Final = 10_000
_FEWEST: Final = 4
#: With fewer even the whole range of them is not certain enough.
FEWEST_PAIRS: Final = 6
#: Chance alone brings as much less often than so.
BEYOND_CHANCE: Final = 0.05


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


def estimate_mean(values: Sequence[float]) -> Estimate:
    """The mean of a few measurements of any size, with Student's interval.

    Raises:
        ValueError: there are fewer than four, of which it says too little.
    """
    count = len(values)
    if count < _FEWEST:
        raise ValueError(f"An interval takes {_FEWEST} measurements at least.")
    mean = fmean(values)
    reach = _student(count - 1) * stdev(values) / sqrt(count)
    return Estimate(mean, mean - reach, mean + reach, count)


def compare_times(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """How many times as large the second of two measurements is, taken in pairs.

    The median of the means of every two logarithms (Hodges and Lehmann, 1963), with the interval of Wilcoxon's
    signed-rank test: pairs that something else has disturbed move both little.

    Raises:
        ValueError: they are not as many, fewer than six, of which it says too little, or not positive.
    """
    count = len(before)
    if count < FEWEST_PAIRS:
        raise ValueError(f"An interval takes {FEWEST_PAIRS} pairs at least.")
    apart = np.asarray([log(new / old) for old, new in zip(before, after, strict=True)])
    one, other = np.triu_indices(count)
    means = np.sort((apart[one] + apart[other]) / 2)
    outside = _means_outside(count)
    return Estimate(
        exp(float(np.median(means))), exp(float(means[outside])), exp(float(means[-1 - outside])), count
    )


@cache
def _means_outside(count: int) -> int:
    """How many of the means of every two of ``count`` values lie at either side of the interval of their median.

    Whichever signs chance gives to the ranks 1 to ``count``, all 2^count are as likely.
    """
    ways = [1]
    for rank in range(1, count + 1):
        without, with_it = [*ways, *[0] * rank], [*[0] * rank, *ways]
        ways = [a + b for a, b in zip(without, with_it, strict=True)]
    return sum(below <= BEYOND_CHANCE / 2 * 2**count for below in accumulate(ways)) - 1


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
        return self.p < BEYOND_CHANCE


def compare(before: Sequence[float], after: Sequence[float], *, seed: int = 0) -> Difference:
    """Two runs on the same problems, in the same order: McNemar's exact test, or a paired bootstrap for shares.

    Raises:
        ValueError: they are not as many, or none.
    """
    p = by_chance(before, after, seed=seed)
    apart = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    low, high = _bootstrap(apart, seed)
    return Difference(float(apart.mean()), low, high, p)


def compare_ratio(
    before: Sequence[float], after: Sequence[float], wholes: Sequence[float], *, seed: int = 0
) -> Difference:
    """How much the sum of ``after`` over that of ``wholes`` is above that of ``before``: a paired bootstrap.

    Raises:
        ValueError: they are not as many, or none.
    """
    if not len(before) == len(after) == len(wholes) or not wholes:
        raise ValueError("Both runs must have measured the same wholes, and one at least.")
    apart = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    pairs = np.stack([apart, np.asarray(wholes, dtype=np.float64)], axis=1)
    value = float(apart.sum() / pairs[:, 1].sum())
    parts, sizes = _means(pairs, seed).T
    low, high = np.quantile(parts / sizes, (0.025, 0.975))
    # As it would come out by chance if there were no difference.
    extreme = int((np.abs(parts / sizes - value) >= abs(value) - 1e-12).sum())
    return Difference(value, float(low), float(high), (extreme + 1) / (_RESAMPLES + 1))


def by_chance(before: Sequence[float], after: Sequence[float], *, seed: int = 0) -> float:
    """How likely as great a difference is where there is none: see `compare`.

    Raises:
        ValueError: they are not as many, or none.
    """
    if len(before) != len(after) or not before:
        raise ValueError("Both runs must have scored the same problems.")
    apart = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    if all(score in (0, 1) for score in (*before, *after)):
        return _mcnemar(int((apart > 0).sum()), int((apart < 0).sum()))
    means = _means(apart - apart.mean(), seed)
    extreme = int((np.abs(means) >= abs(apart.mean()) - 1e-12).sum())
    return (extreme + 1) / (_RESAMPLES + 1)


def not_worse(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """The difference of two runs on the same problems, with an interval that is honest for few of them.

    A bootstrap of problems that all came out the same has no width, however few they are. This is Bonett and Price's
    interval for paired proportions (2012), in which one problem more has been gained and one more lost; that says as
    much of shares between 0 and 1. ``value`` is the difference that was found.

    Raises:
        ValueError: they are not as many, or none.
    """
    if len(before) != len(after) or not before:
        raise ValueError("Both runs must have scored the same problems.")
    apart = [new - old for old, new in zip(before, after, strict=True)]
    count = len(apart) + 2
    mean = sum(apart) / count
    variance = (sum(each * each for each in apart) + 2) / count - mean * mean
    reach = NormalDist().inv_cdf(0.975) * sqrt(variance / count)
    return Estimate(fmean(apart), max(-1.0, mean - reach), min(1.0, mean + reach), len(apart))


def least_problems(tolerance: float) -> int:
    """How many problems it takes for `not_worse` to rule out a loss of ``tolerance`` where all come out the same."""
    # The reach of its interval is z √2 / (n + 2).
    return floor(NormalDist().inv_cdf(0.975) * sqrt(2) / tolerance - 2) + 1


def _student(freedom: int) -> float:
    """Student's 97.5 % quantile, by Cornish and Fisher's expansion: within one percent from three degrees on."""
    z = NormalDist().inv_cdf(0.975)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


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
