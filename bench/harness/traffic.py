"""The load of the gateway benchmark: a process that asks one server, as fast as it can or at a given rate.

It shares the machine with what it measures, so it is lean: uvloop, httptools, connections that stay open, and no JSON
but each answer's usage. Every reply is looked at all the same: it has to have the text of as many tokens as its usage
says and as were asked for.

Reads one JSON request a line and answers each with one JSON line; see ``Order`` and ``Outcome``.
"""

import asyncio
import random
import sys
from collections import Counter, deque
from collections.abc import Callable
from time import perf_counter
from typing import Final, cast

import httptools
import msgspec
import uvloop

from harness.fake_engine import TOKEN

_TOKEN: Final = TOKEN.encode()
#: A server that has not answered anything for so long is not going to.
_PATIENCE_SECONDS: Final = 60.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What to send: requests with ``bodies`` in turn, for ``seconds`` or until there were ``requests`` of them.

    With ``rate`` they are sent at that many a second on average, with a Poisson process's gaps between them, whether
    or not earlier ones were answered, and a request's time runs from the instant it was due. Without, ``in_flight`` of
    them are on the way at any time.
    """

    port: int
    headers: dict[str, str]
    bodies: list[tuple[int, msgspec.Raw]]
    in_flight: int = 1
    rate: float | None = None
    seconds: float | None = None
    requests: int | None = None
    seed: int = 1


class Outcome(msgspec.Struct, kw_only=True):
    """What came of it. Times in seconds; ``sizes`` counts answers by their tokens of input and output."""

    seconds: float = 0.0
    latencies: list[float] = []
    first_texts: list[float] = []
    gaps: list[float] = []
    sizes: list[tuple[int, int, int]] = []
    error: str = ""


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Answer(msgspec.Struct):
    usage: _Usage | None = None


_read_answer: Final = msgspec.json.Decoder(_Answer).decode


class _Failed(Exception):
    """A server gave another answer than it was asked for."""


class _Exchange:
    """One request and what is known of its answer."""

    __slots__ = ("due", "first", "gaps", "last", "request", "tokens")

    def __init__(self, request: bytes, tokens: int, due: float) -> None:
        self.request = request
        self.tokens = tokens
        self.due = due
        self.first = 0.0
        self.last = 0.0
        self.gaps: list[float] = []


class _Connection(asyncio.Protocol):
    """A connection that carries one exchange after the other."""

    def __init__(self, traffic: "_Traffic") -> None:
        self._traffic = traffic
        self._exchange: _Exchange | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not registered as such

    def connection_lost(self, exc: Exception | None) -> None:
        self._traffic.lost(self, self._exchange, exc)

    def send(self, exchange: _Exchange) -> None:
        self._exchange = exchange
        self._body: list[bytes] = []
        self._transport.write(exchange.request)

    def close(self) -> None:
        self._exchange = None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._now = perf_counter()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._traffic.fail(f"an unreadable answer: {error}")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        if (exchange := self._exchange) is not None and (texts := body.count(_TOKEN)):
            if exchange.first:
                exchange.gaps.append(self._now - exchange.last)
            else:
                exchange.first = self._now
            exchange.gaps += [0.0] * (texts - 1)
            exchange.last = self._now

    def on_message_complete(self) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        body = b"".join(self._body)
        try:
            if (status := self._parser.get_status_code()) != 200:
                raise _Failed(f"status {status}: {body[:300].decode(errors='replace')}")
            usage = _checked(body, exchange.tokens)
        except (_Failed, msgspec.MsgspecError) as error:
            self._traffic.fail(str(error))
            return
        if not self._parser.should_keep_alive():
            self._transport.close()
        self._traffic.answered(self, exchange, usage, self._now)


def _checked(body: bytes, tokens: int) -> _Usage:
    """The usage of an answer that is what was asked for."""
    if body.startswith(b"{"):
        usage = _read_answer(body).usage
    else:
        events = [line[5:] for line in body.splitlines() if line.startswith(b"data:") and b'"usage"' in line]
        usage = next((found for event in reversed(events) if (found := _read_answer(event).usage)), None)
        if not body.rstrip().endswith(b"[DONE]"):
            raise _Failed(f"a stream without an end: …{body[-200:]!r}")
    texts = body.count(_TOKEN)
    if usage is None or not tokens == texts == usage.completion_tokens:
        raise _Failed(f"{texts} tokens of text and the account {usage} where {tokens} tokens were asked for")
    return usage


class _Traffic:
    """One order being carried out."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._requests = deque(_wire(order))
        self._idle: list[_Connection] = []
        self._open = 0
        self._sizes = Counter[tuple[int, int]]()
        self._outcome = Outcome()
        self._done = asyncio.get_running_loop().create_future()
        self._left = order.requests
        self._in_flight = 0
        self._until = float("inf")
        self._issuing = True

    async def run(self) -> Outcome:
        """Send and receive everything."""
        loop, order, outcome = asyncio.get_running_loop(), self._order, self._outcome
        self._idle = [(await self._connect()) for _ in range(order.in_flight)]
        began = perf_counter()
        self._until = began + order.seconds if order.seconds is not None else self._until
        if order.rate is None:
            for _ in range(order.in_flight):
                self._begin(perf_counter())
        else:
            self._arrivals(random.Random(order.seed), began)
        watch = loop.create_task(self._watch())
        try:
            await self._done
        finally:
            watch.cancel()
            for connection in self._idle:
                connection.close()
        outcome.seconds = perf_counter() - began
        outcome.sizes = [(*size, times) for size, times in self._sizes.items()]
        return outcome

    async def _watch(self) -> None:
        """Give up when nothing has been answered for too long."""
        answered = -1
        while answered != (answered := len(self._outcome.latencies)):
            await asyncio.sleep(_PATIENCE_SECONDS)
        self.fail("no answer")

    def _arrivals(self, chance: random.Random, due: float) -> None:
        """Send what is due, and come back when the next one is."""
        assert self._order.rate is not None
        while (now := perf_counter()) >= due:
            if due >= self._until or self._left == 0:
                self._stop()
                return
            self._begin(due)
            due += chance.expovariate(self._order.rate)
        asyncio.get_running_loop().call_later(due - now, self._arrivals, chance, due)

    def _begin(self, due: float) -> None:
        if self._left is not None:
            self._left -= 1
        self._in_flight += 1
        tokens, request = self._requests[0]
        self._requests.rotate(-1)
        exchange = _Exchange(request, tokens, due)
        if self._idle:
            self._idle.pop().send(exchange)
        else:
            task = asyncio.create_task(self._connect())
            task.add_done_callback(self._sender(exchange))

    def _sender(self, exchange: _Exchange) -> "Callable[[asyncio.Task[_Connection]], None]":
        def send(task: "asyncio.Task[_Connection]") -> None:
            if error := task.exception():
                self.fail(f"no connection: {error}")
            else:
                task.result().send(exchange)

        return send

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: _Connection(self), "127.0.0.1", self._order.port
        )
        return connection

    def answered(self, connection: _Connection, exchange: _Exchange, usage: _Usage, now: float) -> None:
        """An answer is complete and right."""
        outcome = self._outcome
        outcome.latencies.append(now - exchange.due)
        outcome.first_texts.append(exchange.first - exchange.due)
        outcome.gaps += exchange.gaps
        self._sizes[usage.prompt_tokens, usage.completion_tokens] += 1
        self._in_flight -= 1
        self._idle.append(connection)
        if self._order.rate is None:
            if now < self._until and self._left != 0:
                self._begin(perf_counter())
            else:
                self._stop()
        elif not self._issuing and self._in_flight == 0:
            self._stop()

    def lost(self, connection: _Connection, exchange: _Exchange | None, error: Exception | None) -> None:
        """A connection is closed: bad news only where an answer was awaited on it."""
        if connection in self._idle:
            self._idle.remove(connection)
        if exchange is not None:
            self.fail(f"the connection was lost: {error or 'closed early'}")

    def fail(self, why: str) -> None:
        """Give up."""
        self._outcome.error = self._outcome.error or why
        if not self._done.done():
            self._done.set_result(None)

    def _stop(self) -> None:
        self._issuing = False
        if self._in_flight == 0 and not self._done.done():
            self._done.set_result(None)


def _wire(order: Order) -> list[tuple[int, bytes]]:
    """Each body with its number of tokens, as it goes over the wire."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in order.headers.items())
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{order.port}\r\ncontent-type: application/json\r\n"
    return [
        (tokens, f"{head}{headers}content-length: {len(bytes(body))}\r\n\r\n".encode() + bytes(body))
        for tokens, body in order.bodies
    ]


async def carry_out(order: Order) -> Outcome:
    """The outcome of an order; ``error`` says why it was given up, where it was."""
    try:
        return await _Traffic(order).run()
    except OSError as error:
        return Outcome(error=f"no connection: {error}")


def main() -> None:
    """Carry out orders from standard input until it ends."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            outcome = runner.run(carry_out(msgspec.json.decode(line, type=Order)))
            sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
