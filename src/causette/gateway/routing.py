"""One deployment, several replicas: which of them a request goes to, and what becomes of it when that one fails.

A router is an engine itself. Conversations stay where their beginning is cached, as long as that replica has no more
than its share of the work; replicas that fail are left out; and what failed before its first token is tried on another.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Final, Self

import structlog

from causette.engines.types import Completed, Delta, Embeddings, EmbedRequest, Engine, GenerateRequest
from causette.errors import CausetteError, Unavailable
from causette.gateway.affinity import affinity_key, in_order
from causette.gateway.circuit import Circuit, Position
from causette.gateway.deadline import Deadline
from causette.gateway.retry_budget import RetryBudget

_log = structlog.get_logger(__name__)

# A replica has at most this many times the mean of the work that is under way.
_BOUND: Final = 1.25
_ATTEMPTS: Final = 3
# The work of a request before it is done: characters of the prompt a token, and tokens of a reply of no stated length.
_CHARACTERS_A_TOKEN: Final = 4
_USUAL_REPLY_TOKENS: Final = 512
# When there is no other replica, the one there is is tried again soon.
_LAST_OPEN_SECONDS: Final = 1.0
# A replica that was not heard from for so long is asked whether it is there.
_IDLE_SECONDS: Final = 10.0
_LEAST_RETRY_SECONDS: Final = 1.0
# Which replica worked on a request is asked soon after, or never.
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One engine of a deployment.

    Args:
        id: its name, which stays the same: conversations are shared out by it.
        slots: how many requests it works on at once.
        machine: the name in the books of the machine that it runs on; None where that is not known.
        timeout_first_token: seconds from asking to the first token.
        timeout_total: seconds from asking to the end.
    """

    engine: Engine
    id: str
    slots: int = 32
    machine: str | None = None
    timeout_first_token: float = 300.0
    timeout_total: float = 3600.0


class _Lane:
    """A replica and how it does."""

    __slots__ = ("circuit", "heard", "outstanding", "probing", "replica", "running", "there")

    def __init__(self, replica: Replica, clock: Callable[[], float]) -> None:
        self.replica = replica
        self.circuit = Circuit(clock)
        #: Tokens that it still has to read and write, about, and requests.
        self.outstanding = 0
        self.running = 0
        self.heard = clock()
        #: What it said when it was last asked, or showed by answering.
        self.there = True
        self.probing = False

    @property
    def id(self) -> str:
        return self.replica.id

    @property
    def slots(self) -> int:
        return self.replica.slots

    @property
    def load(self) -> float:
        return self.outstanding / self.replica.slots


class Router:
    """The :class:`~causette.engines.types.Engine` protocol, answered by one of several replicas.

    Args:
        name: the deployment's, for messages.
        replicas: at least one; all serve the same model.
        clock: seconds that only grow.
    """

    def __init__(
        self, name: str, replicas: Sequence[Replica], *, clock: Callable[[], float] = monotonic
    ) -> None:
        self.replicas = tuple(replicas)
        self._name = name
        self._clock = clock
        self._lanes = tuple(_Lane(replica, clock) for replica in replicas)
        self._budget = RetryBudget()
        self._served: dict[str, Replica] = {}
        self._probes: set[asyncio.Task[None]] = set()

    @property
    def context(self) -> int:
        """The longest prompt plus reply that every replica takes, in tokens."""
        return min(replica.engine.context for replica in self.replicas)

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`."""
        key = affinity_key(request) if len(self._lanes) > 1 else b""
        work = _work(request)
        tried: list[_Lane] = []
        self._budget.earn()
        while True:
            lane = self._pick(key, work, tried)
            replica = lane.replica
            attempt = _Attempt(self, lane, work)
            self._remember(request.id, replica)
            end = asyncio.get_running_loop().time() + replica.timeout_total
            try:
                with attempt, Deadline(end) as deadline:
                    async with aclosing(replica.engine.generate(request)) as items:
                        try:
                            async with asyncio.timeout(replica.timeout_first_token):
                                item = await deadline.wait(anext(items))
                            attempt.answered = True
                            while not isinstance(item, Completed):
                                yield item
                                item = await deadline.wait(anext(items))
                        except StopAsyncIteration:
                            return
                        except TimeoutError as late:
                            raise self._late(attempt) from late
                yield item
            except Unavailable as error:
                tried.append(lane)
                if attempt.answered or not self._retries(error, tried):
                    raise
            else:
                return

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """See :class:`~causette.engines.types.Engine`."""
        work = sum(map(len, request.inputs)) // _CHARACTERS_A_TOKEN + 1
        tried: list[_Lane] = []
        self._budget.earn()
        while True:
            lane = self._pick(b"", work, tried)
            attempt = _Attempt(self, lane, work)
            self._remember(request.id, lane.replica)
            try:
                with attempt:
                    try:
                        async with asyncio.timeout(lane.replica.timeout_total):
                            return await lane.replica.engine.embed(request)
                    except TimeoutError as late:
                        raise self._late(attempt) from late
            except Unavailable as error:
                tried.append(lane)
                if not self._retries(error, tried):
                    raise

    async def account(self, request_id: str) -> Completed | None:
        """See :class:`~causette.engines.types.Engine`. Asks all replicas where it is not known who worked on it."""
        known = self._served.get(request_id)
        for replica in self.replicas if known is None else (known,):
            if (found := await replica.engine.account(request_id)) is not None:
                return found
        return None

    async def ready(self) -> bool:
        """Whether a request sent now would be worked on by any of them."""
        return any(await asyncio.gather(*(replica.engine.ready() for replica in self.replicas)))

    def seems_up(self) -> bool:
        """Whether any of them answers, as far as is known; those that may have come or gone are asked meanwhile."""
        now = self._clock()
        for lane in self._lanes:
            idle = not lane.running and now - lane.heard > _IDLE_SECONDS
            if lane.circuit.due or not lane.there or idle:
                self._ask(lane)
        return any(lane.there and lane.circuit.position is not Position.OPEN for lane in self._lanes)

    def served_by(self, request_id: str) -> Replica | None:
        """The replica that worked on a request, or works on it; the last one, where several tried."""
        return self._served.get(request_id)

    def _pick(self, key: bytes, work: int, tried: Collection[_Lane]) -> _Lane:
        self._ask_after_the_silent()
        passable = [lane for lane in self._lanes if lane.circuit.passable]
        if not passable:
            passable = self._last_resort()
        # One that has just failed this request only when there is no other.
        passable = [lane for lane in passable if lane not in tried] or passable
        free = [lane for lane in passable if lane.running < lane.slots]
        least = min(free or passable, key=lambda lane: lane.load)
        if not (free and key):
            return least
        mean = (sum(lane.outstanding for lane in passable) + work) / sum(lane.slots for lane in passable)
        within = (lane for lane in in_order(key, free) if lane.load <= _BOUND * mean)
        return next(within, least)

    def _last_resort(self) -> list[_Lane]:
        """What may be tried when every replica is left out: those whose time is up.

        Raises:
            Unavailable: there is none yet.
        """
        due = [lane for lane in self._lanes if lane.circuit.due]
        for lane in due:
            lane.circuit.half_open()
        if not due:
            # A trial that is under way will be over soon.
            left = min(lane.circuit.seconds_left for lane in self._lanes)
            raise Unavailable(
                f"No engine for {self._name!r} answers at the moment. Try again shortly.",
                code="engine_down",
                retry_after=max(_LEAST_RETRY_SECONDS, left),
            )
        return due

    def _retries(self, error: Unavailable, tried: Sequence[_Lane]) -> bool:
        if len(tried) >= _ATTEMPTS:
            return False
        another = any(lane.circuit.passable for lane in self._lanes if lane not in tried)
        # The only one there is may have closed a connection that was kept open, just as it was used again.
        again = len(tried) == 1 and error.code == "engine_lost" and tried[0].circuit.passable
        return (another or again) and self._budget.spend()

    def _late(self, attempt: "_Attempt") -> Unavailable:
        what = (
            "did not end within its time" if attempt.answered else "did not begin to answer within its time"
        )
        return Unavailable(
            f"The engine for {self._name!r} {what}. Try again later.",
            code="engine_timeout",
            retry_after=_LEAST_RETRY_SECONDS,
        )

    def _remember(self, request_id: str, replica: Replica) -> None:
        self._served.pop(request_id, None)
        self._served[request_id] = replica
        if len(self._served) > _REMEMBERED:
            del self._served[next(iter(self._served))]

    def failed(self, lane: _Lane, began: float, error: BaseException) -> None:
        """A replica failed a request: that counts, and where there are others, it is asked whether it is there."""
        before = lane.circuit.position
        if self._others_work(lane):
            lane.circuit.failed(began)
            if lane.circuit.position is Position.CLOSED:
                self._ask(lane)
        else:
            lane.circuit.failed(began, longest=_LAST_OPEN_SECONDS)
        self._tell(lane, before, str(error))

    def succeeded(self, lane: _Lane) -> None:
        """A replica answered as it should."""
        before = lane.circuit.position
        lane.heard = self._clock()
        lane.there = True
        lane.circuit.succeeded()
        self._tell(lane, before, "")

    def _others_work(self, lane: _Lane) -> bool:
        return any(other is not lane and other.circuit.position is Position.CLOSED for other in self._lanes)

    def _ask_after_the_silent(self) -> None:
        """Ask those that were left out for long enough, and those that had no work, whether they are there.

        Only while requests come: nobody needs to know it otherwise.
        """
        if len(self._lanes) == 1:
            return
        now = self._clock()
        for lane in self._lanes:
            idle = not lane.running and now - lane.heard > _IDLE_SECONDS
            if lane.circuit.due or (lane.circuit.position is Position.CLOSED and idle):
                self._ask(lane)

    def _ask(self, lane: _Lane) -> None:
        if lane.probing:
            return
        lane.probing = True
        task = asyncio.get_running_loop().create_task(self._probe(lane), name=f"probe {lane.id}")
        self._probes.add(task)
        task.add_done_callback(self._probes.discard)

    async def _probe(self, lane: _Lane) -> None:
        try:
            there = await lane.replica.engine.ready()
        finally:
            lane.probing = False
        before = lane.circuit.position
        lane.heard = self._clock()
        lane.there = there
        if there and lane.circuit.due:
            lane.circuit.half_open()
        elif not there and (lane.circuit.due or (before is Position.CLOSED and self._others_work(lane))):
            lane.circuit.open()
        self._tell(lane, before, "it does not answer")

    def _tell(self, lane: _Lane, before: Position, why: str) -> None:
        after = lane.circuit.position
        if before is not Position.OPEN and after is Position.OPEN:
            _log.warning(
                "replica is left out",
                model=self._name,
                replica=lane.id,
                why=why,
                seconds=round(lane.circuit.seconds_left, 1),
            )
        elif before is Position.HALF_OPEN and after is Position.CLOSED:
            _log.info("replica is back", model=self._name, replica=lane.id)


class _Attempt:
    """One request's time with one replica: its load, and what its end says of the replica."""

    __slots__ = ("_began", "_lane", "_router", "_work", "answered")

    def __init__(self, router: Router, lane: _Lane, work: int) -> None:
        self._router = router
        self._lane = lane
        self._work = work
        #: Its first token came.
        self.answered = False
        self._began = lane.circuit.begin()

    def __enter__(self) -> Self:
        self._lane.outstanding += self._work
        self._lane.running += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lane, router = self._lane, self._router
        lane.outstanding -= self._work
        lane.running -= 1
        refused = isinstance(error, CausetteError) and not isinstance(error, Unavailable)
        left = error is not None and not isinstance(error, Exception)
        if error is None or refused or (left and self.answered):
            router.succeeded(lane)
        elif left:
            lane.circuit.abandoned()
        else:
            router.failed(lane, self._began, error)


def _work(request: GenerateRequest) -> int:
    """How many tokens a request is, about."""
    prompt = request.prompt
    characters = len(prompt) if isinstance(prompt, str) else sum(len(turn.content) for turn in prompt)
    reply = request.sampling.max_tokens or _USUAL_REPLY_TOKENS
    return characters // _CHARACTERS_A_TOKEN + request.n * reply
