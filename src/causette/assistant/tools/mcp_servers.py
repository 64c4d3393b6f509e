"""Tools of MCP servers that the owner has set up: commands on this machine, or addresses. Needs ``causette[tools]``.

Each use is a connection of its own: a server that hangs or dies takes one step with it and nothing else. What a server
offers is asked again every few minutes, and after it failed.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

import structlog

from causette.accounts.types import Caller
from causette.assistant.tools.types import Tool, ToolContext, ToolFailed, ToolResult
from causette.errors import ConfigurationError
from causette.settings import McpServer

if TYPE_CHECKING:
    from mcp.client.client import Client

_log = structlog.get_logger(__name__)

_KEPT_SECONDS: Final = 300.0
_FAILED_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 10.0
_PAGES: Final = 10
_LONGEST_DESCRIPTION: Final = 500


class McpTools:
    """The tools of all servers, for everybody.

    Raises:
        ConfigurationError: servers are set up, and what speaks to them is not installed; or one has neither a command
            nor a URL, or both.
    """

    def __init__(self, servers: Sequence[McpServer]) -> None:
        if servers and find_spec("mcp") is None:
            raise ConfigurationError(
                "[[mcp]] needs a library that is not installed. Install it with: pip install 'causette[tools]'",
                param="mcp",
            )
        for server in servers:
            if bool(server.command) == (server.url is not None):
                raise ConfigurationError(
                    f"The MCP server {server.name!r} needs either a command or a url in [[mcp]].", param="mcp"
                )
        self._shelves = [_Shelf(server) for server in servers]

    async def of(self, caller: Caller) -> Sequence[Tool]:
        """What the servers offer; nothing of those that do not answer."""
        shelves = await asyncio.gather(*(shelf.tools() for shelf in self._shelves))
        return [tool for tools in shelves for tool in tools]


class _Shelf:
    """One server's tools, as they were last listed."""

    def __init__(self, server: McpServer) -> None:
        self._server = server
        self._tools: list[Tool] = []
        self._until = 0.0
        self._listing = asyncio.Lock()

    async def tools(self) -> list[Tool]:
        async with self._listing:
            if monotonic() >= self._until:
                try:
                    async with asyncio.timeout(_CONNECT_SECONDS):
                        self._tools = await self._list()
                    self._until = monotonic() + _KEPT_SECONDS
                except Exception as error:
                    _log.warning(
                        "MCP server does not answer", server=self._server.name, reason=_reason(error)
                    )
                    self._tools, self._until = [], monotonic() + _FAILED_SECONDS
        return self._tools

    async def _list(self) -> list[Tool]:
        found: list[Tool] = []
        cursor: str | None = None
        async with _connected(self._server) as client:
            for _ in range(_PAGES):
                page = await client.list_tools(cursor=cursor)
                for tool in page.tools:
                    hints = tool.annotations
                    found.append(
                        _McpTool(
                            self._server,
                            theirs=tool.name,
                            title=tool.title or (hints.title if hints else None) or tool.name,
                            description=(tool.description or "")[:_LONGEST_DESCRIPTION],
                            parameters=cast("dict[str, object]", tool.input_schema),
                            # Without a word of theirs, a tool may change anything.
                            read_only=bool(hints and hints.read_only_hint),
                        )
                    )
                cursor = page.next_cursor
                if cursor is None:
                    break
        return found


class _McpTool:
    """One of them."""

    def __init__(
        self,
        server: McpServer,
        *,
        theirs: str,
        title: str,
        description: str,
        parameters: dict[str, object],
        read_only: bool,
    ) -> None:
        self._server = server
        self._theirs = theirs
        self.name = f"{server.name}_{theirs}"[:64]
        self.title = title
        self.description = description
        self.parameters = parameters
        self.read_only = read_only

    async def run(self, context: ToolContext, arguments: dict[str, object]) -> ToolResult:
        """See `Tool`."""
        try:
            async with _connected(self._server) as client:
                answer = await client.call_tool(self._theirs, arguments)
        except TimeoutError:
            raise
        except Exception as error:
            raise ToolFailed(f"The MCP server {self._server.name} failed: {_reason(error)}") from error
        texts = [str(getattr(item, "text", "")) or f"({item.type})" for item in answer.content]
        text = "\n\n".join(texts)
        if answer.is_error:
            raise ToolFailed(text or "The MCP server reports an error without a message.")
        return ToolResult(text=text or "Done.", summary=text)


@asynccontextmanager
async def _connected(server: McpServer) -> "AsyncGenerator[Client]":
    from mcp.client.client import Client  # noqa: PLC0415 - an extra, and slow to import
    from mcp.client.stdio import StdioServerParameters  # noqa: PLC0415

    if server.command:
        program, *rest = server.command
        env = {name: value.get_secret_value() for name, value in server.env.items()}
        async with Client(StdioServerParameters(command=program, args=rest, env=env)) as client:
            yield client
        return
    import httpx2  # noqa: PLC0415
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    headers = {"authorization": f"Bearer {server.token.get_secret_value()}"} if server.token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=_CONNECT_SECONDS) as http,
        Client(streamable_http_client(server.url or "", http_client=http)) as client,
    ):
        yield client


def _reason(error: BaseException) -> str:
    """The first cause: the library wraps what happens in groups."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseException", error.exceptions[0])
    return str(error)[:300] or type(error).__name__
