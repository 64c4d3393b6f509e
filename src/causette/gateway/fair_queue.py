"""Who is served next: weighted virtual token counters, for one deployment.

After "Fairness in Serving Large Language Models" (Sheng et al., OSDI '24, arXiv 2401.00588). Each tenant has a counter
of the service it was given, divided by its weight: a prompt is charged when its request starts, a reply token when it
is made. A free slot goes to the waiting tenant whose counter is lowest, and there to the request that has waited
longest. A tenant that begins to wait is lifted to the lowest counter of those that wait already, or when nobody does
to the counter of whoever waited last: nobody saves up service while away.

What that guarantees (theorem 4.4 of the paper, with weights): between two tenants that both have requests waiting
throughout, the difference of service over weight is never more than ``2 · max(wp · L, wq · M) / w``, where wp ≤ wq are
the costs of a prompt token and of a reply token, L is the longest prompt, M the most tokens that the running requests
have together, and w the smaller weight. Where prompts are joined with an upper bound of their length, what
:meth:`Ticket.prefilled` gives back is in M as long as the bound is.

Everything happens in one event loop. Nothing here waits but :meth:`Ticket.turn` and :meth:`Ticket.places`.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator
from time import monotonic
from typing import Final

from causette.errors import TooManyRequests
from causette.gateway.drain_rate import DrainRate
from causette.gateway.fair_pace import Pace
from causette.gateway.fair_shares import Line, Request, State, Tenant
from causette.gateway.ranking import Ranking

#: What a prompt token that was found in the cache costs, of one that was not: it takes memory, but no computing.
CACHED_SHARE: Final = 0.1
#: Seconds between two announcements of places. Faster than people read is of no use.
ANNOUNCE_EVERY: Final = 0.5
#: Slots in the reserve at most. How often it runs out depends on how many come between two replies' ends, and not on
#: how many slots there are.
_MOST_RESERVED: Final = 4
#: How many more slots stay free for each prompt that is read and need not be yet.
_FOR_EACH_PROMPT: Final = 5


class Ticket:
    """One request's place, first among those that wait and then among those that run."""

    __slots__ = ("_decode", "_made", "_prefill", "_queue", "_request")

    def __init__(self, queue: "FairQueue", request: Request) -> None:
        self._queue = queue
        self._request = request
        self._prefill = queue.prefill_cost / request.tenant.weight
        self._decode = queue.decode_cost / request.tenant.weight
        self._made = 0

    @property
    def running(self) -> bool:
        """Whether it has a slot."""
        return self._request.state is State.RUNNING

    @property
    def position(self) -> int:
        """How many will start before it, were nobody else to come; 0 when it runs or has left."""
        if self._request.state is not State.WAITING:
            return 0
        return next(place for place, request in enumerate(self._queue.order()) if request is self._request)

    @property
    def expected_wait(self) -> float:
        """Seconds until its turn, at the rate at which the queue moved of late."""
        if self._request.state is not State.WAITING:
            return 0.0
        return (self.position + 1) / self._queue.turns_per_second

    async def turn(self) -> None:
        """Wait for a slot. Whoever is cancelled meanwhile has left the queue.

        Raises:
            TooManyRequests: the queue was full and this request the one to go (``overloaded``).
        """
        request = self._request
        if request.state is State.WAITING:
            if request.started is None:
                request.started = asyncio.get_running_loop().create_future()
            try:
                # Shielded, so that a slot that is given in the moment of a cancellation is known to be given.
                await asyncio.shield(request.started)
            except asyncio.CancelledError:
                self.leave()
                raise
        if request.refusal is not None:
            raise request.refusal

    async def places(self) -> AsyncGenerator[int]:
        """The position now, and again when it has changed, at most every ``ANNOUNCE_EVERY`` seconds.

        Ends when there is nothing more to wait for: :meth:`turn` then returns or raises at once.
        """
        request = self._request
        request.announced = self.position
        while request.state is State.WAITING:
            yield request.announced
            if request.state is State.WAITING:
                request.news = asyncio.get_running_loop().create_future()
                self._queue.follow()
                await request.news

    def prefilled(self, input_tokens: int, cached_tokens: int) -> None:
        """The prompt was read: it had ``input_tokens``, of which ``cached_tokens`` were in the cache."""
        request, tenant = self._request, self._request.tenant
        charge = (input_tokens - (1 - CACHED_SHARE) * cached_tokens) * self._prefill
        tenant.counter += charge - request.charge
        if self.running:
            tenant.at_work += charge - request.charge
        request.charge = charge
        if tenant in tenant.line.ready:
            tenant.line.rank(tenant)

    def made(self, output_tokens: int) -> None:
        """So far ``output_tokens`` of the reply have been made."""
        self._request.tenant.counter += (output_tokens - self._made) * self._decode
        self._made = output_tokens
        if output_tokens:
            self._queue.answered(self._request)

    def leave(self) -> None:
        """Give up the place or the slot; the next one has it at once. Calling it again does nothing."""
        self._queue.leave(self._request)


class FairQueue:
    """The slots of one deployment, and those that wait for one.

    Never is a slot free while somebody waits who may have it, but for the reserve. A strict ticket goes before all
    that are not, however much its tenant was given: strict ones alone can take everything.

    A tenant that runs less than its part of the slots, by weight among those that have something here, may have any
    free slot. One that runs more leaves the reserve free, and starts no prompt while the engine has enough to read.
    Where the one with the lowest counter may have no slot for that reason, the one that runs least for its weight has
    it, if it is below its part and its counter, without the prompts of what it runs, is no higher: those are within
    M, so that the guarantee above is the same.

    Args:
        slots: how many requests run at once.
        max_waiting: how many may wait. When one more does, the newest request of the tenant with the most waiting
            for its weight is refused, be that the one that just came or another; strict ones last.
        reserve: the part of the slots, rounded down and four at most, that is left free for tenants that run less than
            their part of them. Without any, one who is entitled to a slot waits until somebody's reply ends, however
            little they ask for, and nobody's start is put off.
        prefill_cost: what a prompt token costs, in units of service.
        decode_cost: what a reply token costs.
        clock: seconds, as :func:`time.monotonic` counts them.
    """

    def __init__(
        self,
        *,
        slots: int,
        max_waiting: int,
        reserve: float = 1 / 8,
        prefill_cost: float = 1.0,
        decode_cost: float = 4.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.slots = slots
        self.max_waiting = max_waiting
        self.reserve = reserve
        self.prefill_cost = prefill_cost
        self.decode_cost = decode_cost
        self.running = 0
        self.waiting = 0
        self._strict = Line(strict=True)
        self._ordinary = Line(strict=False)
        #: The weight of all tenants that have something here.
        self._weight = 0.0
        #: Tenants that have something waiting, the most crowding one on top.
        self._crowd: Ranking[Tenant] = Ranking()
        self._rate = DrainRate(clock)
        self._pace = Pace(clock)
        self._announcement: asyncio.TimerHandle | None = None

    def join(
        self,
        tenant: str,
        *,
        weight: float,
        input_tokens: int,
        strict: bool = False,
        concurrency: int | None = None,
    ) -> Ticket:
        """A ticket for one request, which runs already when there is a slot for it.

        Whoever gets one calls :meth:`Ticket.leave` in the end, whatever happens.

        Args:
            tenant: whose share it takes.
            weight: that share; a positive number. A tenant's newest one counts, for its requests from now on.
            input_tokens: the prompt's length, or a bound of it until :meth:`Ticket.prefilled` tells.
            strict: whether it goes before all that are not strict.
            concurrency: how many requests of this tenant may run at once; None for as many as there are slots.

        Raises:
            TooManyRequests: the queue is full and this the request to go (``overloaded``).
        """
        line = self._strict if strict else self._ordinary
        whose = line.tenant(tenant)
        whose.weight = weight
        whose.concurrency = concurrency
        request = Request(whose, input_tokens * self.prefill_cost / weight)
        whose.waiting[request] = None
        self.waiting += 1
        self._refresh(whose)
        self._hand_out()
        if self.waiting > self.max_waiting:
            self._shed(request)
            if request.refusal is not None:
                raise request.refusal
        return Ticket(self, request)

    def check_room(self, tenant: str, *, weight: float) -> None:
        """Refuse at once who would be refused by :meth:`join`, as things are, before anything is done for them.

        In a storm most requests end here, so this costs next to nothing.

        Raises:
            TooManyRequests: the queue is full, and nobody crowds it more (``overloaded``).
        """
        if self.waiting < self.max_waiting or not self.waiting:
            return
        known = self._ordinary.tenants.get(tenant)
        waiting = len(known.waiting) if known is not None else 0
        if (False, -(waiting + 1) / weight) <= self._crowd.top[0]:
            raise self._overloaded()

    def resize(self, slots: int) -> None:
        """Have ``slots`` slots from now on. What runs goes on, though there be too many."""
        self.slots = slots
        self._hand_out()

    @property
    def turns_per_second(self) -> float:
        """The rate at which those that waited got their turn, of late."""
        return self._rate.per_second

    @property
    def remembered(self) -> int:
        """How many tenants are known: they have something here, or were given more than newcomers are taken for."""
        return len(self._strict.tenants) + len(self._ordinary.tenants)

    def order(self) -> Iterator[Request]:
        """Those that wait, as they would start were nobody else to come, nobody to leave and no token to be made."""
        yield from self._strict.order()
        yield from self._ordinary.order()

    def leave(self, request: Request) -> None:
        """Take ``request`` from wherever it is."""
        tenant, state = request.tenant, request.state
        if state is State.GONE:
            return
        if state is State.RUNNING:
            self._pace.left(request)
            tenant.at_work -= request.charge
            tenant.running -= 1
            self.running -= 1
        else:
            del tenant.waiting[request]
            self.waiting -= 1
        request.move(State.GONE)
        self._refresh(tenant)
        self._hand_out()

    def answered(self, request: Request) -> None:
        """``request`` has tokens of its reply."""
        if self._pace.answered(request) and self.waiting:
            self._hand_out()

    def follow(self) -> None:
        """See to it that places are announced, and for as long as somebody follows them."""
        if self._announcement is None:
            loop = asyncio.get_running_loop()
            self._announcement = loop.call_later(ANNOUNCE_EVERY, self._announce)

    def _hand_out(self) -> None:
        """Give the free slots to whoever is next."""
        waited = self._rate.busy
        while tenant := self._next():
            request, _ = tenant.waiting.popitem(last=False)
            self.waiting -= 1
            self.running += 1
            tenant.running += 1
            tenant.counter += request.charge
            tenant.at_work += request.charge
            self._pace.began(request)
            self._refresh(tenant)
            if waited:
                self._rate.turn()
            request.move(State.RUNNING)
        self._rate.waits(bool(self._strict.ready or self._ordinary.ready))

    def _next(self) -> Tenant | None:
        """Who is to have a free slot."""
        line = self._strict if self._strict.ready else self._ordinary
        first, free = line.next(), self.slots - self.running
        if first is None or free <= 0:
            return None
        if self._below_part(first) or free > self._held_back:
            return first
        least = line.least()
        before = least.counter - least.at_work <= first.counter
        return least if before and self._below_part(least) else None

    def _below_part(self, tenant: Tenant) -> bool:
        """Whether ``tenant`` runs less than its part of the slots."""
        return tenant.running * self._weight < self.slots * tenant.weight

    @property
    def _held_back(self) -> float:
        """How many slots are free for those only that are below their part."""
        reserve = min(int(self.slots * self.reserve), _MOST_RESERVED)
        if not reserve:
            return 0
        early = self._pace.reading + 1 - max(1.0, self._pace.usual(self.slots))
        return reserve + _FOR_EACH_PROMPT * max(0.0, early)

    def _refresh(self, tenant: Tenant) -> None:
        """Have ``tenant`` counted and ranked, in its line and in the crowd, as it is now."""
        present = 0.0 if tenant.idle else tenant.weight
        self._weight += present - tenant.present
        tenant.present = present
        tenant.line.refresh(tenant)
        if tenant.waiting:
            self._crowd.set(tenant, (tenant.line.strict, -len(tenant.waiting) / tenant.weight))
        else:
            self._crowd.discard(tenant)

    def _shed(self, newcomer: Request) -> None:
        """Refuse the newest request of whoever crowds most; of several alike, the one that just came."""
        crowding, tenant = self._crowd.top
        if self._crowd.key(newcomer.tenant) == crowding:
            tenant = newcomer.tenant
        request = next(reversed(tenant.waiting))
        request.refusal = self._overloaded()
        self.leave(request)

    def _overloaded(self) -> TooManyRequests:
        # It would have been about the last one: its tenant has most waiting.
        seconds = self.waiting / self.turns_per_second
        return TooManyRequests(
            f"{self.max_waiting} requests are waiting for this model already. "
            f"Try again in {math.ceil(seconds)} s.",
            code="overloaded",
            retry_after=seconds,
        )

    def _announce(self) -> None:
        """Tell those that follow their places, all from one look at the queue."""
        self._announcement = None
        followed = False
        for place, request in enumerate(self.order()):
            if request.news is None or request.news.done():
                continue
            if place == request.announced:
                followed = True
            else:
                request.announced = place
                request.news.set_result(None)
        if followed:
            self.follow()
