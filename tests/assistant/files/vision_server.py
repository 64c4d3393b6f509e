"""An OpenAI-compatible server that sees, over real HTTP: it says how many bytes of which pictures it was shown."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(slots=True)
class VisionServer:
    """Where it is, and what it was asked."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def pictures(self, body: dict[str, Any]) -> list[tuple[str, bytes]]:
        """The media types and bytes of the pictures in a request."""
        found: list[tuple[str, bytes]] = []
        for message in body["messages"]:
            for part in message["content"] if isinstance(message["content"], list) else ():
                if part["type"] == "image_url":
                    head, _, data = part["image_url"]["url"].partition(";base64,")
                    found.append((head.removeprefix("data:"), base64.b64decode(data)))
        return found


@asynccontextmanager
async def vision_server() -> AsyncGenerator[VisionServer]:
    """One that runs."""
    server = VisionServer()

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        server.bodies.append(body)
        said = f"I see {len(server.pictures(body))}."
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        for chunk in (
            {"choices": [{"index": 0, "delta": {"content": said}, "finish_reason": "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 300, "completion_tokens": 4}},
        ):
            await answer.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await answer.write(b"data: [DONE]\n\n")
        return answer

    application = web.Application(client_max_size=1 << 26)
    application.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
