"""A tool that adds, for tests of what becomes of tools."""

import asyncio
from typing import ClassVar, Final

from causette.assistant.tools.types import ToolContext, ToolResult

#: What a model without tool calls says when it asks for it, and when it asks for none.
ADDING: Final = '{"tool": "add", "arguments": {"a": 2, "b": 3}}'
NONE: Final = '{"tool": "none"}'


class Adder:
    """Keeps what it was asked. With a ``gate`` it waits; with a ``fault`` it fails."""

    name = "add"
    title = "Adder"
    description = "Adds two numbers."
    parameters: ClassVar[dict[str, object]] = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }

    def __init__(self, *, read_only: bool = True) -> None:
        self.read_only = read_only
        self.runs: list[dict[str, object]] = []
        self.gate: asyncio.Event | None = None
        self.fault: Exception | None = None

    async def run(self, context: ToolContext, arguments: dict[str, object]) -> ToolResult:
        self.runs.append(arguments)
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        total = str(int(str(arguments["a"])) + int(str(arguments["b"])))
        return ToolResult(text=f"The sum is {total}.", summary=total, cost_nano=5)
