"""``/v1``: models, chat completions, completions, embeddings."""

import base64
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from time import time
from typing import Any, Final, Protocol

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from causette.accounts.authentication import EmbeddingsKey, InferenceKey, KeyFirst, ModelsKey, accounts_of
from causette.accounts.types import Caller
from causette.engines.types import Completed, Compute, Delta, GenerateRequest, Usage
from causette.errors import CausetteError, InvalidRequest, NotFound
from causette.gateway import Deployment
from causette.gateway.admission import Origin
from causette.gateway.service import Admitted, Begun, Gateway, Item, Queued, Settled
from causette.http.disconnect import while_connected
from causette.http.sse import event_stream
from causette.ids import new_id
from causette.platform.answers import Items, Shape, error_event, stream, whole
from causette.platform.errors import error_response
from causette.platform.limits import limit_headers
from causette.platform.requests import ChatCompletionBody, CompletionBody, EmbeddingBody

_encode: Final = msgspec.json.Encoder().encode
_LONGEST_KEY: Final = 255
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
    routes = APIRouter(prefix="/v1", tags=["platform"], route_class=KeyFirst)

    @routes.get("/models")
    async def list_models(caller: ModelsKey, request: Request, response: Response) -> dict[str, Any]:
        """What can be named as ``model``: the house's models, and the caller's own, the newest first."""
        gateway = _gateway(request)
        response.headers.update(await _standing(gateway, caller))
        offered = (*gateway.deployments, *await gateway.deployments.own.of(caller))
        return {"object": "list", "data": [_model(item) for item in offered]}

    @routes.get("/models/{model:path}")
    async def get_model(
        model: str, caller: ModelsKey, request: Request, response: Response
    ) -> dict[str, Any]:
        """One model, by its name or an alias."""
        gateway = _gateway(request)
        own = await gateway.deployments.own.find(caller, model)
        for deployment in gateway.deployments if own is None else (own,):
            if model in {deployment.name, *deployment.aliases}:
                response.headers.update(await _standing(gateway, caller, model))
                return _model(deployment)
        raise NotFound(f"The model {model!r} does not exist.", code="model_not_found", param="model")

    @routes.post("/chat/completions", responses=_ANSWER)
    async def chat_completions(body: ChatCompletionBody, caller: InferenceKey, request: Request) -> Response:
        """A reply to a chat, whole or streamed."""
        return await chat_completion(request, caller, body)

    @routes.post("/completions", responses=_ANSWER)
    async def completions(body: CompletionBody, caller: InferenceKey, request: Request) -> Response:
        """Continuations of plain text, whole or streamed."""
        shape = _shape(request, body.model, chat=False)
        asked = body.generate_requests(shape.id)
        each = body.n or 1
        echoes = [prompt if body.echo else "" for prompt in body.prompts for _ in range(each)]
        return await _answer(
            request,
            caller,
            _joined(request, caller, asked, echoes if body.stream else None),
            shape,
            choices=len(echoes),
            streamed=bool(body.stream),
            include_usage=body.stream_options is not None and body.stream_options.include_usage,
            logprobs=body.logprobs is not None,
            echoes=echoes,
        )

    @routes.post("/embeddings")
    async def embeddings(body: EmbeddingBody, caller: EmbeddingsKey, request: Request) -> Response:
        """Vectors of texts, each of length 1."""
        asked = body.embed_request(new_id("emb"))
        gateway = _gateway(request)
        try:
            embedded = gateway.embed(caller, asked, _origin(request))
            vigil = accounts_of(request).vigil
            made = await while_connected(request, vigil.while_good(caller, embedded))
        except CausetteError as error:
            return await _refused(gateway, caller, body.model, error)
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
        headers = await _standing(gateway, caller, body.model)
        return Response(_encode(answer), media_type="application/json", headers=headers)

    return routes


async def chat_completion(request: Request, caller: Caller, body: ChatCompletionBody) -> Response:
    """The reply to a chat that ``caller`` may ask for."""
    shape = _shape(request, body.model, chat=True)
    asked = body.generate_request(shape.id)
    return await _answer(
        request,
        caller,
        _gateway(request).generate(caller, asked, _origin(request)),
        shape,
        choices=asked.n,
        streamed=bool(body.stream),
        include_usage=body.stream_options is not None and body.stream_options.include_usage,
        logprobs=asked.sampling.logprobs,
    )


async def _answer(
    request: Request,
    caller: Caller,
    items: Items,
    shape: Shape,
    *,
    choices: int,
    streamed: bool,
    include_usage: bool,
    logprobs: bool,
    echoes: list[str] | None = None,
) -> Response:
    guard = partial(accounts_of(request).vigil.while_good, caller)
    try:
        # Whoever leaves, or is sent away, while still in the queue frees their place, too.
        if streamed:
            begun, headers = await while_connected(request, guard(_begin(items, shape)))
            events = stream(begun, shape, choices=choices, include_usage=include_usage)
            answer = event_stream(events, guard=guard, refusal=error_event)
        else:
            work = _whole(items, shape, choices=choices, echoes=echoes or [""] * choices, logprobs=logprobs)
            body, headers = await while_connected(request, guard(work))
            answer = Response(body, media_type="application/json")
    except CausetteError as error:
        return await _refused(_gateway(request), caller, shape.model, error)
    answer.headers.update(headers)
    return answer


async def _refused(gateway: Gateway, caller: Caller, model: str, error: CausetteError) -> Response:
    """``error`` with how the caller's limits stand."""
    answer = error_response(error)
    answer.headers.update(await _standing(gateway, caller, model))
    return answer


async def _standing(gateway: Gateway, caller: Caller, model: str | None = None) -> dict[str, str]:
    """The headers of how the caller's limits stand, as far as that can be said: nothing fails for it."""
    with suppress(CausetteError):
        return limit_headers(await gateway.standings(caller, model))
    return {}


async def _begin(items: Items, shape: Shape) -> tuple[Items, dict[str, str]]:
    """``items`` from the first that was made, and the headers. ``shape`` learns who begins.

    What is refused is refused with a status, not inside a stream.
    """
    headers: dict[str, str] = {}
    head: Delta | Completed | None = None
    async for item in items:
        if isinstance(item, Admitted):
            headers = limit_headers(item.standings)
        elif isinstance(item, Begun):
            shape.fingerprint = item.fingerprint
        elif not isinstance(item, Queued | Settled):
            head = item
            break

    async def again() -> AsyncGenerator[Item]:
        async with aclosing(items):
            if head is not None:
                yield head
            async for item in items:
                yield item

    return again(), headers


async def _whole(
    items: Items, shape: Shape, *, choices: int, echoes: list[str], logprobs: bool
) -> tuple[bytes, dict[str, str]]:
    begun, headers = await _begin(items, shape)
    return await whole(begun, shape, choices=choices, echoes=echoes, logprobs=logprobs), headers


async def _joined(
    request: Request, caller: Caller, asked: list[GenerateRequest], echoes: list[str] | None
) -> AsyncGenerator[Item]:
    """The answers to several prompts as those of one request: choices numbered on, accounts added up."""
    usage, compute_ns, queue_ns = Usage(), 0, 0
    for position, one in enumerate(asked):
        offset = position * one.n
        echoed = echoes is None
        origin = _origin(request, position if len(asked) > 1 else None)
        async with aclosing(_gateway(request).generate(caller, one, origin)) as items:
            async for item in items:
                if isinstance(item, Admitted | Queued | Begun | Settled):
                    yield item
                    continue
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


def _origin(request: Request, part: int | None = None) -> Origin:
    """How the books know the request again; ``part`` tells apart those that one call makes.

    Raises:
        InvalidRequest: the idempotency key is empty or too long.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= _LONGEST_KEY:
        raise InvalidRequest(
            f"An Idempotency-Key has 1 to {_LONGEST_KEY} characters; this one has {len(key)}.",
            param="Idempotency-Key",
        )
    # OpenAI's clients count how often they sent a request before.
    repeats = request.headers.get("x-stainless-retry-count", "0") != "0"
    named = key if key is None or part is None else f"{key}/{part}"
    return Origin(surface="platform", idempotency_key=named, repeats=repeats)


def _shape(request: Request, model: str, *, chat: bool) -> Shape:
    return Shape(
        chat=chat, answer_id=new_id("chatcmpl" if chat else "cmpl"), created=int(time()), model=model
    )


def _model(deployment: Deployment) -> dict[str, Any]:
    return {
        "id": deployment.name,
        "object": "model",
        "created": deployment.created,
        "owned_by": deployment.owner_id or "causette",
        "aliases": list(deployment.aliases),
        "context_length": deployment.engine.context,
        "kind": deployment.kind,
    }


def _packed(vector: Sequence[float]) -> str:
    """A vector as OpenAI's clients prefer it: little-endian 32-bit floats in base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
