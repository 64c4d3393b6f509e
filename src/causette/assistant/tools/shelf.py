"""The house's own tools, as its settings have them."""

from causette.amounts import nano_of
from causette.assistant.generation.writer import Means
from causette.assistant.store import AssistantStore
from causette.assistant.tools.calculator import Calculator
from causette.assistant.tools.clock import Clock
from causette.assistant.tools.mcp_servers import McpTools
from causette.assistant.tools.python import Python
from causette.assistant.tools.read_page import PageReader, can_read_pages
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.tools.types import Limits, Tool
from causette.assistant.tools.web_search import WebSearcher
from causette.http.outbound import Outbound
from causette.settings import Settings


def means_of(settings: Settings, store: AssistantStore) -> Means:
    """What replies are written with; ``store`` keeps them, and what is known of tools' runs.

    Raises:
        ConfigurationError: an MCP server is not set up properly, or what speaks to it is not installed.
    """
    limits = Limits(
        rounds=settings.tool_rounds, seconds=settings.tool_seconds, nano=nano_of(str(settings.reply_usd))
    )
    tools: list[Tool] = [Calculator(), Clock(), Python(store)]
    if settings.web_search is not None:
        tools.append(WebSearcher(settings.web_search))
    if can_read_pages():
        tools.append(PageReader(Outbound()))
    toolbox = Toolbox(tools, limits=limits)
    if settings.mcp:
        toolbox.providers.append(McpTools(settings.mcp).of)
    return Means(toolbox=toolbox, most_samples=settings.most_samples)
