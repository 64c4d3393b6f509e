"""An engine that counts: ``python -m tests.crash.counting_engine SOCKET``.

Its answer is a function of the question, so that everybody knows what a reply has to be, word for word. Asked to go on
with a reply, it says what is left of it; asked to go on with something that it never said, or in a conversation whose
earlier answers are not its own, it refuses, and the reply fails.
"""

import asyncio
import sys
from hashlib import blake2s
from pathlib import Path

import msgspec
from aiohttp import web

from causette.engines.embedded.records import Records
from causette.engines.types import Completed, Compute, Usage
from causette.engines.wire import (
    REQUEST_ID_HEADER,
    WireChoice,
    WireMessage,
    WireProgress,
    WireRequest,
    WireUsage,
)

#: What every prompt has.
PROMPT_TOKENS = 40
#: A token is so many characters, whatever words they are of: replies are broken off within words, too.
TOKEN = 6
_TOKEN_SECONDS = 0.04
_TITLE = "Counting up to the end"

_encode = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder(WireRequest).decode


class _Chunk(msgspec.Struct, omit_defaults=True):
    choices: list[WireChoice]
    usage: WireUsage | None = None
    causette: WireProgress | None = None


def answer_to(question: str) -> str:
    """Twenty to eighty words, each of them once."""
    count = 20 + blake2s(question.encode(), digest_size=1).digest()[0] % 61
    return " ".join(f"{question.split()[-1]}-{number}" for number in range(1, count + 1))


def tokens_of(text: str) -> int:
    """How many tokens a text is, written in one go."""
    return -(-len(text) // TOKEN)


def rest_of(asked: WireRequest) -> str | None:
    """What is left to be said; None when this is no conversation of ours."""
    turns = list(asked.messages or ())
    said = str(turns.pop().content) if asked.continue_final_message else ""
    told = [str(turn.content) for turn in turns if turn.role != "system"]
    for question, answer in zip(told[0:-1:2], told[1::2], strict=True):
        if answer != answer_to(question):
            return None
    whole = answer_to(told[-1])
    return whole[len(said) :] if whole.startswith(said) else None


def application() -> web.Application:
    """The engine."""
    records = Records()

    async def chat(request: web.Request) -> web.StreamResponse:
        asked, request_id = _read(await request.read()), request.headers[REQUEST_ID_HEADER]
        rest = _TITLE if request_id.endswith("-title") else rest_of(asked)
        if rest is None:
            return web.json_response({"error": {"message": "I never said that."}}, status=400)
        end, made = records.begin(request_id), 0
        try:
            response = web.StreamResponse(headers={"content-type": "text/event-stream"})
            await response.prepare(request)
            for start in range(0, len(rest), TOKEN):
                await asyncio.sleep(_TOKEN_SECONDS)
                made += 1
                choice = WireChoice(0, WireMessage(content=rest[start : start + TOKEN]))
                await response.write(_event(_Chunk([choice], causette=WireProgress(made))))
            last = WireChoice(0, WireMessage(content=""), finish_reason="stop")
            await response.write(_event(_Chunk([last], causette=WireProgress(made))))
            records.end(request_id, end, _account(made))
            usage = WireUsage.account(_account(made))
            await response.write(_event(_Chunk([], usage)) + b"data: [DONE]\n\n")
            return response
        finally:
            records.end(request_id, end, _account(made))

    async def account(request: web.Request) -> web.Response:
        found = await records.find(request.match_info["id"])
        if found is None:
            return web.Response(status=404)
        return web.Response(body=_encode(WireUsage.account(found)), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/requests/{id}", account)
    return app


def _account(made: int) -> Completed:
    return Completed(Usage(PROMPT_TOKENS, 0, made), Compute(1_000_000 * made, 5))


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
