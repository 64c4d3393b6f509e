"""Whatever is changed, however often: a month's charges add up to its time-weighted price."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.plans.proration import begin, change, months_after

START = datetime(2026, 3, 1, tzinfo=UTC)

rates = st.integers(0, 10**15)


@st.composite
def changes(draw: st.DrawFn) -> tuple[timedelta, list[tuple[int, int]], int]:
    """A period's length, its changes (second, rate) in order, and its first rate."""
    length = draw(st.integers(1, 31 * 86_400))
    seconds = sorted(draw(st.lists(st.integers(0, length), max_size=12)))
    return timedelta(seconds=length), [(at, draw(rates)) for at in seconds], draw(rates)


@given(changes())
def test_all_charges_and_credits_add_up_to_the_time_weighted_price(
    drawn: tuple[timedelta, list[tuple[int, int]], int],
) -> None:
    length, steps, first = drawn
    period = begin(START, START + length, first)
    paid = first
    exact, since, rate = Fraction(0), 0, first
    whole = length // timedelta(seconds=1)
    for at, wanted in steps:
        period, adjustment = change(period, START + timedelta(seconds=at), wanted)
        paid += adjustment.net
        exact += Fraction(rate * (at - since), whole)
        since, rate = at, wanted
        # Half a unit for the one rounding, at every moment and not just at the end.
        assert abs(paid - (exact + Fraction(rate * (whole - since), whole))) <= Fraction(1, 2)
        assert paid == period.charged


@given(rates, rates, st.integers(0, 86_400))
def test_the_credit_is_what_is_left_of_the_old_and_the_charge_of_the_new(old: int, new: int, at: int) -> None:
    period = begin(START, START + timedelta(days=1), old)
    _, adjustment = change(period, START + timedelta(seconds=at), new)
    left = Fraction(86_400 - at, 86_400)
    assert abs(adjustment.credit + old * left) <= Fraction(1, 2)
    assert abs(adjustment.charge - new * left) <= 1
    assert adjustment.credit <= 0 <= adjustment.charge


@given(rates, rates, st.integers(0, 86_400))
def test_to_and_fro_at_one_instant_costs_nothing(old: int, new: int, at: int) -> None:
    instant = START + timedelta(seconds=at)
    period = begin(START, START + timedelta(days=1), old)
    period, there = change(period, instant, new)
    _, back = change(period, instant, old)
    assert there.net + back.net == 0


def test_an_upgrade_half_way_costs_half_the_difference() -> None:
    period = begin(START, START + timedelta(days=30), 1000)
    _, adjustment = change(period, START + timedelta(days=15), 3000)
    assert (adjustment.credit, adjustment.charge) == (-500, 1500)


def test_a_clock_that_is_behind_or_ahead_costs_neither_side_anything() -> None:
    period = begin(START, START + timedelta(days=30), 1000)
    period, _ = change(period, START + timedelta(days=10), 2000)
    assert change(period, START, 3000) == change(period, START + timedelta(days=10), 3000)
    _, late = change(period, START + timedelta(days=40), 9000)
    assert late.net == 0


def test_a_period_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot begin"):
        begin(START, START + timedelta(milliseconds=1), 5)


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        ((2026, 1, 31), 1, (2026, 2, 28)),
        ((2026, 1, 31), 2, (2026, 3, 31)),
        ((2028, 1, 31), 1, (2028, 2, 29)),
        ((2026, 12, 15), 1, (2027, 1, 15)),
        ((2026, 11, 30), 1, (2026, 12, 30)),
        ((2026, 10, 31), 1, (2026, 11, 30)),
        ((2026, 3, 31), 25, (2028, 4, 30)),
        ((2026, 3, 31), 9, (2026, 12, 31)),
    ],
)
def test_renewals_keep_their_day(
    anchor: tuple[int, int, int], months: int, expected: tuple[int, int, int]
) -> None:
    assert months_after(datetime(*anchor, 9, tzinfo=UTC), months) == datetime(*expected, 9, tzinfo=UTC)
