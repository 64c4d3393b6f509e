"""The engine without a model (``batching.py``) in real time, behind OpenAI's chat completions.

Run as ``python batching_server.py``. Prints the port it listens on, and ends when standard input does. A prompt has as
many tokens as words, a reply as many as ``max_tokens`` asks for; each is an event of its own.
"""

import asyncio
import sys
from typing import Final

import msgspec
import uvloop
from aiohttp import web

from harness.batching import BatchingEngine, Speed

#: Slow enough that what is in front of it has the time it needs, on a machine that they share.
SPEED: Final = Speed(step=0.03, sequence=0.0003)
MODEL: Final = "batching"

_PIECE: Final = b'data: {"choices":[{"index":0,"delta":{"content":" on"},"finish_reason":null}]}\n\n'
_END: Final = (
    'data: {{"choices":[{{"index":0,"delta":{{}},"finish_reason":"length"}}]}}\n\n'
    'data: {{"choices":[],"usage":{{"prompt_tokens":{0},"completion_tokens":{1},"total_tokens":{2}}}}}\n\n'
    "data: [DONE]\n\n"
)


class _Message(msgspec.Struct):
    content: str


class _Request(msgspec.Struct):
    messages: list[_Message]
    max_tokens: int


_read_request: Final = msgspec.json.Decoder(_Request).decode


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


def _completions(engine: BatchingEngine) -> web.Application:
    async def complete(request: web.Request) -> web.StreamResponse:
        wanted = _read_request(await request.read())
        prompt = sum(len(message.content.split()) for message in wanted.messages)
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        pieces: asyncio.Queue[int] = asyncio.Queue()
        generation = asyncio.create_task(engine.generate(prompt, wanted.max_tokens, pieces.put_nowait))
        try:
            while await pieces.get() < wanted.max_tokens:
                await answer.write(_PIECE)
            await answer.write(_PIECE)
            await generation
        finally:
            generation.cancel()
        end = _END.format(prompt, wanted.max_tokens, prompt + wanted.max_tokens)
        await answer.write(end.encode())
        return answer

    app = web.Application()
    app.add_routes([web.get("/v1/models", _models), web.post("/v1/chat/completions", complete)])
    return app


async def _serve() -> None:
    engine = BatchingEngine(SPEED)
    running = asyncio.create_task(engine.run())
    runner = web.AppRunner(_completions(engine), handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    running.cancel()
    await runner.cleanup()


def main() -> None:
    """Serve until standard input ends."""
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
