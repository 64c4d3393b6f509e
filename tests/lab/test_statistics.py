"""Intervals and tests, against values from the literature and against what chance does."""

import random
from math import comb

import pytest

from causette.lab.statistics import compare, compare_ratio, estimate, estimate_ratio


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_newcombes(right: int, count: int, low: float, high: float) -> None:
    found = estimate([1.0] * right + [0.0] * (count - right))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert (found.value, found.count) == (right / count, count)


def test_the_interval_of_shares_has_the_true_mean_about_as_often_as_it_says() -> None:
    chance = random.Random(1)
    held = 0
    for _ in range(60):
        scores = [chance.random() ** 2 for _ in range(80)]
        found = estimate(scores, seed=2)
        held += found.low <= 1 / 3 <= found.high
    assert held >= 52


def test_a_ratio_is_that_of_sums_and_its_interval_holds_the_true_one_about_as_often_as_it_says() -> None:
    assert estimate_ratio([1, 5], [1, 9]).value == 0.6
    chance = random.Random(4)
    held = 0
    for _ in range(40):
        wholes = [chance.randint(1, 50) for _ in range(60)]
        parts = [whole * 2 * chance.random() for whole in wholes]
        found = estimate_ratio(parts, wholes, seed=5)
        assert found.low < found.value < found.high
        held += found.low <= 1 <= found.high
    assert held >= 34


def test_mcnemars_test_is_exact() -> None:
    # Ten problems gained and two lost: the tails of a coin thrown twelve times.
    before = [0.0] * 10 + [1.0] * 2 + [1.0] * 30
    after = [1.0] * 10 + [0.0] * 2 + [1.0] * 30
    found = compare(before, after)
    assert found.p == pytest.approx(2 * sum(comb(12, k) for k in range(3)) / 2**12)
    assert found.is_real
    assert found.value == pytest.approx(8 / 42)
    assert found.low < found.value < found.high


def test_what_chance_does_is_not_taken_for_a_difference() -> None:
    chance = random.Random(3)
    runs = [[float(chance.random() < 0.5) for _ in range(100)] for _ in range(60)]
    real = sum(compare(*pair).is_real for pair in zip(runs[::2], runs[1::2], strict=True))
    assert real <= 4
    shares = [[chance.random() for _ in range(100)] for _ in range(2)]
    assert not compare(*shares).is_real
    assert compare(shares[0], [score + 0.2 for score in shares[0]]).is_real


def test_a_difference_of_ratios_is_told_from_chance() -> None:
    """Documents of all lengths, of which the second model takes 2 % more, or as much but for chance."""
    chance = random.Random(4)
    sizes = [chance.randint(100, 4_000) for _ in range(80)]
    before = [size * chance.gauss(1.0, 0.2) for size in sizes]
    more = compare_ratio(before, [each * 1.02 + chance.gauss(0, 5) for each in before], sizes)
    assert more.value == pytest.approx(0.02, abs=0.003)
    assert more.low < more.value < more.high and more.low > 0 and more.is_real
    false = sum(
        compare_ratio(before, [each + chance.gauss(0, 20) for each in before], sizes, seed=run).is_real
        for run in range(8)
    )
    assert false <= 2
    same = compare_ratio(before, before, sizes)
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)
    with pytest.raises(ValueError, match="the same wholes"):
        compare_ratio([1.0], [1.0, 2.0], [1.0])


def test_runs_on_other_problems_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same problems"):
        compare([1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="no scores"):
        estimate([])
