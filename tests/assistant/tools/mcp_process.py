"""A real MCP server, made with the official SDK: ``python mcp_process.py stdio``, or ``http PORT``."""

import sys
from pathlib import Path

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("shop")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def price(item: str) -> str:
    """What an item costs."""
    if item != "tea":
        raise ValueError(f"There is no {item}.")
    return "Tea costs 3 euros."


@server.tool()
def order(item: str, note: str) -> str:
    """Orders an item."""
    Path(note).write_text(item)
    return f"Ordered {item}."


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
