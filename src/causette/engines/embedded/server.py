"""The embedded engine's HTTP side: the OpenAI protocol, streamed, on a Unix socket that only its parent reaches.

Completions are always streamed here; whoever wants them whole joins them (see ``causette.platform``).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from time import perf_counter_ns, time
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from causette.engines.types import Completed
from causette.engines.wire import (
    REQUEST_ID_HEADER,
    EngineStats,
    WireChoice,
    WireCompute,
    WireEmbedding,
    WireEmbeddings,
    WireError,
    WireErrorBody,
    WireLogprobs,
    WireMessage,
    WireProgress,
    WireRequest,
    WireTokenLogprob,
    WireUsage,
)
from causette.errors import CausetteError, InvalidRequest, NotFound, TooManyRequests

if TYPE_CHECKING:
    from causette.engines.embedded.encoder import SentenceEncoder
    from causette.engines.embedded.step_loop import Job, StepLoop

_EVENTS: Final = "text/event-stream"
# As proxies log it; nobody reads this answer.
_CLIENT_LEFT: Final = 499
_encode: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode
_read_request: Final = msgspec.json.Decoder(WireRequest).decode


class _Chunk(msgspec.Struct):
    """A streamed chunk in full."""

    id: str
    object: str
    created: int
    model: str
    choices: list[WireChoice]
    usage: WireUsage | None = None
    causette: WireProgress | None = None


class _ErrorChunk(msgspec.Struct):
    error: WireError


class _EmbeddingBody(msgspec.Struct):
    input: list[str]
    model: str = ""
    dimensions: int | None = None


_read_texts: Final = msgspec.json.Decoder(_EmbeddingBody).decode


def text_server(loop: "StepLoop") -> Starlette:
    """The application around a step loop."""

    async def completions(request: Request) -> Response:
        try:
            body = _read_request(await request.body())
            job = loop.submit(body.generate_request(request.headers.get(REQUEST_ID_HEADER, "")))
        except msgspec.DecodeError as error:
            return _error_response(InvalidRequest(str(error)))
        except CausetteError as error:
            return _error_response(error)
        return _JobResponse(loop, job)

    async def account(request: Request) -> Response:
        found = await loop.records.find(request.path_params["id"])
        if found is None:
            return _error_response(NotFound("No such request, or it is still in progress."))
        return Response(_encode(WireUsage.account(found)), media_type="application/json")

    async def health(_: Request) -> Response:
        return Response(_encode(loop.stats()), media_type="application/json")

    return Starlette(
        routes=[
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/requests/{id}", account),
            Route("/healthz", health),
        ]
    )


def embedding_server(encoder: "SentenceEncoder", name: str, *, max_queued: int) -> Starlette:
    """The application around a sentence encoder, which serves one request at a time, in order of arrival."""
    stats = EngineStats(model=name)
    started = perf_counter_ns()
    turn = asyncio.Lock()

    async def embeddings(request: Request) -> Response:
        try:
            body = _read_texts(await request.body())
        except msgspec.DecodeError as error:
            return _error_response(InvalidRequest(str(error)))
        if body.dimensions not in {None, encoder.dimensions}:
            return _error_response(
                InvalidRequest(
                    f"This model's vectors have {encoder.dimensions} dimensions and cannot be shortened to "
                    f"{body.dimensions}; leave 'dimensions' out.",
                    code="unsupported_parameter",
                    param="dimensions",
                )
            )
        if turn.locked() and stats.waiting >= max_queued:
            return _error_response(
                TooManyRequests(
                    f"The engine's queue is full ({stats.waiting} requests are waiting). Try again shortly.",
                    code="engine_overloaded",
                    retry_after=1.0,
                )
            )
        arrived = perf_counter_ns()
        stats.waiting += 1
        try:
            await turn.acquire()
        finally:
            stats.waiting -= 1
        began = perf_counter_ns()
        stats.running = 1
        try:
            if await request.is_disconnected():
                return Response(status_code=_CLIENT_LEFT)
            # In a thread, so that this process goes on answering for itself.
            vectors, counts = await asyncio.to_thread(encoder.encode, body.input)
        except CausetteError as error:
            return _error_response(error)
        finally:
            took = perf_counter_ns() - began
            stats.running = 0
            stats.busy_ns += took
            turn.release()
        tokens = sum(counts)
        stats.steps += 1
        stats.input_tokens += tokens
        usage = WireUsage(prompt_tokens=tokens, total_tokens=tokens)
        usage.causette = WireCompute(took, began - arrived)
        rows = [WireEmbedding(row, index) for index, row in enumerate(vectors.tolist())]
        return Response(_encode(WireEmbeddings(rows, usage)), media_type="application/json")

    async def health(_: Request) -> Response:
        stats.uptime_ns = perf_counter_ns() - started
        return Response(_encode(stats), media_type="application/json")

    return Starlette(
        routes=[Route("/v1/embeddings", embeddings, methods=["POST"]), Route("/healthz", health)]
    )


class _JobResponse(StreamingResponse):
    """A job's deltas as server-sent events. However sending them ends, the job ends with it.

    Also when the client left before the first one was asked for, in which case ``_events`` was never begun.
    """

    def __init__(self, loop: "StepLoop", job: "Job") -> None:
        super().__init__(_events(job), media_type=_EVENTS)
        self._loop = loop
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._loop.cancel(self._job)


async def _events(job: "Job") -> AsyncGenerator[bytes]:
    request = job.request
    chat = not isinstance(request.prompt, str)
    kind = "chat.completion.chunk" if chat else "text_completion"
    created = int(time())

    try:
        async for item in job.deltas():
            if isinstance(item, Completed):
                last = _Chunk(request.id, kind, created, request.model, [], WireUsage.account(item))
                yield _event(last) + b"data: [DONE]\n\n"
                return
            logprobs = (
                WireLogprobs([WireTokenLogprob.of(token) for token in item.logprobs])
                if item.logprobs
                else None
            )
            choice = WireChoice(item.index, logprobs=logprobs, finish_reason=item.finish_reason)
            if chat:
                choice.delta = WireMessage(content=item.text, reasoning_content=item.reasoning or None)
            else:
                choice.text = item.text
            progress = WireProgress(item.output_tokens)
            yield _event(_Chunk(request.id, kind, created, request.model, [choice], None, progress))
    except CausetteError as error:
        yield _event(_ErrorChunk(_wire_error(error)))


def _event(chunk: _Chunk | _ErrorChunk) -> bytes:
    return b"data: %b\n\n" % _encode(chunk)


def _wire_error(error: CausetteError) -> WireError:
    return WireError(error.message, type=type(error).__name__, param=error.param, code=error.code)


def _error_response(error: CausetteError) -> Response:
    headers = {} if error.retry_after is None else {"retry-after": f"{error.retry_after:.0f}"}
    return Response(
        _encode(WireErrorBody(_wire_error(error))),
        status_code=error.status,
        headers=headers,
        media_type="application/json",
    )
