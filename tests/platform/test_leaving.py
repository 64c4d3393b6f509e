"""A client that leaves takes its work with it."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.conftest import TEXT_MODEL
from tests.server import Server, StartServer
from tests.waiting import eventually

#: More than is written before anybody notices.
ENDLESS = {"max_tokens": 4000, "ignore_eos": True, "temperature": 0}
CHAT = {"model": "default", "messages": [{"role": "user", "content": "Tell me everything."}], **ENDLESS}


@pytest.fixture
def alone(start_server: StartServer) -> Server:
    """A server of the test's own, which works on one request at a time."""
    return start_server(CAUSETTE_MAX_RUNNING="1")


async def held(server: Server) -> dict[str, float]:
    """How many requests the engine works on, how many wait for it, and how many the gateway has in all."""
    async with httpx2.AsyncClient() as client:
        text = (await client.get(f"{server.url}/metrics")).text
    gauges = {
        "running": r'causette_engine_queue\{.*state="running"\}',
        "waiting": rf'causette_requests_waiting\{{model="{TEXT_MODEL}"\}}',
        "in_flight": r"causette_generations_in_flight\{.*\}",
    }
    found = {name: re.search(rf"^{gauge} (\S+)$", text, re.MULTILINE) for name, gauge in gauges.items()}
    return {name: float(value[1]) if value else 0.0 for name, value in found.items()}


@asynccontextmanager
async def asking(server: Server, body: dict[str, object]) -> AsyncGenerator[asyncio.StreamReader]:
    """A request on a connection of its own, which is cut at the end."""
    address = urlsplit(server.url)
    content = httpx2.Request("POST", f"{server.url}/v1/chat/completions", json=body)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {server.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {content.headers['content-length']}\r\n\r\n"
    )
    writer.write(head.encode() + content.content)
    try:
        yield reader
    finally:
        linger = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()


async def test_leaving_ends_the_work_streamed_whole_or_still_waiting(alone: Server) -> None:
    for stream in (True, False):
        async with asking(alone, CHAT | {"stream": stream}) as reader:
            if stream:
                await reader.readuntil(b"data: ")

            async def working() -> bool:
                return (await held(alone))["running"] == 1

            await eventually(working, "the engine to work", seconds=20)
            async with asking(alone, CHAT | {"stream": True}):

                async def queued() -> bool:
                    return (await held(alone))["waiting"] == 1

                await eventually(queued, "the second request to wait", seconds=20)

            async def nobody_waits() -> bool:
                now = await held(alone)
                return (now["waiting"], now["in_flight"]) == (0, 1)

            await eventually(nobody_waits, "the one in the queue to be let go", seconds=20)

        async def idle() -> bool:
            now = await held(alone)
            return not any(now.values())

        await eventually(idle, "the engine to be idle again", seconds=20)
