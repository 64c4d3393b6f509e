"""An engine behind any server that speaks OpenAI's protocol, over TCP (vLLM, SGLang, llama-server, a hosted API) or
over a Unix socket (our own embedded engine)."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from itertools import chain
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote
from urllib.request import getproxies

import aiohttp
import msgspec
from yarl import URL

from causette import __version__
from causette.engines.reply_reader import ReplyReader, StreamFailed, misunderstood
from causette.engines.thinking import SplitReplies, Tags, written
from causette.engines.types import (
    ChatMessage,
    Completed,
    Delta,
    Embeddings,
    EmbedRequest,
    GenerateRequest,
    Picture,
)
from causette.engines.wire import (
    REQUEST_ID_HEADER,
    EngineStats,
    Thinking,
    WireEmbeddings,
    WireError,
    WireErrorBody,
    WireUsage,
    request_body,
)
from causette.errors import CausetteError, InvalidRequest, NotFound, TooManyRequests, Unavailable

_read_vectors: Final = msgspec.json.Decoder(WireEmbeddings).decode
_read_error: Final = msgspec.json.Decoder(WireErrorBody).decode
_read_usage: Final = msgspec.json.Decoder(WireUsage).decode
_read_stats: Final = msgspec.json.Decoder(EngineStats).decode
_write: Final = msgspec.json.Encoder().encode

#: Finds the bytes of a picture that we keep, by its owner and its SHA-256; raises ``NotFound`` where it was deleted.
PictureBytes = Callable[[str, str], Awaitable[bytes]]

# A model may think long before its first token, but a connection is made quickly or not at all.
_CONNECT_SECONDS: Final = 5.0
_SILENCE_SECONDS: Final = 300.0
# Questions about the server itself are answered at once, or it is not well.
_HEALTH_TIMEOUT: Final = aiohttp.ClientTimeout(total=5.0)
# Longer than an engine waits for a request to end before it says that it has no account of it.
_ACCOUNT_TIMEOUT: Final = aiohttp.ClientTimeout(total=15.0)
_RETRY_SECONDS: Final = 2.0
_EVENTS: Final = "text/event-stream"
# Read ahead at most so much of a stream that its reader takes slowly.
_READ_AHEAD_BYTES: Final = 1 << 17
# Set by aiohttp unasked, and of no use to an engine; compressed streams come late and cost time.
_HEADERS_LEFT_OUT: Final = ("accept", "accept-encoding")
_LAST_WORDS_SECONDS: Final = 0.1
_DELETED: Final = "[A picture that was here has been deleted.]"
# Accounts of broken-off requests that are kept: whoever asks for one asks soon.
_ACCOUNTS: Final = 10_000


class OpenAIClient:
    """The :class:`~causette.engines.types.Engine` protocol, spoken to one server.

    Over TCP, proxies are taken from the environment (``HTTPS_PROXY``, ``NO_PROXY``), as most clients do.

    Args:
        url: base URL up to and including ``/v1``; any host when ``socket`` is given.
        model: the name the server knows the model by.
        context: the model's context in tokens.
        api_key: sent as a bearer token when there is one.
        socket: path of a Unix socket to connect to instead of the URL's host: our own embedded engine's.
        usage: whether the server counts tokens in each chunk when it is asked as vLLM is, or at the end only.
        thinking: how it is told how long to think.
        tags: where its model's thinking is in the text, unless the server tells it apart itself.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        context: int,
        api_key: str | None = None,
        socket: Path | None = None,
        usage: Literal["final", "continuous"] = "final",
        thinking: Thinking = "none",
        tags: Tags = "none",
    ) -> None:
        self._url = url.rstrip("/")
        self._urls = {
            path: URL(f"{self._url}/{path}") for path in ("completions", "chat/completions", "embeddings")
        }
        self._model = model
        self._context = context
        self._continuous = usage == "continuous"
        self._thinking: Thinking = "causette" if socket is not None else thinking
        self._tags: Tags = tags
        #: What is known of requests whose streams did not end as they should, by request id.
        self._broken_off: dict[str, Completed] = {}
        self._headers = {"content-type": "application/json", "user-agent": f"causette/{__version__}"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None
        #: The bytes of a picture that we keep, by its owner and its SHA-256.
        self.picture_bytes: PictureBytes | None = None

    @property
    def context(self) -> int:
        """The longest prompt plus reply, in tokens."""
        return self._context

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        """See :class:`~causette.engines.types.Engine`. Closing the iterator closes the connection: the work stops."""
        path = "completions" if isinstance(request.prompt, str) else "chat/completions"
        request, inside = self._as_written(await self._with_pictures(request))
        body = _write(
            request_body(request, self._model, continuous_usage=self._continuous, thinking=self._thinking)
        )
        structured = request.sampling.response_format is not None
        replies = SplitReplies("none" if structured else self._tags, inside=inside)
        reader = ReplyReader(choices=request.n, continuous=self._continuous)
        try:
            async with self._post(path, body, request.id) as response:
                if response.status != 200:
                    raise _refusal(response, await response.read())
                if response.content_type != _EVENTS:
                    raise misunderstood(f"it answered with {response.content_type}, not with a stream")
                while data := await response.content.readany():
                    for item in chain.from_iterable(map(replies.push, reader.push(data))):
                        if reader.done:
                            await _read_out(response.content)
                        yield item
                    if reader.done:
                        return
                if (account := reader.finish()) is not None:
                    for piece in replies.push(account):
                        yield piece
                    return
        except StreamFailed as failed:
            raise _domain_error(503, failed.error, None) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._lost(error) from error
        finally:
            if reader.account is not None and not reader.done:
                self._keep(request.id, reader.account)
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
            raise misunderstood(str(error)) from error
        if len(answer.data) != len(request.inputs):
            raise misunderstood(f"it sent {len(answer.data)} vectors for {len(request.inputs)} texts")
        done = answer.usage.completed()
        rows = sorted(answer.data, key=lambda row: row.index)
        return Embeddings([row.embedding for row in rows], done.usage, done.compute)

    async def account(self, request_id: str) -> Completed | None:
        """See :class:`~causette.engines.types.Engine`.

        An embedded engine is asked. Of others there is the last count that came with a chunk: what they made until
        they noticed that nobody listens is not in it.
        """
        if self._socket is None:
            return self._broken_off.get(request_id)
        url = URL(f"{self._url.removesuffix('/v1')}/requests/{quote(request_id, safe='')}", encoded=True)
        try:
            async with self._client().get(url, timeout=_ACCOUNT_TIMEOUT) as response:
                return _read_usage(await response.read()).completed() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError):
            return None

    async def ready(self) -> bool:
        """Whether the server answers, and takes the key. One without a list of models is believed to be ready."""
        try:
            async with self._client().get(f"{self._url}/models", timeout=_HEALTH_TIMEOUT) as response:
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
                read_bufsize=_READ_AHEAD_BYTES,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=self._headers,
                skip_auto_headers=_HEADERS_LEFT_OUT,
                # Looked up for each request, so only where there are proxies at all.
                trust_env=self._socket is None and bool(getproxies()),
            )
        return self._session

    async def _with_pictures(self, request: GenerateRequest) -> GenerateRequest:
        """``request`` with the pictures that we keep as what is sent: they are in memory for no longer than that."""
        if isinstance(request.prompt, str) or not any(turn.pictures for turn in request.prompt):
            return request
        turns: list[ChatMessage] = []
        for turn in request.prompt:
            pictures, content = list[Picture](), turn.content
            for picture in turn.pictures:
                try:
                    pictures.append(await self._whole(picture))
                except NotFound:
                    content = f"{_DELETED}\n\n{content}".strip()
            turns.append(msgspec.structs.replace(turn, content=content, pictures=tuple(pictures)))
        return msgspec.structs.replace(request, prompt=tuple(turns))

    async def _whole(self, picture: Picture) -> Picture:
        if picture.url or self.picture_bytes is None:
            return picture
        content = await self.picture_bytes(picture.owner_id, picture.sha256)
        encoded = (await asyncio.to_thread(b64encode, content)).decode()
        return msgspec.structs.replace(picture, url=f"data:{picture.media_type};base64,{encoded}")

    def _as_written(self, request: GenerateRequest) -> tuple[GenerateRequest, bool | None]:
        """``request`` with what was thought where its server looks for it, and whether its reply goes on in there.

        Servers that take no thinking back begin anew where there is no answer yet.
        """
        if isinstance(request.prompt, str) or self._socket is not None:
            return request, None
        *turns, last = request.prompt
        prompt = tuple(
            msgspec.structs.replace(turn, reasoning="") if turn.reasoning else turn for turn in turns
        )
        if not request.continue_reply or not last.reasoning:
            last = msgspec.structs.replace(last, reasoning="") if last.reasoning else last
            inside = False if request.continue_reply else None
            return msgspec.structs.replace(request, prompt=(*prompt, last)), inside
        if self._tags != "none":
            inside = not last.content
            last = msgspec.structs.replace(last, content=written(last.reasoning, last.content), reasoning="")
            return msgspec.structs.replace(request, prompt=(*prompt, last)), inside
        if last.content:
            last = msgspec.structs.replace(last, reasoning="")
            return msgspec.structs.replace(request, prompt=(*prompt, last)), False
        return msgspec.structs.replace(request, prompt=prompt, continue_reply=False), None

    def _keep(self, request_id: str, account: Completed) -> None:
        self._broken_off[request_id] = account
        if len(self._broken_off) > _ACCOUNTS:
            del self._broken_off[next(iter(self._broken_off))]

    def _post(
        self, path: str, body: bytes, request_id: str
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._client().post(
            self._urls[path], data=body, headers={REQUEST_ID_HEADER: request_id}, allow_redirects=False
        )

    def _lost(self, error: Exception | None) -> Unavailable:
        why = "it closed the connection before it was done" if error is None else _describe(error)
        return Unavailable(
            f"The engine for {self._model!r} was lost: {why}. Send the request again.",
            code="engine_lost",
            retry_after=_RETRY_SECONDS,
        )


async def _read_out(content: aiohttp.StreamReader) -> None:
    """Wait a moment for the end of an answer that has said all: only then is its connection used again."""
    if not content.is_eof():
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await content.read()


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
