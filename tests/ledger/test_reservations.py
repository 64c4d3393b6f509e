"""Who is let in with how many tokens, whatever comes in which order: properties of pure functions."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causette.ledger import reservations
from causette.ledger.prices import FREE, Price
from causette.ledger.reservations import Counter, Granted, Refused, ends_at, grant, present, settle
from causette.ledger.types import (
    CREDIT,
    DAY,
    MINUTE,
    MONTH,
    NANO,
    TOTAL,
    Hold,
    Limit,
    Meter,
    Offer,
    Quantities,
    Window,
)

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
#: 0.15 and 0.60 USD a million tokens.
PRICE = Price(input=150_000_000, cached_input=75_000_000, output=600_000_000, reasoning=600_000_000)


def hold(*offers: Offer, input_bound: int = 100, wanted: int = 1_000, least: int = 1) -> Hold:
    return Hold(
        id="req_1",
        payer_id="user_ada",
        user_id="user_ada",
        plan_id="plus",
        surface="platform",
        model="default",
        engine_request_id="eng_1",
        offers=offers,
        input_bound=input_bound,
        output_wanted=wanted,
        output_least=least,
    )


def metered(*limits: Limit, price: Price = PRICE) -> Offer:
    return Offer(name="metered", price=price, limits=limits)


def budget(nano: int, window: Window = TOTAL) -> Limit:
    return Limit("key:key_1", Meter.MONEY, window, nano)


prices = st.builds(
    Price,
    input=st.integers(0, 10**9),
    cached_input=st.integers(0, 10**9),
    output=st.integers(0, 10**9),
    reasoning=st.integers(0, 10**9),
)
meters = st.sampled_from(tuple(Meter))
steps = st.tuples(prices, st.integers(1, 5_000), st.integers(1, 5_000), st.floats(0, 1), st.floats(0, 1))


@given(
    st.lists(st.tuples(meters, st.integers(0, 10_000_000)), min_size=1, max_size=4),
    st.lists(steps, max_size=30),
    st.booleans(),
)
def test_no_limit_is_ever_exceeded_and_nothing_stays_held(
    limits: list[tuple[Meter, int]], requests: list[tuple[Price, int, int, float, float]], at_once: bool
):
    asked = tuple(
        Limit(f"key:key_{number}", meter, MINUTE, amount) for number, (meter, amount) in enumerate(limits)
    )
    counters: dict[str, Counter] = {}
    open_: list[tuple[Granted, dict[Meter, int]]] = []
    spent = dict.fromkeys(Meter, 0)
    for price, input_bound, wanted, read, written in requests:
        found = grant(
            hold(metered(*asked, price=price), input_bound=input_bound, wanted=wanted), counters, NOW
        )
        for limit in asked:
            assert counters.get(limit.counter, Counter(NOW)).used <= limit.amount
        if isinstance(found, Refused):
            continue
        assert 1 <= found.output <= wanted
        used = Quantities(input_tokens=int(read * input_bound), output_tokens=int(written * found.output))
        took = {
            Meter.REQUESTS: 1,
            Meter.TOKENS: used.input_tokens + used.output_tokens,
            Meter.MONEY: price.charge(used),
        }
        assert took[Meter.MONEY] <= found.nano
        open_.append((found, took))
        for meter, amount in took.items():
            spent[meter] += amount
        if not at_once:
            settle(*_last(open_), counters)
    while open_:
        settle(*_last(open_), counters)
    for limit in asked:
        counter = counters.get(limit.counter, Counter(NOW))
        assert counter.held == 0
        assert counter.used == spent[limit.meter] <= limit.amount


def _last(
    open_: list[tuple[Granted, dict[Meter, int]]],
) -> tuple[tuple[reservations.Held, ...], dict[Meter, int]]:
    granted, took = open_.pop()
    return granted.held, took


def test_a_budget_of_25_dollars_serves_25_dollars():
    counters: dict[str, Counter] = {}
    charged, shortest = 0, 1_000_000
    while True:
        found = grant(hold(metered(budget(25 * NANO)), wanted=1_000_000), counters, NOW)
        if isinstance(found, Refused):
            break
        used = Quantities(input_tokens=100, output_tokens=found.output)
        charged += PRICE.charge(used)
        shortest = min(shortest, found.output)
        settle(found.held, {Meter.REQUESTS: 1, Meter.TOKENS: 1, Meter.MONEY: PRICE.charge(used)}, counters)
    # The last reply was cut short, and what is left does not pay for a prompt and one token.
    assert shortest < 1_000_000
    assert 25 * NANO - PRICE.worst(100, 1) < charged <= 25 * NANO


def test_a_reply_is_cut_to_what_is_left_but_not_below_what_makes_sense():
    left = PRICE.worst(100, 7)
    assert grant(hold(metered(budget(left))), {}, NOW).output == 7  # type: ignore[union-attr]
    assert isinstance(grant(hold(metered(budget(left)), least=8), {}, NOW), Refused)


def test_the_next_offer_is_taken_where_the_first_is_used_up():
    included = Offer(name="included", price=FREE, limits=(Limit("payer:a", Meter.REQUESTS, MINUTE, 1),))
    counters: dict[str, Counter] = {}
    asked = hold(included, metered(budget(NANO)))
    names = [found.offer.name for _ in range(2) if isinstance(found := grant(asked, counters, NOW), Granted)]
    assert names == ["included", "metered"]
    assert counters["payer:a requests 60s"].used == 1


def test_one_counter_behind_two_limits_is_used_once():
    limits = (Limit("key:a", Meter.REQUESTS, MINUTE, 5), Limit("key:a", Meter.REQUESTS, MINUTE, 2))
    counters: dict[str, Counter] = {}
    granted = [isinstance(grant(hold(metered(*limits)), counters, NOW), Granted) for _ in range(3)]
    assert granted == [True, True, False]
    assert counters["key:a requests 60s"].used == 2


def test_what_costs_nothing_is_let_in_on_an_empty_budget():
    assert isinstance(grant(hold(metered(budget(0), price=FREE)), {}, NOW), Granted)
    assert isinstance(grant(hold(metered(budget(0))), {}, NOW), Refused)


def test_nothing_offered_is_a_refusal_without_a_limit():
    assert grant(hold(), {}, NOW) == Refused(None)


@pytest.mark.parametrize(
    ("window", "began", "now", "rolls"),
    [
        (MINUTE, NOW, NOW + timedelta(seconds=59.999999), False),
        (MINUTE, NOW, NOW + timedelta(seconds=60), True),
        (
            DAY,
            datetime(2026, 3, 10, tzinfo=UTC),
            datetime(2026, 3, 10, 23, 59, 59, 999999, tzinfo=UTC),
            False,
        ),
        (DAY, datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC), True),
        (DAY, datetime(2027, 12, 31, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC), True),
        (MONTH, datetime(2028, 2, 1, tzinfo=UTC), datetime(2028, 2, 29, 23, 59, tzinfo=UTC), False),
        (MONTH, datetime(2028, 2, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC), True),
        (MONTH, datetime(2027, 12, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC), True),
        (TOTAL, NOW, NOW + timedelta(days=40_000), False),
        (CREDIT, NOW, NOW + timedelta(days=40_000), False),
    ],
)
def test_a_window_is_over_at_its_end_and_not_before(
    window: Window, began: datetime, now: datetime, rolls: bool
):
    counter = Counter(began, 5, 2)
    found = present(counter, window, now)
    assert (found.used, found.held) == ((0, 0) if rolls else (5, 2))


@given(st.integers(1_577_836_800, 4_102_444_799).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_every_moment_is_in_a_window_that_has_begun_and_not_ended(now: datetime):
    for window in (MINUTE, DAY, MONTH):
        counter = present(None, window, now)
        end = ends_at(counter, window)
        assert end is not None
        assert counter.started_at <= now < end
        assert present(counter, window, end - timedelta(microseconds=1)) == counter
        assert present(counter, window, end).started_at == end


def test_what_was_held_in_a_window_that_is_over_does_not_burden_the_next():
    limit = Limit("key:a", Meter.REQUESTS, MINUTE, 1)
    counters: dict[str, Counter] = {}
    first = grant(hold(metered(limit)), counters, NOW)
    later = NOW + timedelta(minutes=2)
    second = grant(hold(metered(limit)), counters, later)
    assert isinstance(first, Granted)
    assert isinstance(second, Granted)
    settle(first.held, dict.fromkeys(Meter, 1), counters)
    assert counters[limit.counter] == Counter(later, 1, 1)
