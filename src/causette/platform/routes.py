"""``/v1``: models, chat completions, completions, embeddings."""

import base64
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from time import time
from typing import Any, Final, Protocol

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from causette.accounts.authentication import KeyHolder
from causette.accounts.types import Caller
from causette.engines.types import Completed, Compute, Delta, GenerateRequest, Usage
from causette.errors import NotFound
from causette.gateway import Deployment, Gateway
from causette.http.disconnect import while_connected
from causette.http.sse import event_stream
from causette.ids import new_id
from causette.platform.answers import Items, Shape, stream, whole
from causette.platform.requests import ChatCompletionBody, CompletionBody, EmbeddingBody

_encode: Final = msgspec.json.Encoder().encode
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {}}}
}


class House(Protocol):
    """As much of the application's state as this room needs."""

    @property
    def gateway(self) -> Gateway: ...


def _gateway(request: Request) -> Gateway:
    house: House = request.app.state.house
    return house.gateway


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["platform"])

    @routes.get("/models")
    async def list_models(caller: KeyHolder, request: Request) -> dict[str, Any]:
        """What can be named as ``model``."""
        return {"object": "list", "data": [_model(item) for item in _gateway(request).deployments]}

    @routes.get("/models/{model:path}")
    async def get_model(model: str, caller: KeyHolder, request: Request) -> dict[str, Any]:
        """One model, by its name or an alias."""
        for deployment in _gateway(request).deployments:
            if model in {deployment.name, *deployment.aliases}:
                return _model(deployment)
        raise NotFound(f"The model {model!r} does not exist.", code="model_not_found", param="model")

    @routes.post("/chat/completions", responses=_ANSWER)
    async def chat_completions(body: ChatCompletionBody, caller: KeyHolder, request: Request) -> Response:
        """A reply to a chat, whole or streamed."""
        shape = _shape(request, body.model, chat=True)
        asked = body.generate_request(shape.id)
        return await _answer(
            request,
            _gateway(request).generate(caller, asked),
            shape,
            choices=asked.n,
            streamed=bool(body.stream),
            include_usage=body.stream_options is not None and body.stream_options.include_usage,
            logprobs=asked.sampling.logprobs,
        )

    @routes.post("/completions", responses=_ANSWER)
    async def completions(body: CompletionBody, caller: KeyHolder, request: Request) -> Response:
        """Continuations of plain text, whole or streamed."""
        shape = _shape(request, body.model, chat=False)
        asked = body.generate_requests(shape.id)
        each = body.n or 1
        echoes = [prompt if body.echo else "" for prompt in body.prompts for _ in range(each)]
        return await _answer(
            request,
            _joined(_gateway(request), caller, asked, echoes if body.stream else None),
            shape,
            choices=len(echoes),
            streamed=bool(body.stream),
            include_usage=body.stream_options is not None and body.stream_options.include_usage,
            logprobs=body.logprobs is not None,
            echoes=echoes,
        )

    @routes.post("/embeddings")
    async def embeddings(body: EmbeddingBody, caller: KeyHolder, request: Request) -> Response:
        """Vectors of texts, each of length 1."""
        asked = body.embed_request(new_id("emb"))
        made = await while_connected(request, _gateway(request).embed(caller, asked))
        packed = body.encoding_format == "base64"
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": _packed(vector) if packed else vector,
            }
            for index, vector in enumerate(made.vectors)
        ]
        usage = {"prompt_tokens": made.usage.input_tokens, "total_tokens": made.usage.input_tokens}
        answer = {"object": "list", "data": data, "model": body.model, "usage": usage}
        return Response(_encode(answer), media_type="application/json")

    return routes


async def _answer(
    request: Request,
    items: Items,
    shape: Shape,
    *,
    choices: int,
    streamed: bool,
    include_usage: bool,
    logprobs: bool,
    echoes: list[str] | None = None,
) -> Response:
    if streamed:
        # Whoever leaves while still in the queue frees their place, too.
        first = await while_connected(request, _first(items))
        return event_stream(stream(first, shape, choices=choices, include_usage=include_usage))
    work = whole(items, shape, choices=choices, echoes=echoes or [""] * choices, logprobs=logprobs)
    return Response(await while_connected(request, work), media_type="application/json")


async def _first(items: Items) -> Items:
    """``items``, once the first has come: what is refused is refused with a status, not inside a stream."""
    try:
        head = await anext(items)
    except StopAsyncIteration:
        head = None

    async def again() -> AsyncGenerator[Delta | Completed]:
        async with aclosing(items):
            if head is not None:
                yield head
            async for item in items:
                yield item

    return again()


async def _joined(
    gateway: Gateway, caller: Caller, asked: list[GenerateRequest], echoes: list[str] | None
) -> AsyncGenerator[Delta | Completed]:
    """The answers to several prompts as those of one request: choices numbered on, accounts added up."""
    usage, compute_ns, queue_ns = Usage(), 0, 0
    for position, one in enumerate(asked):
        offset = position * one.n
        echoed = echoes is None
        async with aclosing(gateway.generate(caller, one)) as items:
            async for item in items:
                if echoes is not None and not echoed:
                    # Not before the engine has taken the prompt: it may refuse it.
                    echoed = True
                    for index in range(offset, offset + one.n):
                        if echoes[index]:
                            yield Delta(index, echoes[index])
                if isinstance(item, Delta):
                    yield Delta(item.index + offset, item.text, item.logprobs, item.finish_reason)
                    continue
                usage = Usage(
                    usage.input_tokens + item.usage.input_tokens,
                    usage.cached_tokens + item.usage.cached_tokens,
                    usage.output_tokens + item.usage.output_tokens,
                    usage.reasoning_tokens + item.usage.reasoning_tokens,
                )
                compute_ns += item.compute.compute_ns
                queue_ns += item.compute.queue_ns
    yield Completed(usage, Compute(compute_ns, queue_ns))


def _shape(request: Request, model: str, *, chat: bool) -> Shape:
    return Shape(
        chat=chat, answer_id=new_id("chatcmpl" if chat else "cmpl"), created=int(time()), model=model
    )


def _model(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.name,
        "object": "model",
        "created": deployment.created,
        "owned_by": "causette",
        "aliases": list(deployment.aliases),
        "context_length": deployment.engine.context,
        "kind": deployment.kind,
    }


def _packed(vector: Sequence[float]) -> str:
    """A vector as OpenAI's clients prefer it: little-endian 32-bit floats in base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
