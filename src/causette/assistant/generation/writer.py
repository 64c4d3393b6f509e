"""Writing a reply: from the gateway's deltas to the log, through whatever happens to the engine or this process.

The log is written every 200 ms, not per token. A writer shows life with every write; one that has been silent for ten
seconds is taken over, by another process or by its own, and continued from the text in the log. That is also how a
reply gets over a database that was away. An engine that is lost is waited for and asked to continue. So a reply ends
in one of three ways only: complete, stopped by its reader, or failed for a reason that trying again would not cure.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import structlog

from causette.accounts.types import Caller
from causette.assistant.generation.live import LiveLog, LiveLogs
from causette.assistant.generation.prompt import fitting, longest_reply, shortened, turns_of
from causette.assistant.generation.titles import sensible_title, title_prompt
from causette.assistant.store import AssistantStore, WriterReplaced
from causette.assistant.types import Event, EventType, Generation, Message, Outcome, Status
from causette.engines.types import ChatMessage, Completed, Compute, Delta, GenerateRequest, Sampling, Usage
from causette.errors import CausetteError, InvalidRequest, TooManyRequests, Unavailable
from causette.gateway import Gateway

_log = structlog.get_logger(__name__)

_FLUSH_SECONDS: Final = 0.2
_HEARTBEAT_SECONDS: Final = 2.0
# An engine that was lost is asked to continue this many times in a row without a new word.
_ATTEMPTS: Final = 5
_TITLE_TOKENS: Final = 16


@dataclass(slots=True)
class _Draft:
    """A reply on its way from the engine to the log."""

    text: str
    seq: int
    unwritten: str = ""
    usage: Usage = field(default_factory=Usage)
    compute: Compute = field(default_factory=Compute)
    finish_reason: str | None = None

    def take(self) -> list[Event]:
        """The text that is not in the log yet, as its next event."""
        if not self.unwritten:
            return []
        delta, self.unwritten = self.unwritten, ""
        self.text += delta
        return [self.event(EventType.DELTA, text=delta)]

    def event(self, kind: EventType, **data: object) -> Event:
        """The log's next event."""
        self.seq += 1
        return Event(self.seq, kind, json.dumps(data, ensure_ascii=False))

    def account(self, item: Completed) -> None:
        """Add what one engine run took."""
        was, more = self.usage, item.usage
        self.usage = Usage(
            was.input_tokens + more.input_tokens,
            was.cached_tokens + more.cached_tokens,
            was.output_tokens + more.output_tokens,
            was.reasoning_tokens + more.reasoning_tokens,
        )
        self.compute = Compute(
            self.compute.compute_ns + item.compute.compute_ns, self.compute.queue_ns + item.compute.queue_ns
        )


class Writer:
    """Writes one generation to its end. :meth:`run` is a task; cancelling it leaves the reply to another process."""

    def __init__(
        self, store: AssistantStore, gateway: Gateway, live: LiveLogs, writer_id: str, caller: Caller
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._live = live
        self._id = writer_id
        self._caller = caller
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End the reply here, keeping what there is."""
        self._stop.set()

    async def run(self, generation: Generation, branch: Sequence[Message]) -> None:
        """Write ``generation``, the reply to the last message of ``branch``, from wherever its log ends."""
        if generation.stop_requested:
            self._stop.set()
        try:
            stored = await self._store.events(generation.id, 0) if generation.last_seq else []
            text = "".join(
                json.loads(event.data)["text"] for event in stored if event.type is EventType.DELTA
            )
            draft = _Draft(text, seq=len(stored))
            log = self._live.open(generation.id, stored)
            outcome = await self._write(generation, branch, draft, log)
            await self._finish(generation, draft, log, outcome)
            await self._close(generation, branch, draft, log)
        except WriterReplaced:
            _log.info("reply taken over or deleted", generation=generation.id)
        except Exception:
            # Most likely the database. Whether the last write arrived is unknown, so what is in the log decides:
            # this writer falls silent, and the next one reads it.
            _log.exception("reply is left to be continued", generation=generation.id)
        finally:
            self._live.close(generation.id)

    async def _write(
        self, generation: Generation, branch: Sequence[Message], draft: _Draft, log: LiveLog
    ) -> Outcome:
        """How the engine's work ended. Whatever the store raises is raised: it is not the end of the reply."""
        writing = asyncio.create_task(self._generate(generation, branch, draft))
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
        if not isinstance(error, CausetteError):
            _log.error("reply failed", generation=generation.id, exc_info=error)
            error = CausetteError("Something went wrong on the server.")
        return _outcome(draft, Status.FAILED, error)

    async def _keep_log(
        self,
        generation: Generation,
        draft: _Draft,
        log: LiveLog,
        writing: "asyncio.Task[None]",
        stopping: "asyncio.Task[bool]",
    ) -> None:
        """Bring the draft to the log until it is written or to be stopped."""
        clock = asyncio.get_running_loop().time
        written_at = clock()
        while not writing.done() and not stopping.done():
            await asyncio.wait(
                (writing, stopping), timeout=_FLUSH_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            events = draft.take()
            if not events and clock() - written_at < _HEARTBEAT_SECONDS:
                continue
            if await self._store.append(generation.id, self._id, events):
                self._stop.set()
            written_at = clock()
            log.extend(events)

    async def _generate(self, generation: Generation, branch: Sequence[Message], draft: _Draft) -> None:
        """Have the engine write, and write on when it is lost, until the reply is whole."""
        context = self._gateway.context(generation.model)
        turns = fitting(turns_of(branch), context)
        attempts = 0
        while True:
            before = len(draft.text) + len(draft.unwritten)
            try:
                await self._run_engine(generation, turns, draft, longest_reply(context))
            except InvalidRequest as error:
                if error.code != "context_length_exceeded" or len(turns) <= 1:
                    raise
                turns = shortened(turns)
            except (Unavailable, TooManyRequests) as error:
                progress = len(draft.text) + len(draft.unwritten) > before
                attempts = 1 if progress else attempts + 1
                if error.retry_after is None or attempts > _ATTEMPTS:
                    raise
                _log.warning("reply waits for its engine", generation=generation.id, code=error.code)
                await asyncio.sleep(min(error.retry_after, _HEARTBEAT_SECONDS) if attempts > 1 else 0.1)
            else:
                return

    async def _run_engine(
        self, generation: Generation, turns: Sequence[ChatMessage], draft: _Draft, max_tokens: int
    ) -> None:
        written = draft.text + draft.unwritten
        prompt = (*turns, ChatMessage("assistant", written)) if written else tuple(turns)
        request = GenerateRequest(
            id=generation.id,
            model=generation.model,
            prompt=prompt,
            continue_reply=bool(written),
            sampling=Sampling(max_tokens=max(1, max_tokens - draft.usage.output_tokens)),
        )
        async with aclosing(self._gateway.generate(self._caller, request)) as stream:
            async for item in stream:
                if isinstance(item, Delta):
                    # PostgreSQL's text cannot hold a NUL: the reply could never be stored.
                    draft.unwritten += item.text.replace("\0", "")
                    draft.finish_reason = item.finish_reason or draft.finish_reason
                else:
                    draft.account(item)

    async def _finish(self, generation: Generation, draft: _Draft, log: LiveLog, outcome: Outcome) -> None:
        events = draft.take()
        error = {"code": outcome.error_code, "message": outcome.error_message} if outcome.error_code else None
        usage = {
            "input_tokens": outcome.input_tokens,
            "cached_tokens": outcome.cached_tokens,
            "output_tokens": outcome.output_tokens,
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
        await self._store.finish(generation, self._id, draft.text, outcome, events)
        log.extend(events)

    async def _close(
        self, generation: Generation, branch: Sequence[Message], draft: _Draft, log: LiveLog
    ) -> None:
        events: list[Event] = []
        if len(branch) == 1 and draft.text:
            title = await self._title(generation, branch[0].content)
            if title and await self._store.suggest_title(generation.conversation_id, title):
                events.append(draft.event(EventType.TITLE, title=title))
        events.append(draft.event(EventType.END))
        await self._store.close_log(generation.id, self._id, events)
        log.extend(events)

    async def _title(self, generation: Generation, question: str) -> str | None:
        """A title from the model, or None: a conversation does very well without."""
        request = GenerateRequest(
            id=f"{generation.id}-title",
            model=generation.model,
            prompt=title_prompt(question),
            sampling=Sampling(max_tokens=_TITLE_TOKENS, temperature=0.0),
        )
        answer = ""
        try:
            async with aclosing(self._gateway.generate(self._caller, request)) as stream:
                async for item in stream:
                    answer += item.text if isinstance(item, Delta) else ""
        except CausetteError as error:
            _log.info("no title", generation=generation.id, code=error.code)
            return None
        return sensible_title(answer, question)


def _outcome(draft: _Draft, status: Status, error: CausetteError | None = None) -> Outcome:
    return Outcome(
        status=status,
        finish_reason=draft.finish_reason,
        error_code=error.code if error else None,
        error_message=error.message.replace("\0", "") if error else None,
        input_tokens=draft.usage.input_tokens,
        cached_tokens=draft.usage.cached_tokens,
        output_tokens=draft.usage.output_tokens,
        compute_ns=draft.compute.compute_ns,
    )
