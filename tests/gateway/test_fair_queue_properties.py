"""What holds of the fair queue whatever happens: nothing lost, nothing idle, nobody served out of proportion."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from causette.errors import TooManyRequests
from causette.gateway.fair_queue import FairQueue, Ticket
from causette.gateway.ranking import Ranking

PREFILL, DECODE = 1.0, 2.0
LONGEST_PROMPT, LONGEST_REPLY = 60, 40


@dataclass
class Load:
    """Tenants that always have a request waiting, on an engine that makes one token a step for each that runs."""

    weights: dict[str, float]
    slots: int
    random: Random
    reserve: float = 0
    now: float = 0.0
    left: dict[Ticket, int] = field(default_factory=dict[Ticket, int])
    made: Counter[Ticket] = field(default_factory=Counter[Ticket])
    whose: dict[Ticket, str] = field(default_factory=dict[Ticket, str])
    prompts: dict[Ticket, int] = field(default_factory=dict[Ticket, int])
    #: Service over weight.
    service: Counter[str] = field(default_factory=Counter[str])
    waiting: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        self.queue = FairQueue(
            slots=self.slots,
            max_waiting=10**6,
            reserve=self.reserve,
            prefill_cost=PREFILL,
            decode_cost=DECODE,
            clock=lambda: self.now,
        )
        #: Each has its own taste: some write long prompts, some get long replies.
        self.sizes = {
            name: (self.random.randint(1, LONGEST_PROMPT), self.random.randint(1, LONGEST_REPLY))
            for name in self.weights
        }

    @property
    def bound(self) -> float:
        """What the module says: twice max(wp · L, wq · M) over the smaller weight."""
        running = self.slots * (LONGEST_PROMPT + LONGEST_REPLY)
        return 2 * max(PREFILL * LONGEST_PROMPT, DECODE * running) / min(self.weights.values())

    def step(self) -> None:
        """Everybody has something waiting; then all that run make a token, and some end."""
        self.now += 1
        for name, weight in self.weights.items():
            # All that run may end in this step, and one tenant take all their slots.
            while self.waiting[name] <= self.slots:
                self.ask(name, weight)
        self.note_started()
        for ticket in list(self.left):
            if not ticket.running:
                continue
            self.made[ticket] += 1
            ticket.made(self.made[ticket])
            self.service[self.whose[ticket]] += DECODE / self.weights[self.whose[ticket]]
            self.left[ticket] -= 1
            if not self.left[ticket]:
                del self.left[ticket]
                ticket.leave()
                self.note_started()
                self.ask(self.whose[ticket], self.weights[self.whose[ticket]])
                self.note_started()

    def ask(self, name: str, weight: float) -> None:
        prompt, reply = (self.random.randint(1, most) for most in self.sizes[name])
        ticket = self.queue.join(name, weight=weight, input_tokens=prompt)
        self.left[ticket], self.whose[ticket], self.prompts[ticket] = reply, name, prompt
        self.waiting[name] += 1

    def note_started(self) -> None:
        for ticket in list(self.prompts):
            if ticket.running:
                name = self.whose[ticket]
                self.service[name] += PREFILL * self.prompts.pop(ticket) / self.weights[name]
                self.waiting[name] -= 1


@settings(deadline=None, max_examples=40)
@given(
    weights=st.lists(st.sampled_from([0.5, 1, 2, 4, 8]), min_size=2, max_size=5),
    slots=st.integers(1, 8),
    reserve=st.sampled_from([0, 1 / 4, 1 / 2]),
    seed=st.integers(0, 2**32),
)
def test_service_over_weight_differs_by_no_more_than_the_papers_bound(
    weights: list[float], slots: int, reserve: float, seed: int
) -> None:
    named = {f"tenant {number}": weight for number, weight in enumerate(weights)}
    load = Load(named, slots, Random(seed), reserve)
    load.step()
    names = list(load.weights)
    # Over any interval: the difference's highest and lowest value lie no further apart than the bound.
    reach = {(one, other): [0.0, 0.0] for one in names for other in names if one < other}
    start = load.service.copy()
    for _ in range(600):
        load.step()
        for (one, other), ends in reach.items():
            apart = load.service[one] - start[one] - load.service[other] + start[other]
            ends[:] = min(ends[0], apart), max(ends[1], apart)
    assert max(high - low for low, high in reach.values()) <= load.bound


@settings(deadline=None, max_examples=20)
@given(
    weights=st.lists(st.sampled_from([0.5, 1, 2, 4, 8]), min_size=1, max_size=5),
    slots=st.integers(4, 40),
    seed=st.integers(0, 2**32),
)
def test_only_the_reserve_stays_free_once_every_prompt_is_read(
    weights: list[float], slots: int, seed: int
) -> None:
    named = {f"tenant {number}": weight for number, weight in enumerate(weights)}
    load = Load(named, slots, Random(seed), reserve=1 / 4)
    for _ in range(50):
        load.step()
        # Whoever's reply has just ended asks again, but only after the slots were handed out.
        running = 0
        while load.queue.running != running:
            running = load.queue.running
            for ticket in load.left:
                if ticket.running and not load.made[ticket]:
                    ticket.made(1)
                    load.made[ticket] = 1
            for name, weight in named.items():
                load.note_started()
                while load.waiting[name] <= slots:
                    load.ask(name, weight)
        assert load.queue.running >= slots - min(slots // 4, 4)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32))
@example(seed=15643)  # the tenant with most weight gets replies of one token
def test_over_time_shares_are_the_weights(seed: int) -> None:
    load = Load({"free": 1, "plus": 4, "team": 8}, 4, Random(seed))
    for _ in range(6000):
        load.step()
    shares = [load.service[name] for name in load.weights]
    assert max(shares) - min(shares) <= load.bound
    assert min(shares) / max(shares) > 0.75


@settings(deadline=None, max_examples=30)
@given(others=st.integers(1, 12), slots=st.integers(1, 4), weight=st.sampled_from([0.1, 1, 4]))
def test_nobody_starves(others: int, slots: int, weight: float) -> None:
    """However many crowd, with whatever weight, one request is served after a bounded number of theirs."""
    queue = FairQueue(slots=slots, max_waiting=10**6, prefill_cost=PREFILL, decode_cost=DECODE)
    tickets = [
        queue.join(f"other {n}", weight=weight, input_tokens=10) for n in range(others) for _ in range(3)
    ]
    alone = queue.join("alone", weight=1, input_tokens=10)
    turns = 0
    while not alone.running:
        ticket = next(ticket for ticket in tickets if ticket.running)
        tickets.remove(ticket)
        ticket.leave()
        tickets += [queue.join(f"other {n}", weight=weight, input_tokens=10) for n in range(others)]
        turns += 1
        assert turns <= others + slots


def test_time_away_earns_nothing() -> None:
    """Of two alike, the one that comes late gets half from then on, not what it did without before."""
    load = Load({"steady": 1}, 4, Random(1))
    load.sizes["late"] = load.sizes["steady"]
    for _ in range(3000):
        load.step()
    load.weights["late"] = 1
    load.step()
    before = load.service.copy()
    for _ in range(3000):
        load.step()
    gained = [load.service[name] - before[name] for name in ("steady", "late")]
    assert abs(gained[0] - gained[1]) <= load.bound


class Anything(RuleBasedStateMachine):
    """Requests come, are cancelled, run, make tokens and leave; slots come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.slots = 2
        self.queue = FairQueue(
            slots=2, max_waiting=6, prefill_cost=PREFILL, decode_cost=DECODE, clock=lambda: self.now
        )
        self.tickets: list[Ticket] = []
        self.made: Counter[Ticket] = Counter()
        self.limits: dict[str, int | None] = {}
        self.whose: dict[Ticket, str] = {}
        self.loop = asyncio.new_event_loop()

    def teardown(self) -> None:
        for ticket in self.tickets:
            ticket.leave()
        assert (self.queue.running, self.queue.waiting) == (0, 0)
        self.loop.close()

    @rule(
        tenant=st.sampled_from("abcd"),
        weight=st.sampled_from([1, 4]),
        tokens=st.integers(0, 50),
        strict=st.booleans(),
        limit=st.sampled_from([None, 1, 2]),
    )
    def come(self, tenant: str, weight: float, tokens: int, strict: bool, limit: int | None) -> None:
        name = f"{tenant} {strict}"
        self.limits[name] = limit
        full = self.queue.waiting == self.queue.max_waiting
        try:
            ticket = self.queue.join(
                tenant, weight=weight, input_tokens=tokens, strict=strict, concurrency=limit
            )
        except TooManyRequests as refusal:
            assert full
            assert refusal.retry_after is not None
            assert refusal.retry_after > 0
            return
        self.tickets.append(ticket)
        self.whose[ticket] = name

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        if self.tickets:
            ticket = data.draw(st.sampled_from(self.tickets))
            ticket.leave()
            if data.draw(st.booleans()):
                ticket.leave()
            self.tickets.remove(ticket)

    @rule(data=st.data(), times=st.integers(1, 3))
    def be_cancelled(self, data: st.DataObject, times: int) -> None:
        waiting = [ticket for ticket in self.tickets if not ticket.running]

        async def cancel() -> None:
            tasks = [asyncio.create_task(ticket.turn()) for ticket in waiting[:times]]
            await asyncio.sleep(0)
            if self.tickets and data.draw(st.booleans()):
                self.tickets[0].leave()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.loop.run_until_complete(cancel())

    @rule(data=st.data(), tokens=st.integers(1, 30))
    def make(self, data: st.DataObject, tokens: int) -> None:
        running = [ticket for ticket in self.tickets if ticket.running]
        if running:
            ticket = data.draw(st.sampled_from(running))
            self.made[ticket] += tokens
            ticket.made(self.made[ticket])

    @rule(data=st.data(), tokens=st.integers(0, 50))
    def be_read(self, data: st.DataObject, tokens: int) -> None:
        running = [ticket for ticket in self.tickets if ticket.running]
        if running:
            cached = data.draw(st.integers(0, tokens))
            data.draw(st.sampled_from(running)).prefilled(tokens, cached)

    @rule(slots=st.integers(0, 4))
    def resize(self, slots: int) -> None:
        self.slots = slots
        self.queue.resize(slots)

    @rule(seconds=st.floats(0, 100))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def order(self) -> dict[Ticket, int]:
        """The places of those that wait; a refused or cancelled ticket is none of them."""
        requests = {request: place for place, request in enumerate(self.queue.order())}
        return {ticket: requests[ticket._request] for ticket in self.tickets if ticket._request in requests}

    @invariant()
    def counts_are_true(self) -> None:
        running = [ticket for ticket in self.tickets if ticket.running]
        assert len(running) == self.queue.running
        assert len(self.order()) == self.queue.waiting <= self.queue.max_waiting

    @invariant()
    def no_slot_is_free_for_one_who_waits(self) -> None:
        running = Counter(self.whose[ticket] for ticket in self.tickets if ticket.running)
        for ticket in self.order():
            limit = self.limits[self.whose[ticket]]
            own_limit = limit is not None and running[self.whose[ticket]] >= limit
            assert own_limit or self.queue.running >= self.slots

    @invariant()
    def places_are_the_order(self) -> None:
        order = self.order()
        assert sorted(order.values()) == list(range(len(order)))
        assert all(ticket.position == place for ticket, place in order.items())
        for name in set(self.whose.values()):
            places = [
                order[ticket] for ticket in self.tickets if ticket in order and self.whose[ticket] == name
            ]
            assert places == sorted(places)

    @rule()
    def the_first_in_the_order_is_the_next_to_start(self) -> None:
        order = self.order()
        running = [ticket for ticket in self.tickets if ticket.running]
        if not order or len(running) != self.slots:
            return
        first = min(order, key=order.__getitem__)
        limit = self.limits[self.whose[first]]
        # One who ends may have its own tenant begin to wait, or go before one with an equal counter that runs as much:
        # then there is another order.
        waiting = {self.whose[ticket] for ticket in order} - {self.whose[first]}
        ending = next(
            (t for t in running if self.limits[self.whose[t]] is None and self.whose[t] not in waiting), None
        )
        if ending is None or limit is not None:
            return
        ending.leave()
        self.tickets.remove(ending)
        assert first.running


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.none() | st.integers(0, 9)), max_size=60))
def test_a_ranking_has_the_smallest_key_on_top(changes: list[tuple[str, int | None]]) -> None:
    ranking: Ranking[str] = Ranking()
    kept: dict[str, int] = {}
    for name, key in changes:
        if key is None:
            ranking.discard(name)
            kept.pop(name, None)
        else:
            ranking.set(name, (key,))
            kept[name] = key
        assert len(ranking) == len(kept)
        assert {name: ranking.key(name) for name in ranking} == {n: (k,) for n, k in kept.items()}
        if kept:
            assert ranking.top[0] == (min(kept.values()),)
    while ranking:
        key, name = ranking.top
        assert key == (min(kept.values()),)
        ranking.discard(name)
        assert kept.pop(name) == key[0]


@pytest.mark.parametrize("tenants", [3, 200])
def test_a_tenants_share_does_not_depend_on_how_many_ask(tenants: int) -> None:
    queue = FairQueue(slots=1, max_waiting=10**6, prefill_cost=PREFILL, decode_cost=DECODE)
    running = queue.join("first", weight=1, input_tokens=1)
    tickets = [queue.join(f"{n}", weight=1, input_tokens=5) for _ in range(3) for n in range(tenants)]
    running.leave()
    for number, ticket in enumerate(tickets):
        assert ticket.running, number
        ticket.leave()
