"""Whose turn it is: tenants, their counters, and what they have waiting. No clock, no event loop."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from enum import Enum, auto
from heapq import heapify, heappop, heapreplace
from itertools import count

from causette.errors import TooManyRequests
from causette.gateway.ranking import Ranking


class State(Enum):
    """Where a request is on its one way."""

    WAITING = auto()
    RUNNING = auto()
    GONE = auto()


class Request:
    """A request as the queue sees it."""

    __slots__ = ("announced", "began", "charge", "news", "read", "refusal", "started", "state", "tenant")

    def __init__(self, tenant: "Tenant", charge: float) -> None:
        self.tenant = tenant
        #: What its prompt adds to the tenant's counter.
        self.charge = charge
        self.state = State.WAITING
        #: When it got its slot and its first token, as the queue's clock counts.
        self.began: float | None = None
        self.read: float | None = None
        #: Why it is gone, where it was refused.
        self.refusal: TooManyRequests | None = None
        #: Resolved when it waits no longer; there only once somebody waits for that.
        self.started: asyncio.Future[None] | None = None
        #: Resolved when it has another place or waits no longer; there only once somebody follows its place.
        self.news: asyncio.Future[None] | None = None
        #: The place that was told last.
        self.announced = 0

    def move(self, state: State) -> None:
        """Be in ``state``, which is not waiting, and tell whoever listens."""
        self.state = state
        for future in (self.started, self.news):
            if future is not None and not future.done():
                future.set_result(None)


class Tenant:
    """Somebody whose requests share one counter. A strict and an ordinary tenant of one name are two."""

    __slots__ = (
        "at_work",
        "concurrency",
        "counter",
        "line",
        "name",
        "present",
        "running",
        "since",
        "waiting",
        "weight",
    )

    def __init__(self, name: str, line: "Line") -> None:
        self.name = name
        self.line = line
        self.weight = 1.0
        self.concurrency: int | None = None
        #: Service received, over weight.
        self.counter = 0.0
        #: What of that is the prompts of requests that run.
        self.at_work = 0.0
        self.running = 0
        #: Its weight while it has something here, else 0: what it adds to the weight of all.
        self.present = 0.0
        #: When it last began to wait, as a number that rises: of alike ones the one that came first goes first.
        self.since = 0
        #: From the oldest to the newest.
        self.waiting: OrderedDict[Request, None] = OrderedDict()

    @property
    def may_start(self) -> bool:
        """Whether it has something to start, and its own limit lets it."""
        return bool(self.waiting) and (self.concurrency is None or self.running < self.concurrency)

    @property
    def idle(self) -> bool:
        """Whether it has nothing here."""
        return not self.waiting and not self.running


class Line:
    """The tenants of one class: the strict ones, or all others."""

    __slots__ = ("_away", "_began", "_least", "last", "ready", "strict", "tenants")

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.tenants: dict[str, Tenant] = {}
        #: Those that may start something. Keys may be too low: counters grow with every token, keys when it matters.
        self.ready: Ranking[Tenant] = Ranking()
        #: The same ones, by how much they run for their weight.
        self._least: Ranking[Tenant] = Ranking()
        #: Those that have nothing here, by what their counter was.
        self._away: Ranking[Tenant] = Ranking()
        #: Who was ready last, for when nobody is.
        self.last: Tenant | None = None
        self._began = count()

    def tenant(self, name: str) -> Tenant:
        """The tenant of that name, with its counter where it is remembered."""
        found = self.tenants.get(name)
        if found is None:
            found = self.tenants[name] = Tenant(name, self)
        self._away.discard(found)
        return found

    def next(self) -> Tenant | None:
        """Who is to start something next."""
        while self.ready:
            key, tenant = self.ready.top
            if key[0] >= tenant.counter:
                return tenant
            self.rank(tenant)
        return None

    def least(self) -> Tenant:
        """Of those that may start something, who runs least for their weight. IndexError when there is nobody."""
        return self._least.top[1]

    def rank(self, tenant: Tenant) -> None:
        """Give ``tenant`` the place among the ready that its counter says; of equal ones, who runs less goes first."""
        running = tenant.running / tenant.weight
        self.ready.set(tenant, (tenant.counter, running, tenant.since))
        self._least.set(tenant, (running, tenant.counter - tenant.at_work, tenant.since))

    def refresh(self, tenant: Tenant) -> None:
        """Have ``tenant`` among the ready, or those that are away, or neither, as it is now."""
        if not tenant.may_start:
            if tenant in self.ready:
                self.ready.discard(tenant)
                self._least.discard(tenant)
                self.last = tenant
            if tenant.idle:
                self._away.set(tenant, (tenant.counter,))
            return
        if tenant not in self.ready:
            tenant.counter = max(tenant.counter, self._floor())
            tenant.since = next(self._began)
        self.rank(tenant)

    def _floor(self) -> float:
        """What a tenant that begins to wait is lifted to. Those that are away and would be lifted are forgotten."""
        lowest = self.next() or self.last
        floor = lowest.counter if lowest else 0.0
        while self._away and self._away.top[0][0] <= floor:
            _, tenant = self._away.top
            self._away.discard(tenant)
            if tenant.counter <= floor:
                del self.tenants[tenant.name]
            else:
                self._away.set(tenant, (tenant.counter,))
        return floor

    def order(self) -> Iterator[Request]:
        """Those that wait, as they would start were nobody to come and no token to be made."""
        for tenants in (
            list(self.ready),
            [tenant for tenant in self.tenants.values() if tenant.waiting and tenant not in self.ready],
        ):
            heap = [(each.counter, each.running / each.weight, each.since, each) for each in tenants]
            queues = {tenant: iter(tenant.waiting) for tenant in tenants}
            left = {tenant: len(tenant.waiting) for tenant in tenants}
            heapify(heap)
            while heap:
                counter, running, since, tenant = heap[0]
                request = next(queues[tenant])
                yield request
                left[tenant] -= 1
                if left[tenant]:
                    heapreplace(heap, (counter + request.charge, running + 1 / tenant.weight, since, tenant))
                else:
                    heappop(heap)
