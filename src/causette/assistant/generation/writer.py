"""Writing a reply: from the gateway's deltas to the log, through whatever happens to the engine or this process.

The log is written every 200 ms, not per token. A writer shows life with every write. One whose process is certainly
dead is replaced at once, one that has been silent for ten seconds in any case, and its reply is continued from what is
in the log. That is also how a reply gets over a database that was away. An engine that is lost is waited for and asked
to continue. So a reply ends in one of three ways only: complete, stopped by its reader, or failed for a reason that
trying again would not cure.
A reply that needs its reader's yes is parked meanwhile: nobody writes it until there is an answer.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import structlog

from causette.accounts.types import Caller
from causette.assistant.generation.draft import Draft
from causette.assistant.generation.ended import After, Ended
from causette.assistant.generation.live import LiveLog, LiveLogs
from causette.assistant.generation.parts import StepStatus, Story
from causette.assistant.generation.preface import Source
from causette.assistant.generation.rounds import ANSWER_WITHIN, ReaderAsked, Rounds
from causette.assistant.generation.shared_log import SharedLog
from causette.assistant.generation.store import WriterReplaced
from causette.assistant.generation.titles import sensible_title, title_prompt
from causette.assistant.store import AssistantStore
from causette.assistant.tools.toolbox import Toolbox
from causette.assistant.types import Event, EventType, Generation, Message, Outcome, Status
from causette.clock import utc_now
from causette.engines.types import Delta, GenerateRequest, Sampling
from causette.errors import CausetteError, Unavailable
from causette.gateway.admission import Origin
from causette.gateway.service import Gateway

_log = structlog.get_logger(__name__)

_FLUSH_SECONDS: Final = 0.2
_HEARTBEAT_SECONDS: Final = 1.0
_TITLE_TOKENS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What writers have at hand besides the store and the gateway: all of it may be left out.

    Args:
        toolbox: the tools there are.
        sources: the rooms that have something to say before a conversation.
        afterwards: the rooms that have something to do when a reply is whole.
        most_samples: how many answers may be written of which the commonest is kept.
    """

    toolbox: Toolbox = field(default_factory=Toolbox)
    sources: list[Source] = field(default_factory=list[Source])
    afterwards: list[After] = field(default_factory=list[After])
    most_samples: int = 1


class Writer:
    """Writes one generation to its end. :meth:`run` is a task; cancelling it leaves the reply to another process."""

    def __init__(
        self,
        store: AssistantStore,
        gateway: Gateway,
        live: LiveLogs,
        shared: SharedLog,
        writer_id: str,
        caller: Caller,
        means: Means,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._live = live
        self._shared = shared
        self._id = writer_id
        self._caller = caller
        self._means = means
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End the reply here, keeping what there is."""
        self._stop.set()

    async def run(self, generation: Generation, branch: Sequence[Message]) -> bool:
        """Write ``generation``, the reply to the last message of ``branch``, from wherever its log ends.

        Of the branch there is as much as the model can read. Whether it is left to be continued, by whoever finds the
        database answering.
        """
        if generation.stop_requested:
            self._stop.set()
        log: LiveLog | None = None
        try:
            stored = await self._store.events(generation.id, 0) if generation.last_seq else []
            draft = Draft(Story(stored), seq=len(stored))
            log = self._live.open(generation.id, stored)
            outcome = await self._write(generation, branch, draft, log)
            if outcome is None:
                await self._park(generation, draft, log)
                return False
            await self._finish(generation, draft, log, outcome)
            await self._close(generation, branch, draft, log, outcome)
        except WriterReplaced:
            _log.info("reply taken over or deleted", generation=generation.id)
        except Exception:
            # Most likely the database. Whether the last write arrived is unknown, so what is in the log decides:
            # this writer falls silent, and the next one reads it.
            _log.exception("reply is left to be continued", generation=generation.id)
            return True
        finally:
            if log is not None:
                self._live.close(generation.id, log)
        return False

    async def _write(
        self, generation: Generation, branch: Sequence[Message], draft: Draft, log: LiveLog
    ) -> Outcome | None:
        """How the engine's work ended; None when the reader is asked. What the store raises is not the reply's end."""
        if self._stop.is_set():
            return _outcome(draft, Status.STOPPED)
        writing = asyncio.create_task(self._rounds(generation, branch, draft))
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await self._keep_log(generation, draft, log, writing, stopping)
            if not writing.done():
                return _outcome(draft, Status.STOPPED)
            error = writing.exception()
        finally:
            writing.cancel()
            stopping.cancel()
            await asyncio.gather(writing, stopping, return_exceptions=True)
        if error is None:
            return _outcome(draft, Status.COMPLETE)
        if isinstance(error, ReaderAsked):
            return None
        if isinstance(error, Unavailable) and error.code == "database_unavailable":
            # Trying again does cure it: what is in the log is continued when the database answers.
            raise error
        if not isinstance(error, CausetteError):
            _log.error("reply failed", generation=generation.id, exc_info=error)
            error = CausetteError("Something went wrong on the server.")
        return _outcome(draft, Status.FAILED, error)

    async def _rounds(self, generation: Generation, branch: Sequence[Message], draft: Draft) -> None:
        means = self._means
        deployment = await self._gateway.deployments.find_for(self._caller, generation.model, "text")
        await Rounds(
            self._gateway,
            self._store.steps,
            means.toolbox,
            means.sources,
            self._caller,
            generation,
            deployment,
            branch,
            draft,
        ).write()

    async def _keep_log(
        self,
        generation: Generation,
        draft: Draft,
        log: LiveLog,
        writing: "asyncio.Task[None]",
        stopping: "asyncio.Task[bool]",
    ) -> None:
        """Bring the draft to the log until it is written or to be stopped; what is left then is its last write's."""
        clock = asyncio.get_running_loop().time
        written_at, told = clock(), False
        urgent = asyncio.create_task(draft.urgent.wait())
        try:
            while True:
                await asyncio.wait(
                    (writing, stopping, urgent), timeout=_FLUSH_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if writing.done() or stopping.done():
                    return
                events = draft.take()
                if not events:
                    if clock() - written_at < _HEARTBEAT_SECONDS and (told or draft.place is None):
                        continue
                    # A place in the queue is told when there is one, and again with each sign of life.
                    events = draft.waiting()
                    told = draft.place is not None
                if await self._shared.append(generation.id, self._id, events):
                    self._stop.set()
                written_at = clock()
                log.extend(events)
                draft.stored()
                if urgent.done():
                    urgent = asyncio.create_task(draft.urgent.wait())
        finally:
            urgent.cancel()

    async def _park(self, generation: Generation, draft: Draft, log: LiveLog) -> None:
        """Leave the reply to whoever brings its reader's answer."""
        events = draft.take()
        until = utc_now() + ANSWER_WITHIN
        if await self._store.append(generation.id, self._id, events, parked_until=until):
            # Somebody stopped it just before.
            await self._store.give_up(self._id, generation.id)
        log.extend(events)

    async def _finish(self, generation: Generation, draft: Draft, log: LiveLog, outcome: Outcome) -> None:
        draft.end_thinking()
        for step in draft.story.steps:
            if not step.status.over:
                asked = step.status is StepStatus.ASKED
                draft.change(
                    step, status=StepStatus.REFUSED if asked else StepStatus.FAILED, reason="stopped"
                )
        events = draft.take()
        error = {"code": outcome.error_code, "message": outcome.error_message} if outcome.error_code else None
        usage = {
            "input_tokens": outcome.input_tokens,
            "cached_tokens": outcome.cached_tokens,
            "output_tokens": outcome.output_tokens,
            "reasoning_tokens": outcome.reasoning_tokens,
        }
        events.append(
            draft.event(
                EventType.FINISHED,
                status=outcome.status,
                finish_reason=outcome.finish_reason,
                usage=usage if outcome.output_tokens else None,
                error=error,
            )
        )
        await self._store.finish(generation, self._id, draft.story, outcome, events)
        log.extend(events)

    async def _close(
        self,
        generation: Generation,
        branch: Sequence[Message],
        draft: Draft,
        log: LiveLog,
        outcome: Outcome,
    ) -> None:
        events: list[Event] = []
        if len(branch) == 1 and branch[0].parent_id is None and draft.text:
            title = await self._title(generation, branch[0].content)
            if title and await self._store.suggest_title(generation.conversation_id, title):
                events.append(draft.event(EventType.TITLE, title=title))
        if outcome.status is Status.COMPLETE:
            ended = Ended(caller=self._caller, generation=generation, branch=branch)
            for after in self._means.afterwards:
                events += [draft.event(kind, **data) for kind, data in await self._told(after, ended)]
        events.append(draft.event(EventType.END))
        await self._store.close_log(generation.id, self._id, events)
        log.extend(events)

    async def _told(self, after: After, ended: Ended) -> list[tuple[EventType, dict[str, object]]]:
        try:
            told = await after(ended)
        except Exception:
            _log.exception("something after a reply failed", generation=ended.generation.id)
            return []
        return [] if told is None else [told]

    async def _title(self, generation: Generation, question: str) -> str | None:
        """A title from the model, or None: a conversation does very well without."""
        request = GenerateRequest(
            id=f"{generation.id}-title",
            model=generation.model,
            prompt=title_prompt(question),
            sampling=Sampling(max_tokens=_TITLE_TOKENS, temperature=0.0),
            effort="off",
        )
        answer = ""
        try:
            origin = Origin(surface="assistant", purpose="title")
            async with aclosing(self._gateway.generate(self._caller, request, origin)) as stream:
                async for item in stream:
                    answer += item.text if isinstance(item, Delta) else ""
        except CausetteError as error:
            _log.info("no title", generation=generation.id, code=error.code)
            return None
        return sensible_title(answer, question)


def _outcome(draft: Draft, status: Status, error: CausetteError | None = None) -> Outcome:
    return Outcome(
        status=status,
        finish_reason=draft.finish_reason,
        error_code=error.code if error else None,
        error_message=error.message.replace("\0", "") if error else None,
        input_tokens=draft.usage.input_tokens,
        cached_tokens=draft.usage.cached_tokens,
        output_tokens=draft.usage.output_tokens,
        reasoning_tokens=draft.usage.reasoning_tokens,
        compute_ns=draft.compute.compute_ns,
        release_id=draft.release_id,
    )
