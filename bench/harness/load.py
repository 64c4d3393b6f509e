"""The load generator: a process that keeps N streamed chat completions in flight and times each of them.

It shares the machine with what it measures, so it is lean: uvloop, httptools, one connection a request (llama.cpp's
server closes idle ones), and it parses JSON only until the first token has come and for the last event.

Reads one JSON request a line and answers each with one JSON line; see ``Spec`` and ``Sample``.
"""

import asyncio
import sys
from collections import deque
from time import perf_counter
from typing import cast

import httptools
import msgspec
import uvloop


class Spec(msgspec.Struct, frozen=True):
    """One round: POST each of ``bodies``, ``in_flight`` at once; each asks for ``new_tokens``."""

    host: str
    port: int
    path: str
    in_flight: int
    new_tokens: int
    bodies: list[msgspec.Raw]
    bearer: str = ""
    timeout_s: float = 600.0


class Sample(msgspec.Struct, frozen=True):
    """One request. Times are seconds on one clock: sent, first text seen, last text seen."""

    sent: float
    first: float = 0.0
    last: float = 0.0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    error: str = ""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] = msgspec.field(default_factory=list[_Choice])
    usage: _Usage | None = None


_decode_event = msgspec.json.Decoder(_Event).decode


class _Exchange(asyncio.Protocol):
    """One request and its streamed reply; ``done`` resolves to its sample."""

    def __init__(self, request: bytes, new_tokens: int, sent: float) -> None:
        self.done: asyncio.Future[Sample] = asyncio.get_running_loop().create_future()
        self._request = request
        self._new_tokens = new_tokens
        self._sent = sent
        self._first = self._last = 0.0
        self._usage: _Usage | None = None
        self._unread = b""
        self._event = b""
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not registered as such
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._now = perf_counter()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, msgspec.MsgspecError) as error:
            self._finish(f"unreadable reply: {error}: {self._event[:200]!r}")

    def on_body(self, body: bytes) -> None:
        *lines, self._unread = (self._unread + body).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and (event := line[5:].strip()).startswith(b"{"):
                self._read(event)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status != 200:
            self._finish(f"HTTP {status}: {self._unread[:200].decode(errors='replace')}")
        elif not self._first or self._usage is None:
            self._finish(
                f"the stream ended without {'usage' if self._first else 'text'}: {self._event[:200]!r}"
            )
        else:
            self._finish("")

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(f"connection lost: {exc or 'closed early'}")

    def _read(self, event: bytes) -> None:
        self._event = event
        if not self._first:
            if any(choice.delta.content for choice in _decode_event(event).choices):
                self._first = self._last = self._now
        elif b'"content"' in event:
            self._last = self._now
        if b'"usage"' in event:
            self._usage = _decode_event(event).usage or self._usage
        elif b'"length"' in event and any(x.finish_reason == "length" for x in _decode_event(event).choices):
            # A server that reports no usage: it stopped because it had made as many as were asked for.
            self._usage = _Usage(completion_tokens=self._new_tokens)

    def _finish(self, error: str) -> None:
        if self.done.done():
            return
        usage = self._usage or _Usage()
        details = usage.prompt_tokens_details or _Details()
        self.done.set_result(
            Sample(
                sent=self._sent,
                first=self._first,
                last=self._last,
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=details.cached_tokens,
                completion_tokens=usage.completion_tokens,
                error=error,
            )
        )
        self._transport.close()


async def _one(spec: Spec, body: bytes) -> Sample:
    bearer = f"Authorization: Bearer {spec.bearer}\r\n" if spec.bearer else ""
    head = (
        f"POST {spec.path} HTTP/1.1\r\nHost: {spec.host}:{spec.port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{bearer}Connection: close\r\n\r\n"
    )
    sent = perf_counter()
    exchange = _Exchange(head.encode() + body, spec.new_tokens, sent)
    try:
        async with asyncio.timeout(spec.timeout_s):
            await asyncio.get_running_loop().create_connection(lambda: exchange, spec.host, spec.port)
            return await exchange.done
    except (OSError, TimeoutError) as error:
        return Sample(sent, error=f"{type(error).__name__}: {error}")


async def run(spec: Spec) -> list[Sample]:
    """All the samples of a round, in order of completion."""
    waiting = deque(bytes(body) for body in spec.bodies)
    samples: list[Sample] = []

    async def worker() -> None:
        while waiting:
            samples.append(await _one(spec, waiting.popleft()))

    await asyncio.gather(*(worker() for _ in range(spec.in_flight)))
    return samples


def main() -> None:
    """Serve rounds from standard input until it ends."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            samples = runner.run(run(msgspec.json.decode(line, type=Spec)))
            sys.stdout.buffer.write(msgspec.json.encode(samples) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
