"""The one door: every request for a model goes through here, whoever asks and on whichever surface.

Authorise, screen, reserve, queue, route, stream, settle: :meth:`Gateway.generate` reads in that order. Whatever happens
after the reservation, a request ends settled for what was made or released where nothing was.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from causette.engines.types import ChatMessage, Completed, Delta, Embeddings, EmbedRequest, GenerateRequest
from causette.errors import CausetteError, InvalidRequest
from causette.gateway.admission import (
    Origin,
    embedding_hold,
    estimated_input,
    generation_hold,
    granted,
    pictures_in,
)
from causette.gateway.bill import Bill, Rates
from causette.gateway.deployments import Deployment, Deployments
from causette.gateway.fair_queue import FairQueue, Ticket
from causette.gateway.stages import Passed, Stage, unnoticed
from causette.gateway.versions import Turn
from causette.ledger.service import Ledger
from causette.ledger.types import Hold, Limit, Standing
from causette.observability import BASE, Metrics
from causette.plans import Entitlements, Feature, Plans
from causette.safety import Safety

if TYPE_CHECKING:
    from causette.accounts.types import Caller


class Admitted(msgspec.Struct, frozen=True):
    """The first item of a stream: the request is let in, and its limits stand like this."""

    request_id: str
    standings: tuple[Standing, ...]


class Queued(msgspec.Struct, frozen=True):
    """The request waits: ``position`` others go first, and its turn is ``wait_seconds`` away at the present rate."""

    position: int
    wait_seconds: float


class Settled(msgspec.Struct, frozen=True):
    """The last item of a conversation's stream: what it was charged, in nano-dollars."""

    charge_nano: int


class Begun(msgspec.Struct, frozen=True):
    """The reply begins: by the release with this id, or by the model that the house began with.

    ``fingerprint`` tells versions apart that clients see; None where nobody knows the weights.
    """

    release_id: str | None
    fingerprint: str | None


Item = Admitted | Queued | Begun | Delta | Completed | Settled


class Gateway:
    """Takes requests to engines on behalf of callers.

    Args:
        deployments: what answers under which name.
        metrics: where all of it is counted.
        ledger: where requests are reserved and settled.
        plans: what callers may do.
        rates: what machines cost and take.
        safety: what screens prompts.
        max_waiting: how many requests may wait for one deployment.
        passed: told of each stage that a request passes.
    """

    def __init__(
        self,
        deployments: Deployments,
        metrics: Metrics,
        *,
        ledger: Ledger,
        plans: Plans,
        rates: Rates,
        safety: Safety,
        max_waiting: int = 256,
        passed: Passed = unnoticed,
    ) -> None:
        self.deployments = deployments
        self._metrics = metrics
        self._ledger = ledger
        self._plans = plans
        self._rates = rates
        self._safety = safety
        self._passed = passed
        self._queues = {
            deployment.name: FairQueue(slots=deployment.slots, max_waiting=max_waiting)
            for deployment in deployments
        }
        for name, queue in self._queues.items():
            metrics.requests_waiting.labels(name).set_function(partial(getattr, queue, "waiting"))
        self._max_waiting = max_waiting
        self._endings: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Wait until every request that was broken off is settled."""
        while self._endings:
            await asyncio.wait(self._endings)

    async def generate(
        self, caller: "Caller", request: GenerateRequest, origin: Origin
    ) -> AsyncGenerator[Item]:
        """Text for ``request``: that it is admitted, its places in the queue, who begins, deltas, one ``Completed``.

        Closing the iterator stops the engine's work and settles what was made.

        Raises:
            NotFound, InvalidRequest, Forbidden: the request cannot be answered as it is.
            TooManyRequests, Unavailable: not now; ``retry_after`` says when.
            Conflict: its idempotency key is in use, or was used for something else.
        """
        deployment = await self.deployments.find_for(caller, request.model, "text")
        observed = _Observed(deployment, self._metrics)
        request = msgspec.structs.replace(
            request, model=deployment.name, sampling=deployment.with_defaults(request.sampling)
        )
        with observed:
            allowed = await self._authorised(caller, origin)
            self._queue(deployment).check_room(caller.payer_id, weight=allowed.weight)
            self._passed(Stage.AUTHORISED)
            _check_sight(deployment, request)
            if origin.purpose == "reply":
                await self._safety.admit(_texts(request.prompt), surface=origin.surface)
            self._passed(Stage.SCREENED)
            hold = generation_hold(caller, request, deployment, allowed, origin)
            reservation = await self._ledger.reserve(hold)
            bill = Bill(
                self._ledger,
                self._rates,
                reservation,
                request.id,
                input_bound=hold.input_bound,
                images=hold.images,
            )
            try:
                self._passed(Stage.RESERVED)
                yield Admitted(reservation.id, reservation.standings)
                asked = request
                request = granted(asked, reservation.output_granted, deployment.engine.context)
                ticket = self._join(deployment, caller, allowed, hold)
                try:
                    async with aclosing(ticket.places()) as places:
                        async for place in places:
                            yield Queued(place, ticket.expected_wait)
                    await ticket.turn()
                    self._passed(Stage.QUEUED)
                    async with aclosing(
                        self._stream(deployment, caller, asked, request, bill, ticket)
                    ) as items:
                        async for item in items:
                            observed.saw(item)
                            yield item
                    if origin.surface == "assistant":
                        yield Settled(bill.charged_nano)
                finally:
                    ticket.leave()
            except BaseException as error:
                await self._finish(bill.break_off(error))
                raise

    async def _stream(
        self,
        deployment: Deployment,
        caller: "Caller",
        asked: GenerateRequest,
        request: GenerateRequest,
        bill: Bill,
        ticket: Ticket,
    ) -> AsyncGenerator[Begun | Delta | Completed]:
        turn = deployment.turn(caller.user.id)
        bill.given_to(deployment, turn)
        begun, pieces = False, 0
        is_ours = asked.sampling.max_tokens is None and request.sampling.max_tokens is not None
        made = _fitting(turn, asked, request) if is_ours else turn.generate(request)
        async with aclosing(made) as items:
            self._passed(Stage.STARTED)
            async for item in items:
                if not begun:
                    begun = True
                    yield Begun(turn.version.release_id, turn.version.fingerprint)
                if isinstance(item, Delta):
                    pieces += 1
                    bill.saw(item)
                    ticket.made(item.output_tokens or pieces)
                    if pieces == 1:
                        self._passed(Stage.STREAMING)
                    yield item
                    continue
                self._passed(Stage.MADE)
                ticket.prefilled(item.usage.input_tokens, item.usage.cached_tokens)
                ticket.made(item.usage.output_tokens)
                # The slot is free: whoever waits need not wait for the books as well.
                ticket.leave()
                # Before it is delivered: what was received was charged, whatever happens next.
                await bill.complete(item)
                self._passed(Stage.SETTLED)
                yield item

    async def embed(self, caller: "Caller", request: EmbedRequest, origin: Origin) -> Embeddings:
        """Vectors for ``request``.

        Raises:
            NotFound, InvalidRequest, Forbidden: the request cannot be answered as it is.
            TooManyRequests, Unavailable: not now; ``retry_after`` says when.
            Conflict: its idempotency key is in use, or was used for something else.
        """
        deployment = self.deployments.find(request.model, "embedding")
        request = msgspec.structs.replace(request, model=deployment.name)
        allowed = await self._authorised(caller, origin)
        self._queue(deployment).check_room(caller.payer_id, weight=allowed.weight)
        self._passed(Stage.AUTHORISED)
        await self._safety.admit(request.inputs, surface=origin.surface)
        self._passed(Stage.SCREENED)
        hold = embedding_hold(caller, request, deployment, allowed, origin)
        reservation = await self._ledger.reserve(hold)
        bill = Bill(self._ledger, self._rates, reservation, request.id, input_bound=hold.input_bound)
        try:
            self._passed(Stage.RESERVED)
            ticket = self._join(deployment, caller, allowed, hold)
            try:
                await ticket.turn()
                self._passed(Stage.QUEUED)
                turn = deployment.turn(caller.user.id)
                bill.given_to(deployment, turn)
                answer = await turn.version.engine.embed(request)
                ticket.prefilled(answer.usage.input_tokens, answer.usage.cached_tokens)
            finally:
                ticket.leave()
            self._passed(Stage.MADE)
            await bill.complete(answer)
            self._passed(Stage.SETTLED)
        except BaseException as error:
            await self._finish(bill.break_off(error))
            raise
        self._metrics.tokens.labels(deployment.label, "input").inc(answer.usage.input_tokens)
        self._metrics.compute_seconds.labels(deployment.label).inc(answer.compute.compute_ns / 1e9)
        return answer

    async def standings(self, caller: "Caller", model: str | None = None) -> tuple[Standing, ...]:
        """How far the caller's limits on ``model`` are used; without one, those that count whichever is asked.

        Of several ways to pay, the limits of the last one are told: beyond them there is no other.
        """
        allowed = await self._plans.entitlements(caller)
        named = [item for item in self.deployments if model in (item.name, *item.aliases)]
        if not named and model is not None and (own := await self.deployments.own.find(caller, model)):
            named = [own]
        common: dict[str, Limit] | None = None
        for deployment in named or self.deployments:
            if not allowed.allows_model(deployment.label, *deployment.other_names):
                continue
            offers = allowed.offers(deployment.label, caller, aliases=deployment.other_names)
            limits = {limit.counter: limit for offer in offers[-1:] for limit in offer.limits}
            common = {key: limit for key, limit in limits.items() if common is None or key in common}
        return await self._ledger.standing((common or {}).values())

    async def _authorised(self, caller: "Caller", origin: Origin) -> Entitlements:
        """What the caller may do, if their plan lets them in this way at all."""
        allowed = await self._plans.entitlements(caller)
        if origin.surface == "platform":
            allowed.require(Feature.API_KEYS)
        if caller.workspace_id is not None:
            allowed.require(Feature.WORKSPACES)
        return allowed

    def _queue(self, deployment: Deployment) -> FairQueue:
        """Where requests to a deployment wait. One that is somebody's own has its queue from its first request on."""
        queue = self._queues.get(deployment.name)
        if queue is None:
            queue = FairQueue(slots=deployment.slots, max_waiting=self._max_waiting)
            self._queues[deployment.name] = queue
        return queue

    def _join(self, deployment: Deployment, caller: "Caller", allowed: Entitlements, hold: Hold) -> Ticket:
        return self._queue(deployment).join(
            caller.payer_id,
            weight=allowed.weight,
            input_tokens=estimated_input(hold.input_bound),
            concurrency=allowed.concurrency,
        )

    async def _finish(self, ending: Coroutine[None, None, None]) -> None:
        """Carry ``ending`` out, though whoever waits for it be cancelled."""
        task = asyncio.get_running_loop().create_task(ending)
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        await asyncio.shield(task)


async def _fitting(
    turn: Turn, asked: GenerateRequest, bounded: GenerateRequest
) -> AsyncGenerator[Delta | Completed]:
    """The reply to ``bounded``, or to what was ``asked`` where its prompt leaves less room than the bound.

    The bound is ours, and nobody shall be refused for not asking for less. A reply that fills the room is then shorter
    than what was granted, so that nothing else has to bound it.
    """
    begun = False
    try:
        async with aclosing(turn.generate(bounded)) as items:
            async for item in items:
                begun = True
                yield item
    except InvalidRequest as error:
        if begun or error.code != "context_length_exceeded":
            raise
    else:
        return
    async with aclosing(turn.generate(asked)) as items:
        async for item in items:
            yield item


def _check_sight(deployment: Deployment, request: GenerateRequest) -> None:
    """Refuse pictures for a model that does not see.

    Raises:
        InvalidRequest: there are some (``model_cannot_see``).
    """
    if not deployment.sees and pictures_in(request.prompt):
        raise InvalidRequest(
            f"The model {deployment.name!r} reads text only, and a picture was sent. Leave it out, or choose a model "
            "that sees.",
            code="model_cannot_see",
            param="messages",
        )


def _texts(prompt: tuple[ChatMessage, ...] | str) -> tuple[str, ...]:
    return (prompt,) if isinstance(prompt, str) else tuple(turn.content for turn in prompt)


class _Observed:
    """Measures one generation from its arrival to its end, however it ends."""

    __slots__ = ("_began", "_first", "_metrics", "_model", "_outcome", "_version")

    def __init__(self, deployment: Deployment, metrics: Metrics) -> None:
        self._model = deployment.label
        self._metrics = metrics
        self._began = perf_counter()
        self._first: float | None = None
        self._outcome = "cancelled"
        self._version: str | None = None

    def __enter__(self) -> None:
        self._metrics.in_flight.labels(self._model).inc()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._metrics.in_flight.labels(self._model).dec()
        if isinstance(error, CausetteError):
            self._outcome = error.code
        elif error is not None and isinstance(error, Exception):
            self._outcome = "error"
        self._metrics.generations.labels(self._model, self._outcome).inc()
        if self._version is not None:
            self._metrics.versions.labels(self._model, self._version, self._outcome).inc()

    def saw(self, item: Begun | Delta | Completed) -> None:
        """Note who begins, the first delta and the account."""
        if isinstance(item, Begun):
            self._version = item.release_id or BASE
            return
        if isinstance(item, Delta):
            if self._first is None:
                self._first = perf_counter()
                self._metrics.ttft.labels(self._model).observe(self._first - self._began)
            return
        usage, compute, metrics, model = item.usage, item.compute, self._metrics, self._model
        self._outcome = "completed"
        metrics.tokens.labels(model, "input").inc(usage.input_tokens)
        metrics.tokens.labels(model, "cached").inc(usage.cached_tokens)
        metrics.tokens.labels(model, "output").inc(usage.output_tokens)
        metrics.compute_seconds.labels(model).inc(compute.compute_ns / 1e9)
        metrics.queue_seconds.labels(model).observe(compute.queue_ns / 1e9)
        if self._first is not None and usage.output_tokens > 1:
            metrics.tpot.labels(model).observe((perf_counter() - self._first) / (usage.output_tokens - 1))
