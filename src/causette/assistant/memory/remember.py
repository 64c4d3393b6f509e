"""The tool by which a model remembers what its reader asks it to."""

from collections.abc import Awaitable, Callable

from causette.accounts.types import Caller
from causette.assistant.memory.types import Memory
from causette.assistant.tools.types import ToolContext, ToolFailed, ToolResult
from causette.errors import CausetteError


class Remember:
    """The tool. It runs unasked, because it is asked for, and what it did is seen in the reply and in the list.

    Args:
        keep: keeps a text for a caller, from a conversation.
    """

    name = "remember"
    title = "Memory"
    description = (
        "Keeps one lasting fact about the person for later conversations. "
        "Only when they ask you to remember it, and in their own words."
    )
    # It changes only what its reader sees and can take back.
    read_only = True

    def __init__(self, keep: Callable[[Caller, str, str], Awaitable[Memory]]) -> None:
        self._keep = keep

    @property
    def parameters(self) -> dict[str, object]:
        """See `Tool`."""
        return {
            "type": "object",
            "properties": {"text": {"type": "string", "description": "The fact, in one sentence"}},
            "required": ["text"],
            "additionalProperties": False,
        }

    async def run(self, context: ToolContext, arguments: dict[str, object]) -> ToolResult:
        """See `Tool`."""
        try:
            kept = await self._keep(context.caller, context.conversation_id, str(arguments.get("text", "")))
        except CausetteError as error:
            raise ToolFailed(error.message) from None
        return ToolResult(text=f"Remembered: {kept.text}", summary=kept.text)
