"""Replicas as real servers on free ports, which die."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from causette.engines.openai_client import OpenAIClient
from causette.engines.types import ChatMessage, Completed, Delta, GenerateRequest, Usage
from causette.errors import Unavailable
from causette.gateway.routing import Replica, Router
from causette.ids import new_id


@dataclass
class Server:
    """Says three words. With ``cut``, its connection breaks off after so many of them."""

    cut: int | None = None
    asked: int = 0
    url: str = ""
    runner: web.AppRunner = field(init=False)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.answer)
        app.router.add_get("/v1/models", self.models)
        self.runner = web.AppRunner(app, shutdown_timeout=0)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}/v1"

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": []})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        assert request.transport is not None
        if self.cut == 0:
            request.transport.abort()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for number in range(1, 4):
            usage = {"prompt_tokens": 5, "completion_tokens": number}
            choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": None}
            await response.write(b"data: %b\n\n" % json.dumps({"choices": [choice], "usage": usage}).encode())
            if number == self.cut:
                request.transport.abort()
                return response
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def routed(*servers: Server) -> AsyncIterator[Router]:
    for server in servers:
        await server.start()
    clients = [OpenAIClient(it.url, model="theirs", context=4096, usage="continuous") for it in servers]
    try:
        yield Router(
            "small",
            [Replica(engine=client, id=it.url) for client, it in zip(clients, servers, strict=True)],
        )
    finally:
        for client in clients:
            await client.close()
        for server in servers:
            await server.runner.cleanup()


async def ask(router: Router, question: str) -> tuple[str, str]:
    """The id of a question, and what is said to it."""
    request = GenerateRequest(new_id("test"), "small", (ChatMessage("user", question),))
    said = ""
    async with aclosing(router.generate(request)) as items:
        async for item in items:
            said += item.text if isinstance(item, Delta) else ""
    return request.id, said


async def test_nobody_notices_that_a_replica_died_between_two_replies():
    servers = [Server(), Server()]
    async with routed(*servers) as router:
        for number in range(20):
            await ask(router, f"question {number}")
        assert min(server.asked for server in servers) > 0
        await servers[0].runner.cleanup()
        for number in range(20):
            assert (await ask(router, f"question {number}"))[1] == "word word word "


async def test_nobody_notices_that_a_replica_breaks_off_before_its_first_word():
    servers = [Server(cut=0), Server()]
    async with routed(*servers) as router:
        for number in range(20):
            assert (await ask(router, f"question {number}"))[1] == "word word word "
    assert 0 < servers[0].asked < 10


async def test_a_reply_that_breaks_off_later_is_accounted_for_by_the_replica_that_began_it():
    server = Server(cut=2)
    request = GenerateRequest(new_id("test"), "small", (ChatMessage("user", "hello"),))
    async with routed(server) as router:
        with pytest.raises(Unavailable) as lost:
            async with aclosing(router.generate(request)) as items:
                async for _ in items:
                    pass
        assert lost.value.code == "engine_lost"
        assert await router.account(request.id) == Completed(Usage(input_tokens=5, output_tokens=2))
    assert server.asked == 1
