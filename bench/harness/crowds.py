"""Crowds of tenants: who asks how much, and what becomes of it behind a queue, on an engine of steps without a model.

Time is virtual (``virtual_time.py``): a run has no noise but its seed's, and takes seconds for minutes.
"""

import asyncio
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

from causette.errors import TooManyRequests
from harness.batching import BatchingEngine, Speed
from harness.virtual_time import VirtualLoop

#: What a prompt token and a reply token cost, in units of service: the queue's own defaults.
PREFILL: Final = 1.0
DECODE: Final = 4.0
MEAN_PROMPT: Final = 375
MEAN_REPLY: Final = 128


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody who asks, at random moments, for ``load`` of what the engine can do."""

    name: str
    plan: str
    weight: float
    load: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of the trace."""

    at: float
    tenant: Tenant
    prompt: int
    reply: int

    @property
    def service(self) -> float:
        """What it costs to answer it."""
        return PREFILL * self.prompt + DECODE * self.reply


def trace(tenants: Sequence[Tenant], capacity: float, seconds: float, seed: int) -> list[Arrival]:
    """Requests in the order of their arrival; ``capacity`` is in requests a second.

    Arrivals are Poisson; lengths are uniform from a third to five thirds of their means. A tenant's requests are the
    same whoever else there is.
    """
    arrivals: list[Arrival] = []
    for tenant in tenants:
        random, at = Random(f"{seed} {tenant.name}"), 0.0
        while (at := at + random.expovariate(tenant.load * capacity)) < seconds:
            prompt, reply = (random.randint(mean // 3, mean * 5 // 3) for mean in (MEAN_PROMPT, MEAN_REPLY))
            arrivals.append(Arrival(at, tenant, prompt, reply))
    return sorted(arrivals, key=lambda arrival: arrival.at)


class Place(Protocol):
    """A ticket, as far as a request needs it."""

    async def turn(self) -> None: ...
    def prefilled(self, input_tokens: int, cached_tokens: int) -> None: ...
    def made(self, output_tokens: int) -> None: ...
    def leave(self) -> None: ...


class Queue(Protocol):
    """A queue, as far as requests need it."""

    def join(self, tenant: str, *, weight: float, input_tokens: int) -> Place: ...


class FirstCome:
    """The peer: a bounded queue in order of arrival, which refuses whoever comes when it is full."""

    def __init__(self, slots: int, max_waiting: int) -> None:
        self._free = slots
        self._max_waiting = max_waiting
        self._waiting: OrderedDict[_FirstComePlace, None] = OrderedDict()

    def join(self, tenant: str, *, weight: float, input_tokens: int) -> "_FirstComePlace":
        place = _FirstComePlace(self)
        if self._free:
            self._free -= 1
            place.started.set_result(None)
        elif len(self._waiting) < self._max_waiting:
            self._waiting[place] = None
        else:
            raise TooManyRequests("The queue is full.")
        return place

    def free(self) -> None:
        """Hand a slot on, or keep it."""
        if self._waiting:
            place, _ = self._waiting.popitem(last=False)
            place.started.set_result(None)
        else:
            self._free += 1


class _FirstComePlace:
    def __init__(self, queue: FirstCome) -> None:
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue = queue

    async def turn(self) -> None:
        await self.started

    def prefilled(self, input_tokens: int, cached_tokens: int) -> None:
        pass

    def made(self, output_tokens: int) -> None:
        pass

    def leave(self) -> None:
        self._queue.free()


@dataclass(slots=True)
class Outcome:
    """What became of a crowd's requests that came after the warm-up. Times are in seconds."""

    seconds: float
    ttft: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    #: From arrival to a slot, of those that got one.
    waits: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    #: From a slot to the first token.
    engine: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[str] = field(default_factory=Counter[str])
    asked: Counter[str] = field(default_factory=Counter[str])
    #: Units of service given and asked for, by tenant.
    service: Counter[str] = field(default_factory=Counter[str])
    demand: Counter[str] = field(default_factory=Counter[str])
    tokens: int = 0
    #: Requests that were neither refused nor started when the run ended, and how long the oldest had waited.
    unserved: int = 0
    oldest: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Reply tokens a second."""
        return self.tokens / self.seconds

    def shares(self, weights: Mapping[str, float]) -> dict[str, float]:
        """What of the service given would have been each tenant's, were it shared by weighted max-min fairness."""
        return max_min(self.demand, weights, sum(self.service.values()))


def max_min(demand: Mapping[str, float], weights: Mapping[str, float], total: float) -> dict[str, float]:
    """``total`` shared by weight, nobody getting more than they ask for, and what they leave shared among the rest."""
    shares: dict[str, float] = {}
    left, open_ = total, dict(demand)
    while open_:
        level = left / sum(weights[name] for name in open_)
        content = {name: asked for name, asked in open_.items() if asked <= level * weights[name]}
        if not content:
            return shares | {name: level * weights[name] for name in open_}
        shares |= content
        left -= sum(content.values())
        open_ = {name: asked for name, asked in open_.items() if name not in content}
    return shares


def jain(values: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all are alike, 1/n when one has everything."""
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values))


def behave(
    arrivals: Sequence[Arrival],
    queue_of: Callable[[Callable[[], float]], Queue],
    speed: Speed,
    warm_up: float,
    seconds: float,
) -> Outcome:
    """Play a trace of ``seconds`` against a queue, which ``queue_of`` makes for a clock, and an engine."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_Play(loop.time, queue_of, speed, warm_up, seconds).run(arrivals))
    finally:
        loop.close()


class _Play:
    def __init__(
        self,
        clock: Callable[[], float],
        queue_of: Callable[[Callable[[], float]], Queue],
        speed: Speed,
        warm_up: float,
        seconds: float,
    ) -> None:
        self._clock = clock
        self._queue = queue_of(clock)
        self._engine = BatchingEngine(speed)
        self._from, self._until = warm_up, seconds
        self._waiting: dict[object, float] = {}
        self.outcome = Outcome(seconds - warm_up)

    async def run(self, arrivals: Sequence[Arrival]) -> Outcome:
        engine = asyncio.create_task(self._engine.run())
        running: set[asyncio.Task[None]] = set()
        for arrival in arrivals:
            await asyncio.sleep(arrival.at - self._clock())
            request = asyncio.create_task(self._request(arrival))
            running.add(request)
            request.add_done_callback(running.discard)
        await asyncio.sleep(self._until - self._clock())
        self.outcome.unserved = len(self._waiting)
        self.outcome.oldest = max((self._until - since for since in self._waiting.values()), default=0.0)
        for task in (*running, engine):
            task.cancel()
        await asyncio.gather(*running, engine, return_exceptions=True)
        return self.outcome

    @property
    def _counts(self) -> bool:
        return self._from <= self._clock() < self._until

    async def _request(self, arrival: Arrival) -> None:
        outcome, tenant, counts = self.outcome, arrival.tenant, self._counts
        if counts:
            outcome.asked[tenant.name] += 1
            outcome.demand[tenant.name] += arrival.service
        try:
            place = self._queue.join(tenant.name, weight=tenant.weight, input_tokens=arrival.prompt)
            self._waiting[place] = arrival.at
            try:
                await place.turn()
            finally:
                del self._waiting[place]
        except TooManyRequests:
            outcome.refused[tenant.name] += counts
            return
        began = self._clock()
        if counts:
            outcome.waits[tenant.name].append(self._clock() - arrival.at)
        if self._counts:
            outcome.service[tenant.name] += PREFILL * arrival.prompt

        def made(count: int) -> None:
            place.made(count)
            if self._counts:
                outcome.service[tenant.name] += DECODE
                outcome.tokens += 1
            if count == 1:
                place.prefilled(arrival.prompt, 0)
                if counts:
                    outcome.ttft[tenant.name].append(self._clock() - arrival.at)
                    outcome.engine[tenant.name].append(self._clock() - began)

        try:
            await self._engine.generate(arrival.prompt, arrival.reply, made)
        finally:
            place.leave()
