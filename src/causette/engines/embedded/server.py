"""The embedded engine's HTTP side: the OpenAI protocol, streamed, on a Unix socket that only its parent reaches.

Completions are always streamed here; whoever wants them whole joins them (see ``causette.platform``).
"""

from collections.abc import AsyncIterator, Callable
from time import perf_counter_ns, time
from typing import TYPE_CHECKING, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

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
    WireRequest,
    WireTokenLogprob,
    WireUsage,
)
from causette.errors import CausetteError, InvalidRequest

if TYPE_CHECKING:
    from causette.engines.embedded.encoder import SentenceEncoder
    from causette.engines.embedded.step_loop import Job, StepLoop

_EVENTS: Final = "text/event-stream"
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


class _ErrorChunk(msgspec.Struct):
    error: WireError


class _EmbeddingBody(msgspec.Struct):
    input: list[str]
    model: str = ""


def text_server(loop: "StepLoop") -> Starlette:
    """The application around a step loop."""

    async def completions(request: Request) -> Response:
        try:
            body = _read_request(await request.body())
        except msgspec.ValidationError as error:
            return _error_response(InvalidRequest(str(error)))
        request_id = request.headers.get(REQUEST_ID_HEADER, "")
        try:
            job = loop.submit(body.generate_request(request_id))
        except CausetteError as error:
            return _error_response(error)
        return StreamingResponse(_events(loop, job, body, request_id), media_type=_EVENTS)

    async def health(_: Request) -> Response:
        return Response(_encode(loop.stats()), media_type="application/json")

    return Starlette(
        routes=[
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/healthz", health),
        ]
    )


def embedding_server(encoder: "SentenceEncoder", name: str) -> Starlette:
    """The application around a sentence encoder."""
    stats = EngineStats(model=name)
    started = perf_counter_ns()

    async def embeddings(request: Request) -> Response:
        try:
            body = msgspec.json.decode(await request.body(), type=_EmbeddingBody)
        except msgspec.ValidationError as error:
            return _error_response(InvalidRequest(str(error)))
        began = perf_counter_ns()
        try:
            # On the event loop: the model uses every core, so a second call at once would gain nothing.
            vectors, counts = encoder.encode(body.input)
        except CausetteError as error:
            return _error_response(error)
        took, tokens = perf_counter_ns() - began, sum(counts)
        stats.steps += 1
        stats.busy_ns += took
        stats.input_tokens += tokens
        usage = WireUsage(prompt_tokens=tokens, total_tokens=tokens)
        usage.causette = WireCompute(compute_ns=took)
        rows = [WireEmbedding(row, index) for index, row in enumerate(vectors.tolist())]
        return Response(_encode(WireEmbeddings(rows, usage)), media_type="application/json")

    async def health(_: Request) -> Response:
        stats.uptime_ns = perf_counter_ns() - started
        return Response(_encode(stats), media_type="application/json")

    return Starlette(
        routes=[Route("/v1/embeddings", embeddings, methods=["POST"]), Route("/healthz", health)]
    )


async def _events(loop: "StepLoop", job: "Job", body: WireRequest, request_id: str) -> AsyncIterator[bytes]:
    """The job's deltas as server-sent events. Closing this (the client left) cancels the job."""
    chat = body.messages is not None
    kind = "chat.completion.chunk" if chat else "text_completion"
    created = int(time())

    def event(choices: list[WireChoice], usage: WireUsage | None = None) -> bytes:
        return b"data: %b\n\n" % _encode(_Chunk(request_id, kind, created, body.model, choices, usage))

    try:
        async for item in job.deltas():
            if isinstance(item, Completed):
                usage = WireUsage.of(item.usage)
                usage.causette = WireCompute(item.compute.compute_ns, item.compute.queue_ns)
                yield event([], usage) + b"data: [DONE]\n\n"
                return
            logprobs = (
                WireLogprobs([WireTokenLogprob.of(token) for token in item.logprobs])
                if item.logprobs
                else None
            )
            choice = WireChoice(item.index, logprobs=logprobs, finish_reason=item.finish_reason)
            if chat:
                choice.delta = WireMessage(content=item.text)
            else:
                choice.text = item.text
            yield event([choice])
    except CausetteError as error:
        yield b"data: %b\n\n" % _encode(_ErrorChunk(_wire_error(error)))
    finally:
        loop.cancel(job)


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
