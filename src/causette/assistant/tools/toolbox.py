"""Which tools there are, for whom."""

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

from causette.accounts.types import Caller
from causette.assistant.tools.types import Limits, Provider, Tool
from causette.errors import InvalidRequest
from causette.plans.features import Feature
from causette.plans.types import Entitlements

#: What a plan has to include for these of the house's tools.
GATES: Final = {"web_search": Feature.WEB_SEARCH, "read_page": Feature.WEB_SEARCH, "python": Feature.CODE}

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_MOST: Final = 64


class Toolbox:
    """The house's tools, and those that rooms have for some callers.

    Args:
        tools: for everybody.
        limits: how far a reply's tools go.
    """

    def __init__(self, tools: Sequence[Tool] = (), *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        #: Rooms that have more; added when the house is put together.
        self.providers: list[Provider] = []
        #: Rooms whose tools models that call tools themselves have always at hand, without anybody's choosing.
        self.standing: list[Provider] = []
        #: Says what a caller's plan includes; where nothing does, no tool is held back.
        self.entitlements: Callable[[Caller], Awaitable[Entitlements]] | None = None
        self._tools = tuple(tools)

    def add(self, tool: Tool) -> None:
        """Have one more tool for everybody: a room's, when the house is put together."""
        self._tools = (*self._tools, tool)

    async def of(self, caller: Caller) -> list[Tool]:
        """Every tool that ``caller`` may enable, the house's first; of two with one name, the first."""
        found = {tool.name: tool for tool in self._tools}
        if self.entitlements is not None and not GATES.keys().isdisjoint(found):
            features = (await self.entitlements(caller)).features
            found = {
                name: tool for name, tool in found.items() if name not in GATES or GATES[name] in features
            }
        for provider in self.providers:
            for tool in await provider(caller):
                if _NAME.match(tool.name):
                    found.setdefault(tool.name, tool)
        return list(found.values())[:_MOST]

    async def enabled(self, caller: Caller, names: Collection[str]) -> list[Tool]:
        """Those of ``names`` that there are, in the order of the box. What is gone since is left out."""
        if not names:
            return []
        return [tool for tool in await self.of(caller) if tool.name in names]

    async def at_hand(self, caller: Caller) -> list[Tool]:
        """The tools that need no choosing, for models that call tools themselves."""
        return [tool for provider in self.standing for tool in await provider(caller)]

    async def check(self, caller: Caller, names: Collection[str]) -> None:
        """Refuse names of tools that there are not.

        Raises:
            InvalidRequest: there is no such tool for ``caller``.
            Forbidden: their plan does not include it (``not_in_plan``).
        """
        if not names:
            return
        known = [tool.name for tool in await self.of(caller)]
        for name in names:
            if name not in known:
                if self.entitlements is not None and any(tool.name == name for tool in self._tools):
                    (await self.entitlements(caller)).require(GATES[name])
                raise InvalidRequest(
                    f"There is no tool {name[:64]!r}. There is: {', '.join(known) or 'none'}.",
                    param="options.tools",
                )
