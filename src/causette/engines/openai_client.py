"""An engine behind any server that speaks OpenAI's protocol, over TCP (vLLM, SGLang, llama-server, a hosted API) or
over a Unix socket (our own embedded engine)."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from aiohttp.http_exceptions import LineTooLong

from causette.engines.types import Completed, Delta, Embeddings, EmbedRequest, GenerateRequest, Usage
from causette.engines.wire import (
    REQUEST_ID_HEADER,
    EngineStats,
    WireChunk,
    WireEmbeddings,
    WireError,
    WireErrorBody,
    request_body,
)
from causette.errors import CausetteError, InvalidRequest, TooManyRequests, Unavailable

_read_chunk: Final = msgspec.json.Decoder(WireChunk).decode
_read_vectors: Final = msgspec.json.Decoder(WireEmbeddings).decode
_read_error: Final = msgspec.json.Decoder(WireErrorBody).decode
_read_stats: Final = msgspec.json.Decoder(EngineStats).decode
_write: Final = msgspec.json.Encoder().encode

# A model may think long before its first token, but a connection is made quickly or not at all.
_CONNECT_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 300.0
# Questions about the server itself are answered at once, or it is not well.
_HEALTH_TIMEOUT: Final = aiohttp.ClientTimeout(total=5.0)
_RETRY_SECONDS: Final = 2.0
_DONE: Final = b"[DONE]"
_EVENTS: Final = "text/event-stream"
_MAX_EVENT_BYTES: Final = 1 << 20


class OpenAIClient:
    """The :class:`~causette.engines.types.Engine` protocol, spoken to one server.

    Over TCP, proxies are taken from the environment (``HTTPS_PROXY``, ``NO_PROXY``), as most clients do.

    Args:
        url: base URL up to and including ``/v1``; any host when ``socket`` is given.
        model: the name the server knows the model by.
        context: the model's context in tokens.
        api_key: sent as a bearer token when there is one.
        socket: path of a Unix socket to connect to instead of the URL's host.
    """

    def __init__(
        self, url: str, *, model: str, context: int, api_key: str | None = None, socket: Path | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._model = model
        self._context = context
        self._headers = {"content-type": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    @property
    def context(self) -> int:
        """The longest prompt plus reply, in tokens."""
        return self._context

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`. Closing the iterator closes the connection: the work stops."""
        path = "completions" if isinstance(request.prompt, str) else "chat/completions"
        body = _write(request_body(request, self._model))
        try:
            async with self._post(path, body, request.id) as response:
                if response.status != 200:
                    raise _refusal(response, await response.read())
                if response.content_type != _EVENTS:
                    raise _misunderstood(f"it answered with {response.content_type}, not with a stream")
                async with aclosing(_items(response.content, choices=request.n)) as items:
                    async for item in items:
                        yield item
                        if isinstance(item, Completed):
                            return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error) from error
        raise self._lost(None)

    async def embed(self, request: EmbedRequest) -> Embeddings:
        """See :class:`~causette.engines.types.Engine`."""
        body: dict[str, object] = {"model": self._model, "input": list(request.inputs)}
        if request.dimensions is not None:
            body["dimensions"] = request.dimensions
        try:
            async with self._post("embeddings", _write(body), request.id) as response:
                content = await response.read()
                if response.status != 200:
                    raise _refusal(response, content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error) from error
        try:
            answer = _read_vectors(content)
        except msgspec.DecodeError as error:
            raise _misunderstood(str(error)) from error
        if len(answer.data) != len(request.inputs):
            raise _misunderstood(f"it sent {len(answer.data)} vectors for {len(request.inputs)} texts")
        done = answer.usage.completed()
        rows = sorted(answer.data, key=lambda row: row.index)
        return Embeddings([row.embedding for row in rows], done.usage, done.compute)

    async def ready(self) -> bool:
        """Whether the server answers, and takes the key. One without a list of models is believed to be ready."""
        try:
            async with self._client().get(
                f"{self._url}/models", headers=self._headers, timeout=_HEALTH_TIMEOUT
            ) as response:
                return response.status < 500 and response.status not in {401, 403}
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def stats(self) -> EngineStats:
        """What an embedded engine says of itself.

        Raises:
            Unavailable: it does not answer.
        """
        try:
            async with self._client().get(
                f"{self._url.removesuffix('/v1')}/healthz", timeout=_HEALTH_TIMEOUT
            ) as response:
                return _read_stats(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise self._lost(error) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        # Made on first use: a session belongs to the event loop that runs then.
        if self._session is None:
            connector = (
                aiohttp.UnixConnector(str(self._socket), limit=0)
                if self._socket is not None
                else aiohttp.TCPConnector(limit=0)
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(
                    sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS, total=None
                ),
                read_bufsize=_MAX_EVENT_BYTES,
                trust_env=self._socket is None,
            )
        return self._session

    def _post(
        self, path: str, body: bytes, request_id: str
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        headers = {**self._headers, REQUEST_ID_HEADER: request_id}
        return self._client().post(f"{self._url}/{path}", data=body, headers=headers, allow_redirects=False)

    def _lost(self, error: Exception | None) -> Unavailable:
        why = "it closed the connection before it was done" if error is None else _describe(error)
        return Unavailable(
            f"The engine for {self._model!r} was lost: {why}. Send the request again.",
            code="engine_lost",
            retry_after=_RETRY_SECONDS,
        )


async def _items(content: aiohttp.StreamReader, *, choices: int) -> AsyncGenerator[Delta | Completed]:
    """The deltas of a stream of server-sent events, then its account when it gave one or ended properly."""
    account: Completed | None = None
    ended: set[int] = set()
    while line := await _line(content):
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == _DONE:
            # A server that reports no usage still ended the stream as it should.
            yield account or Completed(Usage())
            return
        if not line.endswith(b"\n"):
            # Cut off in the middle.
            return
        try:
            chunk = _read_chunk(data)
        except msgspec.DecodeError as error:
            raise _misunderstood(f"it sent what is not a chunk: {error}") from error
        if chunk.error is not None:
            raise _domain_error(503, chunk.error, None)
        for choice in chunk.choices or ():
            delta = choice.to_delta()
            if delta.finish_reason:
                ended.add(delta.index)
            if delta.text or delta.logprobs or delta.finish_reason:
                yield delta
        if chunk.usage is not None:
            account = chunk.usage.completed()
    if len(ended) == choices:
        # Some servers just close the connection after the last choice has ended.
        yield account or Completed(Usage())


async def _line(content: aiohttp.StreamReader) -> bytes:
    try:
        return await content.readline()
    except (LineTooLong, ValueError) as error:
        raise _misunderstood(f"it sent an event of more than {_MAX_EVENT_BYTES} bytes") from error


def _misunderstood(why: str) -> Unavailable:
    return Unavailable(f"The engine's answer could not be read: {why}.", code="engine_protocol")


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> CausetteError:
    try:
        error = _read_error(body).details()
    except msgspec.DecodeError:
        error = WireError(f"The engine answered with status {response.status}.")
    return _domain_error(response.status, error, _seconds(response.headers.get("retry-after")))


_BY_NAME: Final = {kind.__name__: kind for kind in (InvalidRequest, TooManyRequests, Unavailable)}


def _domain_error(status: int, error: WireError, retry_after: float | None) -> CausetteError:
    """The engine's refusal as ours. Its authentication is the owner's affair, so 401 and 403 are not the caller's."""
    later = retry_after or _RETRY_SECONDS
    if (kind := _BY_NAME.get(error.type or "")) is not None:
        again = None if kind is InvalidRequest else later
        return kind(error.message, code=_code(error), param=error.param, retry_after=again)
    if isinstance(error.code, int) and 400 <= error.code < 600:
        # vLLM's errors in the middle of a stream carry the status that they would have had before it.
        status = error.code
    if status == 429:
        return TooManyRequests(error.message, code="engine_overloaded", retry_after=later)
    if status in {400, 413, 422}:
        too_long = error.code == "context_length_exceeded" or "context length" in error.message
        return InvalidRequest(
            error.message, code="context_length_exceeded" if too_long else _code(error), param=error.param
        )
    if status in {401, 403}:
        return Unavailable(
            "The engine refuses this server's key; its owner has to correct it.", code="engine_refused"
        )
    if status == 404:
        return Unavailable(
            f"The engine does not have this model: {error.message}", code="engine_model_missing"
        )
    return Unavailable(error.message, code=_code(error) or "engine_error", retry_after=later)


def _code(error: WireError) -> str | None:
    return error.code if isinstance(error.code, str) else None


def _seconds(retry_after: str | None) -> float | None:
    """The value of a ``Retry-After`` header; None for none, and for its form with a date."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "it broke off in the middle of its answer"
    return str(error) or type(error).__name__
