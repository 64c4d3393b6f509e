"""A tool with which a model looks for passages itself, as often as it needs to."""

from causette.assistant.knowledge.quoting import quotation, where
from causette.assistant.knowledge.service import Knowledge
from causette.assistant.tools.types import ToolContext, ToolFailed, ToolResult


class FileSearch:
    """The tool."""

    name = "search_files"
    title = "Files"
    description = (
        "Searches the files of this conversation, its project and its assistant, and gives the passages that answer "
        "best, with their numbers. Cite what you use by its number, as in [1]."
    )
    read_only = True

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    @property
    def parameters(self) -> dict[str, object]:
        """See `Tool`."""
        return {
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What to look for, in a few words"}},
            "required": ["query"],
            "additionalProperties": False,
        }

    async def run(self, context: ToolContext, arguments: dict[str, object]) -> ToolResult:
        """See `Tool`."""
        query = str(arguments.get("query") or "").strip()
        if not query:
            raise ToolFailed("Say what to look for.")
        found = await self._knowledge.within(
            context.caller, context.conversation_id, query, generation_id=context.generation_id
        )
        if not found:
            return ToolResult(text="The files say nothing about this.", summary="–")
        given = [(item.source(number), item.quote) for number, item in enumerate(found, context.first_source)]
        return ToolResult(
            text="\n\n".join(quotation(source, quote) for source, quote in given),
            summary="; ".join(dict.fromkeys(where(source) for source, _ in given)),
            sources=tuple(source for source, _ in given),
        )
