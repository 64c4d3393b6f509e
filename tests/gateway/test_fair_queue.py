"""Who goes first, who is sent away, and what people are told meanwhile."""

import asyncio
import random
from collections.abc import Iterable
from itertools import pairwise

import pytest

from causette.errors import TooManyRequests
from causette.gateway.fair_queue import FairQueue, Ticket


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def queue_of(
    slots: int = 1, max_waiting: int = 100, clock: Clock | None = None, reserve: float = 0
) -> FairQueue:
    return FairQueue(
        slots=slots,
        max_waiting=max_waiting,
        reserve=reserve,
        prefill_cost=1,
        decode_cost=2,
        clock=clock or Clock(),
    )


def join(
    queue: FairQueue,
    tenant: str,
    *,
    weight: float = 1,
    tokens: int = 100,
    strict: bool = False,
    concurrency: int | None = None,
) -> Ticket:
    return queue.join(tenant, weight=weight, input_tokens=tokens, strict=strict, concurrency=concurrency)


def served(queue: FairQueue, tickets: Iterable[Ticket]) -> list[int]:
    """The order in which ``tickets`` run when each leaves at once; those that run already come first."""
    left = dict(enumerate(tickets))
    order: list[int] = []
    while left:
        number = next(number for number, ticket in left.items() if ticket.running)
        order.append(number)
        left.pop(number).leave()
    return order


async def refused(ticket: Ticket) -> TooManyRequests | None:
    try:
        async with asyncio.timeout(0.01):
            await ticket.turn()
    except TooManyRequests as refusal:
        return refusal
    except TimeoutError:
        pass
    return None


async def test_a_free_slot_is_had_at_once() -> None:
    ticket = join(queue_of(), "ada")
    await ticket.turn()
    assert ticket.running
    assert ticket.position == 0
    assert ticket.expected_wait == 0


def test_a_tenants_requests_start_in_the_order_in_which_they_came() -> None:
    queue = queue_of()
    assert served(queue, [join(queue, "ada", tokens=tokens) for tokens in (5, 400, 1, 30)]) == [0, 1, 2, 3]


def test_one_who_asks_little_goes_before_one_who_floods() -> None:
    queue = queue_of()
    flood = [join(queue, "flood") for _ in range(20)]
    light = join(queue, "light")
    assert served(queue, [*flood, light])[:3] == [0, 1, 20]


def test_shares_of_prompts_follow_the_weights() -> None:
    queue = queue_of()
    first = join(queue, "other")
    tickets = [join(queue, name, weight=weight) for name, weight in [("free", 1), ("team", 4)] * 50]
    first.leave()
    order = served(queue, tickets)[:50]
    assert sum(number % 2 for number in order) == pytest.approx(40, abs=1)


def test_reply_tokens_count_while_they_are_made() -> None:
    queue = queue_of(slots=2)
    long, _ = join(queue, "long", tokens=10), join(queue, "short", tokens=10)
    waiting = [join(queue, name, tokens=10) for name in ("long", "short", "short", "short")]
    long.made(30)  # 60 units: what three more prompts and replies of the other would cost
    long.leave()
    assert [ticket.running for ticket in waiting] == [False, True, False, False]


def test_a_prompt_that_was_cached_costs_a_tenth() -> None:
    queue = queue_of(slots=2)
    cached, fresh = join(queue, "cached"), join(queue, "fresh")
    waiting = [join(queue, name) for name in ("fresh", "cached", "cached")]
    cached.prefilled(100, 100)
    fresh.prefilled(100, 0)
    fresh.leave()
    assert [ticket.running for ticket in waiting] == [False, True, False]


def test_a_bound_of_a_prompts_length_is_corrected() -> None:
    queue = queue_of(slots=2)
    bounded, other = join(queue, "bounded", tokens=1000), join(queue, "other", tokens=50)
    waiting = [join(queue, name) for name in ("other", "bounded")]
    bounded.prefilled(20, 0)
    other.leave()
    assert [ticket.running for ticket in waiting] == [False, True]


def test_nobody_saves_up_service_while_away() -> None:
    queue = queue_of()
    tickets = [join(queue, "steady") for _ in range(60)]
    for ticket in tickets[:30]:
        ticket.leave()
    tickets = tickets[30:] + [join(queue, "back") for _ in range(20)]
    order = served(queue, tickets)[:20]
    assert sum(number >= 30 for number in order) == pytest.approx(10, abs=1)


def test_an_empty_queue_is_no_way_to_save_up_either() -> None:
    queue = queue_of()
    for _ in range(30):
        join(queue, "steady").leave()
    running = join(queue, "steady")
    tickets = [join(queue, name) for name in ["back", "steady"] * 10]
    running.leave()
    order = served(queue, tickets)[:10]
    assert sum(number % 2 for number in order) == pytest.approx(5, abs=1)


def test_one_who_was_given_much_is_not_forgiven_for_a_moment_away() -> None:
    queue = queue_of(slots=2)
    greedy, _ = join(queue, "greedy"), join(queue, "modest")
    greedy.made(5000)
    greedy.leave()
    waiting = [join(queue, "modest") for _ in range(5)]
    again = join(queue, "greedy")
    assert waiting[0].running
    assert served(queue, [*waiting, again])[-1] == 5


def test_strict_goes_before_everybody_else() -> None:
    queue = queue_of()
    tickets = [join(queue, "a"), join(queue, "a", weight=100), join(queue, "b", strict=True)]
    strict = [join(queue, "c", strict=True), join(queue, "b", strict=True)]
    assert served(queue, [*tickets, *strict]) == [0, 2, 3, 4, 1]


def test_a_limit_of_its_own_keeps_a_tenant_waiting_and_nobody_else() -> None:
    queue = queue_of(slots=4)
    limited = [join(queue, "limited", concurrency=2) for _ in range(3)]
    others = [join(queue, "other") for _ in range(3)]
    assert [ticket.running for ticket in limited + others] == [True, True, False, True, True, False]
    others[0].leave()
    assert others[2].running
    limited[0].leave()
    assert limited[2].running


def test_more_slots_are_handed_out_and_fewer_are_kept_to() -> None:
    queue = queue_of(slots=1)
    tickets = [join(queue, "ada") for _ in range(5)]
    queue.resize(3)
    assert [ticket.running for ticket in tickets] == [True, True, True, False, False]
    queue.resize(1)
    tickets[0].leave()
    tickets[1].leave()
    assert not tickets[3].running
    tickets[2].leave()
    assert tickets[3].running


def test_the_reserve_is_for_one_who_runs_less_than_their_part() -> None:
    queue = queue_of(slots=8, reserve=1 / 4)
    light = join(queue, "light")
    flood = [join(queue, "flood") for _ in range(20)]
    assert sum(ticket.running for ticket in flood) == 5
    others = [join(queue, f"other {number}") for number in range(3)]
    assert [ticket.running for ticket in (light, *others)] == [True, True, True, False]
    assert queue.running == 8


def test_one_who_is_alone_has_the_reserve_as_well() -> None:
    queue = queue_of(slots=8, reserve=1 / 4)
    flood = [join(queue, "flood") for _ in range(20)]
    assert sum(ticket.running for ticket in flood) == 8


def test_the_reserve_fills_up_again_before_the_flood_goes_on() -> None:
    queue = queue_of(slots=8, reserve=1 / 4)
    join(queue, "light")
    flood = [join(queue, "flood") for _ in range(20)]
    others = [join(queue, f"other {number}") for number in range(2)]
    assert queue.running == 8
    flood[0].leave()
    others[0].leave()
    assert sum(ticket.running for ticket in flood) == 4
    flood[1].leave()
    assert sum(ticket.running for ticket in flood) == 4


def test_no_more_than_four_are_reserved() -> None:
    queue = queue_of(slots=100, max_waiting=200, reserve=1 / 4)
    join(queue, "light")
    flood = [join(queue, "flood") for _ in range(150)]
    assert sum(ticket.running for ticket in flood) == 95


def test_the_reserve_is_had_at_once_though_ones_last_prompt_is_still_read() -> None:
    queue = queue_of(slots=16, reserve=1 / 4)
    light = [join(queue, "light")]
    for _ in range(20):
        join(queue, "flood")
    light += [join(queue, "light") for _ in range(3)]
    assert [ticket.running for ticket in light] == [True] * 4


def test_the_reserve_is_not_for_one_who_was_given_more_than_those_that_wait() -> None:
    queue = queue_of(slots=16, reserve=1 / 4)
    greedy = join(queue, "greedy")
    for _ in range(20):
        join(queue, "flood")
    greedy.made(5000)
    again = join(queue, "greedy")
    assert not again.running
    assert queue.running == 12


def seen_at_work(queue: FairQueue, clock: Clock, to_first_token: float, to_end: float) -> None:
    """Have ``queue`` know how long its engine takes."""
    for _ in range(500):
        ticket = join(queue, "early", tokens=0)
        clock.now += to_first_token
        ticket.made(1)
        clock.now += to_end - to_first_token
        ticket.leave()


def flood_beside_a_light_one(queue: FairQueue) -> list[Ticket]:
    join(queue, "light", tokens=0).made(1)
    return [join(queue, "flood", tokens=1) for _ in range(60)]


def answer(tickets: Iterable[Ticket]) -> None:
    for ticket in [ticket for ticket in tickets if ticket.running]:
        ticket.made(1)


def test_one_above_its_part_starts_no_more_prompts_than_the_engine_needs() -> None:
    clock = Clock()
    queue = queue_of(slots=32, clock=clock, reserve=1 / 8)
    seen_at_work(queue, clock, to_first_token=0.1, to_end=10)
    flood = flood_beside_a_light_one(queue)
    running = [sum(ticket.running for ticket in flood)]
    while running[-1] < 27:
        answer(flood)
        running.append(sum(ticket.running for ticket in flood))
        assert running[-1] > running[-2]
    assert running[:2] == [16, 18]
    assert max(later - before for before, later in pairwise(running)) == 2


def test_an_engine_that_takes_long_to_its_first_token_is_given_more_prompts_at_once() -> None:
    started: list[int] = []
    for to_first_token in (0.1, 2, 5):
        clock = Clock()
        queue = queue_of(slots=32, clock=clock, reserve=1 / 8)
        seen_at_work(queue, clock, to_first_token, to_end=10)
        flood = flood_beside_a_light_one(queue)
        answer(flood)
        started.append(sum(ticket.running for ticket in flood) - 16)
    assert started == [2, 7, 11]


def test_who_leaves_before_the_first_token_holds_nobody_back() -> None:
    clock = Clock()
    queue = queue_of(slots=32, clock=clock, reserve=1 / 8)
    seen_at_work(queue, clock, to_first_token=0.1, to_end=10)
    flood = flood_beside_a_light_one(queue)
    answer(flood)
    early = [ticket for ticket in flood[16:] if ticket.running]
    for ticket in early:
        ticket.leave()
    assert [ticket.running for ticket in flood[18:21]] == [True, True, False]


def test_one_who_is_alone_starts_everything_at_once() -> None:
    clock = Clock()
    queue = queue_of(slots=32, clock=clock, reserve=1 / 8)
    seen_at_work(queue, clock, to_first_token=0.1, to_end=10)
    burst = [join(queue, "burst") for _ in range(40)]
    assert sum(ticket.running for ticket in burst) == 32


def test_an_engine_that_nobody_has_seen_at_work_is_given_everything_at_once() -> None:
    queue = queue_of(slots=32, reserve=1 / 8)
    assert sum(ticket.running for ticket in flood_beside_a_light_one(queue)) == 27


def test_work_without_tokens_is_not_put_off() -> None:
    """Vectors come all at the end: there is no time after the prompt was read."""
    clock = Clock()
    queue = queue_of(slots=32, clock=clock, reserve=1 / 8)
    for _ in range(500):
        ticket = join(queue, "early", tokens=0)
        clock.now += 1
        ticket.leave()
    join(queue, "light", tokens=0)
    flood = [join(queue, "flood", tokens=1) for _ in range(60)]
    assert sum(ticket.running for ticket in flood) == 27


async def test_leaving_again_frees_nothing_twice() -> None:
    queue = queue_of()
    tickets = [join(queue, "ada") for _ in range(3)]
    tickets[0].leave()
    tickets[0].leave()
    assert [ticket.running for ticket in tickets] == [False, True, False]
    assert queue.running == 1


async def test_the_newest_request_of_whoever_crowds_is_refused() -> None:
    queue = queue_of(max_waiting=4)
    join(queue, "running")
    flood = [join(queue, "flood") for _ in range(4)]
    light = join(queue, "light")
    refusal = await refused(flood[3])
    assert refusal is not None
    assert refusal.code == "overloaded"
    with pytest.raises(TooManyRequests):
        join(queue, "flood")
    assert [await refused(ticket) for ticket in (*flood[:3], light)] == [None] * 4


async def test_who_would_be_refused_is_told_so_before_they_join() -> None:
    queue = queue_of(max_waiting=4)
    chance, told, came = random.Random(7), 0, []
    for _ in range(300):
        name, weight = chance.choice([("free", 1), ("plus", 4), ("team", 8)])
        early = False
        try:
            queue.check_room(name, weight=weight)
        except TooManyRequests as refusal:
            assert (refusal.code, refusal.retry_after) == (
                "overloaded",
                queue.waiting / queue.turns_per_second,
            )
            early = True
        before = queue.waiting
        try:
            came.append(join(queue, name, weight=weight))
        except TooManyRequests:
            told += 1
            assert early
            assert queue.waiting == before
        else:
            assert not early
        if chance.random() < 0.3:
            came.pop(chance.randrange(len(came))).leave()
    assert told > 20


async def test_crowding_is_relative_to_the_weight() -> None:
    queue = queue_of(max_waiting=6)
    join(queue, "running")
    team = [join(queue, "team", weight=8) for _ in range(4)]
    free = [join(queue, "free") for _ in range(2)]
    join(queue, "plus", weight=4)
    assert await refused(free[1])
    assert [await refused(ticket) for ticket in (*team, free[0])] == [None] * 5


async def test_strict_requests_are_refused_last() -> None:
    queue = queue_of(max_waiting=3)
    join(queue, "running")
    strict = [join(queue, "strict", strict=True) for _ in range(2)]
    ordinary = join(queue, "ordinary")
    strict.append(join(queue, "strict", strict=True))
    assert await refused(ordinary)
    with pytest.raises(TooManyRequests):
        join(queue, "ordinary")
    with pytest.raises(TooManyRequests):
        join(queue, "strict", strict=True)
    assert [await refused(ticket) for ticket in strict] == [None] * 3


def test_without_room_to_wait_a_full_house_refuses() -> None:
    queue = queue_of(max_waiting=0)
    ticket = join(queue, "ada")
    with pytest.raises(TooManyRequests):
        join(queue, "bob")
    ticket.leave()
    assert join(queue, "bob").running


def test_waits_are_told_from_how_fast_the_queue_moved() -> None:
    clock = Clock()
    queue = queue_of(clock=clock, max_waiting=500)
    tickets = [join(queue, "ada") for _ in range(400)]
    for ticket in tickets[:300]:
        clock.now += 0.25
        ticket.leave()
    assert queue.turns_per_second == pytest.approx(4, rel=0.05)
    assert tickets[340].position == 39
    assert tickets[340].expected_wait == pytest.approx(10, rel=0.05)


def test_a_queue_that_stands_still_is_said_to_be_slow() -> None:
    clock = Clock()
    queue = queue_of(clock=clock)
    tickets = [join(queue, "ada") for _ in range(50)]
    for ticket in tickets[:40]:
        clock.now += 0.1
        ticket.leave()
    before = tickets[-1].expected_wait
    clock.now += 60
    assert tickets[-1].expected_wait > 5 * before


def test_time_in_which_nobody_waited_says_nothing() -> None:
    clock = Clock()
    queue = queue_of(clock=clock)
    tickets = [join(queue, "ada") for _ in range(100)]
    for ticket in tickets:
        clock.now += 0.5
        ticket.leave()
    busy = queue.turns_per_second
    clock.now += 3600
    join(queue, "ada").leave()
    clock.now += 3600
    assert queue.turns_per_second == busy


async def test_a_refusal_says_when_the_queue_will_have_moved_on() -> None:
    clock = Clock()
    queue = queue_of(clock=clock, max_waiting=100)
    running = join(queue, "ada")
    for _ in range(200):
        waiting = join(queue, "ada")
        clock.now += 0.5
        running.leave()
        running = waiting
    for _ in range(100):
        join(queue, "ada")
    with pytest.raises(TooManyRequests) as caught:
        join(queue, "ada")
    assert caught.value.retry_after == pytest.approx(50, rel=0.05)


async def test_whoever_is_cancelled_while_waiting_has_left() -> None:
    queue = queue_of()
    running, waiting, last = (join(queue, "ada") for _ in range(3))
    task = asyncio.create_task(waiting.turn())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert queue.waiting == 1
    running.leave()
    assert last.running


async def test_a_slot_given_in_the_moment_of_a_cancellation_goes_on_to_the_next() -> None:
    queue = queue_of()
    running, waiting, last = (join(queue, "ada") for _ in range(3))
    task = asyncio.create_task(waiting.turn())
    await asyncio.sleep(0)
    running.leave()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert last.running
    assert (queue.running, queue.waiting) == (1, 0)


async def test_a_slot_given_after_a_cancellation_goes_on_to_the_next() -> None:
    queue = queue_of()
    running, waiting, last = (join(queue, "ada") for _ in range(3))
    task = asyncio.create_task(waiting.turn())
    await asyncio.sleep(0)
    task.cancel()
    running.leave()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert last.running
    assert (queue.running, queue.waiting) == (1, 0)


async def test_whoever_is_refused_while_waiting_is_told() -> None:
    queue = queue_of(max_waiting=2)
    join(queue, "running")
    join(queue, "flood")
    task = asyncio.create_task(join(queue, "flood").turn())
    await asyncio.sleep(0)
    join(queue, "light")
    with pytest.raises(TooManyRequests):
        await task


async def test_places_are_told_as_they_change_and_end_with_the_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("causette.gateway.fair_queue.ANNOUNCE_EVERY", 0.01)
    queue = queue_of()
    tickets = [join(queue, "ada") for _ in range(4)]
    told: list[int] = []
    async for place in tickets[3].places():
        told.append(place)
        tickets[len(told) - 1].leave()
    assert told == [2, 1, 0]
    assert tickets[3].running


async def test_places_end_with_a_refusal() -> None:
    queue = queue_of(max_waiting=2)
    join(queue, "running")
    join(queue, "flood")
    shed = join(queue, "flood")
    async for place in shed.places():
        assert place == 1
        join(queue, "light")
    with pytest.raises(TooManyRequests):
        await shed.turn()


async def test_whoever_stops_following_places_still_has_the_place() -> None:
    queue = queue_of()
    running, waiting = join(queue, "ada"), join(queue, "ada")

    async def follow() -> None:
        async for _ in waiting.places():
            pass

    task = asyncio.create_task(follow())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    running.leave()
    assert waiting.running


def test_tenants_that_have_had_no_more_than_others_are_forgotten() -> None:
    queue = queue_of()
    for number in range(1000):
        join(queue, f"user_{number}").leave()
    assert queue.remembered < 5
