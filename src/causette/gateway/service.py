"""The one door: every request for a model goes through here, whoever asks and on whichever surface.

Today it resolves the deployment, streams, and observes. Reservation, fair queueing and settlement take their places in
:meth:`Gateway.generate` without any surface changing.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from causette.engines.types import Completed, Delta, Embeddings, EmbedRequest, GenerateRequest
from causette.errors import CausetteError
from causette.gateway.deployments import Deployment, Deployments
from causette.observability import Metrics

if TYPE_CHECKING:
    from causette.accounts.types import Caller


class Gateway:
    """Takes requests to engines on behalf of callers."""

    def __init__(self, deployments: Deployments, metrics: Metrics) -> None:
        self.deployments = deployments
        self._metrics = metrics

    def context(self, model: str) -> int:
        """The longest prompt plus reply of a text model, in tokens."""
        return self.deployments.find(model, "text").engine.context

    async def generate(self, caller: "Caller", request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """Text for ``request``: deltas, then one ``Completed``. Closing the iterator stops the engine's work.

        Raises:
            NotFound, InvalidRequest: the request cannot be answered as it is.
            TooManyRequests, Unavailable: not now; ``retry_after`` says when.
        """
        deployment = self.deployments.find(request.model, "text")
        observed = _Observed(deployment, self._metrics)
        request = msgspec.structs.replace(
            request, model=deployment.name, sampling=deployment.with_defaults(request.sampling)
        )
        with observed:
            async with aclosing(deployment.engine.generate(request)) as items:
                async for item in items:
                    observed.saw(item)
                    yield item

    async def embed(self, caller: "Caller", request: EmbedRequest) -> Embeddings:
        """Vectors for ``request``.

        Raises:
            NotFound, InvalidRequest: the request cannot be answered as it is.
            TooManyRequests, Unavailable: not now; ``retry_after`` says when.
        """
        deployment = self.deployments.find(request.model, "embedding")
        answer = await deployment.engine.embed(msgspec.structs.replace(request, model=deployment.name))
        self._metrics.tokens.labels(deployment.name, "input").inc(answer.usage.input_tokens)
        self._metrics.compute_seconds.labels(deployment.name).inc(answer.compute.compute_ns / 1e9)
        return answer


class _Observed:
    """Measures one generation from its arrival to its end, however it ends."""

    __slots__ = ("_began", "_first", "_metrics", "_model", "_outcome")

    def __init__(self, deployment: Deployment, metrics: Metrics) -> None:
        self._model = deployment.name
        self._metrics = metrics
        self._began = perf_counter()
        self._first: float | None = None
        self._outcome = "cancelled"

    def __enter__(self) -> None:
        self._metrics.in_flight.labels(self._model).inc()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._metrics.in_flight.labels(self._model).dec()
        if isinstance(error, CausetteError):
            self._outcome = error.code
        elif error is not None and isinstance(error, Exception):
            self._outcome = "error"
        self._metrics.generations.labels(self._model, self._outcome).inc()

    def saw(self, item: Delta | Completed) -> None:
        """Note the first delta and the account."""
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
