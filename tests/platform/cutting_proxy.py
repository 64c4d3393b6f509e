"""A proxy whose connections break: what lies between a client and its server on a bad day."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

#: Passes on what comes from the server, or None to break the connection to both sides.
Pass = Callable[[int, bytes], bytes | None]


@asynccontextmanager
async def cutting_proxy(url: str, passes: Pass) -> AsyncGenerator[str]:
    """A proxy to ``url``; its URL. ``passes`` is told which connection it is, from 0, and what came from the server."""
    address, accepted = urlsplit(url), 0

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int | None) -> None:
        while data := await reader.read(65536):
            passed = data if number is None else passes(number, data)
            if passed is None:
                return
            writer.write(passed)
            await writer.drain()
            if passed != data:
                return

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        number, accepted = accepted, accepted + 1
        there, back = await asyncio.open_connection(address.hostname, address.port)
        pumps = [
            asyncio.create_task(pump(reader, back, None)),
            asyncio.create_task(pump(there, writer, number)),
        ]
        with suppress(ConnectionError):
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        writer.close()
        back.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
