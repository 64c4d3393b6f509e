"""MCP servers, as real processes made with the official SDK, over both transports."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from causette.accounts import Caller, User
from causette.assistant.tools.mcp_servers import McpTools
from causette.assistant.tools.types import Tool, ToolContext, ToolFailed
from causette.clock import utc_now
from causette.errors import ConfigurationError
from causette.settings import McpServer
from tests.waiting import eventually

pytest.importorskip("mcp")

PROGRAM = Path(__file__).with_name("mcp_process.py")
ADA = Caller(
    user=User(
        id="user_1",
        email="ada@example.org",
        name="Ada",
        role="member",
        locale=None,
        theme="system",
        created_at=utc_now(),
        disabled_at=None,
    )
)
CONTEXT = ToolContext(caller=ADA, conversation_id="conv_1", generation_id="gen_1", step_id="step_1")


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest_asyncio.fixture(params=["stdio", "http"])
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[McpServer]:
    if request.param == "stdio":
        yield McpServer(name="shop", command=(sys.executable, str(PROGRAM), "stdio"))
        return
    port = a_free_port()
    process = subprocess.Popen([sys.executable, str(PROGRAM), "http", str(port)], stderr=subprocess.DEVNULL)

    async def listening() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await eventually(listening, "the MCP server to listen", seconds=30)
        yield McpServer(name="shop", url=f"http://127.0.0.1:{port}/mcp")
    finally:
        process.kill()
        process.wait()


async def tools_of(server: McpServer) -> dict[str, Tool]:
    return {tool.name: tool for tool in await McpTools([server]).of(ADA)}


async def test_tools_are_listed_called_and_known_for_what_they_may_do(
    server: McpServer, tmp_path: Path
) -> None:
    tools = await tools_of(server)
    assert sorted(tools) == ["shop_order", "shop_price"]
    assert tools["shop_price"].read_only
    assert not tools["shop_order"].read_only, "a tool that says nothing may change anything"
    assert tools["shop_price"].parameters["required"] == ["item"]
    assert (await tools["shop_price"].run(CONTEXT, {"item": "tea"})).text == "Tea costs 3 euros."
    note = tmp_path / "note"
    await tools["shop_order"].run(CONTEXT, {"item": "tea", "note": str(note)})
    assert note.read_text() == "tea"
    with pytest.raises(ToolFailed, match="price"):
        await tools["shop_price"].run(CONTEXT, {"item": "gold"})


async def test_a_server_that_does_not_start_offers_nothing() -> None:
    assert await tools_of(McpServer(name="gone", command=(sys.executable, "-c", "raise SystemExit(1)"))) == {}


@pytest.mark.parametrize("server", [McpServer(name="a"), McpServer(name="a", command=("x",), url="http://x")])
def test_a_server_has_a_command_or_a_url(server: McpServer) -> None:
    with pytest.raises(ConfigurationError):
        McpTools([server])
