"""An engine behind any server that speaks OpenAI's protocol, over TCP (vLLM, SGLang, llama-server, a hosted API) or
over a Unix socket (our own embedded engine)."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

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
_RETRY_SECONDS: Final = 2.0
_DONE: Final = b"[DONE]"
_MAX_EVENT_BYTES: Final = 1 << 20


class OpenAIClient:
    """The :class:`~causette.engines.types.Engine` protocol, spoken to one server.

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
                    raise _refusal(
                        response.status, await response.read(), response.headers.get("retry-after")
                    )
                async for item in _items(response.content):
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
                    raise _refusal(response.status, content, response.headers.get("retry-after"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error) from error
        try:
            answer = _read_vectors(content)
        except msgspec.DecodeError as error:
            raise Unavailable(
                f"The engine's answer could not be read: {error}", code="engine_protocol"
            ) from error
        done = answer.usage.completed()
        rows = sorted(answer.data, key=lambda row: row.index)
        return Embeddings([row.embedding for row in rows], done.usage, done.compute)

    async def ready(self) -> bool:
        """Whether the server answers."""
        try:
            async with self._client().get(f"{self._url}/models", headers=self._headers) as response:
                return response.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def stats(self) -> EngineStats:
        """What an embedded engine says of itself.

        Raises:
            Unavailable: it does not answer.
        """
        try:
            async with self._client().get(f"{self._url.removesuffix('/v1')}/healthz") as response:
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
            timeout = aiohttp.ClientTimeout(
                sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS, total=None
            )
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=timeout, read_bufsize=_MAX_EVENT_BYTES, auto_decompress=True
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


async def _items(content: aiohttp.StreamReader) -> AsyncGenerator[Delta | Completed]:
    """The deltas of a stream of server-sent events, then its account when it gave one or ended properly."""
    done: Completed | None = None
    async for line in content:
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == _DONE:
            # A server that reports no usage still ended the stream as it should.
            yield done or Completed(Usage())
            return
        try:
            chunk = _read_chunk(data)
        except msgspec.DecodeError as error:
            raise Unavailable(
                f"The engine sent what is not a chunk: {error}", code="engine_protocol"
            ) from error
        if chunk.error is not None:
            raise _domain_error(503, chunk.error, None)
        for choice in chunk.choices:
            delta = choice.to_delta()
            if delta.text or delta.logprobs or delta.finish_reason:
                yield delta
        if chunk.usage is not None:
            done = chunk.usage.completed()


def _refusal(status: int, body: bytes, retry_after: str | None) -> CausetteError:
    try:
        error = _read_error(body).error
    except msgspec.DecodeError:
        error = WireError(f"The engine answered with status {status}.")
    return _domain_error(status, error, retry_after)


_BY_NAME: Final = {kind.__name__: kind for kind in (InvalidRequest, TooManyRequests, Unavailable)}


def _domain_error(status: int, error: WireError, retry_after: str | None) -> CausetteError:
    """The engine's refusal as ours. Its authentication is the owner's affair, so 401 and 403 are not the caller's."""
    code = str(error.code) if error.code else None
    seconds = float(retry_after) if retry_after and retry_after.replace(".", "", 1).isdigit() else None
    if (kind := _BY_NAME.get(error.type or "")) is not None:
        return kind(error.message, code=code, param=error.param, retry_after=seconds)
    if status == 429:
        return TooManyRequests(error.message, code="engine_overloaded", retry_after=seconds or _RETRY_SECONDS)
    if status in {400, 413, 422}:
        too_long = code == "context_length_exceeded" or "context length" in error.message
        return InvalidRequest(
            error.message, code="context_length_exceeded" if too_long else code, param=error.param
        )
    if status in {401, 403}:
        return Unavailable(
            "The engine refuses this server's key; its owner has to correct it.", code="engine_refused"
        )
    if status == 404:
        return Unavailable(
            f"The engine does not have this model: {error.message}", code="engine_model_missing"
        )
    return Unavailable(error.message, code=code or "engine_error", retry_after=seconds or _RETRY_SECONDS)


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "it broke off in the middle of its answer"
    return str(error) or type(error).__name__
