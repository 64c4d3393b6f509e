"""An engine in a process of its own: ``python -m tests.crash.engine_process SOCKET``.

It says as many words as it is asked for, and speaks the embedded engine's protocol: its streams count their tokens, and
whoever lost one asks for the account. It writes each text request's id and prompt to standard output as it begins.
"""

import asyncio
import sys
from pathlib import Path

import msgspec
from aiohttp import web

from causette.engines.embedded.records import Records
from causette.engines.types import Completed, Compute, Usage
from causette.engines.wire import (
    REQUEST_ID_HEADER,
    WireChoice,
    WireEmbedding,
    WireEmbeddings,
    WireMessage,
    WireProgress,
    WireRequest,
    WireUsage,
)

#: What every prompt has.
PROMPT_TOKENS = 40
CACHED_TOKENS = 8
#: Long enough for something to happen between two words.
WORD_SECONDS = 0.004

_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(WireRequest).decode


class _Chunk(msgspec.Struct, omit_defaults=True):
    choices: list[WireChoice]
    usage: WireUsage | None = None
    causette: WireProgress | None = None


class _Texts(msgspec.Struct):
    input: list[str]


def account_of(words: int) -> Completed:
    """What a reply of so many words takes."""
    return Completed(Usage(PROMPT_TOKENS, CACHED_TOKENS, words), Compute(1_000_000 * words, 5))


def application() -> web.Application:
    """The engine."""
    records = Records()

    async def chat(request: web.Request) -> web.StreamResponse:
        asked = _read(await request.read())
        request_id = request.headers[REQUEST_ID_HEADER]
        assert asked.messages is not None
        sys.stdout.write(f"{request_id} {asked.messages[-1].content}\n")
        sys.stdout.flush()
        end, made = records.begin(request_id), 0
        try:
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            for number in range(1, (asked.max_tokens or 1) + 1):
                await asyncio.sleep(WORD_SECONDS)
                made = number
                last = "stop" if number == asked.max_tokens else None
                choice = WireChoice(0, WireMessage(content="word "), finish_reason=last)
                await response.write(_event(_Chunk([choice], causette=WireProgress(number))))
            records.end(request_id, end, account_of(made))
            usage = WireUsage.account(account_of(made))
            await response.write(_event(_Chunk([], usage)) + b"data: [DONE]\n\n")
            return response
        finally:
            records.end(request_id, end, account_of(made))

    async def embeddings(request: web.Request) -> web.Response:
        texts = msgspec.json.decode(await request.read(), type=_Texts).input
        await asyncio.sleep(5 * WORD_SECONDS)
        vectors = [WireEmbedding([1.0, 0.0], index) for index in range(len(texts))]
        usage = WireUsage.account(Completed(Usage(PROMPT_TOKENS), Compute(7)))
        return web.Response(body=_encode(WireEmbeddings(vectors, usage)), content_type="application/json")

    async def account(request: web.Request) -> web.Response:
        found = await records.find(request.match_info["id"])
        if found is None:
            return web.Response(status=404)
        return web.Response(body=_encode(WireUsage.account(found)), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_post("/v1/embeddings", embeddings)
    app.router.add_get("/requests/{id}", account)
    return app


def _event(chunk: _Chunk) -> bytes:
    return b"data: %b\n\n" % _encode(chunk)


async def main(socket: Path) -> None:
    """Serve until killed."""
    socket.unlink(missing_ok=True)
    runner = web.AppRunner(application(), handler_cancellation=True)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
