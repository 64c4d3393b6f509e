"""What readers do with tools: see which there are, answer those that ask, run what their browser runs, and read
what they found.
"""

import msgspec

from causette.accounts.types import Caller
from causette.assistant.generation.parts import StepStatus, Story
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.assistant.tools.python import CLAIMED_FOR
from causette.assistant.tools.python import NAME as PYTHON
from causette.assistant.tools.types import Tool, ToolResult
from causette.assistant.tools.working_folder import WorkingFolder, folder_of
from causette.assistant.types import Generation, Status
from causette.errors import Conflict, NotFound


class Tools:
    """Tools, as far as people see them.

    Args:
        store: where replies and their steps are kept.
        assistant: who writes the replies.
    """

    def __init__(self, store: AssistantStore, assistant: Assistant) -> None:
        self._store = store
        self._assistant = assistant

    async def of(self, caller: Caller) -> list[Tool]:
        """The tools that the caller may enable."""
        return await self._assistant.writers.means.toolbox.of(caller)

    @property
    def most_samples(self) -> int:
        """How many answers may be written of which the commonest is kept."""
        return self._assistant.writers.means.most_samples

    async def answer(self, caller: Caller, generation_id: str, step_id: str, *, approved: bool) -> Generation:
        """Say yes or no to a step that waits for it; the reply goes on, from whichever device the answer came.

        Raises:
            NotFound: the reply has no such step, or is not the caller's.
            Conflict: the step does not wait for an answer, or has another one.
        """
        generation = await self._assistant.generation(caller, generation_id)
        step = Story(await self._store.events(generation.id, 0)).step(step_id)
        if step is None:
            raise NotFound("This reply has no such step.")
        if step.status is not StepStatus.ASKED or generation.status is not Status.STREAMING:
            raise Conflict("This step does not wait for an answer any more.", code="already_answered")
        if not await self._store.steps.answer(step.id, generation.id, approved=approved):
            raise Conflict("This step has been answered already.", code="already_answered")
        await self._assistant.writers.wake(generation.id)
        return await self._assistant.generation(caller, generation_id)

    async def working_folder(self, caller: Caller, message_id: str) -> WorkingFolder:
        """The files that code of one of the caller's messages finds.

        Raises:
            NotFound: there is no such message, or it is somebody else's.
        """
        message = await self._assistant.message(caller, message_id)
        return folder_of(await self._store.attached_above(message.id))

    async def claim(self, caller: Caller, generation_id: str, step_id: str, browser: str) -> None:
        """Take a step that waits for a browser; it is ``browser``'s for two minutes, or until it claims it again.

        Raises:
            NotFound: the reply has no such step, or is not the caller's.
            Conflict: it does not wait for a browser, or another one has it.
        """
        generation = await self._waiting_for_browser(caller, generation_id, step_id)
        if not await self._store.steps.claim(step_id, generation.id, browser, CLAIMED_FOR):
            raise Conflict("Another browser is running this step.", code="claimed")

    async def deliver(
        self, caller: Caller, generation_id: str, step_id: str, browser: str, result: ToolResult
    ) -> None:
        """Bring what came of a step that ``browser`` has claimed; the reply goes on with it.

        Raises:
            NotFound: the reply has no such step, or is not the caller's.
            Conflict: it does not wait for a result, or not for this browser's.
        """
        generation = await self._waiting_for_browser(caller, generation_id, step_id)
        if not await self._store.steps.is_claimed_by(step_id, generation.id, browser):
            raise Conflict("This step is not this browser's.", code="claimed")
        # A result that was sent twice, for want of an answer, is the same one.
        result = msgspec.structs.replace(
            result, text=result.text.replace("\0", ""), summary=result.summary.replace("\0", "")
        )
        await self._store.steps.keep_result(step_id, generation.id, result)

    async def _waiting_for_browser(self, caller: Caller, generation_id: str, step_id: str) -> Generation:
        generation = await self._assistant.generation(caller, generation_id)
        step = Story(await self._store.events(generation.id, 0)).step(step_id)
        if step is None:
            raise NotFound("This reply has no such step.")
        running = step.status is StepStatus.RUNNING and generation.status is Status.STREAMING
        if step.name != PYTHON or not running:
            raise Conflict("This step does not wait for a browser.", code="not_waiting")
        return generation

    async def result(self, caller: Caller, generation_id: str, step_id: str) -> ToolResult:
        """What a step found, in full.

        Raises:
            NotFound: there is no such result, or it is not the caller's.
        """
        generation = await self._assistant.generation(caller, generation_id)
        found = await self._store.steps.result(step_id, generation.id)
        if found is None:
            raise NotFound("This step has no result.")
        return found
