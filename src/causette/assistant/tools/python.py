"""Python, run by the reader's own browser: nothing of it ever runs here.

The step waits in its log like that of any tool. A page that has the conversation open claims it, runs it, and posts
what came of it; the writer, whoever that is by then, finds it in the database. So a reload, another device or another
process takes nothing away: who claimed it may do so again, and when a claim has run out anybody may.
"""

import asyncio
from datetime import timedelta
from typing import Final

from causette.assistant.store import AssistantStore
from causette.assistant.tools.types import ToolContext, ToolFailed, ToolResult
from causette.assistant.tools.working_folder import WorkingFolder, folder_of
from causette.clock import utc_now

NAME: Final = "python"
#: How long code may take once a browser has it: a minute to run, and as long to load Python on a slow machine.
CLAIMED_FOR: Final = timedelta(seconds=120)
_UNCLAIMED_SECONDS: Final = 45.0
_LOOK_SECONDS: Final = 0.4
_DESCRIPTION: Final = (
    "Runs a Python 3 program with the standard library, without a network. Print what you need to see. "
    "Files that it writes, such as .svg or .csv, are shown to the reader."
)


class Python:
    """The tool.

    Args:
        store: where claims and results are kept, and what is attached to messages.
        unclaimed_seconds: how long it waits for a browser.
        folder: the files that the code finds.
    """

    name = NAME
    title = "Python"
    read_only = True
    #: It has its own patience, which is longer than that for other tools.
    seconds = 600.0

    def __init__(
        self,
        store: AssistantStore,
        *,
        unclaimed_seconds: float = _UNCLAIMED_SECONDS,
        folder: WorkingFolder | None = None,
    ) -> None:
        self._store = store
        self._steps = store.steps
        self._unclaimed_seconds = unclaimed_seconds
        self._folder = folder or WorkingFolder()

    async def at(self, message_id: str) -> "Python":
        """The tool as it is for one reply: its description names the files that the code finds."""
        folder = folder_of(await self._store.attached_above(message_id))
        return Python(self._store, unclaimed_seconds=self._unclaimed_seconds, folder=folder)

    @property
    def description(self) -> str:
        """See `Tool`."""
        return f"{_DESCRIPTION} {self._folder.told()}".rstrip()

    @property
    def parameters(self) -> dict[str, object]:
        """See `Tool`."""
        return {
            "type": "object",
            "properties": {"code": {"type": "string", "description": "The whole program"}},
            "required": ["code"],
            "additionalProperties": False,
        }

    async def run(self, context: ToolContext, arguments: dict[str, object]) -> ToolResult:
        """See `Tool`."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            found = await self._steps.result(context.step_id, context.generation_id)
            if found is not None:
                return found
            claimed = await self._steps.claimed_at(context.step_id, context.generation_id)
            if claimed is None:
                if clock() - began > self._unclaimed_seconds:
                    raise ToolFailed(
                        "No browser took it: it runs in one that has this conversation open, and none had."
                    )
            elif utc_now() - claimed > CLAIMED_FOR:
                raise ToolFailed("The browser that ran it did not come back with a result.")
            await asyncio.sleep(_LOOK_SECONDS)
