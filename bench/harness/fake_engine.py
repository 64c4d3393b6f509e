"""An engine that costs next to nothing, so that what is measured is the gateway in front of it.

Run as ``python fake_engine.py``. Prints the port it listens on, and ends when standard input does. It speaks OpenAI's
chat completions, whole and streamed, with usage; a reply has exactly ``max_tokens`` tokens, the texts ``TEXTS`` in
turn, and a prompt as many tokens as words. Each token of a stream is a chunk, an event and a write of its own, as
an engine sends them that makes one token a step:

- the model ``fast`` writes the next token as soon as its event loop comes round;
- the model ``paced`` writes one every ``PACE_SECONDS``;
- the model ``stamped`` writes one every ``STAMPED_SECONDS``, whose text is when it was written: microseconds of the
  machine's monotonic clock.

``GET /v1/models`` lists them.
"""

import asyncio
import sys
from collections.abc import Iterator
from itertools import chain, count, cycle, islice
from time import monotonic_ns
from typing import Final, Literal, cast

import httptools
import msgspec
import uvloop

#: What each token's text begins with, and nothing else does.
TOKEN: Final = " wave"
#: They differ, since LiteLLM breaks off what repeats the same chunk a hundred times.
TEXTS: Final = tuple(f"{TOKEN}{number}" for number in range(10))
#: A pace at which every gateway that was tried keeps up with 16 streams.
PACE_SECONDS: Final = 0.02
#: Twenty tokens a second: faster than anybody reads.
STAMPED_SECONDS: Final = 0.05
CREATED: Final = 1_790_000_000


class _Message(msgspec.Struct):
    content: str


class _Request(msgspec.Struct):
    model: Literal["fast", "paced", "stamped"]
    messages: list[_Message]
    max_tokens: int
    stream: bool = False


_read_request: Final = msgspec.json.Decoder(_Request).decode
_EVENT: Final = (
    'data: {{"id":"chatcmpl-{id}","object":"chat.completion.chunk","created":{created},"model":"{model}",'
    '"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}\n\n'
)
_LAST_EVENT: Final = (
    'data: {{"id":"chatcmpl-{id}","object":"chat.completion.chunk","created":{created},"model":"{model}",'
    '"choices":[],"usage":{usage}}}\n\ndata: [DONE]\n\n'
)
_WHOLE: Final = (
    '{{"id":"chatcmpl-{id}","object":"chat.completion","created":{created},"model":"{model}","choices":[{{"index":0,'
    '"message":{{"role":"assistant","content":"{text}"}},"logprobs":null,"finish_reason":"length"}}],"usage":{usage}}}'
)
_PACES: Final = {"fast": 0.0, "paced": PACE_SECONDS, "stamped": STAMPED_SECONDS}
_USAGE: Final = '{{"prompt_tokens":{0},"completion_tokens":{1},"total_tokens":{2}}}'
_STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)


class _Connection(asyncio.Protocol):
    """One client; its requests are answered in turn."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._parser = httptools.HttpRequestParser(self)
        self._next: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not registered as such

    def connection_lost(self, exc: Exception | None) -> None:
        if self._next is not None:
            self._next.cancel()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._body = b""
        self._path = b""

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self._path == b"/v1/models":
            models = [{"id": name, "object": "model"} for name in _PACES]
            self._answer(msgspec.json.encode({"object": "list", "data": models}))
        else:
            self._complete(_read_request(self._body))

    def _complete(self, request: _Request) -> None:
        input_tokens = sum(len(message.content.split()) for message in request.messages)
        output_tokens = request.max_tokens
        total = input_tokens + output_tokens
        named = {"id": next(self._ids), "created": CREATED, "model": request.model}
        usage = _USAGE.format(input_tokens, output_tokens, total)
        if not request.stream:
            self._answer(_WHOLE.format(**named, text=_text(output_tokens), usage=usage).encode())
            return
        opening = _EVENT.format(**named, delta='{"role":"assistant","content":""}', finish="null")
        self._transport.write(_STREAM_HEAD + _chunk(opening))
        texts = (
            _chunk(_EVENT.format(**named, delta=f'{{"content":"{text}"}}', finish="null"))
            for text in _texts(request.model)
        )
        end = _EVENT.format(**named, delta="{}", finish='"length"')
        last = _chunk(end) + _chunk(_LAST_EVENT.format(**named, usage=usage)) + b"0\r\n\r\n"
        pace = _PACES[request.model]
        pieces = chain(islice(texts, output_tokens), [last])
        self._stream(pieces, asyncio.get_running_loop().time(), pace)

    def _stream(self, pieces: Iterator[bytes], due: float, pace: float) -> None:
        """Write a piece, and see to it that the next one is written at its time."""
        self._next = None
        if (piece := next(pieces, None)) is None:
            return
        self._transport.write(piece)
        loop = asyncio.get_running_loop()
        after = pieces, due + pace, pace
        self._next = (
            loop.call_at(due + pace, self._stream, *after) if pace else loop.call_soon(self._stream, *after)
        )

    def _answer(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)


def _texts(model: str) -> Iterator[str]:
    """The texts of a reply's tokens, each made when it is written."""
    return (f" {monotonic_ns() // 1000}" for _ in count()) if model == "stamped" else cycle(TEXTS)


def _text(tokens: int) -> str:
    return "".join(islice(cycle(TEXTS), tokens))


def _chunk(text: str) -> bytes:
    """HTTP's form of a piece of an answer that has no length."""
    return b"%x\r\n%b\r\n" % (len(text), text.encode())


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    ids = count(1)
    server = await loop.create_server(lambda: _Connection(ids), "127.0.0.1", 0)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends."""
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
